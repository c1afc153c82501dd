"""Turnout: with what probability a voter who has seen the parties votes.

A voter's probability to vote is, with B ~ Beta(5, 2), K ~ Beta(2, 5), E ~ Beta(5, 5), N ~ Beta(4, 6),

    t = clip(B + habit + .002 K + .05 E - .03 N, .10, .95)

It falls by .3 where the best utility is below `alienation_threshold` and by .2 where the range of utility is below
`indifference_threshold`, and is then clipped to [.1, 1]. B, K, E and N (propensity, knowledge, extraversion,
neuroticism) touch nothing but t and are independent of all else about the voter, so the voter votes with the
expectation of t over them: the ballots have the same law as if they had been drawn, at a fraction of the cost.
The expectation is a polynomial in the habit for each of the four penalties; `tests/fit_polynomials.py` makes the
coefficients from an exact integral, and a test bounds the error (1e-7 in double precision).
"""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from esim_jax.model.elementary import polynomial

ALIENATION_PENALTY = 0.3
INDIFFERENCE_PENALTY = 0.2
DEMOGRAPHIC_RANGE = (0.1, 1.0)
"""Of the probability to vote."""

_CONTENT = (0.726671219, 0.948297977, -0.730726063, -2.77816272, 7.0385108, -5.72596598)
_INDIFFERENT = (0.527115583, 0.939447701, -0.65892005, -3.07540154, 7.66683245, -6.26785707)
_ALIENATED = (0.429097235, 0.913131058, -0.525451064, -3.37510133, 7.87508774, -6.12857151)
_BOTH = (0.250362158, 0.73529613, 0.00311238831, -3.86415458, 7.30266953, -4.94999981)
"""Expected turnout in powers of the habit, by penalty: none, .2, .3, .5."""


def turnout_probability(
    habit: Float[Array, "..."],
    best: Float[Array, "..."],
    worst: Float[Array, "..."],
    alienation_threshold: Float[Array, "..."],
    indifference_threshold: Float[Array, "..."],
) -> Float[Array, "..."]:
    """Probability to vote, float32.

    Args:
        habit: what age and education add to the turnout, in [0, .18]; see `esim_jax.model.electorate`.
        best: the voter's largest utility.
        worst: the voter's smallest utility.
        alienation_threshold: of `best`.
        indifference_threshold: of `best - worst`.

    >>> import jax.numpy as jnp
    >>> [round(float(turnout_probability(jnp.float32(0.1), best, 0.0, -2.0, 0.3)), 4) for best in (0.5, 0.2)]
    [0.8121, 0.6121]
    """
    alienated, indifferent = best < alienation_threshold, best - worst < indifference_threshold
    return jnp.where(
        alienated,
        jnp.where(indifferent, polynomial(_BOTH, habit), polynomial(_ALIENATED, habit)),
        jnp.where(indifferent, polynomial(_INDIFFERENT, habit), polynomial(_CONTENT, habit)),
    )


def demographic_turnout(
    voters: Any, best: Float[Array, "..."], worst: Float[Array, "..."], parameters: Mapping[str, Float[Array, "..."]]
) -> Float[Array, "..."]:
    """`turnout_probability` of voters with a habit."""
    thresholds = parameters["alienation_threshold"], parameters["indifference_threshold"]
    return turnout_probability(voters.habit, best, worst, *thresholds)


def participation(
    voters: Any,  # noqa: ARG001 (turnouts have one signature)
    best: Float[Array, "..."],
    worst: Float[Array, "..."],  # noqa: ARG001
    parameters: Mapping[str, Float[Array, "..."]],
) -> Float[Array, "..."]:
    """The same probability for every voter, whatever the parties."""
    return jnp.broadcast_to(parameters["participation"], best.shape)
