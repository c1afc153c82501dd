"""Satisfaction: what the elected seats are worth to the voters."""

from typing import Any

from esim_jax.metrics._arrays import numbers, plain, shares, sum_of_products


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
    welfare, seats, xp = numbers(welfare, seats)
    eligible = xp.asarray(eligible)
    mean = sum_of_products(welfare, eligible.astype(welfare.dtype)) / eligible.sum(axis=-1)
    gain = xp.where(eligible, welfare - mean[..., None], 0.0)
    best = gain.max(axis=-1)
    actual = sum_of_products(shares(seats), gain)
    defined = (best > 0) & (seats.sum(axis=-1) > 0)
    return plain(xp.where(defined, actual / xp.where(best > 0, best, 1.0), 0.0))
