"""Single transferable vote with weighted inclusive Gregory transfers, as in Scotland's councils: see `stv`."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Bool, Int, UInt

from esim_jax.systems.rankings import Ranking, as_bits, first_among, numbers_of
from esim_jax.systems.staged import RankedContest, StagedRule, fewest, most

UNIT = 10**5
"""Votes are whole numbers of this part of a vote."""

_FINE_BITS = 40
_HOLDER_BITS = 4


class Transfers(NamedTuple):
    """Who is in the count, and whose ballots move next."""

    hopeful: Bool[Array, " party"]  # neither elected nor eliminated: they receive
    elected: Bool[Array, " party"]
    waiting: Bool[Array, " party"]  # elected with a surplus that has not gone on yet
    given: Bool[Array, " party"]  # elected, and the surplus is gone
    votes: Int[Array, " party"]  # int64, in units
    quota: Int[Array, ""]  # int64, in units; 0 before the first stage
    place: Int[Array, " party"]  # int64; larger for who had more votes in the latest stage that tells
    giver: UInt[Array, ""]  # uint32; the number of the party whose ballots move, at first 0: all ballots do
    surplus: Int[Array, ""]  # int64; of each ballot that moves the share surplus / had goes on
    had: Int[Array, ""]  # int64
    fine: Int[Array, ""]  # int64; the share in units of 2^-40, rounded down
    done: Bool[Array, ""]


def _start(_: RankedContest, ranked: Bool[Array, " party"]) -> Transfers:
    nobody, nothing = jnp.zeros_like(ranked), jnp.zeros(ranked.shape, jnp.int64)
    one, whole = jnp.int64(1), jnp.int64(1 << _FINE_BITS)
    return Transfers(
        ranked, nobody, nobody, nobody, nothing, jnp.int64(0), nothing, jnp.uint32(0), one, one, whole, ~ranked.any()
    )


# --- ballots ---------------------------------------------------------------------------------------------------------


def _move(ranking: Ranking, hand: UInt[Array, ""], state: Transfers) -> UInt[Array, ""]:
    """The ballot's holder (party + 1, or 0 for nobody) in the lowest bits, and above them its value."""
    holder, value = hand & np.uint32(15), hand >> np.uint32(_HOLDER_BITS)
    following = first_among(numbers_of(ranking, state.hopeful.shape[0]), as_bits(state.hopeful))
    # value * surplus // had: a product with the rounded share is that or one less, and the remainder tells which
    value = value.astype(jnp.int64)
    part = (value * state.fine) >> np.int64(_FINE_BITS)
    # both products may overflow, their difference doesn't
    remainder = value * state.surplus - part * state.had
    part = part + (remainder >= state.had)
    return jnp.where(holder == state.giver, (part.astype(jnp.uint32) << np.uint32(_HOLDER_BITS)) | following, hand)


def _value_to_holder(_: Ranking, hand: UInt[Array, ""], state: Transfers) -> tuple[Int[Array, ""], ...]:
    holder, value = hand & np.uint32(15), (hand >> np.uint32(_HOLDER_BITS)).astype(jnp.int32)
    return tuple(
        jnp.where(holder == np.uint32(party + 1), value, np.int32(0)) for party in range(state.hopeful.shape[0])
    )


# --- stages ----------------------------------------------------------------------------------------------------------


def _next_transfer(contest: RankedContest, state: Transfers, sums: Int[Array, " party"]) -> Transfers:
    votes = jnp.where(state.given, state.quota, sums)
    droop = (votes.sum() // UNIT // (contest.n_seats + 1) + 1) * UNIT
    quota = jnp.where(state.quota == 0, droop, state.quota)
    place = _places(votes, state.place)

    vacancies = contest.n_seats - state.elected.sum()
    newly = state.hopeful & ((votes >= quota) | (state.hopeful.sum() <= vacancies))
    hopeful, elected = state.hopeful & ~newly, state.elected | newly
    waiting = state.waiting | (newly & (votes > quota))
    done = ~hopeful.any() | (elected.sum() >= contest.n_seats)

    surplus_goes = waiting.any()
    largest = most(place, contest.lots, waiting)
    out = fewest(place, contest.lots, hopeful) & ~surplus_goes
    giver = jnp.where(surplus_goes, largest, out)
    had = jnp.where(surplus_goes, jnp.where(largest, votes, 0).sum(), 1)
    surplus = jnp.where(surplus_goes, had - quota, 1)
    return Transfers(
        hopeful=hopeful & ~out,
        elected=elected,
        waiting=waiting & ~largest,
        given=state.given | largest,
        votes=votes,
        quota=quota,
        place=place,
        giver=jnp.where(giver.any(), jnp.argmax(giver) + 1, 0).astype(jnp.uint32),
        surplus=surplus,
        had=had,
        fine=times_over(surplus, 1 << _FINE_BITS, had)[0],
        done=done,
    )


def _places(votes: Int[Array, " party"], before: Int[Array, " party"]) -> Int[Array, " party"]:
    """How many each party is ahead of: by these votes, or where they tie, by the places of the stage before."""
    lead = votes[:, None] - votes[None, :]
    ahead = (lead > 0) | ((lead == 0) & (before[:, None] > before[None, :]))
    return ahead.sum(axis=1, dtype=jnp.int64)


def times_over(
    number: Int[Array, "*shape"], times: int, by: Int[Array, "*shape"]
) -> tuple[Int[Array, "*shape"], Int[Array, "*shape"]]:
    """Quotient and remainder of number * times by `by`, whatever the product's size: by long multiplication.

    Args:
        number: int64, at least 0.
        times: above 0.
        by: int64, above 0; three times as much must fit, as must the quotient.

    >>> import jax, jax.numpy as jnp
    >>> with jax.enable_x64():
    ...     [int(part) for part in times_over(jnp.array(10**17 + 1), 10**9, jnp.array(10**18))]
    [100000000, 1000000000]
    """
    digit, rest = number // by, number % by

    def double(step: Int[Array, ""] | int, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        quotient, remainder = carry
        bit = (np.int64(times) >> (times.bit_length() - 1 - step)) & 1
        remainder = 2 * remainder + bit * rest  # below three times `by`
        over = (remainder >= by).astype(jnp.int64) + (remainder >= 2 * by)
        return 2 * quotient + bit * digit + over, remainder - over * by

    quotient, remainder = lax.fori_loop(0, times.bit_length(), double, (jnp.zeros_like(number), jnp.zeros_like(number)))
    return quotient, remainder


def _one_seat_each(_: RankedContest, state: Transfers) -> Int[Array, " party"]:
    return state.elected.astype(jnp.int64)


stv = StagedRule(
    _start,
    _value_to_holder,
    _next_transfer,
    _one_seat_each,
    lambda n_parties: n_parties + 1,
    asks_ranked=True,
    hand=np.uint32(UNIT << _HOLDER_BITS),
    follow=_move,
    doc="""Single transferable vote with weighted inclusive Gregory transfers, as in Scotland's councils.

    Whoever reaches Droop's quota, floor(votes / (n_seats + 1)) + 1, is elected. A surplus goes on to the next
    preferences among those neither elected nor eliminated: every ballot goes on, worth its value times surplus / votes,
    of which five decimals are kept. Surpluses go one at a time, the largest first. When none is left, the party with
    the fewest votes is eliminated, and its ballots go on at the value they have. When no more are left than seats, they
    are elected without a quota. Parties that no ballot ranks take no part.

    Of surpluses or smallest votes that tie, the most recent stage where they differed decides, and then the lot.

    Source: Scottish Local Government Elections Order 2007 (SSI 2007/42), Schedule 1, rules 45 to 52.

    >>> from esim_jax.systems.small import elect
    >>> elect("STV", {"AB": 7, "B": 2, "C": 3}, n_seats=2)
    {'A': 1, 'B': 1}
    """,
)
