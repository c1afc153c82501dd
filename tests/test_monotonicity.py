"""Failures of monotonicity under IRV with three candidates: inequalities against all changes of ballots there are."""

import json
from collections import Counter
from fractions import Fraction
from itertools import combinations, permutations, product
from pathlib import Path

import jax
import numpy as np
import pytest
from kept_ballots import keep, rankings_of

from esim_jax import BatchRunner, ElectionModel, InputError, ParameterSweep, Party
from esim_jax.counts.elimination import irv
from esim_jax.counts.lots import Lots
from esim_jax.counts.monotonicity import MonotonicityFailure, monotonicity_failures
from esim_jax.counts.profile import Profile
from esim_jax.metrics.monotonicity import failures

NAMES = "ABC"
COMPLETE = ["ABC", "ACB", "BAC", "BCA", "CAB", "CBA"]
WITH_SHORT = [*COMPLETE, "A", "B", "C", ""]
COLUMNS = ["upward_monotonicity_failure", "downward_monotonicity_failure"]


# --- the oracle: every election, and every change ---------------------------------------------------------------------


def sides(ballot, a, b):
    """1 where a ballot has a before b, -1 where it has b before a, and 0 where it ranks neither."""
    place = [ballot.index(name) if name in ballot else 9 for name in (a, b)]
    return int(np.sign(place[1] - place[0]))


def sure_winner(types, counts):
    """Who wins each profile whatever the lots, by going through all orders of elimination; -1 where lots may decide."""
    counts = np.asarray(counts)
    first = counts @ np.array([[ballot[:1] == name for name in NAMES] for ballot in types]).astype(int)
    can_win = np.zeros((len(counts), 3), bool)
    for out, second, winner in permutations(range(3)):
        lead = counts @ np.array([sides(ballot, NAMES[winner], NAMES[second]) for ballot in types])
        can_win[:, winner] |= (first[:, out] == first.min(axis=1)) & (lead >= 0)
    return np.where(can_win.sum(axis=1) == 1, can_win.argmax(axis=1), -1)


def changes(types, name, direction):
    """Of each type of ballot the types that it may become: the others keep their order and one moves, or stays."""
    others = [other for other in NAMES if other != name]
    allowed = {}
    for k, old in enumerate(types):
        allowed[k] = [
            j
            for j, new in enumerate(types)
            if j != k
            and sides(old, *others) == sides(new, *others)
            and all(direction * (sides(new, name, other) - sides(old, name, other)) >= 0 for other in others)
        ]
    return allowed


def sums_of(types, counts):
    """How often each party is first, and each pair first and second."""
    counts = np.asarray(counts)
    first, second = np.zeros((len(counts), 3), np.int64), np.zeros((len(counts), 3, 3), np.int64)
    for ballot, column in zip(types, counts.T, strict=True):
        if ballot:
            first[:, NAMES.index(ballot[0])] += column
        if len(ballot) > 1:
            second[:, NAMES.index(ballot[0]), NAMES.index(ballot[1])] += column
    return first, second


def array_failures(types, counts):
    with jax.enable_x64():
        return tuple(np.asarray(found) for found in failures(*map(jax.numpy.asarray, sums_of(types, counts))))


def plain_failures(types, counts):
    return monotonicity_failures(Profile.of(zip(map(tuple, types), map(int, counts), strict=True), candidates=NAMES))


@pytest.mark.parametrize("n_ballots", [17, 20])  # with fewer than 17 ballots, or with 19, nothing fails upward
def test_all_profiles_of_complete_ballots(n_ballots):
    cuts = np.array(list(combinations(range(n_ballots + 5), 5)))
    ends = np.hstack([np.full((len(cuts), 1), -1), cuts, np.full((len(cuts), 1), n_ballots + 5)])
    profiles = np.diff(ends, axis=1) - 1
    weights = (n_ballots + 1) ** np.arange(6)[::-1]
    key = profiles @ weights
    assert (np.diff(key) > 0).all()
    winner = sure_winner(COMPLETE, profiles)
    expected = []
    for direction in (1, -1):
        fails = np.zeros(len(profiles), bool)
        for party, name in enumerate(NAMES):
            steps = []
            allowed = changes(COMPLETE, name, direction)
            for old, new in [(k, j) for k, targets in allowed.items() for j in targets]:
                before = np.flatnonzero(profiles[:, old] > 0)
                steps.append((before, np.searchsorted(key, key[before] + weights[new] - weights[old])))
            # from where some chain of changes makes the winner lose, or a loser win
            reached = (winner >= 0) & (winner != party) if direction > 0 else winner == party
            size = -1
            while size < (size := reached.sum()):
                for before, after in steps:
                    reached[before] |= reached[after]
            fails |= reached & ((winner == party) if direction > 0 else (winner >= 0) & (winner != party))
        expected.append(fails)
    upward, downward = array_failures(COMPLETE, profiles)
    assert min(fails.sum() for fails in expected) > 20
    assert np.array_equal(upward, expected[0])
    assert np.array_equal(downward, expected[1])
    for k in [*np.flatnonzero(upward | downward)[:300], *range(0, len(profiles), 97)]:
        kinds = {failure.kind for failure in plain_failures(COMPLETE, profiles[k])}
        assert kinds == {kind for kind, found in (("upward", upward[k]), ("downward", downward[k])) if found}


def ways(n, n_targets):
    """All ways to send some of n ballots to each of so many targets."""
    return [way for way in product(range(n + 1), repeat=n_targets) if sum(way) <= n]


def everything_reached(counts, allowed, most=60_000):
    """All profiles that changes lead to; None where they are too many to go through."""
    of_types = [ways(counts[old], len(targets)) for old, targets in allowed.items()]
    if np.prod([len(each) for each in of_types]) > most:
        return None
    reached = np.array([counts])
    for (old, targets), each in zip(allowed.items(), of_types, strict=True):
        moves = np.zeros((len(each), len(counts)), int)
        moves[:, old] -= [sum(way) for way in each]
        moves[:, targets] = np.array(each).reshape(len(each), len(targets))
        reached = (reached[:, None] + moves[None]).reshape(-1, len(counts))
    return reached


def failures_by_trying(types, counts):
    """The kinds of failure, by going through everything that changes lead to; None where that is too much."""
    winner = int(sure_winner(types, [counts])[0])
    kinds = set()
    for party in range(3) if winner >= 0 else ():
        direction = 1 if party == winner else -1
        reached = everything_reached(counts, changes(types, NAMES[party], direction))
        if reached is None:
            return None
        after = sure_winner(types, reached)
        if direction > 0 and ((after >= 0) & (after != winner)).any():
            kinds.add("upward")
        if direction < 0 and (after == party).any():
            kinds.add("downward")
    return kinds


def test_ballots_that_name_one_candidate():
    """Profiles that fail, and their neighbours, of which some do not; everything that changes lead to is tried."""
    rng = np.random.default_rng(5)
    # means of the types: A wins over B as C's ballots go to A; B's go to C (upward), or A's go to B (downward)
    means = {"upward": [1, 1, 2, 3, 5, 0, 4, 2, 0, 1], "downward": [4, 0, 2, 4, 4, 0, 1, 1, 1, 0]}
    seen = Counter()
    for kind, mean in means.items():
        some = rng.poisson(mean, (8000, 10))
        found = some[array_failures(WITH_SHORT, some)[kind == "downward"]]
        near, rows = found.copy(), np.arange(len(found))
        near[rows, rng.permuted(np.where(near > 0, np.arange(10), -1), axis=1).max(axis=1)] -= 1
        near[rows, rng.integers(0, 9, len(near))] += 1
        tried = 0
        for counts in np.stack([found, near], axis=1).reshape(-1, 10):
            expected = failures_by_trying(WITH_SHORT, counts)
            if expected is not None:
                assert {failure.kind for failure in plain_failures(WITH_SHORT, counts)} == expected
                seen.update(expected or {"none"})
                tried += 1
            if tried == 40:
                break
    assert min(seen[kind] for kind in ("upward", "downward", "none")) >= 15


def test_the_change_that_is_named():
    """It does what it says: Smith's profile of 17 ballots, and drawn ones."""
    smith = {"CAB": 6, "BAC": 2, "BCA": 3, "ABC": 4, "ACB": 2}
    assert plain_failures(smith, smith.values()) == (MonotonicityFailure("upward", "C", 2, "A", "B"),)
    rng = np.random.default_rng(6)
    n = Counter()
    for counts in rng.multinomial(300, np.ones(6) / 6, 600):
        for failure in plain_failures(COMPLETE, counts):
            who, rival = failure.candidate, failure.rival
            other = next(name for name in NAMES if name not in (who, rival))
            if failure.kind == "upward":
                moves = {rival + who + other: who + rival + other, rival + other + who: who + rival + other}
            else:
                moves = {who + rival + other: rival + who + other}
            left, changed = failure.n_ballots, dict(zip(COMPLETE, counts.tolist(), strict=True))
            for old, new in moves.items():
                moved = min(left, changed[old])
                left, changed[old], changed[new] = left - moved, changed[old] - moved, changed[new] + moved
            assert left == 0
            assert NAMES[sure_winner(COMPLETE, [list(changed.values())])[0]] == failure.elected
            n[failure.kind] += 1
    assert min(n["upward"], n["downward"]) > 10


def test_the_oracle_counts_like_irv():
    rng = np.random.default_rng(7)
    profiles = rng.poisson(2.0, (150, 10))
    winners = sure_winner(WITH_SHORT, profiles)
    assert len(set(winners.tolist())) == 4
    for counts, winner in zip(profiles, winners, strict=True):
        profile = Profile.of(zip(map(tuple, WITH_SHORT), counts.tolist(), strict=True), candidates=NAMES)
        assert winner < 0 or {irv(profile, Lots(NAMES, seed)).winner for seed in range(12)} == {NAMES[winner]}


# --- published --------------------------------------------------------------------------------------------------------


def test_burlington_2009():
    """Kiss won; raised on ballots of Wright he would have lost to Montroll (Ornstein and Norman 2014)."""
    path = Path(__file__).parent / "reference" / "irv_real.json"
    cases = json.loads(path.read_text(encoding="utf-8"))["cases"]
    case = next(case for case in cases if case["id"] == "burlington_vt_2009_mayor")
    left = {case["candidates"].index(name): name[-1] for name in ("Bob Kiss", "Andy Montroll", "Kurt Wright")}
    ballots = [(tuple(left[c] for c in places if c in left), n) for n, *places in case["ballots"]]
    (failure,) = monotonicity_failures(Profile.of(ballots))
    kiss, montroll, wright = left.values()
    assert (failure.kind, failure.candidate, failure.rival, failure.elected) == ("upward", kiss, wright, montroll)
    first = Counter()
    for ballot, n in ballots:
        first[ballot[:1]] += n
    assert failure.n_ballots == first[wright,] - first[montroll,] + 1


def test_impartial_anonymous_culture_in_the_limit():
    """13/288 upward and 17/864 downward (Lepelley, Chantreuil and Berg 1996); seed fixed."""
    rng = np.random.default_rng(8)
    n = 200_000
    upward, downward = array_failures(COMPLETE, np.floor(rng.dirichlet(np.ones(6), n) * 1e9).astype(np.int64))
    for found, published in ((upward, 13 / 288), (downward, 17 / 864)):
        # 4 standard errors: false alarms 1 in 16,000
        assert abs(found.mean() - published) < 4 * (published * (1 - published) / n) ** 0.5


# --- sweeps -----------------------------------------------------------------------------------------------------------

PARTIES = [Party("A", -0.5, 0.0), Party("B", 0.0, 0.1), Party("C", 0.5, 0.0)]
GIVEN = {
    "parties": PARTIES, "electoral_system": "IRV", "n_voters": 2000, "n_constituencies": 4, "participation": 0.9,
    "voter_model": "impartial_culture", "temperature": 0.0,
}  # fmt: skip
N_RUNS = 100


@pytest.mark.slow
def test_shares_of_constituencies():
    sweep = ParameterSweep({"ballot_length": [3, 1]}, GIVEN)
    results = BatchRunner(ElectionModel, sweep, N_RUNS, seed=8, verbose=False, metrics=COLUMNS).run()
    complete, short = (results.filter(results["config_idx"] == k) for k in range(2))
    assert short.select(COLUMNS).to_numpy().max() == 0.0  # with one name a ballot IRV is plurality
    words, constituency = keep(("rankings",), complete["seed"].to_list(), ballot_length=3, **GIVEN)
    read = rankings_of(words["rankings"])
    expected = np.zeros((N_RUNS, 2))
    for k in range(4 * N_RUNS):
        cast = Counter("".join(NAMES[p] for p in ballot if p >= 0) for ballot in read[constituency == k].tolist())
        kinds = {failure.kind for failure in plain_failures(list(cast), cast.values())}
        expected[k // 4] += [("upward" in kinds) / 4, ("downward" in kinds) / 4]
    assert (expected.sum(axis=0) > 2).all()
    assert np.array_equal(complete.select(COLUMNS).to_numpy(), expected)


def test_what_is_refused():
    for given, sentence in (
        ({"electoral_system": "FPTP"}, "the electoral system is FPTP"),
        ({"parties": PARTIES[:2]}, "the number of parties is 2"),
        ({"include_nota": True}, "NOTA is on the ballot"),
    ):
        with pytest.raises(InputError, match=sentence):
            ElectionModel(**{**GIVEN, **given}).run_election(metrics=COLUMNS[:1])
    for ballots, sentence in (
        ({("A", "B"): 1}, "has 2 candidates"),
        ({("A", ("B", "C")): 1}, "ranked equal"),
        ({("A", "B", "C"): Fraction(1, 2)}, "whole number"),
    ):
        with pytest.raises(InputError, match=sentence):
            monotonicity_failures(Profile.of(ballots))
