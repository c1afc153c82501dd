"""Polls: simulations in which voters see the same are asked once, and nothing but the cost shows it."""

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest
from test_ranked_elections import PARTIES

import esim_jax.chunks
import esim_jax.plan
import esim_jax.simulate
from esim_jax import BatchRunner, ElectionModel, ParameterSweep
from esim_jax.chunks import Span, make_cutter
from esim_jax.config import PARAMETERS, read_parameters
from esim_jax.names import COUNTING
from esim_jax.poll import find_polls
from esim_jax.systems import RANKED
from esim_jax.systems.rankings import pack_rankings
from esim_jax.systems.staged import RankedContest, count_rows, final_states

SYSTEMS = ["IRV", "Borda", "approval", "STAR", "Schulze", "FPTP"]
SWEEP = ParameterSweep(
    {"electoral_system": SYSTEMS, "temperature": [0.0, 0.4]},
    {"parties": PARTIES[:4], "n_voters": 201, "n_constituencies": 2, "include_nota": True},
)
METRICS = ["vse", "turnout", "welfare_gain", "condorcet_winner", "condorcet_winner_elected", "majority_loser_elected"]


def run(sweep=SWEEP, **options):
    given = {"metrics": METRICS, "n_runs_per_config": 3, "seed": 5, "common_random_numbers": True, **options}
    runner = BatchRunner(ElectionModel, sweep, verbose=False, **given)
    return runner.run(), runner.party_results()


def count_polled(monkeypatch):
    """The rows of voters that are asked, call by call."""
    rows = []
    simulate = esim_jax.plan.simulate_voters

    def counting(*arguments):
        rows.append((int(arguments[2].n_rows), len(arguments[0].weight)))
        return simulate(*arguments)

    monkeypatch.setattr(esim_jax.plan, "simulate_voters", counting)
    return rows


@pytest.fixture(scope="module")
def shared():
    with pytest.MonkeyPatch.context() as patch:
        rows = count_polled(patch)
        return run(), rows


@pytest.mark.slow
def test_one_poll_serves_all_systems(shared):
    _, rows = shared
    assert [n for n, _ in rows] == [3 * 2] * 2  # 3 runs of 2 constituencies, a program each temperature


@pytest.mark.slow
def test_shared_and_not_shared_are_the_same_to_the_bit(shared, monkeypatch):
    rows = count_polled(monkeypatch)
    for module in (esim_jax.chunks, esim_jax.plan):
        monkeypatch.setattr(module, "number_electorates", lambda parameters: list(range(len(parameters))))
    alone = run()
    assert sum(n for n, _ in rows) == 6 * 2 * 3 * 2
    assert all(a.equals(b) for a, b in zip(alone, shared[0], strict=True))


@pytest.mark.slow
def test_chunks_and_neighbours_change_nothing(shared):
    assert all(a.equals(b) for a, b in zip(run(chunk_size=7), shared[0], strict=True))
    for system in ("STAR", "FPTP"):
        given = {"electoral_system": [system], "temperature": [0.4]}
        found, parties = run(ParameterSweep(given, SWEEP.fixed_params))
        expected = shared[0][0].filter(pl.col("electoral_system") == system, pl.col("temperature") == 0.4)
        same = [*METRICS, "seed", "run_idx"]
        assert found.select(same).equals(expected.select(same))
        place = expected["config_idx"][0]
        assert parties.drop("config_idx").equals(shared[0][1].filter(pl.col("config_idx") == place).drop("config_idx"))


def test_metrics_of_rankings_change_no_other(shared):
    """FPTP is then held by the program that keeps ballots."""
    fptp = ParameterSweep({"electoral_system": ["FPTP"], "temperature": [0.0, 0.4]}, SWEEP.fixed_params)
    plain, _ = run(fptp, metrics=["vse", "turnout", "welfare_gain"])
    columns = ["vse", "turnout", "welfare_gain"]
    expected = shared[0][0].filter(pl.col("electoral_system") == "FPTP")
    assert plain.select(columns).equals(expected.select(columns))


def test_votes_without_ballots_are_shared_too(monkeypatch):
    rows = count_polled(monkeypatch)
    sweep = ParameterSweep({"threshold": [0.0, 0.05], "electoral_system": ["FPTP", "PR"]}, {"n_voters": 300})
    found, parties = run(sweep, metrics=None)
    assert [n for n, _ in rows] == [3 * 10]
    monkeypatch.undo()
    for row in found[[0, 11]].iter_rows(named=True):
        given = {name: row[name] for name in ("threshold", "electoral_system", "n_voters", "seed")}
        result = ElectionModel(**given).run_election()
        of_row = parties.filter(pl.col("config_idx") == row["config_idx"], pl.col("run_idx") == row["run_idx"])
        assert of_row["votes"].to_list() == result.vote_counts.tolist()
        assert of_row["seats"].to_list() == result.seats.tolist()
        assert result.vse == row["vse"]


@pytest.mark.slow
def test_magnitudes_and_lengths_are_polls_of_their_own():
    sweep = ParameterSweep(
        {"electoral_system": ["STV", "SNTV"], "district_magnitude": [1, 2], "ballot_length": [2, 4]},
        {"parties": PARTIES[:4], "n_voters": 201, "n_constituencies": 2},
    )
    together, _ = run(sweep, metrics=None, n_runs_per_config=2)
    one_by_one, _ = run(sweep, metrics=None, n_runs_per_config=2, chunk_size=1)
    assert together.equals(one_by_one)


def test_what_voters_do_not_see():
    """Parameters are seen unless they are named; all those are read by the count alone."""
    assert set(COUNTING) < set(PARAMETERS)
    unseen = {"electoral_system": "MMP", "allocation_method": "hare", "list_seats": 5, "overhang": "level"}
    configurations = [{}, unseen, {"threshold": 0.1}, {"temperature": 0.4}, {"approval_count": 2}]
    numbers = esim_jax.chunks.number_electorates([read_parameters(c) for c in configurations])
    assert numbers == [0, 0, 0, 1, 2]


def test_polls_are_found():
    rng = np.random.default_rng(1)
    electorate, seeds = rng.integers(0, 3, 200), rng.integers(0, 20, 200).astype(np.uint64)
    first, poll = find_polls(electorate, seeds)
    pairs = list(zip(electorate.tolist(), seeds.tolist(), strict=True))
    assert [pairs[k] for k in first] == list(dict.fromkeys(pairs))
    assert [pairs[first[p]] for p in poll] == pairs


def test_loads_count_a_poll_once():
    parameters = [read_parameters({"electoral_system": s, "n_voters": 1_000}) for s in ("IRV", "Borda", "FPTP")]
    spans = [Span(0, 0, 5), Span(1, 3, 8), Span(2, 4, 6)]
    together, apart = (make_cutter(parameters, common=common).load(spans) for common in (True, False))
    assert (apart.simulations, apart.constituencies, apart.rows, apart.polls, apart.polled) == (12, 120, 120, 12, 120)
    assert (together.simulations, together.constituencies) == (12, 120)
    assert (together.rows, together.polls, together.polled) == (80, 8, 80)


def test_contests_that_nobody_asks_for_are_not_counted():
    rng = np.random.default_rng(3)
    ballots = np.argsort(rng.random((12, 128, 4)), axis=-1).astype(np.int32)
    constituency = np.repeat(np.arange(6), 2).astype(np.int32)
    needed = np.array([True, False, True, False, False, True])
    with jax.enable_x64(True):
        lots = rng.integers(0, 2**32, (6, 4)).astype(np.uint32)
        contests = RankedContest(jnp.ones(6, jnp.int64), jnp.asarray(lots), jnp.ones((6, 4), bool))
        given = contests, pack_rankings(ballots), constituency
        everywhere = count_rows(RANKED["IRV"], *given)
        some = count_rows(RANKED["IRV"], *given, needed=needed)
        state = final_states(RANKED["IRV"], *given, needed=needed)
    assert (some[needed] == everywhere[needed]).all()
    assert (np.asarray(state.stage)[~needed] == 0).all()
    assert (np.asarray(state.stage)[needed] > 0).all()


@pytest.mark.slow
def test_votes_are_the_same_whether_or_not_a_metric_asks_for_more(monkeypatch):
    """Without welfare and NOTA, the votes are told by the rankings that are kept: nobody is asked twice."""
    tallies = []
    tally = esim_jax.simulate._tally_voters
    monkeypatch.setattr(esim_jax.simulate, "_tally_voters", lambda *a: tallies.append(1) or tally(*a))
    sweep = ParameterSweep(
        {"electoral_system": ["IRV", "FPTP"]},
        {"parties": PARTIES[:4], "n_voters": 201, "n_constituencies": 2, "participation": 0.7, "temperature": 0.4},
    )
    names = ["turnout", "gallagher", "condorcet_winner"]
    told, by_party = run(sweep, metrics=names)
    assert not tallies
    asked, by_party_asked = run(sweep, metrics=[*names, "vse"])
    assert tallies
    assert told.equals(asked.drop("vse"))
    assert by_party.equals(by_party_asked)
