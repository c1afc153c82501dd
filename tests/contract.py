"""What the contract suite needs of a rule: to count many small contests at once, and a plain exact count of each.

Three kinds of rules see one batch of random contests in their own way: rules on lists take first preferences as votes,
rules on rankings the rankings, and rules on scores the scores. The rules are those of the registry. A batch always has
the same shape, so that each rule is compiled once.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache, lru_cache, partial
from itertools import islice
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import oracle
from exact_elections import GivenLots

from esim_jax.counts import scores as exact_scores
from esim_jax.counts.apportion import METHODS, allocate
from esim_jax.counts.ballots import SYSTEMS
from esim_jax.counts.profile import Profile
from esim_jax.counts.scores import ScoreBallots
from esim_jax.names import SEVERAL_WINNERS
from esim_jax.systems import RANKED, RULES, Contest, System
from esim_jax.systems import scores as score_rules
from esim_jax.systems.rankings import pack_rankings
from esim_jax.systems.scores import pack_scores
from esim_jax.systems.staged import RankedContest, StagedRule, count_ballots, count_rankings, count_rows

CONTESTS, PARTIES, BALLOTS = 256, 5, 12
NAMES = "ABCDE"
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


def draw(world: World) -> Batch:
    """The contests of a world."""
    rng = np.random.default_rng(world.seed)
    shape = CONTESTS, BALLOTS
    parties = np.tile(np.arange(PARTIES), (CONTESTS, 1))
    stands = rng.permuted(parties, axis=1) < rng.integers(1, PARTIES + 1, (CONTESTS, 1))
    order = np.argsort(rng.random((*shape, PARTIES)) + 9 * ~stands[:, None], axis=2)
    length = np.where(rng.random(shape) < world.short, rng.integers(0, PARTIES, shape), PARTIES)
    ranked = np.arange(PARTIES) < np.minimum(length, stands.sum(axis=1, keepdims=True))[..., None]
    cast = rng.random(shape) < rng.random((CONTESTS, 1))
    return Batch(
        n_seats=rng.integers(1, PARTIES, CONTESTS),
        house=rng.integers(1, 16, CONTESTS),
        lots=rng.permuted(parties, axis=1).astype(np.uint32),
        stands=stands,
        rankings=np.where(ranked, order, -1).astype(np.int32),
        scores=(rng.integers(0, 6, (*shape, PARTIES)) * stands[:, None]).astype(np.int32),
        counts=rng.integers(0, world.most_votes + 1, shape) * cast,
    )


def take(batch: Batch, k: Any) -> Batch:
    """One contest of a batch, or some."""
    return Batch(*(field[k] for field in batch))


def votes_of(batch: Batch) -> np.ndarray:
    """First preferences of each party."""
    return ((batch.rankings[..., :1] == np.arange(PARTIES)) * batch.counts[..., None]).sum(axis=-2)


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


def plain(one: Batch) -> Case:
    """A single contest as the exact counts take it."""
    standing = [name for name, stands in zip(NAMES, one.stands, strict=True) if stands]
    counts = one.counts.tolist()
    rankings = [tuple(NAMES[p] for p in ranking if p >= 0) for ranking in one.rankings.tolist()]
    votes = dict(zip(NAMES, votes_of(one).tolist(), strict=True))

    def ballots(scores: np.ndarray) -> ScoreBallots:
        given = [{name: score[NAMES.index(name)] for name in standing} for score in scores.tolist()]
        return ScoreBallots.of(list(zip(given, counts, strict=True)), candidates=standing)

    return Case(
        int(one.n_seats),
        int(one.house),
        GivenLots(dict(zip(NAMES, one.lots.tolist(), strict=True))),
        {name: votes[name] for name in standing},
        Profile.of(zip(rankings, counts, strict=True), candidates=standing),
        ballots(one.scores),
        ballots((one.scores > APPROVED).astype(int)),
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


# --- kinds of rules --------------------------------------------------------------------------------------------------


class Kind(NamedTuple):
    """How rules of one kind are handled."""

    rules: Mapping[str, Any]
    exact_rules: Collection[str]  # of which there is a plain exact count
    exact: Callable[[str, Case], Seats]
    given: Callable[[str, Batch], tuple[Any, ...]]  # what a rule is given of contests
    count: Callable[..., Any]  # seats of one contest, from the rule and what it is given


def given_votes(rule: str, batch: Batch) -> tuple[Any, ...]:
    return (Contest(votes_of(batch), batch.house, batch.lots),)


def contests_of(batch: Batch) -> RankedContest:
    return RankedContest(batch.n_seats, batch.lots, batch.stands)


def given_rankings(rule: str, batch: Batch) -> tuple[Any, ...]:
    return contests_of(batch), batch.rankings, batch.counts


def given_scores(rule: str, batch: Batch) -> tuple[Any, ...]:
    if rule == "approval_sets":
        words = (np.where(batch.scores > APPROVED, 2 << np.arange(PARTIES), 0).sum(axis=-1).astype(np.uint32),)
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
    def winner_takes_all(self) -> bool:
        """Whether one party has all seats; other rules on ballots give one seat each."""
        if self.kind == "rankings":
            return not fills_several(self.name)
        return self.name in ("plurality", "star")

    def exact(self, case: Case) -> list[int]:
        """Seats of each party by plain Python."""
        seats = KINDS[self.kind].exact(self.name, case)
        return [seats.get(name, 0) for name in NAMES]

    def given(self, batch: Batch) -> tuple[Any, ...]:
        """What the rule is given of a batch or of one contest."""
        with jax.enable_x64(True):
            return KINDS[self.kind].given(self.name, batch)

    def seats(self, batch: Batch) -> np.ndarray:
        """Seats of each party in each contest, by one compiled call."""
        with jax.enable_x64(True):
            return np.asarray(_mapped(self)(*self.given(batch)))

    def seats_of_one(self, one: Batch) -> list[int]:
        """Seats of one contest, compiled for one."""
        with jax.enable_x64(True):
            return _compiled(self)(*self.given(one)).tolist()

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
            return np.asarray(_in_rows(self, block_rows)(contests, rows, contest))


EVERY_RULE = [Rule(kind, name) for kind in KINDS for name in KINDS[kind].rules]


def _count(rule: Rule) -> Callable[..., Any]:
    return partial(KINDS[rule.kind].count, rule.function)


@cache
def _mapped(rule: Rule) -> Any:
    return jax.jit(jax.vmap(_count(rule)), compiler_options=QUICKLY)


@cache
def _compiled(rule: Rule) -> Any:
    return jax.jit(_count(rule), compiler_options=QUICKLY)


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
            kept = np.arange(PARTIES) != party
            yield one._replace(stands=one.stands & kept, rankings=rankings, scores=one.scores * kept)
    for ballot in np.flatnonzero(one.counts):
        here = np.arange(BALLOTS) == ballot
        for fewer in sorted({0, 1, one.counts[ballot] // 2, one.counts[ballot] - 1} - {one.counts[ballot]}):
            yield one._replace(counts=np.where(here, fewer, one.counts))
        last = (one.rankings[ballot] >= 0).sum() - 1
        if last >= 0:
            yield one._replace(rankings=np.where(here[:, None] & (np.arange(PARTIES) == last), -1, one.rankings))
        for party in np.flatnonzero(one.scores[ballot]):
            yield one._replace(scores=one.scores - (here[:, None] & (np.arange(PARTIES) == party)))


def describe(rule: Rule, one: Batch, exact: Callable[[Case], list[int]]) -> str:
    """A contest and both counts of it."""
    case = plain(one)
    stacked = Batch(*(np.stack([field] * CONTESTS) for field in one))
    seats = rule.seats(stacked)[0]
    names = [name for name, stands, won in zip(NAMES, one.stands, seats, strict=True) if stands or won]

    def by_name(values: Any) -> str:
        return ", ".join(f"{name} {values[NAMES.index(name)]}" for name in names)

    if rule.kind == "votes":
        ballots = [f"votes: {by_name(votes_of(one))}"]
    elif rule.kind == "rankings":
        ballots = [f"{n} x {' > '.join(name for (name,) in ranking) or 'nobody'}" for ranking, n in case.profile]
    else:
        ballots = [f"{n} x {by_name(scores)}" for scores, n in zip(one.scores, one.counts, strict=True) if n]
    return "\n".join([
        f"{rule}, seats: {case.house if rule.kind == 'votes' else case.n_seats}, lots: {by_name(one.lots)}",
        *ballots,
        f"counted: {by_name(seats)}",
        f"exactly: {by_name(exact(case))}",
    ])  # fmt: skip
