"""Majority: whether the seats have a winner that the votes have not."""

from typing import Any

from esim_jax.metrics._arrays import numbers, plain


def manufactured_majority(votes: Any, seats: Any) -> Any:
    """Whether a party with at most half of the votes has more than half of the seats.

    (Rae, D. W., 1967, The Political Consequences of Electoral Laws, Yale University Press.)

    Args:
        votes: parties along the last axis. Give counts: whether a sum of rounded shares is above half is a matter of
            rounding.
        seats: of the same shape.

    Returns:
        A bool, or an array of bool without the last axis; False where there are no votes or no seats.

    >>> manufactured_majority([45, 40, 15], [60, 40, 0])
    True
    """
    votes, seats, _ = numbers(votes, seats)
    total = votes.sum(axis=-1, keepdims=True)
    made = (2 * seats > seats.sum(axis=-1, keepdims=True)) & (2 * votes <= total) & (total > 0)
    return plain(made.any(axis=-1))


def wrong_winner(votes: Any, seats: Any) -> Any:
    """Whether the most seats are with others than the most votes.

    Ties count as right: one party that has the most votes and the most seats, even if it shares both places, is enough
    for False.

    Args:
        votes: parties along the last axis.
        seats: of the same shape.

    Returns:
        A bool, or an array of bool without the last axis; False where there are no votes or no seats.

    >>> wrong_winner([45, 44, 11], [48, 52, 0]), wrong_winner([45, 45, 10], [48, 52, 0])
    (True, False)
    """
    votes, seats, _ = numbers(votes, seats)
    most_votes, most_seats = votes.max(axis=-1, keepdims=True), seats.max(axis=-1, keepdims=True)
    right = ((votes == most_votes) & (seats == most_seats)).any(axis=-1)
    return plain(~right & (most_votes > 0)[..., 0] & (most_seats > 0)[..., 0])
