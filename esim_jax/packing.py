"""Ballots of several kinds that one voter casts, packed into few numbers while they are counted.

A compiler has a loop for every array that it writes, and would ask the voters in each: so the program that asks them
writes as few arrays as it can. Where all kinds together fit 32 bits they do, and that loop has vectors of twice as many
voters.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Int, UInt

from esim_jax.rows import ROW_WIDTH
from esim_jax.systems.rankings import widths_of_rankings
from esim_jax.systems.scores import widths_of_scores

Words = tuple[UInt[Any, "row lane"], ...]
"""One ballot a voter, uint32, in rows of the row table; 0 for who isn't there or does not vote."""

_WIDTHS = {
    "rankings": widths_of_rankings,
    "approvals": lambda n_parties: (n_parties + 1,),
    "scores": widths_of_scores,
}
"""Of each kind of ballot, how many bits of each of its words are in use."""


class _Place(NamedTuple):
    """Where one word of a ballot lies."""

    number: int
    shift: int
    bits: int


@lru_cache
def _lay_out(kinds: tuple[str, ...], n_parties: int) -> tuple[int, dict[str, tuple[_Place, ...]]]:
    """Bits of each number, 32 or 64, and the places of each kind's words; each in the first number with room."""
    widths = {kind: _WIDTHS[kind](n_parties) for kind in kinds}
    size = 32 if sum(map(sum, widths.values())) <= 32 else 64
    used: list[int] = []
    places = {}
    for kind in kinds:
        found = []
        for bits in widths[kind]:
            number = next((k for k, have in enumerate(used) if have + bits <= size), len(used))
            used += [0] * (number == len(used))
            found.append(_Place(number, used[number], bits))
            used[number] += bits
        places[kind] = tuple(found)
    return size, places


class Ballots(NamedTuple):
    """The ballots that are kept, packed."""

    packed: tuple[UInt[Any, "row lane"], ...]  # uint32 or uint64
    constituency: Int[Any, " row"]  # of the polls

    def words(self, kinds: tuple[str, ...], n_parties: int) -> dict[str, Words]:
        """The words by kind, of all kinds in their order; see `esim_jax.systems.System.ballots`."""
        _, places = _lay_out(kinds, n_parties)
        return {kind: tuple(self._word(place) for place in places[kind]) for kind in kinds}

    def _word(self, place: _Place) -> UInt[Any, "row lane"]:
        number = self.packed[place.number]
        one = number.dtype.type
        return ((number >> one(place.shift)) & one(2**place.bits - 1)).astype(jnp.uint32)


def pack_words(words: Sequence[Sequence[UInt[Array, "..."]]], kinds: tuple[str, ...], n_parties: int) -> list[Array]:
    """The numbers of `Ballots.packed`, from the words of each kind.

    >>> ranking, approved = jnp.uint32(0x132), jnp.uint32(0b110)
    >>> [hex(number) for number in pack_words([[ranking], [approved]], ("rankings", "approvals"), 3)]
    ['0x6132']
    """
    size, places = _lay_out(kinds, n_parties)
    dtype = jnp.uint32 if size == 32 else jnp.uint64
    numbers: list[Array] = []
    for kind, of_kind in zip(kinds, words, strict=True):
        for place, word in zip(places[kind], of_kind, strict=True):
            shifted = word.astype(dtype) << np.dtype(dtype).type(place.shift)
            if place.number == len(numbers):
                numbers.append(shifted)
            else:
                numbers[place.number] = numbers[place.number] | shifted
    return numbers


def no_ballots(kinds: tuple[str, ...], n_rows: int, n_parties: int) -> Ballots:
    """As many empty ballots as a row table may have voters."""
    size, places = _lay_out(kinds, n_parties)
    n_numbers = 1 + max(place.number for of_kind in places.values() for place in of_kind)
    empty = np.zeros((n_rows, ROW_WIDTH), np.uint32 if size == 32 else np.uint64)
    return Ballots((empty,) * n_numbers, np.zeros(n_rows, np.int32))
