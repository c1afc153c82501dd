"""Rankings, packed: four bits a place, so that a voter's whole ballot is a word or two.

A place holds the number of the party there plus one, and 0 where the ballot ranks nobody any more. The first place lies
in the lowest bits. Eight places fill a uint32, so that up to 8 parties take one word and up to 15 take two. Everything
here works alike on one ballot and on arrays of ballots, and without a memory of its own: a compiler fuses it with what
draws the voters and with what adds up the ballots.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int, UInt

MOST_PARTIES = 15
"""What four bits can tell apart from an empty place."""

Ranking = tuple[UInt[Array, "..."], ...]
"""The words of a ranking, uint32, the first places first; all words of one shape."""

_BITS = 4
_PLACES = 32 // _BITS  # of a word


def words_for(n_parties: int) -> int:
    """How many words a ranking of so many parties takes.

    >>> words_for(8), words_for(9)
    (1, 2)
    """
    return len(widths_of_rankings(n_parties))


def widths_of_rankings(n_parties: int) -> tuple[int, ...]:
    """How many bits of each word of a ranking are in use.

    >>> widths_of_rankings(5), widths_of_rankings(9)
    ((20,), (32, 4))
    """
    return tuple(_BITS * min(_PLACES, n_parties - first) for first in range(0, n_parties, _PLACES))


def rank_parties(
    utility: Sequence[Float[Array, "..."]],
    length: Int[Array, "..."] | int = MOST_PARTIES,
    stands: Sequence[Bool[Array, "..."]] | None = None,
    lots: Sequence[UInt[Array, "..."]] | None = None,
) -> Ranking:
    """Each voter's sincere ranking, the best party first.

    A party's place is the number of parties that are better, found by comparing all pairs: no sort, and nothing but
    arithmetic on whole arrays. Of two parties worth the same to a voter, the one with the larger lot comes first, or
    else the earlier.

    Args:
        utility: of each party, at most 15, in the parties' order; arrays of one shape.
        length: places that a ballot has; what would come after is left out. 0 for who does not vote.
        stands: of each party, whether it is one; a surplus place is left out. By default all are.
        lots: of each party, uint32, for each voter.

    >>> import jax.numpy as jnp
    >>> ranking = rank_parties([jnp.array([0.1, 0.5]), jnp.array([0.9, 0.5]), jnp.array([0.4, 0.7])], 2)
    >>> [[hex(ballot) for ballot in word.tolist()] for word in ranking]
    [['0x32', '0x13']]
    """
    n_parties = len(utility)
    place = places_of(utility, stands, lots)
    words = [jnp.zeros_like(place[0]) for _ in range(words_for(n_parties))]
    for j in range(n_parties):
        ranked = place[j] < jnp.asarray(length).astype(jnp.uint32)
        if stands is not None:
            ranked = ranked & stands[j]
        number = jnp.where(ranked, np.uint32(j + 1), np.uint32(0)) << (np.uint32(_BITS) * (place[j] % _PLACES))
        for w in range(len(words)):
            here = number if len(words) == 1 else jnp.where(place[j] // _PLACES == w, number, np.uint32(0))
            words[w] = words[w] | here
    return tuple(words)


def places_of(
    utility: Sequence[Float[Array, "..."]],
    stands: Sequence[Bool[Array, "..."]] | None = None,
    lots: Sequence[UInt[Array, "..."]] | None = None,
) -> list[UInt[Array, "..."]]:
    """The place of each party in each voter's sincere ranking, from 0, uint32; arguments as of `rank_parties`."""
    if stands is not None:
        utility = [jnp.where(s, u, -np.inf) for s, u in zip(stands, utility, strict=True)]
    n_parties = len(utility)
    place = [jnp.full(utility[0].shape, j, jnp.uint32) for j in range(n_parties)]  # as if all were equal
    for j in range(n_parties):
        for k in range(j + 1, n_parties):
            better = utility[k] > utility[j]
            if lots is not None:
                better = jnp.where(lots[k] > lots[j], utility[k] >= utility[j], better)
            beaten = better.astype(jnp.uint32)
            place[j] = place[j] + beaten
            place[k] = place[k] - beaten
    return place


def pack_rankings(rankings: Int[Array, "*ballots place"]) -> Ranking:
    """Rankings from lists of parties, the best first; -1 where nobody is ranked any more.

    >>> import jax.numpy as jnp
    >>> [hex(ballot) for ballot in pack_rankings(jnp.array([[1, 2, 0], [2, -1, -1]]))[0].tolist()]
    ['0x132', '0x3']
    """
    numbers = (rankings + 1).astype(jnp.uint32)
    words = []
    for first in range(0, rankings.shape[-1], _PLACES):
        of_word = numbers[..., first : first + _PLACES]
        shift = np.uint32(_BITS) * np.arange(of_word.shape[-1], dtype=np.uint32)
        words.append((of_word << shift).sum(axis=-1, dtype=jnp.uint32))
    return tuple(words)


def number_at(ranking: Ranking, place: int | Int[Array, ""]) -> UInt[Array, "..."]:
    """The number (party + 1) at a place, 0 for nobody; uint32.

    >>> import jax.numpy as jnp
    >>> int(number_at((jnp.uint32(0x132),), 1))
    3
    """
    if isinstance(place, int):
        return (ranking[place // _PLACES] >> np.uint32(_BITS * (place % _PLACES))) & np.uint32(15)
    word = ranking[0]
    for w in range(1, len(ranking)):
        word = jnp.where(place >= w * _PLACES, ranking[w], word)
    return (word >> (_BITS * (place % _PLACES)).astype(jnp.uint32)) & np.uint32(15)


def numbers_of(ranking: Ranking, n_parties: int) -> list[UInt[Array, "..."]]:
    """The number at each place, from the first to the last."""
    return [number_at(ranking, place) for place in range(n_parties)]


def as_bits(parties: Bool[Array, " party"]) -> UInt[Array, ""]:
    """A set of parties as a word: bit (party + 1); bit 0, of an empty place, is never set.

    >>> import jax.numpy as jnp
    >>> bin(as_bits(jnp.array([True, False, True])))
    '0b1010'
    """
    shift = np.arange(1, parties.shape[0] + 1, dtype=np.uint32)
    return (parties.astype(jnp.uint32) << shift).sum(dtype=jnp.uint32)


def has_bit(bits: UInt[Array, "..."], number: UInt[Array, "..."] | int) -> Bool[Array, "..."]:
    """Whether a set of parties, see `as_bits`, has the one with this number."""
    return (bits >> jnp.asarray(number, jnp.uint32)) & np.uint32(1) != 0


def first_among(numbers: Sequence[UInt[Array, "..."]], bits: UInt[Array, "..."]) -> UInt[Array, "..."]:
    """The number of the party that is ranked best of a set; 0 where none of them is ranked.

    Args:
        numbers: of the ballot's places, see `numbers_of`.
        bits: the set, see `as_bits`.

    >>> import jax.numpy as jnp
    >>> int(first_among(numbers_of((jnp.uint32(0x132),), 3), as_bits(jnp.array([True, True, False]))))
    2
    """
    first = jnp.zeros_like(numbers[0])
    for number in reversed(numbers):
        first = jnp.where(has_bit(bits, number), number, first)
    return first


def ranked_bits(numbers: Sequence[UInt[Array, "..."]]) -> UInt[Array, "..."]:
    """The set of parties that a ballot ranks; see `as_bits`."""
    bits = jnp.zeros_like(numbers[0])
    for number in numbers:
        bits = bits | (np.uint32(1) << number)
    return bits & ~np.uint32(1)


def one_vote(number: UInt[Array, "..."], n_parties: int) -> tuple[Int[Array, "..."], ...]:
    """Of each party, 1 where the vote is for it; int32.

    >>> import jax.numpy as jnp
    >>> [int(vote) for vote in one_vote(jnp.uint32(2), 3)]
    [0, 1, 0]
    """
    return tuple((number == np.uint32(party + 1)).astype(jnp.int32) for party in range(n_parties))
