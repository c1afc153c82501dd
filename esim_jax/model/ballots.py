"""Ballots: who votes, and for whom.

A voter votes with a probability t, see `esim_jax.model.turnout`, and then for party j with probability
softmax_j(U_i / temperature). One uniform number decides both: the voter votes where it is below t, and its quotient
by t is then uniform and picks the party.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float

from esim_jax.model.elementary import exp

STEEPEST = 1e30
"""Largest 1 / temperature, so that 0 / temperature stays 0."""


class PluralityBallots(NamedTuple):
    """For each voter, whether the ballot is for party j or one before it: a running sum over the parties.

    Sums over voters of `up_to[j]` minus those of `up_to[j - 1]` are party j's votes; the last counts all who voted.
    """

    up_to: tuple[Bool[Array, "..."], ...]


def cast_plurality_ballots(
    chance: Float[Array, "..."],
    turnout: Float[Array, "..."],
    utility: Sequence[Float[Array, "..."]],
    best: Float[Array, "..."],
    weight: Sequence[Float[Array, "..."]],
    temperature: Float[Array, "..."],
) -> PluralityBallots:
    """Each voter's ballot for one party, or none.

    Args:
        chance: uniform number in (0, 1) of each voter; above 1 for a voter who isn't there.
        turnout: the probability to vote.
        utility: of each party, in the parties' order.
        best: the largest of them.
        weight: 1 for each real party, 0 for a surplus place.
        temperature: not below 0.
    """
    steepness = jnp.minimum(1 / temperature, np.float32(STEEPEST))
    cumulative = []
    total = jnp.zeros_like(best)
    for u, w in zip(utility, weight, strict=True):
        total = total + w * exp((u - best) * steepness)
        cumulative.append(total)
    # chance / t < c / total without a division; a chance of t or more is never below, as c is never above the total
    return PluralityBallots(tuple(chance * total < turnout * c for c in cumulative))


def choose_best(
    chance: Float[Array, "..."],
    turnout: Float[Array, "..."],
    utility: Sequence[Float[Array, "..."]],
    best: Float[Array, "..."],
    weight: Sequence[Float[Array, "..."]],
) -> PluralityBallots:
    """As `cast_plurality_ballots` at temperature 0; of parties that are equally good each is as likely."""
    cumulative = []
    total = jnp.zeros_like(best)
    for u, w in zip(utility, weight, strict=True):
        total = total + w * (u == best)
        cumulative.append(total)
    return PluralityBallots(tuple(chance * total < turnout * c for c in cumulative))
