"""Chunks and memory: sizes from the device's memory, and what happens where it does not suffice."""

import jax
import pytest
from test_compiled_program import programs

from esim_jax import BatchRunner, ChunkWarning, ElectionModel, ParameterSweep, Party, ResultsError
from esim_jax.chunks import BOUNDS, Load, chunk_bytes, fit_bounds
from esim_jax.memory import _container_limit, memory_of
from esim_jax.plan import Plan

SWEEP = ParameterSweep({"temperature": [0.3, 0.5, 0.7], "engine": ["voters", "multinomial"]}, {"n_voters": 500})


def run(**options):
    runner = BatchRunner(ElectionModel, SWEEP, n_runs_per_config=10, seed=3, verbose=False, **options)
    return runner.run(), runner.party_results()


def exhaust(monkeypatch, most, late):
    """A device with memory for so many simulations; `late`: it is noticed when results are read."""
    whole = Plan.simulate

    class Lost:
        def _replace(self, **_):
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 68719476736 bytes.")

    def small(self, configuration, seeds):
        if len(configuration) <= most:
            return whole(self, configuration, seeds)
        return Lost() if late else Lost()._replace()

    monkeypatch.setattr(Plan, "simulate", small)


@pytest.mark.slow
@pytest.mark.parametrize(("late", "common"), [(False, False), (True, True)])
def test_out_of_memory_halves_the_chunk_and_goes_on(monkeypatch, late, common):
    expected = run(common_random_numbers=common, chunk_size=3)  # the size that is arrived at: compiled once
    exhaust(monkeypatch, 4, late)
    with pytest.warns(ChunkWarning) as told:
        found = run(common_random_numbers=common)
    assert "ran out of memory with 30 simulations a chunk; going on with 15" in str(told[0].message)
    assert [str(w.message).split("with ")[-1] for w in told] == ["15.", "7.", "3."] * 2  # once an engine
    assert all(a.equals(b) for a, b in zip(found, expected, strict=True))


def test_a_simulation_that_is_too_large_is_said_to_be(monkeypatch):
    exhaust(monkeypatch, 0, late=False)
    with pytest.raises(ResultsError, match="not the memory for one simulation"), pytest.warns(ChunkWarning):
        run()


def test_other_errors_of_the_device_are_not_hidden(monkeypatch):
    def fail(*_):
        raise jax.errors.JaxRuntimeError("INTERNAL: something else")

    monkeypatch.setattr(Plan, "simulate", fail)
    with pytest.raises(jax.errors.JaxRuntimeError, match="INTERNAL"):
        run()


def test_finished_chunks_are_kept_when_memory_runs_out(monkeypatch, tmp_path):
    exhaust(monkeypatch, 0, late=False)
    with pytest.raises(ResultsError), pytest.warns(ChunkWarning):
        run(run_dir=tmp_path / "run")
    monkeypatch.undo()
    assert run(run_dir=tmp_path / "run", resume=True, chunk_size=3)[0].equals(run(chunk_size=3)[0])


@pytest.mark.slow
@pytest.mark.parametrize("n_parties", [2, 8, 32])
@pytest.mark.parametrize(("n_simulations", "n_constituencies"), [(256, 1), (64, 100)])
def test_estimates_of_memory_are_from_above(n_parties, n_simulations, n_constituencies):
    parties = tuple(Party(f"P{j}", 0.1 * (j % 7) - 0.3, 0.05 * (j % 5)) for j in range(n_parties))
    with jax.enable_x64(True):
        both = programs(n_simulations, n_voters=1_000, n_constituencies=n_constituencies, parties=parties)
        tally, decide = (program.lower().compile().memory_analysis() for program in both)
    needed = max(tally.temp_size_in_bytes, decide.temp_size_in_bytes)
    used = needed + tally.argument_size_in_bytes + tally.output_size_in_bytes + decide.output_size_in_bytes
    load = Load(n_simulations, n_simulations * n_constituencies, n_simulations * max(n_constituencies, 8))
    assert used < chunk_bytes(load, n_parties) + 100_000  # what a program takes without any voter
    assert chunk_bytes(load, n_parties) < 16 * used + 200_000  # and not from far above


def test_bounds_follow_the_memory():
    for engine in BOUNDS:
        sizes = [fit_bounds(engine, 5, memory, "cpu") for memory in (2**26, 2**30, 2**36)]
        assert sizes[0].simulations < sizes[1].simulations <= sizes[2].simulations
        assert sizes[2] == BOUNDS[engine]
        assert chunk_bytes(sizes[0], 5) <= 2**26 / 16
        assert fit_bounds(engine, 5, 2**36, "gpu").simulations > BOUNDS[engine].simulations
    assert fit_bounds("voters", 256, 1, "cpu").simulations == 1


def test_memory_of_this_machine(tmp_path):
    assert 2**28 < memory_of(jax.devices()[0]) < 2**50
    assert _container_limit(tmp_path) == 2**62
    (tmp_path / "memory.max").write_text("max\n")
    assert _container_limit(tmp_path) == 2**62
    (tmp_path / "memory.max").write_text("1073741824\n")
    assert _container_limit(tmp_path) == 2**30
