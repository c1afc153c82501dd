"""Metrics of ranked ballots: pairwise majorities, who is elected, and whether the rule is monotonic.

All are shares of the constituencies of an election, one division of two whole numbers: never NaN, and their mean over
elections of one size is the share of all constituencies. A rate among those that have something, such as Condorcet
efficiency, is the quotient of two means; see `esim_jax.metrics.registry.RATES`.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int, Shaped

if TYPE_CHECKING:
    from esim_jax.metrics.stacked import Election


class Majorities(NamedTuple):
    """What the ranked ballots of each constituency say; places of parties, int32, or -1 for nobody."""

    winner: Int[Any, " constituency"]  # who beats everybody else in pairs
    loser: Int[Any, " constituency"]  # who is beaten by everybody else
    cycle: Bool[Any, " constituency"]  # whether everybody is beaten by somebody
    last: Int[Any, " constituency"]  # who is last on more than half of the ballots


NO_MAJORITIES = Majorities(*[np.zeros(0, np.int32)] * 4)
"""Where no ballots rank the parties."""


def condorcet_winner(election: "Election") -> Float[Array, " simulation"]:
    """The share of constituencies with a party that beats every other in pairs."""
    return _share(election, election.majorities.winner >= 0)


def condorcet_cycle(election: "Election") -> Float[Array, " simulation"]:
    """The share of constituencies in which every party is beaten by some other.

    That is a cycle at the top of the majorities. With ties there may be neither it nor a Condorcet winner.
    """
    return _share(election, election.majorities.cycle)


def condorcet_winner_elected(election: "Election") -> Float[Array, " simulation"]:
    """The share of constituencies with a Condorcet winner that has a seat there."""
    return _share(election, _elected(election, election.majorities.winner))


def best_is_condorcet_winner(election: "Election") -> Float[Array, " simulation"]:
    """The share of constituencies whose Condorcet winner is worth most to the nation, or as much as another."""
    worth = jnp.where(election.eligible, election.welfare, jnp.iinfo(election.welfare.dtype).min)
    is_best = (worth == worth.max(axis=-1, keepdims=True))[election.simulation]
    winner = election.majorities.winner
    return _share(election, (winner >= 0) & _at(is_best, winner))


def condorcet_loser_elected(election: "Election") -> Float[Array, " simulation"]:
    """The share of constituencies with a party that loses to every other in pairs and has a seat there."""
    return _share(election, _elected(election, election.majorities.loser))


def majority_loser_elected(election: "Election") -> Float[Array, " simulation"]:
    """The share of constituencies in which a party has a seat that more than half of the ballots rank last, alone.

    Ballots are those that rank anybody; a party is also last where it is the only one that is left out.
    """
    return _share(election, _elected(election, election.majorities.last))


def upward_monotonicity_failure(election: "Election") -> Float[Array, " simulation"]:
    """The share of constituencies whose winner can be raised on some ballots and loses by that; IRV, three parties."""
    return _share(election, election.failures.upward)


def downward_monotonicity_failure(election: "Election") -> Float[Array, " simulation"]:
    """The share of constituencies in which a loser can be lowered on some ballots and wins by that; likewise."""
    return _share(election, election.failures.downward)


def _elected(election: "Election", party: Int[Array, " constituency"]) -> Bool[Array, " constituency"]:
    return (party >= 0) & (_at(election.constituency_seats, party) > 0)


def _at(
    values: Shaped[Array, "constituency party"], party: Int[Array, " constituency"]
) -> Shaped[Array, " constituency"]:
    """Of each constituency the value of one party; of any for nobody."""
    return jnp.take_along_axis(values, jnp.maximum(party, 0)[:, None], axis=1)[:, 0]


def _share(election: "Election", has: Bool[Array, " constituency"]) -> Float[Array, " simulation"]:
    where = election.simulation
    n = jnp.zeros((2, len(election.votes)), jnp.int64)
    n = n.at[:, where].add(jnp.stack([has & election.in_use, election.in_use]).astype(jnp.int64))
    return n[0].astype(jnp.float64) / jnp.maximum(n[1], 1).astype(jnp.float64)
