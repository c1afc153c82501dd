"""Cultures: electorates without a space, whose voters' utilities are drawn themselves."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from jax import Array
from jaxtyping import Float, UInt

from esim_jax.model.behaviours import PartyView
from esim_jax.parties import Party
from esim_jax.random import VOTER_DRAWS, Key, random_words, uniform23


class CultureVoters(NamedTuple):
    """Voters by their utilities, float32, all of one shape."""

    utility: tuple[Float[Array, "..."], ...]  # of each party
    chance: Float[Array, "..."]  # uniform in (0, 1); decides whether and for whom the voter votes


def draw_utilities(key: Key, voter: UInt[Array, "..."], n_parties: int, n_dimensions: int) -> CultureVoters:  # noqa: ARG001
    """The impartial culture: utilities independent and uniform in (0, 1), so that all rankings are equally likely.

    Merrill (1984) calls it the random society.

    Args:
        key: of the simulation.
        voter: uint32 index of the voter within the simulation.
        n_parties: places for parties.
        n_dimensions: not used.
    """
    ballot, _ = random_words(key, voter, VOTER_DRAWS)
    words: list[Array] = []
    while len(words) < n_parties:
        words += random_words(key, voter, VOTER_DRAWS + 1 + len(words) // 2)
    return CultureVoters(tuple(uniform23(word) for word in words[:n_parties]), uniform23(ballot))


def utilities_as_drawn(
    voters: CultureVoters,
    parties: Sequence[PartyView],  # noqa: ARG001 (behaviours have one signature)
    parameters: Mapping[str, Float[Array, "..."]],  # noqa: ARG001
) -> list[Float[Array, "..."]]:
    """What was drawn: neither position nor valence counts in a culture."""
    return list(voters.utility)


def unit_bound(parameters: Mapping[str, Any], ballot: Sequence[Party]) -> float:  # noqa: ARG001
    """Bound on |utility| between 0 and 1."""
    return 1.0
