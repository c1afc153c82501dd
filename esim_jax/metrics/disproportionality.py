"""Disproportionality: how far the shares of seats lie from the shares of votes."""

from typing import Any

from esim_jax.metrics._arrays import numbers, plain, ratio, shares, sum_in_pairs, sum_of_products


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
    votes, seats, xp = numbers(votes, seats)
    v, s = shares(votes), shares(seats)
    distance = 100 * xp.sqrt(sum_of_products(v - s, v - s) / 2)
    defined = (votes.sum(axis=-1) > 0) & (seats.sum(axis=-1) > 0)
    return plain(xp.where(defined, distance, 0.0))


def loosemore_hanby_index(votes: Any, seats: Any) -> Any:
    """Loosemore and Hanby's index of distortion, on the 0-100 scale: the share of seats in other hands than the votes.

        100 * 1/2 sum_i |v_i - s_i|

    (Loosemore, J. & Hanby, V. J., 1971, "The theoretical limits of maximum distortion: some analytic expressions for
    electoral systems", British Journal of Political Science 1(4), 467-477.)

    Args:
        votes: votes or shares of votes, parties along the last axis; divided by their sum.
        seats: seats or shares of seats, of the same shape; divided by their sum.

    Returns:
        A float from 0 to 100, or an array without the last axis; 0 where there are no votes or no seats.

    >>> round(loosemore_hanby_index([48, 32, 20], [60, 40, 0]), 3)
    20.0
    """
    votes, seats, xp = numbers(votes, seats)
    distance = 100 * (sum_in_pairs(xp.abs(shares(votes) - shares(seats))) / 2)
    return plain(xp.where(_defined(votes, seats), distance, 0.0))


def rae_index(votes: Any, seats: Any, smallest_share: float = 0.005) -> Any:
    """Rae's index, on the 0-100 scale: the mean difference of shares of those parties that are not very small.

        100 * 1/n sum_i |v_i - s_i|   over the n parties with v_i >= smallest_share

    (Rae, D. W., 1967, The Political Consequences of Electoral Laws, Yale University Press; he leaves out parties with
    less than 0.5 % of the votes.)

    Args:
        votes: votes or shares of votes, parties along the last axis; divided by their sum.
        seats: seats or shares of seats, of the same shape; divided by their sum.
        smallest_share: of the votes, with which a party is counted; 0 counts everything on the ballot.

    Returns:
        A float from 0 to 100, or an array without the last axis; 0 where there are no votes or no seats.

    >>> round(rae_index([48, 32, 20], [60, 40, 0]), 3)
    13.333
    """
    votes, seats, xp = numbers(votes, seats)
    v = shares(votes)
    counted = v >= smallest_share
    distances = xp.where(counted, xp.abs(v - shares(seats)), 0.0)
    mean = ratio(sum_in_pairs(distances), counted.sum(axis=-1).astype(votes.dtype))
    return plain(xp.where(_defined(votes, seats), 100 * mean, 0.0))


def sainte_lague_index(votes: Any, seats: Any) -> Any:
    """The Sainte-Lague index: the squared differences of shares, each relative to the party's votes.

        100 sum_i (s_i - v_i)^2 / v_i

    It is what the method of Sainte-Lague makes as small as possible. (Gallagher, M., 1991, "Proportionality,
    disproportionality and electoral systems", Electoral Studies 10(1), 33-51.)

    Args:
        votes: votes or shares of votes, parties along the last axis; divided by their sum.
        seats: seats or shares of seats, of the same shape; divided by their sum.

    Returns:
        A float of at least 0, or an array without the last axis. It has no upper bound, and is infinite where a party
        without votes has a seat; 0 where there are no votes or no seats.

    >>> round(sainte_lague_index([48, 32, 20], [60, 40, 0]), 3)
    25.0
    """
    votes, seats, xp = numbers(votes, seats)
    v, s = shares(votes), shares(seats)
    parts = xp.where(v > 0, ratio((s - v) * (s - v), v), xp.where(s > 0, xp.inf, 0.0))
    return plain(xp.where(_defined(votes, seats), 100 * sum_in_pairs(parts), 0.0))


def dhondt_index(votes: Any, seats: Any) -> Any:
    """The d'Hondt index: how many times its share of votes the most favoured party has in seats.

        max_i s_i / v_i

    It is what the method of d'Hondt makes as small as possible. (Gallagher, M., 1991, as above.)

    Args:
        votes: votes or shares of votes, parties along the last axis; divided by their sum.
        seats: seats or shares of seats, of the same shape; divided by their sum.

    Returns:
        A float of at least 1, or an array without the last axis. It is infinite where a party without votes has a
        seat; 0 where there are no votes or no seats.

    >>> round(dhondt_index([48, 32, 20], [60, 40, 0]), 3)
    1.25
    """
    votes, seats, xp = numbers(votes, seats)
    v, s = shares(votes), shares(seats)
    advantage = xp.where(v > 0, ratio(s, v), xp.where(s > 0, xp.inf, 0.0))
    return plain(xp.where(_defined(votes, seats), advantage.max(axis=-1), 0.0))


def _defined(votes: Any, seats: Any) -> Any:
    return (votes.sum(axis=-1) > 0) & (seats.sum(axis=-1) > 0)
