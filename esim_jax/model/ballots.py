"""Ballots: who votes, and for whom.

A voter's turnout probability t falls by .3 where the best utility is below `alienation_threshold`, and by .2 where
the range of utility is below `indifference_threshold`; it is then clipped to [.1, 1]. The voter votes with
probability t, and then for party j with probability softmax_j(U_i / temperature).

One uniform number u decides both: the voter votes where u < t, and u / t is then uniform and picks the party.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, UInt

from esim_jax.random import uniform23

ALIENATION_PENALTY = 0.3
INDIFFERENCE_PENALTY = 0.2
_STEEPEST = 1e30  # largest 1 / temperature, so that 0 / temperature stays 0


class PluralityBallots(NamedTuple):
    """For each voter, whether the ballot is for party j or one before it: a running sum over the parties.

    Sums over voters of `up_to[j]` minus those of `up_to[j - 1]` are party j's votes; the last counts all who voted.
    """

    up_to: tuple[Bool[Array, "..."], ...]


def turnout_probability(
    turnout: Float[Array, "..."],
    best: Float[Array, "..."],
    worst: Float[Array, "..."],
    alienation_threshold: Float[Array, "..."],
    indifference_threshold: Float[Array, "..."],
) -> Float[Array, "..."]:
    """Probability to vote, in [.1, 1], once the voter has seen the parties."""
    lowered = (
        turnout
        - jnp.where(best < alienation_threshold, np.float32(ALIENATION_PENALTY), np.float32(0))
        - jnp.where(best - worst < indifference_threshold, np.float32(INDIFFERENCE_PENALTY), np.float32(0))
    )
    return jnp.minimum(jnp.maximum(lowered, np.float32(0.1)), np.float32(1))


def cast_plurality_ballots(
    word: UInt[Array, "..."],
    utility: Sequence[Float[Array, "..."]],
    weight: Sequence[Float[Array, "..."]],
    turnout: Float[Array, "..."],
    temperature: Float[Array, "..."],
    alienation_threshold: Float[Array, "..."],
    indifference_threshold: Float[Array, "..."],
) -> PluralityBallots:
    """Each voter's ballot for one party, or none.

    Args:
        word: uniform 32-bit word of each voter.
        utility: of each party, in the parties' order.
        weight: 1 for each real party, 0 for a surplus place.
        turnout: probability to vote before the parties are seen.
        temperature: above 0.
        alienation_threshold: of utility.
        indifference_threshold: of the range of utility.
    """
    best, worst = utility[0], utility[0]
    for u in utility[1:]:
        best, worst = jnp.maximum(best, u), jnp.minimum(worst, u)
    t = turnout_probability(turnout, best, worst, alienation_threshold, indifference_threshold)

    steepness = jnp.minimum(1 / temperature, np.float32(_STEEPEST))
    cumulative = []
    total = jnp.zeros_like(best)
    for u, w in zip(utility, weight, strict=True):
        total = total + w * jnp.exp((u - best) * steepness)
        cumulative.append(total)

    # u < t implies fl(u / t) < 1 and fl(u / t * total) < total, so a voter always falls to a real party
    uniform = uniform23(word)
    point = jnp.where(uniform < t, uniform / t * total, np.float32(np.inf))
    return PluralityBallots(tuple(point < c for c in cumulative))
