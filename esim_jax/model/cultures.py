"""Cultures: electorates without a space, whose voters' utilities are drawn themselves.

Those that draw a ranking first are in `esim_jax.model.orders` and `esim_jax.model.anonymous`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, UInt

from esim_jax.model.behaviours import PartyView
from esim_jax.model.utility import incumbency_effect
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
    parties: Sequence[PartyView],
    parameters: Mapping[str, Float[Array, "..."]],  # noqa: ARG001 (behaviours have one signature)
) -> list[Float[Array, "..."]]:
    """What was drawn: neither position nor valence counts in a culture. Where places are left over, the first's."""
    surplus = len(parties) - len(voters.utility)
    return [*voters.utility, *[voters.utility[0]] * surplus]


class Alike(NamedTuple):
    """Voters who want the same."""

    chance: Float[Array, "..."]  # uniform in (0, 1); decides whether and for whom the voter votes


def draw_alike(key: Key, voter: UInt[Array, "..."], n_parties: int, n_dimensions: int) -> Alike:  # noqa: ARG001
    """Voters who differ by nothing but their ballots' randomness; as `draw_utilities`."""
    ballot, _ = random_words(key, voter, VOTER_DRAWS)
    return Alike(uniform23(ballot))


def appeal_alone(
    voters: Alike,
    parties: Sequence[PartyView],
    parameters: Mapping[str, Float[Array, "..."]],  # noqa: ARG001
) -> list[Float[Array, "..."]]:
    """U_ij = appeal_j, so that the randomness of the choice makes the rankings, by the law of Plackett and Luce.

    A party's worth in it is exp(appeal_j / temperature), with an appeal of .01 valence_j unless the party governs.
    Source: Luce, R. D. (1959), Individual Choice Behavior; Plackett, R. L. (1975), "The Analysis of Permutations",
    Applied Statistics 24(2), 193-202.
    """
    return [jnp.broadcast_to(party.appeal, voters.chance.shape) for party in parties]


def appeal_bound(parameters: Mapping[str, Any], ballot: Sequence[Party]) -> float:
    """Bound on |utility| where only the appeal counts; at least 1."""
    effect = incumbency_effect(
        parameters["economic_growth"], parameters["national_mood"], parameters["anti_incumbency"]
    )
    return float(max(1, *(abs(0.01 * option.valence) + option.incumbent * abs(effect) for option in ballot)))


def unit_bound(parameters: Mapping[str, Any], ballot: Sequence[Party]) -> float:  # noqa: ARG001
    """Bound on |utility| between 0 and 1."""
    return 1.0
