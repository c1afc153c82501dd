"""The ballots of a chunk that say more than one name, by constituency, and what rules make of them.

Two kinds of boxes answer alike: one holds the ballots of voters, row by row, one how many there are of each type.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Bool, Int, Shaped, UInt

from esim_jax.model.candidates import by_party, of_candidates
from esim_jax.model.scenario import Scenario
from esim_jax.packing import Words
from esim_jax.poll import Polls
from esim_jax.random import LOT_DRAWS, random_words
from esim_jax.ranking_types import TypedBallots
from esim_jax.rows import Constituencies
from esim_jax.seats import PerParty
from esim_jax.systems import PAIRWISE, RANKED, System
from esim_jax.systems.condorcet import Pairs, by_pairs, condorcet_winner, sum_pairs
from esim_jax.systems.positional import approval
from esim_jax.systems.staged import RankedContest, StagedRule, State, count_rows, final_states


@dataclass(frozen=True)
class BallotBox:
    """The ballots that a chunk's polls keep, and what is counted once a poll, whatever number of simulations asks.

    Attributes:
        polls: who was asked.
        words: of their ballots, by kind, see `esim_jax.systems.System.ballots`.
        constituency: of each row of them, among those of the polls.
        of_poll: the constituency, among those of the polls, of each of the simulations'.
        in_use: whether there is such a constituency; False for a surplus place.
        candidates: of the parties. Where one has several, contests are theirs, and seats are their party's.
    """

    polls: Polls
    words: dict[str, Words]
    constituency: Int[Array, " row"]
    of_poll: Int[Array, " constituency"]
    in_use: Bool[Array, " constituency"]
    candidates: PerParty = 1

    @cached_property
    def contests(self) -> RankedContest:
        """Of the polls' constituencies."""
        scenarios, of = self.polls.scenarios, self.polls.constituencies
        stands = of_candidates(scenarios.eligible, self.candidates)
        lots = contest_lots(scenarios, of.simulation, of.number, stands.shape[-1])
        return RankedContest(of.n_seats.astype(jnp.int64), lots, stands[of.simulation])

    @cached_property
    def pairs(self) -> Int[Array, "contest party party"]:
        """The pairwise matrix of each contest, see `esim_jax.systems.condorcet`."""
        return sum_pairs(self.contests, self.words["rankings"], self.constituency)

    def states(self, rule: StagedRule) -> State:
        """What a rule on rankings knows of each contest in the end."""
        return final_states(rule, self.contests, self.words["rankings"], self.constituency)

    def count(
        self, ranked: Mapping[int, System], asks: "Asks", simulation: Int[Array, " constituency"]
    ) -> Int[Array, "constituency party"]:
        """Seats in each constituency by its simulation's system; anything where that is none of these.

        Args:
            ranked: the systems that count ballots, by their number.
            asks: which system each simulation asks for.
            simulation: of each constituency.
        """
        n_contests, n_parties = self.contests.lots.shape[0], self.polls.scenarios.weight.shape[-1]
        asked = asks.of_polls(self.polls.of, len(self.polls.scenarios.weight))
        won = [self._won(system, number, asks, asked) for number, system in ranked.items()]
        place = asks.place_among(ranked)[simulation]
        counted = jnp.concatenate(won) if len(won) > 1 else won[0]
        seats = by_party(counted[place * n_contests + self.of_poll], n_parties, self.candidates)
        return jnp.where(self.in_use[:, None], seats, 0)

    def _won(
        self, system: System, number: int, asks: "Asks", asked: Bool[Array, " system*poll"]
    ) -> Int[Array, "contest party"]:
        """Seats by a rule in the contests of the polls that are asked; in those of others they mean nothing."""
        contests = self.contests
        if system.rule not in PAIRWISE:
            poll = self.polls.constituencies.simulation
            needed = asked[number * len(self.polls.scenarios.weight) + poll]
            rule, ballots = RANKED[system.rule], self.words[system.ballots]
            return count_rows(rule, contests, ballots, self.constituency, needed=needed)
        pairs = self.pairs  # outside the branch: other rules and metrics use it too

        def counted() -> Int[Array, "contest party"]:
            return jax.vmap(RANKED[system.rule].seats)(contests, Pairs(pairs, jnp.ones(len(pairs), bool)))

        return asks.if_any(number, counted, contests)

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
        lots = contest_lots(scenarios, of.simulation, of.number)
        return RankedContest(of.n_seats.astype(jnp.int64), lots, scenarios.eligible[of.simulation])

    @cached_property
    def pairs(self) -> Int[Array, "constituency party party"]:
        """The pairwise matrix of each contest; of sets of approved parties it means nothing."""
        pairs: Array = self.states(by_pairs(condorcet_winner)).pairs
        return pairs

    def states(self, rule: StagedRule) -> State:
        """What a rule knows of each contest in the end."""
        return self.ballots.states(rule, self.contests)

    def count(
        self, ranked: Mapping[int, System], asks: "Asks", simulation: Int[Array, " constituency"]
    ) -> Int[Array, "constituency party"]:
        """As that of `BallotBox`."""
        place = asks.place_among(ranked)[simulation]
        seats = jnp.zeros(self.contests.lots.shape, jnp.int64)
        for k, (number, system) in enumerate(ranked.items()):
            seats = jnp.where((place == k)[:, None], self._won(system, number, asks), seats)
        return seats

    def _won(self, system: System, number: int, asks: "Asks") -> Int[Array, "constituency party"]:
        rule = approval if system.rule == "approval" else RANKED[system.rule]  # its types are rankings, cut short

        def counted() -> Int[Array, "constituency party"]:
            return jax.vmap(rule.seats)(self.contests, self.states(rule))

        return asks.if_any(number, counted, self.contests)

    def of_simulations(self, values: Shaped[Array, "constituency ..."]) -> Shaped[Array, "constituency ..."]:
        """As they are: each constituency has its own ballots."""
        return values


@dataclass(frozen=True)
class Asks:
    """Which of several systems each simulation asks for.

    Attributes:
        n_systems: how many there are.
        system: the number of each simulation's.
    """

    n_systems: int
    system: Int[Array, " simulation"]

    def by(self, number: int) -> Bool[Array, " simulation"]:
        """Which simulations ask for a system; of one system that is known beforehand."""
        return self.system == number if self.n_systems > 1 else jnp.ones_like(self.system, bool)

    def of_polls(self, poll: Int[Array, " simulation"], n_polls: int) -> Bool[Array, " system*poll"]:
        """Whether some simulation of a poll does, system by system."""
        return jnp.zeros(self.n_systems * n_polls, bool).at[self.system * n_polls + poll].set(True)

    def if_any(
        self, number: int, counted: Callable[[], Int[Array, "contest party"]], contests: RankedContest
    ) -> Int[Array, "contest party"]:
        """What is counted, where some simulation asks for that system; else nothing."""
        if self.n_systems == 1:
            return counted()
        return lax.cond(self.by(number).any(), counted, lambda: jnp.zeros(contests.lots.shape, jnp.int64))

    def place_among(self, some: Mapping[int, System]) -> Int[Array, " simulation"]:
        """The place of each simulation's system among some of them; 0 for others."""
        place = jnp.zeros_like(self.system)
        for k, number in enumerate(some):
            if k:
                place = jnp.where(self.by(number), k, place)
        return place


def contest_lots(
    scenarios: Scenario, simulation: Int[Array, " contest"], index: Array, n: int | None = None
) -> UInt[Array, "contest party"]:
    """A random number for each party of each contest, or for each of n candidates."""
    key = (scenarios.key_high[simulation][:, None], scenarios.key_low[simulation][:, None])
    party = jnp.arange(n or scenarios.weight.shape[1], dtype=jnp.uint32)
    return random_words(key, index[:, None].astype(jnp.uint32), LOT_DRAWS + party[None, :])[0]
