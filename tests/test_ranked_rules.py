"""Rules on rankings and scores in compiled form, against exact counts of the same ballots and official results."""

import json
from functools import lru_cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_counts import indexed

from esim_jax.counts import condorcet as exact_pairs
from esim_jax.counts.ballots import SYSTEMS
from esim_jax.counts.lots import Lots
from esim_jax.counts.profile import Profile
from esim_jax.counts.scores import ScoreBallots
from esim_jax.counts.scores import score as exact_score
from esim_jax.counts.scores import star as exact_star
from esim_jax.systems import condorcet
from esim_jax.systems.condorcet import by_pairs
from esim_jax.systems.meek import meek
from esim_jax.systems.positional import approval, block_vote, borda, limited_vote, sntv
from esim_jax.systems.rankings import MOST_PARTIES, number_at, pack_rankings, rank_parties, words_for
from esim_jax.systems.runoff import bucklin, coombs, irv, supplementary_vote, two_round
from esim_jax.systems.scores import approval_sets, pack_scores, score, star
from esim_jax.systems.staged import RankedContest, count_ballots, count_rankings, count_rows
from esim_jax.systems.stv import UNIT, stv, times_over

REFERENCE = Path(__file__).parent / "reference"
SCOTTISH = json.loads((REFERENCE / "stv_scottish_official_stages.json").read_text(encoding="utf-8"))["cases"]
REAL = {c["id"]: c for c in json.loads((REFERENCE / "irv_real.json").read_text(encoding="utf-8"))["cases"]}

RULES = {
    "two_round": two_round,
    "supplementary_vote": supplementary_vote,
    "IRV": irv,
    "Coombs": coombs,
    "Bucklin": bucklin,
    "Borda": borda,
    "approval": approval,
    "Copeland": by_pairs(condorcet.copeland),
    "minimax": by_pairs(condorcet.minimax),
    "Schulze": by_pairs(condorcet.schulze),
    "ranked_pairs": by_pairs(condorcet.ranked_pairs),
    "Black": by_pairs(condorcet.black),
    "STV": stv,
    "STV_Meek": meek,
    "SNTV": sntv,
    "block_vote": block_vote,
    "limited_vote": limited_vote,
}
OPTIONS = {"STV": {"decimals": 5}}
SEVERAL = {"Borda", "approval", "STV", "STV_Meek", "SNTV", "block_vote", "limited_vote"}
SCORE_RULES = {"score": score, "STAR": star, "approval": approval_sets}

PARTIES, BALLOTS, PROFILES = 5, 8, 1200
NAMES = "ABCDE"
QUICKLY = {"xla_backend_optimization_level": 0}  # less time to compile, which is what takes time here

every_rule = pytest.mark.parametrize("name", RULES)


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


class Batch:
    """Random contests with few voters, so that ties are common, or with many."""

    def __init__(self, seed, n=PROFILES):
        rng = np.random.default_rng(seed)
        self.parties = rng.integers(1, PARTIES + 1, n)
        self.seats = rng.integers(1, 5, n)
        self.lots = rng.permuted(np.tile(np.arange(PARTIES, dtype=np.uint32), (n, 1)), axis=1)
        order = np.argsort(rng.random((n, BALLOTS, PARTIES)) + 9 * self.surplus[:, None], axis=2)
        length = np.where(rng.random(n) < 0.5, 0, rng.integers(0, PARTIES + 1, (BALLOTS, n))).T
        length = np.minimum(np.where(length == 0, PARTIES, length - 1), self.parties[:, None])  # some are empty
        self.rankings = np.where(np.arange(PARTIES) < length[..., None], order, -1).astype(np.int32)
        self.counts = np.where(rng.random((n, 1)) < 0.5, rng.integers(0, 4, (n, BALLOTS)), 0).astype(np.int64)
        many = rng.integers(0, 10**6, (n, BALLOTS))
        self.counts = np.where(self.counts.any(axis=1, keepdims=True), self.counts, many)
        self.scores = rng.integers(0, 6, (n, BALLOTS, PARTIES)) * ~self.surplus[:, None]

    @property
    def surplus(self):
        return np.arange(PARTIES) >= self.parties[:, None]

    @property
    def contests(self):
        return RankedContest(self.seats.astype(np.int64), self.lots, ~self.surplus)

    def names(self, k):
        return NAMES[: self.parties[k]]

    def exact_lots(self, k):
        lots = Lots(self.names(k), seed=0)
        lots._lot = dict(zip(NAMES, self.lots[k].tolist(), strict=True))
        return lots

    def profile(self, k):
        ballots = [
            (tuple(NAMES[p] for p in ranking if p >= 0), int(count))
            for ranking, count in zip(self.rankings[k].tolist(), self.counts[k], strict=True)
        ]
        return Profile.of(ballots, candidates=self.names(k))


@lru_cache
def batch(seed=1):
    return Batch(seed)


@lru_cache
def compiled(rule):
    return jax.jit(jax.vmap(lambda *arguments: count_rankings(rule, *arguments)), compiler_options=QUICKLY)


@lru_cache
def compiled_rows(rule, block_rows):
    return jax.jit(lambda *arguments: count_rows(rule, *arguments, block_rows), compiler_options=QUICKLY)


def seats_of(elected, n_seats=1):
    return [n_seats * (name in elected) for name in NAMES]


# --- the exact counts ------------------------------------------------------------------------------------------------


@every_rule
def test_agrees_with_the_exact_count(name):
    b = batch()
    n = PROFILES // 3 if name == "STV_Meek" else PROFILES
    seats = np.asarray(compiled(RULES[name])(b.contests, b.rankings, b.counts))
    for k in range(n):
        n_seats = int(b.seats[k])
        several = {"n_seats": n_seats} if name in SEVERAL else {}
        count = SYSTEMS[name](b.profile(k), b.exact_lots(k), **several, **OPTIONS.get(name, {}))
        expected = seats_of(count.elected, 1 if name in SEVERAL else n_seats)
        assert seats[k].tolist() == expected, (k, b.profile(k), b.lots[k], n_seats, str(count))


@pytest.mark.parametrize("name", SCORE_RULES)
def test_agrees_with_the_exact_count_of_scores(name):
    b = batch()
    sets = (np.where(b.scores > 2, 2 << np.arange(PARTIES), 0).sum(axis=2).astype(np.uint32),)
    ballots = sets if name == "approval" else pack_scores(jnp.asarray(b.scores))
    rule = SCORE_RULES[name]
    count = jax.jit(jax.vmap(lambda *arguments: count_ballots(rule, *arguments)), compiler_options=QUICKLY)
    seats = count(b.contests, ballots, b.counts)
    for k in range(PROFILES):
        given = b.scores[k] > 2 if name == "approval" else b.scores[k]
        pairs = [
            ({NAMES[p]: int(row[p]) for p in range(b.parties[k])}, int(n))
            for row, n in zip(given, b.counts[k], strict=True)
        ]
        ballots_k, lots, n_seats = ScoreBallots.of(pairs, candidates=b.names(k)), b.exact_lots(k), int(b.seats[k])
        if name == "STAR":
            expected = seats_of(exact_star(ballots_k, lots).elected, n_seats)
        else:
            expected = seats_of(exact_score(ballots_k, lots, n_seats).elected)
        assert seats[k].tolist() == expected, k


@pytest.mark.parametrize("name", ["STV", "STV_Meek"])
def test_the_votes_of_the_last_stage(name):
    b = batch()
    votes_of = RULES[name]._replace(seats=lambda _, state: state.votes)
    unit = {"STV": UNIT, "STV_Meek": 10**9}[name]
    votes = np.asarray(compiled(votes_of)(b.contests, b.rankings, b.counts))
    for k in range(PROFILES // 3):
        last = SYSTEMS[name](b.profile(k), b.exact_lots(k), int(b.seats[k]), **OPTIONS.get(name, {})).stages[-1]
        assert all(votes[k][NAMES.index(party)] == tally * unit for party, tally in last.tally.items())


def test_winners_losers_and_cycles_in_pairs():
    b = batch()

    def look(contest, rankings, counts):
        found = []
        by_pairs_of = by_pairs(lambda pairs, contest: found.append(pairs) or jnp.int32(-1))
        count_rankings(by_pairs_of, contest, rankings, counts)
        (pairs,) = found
        return (
            condorcet.condorcet_winner(pairs, contest),
            condorcet.condorcet_loser(pairs, contest),
            condorcet.has_cycle(pairs, contest),
        )

    winner, loser, cycle = map(
        np.asarray, jax.jit(jax.vmap(look), compiler_options=QUICKLY)(b.contests, b.rankings, b.counts)
    )
    for k in range(PROFILES):
        profile = b.profile(k)
        exact_winner = exact_pairs.condorcet_winner(profile).winner
        assert winner[k] == (NAMES.index(exact_winner) if exact_winner else -1)
        exact_loser = exact_pairs.condorcet_loser(profile)
        assert loser[k] == (NAMES.index(exact_loser) if exact_loser else -1)
        assert cycle[k] == (exact_winner is None and profile.ranked != ())
    assert 50 < cycle.sum() < PROFILES - 50


# --- official results ------------------------------------------------------------------------------------------------


WARD_PARTIES, WARD_BALLOTS, WARD_ROWS = 8, 1500, 80  # one shape, so that a rule is compiled once


def as_arrays(case, n_seats):
    """The contest, rankings and counts of a reference case whose ballots are positions of candidates."""
    n = len(case["candidates"])
    rankings = np.full((WARD_BALLOTS, WARD_PARTIES), -1, np.int32)
    counts = np.zeros(WARD_BALLOTS, np.int64)
    for k, (count, *places) in enumerate(case["ballots"]):
        rankings[k, : len(places)], counts[k] = places, count
    lots = np.arange(WARD_PARTIES, dtype=np.uint32)
    return RankedContest(np.array([n_seats]), lots[None], (lots < n)[None]), rankings, counts


def count_case(name, case, n_seats, rows=False):
    """Names of the elected, with each ballot's count or, in rows, one ballot a voter."""
    contest, rankings, counts = as_arrays(case, n_seats)
    if rows:
        voters = [np.repeat(np.asarray(word), counts) for word in pack_rankings(jnp.asarray(rankings))]
        ballots = tuple(np.pad(word, (0, WARD_ROWS * 128 - len(word))).reshape(WARD_ROWS, 128) for word in voters)
        seats = compiled_rows(RULES[name], 32)(contest, ballots, np.zeros(WARD_ROWS, np.int32))[0].tolist()
    else:
        seats = compiled(RULES[name])(contest, rankings[None], counts[None])[0].tolist()
    assert not any(seats[len(case["candidates"]) :])
    return {name for name, seat in zip(case["candidates"], seats, strict=False) if seat}


@pytest.mark.parametrize("case", SCOTTISH, ids=lambda case: case["id"])
@pytest.mark.parametrize("rows", [False, True])
def test_scottish_wards(case, rows):
    assert count_case("STV", case, case["seats"], rows) == set(case["our_count"]["elected"])


@pytest.mark.parametrize("case", SCOTTISH, ids=lambda case: case["id"])
def test_the_figures_of_scottish_wards(case):
    """The votes in every stage, as the exact count has them, and the official quota."""
    contest, rankings, counts = as_arrays(case, case["seats"])
    contest = RankedContest(*(jnp.asarray(field[0]) for field in contest))
    state = stv.start(contest, contest.stands)
    ballots, hands = pack_rankings(jnp.asarray(rankings)), jnp.full(WARD_BALLOTS, stv.hand)
    for stage in SYSTEMS["STV"](indexed(case), Lots(case["candidates"], seed=0), case["seats"], decimals=5).stages:
        assert not state.done
        hands, state = one_stage(contest, ballots, counts, hands, state)
        votes = dict(zip(case["candidates"], state.votes.tolist(), strict=False))
        assert all(votes[name] == tally * UNIT for name, tally in stage.tally.items())
    assert state.done
    assert state.quota == case["official"]["quota"] * UNIT


@jax.jit
def one_stage(contest, ballots, counts, hands, state):
    hands = jax.vmap(stv.follow, (0, 0, None))(ballots, hands, state)
    adds = jax.vmap(stv.ballot, (0, 0, None))(ballots, hands, state)
    return hands, stv.step(contest, state, jnp.stack([(add * counts).sum() for add in adds]))


def test_burlington_2009():
    case = REAL["burlington_vt_2009_mayor"]
    assert count_case("IRV", case, 1) == {case["official_winner"]} == {"Bob Kiss"}
    assert count_case("Schulze", case, 1) == {case["condorcet_winner"]} == {"Andy Montroll"}


def test_albany_2022():
    case = REAL["albany_ca_2022_council"]
    assert count_case("STV", case, 2) == count_case("STV_Meek", case, 2) == set(case["official_winners"])


# --- rows, permutations, odd cases -----------------------------------------------------------------------------------

LANES = 8


def in_rows(b, of_ballots, chosen, rng):
    """The ballots of some contests of a batch, one a voter, in rows that lie in no order; and the row's contest."""
    rows, contest = [], []
    for place, k in enumerate(chosen):
        voters = np.repeat(np.stack([np.asarray(word)[k] for word in of_ballots], axis=-1), b.counts[k], axis=0)
        voters = rng.permutation(voters)
        voters = np.pad(voters, ((0, -len(voters) % LANES), (0, 0))).reshape(-1, LANES, len(of_ballots))
        rows += [*voters]
        contest += [place] * len(voters)
    order = rng.permutation(len(rows))
    rows = np.array(rows)[order]
    return tuple(rows[..., w] for w in range(len(of_ballots))), np.array(contest, np.int32)[order]


@pytest.mark.parametrize("name", ["IRV", "Coombs", "Bucklin", "Borda", "Schulze", "STV", "STV_Meek"])
def test_rows_are_counted_as_arrays_are(name):
    b = batch()
    few = np.flatnonzero(b.counts.sum(axis=1) < 50)[:300]
    ballots, contest = in_rows(b, pack_rankings(jnp.asarray(b.rankings)), few, np.random.default_rng(2))
    contests = jax.tree.map(lambda field: field[few], b.contests)
    expected = compiled(RULES[name])(b.contests, b.rankings, b.counts)[few]
    seats = compiled_rows(RULES[name], 16)(contests, ballots, contest)
    np.testing.assert_array_equal(seats, expected)
    if name == "IRV":
        np.testing.assert_array_equal(compiled_rows(irv, 1000)(contests, ballots, contest), expected)


def test_rows_of_several_devices():
    b = batch()
    few = np.flatnonzero(b.counts.sum(axis=1) < 50)[:300]
    (word,), contest = in_rows(b, pack_rankings(jnp.asarray(b.rankings)), few, np.random.default_rng(2))
    word, contest = (np.append(rows, rows[-1:] * 0, axis=0)[: len(rows) + len(rows) % 2] for rows in (word, contest))
    contests = jax.tree.map(lambda field: field[few], b.contests)

    def of_device(word, contest):
        return count_rows(stv, contests, (word,), contest, 64, devices="device")

    halves = word.reshape(2, -1, LANES), contest.reshape(2, -1)
    seats = jax.jit(jax.vmap(of_device, axis_name="device"), compiler_options=QUICKLY)(*halves)
    np.testing.assert_array_equal(seats, [compiled(stv)(b.contests, b.rankings, b.counts)[few]] * 2)


@every_rule
def test_the_order_of_parties_does_not_matter(name):
    b = batch()
    order = np.random.default_rng(3).permuted(np.tile(np.arange(PARTIES), (PROFILES, 1)), axis=1)  # new place -> old
    place = np.argsort(order, axis=1)  # old -> new
    renamed = np.where(b.rankings >= 0, np.take_along_axis(place[:, None], np.maximum(b.rankings, 0), axis=2), -1)
    contests = b.contests._replace(
        lots=np.take_along_axis(b.lots, order, axis=1), stands=np.take_along_axis(b.contests.stands, order, axis=1)
    )
    seats = compiled(RULES[name])(contests, renamed.astype(np.int32), b.counts)
    expected = np.take_along_axis(np.asarray(compiled(RULES[name])(b.contests, b.rankings, b.counts)), order, axis=1)
    np.testing.assert_array_equal(seats, expected)


@every_rule
def test_odd_cases(name):
    """No ballots, empty ballots only, one voter, and one party."""
    contests = RankedContest(
        np.ones(PROFILES, np.int64),
        np.tile(np.arange(PARTIES, dtype=np.uint32), (PROFILES, 1)),
        np.arange(PARTIES) < np.array([[5], [5], [5], [1]] + [[5]] * (PROFILES - 4)),
    )
    rankings = np.full((PROFILES, BALLOTS, PARTIES), -1, np.int32)
    counts = np.zeros((PROFILES, BALLOTS), np.int64)
    counts[1] = 7
    rankings[2, 0, 0], counts[2, 0] = 3, 1
    rankings[3, 0, 0], counts[3, 0] = 0, 1
    seats = compiled(RULES[name])(contests, rankings, counts)[:5].tolist()
    nobody = [0] * PARTIES
    assert seats == [nobody, nobody, [0, 0, 0, 1, 0], [1, 0, 0, 0, 0], nobody]


@pytest.mark.parametrize("name", ["IRV", "STV"])
def test_without_compilation(name):
    b = batch()
    expected = compiled(RULES[name])(b.contests, b.rankings, b.counts)
    with jax.disable_jit():
        contest = RankedContest(*(jnp.asarray(field[0]) for field in b.contests))
        seats = count_rankings(RULES[name], contest, jnp.asarray(b.rankings[0]), jnp.asarray(b.counts[0]))
    assert seats.tolist() == expected[0].tolist()


@pytest.mark.parametrize("name", ["IRV", "Borda", "Schulze", "STV", "SNTV"])
def test_ties_are_fair(name):
    """Two parties tie; each wins half of the contests, within 5 standard errors (by chance once in 1.7 million)."""
    rng = np.random.default_rng(4)
    contests = RankedContest(
        np.ones(PROFILES, np.int64),
        rng.integers(0, 2**32, (PROFILES, PARTIES), dtype=np.uint32),
        np.tile(np.arange(PARTIES) < 2, (PROFILES, 1)),
    )
    rankings = np.full((PROFILES, BALLOTS, PARTIES), -1, np.int32)
    rankings[:, 0, :2], rankings[:, 1, :2] = [0, 1], [1, 0]
    counts = np.tile(np.where(np.arange(BALLOTS) < 2, 3, 0), (PROFILES, 1))
    wins = np.asarray(compiled(RULES[name])(contests, rankings, counts)).sum(axis=0)
    assert wins.sum() == PROFILES
    assert abs(wins[0] - PROFILES / 2) < 5 * np.sqrt(PROFILES) / 2


# --- many parties, many voters ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Coombs", "Bucklin", "STV"])
def test_rankings_of_two_words(name):
    n, n_parties, names = 60, 10, "ABCDEFGHIJ"
    rng = np.random.default_rng(5)
    order = rng.permuted(np.tile(np.arange(n_parties), (n, 12, 1)), axis=2)
    rankings = np.where(np.arange(n_parties) < rng.integers(0, 11, (n, 12, 1)), order, -1).astype(np.int32)
    counts = rng.integers(0, 30, (n, 12))
    lots = rng.permuted(np.tile(np.arange(n_parties, dtype=np.uint32), (n, 1)), axis=1)
    contests = RankedContest(np.full(n, 3), lots, np.ones((n, n_parties), bool))
    seats = compiled(RULES[name])(contests, rankings, counts)
    for k in range(n):
        ballots = [
            (tuple(names[p] for p in r if p >= 0), int(c)) for r, c in zip(rankings[k].tolist(), counts[k], strict=True)
        ]
        exact = Lots(names, seed=0)
        exact._lot = dict(zip(names, lots[k].tolist(), strict=True))
        several = {"n_seats": 3} if name in SEVERAL else {}
        count = SYSTEMS[name](Profile.of(ballots, candidates=names), exact, **several, **OPTIONS.get(name, {}))
        each = 1 if name in SEVERAL else 3
        assert seats[k].tolist() == [each * (party in count.elected) for party in names]


@pytest.mark.parametrize("name", ["Coombs", "Borda", "ranked_pairs", "STV", "STV_Meek"])
def test_billions_of_voters_do_not_overflow(name):
    b = batch(seed=6)
    counts = np.random.default_rng(6).integers(0, 2**31 // BALLOTS, b.counts.shape)
    seats = np.asarray(compiled(RULES[name])(b.contests, b.rankings, counts))
    b = Batch(6)
    b.counts = counts
    for k in range(100):
        n_seats = int(b.seats[k])
        several = {"n_seats": n_seats} if name in SEVERAL else {}
        count = SYSTEMS[name](b.profile(k), b.exact_lots(k), **several, **OPTIONS.get(name, {}))
        assert seats[k].tolist() == seats_of(count.elected, 1 if name in SEVERAL else n_seats)


def test_multiplication_and_division_of_large_numbers():
    rng = np.random.default_rng(7)
    number, by = rng.integers(0, 2**40, 200), rng.integers(1, 2**61, 200)
    number[:100] = number[:100] % by[:100]
    for times in (1, 10**9, 2**40):
        fits = [int(n) * times // int(d) < 2**62 for n, d in zip(number, by, strict=True)]
        quotient, rest = times_over(jnp.asarray(number[fits]), times, jnp.asarray(by[fits]))
        expected = [divmod(int(n) * times, int(d)) for n, d in zip(number[fits], by[fits], strict=True)]
        assert [*zip(quotient.tolist(), rest.tolist(), strict=True)] == expected


# --- the packing of rankings -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_parties", [1, 3, 8, 9, MOST_PARTIES])
def test_sincere_rankings(n_parties):
    rng = np.random.default_rng(n_parties)
    utility = rng.normal(size=(n_parties, 500)).astype(np.float32)
    utility[:, ::5] = np.round(utility[:, ::5])  # equal utilities
    length = rng.integers(0, n_parties + 1, 500)
    stands = rng.random((n_parties, 500)) < 0.8
    ranking = jax.jit(rank_parties)([*utility], length, [*stands])
    assert len(ranking) == words_for(n_parties)
    order = np.argsort(np.where(stands, -utility, np.inf), axis=0, kind="stable")
    ranked = np.arange(n_parties)[:, None] < np.minimum(length, stands.sum(axis=0))
    expected = np.where(ranked, order + 1, 0)
    for place in range(n_parties):
        np.testing.assert_array_equal(number_at(ranking, place), expected[place])
        np.testing.assert_array_equal(number_at(ranking, jnp.int32(place)), expected[place])
    for word, other in zip(pack_rankings(jnp.asarray(expected.T - 1)), ranking, strict=True):
        np.testing.assert_array_equal(word, other)
