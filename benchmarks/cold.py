"""Whole processes, from start to end, and what asking for help costs."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from statistics import median

from peer import PACKAGE as PEER
from sweeps import BASIC
from tables import Row, Table, at_most
from workers import CACHE, OURS, Settings, environment, job_line, worker_command

WANTED = 0.5
WANTED_HELP = 0.3
COMMAND = [sys.executable, "-m", "esim_jax.cli"]


def measure(settings: Settings) -> Iterator[Table]:
    with tempfile.TemporaryDirectory() as cache:
        rows = time_processes(settings, cache)
    seconds = {row["process"]: row["median s"] for row in rows}
    asked = []
    if settings.peer is not None:
        peer = seconds["electoral-sim, script"]
        asked = [
            at_most(f"cold process, cache {state}: share of the peer's time", seconds[name] / peer, WANTED)
            for name, state in (("esim_jax, command, no cache", "off"), ("esim_jax, command, cache", "on"))
        ]
    yield Table("cold", "Basic sweep of the spec, 60 simulations: the whole process, in turns", rows, asked)
    times = [cpu_s([*COMMAND, "--help"]) for _ in range(settings.repeats)]
    rows = [{"command": "electoral-sim --help", "median CPU s": median(times), "best CPU s": min(times)}]
    yield Table(
        "help", "CPU seconds of --help, user and system", rows, [at_most("--help, CPU s", median(times), WANTED_HELP)]
    )


def time_processes(settings: Settings, cache: str) -> list[Row]:
    """Wall time of each tool; the first round, which fills the files' and the tools' own caches, is discarded."""
    tools: dict[str, Callable[[Path], float]] = {
        "esim_jax, command, no cache": partial(run_command, {}),
        "esim_jax, command, cache": partial(run_command, {CACHE: cache}),
    }
    if settings.peer is not None:
        tools["electoral-sim, script"] = partial(run_script, settings.peer, PEER)
    times: dict[str, list[float]] = {name: [] for name in tools}
    for index in range(max(3, settings.rounds) + 1):
        for name, tool in tools.items():
            with tempfile.TemporaryDirectory() as folder:
                seconds = tool(Path(folder))
            if index > 0:
                times[name].append(seconds)
    return [
        {"process": name, "timings": len(s), "median s": median(s), "best s": min(s), "worst s": max(s)}
        for name, s in times.items()
    ]


def run_command(extra: dict[str, str], folder: Path) -> float:
    """Seconds of our command line."""
    config = folder / "config.json"
    given = {name: value for name, value in asdict(BASIC).items() if name != "options"}
    config.write_text(json.dumps({**given, "seed": 42}), "utf-8")
    files = ["--config", str(config), "--output", str(folder / "results.csv")]
    return wall_s([*COMMAND, "batch", *files, "--quiet"], environment(OURS, extra), folder)


def run_script(python: str, package: str, folder: Path) -> float:
    """Seconds of a script that does the same."""
    job = job_line(BASIC, seed=42, output=str(folder / "results.csv"))
    return wall_s(worker_command(python, package), environment(package), folder, job)


def wall_s(command: list[str], variables: dict[str, str], folder: Path, given: str = "") -> float:
    start = time.perf_counter()
    subprocess.run(command, input=given, text=True, check=True, stdout=subprocess.DEVNULL, env=variables, cwd=folder)
    seconds = time.perf_counter() - start
    lines = (folder / "results.csv").read_text("utf-8").count("\n")
    if lines != BASIC.simulations + 1:
        raise RuntimeError(f"{command[0]} wrote {lines} lines instead of {BASIC.simulations + 1}")
    return seconds


def cpu_s(command: list[str]) -> float:
    """CPU seconds of a process, user and system."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment(OURS))
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} ended with status {process.returncode}")
    return used.ru_utime + used.ru_stime
