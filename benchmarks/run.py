"""Speed and memory, as tables: `python benchmarks/run.py`. See README.md beside this file.

This process only starts others and reads their clocks: it loads neither package, so that it takes no memory
or time that would be counted, and lets only one of them work at a time.
"""

import argparse
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import Any, Self

from peer import PACKAGE as PEER
from peer import NoPeerError, find_peer

HERE = Path(__file__).parent
OURS = "esim_jax"
SPEED_RATIO = 40
MEMORY_MIB = 2048

Row = dict[str, Any]


@dataclass(frozen=True)
class Sweep:
    """A sweep, as both packages take it."""

    parameters: dict[str, list[Any]]
    fixed_params: dict[str, Any] = field(default_factory=dict)
    n_runs_per_config: int = 1

    @property
    def simulations(self) -> int:
        """The number of elections."""
        return self.n_runs_per_config * math.prod(map(len, self.parameters.values()))

    @property
    def voters(self) -> int:
        """The voters of all elections."""
        sizes: list[int] = self.parameters.get("n_voters") or [self.fixed_params["n_voters"]]
        return sum(sizes) * self.simulations // len(sizes)


BASIC = Sweep({"n_voters": [10_000, 50_000], "temperature": [0.3, 0.5, 0.7]}, n_runs_per_config=10)
SENSITIVITY = Sweep(
    {"temperature": [0.1, 0.3, 0.5, 0.7, 0.9], "economic_growth": [-0.05, -0.02, 0.0, 0.02, 0.05]},
    {"n_voters": 50_000, "n_constituencies": 20},
    n_runs_per_config=4,
)
LARGE = Sweep({"temperature": [0.3, 0.5, 0.7, 0.9]}, {"n_voters": 1_000_000}, n_runs_per_config=50)

SINGLE_THREAD = {"NUMBA_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
PEER_SETTINGS: tuple[tuple[int, dict[str, str]], ...] = (
    (1, {}),
    (2, {}),
    (1, SINGLE_THREAD),
    (2, SINGLE_THREAD),
)


def sized(simulations: int, n_voters: int, n_parties: int = 3, n_constituencies: int = 10) -> Sweep:
    """A sweep over one configuration, with parties on a circle."""
    angles = [2 * math.pi * i / n_parties for i in range(n_parties)]
    parties = [
        {
            "name": f"Party {i + 1}",
            "position_x": 0.4 * math.cos(angle),
            "position_y": 0.4 * math.sin(angle),
            "incumbent": i == 0,
        }
        for i, angle in enumerate(angles)
    ]
    fixed = {"n_voters": n_voters, "n_constituencies": n_constituencies, "parties": parties}
    return Sweep({"temperature": [0.5]}, fixed, simulations)


SIZES = (
    sized(100, 1_000),
    sized(100, 10_000),
    sized(100, 100_000),
    sized(10, 1_000_000),
    sized(100, 100_000, n_parties=6),
    sized(100, 100_000, n_parties=17),
    sized(100, 100_000, n_constituencies=543),
)


def environment(package: str, extra: dict[str, str] | None = None) -> dict[str, str]:
    """The environment of a process: ours takes this checkout and nothing compiled by earlier processes."""
    dropped = {"PYTHONPATH", "JAX_COMPILATION_CACHE_DIR", *SINGLE_THREAD}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    path = {"PYTHONPATH": str(HERE.parent)} if package == OURS else {}
    return {**kept, **path, **(extra or {})}


class Worker:
    """A process that holds one package and runs sweeps one after another."""

    def __init__(self, python: str, package: str, extra: dict[str, str] | None = None) -> None:
        self._process = subprocess.Popen(
            worker_command(python, package),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(package, extra),
        )
        self._seed = 0
        self.about = self._answer()

    def run(self, sweep: Sweep, n_jobs: int = 1) -> Row:
        """The worker's answer, after it has run the sweep; each time with another seed."""
        self._seed += 1
        assert self._process.stdin is not None
        self._process.stdin.write(job_line(sweep, self._seed, n_jobs))
        self._process.stdin.flush()
        answer = self._answer()
        if answer["simulations"] != sweep.simulations:
            raise RuntimeError(f"{answer['simulations']} simulations instead of {sweep.simulations}")
        return answer

    def _answer(self) -> Row:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the worker ended with status {self._process.wait()}")
        answer: Row = json.loads(line)
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def worker_command(python: str, package: str) -> list[str]:
    return [python, str(HERE / "worker.py"), package]


def job_line(sweep: Sweep, seed: int, n_jobs: int = 1, output: str | None = None) -> str:
    return json.dumps({**asdict(sweep), "seed": seed, "n_jobs": n_jobs, "output": output}) + "\n"


def measure_throughput(repeats: int) -> list[Row]:
    """Voters a second at several sizes, each in a process of its own, so that its first sweep is cold."""
    rows = []
    for sweep in SIZES:
        with Worker(sys.executable, OURS) as ours:
            cold = ours.run(sweep)["seconds"]
            warm = [ours.run(sweep)["seconds"] for _ in range(repeats)]
        seconds = {"cold": cold, "warm": median(warm), "best": min(warm)}
        rows.append(
            {
                "simulations": sweep.simulations,
                "voters": sweep.fixed_params["n_voters"],
                "parties": len(sweep.fixed_params["parties"]),
                "constituencies": sweep.fixed_params["n_constituencies"],
                **{f"{name} s": value for name, value in seconds.items()},
                **{f"{name} M/s": sweep.voters / value / 1e6 for name, value in seconds.items()},
            }
        )
    return rows


def measure_peer(peer: str, rounds: int) -> list[Row]:
    """The sensitivity sweep, warm, in turns: ours, the peer's first setting, ours, its second, and so on."""
    ours_s: list[float] = []
    peer_s: list[list[float]] = [[] for _ in PEER_SETTINGS]
    with (
        Worker(sys.executable, OURS) as ours,
        Worker(peer, PEER) as default,
        Worker(peer, PEER, SINGLE_THREAD) as single,
    ):
        for index in range(rounds + 1):
            for (n_jobs, extra), times in zip(PEER_SETTINGS, peer_s, strict=True):
                ours_s.append(ours.run(SENSITIVITY)["seconds"])
                times.append((single if extra else default).run(SENSITIVITY, n_jobs)["seconds"])
            if index == 0:  # the round that warms them up
                for times in (ours_s, *peer_s):
                    times.clear()
    best = min(map(min, peer_s))
    rows = [timing_row("esim_jax", ours_s, best)]
    for (n_jobs, extra), times in zip(PEER_SETTINGS, peer_s, strict=True):
        threads = ", 1 thread" if extra else ""
        rows.append(timing_row(f"electoral-sim, n_jobs={n_jobs}{threads}", times, best))
    return rows


def timing_row(name: str, times: list[float], best: float) -> Row:
    return {
        "tool": name,
        "timings": len(times),
        "median s": median(times),
        "best s": min(times),
        "M/s": SENSITIVITY.voters / median(times) / 1e6,
        "times peer's best": best / median(times),
    }


def measure_cold(peer: str | None, rounds: int) -> list[Row]:
    """Wall time of whole processes, in turns: start, basic sweep, CSV, end."""
    tools: dict[str, Callable[[Path], float]] = {
        "esim_jax, command line": run_command_line,
        "esim_jax, script": partial(run_script, sys.executable, OURS),
    }
    if peer is not None:
        tools["electoral-sim, script"] = partial(run_script, peer, PEER)
    times: dict[str, list[float]] = {name: [] for name in tools}
    for index in range(rounds + 1):
        for name, tool in tools.items():
            with tempfile.TemporaryDirectory() as folder:
                seconds = tool(Path(folder))
            if index > 0:  # before it, files and the peer's own cache of compilations are not yet on this machine
                times[name].append(seconds)
    return [
        {
            "process": name,
            "timings": len(all_s),
            "median s": median(all_s),
            "best s": min(all_s),
            "worst s": max(all_s),
        }
        for name, all_s in times.items()
    ]


def run_command_line(folder: Path) -> float:
    """Seconds of our command line."""
    config = folder / "config.json"
    config.write_text(json.dumps({**asdict(BASIC), "seed": 42}), "utf-8")
    files = ["--config", str(config), "--output", str(folder / "results.csv")]
    return wall_s([sys.executable, "-m", "esim_jax.cli", "batch", *files, "--quiet"], OURS, folder)


def run_script(python: str, package: str, folder: Path) -> float:
    """Seconds of a script that does the same."""
    job = job_line(BASIC, seed=42, output=str(folder / "results.csv"))
    return wall_s(worker_command(python, package), package, folder, job)


def wall_s(command: list[str], package: str, folder: Path, given: str = "") -> float:
    start = time.perf_counter()
    subprocess.run(
        command,
        input=given,
        text=True,
        check=True,
        stdout=subprocess.DEVNULL,
        env=environment(package),
        cwd=folder,
    )
    seconds = time.perf_counter() - start
    lines = (folder / "results.csv").read_text("utf-8").count("\n")
    if lines != BASIC.simulations + 1:
        raise RuntimeError(f"{command[0]} wrote {lines} lines instead of {BASIC.simulations + 1}")
    return seconds


def measure_memory() -> list[Row]:
    """Peak memory of a process that runs the large sweep."""
    with Worker(sys.executable, OURS) as ours:
        answer = ours.run(LARGE)
    return [
        {
            "simulations": LARGE.simulations,
            "voters": LARGE.fixed_params["n_voters"],
            "seconds, cold": answer["seconds"],
            "peak MiB after import": ours.about["peak_mib"],
            "peak MiB": answer["peak_mib"],
        }
    ]


def judge(results: dict[str, list[Row]]) -> list[Row]:
    """What was asked for beside what was measured."""
    rows = []
    if "peer" in results:
        ratio = results["peer"][0]["times peer's best"]
        rows.append(verdict("speed, times the peer's best", ratio, f"at least {SPEED_RATIO}", ratio >= SPEED_RATIO))
    cold = {row["process"]: row["median s"] for row in results.get("cold", [])}
    if "electoral-sim, script" in cold:
        ratio = cold["esim_jax, command line"] / cold["electoral-sim, script"]
        rows.append(verdict("cold process, share of the peer's time", ratio, "at most 1", ratio <= 1))
    if "memory" in results:
        peak = results["memory"][0]["peak MiB"]
        rows.append(verdict("peak MiB", peak, f"below {MEMORY_MIB}", peak < MEMORY_MIB))
    return rows


def verdict(name: str, measured: float, wanted: str, met: bool) -> Row:
    return {"what": name, "measured": measured, "wanted": wanted, "met": "yes" if met else "NO"}


def describe_machine(peer: str | None) -> list[Row]:
    """What it is measured on."""
    with Worker(sys.executable, OURS) as ours:
        about = ours.about
        devices = ours.run(sized(1, 1_000))["devices"]
    rows = [
        {"": "CPU", "is": cpu_model()},
        {"": "cores", "is": str(os.cpu_count())},
        {"": "system", "is": platform.platform()},
        {"": "JAX devices", "is": ", ".join(devices)},
        {"": "load before", "is": load()},
        {"": "ours", "is": versions(about)},
    ]
    if peer is not None:
        with Worker(peer, PEER) as other:
            rows.append({"": "peer", "is": versions(other.about)})
    return rows


def versions(about: Row) -> str:
    return ", ".join(f"{name} {version}" for name, version in about["versions"].items())


def cpu_model() -> str:
    """The CPU's name, with its family and model where the name says little."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    numbers = f"family {facts.get('cpu family', '?')}, model {facts.get('model', '?')}"
    return f"{facts.get('model name', platform.machine())} ({numbers})"


def load() -> str:
    return f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else "unknown"


def print_table(title: str, rows: list[Row]) -> None:
    """The rows under their keys, numbers to the right."""
    cells = [list(rows[0]), *([show(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    print(f"\n{title}\n")
    for line in cells:
        aligned = [
            cell.ljust(width) if isinstance(value, str) else cell.rjust(width)
            for cell, width, value in zip(line, widths, rows[0].values(), strict=True)
        ]
        print("  ".join(aligned).rstrip())


def show(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:#.3g}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


TABLES = ("throughput", "peer", "cold", "memory")


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Prints tables of speed and memory, electoral-sim alongside.")
    parser.add_argument("--peer-python", metavar="PATH", help="an interpreter that has electoral-sim 0.2.1")
    parser.add_argument("--python312", metavar="PATH", help="a Python, 3.12 or newer, to install electoral-sim with")
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=TABLES, help="all by default")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="rounds of each comparison (default 3)")
    parser.add_argument("--repeats", type=int, default=9, metavar="N", help="warm repeats of each size (default 9)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    return parser.parse_args(arguments)


def main() -> None:
    """Measures, prints, and writes the file where one is named."""
    args = parse_arguments()
    peer: str | None = None
    if {"peer", "cold"} & set(args.tables):
        try:
            peer = find_peer(args.peer_python, args.python312)
        except NoPeerError as error:
            print(error)
    results: dict[str, list[Row]] = {}

    def report(name: str, title: str, rows: list[Row]) -> None:
        results[name] = rows
        print_table(title, rows)
        sys.stdout.flush()

    report("machine", "Machine", describe_machine(peer))
    if "throughput" in args.tables:
        report(
            "throughput",
            "Throughput in million simulated voters a second (M/s). Cold: the first sweep of a process, compilation\n"
            f"included, import not; warm: median of {args.repeats} more; best: of these",
            measure_throughput(args.repeats),
        )
    if "peer" in args.tables and peer is not None:
        report(
            "peer",
            "Sensitivity sweep of the spec: 100 simulations of 50,000 voters; warm, in turns; M/s and ratio of medians",
            measure_peer(peer, args.rounds),
        )
    if "cold" in args.tables:
        report(
            "cold",
            "Basic sweep of the spec: 60 simulations; the whole process, from start to end",
            measure_cold(peer, args.rounds),
        )
    if "memory" in args.tables:
        report("memory", "Memory", measure_memory())
    results["machine"].append({"": "load after", "is": load()})
    if verdicts := judge(results):
        report("verdicts", "Asked for", verdicts)
    print(f"\nLoad average at the end: {load()}")
    if args.json is not None:
        args.json.write_text(json.dumps(results, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
