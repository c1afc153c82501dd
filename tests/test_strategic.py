"""Strategic voters, polls and late deciders."""

import math
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import place_oracle
import polars as pl
import pytest

from esim_jax import BatchRunner, ElectionModel, IdleParameterWarning, ParameterSweep, Party
from esim_jax.chunks import program_for
from esim_jax.config import read_parameters
from esim_jax.idle import find_idle_parameters
from esim_jax.model.polls import draw_swings, log_shares, log_viability, swings

K = 5.0
"""Standard errors allowed; a right program fails one of the about 20 comparisons of this file with a probability below
2e-5, once and for all, since seeds are fixed."""

PARTIES = [Party("A", -0.3, 0.1, incumbent=True), Party("B", 0.3, -0.1), Party("C", 0.0, 0.1, 40.0)]
POLL = {
    "n_voters": 9_000, "n_constituencies": 12, "parties": PARTIES, "strategic_sensitivity": 0.4, "temperature": 0.3,
    "polling_error": 0.6, "polling_error_correlation": 0.5, "undecided": 0.25, "late_swing": 0.5,
}  # fmt: skip
PREVIOUS = {
    "n_voters": 9_000, "n_constituencies": 12, "parties": PARTIES, "strategic_sensitivity": 0.08, "temperature": 0.0,
    "viability": "previous", "local_appeal": 0.3, "include_nota": True, "polling_error": 9.0, "undecided": 0.25,
    "late_swing": 0.4,
}  # fmt: skip


def hold(**parameters):
    """An election by the program of POLL, whatever is switched off in it."""
    return ElectionModel(**{**POLL, **parameters}, seed=8).run_election()


@pytest.mark.slow
@pytest.mark.parametrize("case", [POLL, PREVIOUS], ids=["poll", "previous"])
def test_votes_are_the_oracles(case):
    """A voter at the margin may flip by rounding, as in test_election_oracle."""
    result = ElectionModel(**case, seed=8).run_election()
    votes, welfare = place_oracle.hold_election(case, 8, [750] * 12)
    assert np.abs(result.constituency_votes - votes).sum() <= 4
    eligible = [option[4] for option in oracle.ballot_options(read_parameters(case))]
    assert result.vse == pytest.approx(oracle.vse(welfare, result.seats.tolist(), eligible), abs=1e-4)
    for name in ("strategic_sensitivity", "late_swing", "undecided"):
        other = ElectionModel(**case, seed=8).run_election(**{name: case[name] / 2})
        assert np.abs(other.constituency_votes - votes).sum() > 100, name  # the comparison would notice


NO_ERROR = {"polling_error": 0.0, "undecided": 1e-9, "late_swing": 0.0}


def test_without_sensitivity_voters_are_sincere():
    sincere = ElectionModel(n_voters=9_000, n_constituencies=12, parties=PARTIES, temperature=0.3, seed=8)
    plain = sincere.run_election().constituency_votes
    assert np.array_equal(hold(strategic_sensitivity=1e-30, late_swing=0.0).constituency_votes, plain)
    assert not np.array_equal(hold(strategic_sensitivity=0.01, late_swing=0.0).constituency_votes, plain)
    off = read_parameters(POLL | {"strategic_sensitivity": 0.0, "late_swing": 0.0})
    assert program_for(off) == program_for(read_parameters({}))


def test_two_parties_are_left_the_more_so_the_more_strategic_voters_are():
    """Duverger's law: with the strongest sensitivity the two that lead among sincere voters have all votes."""
    sincere = hold(strategic_sensitivity=1e-30, **NO_ERROR)
    third = sincere.constituency_votes.argmin(axis=1)
    strengths = (0.1, 0.3, 1.0, 3.0, 1e3)
    results = [sincere, *(hold(strategic_sensitivity=strength, **NO_ERROR) for strength in strengths)]
    numbers = [np.mean([oracle.effective_number(local.tolist()) for local in r.constituency_votes]) for r in results]
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[0] > 2.5
    assert 1.9 < numbers[-1] <= 2.0
    for r in results:  # strategy moves the choice, and neither who votes nor what parties are worth
        assert r.turnout == sincere.turnout
    assert not results[-1].constituency_votes[np.arange(12), third].any()


def test_ranked_ballots_are_strategic_in_all_their_places():
    """The weakest party is last on every ballot, so that Borda's count elects the better of the two others; sincere
    ballots have the party in the centre in their first or second place, and Borda's count elects it.
    """
    asked = NO_ERROR | {"parties": [*PARTIES[:2], Party("C", 0.0, 0.0, 44.0)], "temperature": 0.05}
    sincere = hold(strategic_sensitivity=1e-30, **asked, electoral_system="Borda")
    assert sincere.seats.tolist() == [0, 0, 12]
    assert (sincere.constituency_votes.argmin(axis=1) == 2).all()
    ranked = hold(strategic_sensitivity=1e3, **asked, electoral_system="Borda")
    first = hold(strategic_sensitivity=1e3, **asked)
    assert np.array_equal(ranked.constituency_votes, first.constituency_votes)
    assert ranked.seats.tolist() == first.seats.tolist()
    assert ranked.seats[2] == 0


# --- polls -----------------------------------------------------------------------------------------------------------


def test_viability_is_the_distance_from_the_runner_up():
    rng = np.random.default_rng(2)
    weight = np.array([1, 1, 1, 1, 1, 0])  # four parties, NOTA, a surplus place
    eligible = np.array([True, True, True, True, False, False])
    votes = rng.integers(0, 1_000, (40, 6)) * weight
    seats = rng.integers(1, 7, 40)
    with jax.enable_x64(True):
        shares = log_shares(jnp.asarray(votes), jnp.asarray(weight, jnp.float32))
        found = np.asarray(log_viability(shares, jnp.asarray([eligible] * 40), jnp.asarray(seats, jnp.int32)))
    for local, m, viability in zip(votes, seats, found, strict=True):
        runner_up = sorted(local[:4], reverse=True)[min(m, 3)]
        for j in range(5):
            assert viability[j] == pytest.approx(min(0.0, math.log((local[j] + 1) / (runner_up + 1))), abs=2e-6)


@pytest.mark.parametrize("correlation", [0.0, 0.3, 1.0])
def test_swings_are_correlated_across_constituencies(correlation):
    n = 20_000
    key = (jnp.full((n, 1), 3, jnp.uint32), jnp.arange(n, dtype=jnp.uint32)[:, None])
    constituency = jnp.broadcast_to(jnp.arange(3, dtype=jnp.uint32), (n, 3))
    drawn = jax.jit(lambda: swings(*draw_swings(key, constituency, 2), jnp.float32(correlation)))()
    z = np.asarray(drawn, float).reshape(n, 6)  # constituency by constituency, two parties each
    assert np.abs(z.var(axis=0) - 1).max() < K * math.sqrt(2 / n)
    expected = np.kron(np.eye(3) + correlation * (1 - np.eye(3)), np.eye(2))
    error = (1 - expected**2) / math.sqrt(n)
    assert np.all(np.abs(np.corrcoef(z.T) - expected) <= K * error + 1e-6)


# --- sweeps ----------------------------------------------------------------------------------------------------------


def run(**options):
    """Strategic voters who share electorates, with two parties and with three; a program of POLL."""
    sweep = ParameterSweep(
        {"strategic_sensitivity": [0.2, 1.0], "parties": [PARTIES, PARTIES[:2]]},
        {"n_voters": 2_000, "n_constituencies": 2, "polling_error": 0.5, "undecided": 0.2, "late_swing": 0.3},
    )
    runner = BatchRunner(
        ElectionModel, sweep, n_runs_per_config=2, seed=7, verbose=False, common_random_numbers=True, **options
    )
    return runner.run(), runner.party_results()


_ON_DEVICES = """
import sys
import jax
sys.path.insert(0, sys.argv[1])
from test_strategic import run
assert len(jax.devices()) == 3
for name, frame in zip(("results", "parties"), run(chunk_size=3)):
    frame.write_ipc(f"{sys.argv[2]}/{name}.arrow")
"""


@pytest.mark.slow
def test_rows_replay_and_neither_chunks_nor_devices_change_anything(tmp_path):
    results, parties = run()
    for row in results.iter_rows(named=True):
        votes = parties.filter(config_idx=row["config_idx"], run_idx=row["run_idx"])["votes"].to_list()
        given = {name: row[name] for name in row if name not in ("config_idx", "run_idx", *results.columns[-5:])}
        replay = ElectionModel(**given).run_election()
        assert replay.vote_counts.tolist() == votes
        assert replay.vse == row["vse"]
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=3", "JAX_PLATFORMS": "cpu"}
    here = os.path.dirname(__file__)  # noqa: PTH120
    subprocess.run([sys.executable, "-c", _ON_DEVICES, here, str(tmp_path)], env=environment, check=True)
    assert pl.read_ipc(tmp_path / "results.arrow").equals(results)
    assert pl.read_ipc(tmp_path / "parties.arrow").equals(parties)


# --- parameters that change nothing ----------------------------------------------------------------------------------

SMALL = {"n_voters": 3_000, "n_constituencies": 3, "parties": PARTIES, "seed": 5}
KNOWING = {"strategic_sensitivity": 0.3}
IDLE = {  # what is swept, and with what it is idle or not
    "viability": (["poll", "previous"], {}, KNOWING),
    "polling_error": ([0.1, 0.4], {**KNOWING, "viability": "previous"}, KNOWING),
    "polling_error_correlation": (
        [0.1, 0.4],
        {"late_swing": 0.2, "polling_error": 0.1},
        {"late_swing": 0.2, "polling_error": 0.1, "undecided": 0.1},
    ),
    "undecided": ([0.1, 0.4], {**KNOWING, "viability": "previous"}, KNOWING),
    "late_swing": ([0.1, 0.4], KNOWING, {"undecided": 0.1}),
    "identified_share": ([0.1, 0.4], {}, {"identification_strength": 0.2}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", IDLE)
def test_parameters_that_change_nothing(name):
    values, without, with_it = IDLE[name]
    idle, read = ([read_parameters({**given, name: value}) for value in values] for given in (without, with_it))
    [sentence] = map(str, find_idle_parameters(idle))
    assert sentence.startswith(f"{name} has several values in the sweep, but they change nothing: it needs ")
    for configurations in (read, [*idle, read[0]], idle[:1] * 2):  # it is read everywhere, somewhere; it has one value
        assert not find_idle_parameters(configurations)
    found = [
        ElectionModel(**given, **SMALL, **{name: values[k]}).run_election()
        for given in (without, with_it)
        for k in (0, 1)
    ]
    votes = [result.constituency_votes.tolist() for result in found]
    assert votes[0] == votes[1]
    assert votes[2] != votes[3]


def test_idle_parameters_are_told_before_the_sweep_runs():
    runner = BatchRunner(ElectionModel, ParameterSweep({"polling_error": [0.0, 0.2]}, {"n_voters": 500}), verbose=False)
    with pytest.warns(IdleParameterWarning, match="polling_error has several values in the sweep, but they") as told:
        results = runner.run()
    assert len(told) == 1
    assert told[0].filename == __file__
    assert results.height == 2
