"""Metrics: numbers about one election's outcome.

The functions take NumPy or JAX arrays; parties lie along the last axis, so that stacks of elections work too. They
compute in the precision of their input (double for NumPy's), and are defined where nothing was cast: 0, never NaN.
"""

from typing import Any

import numpy as np
from jaxtyping import Float


def gallagher_index(votes: Any, seats: Any) -> Any:
    """Gallagher's least-squares index of disproportionality, on the 0-100 scale.

        100 sqrt(1/2 sum_i (v_i - s_i)^2)

    with v and s the shares of votes and seats (Gallagher, M., 1991, "Proportionality, disproportionality and
    electoral systems", Electoral Studies 10(1), 33-51).

    Args:
        votes: votes or shares of votes, parties along the last axis; divided by their sum.
        seats: seats or shares of seats, of the same shape; divided by their sum.

    Returns:
        A float, or an array without the last axis; 0 where there are no votes or no seats.

    >>> round(gallagher_index([48, 32, 20], [60, 40, 0]), 3)
    17.436
    """
    votes, seats, xp = _numbers(votes, seats)
    v, s = shares(votes), shares(seats)
    distance = 100 * xp.sqrt(((v - s) ** 2).sum(axis=-1) / 2)
    defined = (votes.sum(axis=-1) > 0) & (seats.sum(axis=-1) > 0)
    return _plain(xp.where(defined, distance, 0.0))


def effective_number_of_parties(counts: Any) -> Any:
    """Laakso and Taagepera's effective number of parties, 1 / sum of squared shares.

    (Laakso, M. & Taagepera, R., 1979, "Effective number of parties: a measure with application to West Europe",
    Comparative Political Studies 12(1), 3-27.)

    Args:
        counts: votes, seats or shares of either, parties along the last axis.

    Returns:
        A float of at least 1, or an array without the last axis; 0 where all counts are 0.

    >>> effective_number_of_parties([50, 50])
    2.0
    """
    counts, _, xp = _numbers(counts, counts)
    total = counts.sum(axis=-1)
    squares = (counts * counts).sum(axis=-1)
    return _plain(xp.where(squares > 0, total * total / xp.where(squares > 0, squares, 1), 0.0))


def voter_satisfaction_efficiency(welfare: Any, seats: Any, eligible: Any) -> Any:
    """How much of the attainable welfare the elected seats reach: 0 for a party drawn at random, 1 for the best one.

        (W_actual - W_random) / (W_best - W_random),   W_actual = sum_p s_p W_p

    with W_p the sum over all voters of the utility of party p, s the shares of seats, and W_random the mean over
    parties (after Merrill, S., 1984, "A comparison of efficiency of multicandidate electoral systems", American
    Journal of Political Science 28(1), 23-48, with seats in the place of one winner).

    Args:
        welfare: W, parties along the last axis.
        seats: seats or shares, of the same shape.
        eligible: which parties may win seats; the others are left out.

    Returns:
        A float, or an array without the last axis; 0 where all parties are equally good or no seat was given.

    >>> voter_satisfaction_efficiency([3.0, 1.0, 2.0], [1, 0, 0], [True, True, True])
    1.0
    """
    welfare, seats, xp = _numbers(welfare, seats)
    eligible = xp.asarray(eligible)
    mean = xp.where(eligible, welfare, 0.0).sum(axis=-1, keepdims=True) / eligible.sum(axis=-1, keepdims=True)
    gain = xp.where(eligible, welfare - mean, 0.0)
    best = gain.max(axis=-1)
    actual = (shares(seats) * gain).sum(axis=-1)
    defined = (best > 0) & (seats.sum(axis=-1) > 0)
    return _plain(xp.where(defined, actual / xp.where(best > 0, best, 1.0), 0.0))


def shares(counts: Any) -> Float[Any, "... party"]:
    """Counts divided by their sum along the last axis; 0 where the sum is 0."""
    counts, _, xp = _numbers(counts, counts)
    total = counts.sum(axis=-1, keepdims=True)
    return counts / xp.where(total > 0, total, 1)


def _numbers(first: Any, second: Any) -> tuple[Any, Any, Any]:
    """Both as floating arrays, and the array module they belong to."""
    if not hasattr(first, "__array_namespace__"):
        first = np.asarray(first, float)
    xp = first.__array_namespace__()
    second = xp.asarray(second)
    real = xp.result_type(float) if xp is np else xp.asarray(0.0).dtype
    return first.astype(real), second.astype(real), xp


def _plain(value: Any) -> Any:
    """A Python float for one election given in NumPy or lists, else the array."""
    return float(value) if isinstance(value, np.ndarray | np.generic) and value.ndim == 0 else value
