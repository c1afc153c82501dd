"""The run directory: nothing finished is lost or computed twice, and a resumed sweep writes the same bytes."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from filelock import FileLock

import esim_jax.sweep.parts
import esim_jax.sweep.run_dir
from esim_jax import (
    BatchRunner,
    ElectionModel,
    InputError,
    OutcomeWarning,
    ParameterSweep,
    ResultsError,
    SimulationWarning,
)
from esim_jax.cli import main
from esim_jax.plan import Plan

SPACE = {"n_voters": [300, 700], "temperature": [0.3, 0.6]}


@pytest.fixture(autouse=True)
def a_part_a_chunk(monkeypatch):
    monkeypatch.setattr(esim_jax.sweep.run_dir, "PART_SECONDS", 0.0)


def runner(space=SPACE, model=ElectionModel, **options):
    options = {"n_runs_per_config": 5, "seed": 7, "verbose": False, "chunk_size": 3, **options}
    if model is not ElectionModel:
        options.pop("chunk_size")
    return BatchRunner(model, ParameterSweep(space), **options)


@pytest.fixture
def simulated(monkeypatch):
    """The seeds that were simulated."""
    seeds = []
    simulate = Plan.simulate

    def count(self, configuration, these):
        seeds.extend(these.tolist())
        return simulate(self, configuration, these)

    monkeypatch.setattr(Plan, "simulate", count)
    return seeds


@pytest.fixture
def interrupt(monkeypatch):
    """Lets so many chunks begin, then raises."""

    def after(n, error=KeyboardInterrupt):
        simulate, begun = Plan.simulate, []

        def limited(self, *arguments):
            begun.append(1)
            if len(begun) > n:
                raise error
            return simulate(self, *arguments)

        patch = pytest.MonkeyPatch()
        patch.setattr(Plan, "simulate", limited)
        return patch

    patches = []
    yield lambda *a, **k: patches.append(after(*a, **k)) or patches[-1]
    for patch in patches:
        patch.undo()


def cut_short(run_dir, interrupt, n, **options):
    patch = interrupt(n)
    with pytest.raises(KeyboardInterrupt):
        runner(run_dir=run_dir, **options).run()
    patch.undo()


def exported(r, folder):
    """The bytes of all exported files."""
    folder.mkdir()
    for suffix in ("parquet", "csv", "json"):
        r.export_results(folder / f"results.{suffix}")
        r.export_summary(folder / f"summary.{suffix}")
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def parts_of(run_dir):
    return sorted((run_dir / "parts").iterdir())


@pytest.mark.slow
def test_a_run_directory_changes_no_byte(tmp_path, interrupt):
    memory = runner()
    results = memory.run()
    expected = exported(memory, tmp_path / "memory")
    assert len(expected) == 10  # and a sidecar for each CSV and JSON file
    kept = runner(run_dir=tmp_path / "a", chunk_size=4)
    assert kept.run().equals(results)
    assert exported(kept, tmp_path / "files-a") == expected
    for n in (1, 3):
        cut_short(tmp_path / "b", interrupt, n, resume=True)
    resumed = runner(run_dir=tmp_path / "b", resume=True, chunk_size=7)
    assert resumed.stream().collect().equals(results)
    assert resumed.reused > 0
    assert exported(resumed, tmp_path / "files-b") == expected
    assert resumed.party_results().equals(memory.party_results())
    assert resumed.scan_parties().collect().equals(memory.party_results())
    assert resumed.get_summary_stats().equals(memory.get_summary_stats())


def test_nothing_finished_is_computed_again(tmp_path, simulated, interrupt):
    cut_short(tmp_path / "run", interrupt, 4)
    on_disk = runner(run_dir=tmp_path / "run", resume=True).scan().collect()
    assert on_disk.height >= 3 * 3  # of four chunks one may still have been computing
    simulated.clear()
    again = runner(run_dir=tmp_path / "run", resume=True)
    results = again.run()
    assert again.reused == on_disk.height
    assert len(simulated) == results.height - on_disk.height
    assert not {*simulated} & {*on_disk["seed"]}
    simulated.clear()
    assert again.run().equals(results)  # a runner may run twice
    assert again.reused == again.n_kept == results.height
    assert simulated == []


def test_a_changed_sweep_reuses_the_rows_of_equal_identity(tmp_path, simulated):
    first = runner(run_dir=tmp_path / "run")
    first.run()
    grown = {"temperature": [0.9, 0.6, 0.3], "n_voters": [700, 500, 300]}
    fresh = runner(grown, n_runs_per_config=8)
    expected = fresh.run()
    simulated.clear()
    reused = runner(grown, n_runs_per_config=8, run_dir=tmp_path / "run", resume=True)
    assert reused.run().equals(expected)
    assert reused.reused == 20
    assert len(simulated) == 9 * 8 - 20
    assert exported(reused, tmp_path / "one") == exported(fresh, tmp_path / "two")
    assert reused.scan().sort("config_idx", "run_idx").collect().equals(expected)
    # the first sweep finds its rows between those of the larger one
    simulated.clear()
    back = runner(run_dir=tmp_path / "run", resume=True)
    assert back.run().equals(runner().run())
    assert back.reused == 20
    assert back.scan().sort("config_idx", "run_idx").collect().equals(runner().run())
    other_seed = runner(run_dir=tmp_path / "run", resume=True, seed=8)
    other_seed.run()
    assert other_seed.reused == 0


def test_equal_configurations_and_parties_are_kept_apart(tmp_path):
    space = {"parties": [[{"name": "A"}, {"name": "B", "position_x": 0.4}], [{"name": c} for c in "VWXYZ"]] * 2}
    expected = runner(space)
    expected.run()
    kept = runner(space, run_dir=tmp_path / "run")
    assert kept.run().equals(expected.run())
    assert kept.scan().collect().equals(expected.run())
    assert kept.party_results().equals(expected.party_results())
    assert exported(kept, tmp_path / "one") == exported(expected, tmp_path / "two")


def test_the_seed_is_taken_from_the_directory(tmp_path):
    space = {"n_voters": list(range(300, 400))}
    sweep = ParameterSweep(space, sweep_type="random", n_samples=5)
    first = BatchRunner(ElectionModel, sweep, verbose=False, run_dir=tmp_path / "run")
    results = first.run()
    again = BatchRunner(
        ElectionModel, ParameterSweep(space, sweep_type="random", n_samples=5), verbose=False,
        run_dir=tmp_path / "run", resume=True,
    )  # fmt: skip
    assert again.seed == first.seed
    assert again.run().equals(results)
    assert again.reused == 5


def test_warnings_are_those_of_an_uninterrupted_run(tmp_path, interrupt):
    options = {"space": {"threshold": [0.0, 0.9], "electoral_system": ["PR"], "n_voters": [300]}}
    with pytest.warns(OutcomeWarning) as expected:
        runner(**options).run()
    cut_short(tmp_path / "run", interrupt, 3, **options)
    for _ in range(2):  # also where nothing is left to compute
        with pytest.warns(OutcomeWarning) as told:
            runner(**options, run_dir=tmp_path / "run", resume=True).run()
        assert [str(w.message) for w in told] == [str(w.message) for w in expected]
    assert "5 of 10 simulations, the first being config_idx 1, run_idx 0" in str(expected[0].message)


def test_a_directory_that_holds_a_sweep_is_not_taken_over(tmp_path):
    run_dir = tmp_path / "run"
    one, two = runner(run_dir=run_dir), runner(run_dir=run_dir)
    one.run()
    for late in (two.run, lambda: runner(run_dir=run_dir)):
        with pytest.raises(InputError, match=r"already holds a sweep; add --resume .* or name another directory"):
            late()


def test_a_foreign_directory_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("chapter one")
    with pytest.raises(InputError, match="is no run directory: it is not empty"):
        runner(run_dir=tmp_path, resume=True)
    with pytest.raises(InputError, match="is a file: name a directory"):
        runner(run_dir=tmp_path / "thesis.txt")
    with pytest.raises(InputError, match="nothing to resume without a run directory"):
        runner(resume=True)
    with pytest.raises(InputError, match="give BatchRunner a run_dir"):
        runner().stream()
    with pytest.raises(ResultsError, match=r"call run\(\) or stream\(\) first"):
        runner(run_dir=tmp_path / "new").scan()
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda m: {**m, "model": "study.Coin"}, "holds a sweep of study.Coin, not of esim_jax.ElectionModel"),
        (lambda m: {**m, "origin": {**m["origin"], "jax": "0.1"}}, "was computed with jax '0.1', not "),
        (lambda m: {**m, "origin": {**m["origin"], "platform": "tpu"}}, "was computed with platform 'tpu', not 'cpu'"),
        (lambda m: {**m, "origin": {**m["origin"], "law": 0}}, "was computed with law 0, not 1"),
        (lambda m: {**m, "format": 2}, "has the format 2"),
        (lambda m: [m], "is damaged or no manifest"),
    ],
)
def test_another_model_or_version_is_refused(tmp_path, change, sentence):
    runner(run_dir=tmp_path / "run").run()
    manifest = tmp_path / "run" / "manifest.json"
    manifest.write_text(json.dumps(change(json.loads(manifest.read_text()))))
    with pytest.raises((InputError, ResultsError), match=sentence):
        runner(run_dir=tmp_path / "run", resume=True).run()


def truncate(path):
    path.write_bytes(path.read_bytes()[:-20])


def flip(path):
    """Another number in a file whose footer is whole."""
    import pyarrow.parquet as pq

    metadata = pq.read_metadata(path)
    place = metadata.row_group(0).column(metadata.schema.names.index("vse"))
    content = bytearray(path.read_bytes())
    content[place.data_page_offset + place.total_compressed_size - 4] ^= 1
    path.write_bytes(content)


def foreign(path):
    pl.DataFrame({"a": [1]}).write_parquet(path)


def fewer_rows(path):
    import pyarrow.parquet as pq

    pq.write_table(pq.read_table(path)[1:], path)


def other_version(path):
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    footer = table.schema.metadata[b"esim_jax.part"].replace(b'"jax": "', b'"jax": "9')
    pq.write_table(table.replace_schema_metadata({b"esim_jax.part": footer}), path)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (truncate, "is damaged or no part of a sweep"),
        (foreign, "is damaged or no part of a sweep"),
        (fewer_rows, "does not hold the rows that its footer names"),
        (flip, "is damaged"),
        (other_version, "was computed with jax"),
        (lambda path: shutil.copy(path, path.with_name("part-copy.parquet")), "hold the same rows"),
    ],
)
def test_a_damaged_part_is_refused_and_can_be_deleted(tmp_path, damage, sentence, simulated):
    expected = runner(run_dir=tmp_path / "run").run()
    part = parts_of(tmp_path / "run")[1]
    damage(part)
    with pytest.raises(ResultsError, match=sentence) as refused:
        runner(run_dir=tmp_path / "run", resume=True).run()
    assert part.name in str(refused.value)
    part.unlink()
    simulated.clear()
    assert runner(run_dir=tmp_path / "run", resume=True).run().equals(expected)
    assert len(simulated) <= 3


def test_what_killed_processes_leave_behind_is_removed(tmp_path):
    run_dir = tmp_path / "run"
    (run_dir / "parts").mkdir(parents=True)
    (run_dir / ".lock").touch()
    (run_dir / ".manifest.json.123.tmp").write_text("{")  # killed before anything was written
    (run_dir / "parts" / ".part-1.parquet.123.tmp").write_text("half")
    runner(run_dir=run_dir).run()
    assert sorted(p.name for p in run_dir.iterdir()) == [".lock", "manifest.json", "parts"]
    assert all(p.name.startswith("part-") for p in parts_of(run_dir))


def test_two_processes_do_not_run_in_one_directory(tmp_path):
    runner(run_dir=tmp_path / "run").run()
    with (
        FileLock(tmp_path / "run" / ".lock"),
        pytest.raises(InputError, match="Another process runs a sweep in"),
    ):
        runner(run_dir=tmp_path / "run", resume=True).run()
    runner(run_dir=tmp_path / "run", resume=True).run()


def test_a_full_disk_keeps_what_is_finished(tmp_path, monkeypatch):
    expected = runner().run()
    write, written = esim_jax.sweep.parts.write_file, []

    def full(path, fill):
        written.append(path)
        if len(written) > 2:

            def fill(temporary):
                temporary.write_bytes(b"half")
                raise OSError(28, "No space left on device")

        write(path, fill)

    with monkeypatch.context() as patch:
        patch.setattr(esim_jax.sweep.parts, "write_file", full)
        with pytest.raises(InputError, match=r"No space left on device\. 6 simulations are kept .* --resume"):
            runner(run_dir=tmp_path / "run").run()
    assert len(parts_of(tmp_path / "run")) == 2  # no half file
    again = runner(run_dir=tmp_path / "run", resume=True)
    assert again.run().equals(expected)
    assert again.reused == 6


def test_an_error_keeps_what_is_finished(tmp_path, interrupt):
    patch = interrupt(3, error=MemoryError)
    with pytest.raises(MemoryError):
        runner(run_dir=tmp_path / "run").run()
    patch.undo()
    again = runner(run_dir=tmp_path / "run", resume=True)
    assert again.run().equals(runner().run())
    assert again.reused >= 6


def test_parts_wait_for_each_other(tmp_path, monkeypatch, interrupt):
    monkeypatch.setattr(esim_jax.sweep.run_dir, "PART_SECONDS", 3600.0)
    runner(run_dir=tmp_path / "one").run()
    assert len(parts_of(tmp_path / "one")) == 1
    cut_short(tmp_path / "two", interrupt, 3)
    assert len(parts_of(tmp_path / "two")) == 1  # Ctrl-C writes what waits
    monkeypatch.setattr(esim_jax.sweep.run_dir, "PART_ROWS", 6)
    runner(run_dir=tmp_path / "three").run()
    assert len(parts_of(tmp_path / "three")) == 4


class Coin:
    """A model of the user's own; it gives one number more in some simulations, and fails in others."""

    limit = None  # simulations until the user presses Ctrl-C

    def __init__(self, bias, seed):
        self.bias, self.stream = bias, np.random.default_rng(seed)

    def run_election(self, size=50):
        if Coin.limit is not None:
            Coin.limit -= 1
            if Coin.limit < 0:
                raise KeyboardInterrupt
        share = float((self.stream.random(size) < self.bias).mean())
        if self.bias == 0.3 and share > 0.3:
            raise ValueError("the coin broke")
        return {"share": share, "margin": share - 0.5} if self.bias == 0.2 else {"share": share}


def test_a_model_of_one_s_own_resumes(tmp_path, monkeypatch):
    space = {"bias": [0.1, 0.2, 0.3]}
    monkeypatch.setattr(esim_jax.sweep.own, "_BATCH", 2)
    expected = runner(space, Coin)
    with pytest.warns(SimulationWarning) as told:
        results = expected.run()
    for limit in (3, 4, 1):
        monkeypatch.setattr(Coin, "limit", limit)
        with pytest.raises(KeyboardInterrupt):
            runner(space, Coin, run_dir=tmp_path / "run", resume=True).run()
    monkeypatch.setattr(Coin, "limit", None)
    again = runner(space, Coin, run_dir=tmp_path / "run", resume=True)
    with pytest.warns(SimulationWarning) as told_again:
        assert again.run().equals(results)
    assert again.reused == 2 + 4 + 0
    assert [str(w.message) for w in told_again] == [str(w.message) for w in told]
    assert again.failures.equals(expected.failures)
    assert again.failures.height > 0
    assert exported(again, tmp_path / "one") == exported(expected, tmp_path / "two")
    assert again.scan().collect().equals(results)
    with pytest.raises(ResultsError, match="ElectionModel only"):
        again.scan_parties()
    # its arguments are part of what is run
    other = runner(space, Coin, run_dir=tmp_path / "run", resume=True, election_kwargs={"size": 10})
    with suppress(SimulationWarning):
        other.run()
    assert other.reused == 0


CONFIG = {"parameters": SPACE, "n_runs_per_config": 5, "seed": 7}


def test_the_command_resumes(tmp_path, monkeypatch, capsys, interrupt):
    monkeypatch.chdir(tmp_path)
    Path("sweep.json").write_text(json.dumps(CONFIG))
    assert main(["batch", "--config", "sweep.json", "--output", "whole.parquet", "--summary", "whole.csv"]) == 0
    arguments = ["batch", "--config", "sweep.json", "--output", "out.parquet", "--summary", "sum.csv", "--run-dir", "d"]
    patch = interrupt(3)
    capsys.readouterr()
    assert main([*arguments, "--chunk-size", "2", "--quiet"]) == 130
    patch.undo()
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == (
        "electoral-sim: interrupted; 4 of 20 simulations are kept in d. Resume with: electoral-sim "
        f"{' '.join(arguments)} --chunk-size 2 --quiet --resume\n"
    )
    assert not Path("out.parquet").exists()
    assert main(arguments) == 2
    assert "already holds a sweep; add --resume" in capsys.readouterr().err
    assert main([*arguments, "--resume"]) == 0
    assert "4 of 20 simulations were reused from d" in capsys.readouterr().out
    assert Path("out.parquet").read_bytes() == Path("whole.parquet").read_bytes()
    assert Path("sum.csv").read_bytes() == Path("whole.csv").read_bytes()
    assert main(["batch", "--config", "sweep.json", "--run-dir", "d", "--resume", "--quiet"]) == 0
    assert main(["batch", "--config", "sweep.json"]) == 2
    assert "Neither --output nor --run-dir" in capsys.readouterr().err


_COMMAND = """
import sys
import esim_jax.sweep.run_dir
esim_jax.sweep.run_dir.PART_SECONDS = 0.05  # many parts, so that kills strike while they are written
from esim_jax.cli import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_twenty_kills_lose_nothing(tmp_path):
    config = {
        "parameters": {"temperature": [0.3, 0.5], "n_constituencies": [10, 100]},
        "fixed_params": {"n_voters": 300_000},
        "n_runs_per_config": 150,
        "seed": 11,
    }
    (tmp_path / "sweep.json").write_text(json.dumps(config))
    environment = {
        **os.environ,
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path / "cache"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }

    def start(name, *more):
        command = [sys.executable, "-c", _COMMAND, "batch", "--config", "sweep.json", "--quiet", "--chunk-size", "3",
                   "--output", f"{name}.parquet", "--summary", f"{name}.json", *more]  # fmt: skip
        return subprocess.Popen(command, cwd=tmp_path, env=environment)

    began = time.monotonic()
    assert start("whole").wait() == 0
    takes = time.monotonic() - began  # compilation included, which is not needed again
    moments, kills = random.Random(5), 0
    seen = []
    while kills < 20:
        process = start("resumed", "--run-dir", "run", "--resume")
        time.sleep(takes * moments.uniform(0.1, 0.5))
        process.kill()
        kills += process.wait() == -signal.SIGKILL
        seen.append({path.name for path in (tmp_path / "run" / "parts").glob("part-*")} if kills else set())
    assert all(before <= after for before, after in pairwise(seen))
    assert seen[-1]
    assert start("resumed", "--run-dir", "run", "--resume").wait() == 0
    for suffix in ("parquet", "json", "json.provenance.json"):
        assert (tmp_path / f"resumed.{suffix}").read_bytes() == (tmp_path / f"whole.{suffix}").read_bytes()
    assert not list((tmp_path / "run" / "parts").glob(".*"))


def test_a_manifest_that_is_written_meanwhile_is_no_stranger(tmp_path, monkeypatch):
    """Two processes begin a sweep together: one looks into the directory while the other writes its manifest."""
    runner(run_dir=tmp_path / "first").run()
    text = (tmp_path / "first" / "manifest.json").read_text("utf-8")
    directory = tmp_path / "second"
    (directory / "parts").mkdir(parents=True)
    module = esim_jax.sweep.run_dir
    entries = module._entries

    def slow(path):
        (path / "manifest.json").write_text(text, "utf-8")
        return entries(path)

    monkeypatch.setattr(module, "_entries", slow)
    assert module.look_into(directory, resume=True) == json.loads(text)
