"""Seats: from the votes of constituencies to who sits in the assembly."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Int, UInt

from esim_jax.ballot_box import Asks, BallotBox, TypedBox, contest_lots
from esim_jax.model.scenario import Scenario
from esim_jax.rows import Constituencies
from esim_jax.systems import RULES, Contest, System, passes_threshold
from esim_jax.systems.mixed import majority_bonus, mixed_member_proportional, parallel, with_minimum

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
    ballots: BallotBox | TypedBox | None = None,
) -> Seats:
    """The seats of elections whose votes are counted; `ballots` where some system needs more than first places.

    Every system in use is applied to every simulation, and each simulation keeps its own: seats cost little.
    """
    count = _Count(scenarios, constituencies, constituency_votes, votes, Asks(len(systems), scenarios.system))
    chosen = _of_constituencies(count, systems, ballots)
    for number, system in enumerate(systems):
        if system.level not in _LEVELS:
            continue
        mine = count.asks.by(number)
        found = _LEVELS[system.level](count, system, mine)
        chosen = Seats(
            jnp.where(mine[:, None], found.seats, chosen.seats),
            (mine & found.threshold_waived) | chosen.threshold_waived,
            jnp.where(mine[constituencies.simulation][:, None], found.constituency_seats, chosen.constituency_seats),
            jnp.where(mine, found.vacant, chosen.vacant),
        )
    return chosen


@dataclass(frozen=True)
class _Count:
    """The votes of a chunk's elections, and what several systems make of them; each is computed once, if at all."""

    scenarios: Scenario
    constituencies: Constituencies
    constituency_votes: Int[Array, "constituency party"]
    votes: Int[Array, "simulation party"]
    asks: Asks

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
            contest_lots(self.scenarios, where, self.constituencies.number),
        )

    @cached_property
    def plurality(self) -> Int[Array, "constituency party"]:
        """Seats of the constituencies' plurality winners."""
        return jax.vmap(RULES["plurality"])(self.local)

    @cached_property
    def lots(self) -> UInt[Array, "simulation party"]:
        """Of nationwide contests."""
        return contest_lots(self.scenarios, jnp.arange(self.n_simulations), jnp.full(self.n_simulations, NATION))

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


def _of_constituencies(count: _Count, systems: tuple[System, ...], ballots: BallotBox | TypedBox | None) -> Seats:
    """What simulations win whose constituencies elect their own members; of others it means nothing."""
    simulation = count.constituencies.simulation
    local, waived = _none(count), count.no
    ranked = {number: system for number, system in enumerate(systems) if system.level == "rankings"}
    if ranked:
        assert ballots is not None  # noqa: S101 (the plan of such systems gives them)
        local = ballots.count(ranked, count.asks, simulation)
    for number, system in enumerate(systems):
        if system.level == "constituency":
            mine = count.asks.by(number)
            found, somewhere = _by_constituency(count, system)
            local = jnp.where(mine[simulation][:, None], found, local)
            waived = waived | (mine & somewhere)
    seats = count.of_nation(local)
    return Seats(seats, waived, local, count.n_seats - seats.sum(axis=-1))


def _by_constituency(
    count: _Count, system: System
) -> tuple[Int[Array, "constituency party"], Bool[Array, " simulation"]]:
    """The rule in every constituency, and whether somewhere no threshold was applied; plurality knows none."""
    if system.rule == "plurality":
        return count.plurality, count.no
    contest, waived = count.in_districts
    return jax.vmap(RULES[system.rule])(contest), waived


def _by_nation(count: _Count, system: System, mine: Array) -> Seats:  # noqa: ARG001
    """The rule once, for all seats."""
    national, waived = count.taking_part
    seats = jax.vmap(RULES[system.rule])(Contest(count.votes * national, count.n_seats, count.lots))
    return Seats(seats, waived, _none(count), count.n_seats - seats.sum(axis=-1))


def _levelled(count: _Count, system: System, mine: Array) -> Seats:
    """The rule in every constituency, and levelling seats that bring the totals closer to the nation's votes."""
    local, somewhere = _by_constituency(count, system)
    won = count.of_nation(local)
    national, _ = count.taking_part
    levelled, waived = count.over(count.scenarios.levelling_threshold, national, count.waiver(won) & national)
    total = won.sum(axis=-1) + count.extra_seats
    contest = Contest(_only(mine, count.votes * levelled), total, count.lots)
    seats = jax.vmap(lambda c, m: with_minimum(system.rule, c, m))(contest, _only(mine, won))
    return Seats(seats, somewhere | waived, local, count.n_seats - seats.sum(axis=-1))


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
    "nation": _by_nation,
    "levelled": _levelled,
    "MMP": _mixed_member_proportional,
    "parallel": _parallel,
    "majority_bonus": _majority_bonus,
}
"""Where the nation has a say in the seats, by `esim_jax.systems.System.level`."""


def _only(mine: Bool[Array, " simulation"], numbers: Int[Array, "simulation party"]) -> Int[Array, "simulation party"]:
    """Nothing for other simulations, for which a loop would otherwise turn as long as for its own."""
    return jnp.where(mine[:, None], numbers, 0)


def _none(count: _Count) -> Int[Array, "constituency party"]:
    return jnp.zeros_like(count.constituency_votes)
