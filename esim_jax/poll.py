"""The poll: voters are asked once for all simulations in which they see the same, and their ballots are kept.

A rule that eliminates parties looks at the ballots again and again. So a word or two a voter are kept here for each
kind of ballot that is counted, unlike in `esim_jax.tally`. First preferences are the votes that `tally_rows` adds up.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Bool, Float, Int, UInt

from esim_jax.ask import appeal_of, ask_voters, draw_surroundings, draw_voters, numbers_of, prepare
from esim_jax.model.ballots import PluralityBallots
from esim_jax.model.candidates import draw_appeal, draw_standing, find_first, lift, of_candidates, parties_of
from esim_jax.model.preferences import (
    draw_lots,
    is_first_party,
    order_parties,
    perceive,
    put_first,
    score_parties,
    steepness_of,
)
from esim_jax.model.scenario import Scenario
from esim_jax.model.voters import VoterModel
from esim_jax.packing import pack_words
from esim_jax.random import CANDIDATE_LOT_DRAWS
from esim_jax.rows import ROW_WIDTH, Constituencies, Rows
from esim_jax.systems.rankings import Ranking, places_of, rank_parties
from esim_jax.systems.scores import pack_each
from esim_jax.tally import look_up_rows, pack_seen, seen_by, unpack_seen

BLOCK_ROWS = 2**14
"""Rows that are asked at a time, so that memory does not grow with what is between. It can't change a result."""

_BALLOT_FIELDS = "key_high", "key_low", "eligible", "ballot_length", "approval_count"
"""Fields of a scenario that ballots depend on beside what voters see."""


class Polls(NamedTuple):
    """The polls of a chunk, and who takes part."""

    scenarios: Scenario  # of each poll, the first simulation's: voters see the same in all
    constituencies: Constituencies  # of the polls
    of: Int[Any, " simulation"]  # each simulation's poll


def find_polls(
    electorate: Int[np.ndarray, " simulation"], seeds: UInt[np.ndarray, " simulation"]
) -> tuple[Int[np.ndarray, " poll"], Int[np.ndarray, " simulation"]]:
    """The first simulation of each poll, in rising order, and each simulation's poll.

    Args:
        electorate: a number that simulations share in which voters of one seed would see the same.
        seeds: uint64.

    >>> [places.tolist() for places in find_polls(np.array([7, 7, 3, 7]), np.array([1, 2, 1, 2], np.uint64))]
    [[0, 1, 2], [0, 1, 2, 1]]
    """
    order = np.lexsort((seeds, electorate))
    begins = np.ones(len(seeds), bool)
    begins[1:] = (np.diff(electorate[order]) != 0) | (seeds[order][1:] != seeds[order][:-1])
    first = order[begins]  # sorting is stable
    by_place = np.argsort(first)
    number = np.empty(len(first), np.int64)
    number[by_place] = np.arange(len(first))
    poll = np.empty(len(seeds), np.int64)
    poll[order] = number[np.cumsum(begins) - 1]
    return first[by_place], poll


def constituency_of_rows(constituencies: Constituencies, rows: Rows) -> Int[Array, " row"]:
    """The constituency that each row of the table lies in, where no two polls share an electorate."""
    electorate = rows.electorate[rows.place]
    poll = rows.member[rows.first_member[electorate]]
    return constituencies.first[poll] + rows.number[rows.place].astype(jnp.int32)


def poll_rows(
    scenarios: Scenario,
    rows: Rows,
    first_row: Int[Array, ""] | int,
    n_rows: int,
    model: VoterModel,
    kinds: tuple[str, ...],
    outlook: Float[Array, "row party"] | None = None,
) -> tuple[UInt[Array, "row lane"], ...]:
    """The ballots of the voters in some rows of the table, packed; see `esim_jax.packing.Ballots`.

    Args:
        scenarios: of each poll of the chunk.
        rows: the chunk's row table; no two polls share an electorate.
        first_row: the first row to ask.
        n_rows: how many, a power of two.
        model: of the voters.
        kinds: of ballots, see `esim_jax.systems.System.ballots`.
        outlook: log of each party's viability in the constituency of each row of the table, for strategic voters.
    """
    scenarios = prepare(scenarios, model)
    seen = seen_by(model)
    numbers = pack_seen(scenarios, seen)
    n_rows_a_block = min(n_rows, BLOCK_ROWS)

    def ask_block(start: Int[Array, ""]) -> tuple[UInt[Array, "row lane"], ...]:
        block = look_up_rows(scenarios, rows, start, n_rows_a_block)
        poll = rows.member[rows.first_member[block.electorate]]
        looked_up = unpack_seen(numbers[poll][:, None], scenarios, seen)
        counted = {name: getattr(scenarios, name)[poll][:, None] for name in _BALLOT_FIELDS}
        s = lax.optimization_barrier(looked_up._replace(**counted))
        voters, index, _ = draw_voters(s, model, block.key, block.n_voters, block.first_voter, rows.table)
        number = rows.number[block.place].astype(jnp.uint32)
        beside = draw_surroundings(s, model, block.key, number if model.local else None, block.key, index)
        if outlook is not None:
            beside = beside._replace(outlook=lax.dynamic_slice_in_dim(outlook, start, n_rows_a_block)[:, None])
        _, leaning, votes = ask_voters(s, model, voters, appeal_of(s, model, beside), beside)
        if model.several_candidates:
            s, asked = _ask_of_candidates(s, model, number, index, leaning, votes)
        else:
            asked = _ask(s, model, index, leaning, votes, kinds)
        return tuple(pack_words([_CAST[kind](s, asked) for kind in kinds], kinds, s.eligible.shape[-1]))

    starts = jnp.asarray(first_row, jnp.int32) + jnp.arange(0, n_rows, n_rows_a_block, dtype=jnp.int32)
    if len(starts) == 1:
        return ask_block(starts[0])
    kept: tuple[Array, ...] = lax.map(ask_block, starts)
    return tuple(numbers.reshape(n_rows, ROW_WIDTH) for numbers in kept)


class _Asked(NamedTuple):
    """What ballots are cast from, of each voter; options are parties, or their candidates."""

    votes: Bool[Array, "..."]  # whether the voter does
    utility: list[Float[Array, "..."]]
    order: list[Float[Array, "..."]]  # numbers by which the voter orders the options; empty where no ballot needs them
    lots: list[UInt[Array, "..."]]  # for numbers that are equal; empty where they are all different
    values: list[Float[Array, "..."]]  # what each option is worth at the moment of voting; empty as above
    scored: list[Float[Array, "..."]]  # numbers by which who has a score is told from who is behind none of the above
    by_utility: bool  # static: whether the order is that of the utilities


def _ask(
    scenario: Scenario,
    model: VoterModel,
    voter: UInt[Array, "row lane"],
    utility: list[Float[Array, "..."]],
    votes: PluralityBallots,
    kinds: tuple[str, ...],
) -> _Asked:
    key = scenario.key_high, scenario.key_low
    order, lots, values = [], [], []
    if {"rankings", "approvals"} & {*kinds}:
        if model.sincere:
            order, lots = put_first(votes, utility), draw_lots(key, voter, len(utility))
        else:
            order = order_parties(key, voter, votes, utility, scenario.temperature)
    if "scores" in kinds:
        values = utility
        if not model.sincere:
            values = perceive(key, voter, votes, utility, scenario.weight, scenario.temperature)
    return _Asked(votes.up_to[-1], utility, order, lots, values, values, model.sincere)


def _ask_of_candidates(
    scenario: Scenario,
    model: VoterModel,
    constituency: UInt[Array, " row"],
    voter: UInt[Array, "row lane"],
    utility: list[Float[Array, "..."]],
    votes: PluralityBallots,
) -> tuple[Scenario, _Asked]:
    """As `_ask`, of the parties' candidates; and the scenario with an axis of candidates in the place of parties."""
    key = scenario.key_high, scenario.key_low
    party_of = parties_of(scenario.eligible.shape[-1], model.candidates)
    stands, n = of_candidates(scenario.eligible, model.candidates), len(party_of)
    standing = lax.optimization_barrier(draw_standing(key, constituency[:, None], n))
    appeal = draw_appeal(key, voter, standing, numbers_of(scenario, model)["candidate_spread"], stands, len(utility))
    if model.sincere:
        values = [utility[party] + w for party, w in zip(party_of, appeal, strict=True)]
    else:
        perceived = perceive(key, voter, votes, utility, scenario.weight, scenario.temperature, n)
        steepness = steepness_of(scenario.temperature)
        values = [perceived[party] + steepness * w for party, w in zip(party_of, appeal, strict=True)]
    first = find_first(is_first_party(votes), appeal, party_of)
    order = [jnp.where(is_first, np.float32(np.inf), value) for is_first, value in zip(first, values, strict=True)]
    asked = _Asked(
        votes=votes.up_to[-1],
        utility=[utility[party] + w for party, w in zip(party_of, appeal, strict=True)],
        order=order,
        lots=draw_lots(key, voter, n, CANDIDATE_LOT_DRAWS),
        values=lift(first, values, stands),
        scored=order,
        by_utility=False,
    )
    return scenario._replace(weight=of_candidates(scenario.weight, model.candidates), eligible=stands), asked


def _above_nota(scenario: Scenario, values: list[Float[Array, "..."]]) -> list[Bool[Array, "..."]]:
    """Which parties are worth more than none of the above, where that is an option."""
    none = jnp.full_like(values[0], -np.inf)
    for j, value in enumerate(values):
        is_nota = (scenario.weight[..., j] > 0) & ~scenario.eligible[..., j]
        none = jnp.where(is_nota, value, none)
    return [scenario.eligible[..., j] & (value > none) for j, value in enumerate(values)]


def _cast_rankings(scenario: Scenario, asked: _Asked) -> Ranking:
    length = jnp.where(asked.votes, scenario.ballot_length, 0)
    return rank_parties(asked.order, length, _above_nota(scenario, asked.order), asked.lots or None)


def _cast_approvals(scenario: Scenario, asked: _Asked) -> Ranking:
    """The parties that are worth more to the voter than the parties' mean, or so many of the best.

    The first is best where all pairs are as likely to be in the lead (Weber, R. J., 1978, Comparison of Voting
    Systems).
    """
    n_best = scenario.approval_count
    total, n = jnp.zeros_like(asked.utility[0]), jnp.zeros_like(asked.utility[0])
    for j, u in enumerate(asked.utility):
        eligible = scenario.eligible[..., j]
        total, n = total + jnp.where(eligible, u, 0), n + eligible
    beyond = jnp.where(n_best > 0, -np.inf, total / n)
    above = _above_nota(scenario, asked.order)
    liked = [a & (u > beyond) for a, u in zip(above, asked.utility, strict=True)]
    # where they are the first in the order, their places are those in the ranking, which are known
    place = places_of(asked.order, above if asked.by_utility else liked, asked.lots or None)
    most = jnp.where(n_best > 0, jnp.minimum(n_best, scenario.ballot_length), scenario.ballot_length)
    most = jnp.where(asked.votes, most, 0).astype(jnp.uint32)
    approved = jnp.zeros_like(place[0])
    for j, likes in enumerate(liked):
        approved = approved | jnp.where(likes & (place[j] < most), np.uint32(1 << (j + 1)), np.uint32(0))
    return (approved,)


def _cast_scores(scenario: Scenario, asked: _Asked) -> Ranking:
    eligible = [scenario.eligible[..., j] for j in range(len(asked.values))]
    above = [a & asked.votes for a in _above_nota(scenario, asked.scored)]
    return pack_each(score_parties(asked.values, eligible, above))


_CAST = {"rankings": _cast_rankings, "approvals": _cast_approvals, "scores": _cast_scores}
