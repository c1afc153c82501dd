"""Several processes on the loopback share one sweep: the same bytes, and nothing finished is lost with a process."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from filelock import FileLock

from esim_jax import BatchRunner, ElectionModel, InputError, ParameterSweep, ResultsError
from esim_jax.chunks import Span
from esim_jax.cli import main
from esim_jax.sweep import distributed
from esim_jax.sweep.distributed import Processes, common_seed, join
from esim_jax.sweep.session import Session
from esim_jax.sweep.spans import align_runs, share

CONFIG = {
    "parameters": {"temperature": [0.3, 0.5], "n_constituencies": [10, 100]},
    "fixed_params": {"n_voters": 20_000},
    "n_runs_per_config": 60,
    "seed": 11,
}
TOTAL = 240

_COMMAND = """
import json, os, sys, time
import esim_jax.sweep.run_dir as run_dir
run_dir.PART_SECONDS = 0.05
write, add = run_dir.write_part, run_dir.RunDirectory.add
log = open(os.environ["LOG"], "a")
def write_part(folder, rows, spans, origin):
    part = write(folder, rows, spans, origin)
    print(json.dumps(spans), file=log, flush=True)
    return part
def slow(self, rows):
    add(self, rows)
    time.sleep(float(os.environ.get("SLOW", "0")))
run_dir.write_part, run_dir.RunDirectory.add = write_part, slow
from esim_jax.cli import main
sys.exit(main(sys.argv[1:]))
"""
"""The command, with many parts and an account of them; perhaps slower than it is."""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with a configuration; gives what starts the command there, with a log of the parts it writes."""
    (tmp_path / "sweep.json").write_text(json.dumps(CONFIG))
    started = []
    for name in ("ESIM_JAX_COORDINATOR", "ESIM_JAX_PROCESSES", "ESIM_JAX_PROCESS_ID"):
        monkeypatch.delenv(name, raising=False)

    def start(name, *more, config="sweep.json", **environment):
        with (tmp_path / f"{name}.out").open("w") as out, (tmp_path / f"{name}.err").open("w") as err:
            process = subprocess.Popen(
                [sys.executable, "-c", _COMMAND, "batch", "--config", config, "--chunk-size", "3", *more],
                cwd=tmp_path,
                env={
                    **os.environ,
                    "ESIM_JAX_LOST_AFTER": "3",
                    "LOG": str(tmp_path / f"{name}.log"),
                    **environment,
                },
                stdout=out,
                stderr=err,
            )
        started.append(process)
        return process

    start.folder = tmp_path
    yield start
    for process in started:
        process.kill()
        process.wait()


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def start_all(start, n, *more, **environment):
    coordinator = f"127.0.0.1:{free_port()}"
    return [
        start(f"p{k}", "--run-dir", "run", "--distributed", "--coordinator", coordinator,
              "--processes", str(n), "--process-id", str(k), *more, **environment)
        for k in range(n)
    ]  # fmt: skip


def spans_of(folder, name):
    log = folder / f"{name}.log"
    lines = log.read_text().splitlines() if log.exists() else []
    return [tuple(span) for line in lines for span in json.loads(line)]


def simulations(spans):
    return Counter((key, run) for key, first, stop in spans for run in range(first, stop))


def files(start, name):
    return {suffix: (start.folder / f"{name}.{suffix}").read_bytes() for suffix in ("parquet", "csv")}


def outputs(name):
    return "--output", f"{name}.parquet", "--summary", f"{name}.csv"


def said(start, name):
    return (start.folder / f"{name}.err").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), ("--common-random-numbers",)])
def test_two_processes_write_the_bytes_of_one(place, more):
    assert place("alone", *outputs("alone"), *more).wait(60) == 0
    processes = start_all(place, 2, *outputs("shared"), *more)
    assert [process.wait(60) for process in processes] == [0, 0], said(place, "p0") + said(place, "p1")
    assert files(place, "shared") == files(place, "alone")
    shares = [simulations(spans_of(place.folder, name)) for name in ("p0", "p1")]
    assert [share.total() for share in shares] == [TOTAL // 2] * 2
    assert set((shares[0] + shares[1]).values()) == {1}
    assert "240 simulations, seed 11" in (place.folder / "p0.out").read_text()
    assert (place.folder / "p1.out").read_text() == said(place, "p1") == ""
    assert sorted(p.name for p in (place.folder / "run").iterdir()) == [".lock", "manifest.json", "parts"]


@pytest.mark.slow
@pytest.mark.parametrize("n_then", [1, 3])
def test_a_lost_process_is_reported_and_made_up_for(place, n_then):
    assert place("alone", *outputs("alone"), "--quiet").wait(60) == 0
    processes = start_all(place, 2, *outputs("shared"), SLOW="0.08")
    deadline = time.monotonic() + 40
    while len(spans_of(place.folder, "p1")) < 6 and time.monotonic() < deadline:
        time.sleep(0.02)
    processes[1].kill()
    assert processes[1].wait() == -signal.SIGKILL
    assert processes[0].wait(40) == 2
    told = said(place, "p0")
    assert "warning: Process 1 of 2 was lost: it gave no sign of life for 3 seconds. What it has finished" in told
    assert "Traceback" not in told
    finished = simulations(spans_of(place.folder, "p0") + spans_of(place.folder, "p1"))
    kept = int(re.search(r"it lost process 1 of 2; (\d+) of 240 simulations are kept in 'run'", told).group(1))
    assert TOTAL / 2 < kept < TOTAL
    assert kept - len(finished) in range(9)  # a part may have been written before its line in the log
    command = "batch --config sweep.json --chunk-size 3 --run-dir run --output shared.parquet --summary shared.csv"
    assert f"Resume with: electoral-sim {command} --resume\n" in told
    assert not (place.folder / "shared.parquet").exists()

    for log in place.folder.glob("*.log"):
        log.unlink()
    if n_then == 1:
        again = [place("p0", "--run-dir", "run", "--resume", *outputs("shared"))]
    else:
        again = start_all(place, n_then, *outputs("shared"), "--resume")
    assert [process.wait(60) for process in again] == [0] * n_then, said(place, "p0")
    assert files(place, "shared") == files(place, "alone")
    anew = simulations([span for k in range(n_then) for span in spans_of(place.folder, f"p{k}")])
    assert anew.total() == TOTAL - kept
    assert not anew & finished
    assert f"{kept} of 240 simulations were reused from run" in (place.folder / "p0.out").read_text()


@pytest.mark.slow
def test_the_others_go_on_without_the_first(place):
    processes = start_all(place, 2, SLOW="0.05")
    deadline = time.monotonic() + 40
    while not spans_of(place.folder, "p0") and time.monotonic() < deadline:
        time.sleep(0.02)
    processes[0].kill()
    late = place("late", "--run-dir", "run", "--resume")
    assert late.wait(40) == 2
    assert "Process 1 of an earlier start still runs in 'run'; wait for it, or end it." in said(place, "late")
    assert processes[1].wait(40) == 0
    assert simulations(spans_of(place.folder, "p1")).total() == TOTAL // 2
    assert place("late", "--run-dir", "run", "--resume").wait(40) == 0
    assert not (place.folder / "run" / "processes").exists()


@pytest.mark.slow
def test_a_process_with_another_sweep_is_refused(place):
    (place.folder / "other.json").write_text(json.dumps({**CONFIG, "seed": 12}))
    where = ("--run-dir", "run", "--distributed", "--quiet")
    common = {"ESIM_JAX_COORDINATOR": f"127.0.0.1:{free_port()}", "ESIM_JAX_PROCESSES": "2"}
    first = place("p0", *where, **common, ESIM_JAX_PROCESS_ID="0")
    other = place("p1", *where, config="other.json", **common, ESIM_JAX_PROCESS_ID="1")
    assert [other.wait(40), first.wait(40)] == [2, 2]
    assert "This process was given another sweep than the first" in said(place, "p1")
    assert "Process 1 of 2 was lost: it failed (This process was given another sweep" in said(place, "p0")
    assert simulations(spans_of(place.folder, "p0")).total() == TOTAL // 2
    # nor is a directory that holds a sweep overwritten, which all are told at once
    refused = start_all(place, 2, ESIM_JAX_LOST_AFTER="60")
    assert [process.wait(30) for process in refused] == [2, 2]
    for name in ("p0", "p1"):
        assert "'run' already holds a sweep; add --resume" in said(place, name)


@pytest.mark.slow
def test_without_a_seed_all_have_the_same(place):
    (place.folder / "sweep.json").write_text(json.dumps({**CONFIG, "seed": None}))
    assert [process.wait(60) for process in start_all(place, 2, *outputs("shared"))] == [0, 0], said(place, "p0")
    seed = re.search(r"seed (\d+)", (place.folder / "p0.out").read_text()).group(1)
    assert place("alone", *outputs("alone"), "--seed", seed).wait(60) == 0
    assert files(place, "shared") == files(place, "alone")


@pytest.fixture
def alone(monkeypatch):
    """This process has joined no others, and no cluster is known."""
    monkeypatch.setattr(distributed, "_joined", None)
    for name in [*os.environ]:
        if name.startswith(("ESIM_JAX_CO", "ESIM_JAX_PROC", "JAX_COORDINATOR", "SLURM", "OMPI", "KUBERNETES")):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--distributed"], "--distributed needs --run-dir: name a directory that all processes see."),
        (["--processes", "2", "--run-dir", "run"], "--processes means nothing without --distributed; add it."),
        (
            ["--distributed", "--run-dir", "run", "--coordinator", "a:1", "--processes", "2", "--process-id", "2"],
            "process_id = 2 is not allowed with processes = 2: it must be from 0 to 1.",
        ),
        (
            ["--distributed", "--run-dir", "run", "--process-id", "x"],
            "process_id = 'x' is not allowed: it must be a whole number from 0 to 65535.",
        ),
        (
            ["--distributed", "--run-dir", "run", "--coordinator", "node1"],
            "coordinator = 'node1' is not allowed: it must be HOST:PORT, such as 'node1:5678'.",
        ),
    ],
)
def test_bad_options(tmp_path, monkeypatch, capsys, alone, options, sentence):
    monkeypatch.chdir(tmp_path)
    Path("sweep.json").write_text(json.dumps(CONFIG))
    assert main(["batch", "--config", "sweep.json", "--output", "out.csv", *options]) == 2
    assert capsys.readouterr().err == f"electoral-sim: {sentence}\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["sweep.json"]


@pytest.mark.slow
def test_there_must_be_a_cluster_or_a_coordinator(place):
    assert place("p0", "--run-dir", "run", "--distributed").wait(40) == 2
    assert said(place, "p0") == (
        "electoral-sim: JAX finds no cluster here to join: give --coordinator HOST:PORT, --processes N and "
        "--process-id I (ESIM_JAX_COORDINATOR, ESIM_JAX_PROCESSES, ESIM_JAX_PROCESS_ID).\n"
    )


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 1])
def test_others_that_do_not_come_are_not_waited_for_for_ever(tmp_path, number):
    code = (
        "from esim_jax.sweep.distributed import join\n"
        f"try: join('127.0.0.1:{free_port()}', 2, {number}, timeout=2)\n"
        "except ValueError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=40, check=False)
    assert re.fullmatch(r"Not all processes met at 127\.0\.0\.1:\d+ within 2 seconds: start as many .*\n", done.stdout)
    assert done.returncode == 0
    assert "Traceback" not in done.stderr  # JAX's service says something of its own


def test_one_process_is_a_team_of_its_own(tmp_path, alone):
    processes = join(processes=1, process_id=0)
    assert join() is processes
    assert repr(processes) == "Processes(0 of 1)"
    options = {"n_runs_per_config": 5, "verbose": False, "run_dir": tmp_path / "run", "resume": True}
    sweep = ParameterSweep({"n_voters": [300, 500]})
    runner = BatchRunner(ElectionModel, sweep, **options, distributed=processes)
    results = runner.run()
    assert runner.run().equals(results)
    assert runner.reused == 10
    again = BatchRunner(ElectionModel, sweep, **options)
    assert again.run().equals(results)
    assert again.seed == runner.seed == common_seed(f"{processes.team}-0")
    with pytest.raises(InputError, match="can't share a sweep without a run directory"):
        BatchRunner(ElectionModel, sweep, distributed=processes)


def test_the_first_has_the_results_and_no_first_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setenv("ESIM_JAX_LOST_AFTER", "1")
    sweep = ParameterSweep({"n_voters": [300, 500]})
    runner = BatchRunner(
        ElectionModel, sweep, seed=1, verbose=False, run_dir=tmp_path, distributed=Processes(1, 2, "team")
    )
    with pytest.raises(ResultsError, match="The first process has the results"):
        runner.export_results(tmp_path / "out.csv")
    with pytest.raises(ResultsError, match="The first process gave no sign of life for 1 seconds"):
        runner.run()
    monkeypatch.setenv("ESIM_JAX_LOST_AFTER", "soon")
    with pytest.raises(InputError, match="ESIM_JAX_LOST_AFTER = 'soon' is not allowed"):
        runner.run()


def test_a_session_knows_who_lives(tmp_path, monkeypatch):
    monkeypatch.setenv("ESIM_JAX_LOST_AFTER", "1")
    first, second = (Session(tmp_path, Processes(n, 3, "team"), "team-0") for n in (0, 1))
    with first:
        first.begin({"design": "a"})
        with second:
            assert second.await_begin() == {"design": "a"}
            with pytest.raises(TimeoutError):
                FileLock(second.folder / "1.lock", timeout=0).acquire()
            time.sleep(1.5)  # longer than the patience: it beats
            assert 1 not in first.lost
            second.done(["part-b", "part-a"])
        assert first.await_others() == ["part-b", "part-a"]
        assert first.news() == ["Process 2 of 3 was lost: it gave no sign of life for 1 seconds."]
        assert first.news() == []
    assert not (tmp_path / "processes").exists()


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_shares_are_whole_and_even(count, aligned):
    spans = [Span(c, c % 3, 500 - c) for c in range(40)]
    shares = [share(spans, number, count, aligned) for number in range(count)]
    counts = Counter((s.configuration, run) for mine in shares for s in mine for run in range(s.first_run, s.stop_run))
    assert set(counts.values()) == {1}
    assert counts.total() == sum(stop - first for _, first, stop in spans)
    sizes = [sum(s.stop_run - s.first_run for s in mine) for mine in shares]
    assert max(sizes) < 1.1 * min(sizes)
    for mine in shares:
        assert mine == sorted(mine)
        assert len({s.configuration for s in mine}) == 40


def test_no_share_has_all_the_large_configurations():
    spans = [Span(c, 0, 1) for c in range(256)]
    for count in (2, 4, 8):
        for period in (2, 4, 8, 16):
            large = [sum(s.configuration % period == 0 for s in share(spans, n, count)) for n in range(count)]
            assert max(large) <= 2.5 * sum(large) / count
    assert share([], 0, 2) == []
    runs = [share([Span(c, 0, 9) for c in range(5)], n, 2, aligned=True) for n in (0, 1)]
    one, two = ({(s.first_run, s.stop_run) for s in mine} for mine in runs)
    assert not one & two


def test_runs_that_all_of_a_group_lack_are_no_chunk():
    spans = [Span(c, first, first + 2) for c in (0, 1) for first in (0, 6)]
    together = list(align_runs(spans, lambda _: 0, lambda members: 8 // len(list(members))))
    assert together == [[Span(c, first, first + 2) for c in (0, 1)] for first in (0, 6)]
