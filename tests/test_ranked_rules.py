"""Rules on rankings in compiled form: official results, the figures of every stage, many parties and many voters.

That they agree with exact counts of the same ballots is tested in `test_contract.py`.
"""

import json
from functools import lru_cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from contract import (
    CONTESTS,
    LANES,
    NAMES,
    QUICKLY,
    Rule,
    World,
    draw,
    given_rankings,
    in_rows,
    plain_cases,
)
from test_counts import indexed

from esim_jax.counts import condorcet as exact_pairs
from esim_jax.counts.ballots import SYSTEMS
from esim_jax.counts.lots import Lots
from esim_jax.counts.profile import Profile
from esim_jax.systems import RANKED, condorcet
from esim_jax.systems.condorcet import by_pairs
from esim_jax.systems.meek import meek
from esim_jax.systems.rankings import MOST_PARTIES, number_at, pack_rankings, rank_parties, words_for
from esim_jax.systems.staged import RankedContest, count_rankings, count_rows
from esim_jax.systems.stv import UNIT, stv, times_over

REFERENCE = Path(__file__).parent / "reference"
SCOTTISH = json.loads((REFERENCE / "stv_scottish_official_stages.json").read_text(encoding="utf-8"))["cases"]
REAL = {c["id"]: c for c in json.loads((REFERENCE / "irv_real.json").read_text(encoding="utf-8"))["cases"]}

OPTIONS = {"STV": {"decimals": 5}}
SEVERAL = {"Borda", "approval", "STV", "STV_Meek", "SNTV", "block_vote", "limited_vote"}

WORLDS = [World(1, 3, 0.5), World(2, 10**6, 0.5), World(3, 2, 0.3), World(4, 1, 0.0), World(5, 10**6, 0.9)]
"""Contests with few voters, so that ties are common, and with many."""


@pytest.fixture(autouse=True)
def _x64():
    with jax.enable_x64(True):
        yield


@lru_cache
def compiled(rule):
    return jax.jit(jax.vmap(lambda *arguments: count_rankings(rule, *arguments)), compiler_options=QUICKLY)


@lru_cache
def compiled_rows(rule, block_rows):
    return jax.jit(lambda *arguments: count_rows(rule, *arguments, block_rows), compiler_options=QUICKLY)


def place_of(winner):
    return -1 if winner is None else NAMES.index(winner)


# --- what counts come to on the way ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["STV", "STV_Meek"])
def test_the_votes_of_the_last_stage(name):
    votes_of = RANKED[name]._replace(seats=lambda _, state: state.votes)
    unit = {"STV": UNIT, "STV_Meek": 10**9}[name]
    for world in WORLDS[:2]:
        votes = np.asarray(compiled(votes_of)(*Rule("rankings", name).given(draw(world))))
        for k, case in enumerate(plain_cases(world)):
            last = SYSTEMS[name](case.profile, case.lots, case.n_seats, **OPTIONS.get(name, {})).stages[-1]
            assert all(votes[k][NAMES.index(party)] == tally * unit for party, tally in last.tally.items())


def test_winners_losers_and_cycles_in_pairs():
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

    looked = jax.jit(jax.vmap(look), compiler_options=QUICKLY)
    n_cycles = 0
    for world in WORLDS:
        winner, loser, cycle = map(np.asarray, looked(*given_rankings("", draw(world))))
        for k, case in enumerate(plain_cases(world)):
            exact_winner = exact_pairs.condorcet_winner(case.profile).winner
            assert winner[k] == place_of(exact_winner)
            assert loser[k] == place_of(exact_pairs.condorcet_loser(case.profile))
            assert cycle[k] == (exact_winner is None and case.profile.ranked != ())
        n_cycles += cycle.sum()
    assert 50 < n_cycles < len(WORLDS) * CONTESTS - 50


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
        seats = compiled_rows(RANKED[name], 32)(contest, ballots, np.zeros(WARD_ROWS, np.int32))[0].tolist()
    else:
        seats = compiled(RANKED[name])(contest, rankings[None], counts[None])[0].tolist()
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


# --- rows ------------------------------------------------------------------------------------------------------------


def test_rows_of_several_devices():
    rule, batch = Rule("rankings", "STV"), draw(WORLDS[0])
    contests, rankings, counts = rule.given(batch)
    (word,), contest = in_rows(pack_rankings(jnp.asarray(rankings)), counts)

    def of_device(word, contest):
        return count_rows(stv, contests, (word,), contest, 64, devices="device")

    halves = word.reshape(2, -1, LANES), contest.reshape(2, -1)
    seats = jax.jit(jax.vmap(of_device, axis_name="device"), compiler_options=QUICKLY)(*halves)
    np.testing.assert_array_equal(seats, [rule.seats(batch)] * 2)


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
    seats = compiled(RANKED[name])(contests, rankings, counts)
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


def test_multiplication_and_division_of_large_numbers():
    rng = np.random.default_rng(7)
    number, by = rng.integers(0, 2**40, 200), rng.integers(1, 2**61, 200)
    number[:100] = number[:100] % by[:100]
    for times in (1, 10**9, 2**40):
        fits = [int(n) * times // int(d) < 2**62 for n, d in zip(number, by, strict=True)]
        assert sum(fits) >= 100
        given = np.where(fits, number, 0)
        quotient, rest = jax.jit(times_over, static_argnums=1, compiler_options=QUICKLY)(given, times, by)
        expected = [divmod(int(n) * times, int(d)) for n, d in zip(given, by, strict=True)]
        assert [*zip(quotient.tolist(), rest.tolist(), strict=True)] == expected


# --- the packing of rankings -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_parties", [1, 3, 8, 9, MOST_PARTIES])
def test_sincere_rankings(n_parties):
    rng = np.random.default_rng(n_parties)
    utility = rng.normal(size=(n_parties, 500)).astype(np.float32)
    utility[:, ::5] = np.round(utility[:, ::5])  # equal utilities
    length = rng.integers(0, n_parties + 1, 500)
    stands = rng.random((n_parties, 500)) < 0.8
    ranking = jax.jit(rank_parties, compiler_options=QUICKLY)([*utility], length, [*stands])
    assert len(ranking) == words_for(n_parties)
    order = np.argsort(np.where(stands, -utility, np.inf), axis=0, kind="stable")
    ranked = np.arange(n_parties)[:, None] < np.minimum(length, stands.sum(axis=0))
    expected = np.where(ranked, order + 1, 0)
    for place in range(n_parties):
        np.testing.assert_array_equal(number_at(ranking, place), expected[place])
        np.testing.assert_array_equal(number_at(ranking, jnp.int32(place)), expected[place])
    for word, other in zip(pack_rankings(jnp.asarray(expected.T - 1)), ranking, strict=True):
        np.testing.assert_array_equal(word, other)


@pytest.mark.parametrize("n_parties", [3, 8, 12])
def test_shortcuts_of_meek_s_method_say_what_all_places_of_a_ballot_do(n_parties):
    rng = np.random.default_rng(n_parties)
    order = rng.permuted(np.tile(np.arange(n_parties), (500, 1)), axis=1)
    rankings = np.where(np.arange(n_parties) < rng.integers(0, n_parties + 1, (500, 1)), order, -1)
    packed = pack_rankings(jnp.asarray(rankings))
    kept = {how: jax.jit(jax.vmap(how, (0, None, None))) for how in (meek.ballot, *(s for _, s in meek.shortcuts))}
    allowed = dict.fromkeys(range(len(meek.shortcuts)), 0)
    for n_elected in range(n_parties):
        place = rng.permutation(n_parties)
        n_eliminated = rng.integers(0, n_parties - n_elected)
        elected, hopeful = place < n_elected, place >= n_elected + n_eliminated
        keep = np.where(elected, rng.integers(1, 10**9, n_parties), np.where(hopeful, 10**9, 0))
        state = meek.start(None, jnp.ones(n_parties, bool))
        state = state._replace(keep=jnp.asarray(keep), hopeful=jnp.asarray(hopeful), elected=jnp.asarray(elected))
        expected = [np.asarray(of_party).tolist() for of_party in kept[meek.ballot](packed, (), state)]
        for number, (allows, shortcut) in enumerate(meek.shortcuts):
            if allows(state):
                allowed[number] += 1
                assert [np.asarray(of_party).tolist() for of_party in kept[shortcut](packed, (), state)] == expected
    assert all(allowed.values())
