"""Uniform swing between two parties: how seats would follow votes if every constituency moved by the same share.

Only the shares of the first party's votes in the constituencies matter, so constituencies count alike however many
vote in them, and those without votes are left out. The seat goes to the party with more than half; at half each takes
half of it. (Butler, D. E., 1951, appendix to Nicholas, H. G., The British General Election of 1950, Macmillan; Tufte,
E. R., 1973, "The relationship between seats and votes in two-party systems", American Political Science Review 67(2),
540-554.)
"""

from typing import Any

import numpy as np

from esim_jax.errors import InputError
from esim_jax.metrics._arrays import numbers, plain, ratio, shares, sum_in_pairs


def mean_median_difference(constituency_votes: Any) -> Any:
    """By how much a party's median share of the votes in constituencies lies above its mean share.

    Above 0, it has more than its mean share in most constituencies, which favours it. (McDonald, M. D. & Best, R. E.,
    2015, "Unfair partisan gerrymanders in politics and law: a diagnostic applied to six cases", Election Law Journal
    14(4), 312-330.)

    Args:
        constituency_votes: counts, [..., constituency, party], of any number of parties. Constituencies count alike,
            and those without votes are left out.

    Returns:
        An array [..., party] of floats from -1 to 1; 0 where there are no votes.

    >>> mean_median_difference([[60, 40], [60, 40], [30, 70]])
    array([ 0.1, -0.1])
    """
    votes, _, xp = numbers(constituency_votes, 0.0)
    valid = votes.sum(axis=-1) > 0
    v = xp.moveaxis(xp.where(valid[..., None], shares(votes), xp.inf), -2, -1)
    n_valid = valid.sum(axis=-1)[..., None]
    rising = xp.sort(v, axis=-1)  # those without votes are last
    middle = xp.stack([xp.maximum(n_valid - 1, 0) // 2, n_valid // 2], axis=-1)
    middle = xp.broadcast_to(xp.minimum(middle, v.shape[-1] - 1), (*v.shape[:-1], 2))
    low_and_high = xp.take_along_axis(rising, middle, axis=-1)
    median = (low_and_high[..., 0] + low_and_high[..., 1]) / 2
    mean = ratio(sum_in_pairs(xp.where(xp.isinf(v), 0.0, v)), n_valid.astype(v.dtype))
    return xp.where(n_valid > 0, xp.where(n_valid > 0, median, 0.0) - mean, 0.0)


def seats_votes_curve(constituency_votes: Any, vote_shares: Any) -> Any:
    """The first party's share of the seats at given shares of the votes, by uniform swing.

    Args:
        constituency_votes: counts of the two parties, [..., constituency, 2].
        vote_shares: mean shares of the votes in the constituencies to which the first party is moved, [point].

    Returns:
        An array [..., point] of floats from 0 to 1; 0 where there are no votes.

    Raises:
        InputError: there are not two parties.

    >>> seats_votes_curve([[60, 40], [55, 45], [20, 80]], [0.4, 0.45, 0.5])
    array([0.5       , 0.66666667, 0.66666667])
    """
    votes, at, xp = numbers(constituency_votes, vote_shares)
    if votes.shape[-1] != 2:
        raise InputError(f"{votes.shape[-1]} parties are not allowed here: give the votes of two.")
    valid = votes.sum(axis=-1) > 0
    n_valid = valid.sum(axis=-1).astype(votes.dtype)[..., None]
    v = xp.where(valid, shares(votes)[..., 0], 0.0)
    ahead = v - ratio(sum_in_pairs(v)[..., None], n_valid)
    # how far above half it lies; shares are rounded, so what is that near to half is taken as half
    margin = ahead[..., None, :] + (at[..., None] - 0.5)
    near = 16 * np.finfo(votes.dtype).eps
    won = xp.where(margin > near, 1.0, xp.where(margin < -near, 0.0, 0.5))
    return ratio(xp.where(valid[..., None, :], won, 0.0).sum(axis=-1), n_valid)


def partisan_bias(constituency_votes: Any) -> Any:
    """The first party's share of the seats beyond half if, by uniform swing, it had half of the votes.

    (King, G. & Browning, R. X., 1987, "Democratic representation and partisan bias in congressional elections",
    American Political Science Review 81(4), 1251-1273.)

    Args:
        constituency_votes: counts of the two parties, [..., constituency, 2].

    Returns:
        A float from -1/2 to 1/2, or an array without the last two axes; 0 where there are no votes.

    Raises:
        InputError: there are not two parties.

    >>> partisan_bias([[60, 40], [60, 40], [60, 40], [20, 80]])
    0.25
    """
    votes, _, xp = numbers(constituency_votes, 0.0)
    at_half = seats_votes_curve(votes, xp.asarray([0.5]))[..., 0]
    return plain(xp.where(votes.sum(axis=(-2, -1)) > 0, at_half - 0.5, 0.0))


def responsiveness(constituency_votes: Any, low: float = 0.45, high: float = 0.55) -> Any:
    """How many shares of the seats a share of the votes moves, by uniform swing: the slope of the seats-votes curve.

        (S(high) - S(low)) / (high - low)

    with S the first party's share of the seats (Tufte's swing ratio; between 45 % and 55 % as in Gelman, A. & King, G.,
    1994, "A unified method of evaluating electoral systems and redistricting plans", American Journal of Political
    Science 38(2), 514-554). Proportional seats have 1, and the cube law 3 in the middle.

    Args:
        constituency_votes: counts of the two parties, [..., constituency, 2].
        low, high: shares of the votes between which the slope is taken.

    Returns:
        A float from 0 to 1 / (high - low), or an array without the last two axes; 0 where there are no votes.

    Raises:
        InputError: there are not two parties, or low is not below high.

    >>> round(responsiveness([[52, 48], [60, 40], [40, 60], [48, 52]]), 3)
    5.0
    """
    if not low < high:
        raise InputError(f"low = {low!r} and high = {high!r} are not allowed: low must be below high.")
    votes, _, xp = numbers(constituency_votes, 0.0)
    ends = seats_votes_curve(votes, xp.asarray([low, high]))
    return plain((ends[..., 1] - ends[..., 0]) / (high - low))
