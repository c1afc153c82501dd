"""Single transferable vote by Meek's method: see `meek`. Votes and shares are integers of a billionth."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Int, UInt

from esim_jax.systems.rankings import Ranking, as_bits, has_bit, numbers_of
from esim_jax.systems.staged import Hand, OfBallot, RankedContest, StagedRule, fewest
from esim_jax.systems.stv import times_over

UNIT = 10**9
"""Votes and shares are whole numbers of this part."""

OMEGA = 10**3
"""Surpluses count as handed on when they come to less than a millionth of a vote in all."""

_MOST_PASSES = 1000
"""A party; the iteration ends long before, as surpluses must fall."""

_NO_SURPLUS_YET = np.iinfo(np.int64).max


class Shares(NamedTuple):
    """What each party keeps."""

    keep: Int[Array, " party"]  # int64, in units
    hopeful: Bool[Array, " party"]
    elected: Bool[Array, " party"]
    votes: Int[Array, " party"]  # int64, in units
    surplus: Int[Array, ""]  # int64, in units; of the pass before
    done: Bool[Array, ""]


def _start(_: RankedContest, ranked: Bool[Array, " party"]) -> Shares:
    keep = jnp.where(ranked, jnp.int64(UNIT), 0)
    nothing = jnp.zeros_like(keep)
    return Shares(keep, ranked, jnp.zeros_like(ranked), nothing, jnp.int64(_NO_SURPLUS_YET), ~ranked.any())


def _kept(ranking: Ranking, _: Hand, state: Shares) -> tuple[Int[Array, ""], ...]:
    """What each party keeps of the vote, on its way down the ranking."""
    kept, _ = _pass_down(numbers_of(ranking, state.keep.shape[0]), state)
    return tuple(kept)


def _pass_down(numbers: Sequence[UInt[Array, ""]], state: Shares) -> tuple[list[Int[Array, ""]], Int[Array, ""]]:
    """What each party keeps of a vote that comes to these, one after the other; and what is left of it."""
    n_parties = state.keep.shape[0]
    weight = jnp.int64(UNIT)
    kept = [jnp.int64(0)] * n_parties
    for number in numbers:
        here = [number == np.uint32(party + 1) for party in range(n_parties)]
        share = jnp.int64(0)
        for party in range(n_parties):
            share = jnp.where(here[party], state.keep[party], share)
        part = _over_unit(weight * share)
        kept = [jnp.where(here[party], part, kept[party]) for party in range(n_parties)]
        weight = weight - part
    return kept, weight


def _shortcut(n_places: int) -> tuple[Callable[[Shares], Bool[Array, ""]], OfBallot]:
    """For states in which a vote is spent after so many places, the eliminated left out: those of fewer elected."""

    def kept(ranking: Ranking, _: Hand, state: Shares) -> tuple[Int[Array, ""], ...]:
        n_parties = state.keep.shape[0]
        takes = as_bits(state.keep > 0)
        word, shift = jnp.uint32(0), jnp.uint32(0)
        for number in numbers_of(ranking, n_parties):
            stays = has_bit(takes, number)
            word = word | jnp.where(stays, number << shift, np.uint32(0))
            shift = shift + jnp.where(stays, np.uint32(4), np.uint32(0))
        *numbers, last = numbers_of((word,), n_places)
        kept, left = _pass_down(numbers, state)
        # as many are elected as come before, if not fewer: the last one is hopeful
        return tuple(jnp.where(last == np.uint32(party + 1), left, kept[party]) for party in range(n_parties))

    return lambda state: state.elected.sum() < n_places, kept


def _over_unit(product: Int[Array, "*shape"]) -> Int[Array, "*shape"]:
    """A product of two numbers of at most UNIT, divided by UNIT and rounded up.

    Processors have no division of many 64-bit integers at once. The double is off by less than a millionth, so that its
    whole part is that of the quotient, or one more or less where the quotient is next to a whole number.

    >>> import jax, jax.numpy as jnp
    >>> with jax.enable_x64():
    ...     _over_unit(jnp.array([0, 1, 10**9, 10**9 + 1, 10**18 - 1, 10**18])).tolist()
    [0, 1, 1, 2, 1000000000, 1000000000]
    """
    whole = (product.astype(jnp.float64) * (1 / UNIT)).astype(jnp.int64)
    rest = product - whole * UNIT
    return whole + (rest > 0) + (rest > UNIT)


def _adapt(contest: RankedContest, state: Shares, votes: Int[Array, " party"]) -> Shares:
    """Elects or eliminates where the shares have settled or somebody reaches the quota; else adapts the shares."""
    quota = votes.sum() // (contest.n_seats + 1) + 1
    surplus = jnp.maximum(jnp.where(state.elected, votes - quota, 0).sum(), 0)
    reaches = state.hopeful & (votes >= quota)
    settled = (surplus < OMEGA) | (surplus >= state.surplus) | reaches.any()

    vacancies = contest.n_seats - state.elected.sum()
    newly = jnp.where(state.hopeful.sum() <= vacancies, state.hopeful, reaches)
    elected = state.elected | newly
    done = ~(state.hopeful & ~newly).any() | (elected.sum() >= contest.n_seats)
    least = jnp.where(state.hopeful, votes, _NO_SURPLUS_YET).min()
    low = state.hopeful & (votes - least <= surplus)
    out = fewest(jnp.zeros_like(votes), contest.lots, low) & ~newly.any() & ~done

    # share * quota / UNIT, rounded up, in two parts that don't overflow
    wanted = state.keep * (quota // UNIT) + -(-state.keep * (quota % UNIT) // UNIT)
    quotient, rest = times_over(wanted, UNIT, jnp.maximum(votes, 1))
    return Shares(
        keep=jnp.where(
            settled, jnp.where(out, 0, state.keep), jnp.where(state.elected, quotient + (rest > 0), state.keep)
        ),
        hopeful=jnp.where(settled, state.hopeful & ~newly & ~out, state.hopeful),
        elected=jnp.where(settled, elected, state.elected),
        votes=votes,
        surplus=jnp.where(settled, _NO_SURPLUS_YET, surplus),
        done=settled & done,
    )


def _one_seat_each(_: RankedContest, state: Shares) -> Int[Array, " party"]:
    return state.elected.astype(jnp.int64)


meek = StagedRule(
    _start,
    _kept,
    _adapt,
    _one_seat_each,
    lambda n_parties: _MOST_PASSES * n_parties,
    asks_ranked=True,
    shortcuts=(_shortcut(1), _shortcut(2), _shortcut(4)),
    doc="""Single transferable vote by Meek's method: the elected keep just the share of each vote that they need.

    Each party keeps a share of every vote that comes along and passes on the rest: all of it while hopeful, none of it
    once eliminated, and the share that leaves a quota once elected. Shares are found by iteration, one pass over the
    ballots each. The quota falls as votes are exhausted. When all surpluses together are below a millionth of a vote,
    or no longer fall, the party with the fewest votes is eliminated; who has no more than that surplus above the fewest
    ties with it. Ties are broken by lot. Parties that no ballot ranks take no part. Votes and shares are rounded up to
    a billionth.

    Source: Meek (1969); Hill, Wichmann and Woodall (1987), Algorithm 123, The Computer Journal 30(3); rounding and ties
    as in the Reference Meek Rule of the Proportional Representation Foundation (2010).

    >>> from esim_jax.systems.small import elect
    >>> elect("STV_Meek", {"AB": 7, "B": 2, "C": 3}, n_seats=2)
    {'A': 1, 'B': 1}
    """,
)
