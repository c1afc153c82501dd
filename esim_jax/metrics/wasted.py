"""Wasted votes: those that win nobody a seat, or more than it needs."""

from typing import Any

from esim_jax.errors import InputError
from esim_jax.metrics._arrays import numbers, plain, ratio, sum_in_pairs


def wasted_votes(constituency_votes: Any, constituency_seats: Any) -> Any:
    """The share of votes that were cast for parties without a seat in the voter's constituency.

    (Anckar, C., 1997, "Determinants of disproportionality and wasted votes", Electoral Studies 16(4), 501-515.)

    Args:
        constituency_votes: counts, [..., constituency, party].
        constituency_seats: of the same shape; one a constituency or several.

    Returns:
        A float from 0 to 1, or an array without the last two axes; 0 where there are no votes.

    >>> wasted_votes([[60, 40], [30, 70]], [[1, 0], [0, 1]])
    0.35
    """
    votes, seats, xp = numbers(constituency_votes, constituency_seats)
    wasted = xp.where(seats > 0, 0.0, votes).sum(axis=(-2, -1))
    return plain(ratio(wasted, votes.sum(axis=(-2, -1))))


def efficiency_gap(constituency_votes: Any, constituency_seats: Any = None) -> Any:
    """The efficiency gap between two parties: the second's wasted votes less the first's, relative to all votes.

    A party wastes all its votes in a constituency that it loses, and those beyond half in one that it wins
    (Stephanopoulos, N. O. & McGhee, E. M., 2015, "Partisan gerrymandering and the efficiency gap", University of
    Chicago Law Review 82(2), 831-900). Above 0 the map favours the first party.

    Args:
        constituency_votes: counts of the two parties, [..., constituency, 2].
        constituency_seats: of the same shape; by default a seat for the party with more votes, or half for each.

    Returns:
        A float from -1/2 to 1/2, or an array without the last two axes; 0 where there are no votes.

    Raises:
        InputError: there are not two parties; see `efficiency_gaps`.

    >>> efficiency_gap([[60, 40], [60, 40], [10, 90]])
    0.3
    """
    votes, _, _ = numbers(constituency_votes, 0.0)
    if votes.shape[-1] != 2:
        raise InputError(f"{votes.shape[-1]} parties are not allowed here: give two, or take efficiency_gaps.")
    return plain(efficiency_gaps(votes, constituency_seats)[..., 0])


def efficiency_gaps(constituency_votes: Any, constituency_seats: Any = None) -> Any:
    """The efficiency gap of each party against all others together, for any number of parties.

        (wasted votes of the others - wasted votes of the party) / votes

    with the votes that two sides waste counted as for two parties: the side with the seat wastes what it has beyond
    half of the votes, which is less than nothing where it won with less, and the other side wastes all. With
    constituencies of equal size this is (s - 1/2) - 2 (v - 1/2), so that a party far from half of the votes has a gap
    even where seats are proportional: compare maps or rules by it, rather than parties.

    Args:
        constituency_votes: counts, [..., constituency, party].
        constituency_seats: of the same shape, a constituency's seats shared as they stand; by default a seat for the
            party with the most votes, or equal parts for those that tie. A constituency without seats is left out.

    Returns:
        An array [..., party] of floats; 0 where there are no votes.

    >>> efficiency_gaps([[60, 40], [60, 40], [10, 90]])
    array([ 0.3, -0.3])
    """
    votes, _, xp = numbers(constituency_votes, 0.0)
    if constituency_seats is None:
        seats = ((votes == votes.max(axis=-1, keepdims=True)) & (votes > 0)).astype(votes.dtype)
    else:
        _, seats, _ = numbers(votes, constituency_seats)
    n_seats = seats.sum(axis=-1, keepdims=True)
    cast = xp.where(n_seats > 0, votes.sum(axis=-1, keepdims=True), 0.0)
    # the others waste cast - votes or, where they hold the seat, half of that sum less; twice the gap is in whole votes
    twice = cast + 2 * ratio(cast * seats, n_seats) - 4 * xp.where(n_seats > 0, votes, 0.0)
    total = sum_in_pairs(xp.moveaxis(twice, -2, -1))
    return ratio(total, 2 * cast.sum(axis=-2))
