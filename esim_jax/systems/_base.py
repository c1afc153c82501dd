"""What every allocation rule shares: the contest it decides, the threshold, and lots."""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Int, UInt

THRESHOLD_UNIT = 10**9
"""Thresholds are whole numbers of this unit, so that exactly 5 % of the votes passes a threshold of 0.05."""


class Contest(NamedTuple):
    """Votes for some seats. A party with no votes never wins a seat; without any votes all seats stay vacant."""

    votes: Int[Array, " party"]  # int64; 0 for who may not win
    n_seats: Int[Array, ""]  # int64
    lots: UInt[Array, " party"]  # uint32; of two parties that tie, the one with the larger lot wins


Rule = Callable[[Contest], Int[Array, " party"]]
"""Seats of each party, int64. They sum to `n_seats` unless there are no votes."""


def passes_threshold(
    votes: Int[Array, " party"], threshold: Int[Array, ""], in_base: Bool[Array, " party"] | bool = True
) -> Bool[Array, " party"]:
    """Which parties have at least the threshold's share of all votes; exact.

    Args:
        votes: int64, of all options on the ballot.
        threshold: int64, in units of 1 / THRESHOLD_UNIT.
        in_base: whose votes are among those of which the threshold is a share.
    """
    return votes * THRESHOLD_UNIT >= threshold * jnp.where(in_base, votes, 0).sum()


def comes_before(difference: Int[Array, "party other"], lots: UInt[Array, " party"]) -> Bool[Array, "party other"]:
    """Whether the row's party comes before the column's: where its lead is positive, or zero and its lot larger.

    Args:
        difference: int64; the lead of the row's party over the column's.
        lots: uint32; equal lots (one pair in 2^32) are told apart by place.
    """
    place = jnp.arange(lots.shape[0], dtype=jnp.int32)
    earlier = place[:, None] < place[None, :]
    luckier = (lots[:, None] > lots[None, :]) | ((lots[:, None] == lots[None, :]) & earlier)
    return (difference > 0) | ((difference == 0) & luckier)
