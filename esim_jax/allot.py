"""Seats: from the votes of constituencies to who sits in the assembly."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Bool, Int, Shaped, UInt

from esim_jax.model.candidates import by_party, of_candidates
from esim_jax.model.scenario import Scenario
from esim_jax.packing import Words
from esim_jax.poll import Polls
from esim_jax.random import LOT_DRAWS, random_words
from esim_jax.ranking_types import TypedBallots
from esim_jax.rows import Constituencies
from esim_jax.systems import PAIRWISE, RANKED, RULES, Contest, System, passes_threshold
from esim_jax.systems.condorcet import Pairs, by_pairs, condorcet_winner, sum_pairs
from esim_jax.systems.mixed import majority_bonus, mixed_member_proportional, parallel, with_minimum
from esim_jax.systems.positional import approval
from esim_jax.systems.staged import RankedContest, StagedRule, State, count_rows, final_states

NATION = np.uint32(0xFFFF_FFFF)
"""Index that draws the lots of a nationwide contest; constituencies draw with their own number."""


class Seats(NamedTuple):
    """Who has won what, int64."""

    seats: Int[Array, "simulation party"]
    threshold_waived: Bool[Array, " simulation"]  # nobody reached a threshold, so it was not applied
    constituency_seats: Int[Array, "constituency party"]  # 0 where seats are allotted to the nation's votes
    vacant: Int[Array, " simulation"]  # seats for which nobody voted


def allot_seats(
    scenarios: Scenario,
    constituencies: Constituencies,
    systems: tuple[System, ...],
    constituency_votes: Int[Array, "constituency party"],
    votes: Int[Array, "simulation party"],
    ballots: "BallotBox | TypedBox | None" = None,
) -> Seats:
    """The seats of elections whose votes are counted; `ballots` where some system needs more than first places.

    Every system in use is applied to every simulation, and each simulation keeps its own: seats cost little.
    """
    count = _Count(scenarios, constituencies, constituency_votes, votes, ballots)
    chosen = Seats(jnp.zeros_like(votes), count.no, jnp.zeros_like(constituency_votes), jnp.zeros_like(votes[:, 0]))
    for index, system in enumerate(systems):
        mine = scenarios.system == index
        found = _LEVELS[system.level](count, system, mine)
        of_constituency = mine[constituencies.simulation]
        chosen = Seats(
            jnp.where(mine[:, None], found.seats, chosen.seats),
            (mine & found.threshold_waived) | chosen.threshold_waived,
            jnp.where(of_constituency[:, None], found.constituency_seats, chosen.constituency_seats),
            jnp.where(mine, found.vacant, chosen.vacant),
        )
    return chosen


@dataclass(frozen=True)
class BallotBox:
    """The ballots that a chunk's polls keep, and what is counted once a poll, whatever number of simulations asks.

    Attributes:
        polls: who was asked.
        words: of their ballots, by kind, see `esim_jax.systems.System.ballots`.
        constituency: of each row of them, among those of the polls.
        of_poll: the constituency, among those of the polls, of each of the simulations'.
        in_use: whether there is such a constituency; False for a surplus place.
        candidates: of each party. Where there are several, contests are theirs, and seats are their party's.
    """

    polls: Polls
    words: dict[str, Words]
    constituency: Int[Array, " row"]
    of_poll: Int[Array, " constituency"]
    in_use: Bool[Array, " constituency"]
    candidates: int = 1

    @cached_property
    def contests(self) -> RankedContest:
        """Of the polls' constituencies."""
        scenarios, of = self.polls.scenarios, self.polls.constituencies
        stands = of_candidates(scenarios.eligible, self.candidates)
        lots = _lots(scenarios, of.simulation, of.number, stands.shape[-1])
        return RankedContest(of.n_seats.astype(jnp.int64), lots, stands[of.simulation])

    @cached_property
    def pairs(self) -> Int[Array, "contest party party"]:
        """The pairwise matrix of each contest, see `esim_jax.systems.condorcet`."""
        return sum_pairs(self.contests, self.words["rankings"], self.constituency)

    def states(self, rule: StagedRule) -> State:
        """What a rule on rankings knows of each contest in the end."""
        return final_states(rule, self.contests, self.words["rankings"], self.constituency)

    def count(self, system: System, mine: Bool[Array, " simulation"]) -> Int[Array, "constituency party"]:
        """Seats by a rule in the constituencies of some simulations; in those of others they mean nothing."""
        contests, n_parties = self.contests, self.polls.scenarios.weight.shape[-1]
        if system.rule in PAIRWISE:
            pairs = self.pairs  # outside the branch: other rules and metrics use it too

            def counted() -> Int[Array, "contest party"]:
                return jax.vmap(RANKED[system.rule].seats)(contests, Pairs(pairs, jnp.ones(len(pairs), bool)))
        else:
            needed = jnp.zeros(len(self.polls.scenarios.weight), bool).at[self.polls.of].max(mine)

            def counted() -> Int[Array, "contest party"]:
                return count_rows(
                    RANKED[system.rule], contests, self.words[system.ballots], self.constituency,
                    needed=needed[self.polls.constituencies.simulation],
                )  # fmt: skip

        none = jnp.zeros(contests.lots.shape, jnp.int64)
        won = by_party(lax.cond(mine.any(), counted, lambda: none), n_parties, self.candidates)
        seats = self.of_simulations(won)
        return jnp.where(self.in_use[:, None], seats, 0)

    def of_simulations(self, values: Shaped[Array, "contest ..."]) -> Shaped[Array, "constituency ..."]:
        """What each of the simulations' constituencies has in its poll; anything in a surplus place."""
        return values[self.of_poll]


@dataclass(frozen=True)
class TypedBox:
    """The ballots of a chunk's constituencies by type, counted as a `BallotBox` counts those of voters.

    Attributes:
        scenarios: of the simulations.
        constituencies: of the simulations.
        ballots: of each constituency.
    """

    scenarios: Scenario
    constituencies: Constituencies
    ballots: TypedBallots

    @cached_property
    def contests(self) -> RankedContest:
        """Of the constituencies."""
        scenarios, of = self.scenarios, self.constituencies
        lots = _lots(scenarios, of.simulation, of.number)
        return RankedContest(of.n_seats.astype(jnp.int64), lots, scenarios.eligible[of.simulation])

    @cached_property
    def pairs(self) -> Int[Array, "constituency party party"]:
        """The pairwise matrix of each contest; of sets of approved parties it means nothing."""
        pairs: Array = self.states(by_pairs(condorcet_winner)).pairs
        return pairs

    def states(self, rule: StagedRule) -> State:
        """What a rule knows of each contest in the end."""
        return self.ballots.states(rule, self.contests)

    def count(self, system: System, mine: Bool[Array, " simulation"]) -> Int[Array, "constituency party"]:
        """Seats by a rule in the constituencies of some simulations; in those of others they mean nothing."""
        contests = self.contests
        rule = approval if system.rule == "approval" else RANKED[system.rule]  # its types are rankings, cut short

        def counted() -> Int[Array, "constituency party"]:
            return jax.vmap(rule.seats)(contests, self.states(rule))

        return lax.cond(mine.any(), counted, lambda: jnp.zeros(contests.lots.shape, jnp.int64))

    def of_simulations(self, values: Shaped[Array, "constituency ..."]) -> Shaped[Array, "constituency ..."]:
        """As they are: each constituency has its own ballots."""
        return values


@dataclass(frozen=True)
class _Count:
    """The votes of a chunk's elections, and what several systems make of them; each is computed once, if at all."""

    scenarios: Scenario
    constituencies: Constituencies
    constituency_votes: Int[Array, "constituency party"]
    votes: Int[Array, "simulation party"]
    ballots: BallotBox | TypedBox | None

    @property
    def n_simulations(self) -> int:
        return int(self.votes.shape[0])

    @cached_property
    def no(self) -> Bool[Array, " simulation"]:
        """False for every simulation."""
        return jnp.zeros(self.n_simulations, bool)

    @property
    def n_seats(self) -> Int[Array, " simulation"]:
        """Of the assembly, int64."""
        return self.scenarios.n_seats.astype(jnp.int64)

    @property
    def extra_seats(self) -> Int[Array, " simulation"]:
        return self.scenarios.extra_seats.astype(jnp.int64)

    @cached_property
    def local(self) -> Contest:
        """The contests of constituencies, without any threshold."""
        where = self.constituencies.simulation
        return Contest(
            self.constituency_votes * self.scenarios.eligible[where],
            self.constituencies.n_seats.astype(jnp.int64),
            _lots(self.scenarios, where, self.constituencies.number),
        )

    @cached_property
    def plurality(self) -> Int[Array, "constituency party"]:
        """Seats of the constituencies' plurality winners."""
        return jax.vmap(RULES["plurality"])(self.local)

    @cached_property
    def lots(self) -> UInt[Array, "simulation party"]:
        """Of nationwide contests."""
        return _lots(self.scenarios, jnp.arange(self.n_simulations), jnp.full(self.n_simulations, NATION))

    def of_nation(self, constituency_seats: Int[Array, "constituency party"]) -> Int[Array, "simulation party"]:
        """Sums over constituencies."""
        return jax.ops.segment_sum(constituency_seats, self.constituencies.simulation, self.n_simulations)

    @cached_property
    def taking_part(self) -> tuple[Bool[Array, "simulation party"], Bool[Array, " simulation"]]:
        """Who reaches the national threshold; everybody where nobody does; and whether that is so."""
        return self.over(self.scenarios.threshold, self.scenarios.eligible)

    def over(
        self,
        threshold: Int[Array, " simulation"],
        among: Bool[Array, "simulation party"],
        waived_for: Bool[Array, "simulation party"] | bool = False,
    ) -> tuple[Bool[Array, "simulation party"], Bool[Array, " simulation"]]:
        """Those among some parties who reach a share of the nation's votes, or need not.

        Where nobody with votes does, all of them are let in; and whether that is so.
        """
        free = self.scenarios.exempt | waived_for
        passing = (jax.vmap(passes_threshold)(self.votes, threshold, self.scenarios.in_base) | free) & among
        waived = ~(passing & (self.votes > 0)).any(axis=-1) & (self.votes * among > 0).any(axis=-1)
        return jnp.where(waived[:, None], among, passing), waived

    def waiver(self, won: Int[Array, "simulation party"]) -> Bool[Array, "simulation party"]:
        """Who has won enough seats in constituencies to need no threshold."""
        enough = self.scenarios.waiver_seats[:, None]
        return (enough > 0) & (won >= enough)

    @cached_property
    def in_districts(self) -> tuple[Contest, Bool[Array, " simulation"]]:
        """The contests of constituencies after both thresholds, and whether somewhere they were not applied."""
        where, s = self.constituencies.simulation, self.scenarios
        national, waived = self.taking_part
        passing = jax.vmap(passes_threshold)(self.constituency_votes, s.district_threshold[where], s.in_base[where])
        running = jnp.where((passing | s.exempt[where]) & national[where], self.local.votes, 0)
        nobody = ~(running > 0).any(axis=-1) & (self.local.votes > 0).any(axis=-1)
        votes = jnp.where(nobody[:, None], self.local.votes, running)
        somewhere = jax.ops.segment_sum(nobody.astype(jnp.int32), where, self.n_simulations) > 0
        return self.local._replace(votes=votes), waived | somewhere


def _by_constituency(count: _Count, system: System, mine: Array) -> Seats:  # noqa: ARG001
    """The rule in every constituency; thresholds don't bear on plurality."""
    if system.rule == "plurality":
        local, waived = count.plurality, count.no
    else:
        contest, waived = count.in_districts
        local = jax.vmap(RULES[system.rule])(contest)
    seats = count.of_nation(local)
    return Seats(seats, waived, local, count.n_seats - seats.sum(axis=-1))


def _by_rankings(count: _Count, system: System, mine: Array) -> Seats:
    """The rule in every constituency, on its ballots that say more than one name."""
    assert count.ballots is not None  # noqa: S101 (the plan of such systems gives them)
    local = count.ballots.count(system, mine)
    seats = count.of_nation(local)
    return Seats(seats, count.no, local, count.n_seats - seats.sum(axis=-1))


def _by_nation(count: _Count, system: System, mine: Array) -> Seats:  # noqa: ARG001
    """The rule once, for all seats."""
    national, waived = count.taking_part
    seats = jax.vmap(RULES[system.rule])(Contest(count.votes * national, count.n_seats, count.lots))
    return Seats(seats, waived, _none(count), count.n_seats - seats.sum(axis=-1))


def _levelled(count: _Count, system: System, mine: Array) -> Seats:
    """The rule in every constituency, and levelling seats that bring the totals closer to the nation's votes."""
    won = _by_constituency(count, system, mine)
    national, _ = count.taking_part
    levelled, waived = count.over(count.scenarios.levelling_threshold, national, count.waiver(won.seats) & national)
    total = won.seats.sum(axis=-1) + count.extra_seats
    contest = Contest(_only(mine, count.votes * levelled), total, count.lots)
    seats = jax.vmap(lambda c, m: with_minimum(system.rule, c, m))(contest, _only(mine, won.seats))
    return Seats(seats, won.threshold_waived | waived, won.constituency_seats, count.n_seats - seats.sum(axis=-1))


def _mixed_member_proportional(count: _Count, system: System, mine: Array) -> Seats:
    """Constituency seats by plurality, and list seats that make the totals proportional."""
    won = _only(mine, count.of_nation(count.plurality))
    national, waived = count.over(count.scenarios.threshold, count.scenarios.eligible, count.waiver(won))
    contest = Contest(_only(mine, count.votes * national), won.sum(axis=-1) + count.extra_seats, count.lots)
    seats, growth = jax.vmap(lambda c, w: mixed_member_proportional(system.rule, c, w, system.overhang))(contest, won)
    return Seats(seats, waived, count.plurality, count.n_seats + growth - seats.sum(axis=-1))


def _parallel(count: _Count, system: System, mine: Array) -> Seats:  # noqa: ARG001
    """Constituency seats by plurality, and list seats beside them."""
    national, waived = count.taking_part
    contest = Contest(count.votes * national, count.extra_seats, count.lots)
    seats = jax.vmap(partial(parallel, system.rule))(contest, count.of_nation(count.plurality))
    return Seats(seats, waived, count.plurality, count.n_seats - seats.sum(axis=-1))


def _majority_bonus(count: _Count, system: System, mine: Array) -> Seats:
    """Some seats for the first party beforehand, and the rule for the others."""
    national, waived = count.taking_part
    bonus = jnp.where(mine, count.extra_seats, 0)
    contest = Contest(count.votes * national, count.n_seats, count.lots)
    seats = jax.vmap(lambda c, b: majority_bonus(system.rule, c, b))(contest, bonus)
    return Seats(seats, waived, _none(count), count.n_seats - seats.sum(axis=-1))


_LEVELS: dict[str, Callable[[_Count, System, Array], Seats]] = {
    "constituency": _by_constituency,
    "nation": _by_nation,
    "levelled": _levelled,
    "rankings": _by_rankings,
    "MMP": _mixed_member_proportional,
    "parallel": _parallel,
    "majority_bonus": _majority_bonus,
}


def _only(mine: Bool[Array, " simulation"], numbers: Int[Array, "simulation party"]) -> Int[Array, "simulation party"]:
    """Nothing for other simulations, for which a loop would otherwise turn as long as for its own."""
    return jnp.where(mine[:, None], numbers, 0)


def _none(count: _Count) -> Int[Array, "constituency party"]:
    return jnp.zeros_like(count.constituency_votes)


def _lots(
    scenarios: Scenario, simulation: Int[Array, " contest"], index: Array, n: int | None = None
) -> UInt[Array, "contest party"]:
    """A random number for each party of each contest, or for each of n candidates."""
    key = (scenarios.key_high[simulation][:, None], scenarios.key_low[simulation][:, None])
    party = jnp.arange(n or scenarios.weight.shape[1], dtype=jnp.uint32)
    return random_words(key, index[:, None].astype(jnp.uint32), LOT_DRAWS + party[None, :])[0]
