"""List and mixed systems: rules and whole elections against the exact counts of `esim_jax.counts`, lots included."""

import math
from fractions import Fraction
from functools import lru_cache, partial
from itertools import cycle

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
from contract import QUICKLY
from exact_elections import GivenLots, exact_election

from esim_jax import BatchRunner, ElectionModel, InputError, OutcomeWarning, ParameterSweep, Party, simulate
from esim_jax.chunks import Program, Span, make_cutter
from esim_jax.config import read_parameters
from esim_jax.counts import mixed as exact_mixed
from esim_jax.counts.apportion import allocate
from esim_jax.plan import make_plan
from esim_jax.seats import assembly_seats
from esim_jax.sweep.identity import model_identity
from esim_jax.systems import RULES, Contest
from esim_jax.systems.divisor import DIVISOR_METHODS, _lead_of_squares
from esim_jax.systems.mixed import mixed_member_proportional, with_minimum

N, PARTIES = 400, 5
NAMES = [f"P{j}" for j in range(PARTIES)]


def named(values, names=NAMES):
    return dict(zip(names, map(int, values), strict=True))


def as_list(seats):
    return [int(n) for n in seats.values()]


@lru_cache
def profiles():
    """Small contests with ties, few seats and parties without votes; the first has no votes, the second one party."""
    rng = np.random.default_rng(3)
    shape = (N, PARTIES)
    votes = np.where(rng.random(shape) < 0.5, rng.integers(0, 13, shape), rng.integers(0, 1000, shape))
    votes[0], votes[1, 1:] = 0, 0
    votes[1, 0] = 7
    lots = rng.permuted(np.tile(np.arange(PARTIES), (N, 1)), axis=1)
    return Contest(votes.astype(np.int64), rng.integers(1, 30, N), lots.astype(np.uint32))


@lru_cache
def won_seats():
    """Constituency seats that have little to do with the votes, a few of them of parties without votes."""
    rng = np.random.default_rng(4)
    votes = profiles().votes
    won = rng.integers(0, 4, votes.shape) * (rng.random(votes.shape) < 0.5)
    return np.where(votes > 0, won, won * (rng.random(votes.shape) < 0.1)).astype(np.int64)


@lru_cache
def likely_seats():
    """Constituency seats that have much to do with the votes: houses that level them stay small."""
    rng = np.random.default_rng(9)
    votes = profiles().votes
    share = votes / np.maximum(votes.sum(axis=1, keepdims=True), 1)
    return np.where(share > 0.05, rng.binomial(6, share) + (rng.random(votes.shape) < 0.5 * share), 0)


def mapped(function):
    """A function of one contest, over all of them in one compiled call."""
    compiled = jax.jit(jax.vmap(function), compiler_options=QUICKLY)

    def call(*arguments):
        with jax.enable_x64(True):
            return jax.tree.map(np.asarray, compiled(*arguments))

    return call


def exact(method, votes, n_seats, lots, minimum=()):
    """Seats by `esim_jax.counts`; nobody's without votes."""
    counts = named(votes)
    if not any(counts.values()):
        return [0] * PARTIES
    least = named(minimum) if len(minimum) else {}
    return as_list(allocate(counts, int(n_seats), method, NAMES, least, GivenLots(named(lots))).seats)


# --- rules -----------------------------------------------------------------------------------------------------------


def test_divisor_methods_are_known():
    assert {"dhondt", "sainte_lague"} <= DIVISOR_METHODS <= set(RULES)
    assert set(exact_mixed.DIVISORS) & set(RULES) == DIVISOR_METHODS


def test_squares_are_compared_exactly_at_the_extremes():
    """Products of 2^66 votes squared with 2^47, near-equal and equal ones among them."""
    rng = np.random.default_rng(6)
    held = np.array([*rng.integers(1, 10**7, 20), 1, 10**7, 10**7 - 1, 999_999, 10**6])
    votes = np.array([*rng.integers(1, 2**33, 20), 2**33, 2**33 - 1, 2**33, 2**33 - 1, 1])
    # quotients as near as whole votes allow: v_i = round(v sqrt(s_i (s_i + 1) / s (s + 1)))
    near = [min(2**33, math.isqrt(2**40 * int(s) * int(s + 1))) for s in held[:10]]
    votes, held = np.array([*votes, *near, 6, 2]), np.array([*held, *held[:10], 8, 2])
    divisor = held * (held + 1)
    with jax.enable_x64(True):
        lead = np.asarray(_lead_of_squares(jnp.asarray(votes), jnp.asarray(divisor)))
    for i, j in np.ndindex(lead.shape):
        difference = int(votes[i]) ** 2 * int(divisor[j]) - int(votes[j]) ** 2 * int(divisor[i])
        assert np.sign(lead[i, j]) == (difference > 0) - (difference < 0)


@pytest.mark.parametrize("rule", sorted(DIVISOR_METHODS))
def test_the_largest_houses_are_exact(rule):
    """2^33 votes and a million seats: no seat's quotient is below that of a seat that was not given."""
    votes = [2**32, 2**31, 2**31 - 2**20, 2**20 - 1, 1]
    with jax.enable_x64(True):
        contest = Contest(jnp.array(votes), jnp.array(1_000_000), jnp.arange(PARTIES, dtype=jnp.uint32))
        seats = jax.jit(RULES[rule])(contest).tolist()
    assert sum(seats) == 1_000_000

    def claim(votes, held):
        divisor = exact_mixed.DIVISORS[rule](held)
        return divisor == 0, Fraction(votes) ** (2 if rule == "huntington_hill" else 1) / (divisor or 1)

    last = min(claim(v, s - 1) for v, s in zip(votes, seats, strict=True) if s)
    assert all(claim(v, s) <= last for v, s in zip(votes, seats, strict=True))


def test_one_vote_in_eight_billion_decides_by_geometric_means():
    """12 / 6 = 2 = 6 / 3: v and w tie for a second and a first further seat where v^2 / 6 = w^2 / 2 is near."""
    w = 2**32 - 2**30
    v = math.isqrt(3 * w * w)  # v^2 / 6 just below w^2 / 2
    with jax.enable_x64(True):
        decide = jax.jit(RULES["huntington_hill"])
        for lots in ([0, 9], [9, 0]):
            for first, expected in ((v, [2, 2]), (v + 1, [3, 1])):
                given = Contest(jnp.array([first, w]), jnp.array(4), jnp.array(lots, jnp.uint32))
                assert decide(given).tolist() == expected


# --- seats that take account of other seats --------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["sainte_lague", "adams", "hare"])
def test_a_minimum_is_kept_as_in_exact_counts(rule):
    votes, extra, lots = profiles()
    minimum = won_seats()
    n_seats = minimum.sum(axis=1) + extra // 3
    seats = mapped(partial(with_minimum, rule))(Contest(votes, n_seats, lots), minimum)
    kept = 0
    for i in range(1, N):
        assert seats[i].tolist() == exact(rule, votes[i], n_seats[i], lots[i], minimum[i]), i
        kept += seats[i].tolist() != exact(rule, votes[i], n_seats[i], lots[i])
    assert kept > N / 4
    assert seats[0].tolist() == minimum[0].tolist()


@pytest.fixture
def known_lots(monkeypatch):
    """Lots by seed, for functions that draw their own: `known_lots[seed] = GivenLots(...)`."""
    lots = {}
    monkeypatch.setattr(exact_mixed, "draw_lots", lambda votes, seed: lots[seed])
    return lots


@pytest.mark.parametrize(
    ("rule", "overhang"), [("sainte_lague", "keep"), ("dhondt", "none"), ("sainte_lague", "level"), ("hare", "level")]
)
def test_mixed_member_proportional_agrees_with_exact_counts(rule, overhang, known_lots):
    votes, extra, lots = profiles()
    won = likely_seats() if overhang == "level" else won_seats()
    n_seats = won.sum(axis=1) + extra
    seats, growth = mapped(partial(mixed_member_proportional, rule, overhang=overhang))(
        Contest(votes, n_seats, lots), won
    )
    grown = 0
    for i in range(1, N):
        known_lots[i] = GivenLots(named(lots[i]))
        assert seats[i].sum() == n_seats[i] + growth[i]
        expected = exact_mixed.mixed_member_proportional(
            named(votes[i]), named(won[i]), int(n_seats[i]), rule, overhang=overhang, seed=i
        )
        assert seats[i].tolist() == as_list(expected.seats), (votes[i], won[i], n_seats[i])
        grown += growth[i] > 0
    assert (grown > N / 20) == (overhang != "none")


def test_a_house_stops_growing_at_ten_times_its_seats():
    """5 of 7 seats for 1 % of the votes: 7 x 10 seats would not do, and the 5 stay beside what the others have then."""
    with jax.enable_x64(True):
        contest = Contest(jnp.array([990, 10]), jnp.array(7), jnp.zeros(2, jnp.uint32))
        decide = jax.jit(partial(mixed_member_proportional, "hare", overhang="level"))
        seats, growth = decide(contest, jnp.array([0, 5]))
    assert seats.tolist() == [69, 5]
    assert int(growth) == 67


# --- whole elections -------------------------------------------------------------------------------------------------

MANY = [Party(f"P{j}", 0.3 * j - 0.5, 0.2 * j - 0.3, 48.0 + 2 * j, threshold_exempt=j == 3) for j in range(4)]
EXEMPT = {"parties": MANY, "threshold": 0.24, "district_threshold": 0.15, "include_nota": True}
ELECTIONS = [
    {"electoral_system": "FPTP"},
    {"electoral_system": "PR", "district_magnitude": 4},
    {"electoral_system": "PR", **EXEMPT},
    {"electoral_system": "PR", **EXEMPT, "threshold_base": "valid"},
    {"electoral_system": "district_PR", "district_magnitude": 3},
    {"electoral_system": "district_PR", "district_magnitude": [1, 2, 3, 4, 5, 6, 7, 8], "district_threshold": 0.3},
    {"electoral_system": "district_PR", "district_magnitude": 5, **EXEMPT},
    {"electoral_system": "district_PR", "district_magnitude": 2, "levelling_seats": 7, "levelling_threshold": 0.3},
    {"electoral_system": "district_PR", "levelling_seats": 3, "levelling_threshold": 0.3, "waiver_seats": 2},
    {"electoral_system": "district_PR", "district_magnitude": 4, "district_threshold": 0.9, "threshold": 0.9},
    {"electoral_system": "party_block", "district_magnitude": [3, 1, 4, 1, 5, 9, 2, 6]},
    {"electoral_system": "MMP", "list_seats": 4},
    {"electoral_system": "MMP", "list_seats": 4, "overhang": "none", "threshold": 0.34, "waiver_seats": 2},
    {"electoral_system": "MMP", "list_seats": 2, "overhang": "level", **EXEMPT},
    {"electoral_system": "parallel", "list_seats": 5, **EXEMPT},
    {"electoral_system": "majority_bonus", "district_magnitude": 5, "bonus_seats": 10, "threshold": 0.2},
    {"electoral_system": "electoral_college", "district_magnitude": [3, 1, 4, 1, 5, 9, 2, 6]},
]
SIZES = ({"n_voters": 400, "n_constituencies": 8}, {"n_voters": 12, "n_constituencies": 8})
"""Enough voters to pass thresholds, and so few that seats stay vacant."""


def exact_count(given, seed, constituency_votes):
    """The exact election with the lots that the seed draws."""
    p = read_parameters(given)
    names = [party.name for party in p["parties"]]
    n_options = constituency_votes.shape[1]

    def lots(contest):
        return GivenLots(named(oracle.draw_lots(seed, contest, n_options)[: len(names)], names))

    return exact_election(p, constituency_votes, lots)


@lru_cache
def held():
    """Every election four times, all in one call of one program."""
    given = [
        {**election, **size, "allocation_method": method}
        for election, method in zip(ELECTIONS, cycle(["dhondt", "sainte_lague", "hare", "dhondt"]), strict=False)
        for size in SIZES
    ]
    parameters = [read_parameters(one) for one in given]
    configuration = np.repeat(np.arange(len(given)), 4)
    seeds = np.arange(len(configuration), dtype=np.uint64) * np.uint64(977) + np.uint64(5)
    load = make_cutter(parameters).load(tuple(Span(c, 0, 4) for c in range(len(given))))
    plan = make_plan(parameters, Program("voters"), jax.local_devices(), load)
    return given, configuration, seeds, jax.device_get(plan.simulate(configuration, seeds))


@pytest.mark.slow
def test_whole_elections_agree_with_exact_counts():
    given, configuration, seeds, outcome = held()
    grown, vacant, waived = set(), set(), set()
    start = 0
    for i, c in enumerate(configuration):
        p = read_parameters(given[c])
        n_options = len(p["parties"]) + p["include_nota"]
        local = outcome.constituency_votes[start : start + 8, :n_options]
        start += 8
        np.testing.assert_array_equal(local.sum(axis=0), outcome.votes[i, :n_options])
        seats, growth, none = exact_count(given[c], int(seeds[i]), local)
        assert outcome.seats[i, : len(seats)].tolist() == as_list(seats), given[c]
        assert not outcome.seats[i, len(seats) :].any()
        assert outcome.vacant_seats[i] == assembly_seats(p) + growth - sum(seats.values()), given[c]
        assert outcome.threshold_waived[i] == none, given[c]
        name = p["electoral_system"]
        (grown if growth else set()).add(name)
        (vacant if outcome.vacant_seats[i] else set()).add(name)
        (waived if none else set()).add(name)
    assert grown == {"MMP"}
    assert vacant >= {"FPTP", "district_PR", "party_block", "MMP", "parallel"}
    assert "district_PR" in waived


@pytest.mark.filterwarnings("ignore::esim_jax.OutcomeWarning")
def test_a_sweep_over_many_systems_is_one_program_and_its_rows_replay():
    sweep = ParameterSweep(
        {"electoral_system": ["PR", "district_PR", "party_block", "parallel", "MMP"], "threshold": [0.0, 0.3]},
        {"n_voters": 300, "n_constituencies": 3, "list_seats": 4, "district_magnitude": [1, 2, 4]},
    )
    before = simulate._decide.n_programs
    runner = BatchRunner(ElectionModel, sweep, n_runs_per_config=2, seed=5, verbose=False)
    results = runner.run()
    assert simulate._decide.n_programs == before + 1
    seats = runner.party_results().group_by("config_idx", "run_idx", maintain_order=True).agg("seats")["seats"]
    row = results.row(18, named=True)  # MMP
    assert row["district_magnitude"] == [1, 2, 4]
    replayed = ElectionModel(
        **{name: row[name] for name in (*sweep.fixed_params, "electoral_system", "threshold", "seed")}
    ).run_election()
    assert replayed.seats.tolist() == seats[18].to_list()
    assert {sum(s) for s in seats[:4]} == {7}
    assert all(sum(s) >= 11 for s in seats[16:])


def test_numbers_of_seats_and_thresholds_compile_once():
    """Magnitudes, lists of them and thresholds are data."""
    given = [
        {"electoral_system": "district_PR", "n_voters": 60, "n_constituencies": 2, **more}
        for more in ({}, {"district_magnitude": 9}, {"district_magnitude": [2, 5]}, {"district_threshold": 0.1})
    ]
    parameters = [read_parameters(one) for one in given]
    plan = make_plan(parameters, Program("voters"), jax.local_devices(), make_cutter(parameters).load((Span(0, 0, 4),)))
    assert len(plan.systems) == 1
    before = simulate._decide.n_programs
    seeds = np.arange(4, dtype=np.uint64)
    found = [np.asarray(plan.simulate(np.full(4, c), seeds).seats).sum(axis=1).tolist() for c in range(4)]
    assert found == [[2] * 4, [18] * 4, [7] * 4, [2] * 4]
    assert simulate._decide.n_programs == before + 1


# --- parameters ------------------------------------------------------------------------------------------------------


def test_defaults_leave_identities_as_they_were():
    new = {"district_magnitude": 1, "threshold_base": "all", "overhang": "keep", "waiver_seats": 0, "bonus_seats": 0}
    assert model_identity(read_parameters(new)) == "{}"
    assert model_identity(read_parameters({"district_magnitude": [1] * 10})) == "{}"
    parties = [Party("a"), Party("b", 0.2)]
    assert "exempt" not in model_identity(read_parameters({"parties": parties}))
    assert "exempt" in model_identity(read_parameters({"parties": [*parties, Party("c", threshold_exempt=True)]}))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"district_magnitude": 3}, "not allowed with FPTP"),
        ({"district_magnitude": 0}, "whole number from 1"),
        ({"district_magnitude": "3"}, "whole number from 1"),
        ({"district_magnitude": []}, "is an empty list"),
        ({"district_magnitude": [2, 2], "electoral_system": "PR"}, "2 numbers for n_constituencies = 10"),
        ({"district_magnitude": 500_000, "electoral_system": "PR"}, "5,000,000 seats: at most 1,000,000"),
        ({"electoral_system": "MMP"}, "list_seats = 0 is not allowed with MMP"),
        ({"electoral_system": "parallel"}, "list_seats = 0 is not allowed with parallel"),
        ({"electoral_system": "majority_bonus"}, "bonus_seats = 0 is not allowed"),
        ({"electoral_system": "majority_bonus", "bonus_seats": 11}, "from 1 to the 10 seats"),
    ],
)
def test_contradictions_are_refused_with_a_sentence(given, message):
    with pytest.raises(InputError, match=message):
        read_parameters(given)


def test_what_other_systems_need_does_not_matter():
    """So that a sweep can compare systems with one set of fixed parameters."""
    for system in ("FPTP", "PR", "district_PR"):
        assert assembly_seats(read_parameters({"electoral_system": system, "list_seats": 5, "bonus_seats": 99})) == 10


def test_a_vacant_constituency_is_told():
    with pytest.warns(OutcomeWarning, match="stay vacant"):
        ElectionModel(n_voters=8, n_constituencies=8, electoral_system="party_block", seed=1).run_election()
