"""Voters of a user's own: which row of their table a voter is.

Voter i of the n voters of a constituency is the row at which the cumulated weight of the constituency's rows passes
(i + 1/2) / n of its total: systematic sampling. So with as many voters as rows, and no weights, each row is one voter;
with whole weights and their sum of voters, each row is so many. The same rows vote in every run, and only whether and
for whom they vote is drawn.

Without constituencies the nation's voters are dealt out: voter k falls to constituency k modulo their number, so that
the constituencies are alike.

The row is looked up by a guide table (Chen & Asau 1974, "On Generating Random Variates from an Empirical Distribution",
AIIE Transactions 6(2), 163-166): a bucket of voters says where to begin, and few steps remain.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Float, Int, UInt

from esim_jax.model.behaviours import PartyView
from esim_jax.model.utility import incumbency_effect
from esim_jax.parties import Party
from esim_jax.random import VOTER_DRAWS, Key, random_words, uniform23


class VoterTable(NamedTuple):
    """The rows that are voters, those of one constituency after those of another; surplus places are no voter's."""

    until: UInt[Any, " place"]  # the row's last voter has the number before it
    guide: Int[Any, " bucket"]  # place of the first voter of each bucket of 2^shift voters
    shift: UInt[Any, ""]
    steps: Int[Any, ""]  # halvings that find a place within a bucket
    n_voters: UInt[Any, ""]
    dealt: UInt[Any, ""]  # constituencies among which the voters are dealt out; 1 where they lie in their own
    position: tuple[Float[Any, " place"], ...]
    utility: tuple[Float[Any, " place"], ...]  # in the order of the ballot
    turnout: Float[Any, " place"] | None


class FrameVoters(NamedTuple):
    """Voters of a table, float32, all of one shape; they have positions or utilities."""

    position: tuple[Float[Array, "..."], ...]
    utility: tuple[Float[Array, "..."], ...]  # in the order of the ballot
    turnout: Float[Array, "..."] | None
    chance: Float[Array, "..."]  # uniform in (0, 1); decides whether and for whom the voter votes

    @property
    def x(self) -> Float[Array, "..."]:
        """The first coordinate."""
        return self.position[0]

    @property
    def y(self) -> Float[Array, "..."]:
        """The second coordinate."""
        return self.position[1]


def draw_from_table(
    key: Key,
    voter: UInt[Array, "..."],
    n_parties: int,  # noqa: ARG001 (voter models have one signature)
    n_dimensions: int,  # noqa: ARG001
    table: VoterTable,
) -> FrameVoters:
    """The voters with the given indices.

    Args:
        key: of the simulation.
        voter: uint32 index of the voter within the simulation; those along the last axis follow each other in one
            constituency.
        n_parties: not used.
        n_dimensions: not used.
        table: of the electorate.
    """
    ballot, _ = random_words(key, voter, VOTER_DRAWS)
    place = find_places(table, _deal(table, voter))

    def look_up(column: Float[Any, " place"]) -> Float[Array, "..."]:
        return column[place]

    turnout = None if table.turnout is None else look_up(table.turnout)
    return FrameVoters(
        tuple(map(look_up, table.position)), tuple(map(look_up, table.utility)), turnout, uniform23(ballot)
    )


def _deal(table: VoterTable, voter: UInt[Array, "... lane"]) -> UInt[Array, "... lane"]:
    """The number of each voter in the order of the table."""
    first = voter[..., :1]  # a row lies in one constituency, so that the divisions need not be done voter by voter
    size, larger = table.n_voters // table.dealt, table.n_voters % table.dealt
    in_larger = larger * (size + 1)
    constituency = jnp.where(
        first < in_larger, first // (size + 1), larger + (jnp.maximum(first, in_larger) - in_larger) // size
    )
    start = constituency * size + jnp.minimum(constituency, larger)
    return jnp.minimum((voter - start) * table.dealt + constituency, table.n_voters - 1)


def find_places(table: VoterTable, number: UInt[Array, "..."]) -> Int[Array, "..."]:
    """The place in the table of each voter, by his number in its order."""
    last = np.int32(table.until.shape[0] - 1)
    place = table.guide[lax.convert_element_type(number >> table.shift, jnp.int32)]

    def halve(step: Int[Array, ""], place: Int[Array, "..."]) -> Int[Array, "..."]:
        stride = jnp.int32(1) << (table.steps - np.int32(1) - step)
        passed = table.until[jnp.minimum(place + stride - 1, last)] <= number
        return jnp.where(passed, place + stride, place)

    return lax.fori_loop(np.int32(0), table.steps, halve, place)


def move_freely(
    voters: FrameVoters,
    shift: Sequence[Float[Array, "..."]],
    parameters: Mapping[str, Float[Array, "..."]],  # noqa: ARG001 (all moves have one signature)
) -> FrameVoters:
    """The voters with their positions moved."""
    return voters._replace(position=tuple(z + s for z, s in zip(voters.position, shift, strict=True)))


def turnout_of_rows(
    voters: Any,
    best: Float[Array, "..."],
    worst: Float[Array, "..."],  # noqa: ARG001 (turnouts have one signature)
    parameters: Mapping[str, Float[Array, "..."]],
) -> Float[Array, "..."]:
    """The probability to vote that the row says, else `participation`."""
    return jnp.broadcast_to(parameters["participation"] if voters.turnout is None else voters.turnout, best.shape)


def utilities_of_rows(
    voters: Any,
    parties: Sequence[PartyView],
    parameters: Mapping[str, Float[Array, "..."]],  # noqa: ARG001
) -> list[Float[Array, "..."]]:
    """As the rows say: neither position nor valence of a party counts. Surplus places repeat the first party."""
    return [*voters.utility, *[voters.utility[0]] * (len(parties) - len(voters.utility))]


def frame_bound(parameters: Mapping[str, Any], ballot: Sequence[Party]) -> float:
    """Bound on |utility| of the voters of a frame."""
    frame = parameters["voters"]
    if frame is None:  # a configuration of another program
        return 1.0
    if frame.utility:
        return max(float(np.abs(column).max()) for column in frame.utility.values())
    effect = incumbency_effect(
        parameters["economic_growth"], parameters["national_mood"], parameters["anti_incumbency"]
    )
    reach = [float(np.abs(column).max()) for column in frame.position]
    furthest = [max(abs(getattr(option, name)) for option in ballot) for name in ("position_x", "position_y")]
    distance = math.hypot(*(a + b for a, b in zip(reach, furthest, strict=True)))
    return distance + max(abs(0.01 * option.valence) + option.incumbent * abs(effect) for option in ballot)
