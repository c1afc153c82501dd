"""Metrics: numbers about one election's outcome.

The functions take NumPy or JAX arrays; parties lie along the last axis, so that stacks of elections work too. They
compute in the precision of their input (double for NumPy's), and are defined where nothing was cast: 0, never NaN.
"""

from typing import Any

import numpy as np
from jax import lax
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
    distance = 100 * xp.sqrt(_sum_of_products(v - s, v - s) / 2)
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
    squares = _sum_of_products(counts, counts)
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
    mean = _sum_of_products(welfare, eligible.astype(welfare.dtype)) / eligible.sum(axis=-1)
    gain = xp.where(eligible, welfare - mean[..., None], 0.0)
    best = gain.max(axis=-1)
    actual = _sum_of_products(shares(seats), gain)
    defined = (best > 0) & (seats.sum(axis=-1) > 0)
    return _plain(xp.where(defined, actual / xp.where(best > 0, best, 1.0), 0.0))


def shares(counts: Any) -> Float[Any, "... party"]:
    """Counts divided by their sum along the last axis; 0 where the sum is 0."""
    counts, _, xp = _numbers(counts, counts)
    total = counts.sum(axis=-1, keepdims=True)
    quotient = counts / xp.where(total > 0, total, 1)
    # kept apart from what follows: unrolled with it, many divisions by one number may become multiplications
    return quotient if xp is np else lax.optimization_barrier(quotient)


def _sum_of_products(a: Any, b: Any) -> Any:
    """The sum over parties of a times b, the same to the bit however many elections are stacked.

    A compiler may fuse a product into the sum that takes it, which rounds once where two operations round twice, and
    it does so in one program and not in another: a row of a sweep would not replay exactly. Here every product is of
    two halves, exact, so that fusing changes nothing; and the parties are added in their order.
    """
    (a_high, a_low), (b_high, b_low) = _halves(a), _halves(b)
    parts = (a_high * b_high, a_high * b_low, a_low * b_high, a_low * b_low)
    sums = [part[..., 0] for part in parts]
    for party in range(1, a.shape[-1]):
        sums = [total + part[..., party] for total, part in zip(sums, parts, strict=True)]
    return sums[0] + (sums[1] + sums[2] + sums[3])


def _halves(value: Any) -> tuple[Any, Any]:
    """Two numbers that sum to the value, each with half of its digits (Dekker, 1971, by masking instead)."""
    kind: Any
    kind, low_bits = (np.int64, 27) if value.dtype.itemsize == 8 else (np.int32, 12)
    mask = kind(-(1 << low_bits))
    if isinstance(value, np.ndarray):
        high = (value.view(kind) & mask).view(value.dtype)
    else:
        high = lax.bitcast_convert_type(lax.bitcast_convert_type(value, kind) & mask, value.dtype)
    return high, value - high


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
