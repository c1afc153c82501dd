"""What the contract suite needs of a rule: to count many small contests at once, and a plain exact count of each.

Four kinds of rules see one batch of random contests in their own way: rules on lists take first preferences as votes,
rules on rankings the rankings, rules on scores the scores, and systems that are composed of several contests take the
first preferences of some ballots as the votes of a constituency. The rules are those of the registry. A batch always
has the same shape, so that each rule is compiled once, and all composed systems together.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache, lru_cache, partial
from itertools import islice
from typing import Any, NamedTuple
from unittest.mock import patch

import jax
import jax.numpy as jnp
import numpy as np
import oracle
from exact_elections import GivenLots, exact_election

from esim_jax import Party, allot
from esim_jax.counts import scores as exact_scores
from esim_jax.counts.apportion import METHODS, allocate
from esim_jax.counts.ballots import SYSTEMS
from esim_jax.counts.profile import Profile
from esim_jax.counts.scores import ScoreBallots
from esim_jax.model.scenario import Scenario
from esim_jax.names import SEVERAL_WINNERS
from esim_jax.rows import Constituencies
from esim_jax.systems import PAIRWISE, RANKED, RULES, THRESHOLD_UNIT, Contest, System, find_system
from esim_jax.systems import scores as score_rules
from esim_jax.systems.rankings import pack_rankings
from esim_jax.systems.scores import pack_scores
from esim_jax.systems.staged import RankedContest, StagedRule, count_ballots, count_rankings, count_rows, final_states

CONTESTS, PARTIES, BALLOTS = 256, 5, 12
NAMES = "ABCDEFGHI"
WIDE = 9  # parties: their rankings take two words
APPROVED = 2  # a party is approved of whose score is larger
ROWS, LANES = 5, 8  # of a contest whose ballots lie in rows, one a voter: 40 voters at most
QUICKLY = {"xla_backend_optimization_level": 0}  # integers stay the same, and compilation is what takes time here


class Batch(NamedTuple):
    """Contests, stacked or a single one; NumPy arrays."""

    n_seats: Any  # int64, contest
    house: Any  # int64, contest; seats where parties have lists
    lots: Any  # uint32, contest x party; those of a contest differ
    stands: Any  # bool, contest x party
    rankings: Any  # int32, contest x ballot x place; -1 where nobody is ranked any more
    scores: Any  # int32, contest x ballot x party
    counts: Any  # int64, contest x ballot


class World(NamedTuple):
    """What random contests are like."""

    seed: int
    most_votes: int  # for one ballot; few make ties common
    short: float  # probability that a ballot ranks fewer than all who stand; some rank nobody
    standing: int = PARTIES  # at most so many of the parties stand
    parties: int = PARTIES


@lru_cache(maxsize=32)
def draw(world: World) -> Batch:
    """The contests of a world."""
    rng = np.random.default_rng(world.seed)
    shape, n = (CONTESTS, BALLOTS), world.parties
    parties = np.tile(np.arange(n), (CONTESTS, 1))
    stands = rng.permuted(parties, axis=1) < rng.integers(1, min(world.standing, n) + 1, (CONTESTS, 1))
    order = np.argsort(rng.random((*shape, n)) + 9 * ~stands[:, None], axis=2)
    length = np.where(rng.random(shape) < world.short, rng.integers(0, n, shape), n)
    ranked = np.arange(n) < np.minimum(length, stands.sum(axis=1, keepdims=True))[..., None]
    cast = rng.random(shape) < rng.random((CONTESTS, 1))
    return Batch(
        n_seats=rng.integers(1, PARTIES, CONTESTS),
        house=rng.integers(1, 16, CONTESTS),
        lots=rng.permuted(parties, axis=1).astype(np.uint32),
        stands=stands,
        rankings=np.where(ranked, order, -1).astype(np.int32),
        scores=(rng.integers(0, 6, (*shape, n)) * stands[:, None]).astype(np.int32),
        counts=rng.integers(0, world.most_votes + 1, shape) * cast,
    )


def take(batch: Batch, k: Any) -> Batch:
    """One contest of a batch, or some."""
    return Batch(*(field[k] for field in batch))


def first_preferences(batch: Batch) -> np.ndarray:
    """How often each ballot was cast for each party in the first place; 0 for the others."""
    return (batch.rankings[..., :1] == np.arange(batch.lots.shape[-1])) * batch.counts[..., None]


def votes_of(batch: Batch) -> np.ndarray:
    """First preferences of each party."""
    return first_preferences(batch).sum(axis=-2)


def names_of(batch: Batch) -> str:
    """A letter for each party."""
    return NAMES[: batch.lots.shape[-1]]


# --- plain exact counts ----------------------------------------------------------------------------------------------


class Case(NamedTuple):
    """One contest in plain Python."""

    n_seats: int
    house: int
    lots: GivenLots
    votes: dict[str, int]  # of those who stand
    profile: Profile
    scores: ScoreBallots
    approvals: ScoreBallots  # 1 for whom a ballot approves of
    election: "Election"  # with these votes in constituencies


def plain(one: Batch) -> Case:
    """A single contest as the exact counts take it."""
    names = names_of(one)
    standing = [name for name, stands in zip(names, one.stands, strict=True) if stands]
    counts = one.counts.tolist()
    rankings = [tuple(names[p] for p in ranking if p >= 0) for ranking in one.rankings.tolist()]
    votes = dict(zip(names, votes_of(one).tolist(), strict=True))

    def ballots(scores: np.ndarray) -> ScoreBallots:
        given = [{name: score[names.index(name)] for name in standing} for score in scores.tolist()]
        return ScoreBallots.of(list(zip(given, counts, strict=True)), candidates=standing)

    return Case(
        int(one.n_seats),
        int(one.house),
        GivenLots(dict(zip(names, one.lots.tolist(), strict=True))),
        {name: votes[name] for name in standing},
        Profile.of(zip(rankings, counts, strict=True), candidates=standing),
        ballots(one.scores),
        ballots((one.scores > APPROVED).astype(int)),
        election_of(one),
    )


@lru_cache(maxsize=32)
def plain_cases(world: World) -> list[Case]:
    """All contests of a world."""
    batch = draw(world)
    return [plain(take(batch, k)) for k in range(CONTESTS)]


Seats = dict[str, int]


def exact_by_votes(rule: str, case: Case) -> Seats:
    """By two plain counts that share no code."""
    votes = list(case.votes.values())
    seats = oracle.RULES[rule](votes, case.house, [case.lots._lot[name] for name in case.votes])
    found = dict(zip(case.votes, seats, strict=True))
    if any(votes) and rule in METHODS:
        assert allocate(case.votes, case.house, rule, case.votes, {}, case.lots).seats == found
    return found


OPTIONS = {"STV": {"decimals": 5}}
"""Of the exact counts, where the rule has one fixed."""


ON_RANKINGS = {name: rule for name, rule in RANKED.items() if System(name, "rankings").ballots == "rankings"}
"""Rules of the registry that count rankings; the others count sets and scores, and are those of `systems/scores.py`."""


def fills_several(rule: str) -> bool:
    """Whether a rule on rankings gives a seat each to several; otherwise the winner takes all."""
    return rule in SEVERAL_WINNERS


def exact_by_rankings(rule: str, case: Case) -> Seats:
    several = fills_several(rule)
    seats = {"n_seats": case.n_seats} if several else {}
    elected = SYSTEMS[rule](case.profile, case.lots, **seats, **OPTIONS.get(rule, {})).elected
    return dict.fromkeys(elected, 1 if several else case.n_seats)


def one_each(elected: Collection[str]) -> Seats:
    return dict.fromkeys(elected, 1)


EXACT_SCORES: dict[str, Callable[[Case], Seats]] = {
    "score": lambda case: one_each(exact_scores.score(case.scores, case.lots, case.n_seats).elected),
    "star": lambda case: dict.fromkeys(exact_scores.star(case.scores, case.lots).elected, case.n_seats),
    "approval_sets": lambda case: one_each(exact_scores.score(case.approvals, case.lots, case.n_seats).elected),
}


# --- systems composed of several contests -----------------------------------------------------------------------------

_CONSTITUENCIES = ([0, 2, 4], [1, 3, 5], [6, 8, 10], [7, 9, 11])  # the ballots of each
_SHARES = (0.0, 0.1, 0.25, 0.4)  # thresholds to choose among, the last one such that often nobody reaches it

COMPOSED: dict[str, dict[str, Any]] = {
    "PR": {"electoral_system": "PR", "allocation_method": "hare"},
    "district_PR": {"electoral_system": "district_PR", "allocation_method": "dhondt"},
    "levelled": {"electoral_system": "district_PR", "allocation_method": "sainte_lague"},
    "electoral_college": {"electoral_system": "electoral_college", "allocation_method": "dhondt"},
    "MMP_keep": {"electoral_system": "MMP", "allocation_method": "sainte_lague", "overhang": "keep"},
    "MMP_none": {"electoral_system": "MMP", "allocation_method": "dhondt", "overhang": "none"},
    "MMP_level": {"electoral_system": "MMP", "allocation_method": "sainte_lague", "overhang": "level"},
    "parallel": {"electoral_system": "parallel", "allocation_method": "droop"},
    "majority_bonus": {"electoral_system": "majority_bonus", "allocation_method": "hare"},
}
"""Systems by a name of their own: the electoral system, and the parameters that choose its rules."""

SYSTEMS_OF = tuple(
    find_system({"overhang": "", "levelling_seats": name == "levelled", **given}) for name, given in COMPOSED.items()
)


def has_seats_beside(name: str) -> bool:
    """Whether a composed system has seats beside those of its constituencies."""
    return SYSTEMS_OF[[*COMPOSED].index(name)].level in ("levelled", "MMP", "parallel")


class Election(NamedTuple):
    """Elections of constituencies, stacked or a single one: what is counted, and the numbers of its system."""

    system: Any  # int32; of SYSTEMS_OF
    votes: Any  # int64, constituency x party
    seats: Any  # int64, constituency
    n_seats: Any  # int64: all, but for those by which the house may grow
    extra: Any  # int64: of them those of lists, that level, or of the bonus
    thresholds: Any  # int64, 3: of the nation, of a constituency, of the levelling; in units of 1 / THRESHOLD_UNIT
    waiver: Any  # int64: seats with which a party needs no threshold
    exempt: Any  # bool, party
    lots: Any  # uint32, party; the same in the nation and in every constituency


def election_of(batch: Batch, name: str = "PR") -> Election:
    """A batch's votes in constituencies; the other numbers follow from what the batch has for other kinds of rules."""
    first = first_preferences(batch)
    votes = np.stack([first[..., ballots, :].sum(axis=-2) for ballots in _CONSTITUENCIES], axis=-2)
    seats = 1 + (np.asarray(batch.n_seats)[..., None] + 1 + np.arange(len(_CONSTITUENCIES))) % 4
    local = seats.sum(axis=-1)
    which = np.stack([batch.house, batch.n_seats, batch.house // 3], axis=-1) % len(_SHARES)
    return Election(
        np.full_like(batch.house, [*COMPOSED].index(name), np.int32),
        votes,
        seats,
        local + batch.house * has_seats_beside(name),
        np.minimum(batch.house, local) if name == "majority_bonus" else batch.house,
        np.round(np.take(_SHARES, which) * THRESHOLD_UNIT).astype(np.int64),
        batch.n_seats - 1,
        batch.scores[..., 0, :] == 5,
        batch.lots,
    )


def count_elections(systems: tuple[System, ...], elections: Election) -> Any:
    """Seats of each party in stacked elections, by the engine; of a scenario there is only what a count may read.

    Args:
        systems: all of SYSTEMS_OF, or the only one in use.
        elections: that are counted.
    """
    n, n_constituencies, n_parties = elections.votes.shape
    everybody = jnp.ones((n, n_parties), bool)
    known = {
        "system": elections.system % len(systems),  # 0 of one
        "eligible": everybody,
        "in_base": everybody,
        "exempt": elections.exempt,
        "n_seats": elections.n_seats,
        "extra_seats": elections.extra,
        "threshold": elections.thresholds[:, 0],
        "district_threshold": elections.thresholds[:, 1],
        "levelling_threshold": elections.thresholds[:, 2],
        "waiver_seats": elections.waiver,
    }
    simulation = np.repeat(np.arange(n, dtype=np.int32), n_constituencies)
    number = np.tile(np.arange(n_constituencies, dtype=np.uint32), n)
    constituencies = Constituencies(simulation, number, None, elections.seats.reshape(-1), None)
    with patch.object(allot, "contest_lots", lambda _scenarios, simulation, _index: elections.lots[simulation]):
        return allot.allot_seats(
            Scenario(**dict.fromkeys(Scenario._fields) | known),
            constituencies,
            systems,
            elections.votes.reshape(-1, n_parties),
            elections.votes.sum(axis=1),
        ).seats


def count_election(systems: tuple[System, ...], election: Election) -> Any:
    """Seats of each party in one election."""
    return count_elections(systems, jax.tree.map(lambda field: jnp.asarray(field)[None], election))[0]


@lru_cache
def _parties(exempt: tuple[bool, ...]) -> list[Party]:
    return [Party(name, threshold_exempt=free) for name, free in zip(NAMES, exempt, strict=False)]


def exact_composed(rule: str, case: Case) -> Seats:
    one = case.election
    shares = [int(threshold) / THRESHOLD_UNIT for threshold in one.thresholds]
    extra = min(int(one.extra), int(one.seats.sum())) if rule == "majority_bonus" else int(one.extra)
    p = {
        "parties": _parties(tuple(one.exempt.tolist())),
        "n_constituencies": len(_CONSTITUENCIES),
        "district_magnitude": one.seats.tolist(),
        "threshold_base": "all",
        "threshold": shares[0],
        "district_threshold": shares[1],
        "levelling_threshold": shares[2],
        "waiver_seats": int(one.waiver),
        "levelling_seats": extra if rule == "levelled" else 0,
        "list_seats": extra,
        "bonus_seats": extra,
        **COMPOSED[rule],
    }
    return exact_election(p, one.votes, lambda _: case.lots)[0]


# --- kinds of rules --------------------------------------------------------------------------------------------------


class Kind(NamedTuple):
    """How rules of one kind are handled."""

    rules: Mapping[str, Any]
    exact_rules: Collection[str]  # of which there is a plain exact count
    exact: Callable[[str, Case], Seats]
    given: Callable[[str, Batch], tuple[Any, ...]]  # what a rule is given of contests
    count: Callable[..., Any]  # seats of one contest, from the rule and what it is given
    count_many: Callable[..., Any] | None = None  # of stacked contests, where that is not `count` mapped over them
    all_rules: Any = None  # where all rules are compiled as one


def given_votes(rule: str, batch: Batch) -> tuple[Any, ...]:
    return (Contest(votes_of(batch), batch.house, batch.lots),)


def contests_of(batch: Batch) -> RankedContest:
    return RankedContest(batch.n_seats, batch.lots, batch.stands)


def given_rankings(rule: str, batch: Batch) -> tuple[Any, ...]:
    return contests_of(batch), batch.rankings, batch.counts


def given_scores(rule: str, batch: Batch) -> tuple[Any, ...]:
    if rule == "approval_sets":
        words = (
            np.where(batch.scores > APPROVED, 2 << np.arange(batch.lots.shape[-1]), 0).sum(axis=-1).astype(np.uint32),
        )
    else:
        words = tuple(np.asarray(word) for word in pack_scores(jnp.asarray(batch.scores)))
    return contests_of(batch), words, batch.counts


KINDS = {
    "votes": Kind(RULES, oracle.RULES, exact_by_votes, given_votes, lambda rule, contest: rule(contest)),
    "rankings": Kind(ON_RANKINGS, SYSTEMS, exact_by_rankings, given_rankings, count_rankings),
    "scores": Kind(
        {name: rule for name, rule in vars(score_rules).items() if isinstance(rule, StagedRule)},
        EXACT_SCORES,
        lambda rule, case: EXACT_SCORES[rule](case),
        given_scores,
        count_ballots,
    ),
    "composed": Kind(
        {name: (system,) for name, system in zip(COMPOSED, SYSTEMS_OF, strict=True)},
        COMPOSED,
        exact_composed,
        lambda rule, batch: (election_of(batch, rule),),
        count_election,
        count_elections,
        SYSTEMS_OF,
    ),
}


class Rule(NamedTuple):
    """A rule of the registry."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}-{self.name}"

    @property
    def function(self) -> Any:
        return KINDS[self.kind].rules[self.name]

    @property
    def compiled_function(self) -> Any:
        return KINDS[self.kind].all_rules or self.function

    @property
    def on_lists(self) -> bool:
        """Whether a party may have any number of seats; other rules give one each, or all to one."""
        return self.kind in ("votes", "composed")

    @property
    def winner_takes_all(self) -> bool:
        """Whether one party has all seats; other rules on ballots give one seat each."""
        if self.kind == "rankings":
            return not fills_several(self.name)
        return self.name in ("plurality", "star")

    def to_fill(self, batch: Batch) -> np.ndarray:
        """Seats of each contest, without those for which nobody votes and those by which a house grows."""
        if self.kind != "composed":
            return batch.house if self.kind == "votes" else batch.n_seats
        election = election_of(batch, self.name)
        voted = election.votes.any(axis=2)
        if self.name in ("PR", "majority_bonus"):  # all to the nation's votes
            return election.n_seats * voted.any(axis=1)
        local = (election.seats * voted).sum(axis=1)
        return local + election.extra * (has_seats_beside(self.name) & voted.any(axis=1))

    def exact(self, case: Case) -> list[int]:
        """Seats of each party by plain Python."""
        seats = KINDS[self.kind].exact(self.name, case)
        return [seats.get(name, 0) for name in case.lots._lot]

    def given(self, batch: Batch) -> tuple[Any, ...]:
        """What the rule is given of a batch or of one contest."""
        with jax.enable_x64(True):
            return KINDS[self.kind].given(self.name, batch)

    def seats(self, batch: Batch) -> np.ndarray:
        """Seats of each party in each contest, by one compiled call."""
        with jax.enable_x64(True):
            return np.asarray(_mapped(self.kind, self.compiled_function)(*self.given(batch)))

    def seats_of_elections(self, elections: Election) -> np.ndarray:
        """Seats of each party in elections of a composed system."""
        with jax.enable_x64(True):
            return np.asarray(_mapped(self.kind, self.compiled_function)(elections))

    def seats_of_one(self, one: Batch) -> list[int]:
        """Seats of one contest, compiled for one."""
        with jax.enable_x64(True):
            return _compiled(self.kind, self.compiled_function)(*self.given(one)).tolist()

    def seats_without_compilation(self, one: Batch) -> list[int]:
        """Seats of one contest, operation by operation."""
        with jax.enable_x64(True), jax.disable_jit():
            given = jax.tree.map(jnp.asarray, self.given(one))
            return KINDS[self.kind].count(self.function, *given).tolist()

    def seats_in_rows(self, batch: Batch, block_rows: int = 16) -> np.ndarray:
        """Seats with one ballot a voter, in rows that lie in no order."""
        contests, ballots, counts = self.given(batch)
        with jax.enable_x64(True):
            words = ballots if isinstance(ballots, tuple) else pack_rankings(jnp.asarray(ballots))
            rows, contest = in_rows(words, counts)
            if self.name in PAIRWISE and self.kind == "rankings":  # which share the matrix, as in the engine
                return np.asarray(_from_pairs(self)(contests, _pairs_in_rows(block_rows)(contests, rows, contest)))
            return np.asarray(_in_rows(self, block_rows)(contests, rows, contest))


EVERY_RULE = [Rule(kind, name) for kind in KINDS for name in KINDS[kind].rules]


@cache
def _mapped(kind: str, function: Any) -> Any:
    count, count_many = KINDS[kind].count, KINDS[kind].count_many
    many = partial(count_many, function) if count_many else jax.vmap(partial(count, function))
    return jax.jit(many, compiler_options=QUICKLY)


@cache
def _compiled(kind: str, function: Any) -> Any:
    return jax.jit(partial(KINDS[kind].count, function), compiler_options=QUICKLY)


@cache
def _pairs_in_rows(block_rows: int) -> Any:
    return jax.jit(partial(final_states, RANKED["Copeland"], block_rows=block_rows), compiler_options=QUICKLY)


@cache
def _from_pairs(rule: Rule) -> Any:
    return jax.jit(jax.vmap(rule.function.seats), compiler_options=QUICKLY)


@cache
def _in_rows(rule: Rule, block_rows: int) -> Any:
    return jax.jit(partial(count_rows, rule.function, block_rows=block_rows), compiler_options=QUICKLY)


def in_rows(words: tuple[Any, ...], counts: np.ndarray) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Words of rows of voters, and the contest of each row; voters and rows lie in no order."""
    rng = np.random.default_rng(2)
    n, room = len(counts), ROWS * LANES
    voters = np.zeros((len(words), n, room), np.uint32)
    for k in range(n):
        cast = np.repeat(np.stack([np.asarray(word)[k] for word in words]), counts[k], axis=1)
        voters[:, k, : cast.shape[1]] = rng.permuted(cast, axis=1) if len(words) == 1 else cast
    rows = rng.permutation(n * ROWS)
    return tuple(word.reshape(-1, LANES)[rows] for word in voters), (rows // ROWS).astype(np.int32)


# --- the smallest contest that goes wrong ----------------------------------------------------------------------------


def find_wrong(rule: Rule, batch: Batch, cases: list[Case], exact: Callable[[Case], list[int]]) -> list[int]:
    """The contests in which the rule's seats are not those of the exact count."""
    seats = rule.seats(batch).tolist()
    return [k for k, case in enumerate(cases) if seats[k] != exact(case)]


def shrink(rule: Rule, one: Batch, exact: Callable[[Case], list[int]]) -> Batch:
    """The contest with whatever can be left out while it still goes wrong."""
    while True:
        variants = [*islice(simpler(one), CONTESTS)]
        stacked = Batch(*map(np.stack, zip(*variants, *[one] * (CONTESTS - len(variants)), strict=True)))
        wrong = find_wrong(rule, stacked, [plain(variant) for variant in variants], exact)
        if not wrong:
            return one
        one = variants[wrong[0]]


def simpler(one: Batch) -> Iterator[Batch]:
    """Contests with something left out."""
    for name in ("n_seats", "house"):
        seats = getattr(one, name)
        for fewer in {1, seats - 1} - {seats, 0}:
            yield one._replace(**{name: np.int64(fewer)})
    if one.stands.sum() > 1:
        for party in np.flatnonzero(one.stands):
            out = one.rankings == party
            rankings = np.take_along_axis(one.rankings, np.argsort(out, axis=1, kind="stable"), axis=1)
            rankings[out.any(axis=1), -1] = -1
            kept = np.arange(one.lots.size) != party
            yield one._replace(stands=one.stands & kept, rankings=rankings, scores=one.scores * kept)
    for ballot in np.flatnonzero(one.counts):
        here = np.arange(BALLOTS) == ballot
        for fewer in sorted({0, 1, one.counts[ballot] // 2, one.counts[ballot] - 1} - {one.counts[ballot]}):
            yield one._replace(counts=np.where(here, fewer, one.counts))
        last = (one.rankings[ballot] >= 0).sum() - 1
        if last >= 0:
            yield one._replace(rankings=np.where(here[:, None] & (np.arange(one.lots.size) == last), -1, one.rankings))
        for party in np.flatnonzero(one.scores[ballot]):
            yield one._replace(scores=one.scores - (here[:, None] & (np.arange(one.lots.size) == party)))


def describe(rule: Rule, one: Batch, exact: Callable[[Case], list[int]]) -> str:
    """A contest and both counts of it."""
    case = plain(one)
    stacked = Batch(*(np.stack([field] * CONTESTS) for field in one))
    seats = rule.seats(stacked)[0]
    names = [name for name, stands, won in zip(names_of(one), one.stands, seats, strict=True) if stands or won]

    def by_name(values: Any) -> str:
        return ", ".join(f"{name} {values[NAMES.index(name)]}" for name in names)

    if rule.kind == "votes":
        ballots = [f"votes: {by_name(votes_of(one))}"]
    elif rule.kind == "composed":
        election = election_of(one, rule.name)
        ballots = [f"{n} seats: {by_name(votes)}" for n, votes in zip(election.seats, election.votes, strict=True)]
    elif rule.kind == "rankings":
        ballots = [f"{n} x {' > '.join(name for (name,) in ranking) or 'nobody'}" for ranking, n in case.profile]
    else:
        ballots = [f"{n} x {by_name(scores)}" for scores, n in zip(one.scores, one.counts, strict=True) if n]
    return "\n".join([
        f"{rule}, seats: {rule.to_fill(stacked)[0]}, lots: {by_name(one.lots)}",
        *ballots,
        f"counted: {by_name(seats)}",
        f"exactly: {by_name(exact(case))}",
    ])  # fmt: skip
