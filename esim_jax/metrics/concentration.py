"""Concentration: on how few parties the votes or the seats fall."""

from typing import Any

from esim_jax.metrics._arrays import numbers, plain, ratio, shares, sum_in_pairs, sum_of_products


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
    counts, _, xp = numbers(counts, counts)
    total = counts.sum(axis=-1)
    squares = sum_of_products(counts, counts)
    return plain(xp.where(squares > 0, total * total / xp.where(squares > 0, squares, 1), 0.0))


def golosov_number_of_parties(counts: Any) -> Any:
    """Golosov's effective number of parties, which counts less for a large party than Laakso and Taagepera's.

        sum_i p_i / (p_i + p_1^2 - p_i^2)

    with p the shares and p_1 the largest of them (Golosov, G. V., 2010, "The effective number of parties: a new
    approach", Party Politics 16(2), 171-192).

    Args:
        counts: votes, seats or shares of either, parties along the last axis.

    Returns:
        A float of at least 1, or an array without the last axis; 0 where all counts are 0.

    >>> round(golosov_number_of_parties([75, 25]), 3)
    1.333
    """
    counts, _, xp = numbers(counts, counts)
    p = shares(counts)
    largest = p.max(axis=-1, keepdims=True)
    # the difference of squares as a product over p: no product meets a sum, with which it could be fused
    behind = ratio((largest - p) * (largest + p), p)
    return plain(sum_in_pairs(xp.where(p > 0, 1 / (1 + behind), 0.0)))


def herfindahl_hirschman_index(counts: Any) -> Any:
    """The Herfindahl-Hirschman index of concentration, the sum of squared shares: 1 / effective number of parties.

    (Hirschman, A. O., 1964, "The paternity of an index", American Economic Review 54(5), 761-762.)

    Args:
        counts: votes, seats or shares of either, parties along the last axis.

    Returns:
        A float from 1 / (number of parties) to 1, or an array without the last axis; 0 where all counts are 0.

    >>> herfindahl_hirschman_index([50, 50])
    0.5
    """
    counts, _, _ = numbers(counts, counts)
    total = counts.sum(axis=-1)
    return plain(ratio(sum_of_products(counts, counts), total * total))


def largest_share(counts: Any) -> Any:
    """The share of the largest party, such as its share of the seats.

    Args:
        counts: votes, seats or shares of either, parties along the last axis.

    Returns:
        A float from 0 to 1, or an array without the last axis; 0 where all counts are 0.

    >>> largest_share([3, 1, 0])
    0.75
    """
    counts, _, _ = numbers(counts, counts)
    return plain(ratio(counts.max(axis=-1), counts.sum(axis=-1)))
