"""Rules that see ballots only through sums, stage by stage.

The rankings of a simulated electorate are millions and lie in rows that several devices may hold. No rule can look at
them one by one, but each of these rules needs only a few sums a stage: how many first preferences among those still
standing, how many points. A `StagedRule` says what one ballot adds, and what follows from the sums.

Two drivers count alike. `count_rankings` counts one contest whose ballots lie in an array, each with how often it was
cast. `count_rows` counts many contests, one ballot a voter, in rows of voters.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Bool, Int, UInt

from esim_jax.systems._base import comes_before
from esim_jax.systems.rankings import Ranking, numbers_of, pack_rankings, ranked_bits

BLOCK_ROWS = 2048
"""Rows that `count_rows` adds up at a time: their ballots fit a processor's cache. It can't change a result."""

_SUMS_AT_ONCE = 32  # a loop that adds up more of them spills its registers and compiles for long


class RankedContest(NamedTuple):
    """What a contest is about, without its ballots."""

    n_seats: Int[Array, "*contest"]  # int64
    lots: UInt[Array, "*contest party"]  # uint32; of those that tie the largest comes first, and the smallest goes
    stands: Bool[Array, "*contest party"]  # False for a surplus place, which no ballot may rank


State = Any
"""What a rule keeps between stages: a NamedTuple of arrays with a field `done`, a bool."""

Hand = Any
"""What a rule keeps of each ballot between stages: () for nothing, or one number."""


OfBallot = Callable[[Ranking, Hand, State], tuple[Int[Array, ""], ...]]
"""What a ballot adds to each of the rule's sums."""


class StagedRule(NamedTuple):
    """An electoral system in stages; each function is written for one contest and one ballot.

    Attributes:
        start: the first state, from the contest and the parties that some ballot ranks (those that stand, where
            `asks_ranked` is false).
        ballot: what a ballot adds to each of the rule's sums: integers, of which 128 must fit their type.
        step: the next state, from the sums over all ballots, int64.
        seats: of each party, int64, from the last state.
        n_stages: by number of parties: after so many stages every contest is done.
        asks_ranked: whether the rule must know whom no ballot ranks; costs one more pass over the ballots.
        hand: what is kept of a ballot before the first stage.
        follow: what is kept of a ballot in this stage, called before `ballot`.
        shortcuts: functions that say of ballots what `ballot` does, and cost less, each with the states that allow it.
            `count_rows` takes the first that all contests of a block allow.
        doc: the rule, how ties are broken, its source and an example, for `esim_jax.systems.describe`.
    """

    start: Callable[[RankedContest, Bool[Array, " party"]], State]
    ballot: OfBallot
    step: Callable[[RankedContest, State, Int[Array, " sum"]], State]
    seats: Callable[[RankedContest, State], Int[Array, " party"]]
    n_stages: Callable[[int], int]
    asks_ranked: bool = False
    hand: Hand = ()
    follow: Callable[[Ranking, Hand, State], Hand] = lambda _ranking, hand, _state: hand
    shortcuts: tuple[tuple[Callable[[State], Bool[Array, ""]], OfBallot], ...] = ()
    doc: str = ""


# --- one contest, ballots in an array --------------------------------------------------------------------------------


def count_rankings(
    rule: StagedRule, contest: RankedContest, rankings: Int[Array, "ballot place"], counts: Int[Array, " ballot"]
) -> Int[Array, " party"]:
    """Seats of each party, int64, in one contest.

    Can be mapped over contests by `jax.vmap`. Call it within `jax.enable_x64()`.

    Args:
        rule: the electoral system.
        contest: what is to be filled.
        rankings: parties from the best down, as many places as parties; -1 where nobody is ranked any more.
        counts: how often each was cast; 0 for a surplus place.

    >>> import jax, jax.numpy as jnp
    >>> from esim_jax.systems.runoff import irv
    >>> with jax.enable_x64():
    ...     contest = RankedContest(jnp.array(1), jnp.array([1, 2, 3], jnp.uint32), jnp.ones(3, bool))
    ...     count_rankings(irv, contest, jnp.array([[0, 2, -1], [1, 2, -1], [2, 1, -1]]), jnp.array([4, 3, 2])).tolist()
    [0, 1, 0]
    """
    return count_ballots(rule, contest, pack_rankings(rankings), counts)


def count_ballots(
    rule: StagedRule, contest: RankedContest, ballots: Ranking, counts: Int[Array, " ballot"]
) -> Int[Array, " party"]:
    """As `count_rankings`, of ballots that are packed: rankings, or what else the rule takes.

    Args:
        rule: the electoral system.
        contest: what is to be filled.
        ballots: each word of shape (ballot,).
        counts: how often each was cast.
    """
    return rule.seats(contest, final_state(rule, contest, ballots, counts))


def final_state(rule: StagedRule, contest: RankedContest, ballots: Ranking, counts: Int[Array, " ballot"]) -> State:
    """What the rule knows of the contest after the last stage; arguments as of `count_ballots`."""
    n_parties = contest.lots.shape[-1]
    counts = counts.astype(jnp.int64)
    ranked = contest.stands
    if rule.asks_ranked:
        sets = jnp.where(counts > 0, ranked_bits(numbers_of(ballots, n_parties)), np.uint32(0))
        ranked = ranked & _members(lax.reduce(sets, np.uint32(0), lax.bitwise_or, (0,)), n_parties)

    def stage(carry: tuple[Array, State, Hand]) -> tuple[Array, State, Hand]:
        number, state, hands = carry
        hands = jax.vmap(rule.follow, (0, 0, None))(ballots, hands, state)
        adds = jax.vmap(rule.ballot, (0, 0, None))(ballots, hands, state)
        sums = jnp.stack([(add.astype(jnp.int64) * counts).sum() for add in adds])
        return number + 1, rule.step(contest, state, sums), hands

    hands = jax.tree.map(lambda one: jnp.full(counts.shape, one), rule.hand)
    return _stages(rule, n_parties, stage, (jnp.int32(0), rule.start(contest, ranked), hands))[1]


# --- many contests, ballots in rows ----------------------------------------------------------------------------------


def count_rows(
    rule: StagedRule,
    contests: RankedContest,
    ballots: Ranking,
    contest_of_row: Int[Array, " row"],
    block_rows: int = BLOCK_ROWS,
    devices: str | None = None,
    needed: Bool[Array, " contest"] | None = None,
) -> Int[Array, "contest party"]:
    """Seats of each party in each contest, int64.

    Rows are walked in blocks; only blocks that some unfinished contest has ballots in are looked at. Call it within
    `jax.enable_x64()`; it can be part of a compiled function.

    Args:
        rule: the electoral system.
        contests: stacked; may have surplus places, of which no row is a part.
        ballots: each word of shape (row, lane), at most 128 lanes; an empty ballot, 0, for a lane that nobody is in.
        contest_of_row: int32; any contest for an empty row.
        block_rows: how many rows a block has; the last block is filled up with empty rows.
        devices: where each of several devices has rows of its own, of all contests, the name of the mapped axis of the
            devices: their sums are then added up in every stage, and all give the same seats.
        needed: in which contests the seats are asked for; in the others they mean nothing. By default in all.
    """
    state = final_states(rule, contests, ballots, contest_of_row, block_rows, devices, needed)
    return jax.vmap(rule.seats)(contests, state)


def final_states(
    rule: StagedRule,
    contests: RankedContest,
    ballots: Ranking,
    contest_of_row: Int[Array, " row"],
    block_rows: int = BLOCK_ROWS,
    devices: str | None = None,
    needed: Bool[Array, " contest"] | None = None,
) -> State:
    """What the rule knows of each contest after the last stage; arguments as of `count_rows`."""
    n_parties = contests.lots.shape[-1]
    n_rows, n_lanes = ballots[0].shape
    n_blocks = -(-n_rows // block_rows)
    surplus = n_blocks * block_rows - n_rows
    ballots = tuple(jnp.pad(word, ((0, surplus), (0, 0))) for word in ballots)
    contest_of_row = jnp.pad(contest_of_row, (0, surplus), mode="edge")
    block = partial(lax.dynamic_slice_in_dim, slice_size=block_rows)

    ranked = contests.stands
    if rule.asks_ranked:

        def add_ranked(number: Array, ranked: Array) -> Array:
            start = number * block_rows
            sets = ranked_bits(numbers_of(tuple(block(word, start) for word in ballots), n_parties))
            of_row = _members(lax.reduce(sets, np.uint32(0), lax.bitwise_or, (1,)), n_parties)
            return ranked.at[block(contest_of_row, start)].max(of_row)

        of_ballots = lax.fori_loop(0, n_blocks, add_ranked, jnp.zeros_like(ranked))
        ranked = ranked & (of_ballots if devices is None else lax.psum(of_ballots.astype(jnp.int32), devices) > 0)

    state = jax.vmap(rule.start)(contests, ranked)
    if needed is not None:
        state = state._replace(done=state.done | ~needed)
    hands = jax.tree.map(lambda one: jnp.full(ballots[0].shape, one), rule.hand)
    of_lanes = partial(_of_each, n_lanes=n_lanes)
    n_sums = len(jax.eval_shape(lambda: of_lanes(rule.ballot)(ballots, hands, _at(contest_of_row, state))))

    def look(contest: Array, ballot: Ranking, hand: Hand, state: State) -> tuple[Array, Hand]:
        # gathered once a row, before the loop over its lanes; what a stage finds in the ballots is not kept for others
        of_row, ballot = lax.optimization_barrier((_at(contest, state), ballot))
        if jax.tree.leaves(hand):
            hand = lax.optimization_barrier(of_lanes(rule.follow)(ballot, hand, of_row))
        return sum_ballots(ballot, hand, of_row, rule.shortcuts), hand

    def sum_ballots(ballot: Ranking, hand: Hand, of_row: State, shortcuts: tuple[Any, ...]) -> Int[Array, "row sum"]:
        if not shortcuts:
            return sum_lanes(of_lanes(rule.ballot)(ballot, hand, of_row))
        (allows, shorter), *others = shortcuts
        return lax.cond(
            (jax.vmap(allows)(of_row) | of_row.done).all(),
            lambda: sum_lanes(of_lanes(shorter)(ballot, hand, of_row)),
            lambda: sum_ballots(ballot, hand, of_row, tuple(others)),
        )

    def add_up(state: State, hands: Hand) -> tuple[Array, Hand]:
        nothing = jnp.zeros((contests.lots.shape[0], n_sums), jnp.int64)
        if n_blocks == 1:  # no block could be passed by, unless nobody needs any
            of_rows, hands = look(contest_of_row, ballots, hands, state)
            return nothing.at[contest_of_row].add(of_rows, wrap_negative_indices=False), hands

        def add_block(number: Array, carry: tuple[Array, Hand]) -> tuple[Array, Hand]:
            sums, hands = carry
            start = number * block_rows
            contest = block(contest_of_row, start)
            hand = jax.tree.map(lambda hands: block(hands, start), hands)

            def looked() -> tuple[Array, Hand]:
                return look(contest, tuple(block(word, start) for word in ballots), hand, state)

            def passed_by() -> tuple[Array, Hand]:
                return jnp.zeros((block_rows, n_sums), jnp.int64), hand

            of_rows, hand = lax.cond(~state.done[contest].all(), looked, passed_by)
            # outside the branches, so that the hands are written in place
            hands = jax.tree.map(lambda hands, new: lax.dynamic_update_slice_in_dim(hands, new, start, 0), hands, hand)
            return sums.at[contest].add(of_rows, wrap_negative_indices=False), hands

        return lax.fori_loop(0, n_blocks, add_block, (nothing, hands))

    def stage(carry: tuple[Array, State, Hand]) -> tuple[Array, State, Hand]:
        number, state, hands = carry
        sums, hands = add_up(state, hands)
        sums = sums if devices is None else lax.psum(sums, devices)
        following = jax.vmap(rule.step)(contests, state, sums)
        return number + 1, jax.tree.map(partial(_unless, state.done), state, following), hands

    return _stages(rule, n_parties, stage, (jnp.int32(0), state, hands))[1]


def _stages(rule: StagedRule, n_parties: int, stage: Callable[[Any], Any], carry: Any) -> Any:
    """Stage after stage, until every contest is done."""
    most = rule.n_stages(n_parties)
    if most == 1:
        return stage(carry)
    return lax.while_loop(lambda carry: (carry[0] < most) & ~jnp.all(carry[1].done), stage, carry)


def _of_each(function: Callable[..., Any], n_lanes: int) -> Callable[..., Any]:
    """A function of one ballot, its hand and its contest's state, on the ballots of rows."""
    return jax.vmap(jax.vmap(function, (0, 0, None), axis_size=n_lanes))


def _at(contest: Int[Array, " row"], state: State) -> State:
    """The state of each row's contest."""
    return jax.tree.map(lambda field: field[contest], state)


def sum_lanes(adds: tuple[Int[Array, "row lane"], ...]) -> Int[Array, "row sum"]:
    """The sums of each row, int64; some at once in one loop over the lanes."""
    sums: list[Array] = []
    for first in range(0, len(adds), _SUMS_AT_ONCE):
        some = adds[first : first + _SUMS_AT_ONCE]
        sums += lax.reduce(
            some,
            tuple(np.zeros((), add.dtype) for add in some),
            lambda a, b: tuple(x + y for x, y in zip(a, b, strict=True)),
            (1,),
        )
    return jnp.stack([each.astype(jnp.int64) for each in sums], axis=-1)


def _unless(done: Bool[Array, " contest"], kept: Array, changed: Array) -> Array:
    return jnp.where(done.reshape(done.shape + (1,) * (kept.ndim - 1)), kept, changed)


def _members(bits: UInt[Array, "*set"], n_parties: int) -> Bool[Array, "*set party"]:
    """Which parties a set has, the other way round from `esim_jax.systems.rankings.as_bits`."""
    return (bits[..., None] >> np.arange(1, n_parties + 1, dtype=np.uint32)) & np.uint32(1) != 0


# --- what rules share ------------------------------------------------------------------------------------------------


def most(
    votes: Int[Array, " party"],
    lots: UInt[Array, " party"],
    among: Bool[Array, " party"],
    n: Int[Array, ""] | int = 1,
) -> Bool[Array, " party"]:
    """The n with the most votes of a set; a tie is broken by lot. Fewer where the set is smaller.

    >>> import jax, jax.numpy as jnp
    >>> lots = jnp.array([7, 9, 8], jnp.uint32)
    >>> most(jnp.array([5, 5, 8]), lots, jnp.array([True, True, True]), 2).tolist()
    [False, True, True]
    """
    before = comes_before(votes[:, None] - votes[None, :], lots) & among[:, None]
    return among & (before.sum(axis=0) < n)


def fewest(
    votes: Int[Array, " party"], lots: UInt[Array, " party"], among: Bool[Array, " party"]
) -> Bool[Array, " party"]:
    """The one with the fewest votes of a set; of those that tie the unluckiest. Nobody where the set is empty.

    >>> import jax.numpy as jnp
    >>> fewest(jnp.array([5, 5, 8]), jnp.array([7, 9, 8], jnp.uint32), jnp.array([True, True, True])).tolist()
    [True, False, False]
    """
    before = comes_before(votes[:, None] - votes[None, :], lots)
    return among & ~(before & among[None, :]).any(axis=1)


def has_majority(votes: Int[Array, " party"]) -> Bool[Array, ""]:
    """Whether somebody has more than half of these votes."""
    return 2 * votes.max() > votes.sum()
