"""Small elections beside four packages that hold them one by one, warm and as whole processes."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from statistics import median

from packages_worker import CANDIDATES, DIMENSIONS, PACKAGES, VOTERS
from peer import NoPeerError, prepare
from sweeps import Sweep
from tables import Row, Table, at_least, at_most
from workers import CACHE, HERE, OURS, Settings, environment, job_line, our_worker, worker_command

WANTED = 20
ELECTIONS = 10_000
ENVIRONMENT = HERE.parent / ".venv-packages"
REQUIREMENTS = ("elsim==0.1.3", "numba>=0.62", "pref_voting==1.18.2", "svvamp==0.15.2", "votekit==3.5.0")
HAS_ALL = "import elsim, numba, pref_voting, svvamp, votekit"
FASTEST = "elsim"
NUMBA_CACHE = "NUMBA_CACHE_DIR"
CACHES = "nothing compiled", "compiled before"
AT_A_TIME = {"elsim": ELECTIONS, "svvamp": 1_000, "pref_voting": 50, "votekit": 10}
"""Elections that each package is asked for: some seconds' worth."""

SMALL = Sweep(
    {"electoral_system": ["IRV", "Borda", "approval"]},
    {
        "voter_model": "spatial_normal",
        "positions_drawn": True,
        "dimensions": DIMENSIONS,
        "temperature": 0.0,
        "n_voters": VOTERS,
        "n_constituencies": 1,
        "parties": [{"name": name} for name in "ABCDE"[:CANDIDATES]],
    },
    options={"common_random_numbers": True, "metrics": ["condorcet_winner", "condorcet_winner_elected"]},
)
"""Each election is held by three systems on the same ballots; the Condorcet winner comes with them."""


def measure(settings: Settings) -> Iterator[Table]:
    try:
        python = prepare(ENVIRONMENT, lambda: sys.executable, HAS_ALL, REQUIREMENTS)
    except NoPeerError as error:
        print(error)
        return
    title = f"{VOTERS} voters, {CANDIDATES} candidates, {DIMENSIONS}-D normal: IRV, Borda, approval, Condorcet winner"
    yield compare_warm(settings, python, title)
    yield compare_cold(settings, python)


def compare_warm(settings: Settings, python: str, title: str) -> Table:
    """In turns, each in its own long-lived process."""
    sweep = SMALL.runs(settings.cut(ELECTIONS))
    with our_worker() as ours:
        ours.run(sweep)
        others = {name: PackageWorker(python, name) for name in PACKAGES}
        for worker in others.values():
            worker.time(2)
        seconds: list[float] = []
        rates: dict[str, list[float]] = {name: [] for name in PACKAGES}
        for _ in range(max(3, settings.rounds)):
            for name, worker in others.items():
                seconds += [ours.run(sweep)["seconds"] for _ in range(3)]
                n = settings.cut(AT_A_TIME[name])
                rates[name].append(n / worker.time(n))
        for worker in others.values():
            worker.close()
    ours_rate = sweep.n_runs_per_config / median(seconds)
    fastest = max(max(rate) for rate in rates.values())
    rows: list[Row] = [_row("esim_jax", ours_rate, sweep.n_runs_per_config / min(seconds), ours_rate)]
    rows += [_row(name, median(rate), max(rate), ours_rate) for name, rate in rates.items()]
    asked = [at_least("small elections: times the fastest package", ours_rate / fastest, WANTED)]
    return Table("packages", f"{title}; warm, in turns", rows, asked)


def _row(name: str, rate: float, best: float, ours: float) -> Row:
    return {"package": name, "elections/s": rate, "best": best, "ours is times its best": ours / best}


def compare_cold(settings: Settings, python: str) -> Table:
    """Whole processes that hold 10,000 elections: ours and the fastest package, with and without what each compiled."""
    n = settings.cut(ELECTIONS)
    job = job_line(SMALL.runs(n), seed=1)
    ours, theirs = worker_command(sys.executable, OURS), package_command(python, FASTEST)
    cold_ours, cold_theirs, warm_ours, warm_theirs = (
        f"{name}, {cache}" for cache in CACHES for name in (OURS, FASTEST)
    )
    times: dict[str, list[float]] = {name: [] for name in (cold_ours, cold_theirs, warm_ours, warm_theirs)}
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(max(3, settings.rounds) + 1):
            kept, fresh = f"{folder}/kept", f"{folder}/{turn}"
            runs = {
                cold_ours: (ours, environment(OURS), job),
                cold_theirs: (theirs, environment(FASTEST, {NUMBA_CACHE: fresh}), f"{n}\n"),
                warm_ours: (ours, environment(OURS, {CACHE: kept}), job),
                warm_theirs: (theirs, environment(FASTEST, {NUMBA_CACHE: kept}), f"{n}\n"),
            }
            for name, (command, variables, given) in runs.items():
                start = time.perf_counter()
                subprocess.run(command, input=given, text=True, check=True, stdout=subprocess.DEVNULL, env=variables)
                if turn:  # the first round fills the caches
                    times[name].append(time.perf_counter() - start)
    rows = [{"process": name, "median s": median(s), "best s": min(s), "worst s": max(s)} for name, s in times.items()]
    asked = [
        at_most(f"small elections, {ours}: share of {FASTEST}'s time", median(times[ours]) / median(times[theirs]), 1.0)
        for ours, theirs in ((cold_ours, cold_theirs), (warm_ours, warm_theirs))
    ]
    return Table("packages cold", f"{n:,} such elections: the whole process, in turns", rows, asked)


def package_command(python: str, name: str) -> list[str]:
    return [python, "-W", "ignore", str(HERE / "packages_worker.py"), name]


class PackageWorker:
    """A process that holds one of the packages."""

    def __init__(self, python: str, name: str) -> None:
        self._process = subprocess.Popen(
            package_command(python, name),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment(name),
        )
        self.about = self._answer()

    def time(self, n: int) -> float:
        """Seconds of n elections."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{n}\n")
        self._process.stdin.flush()
        seconds: float = self._answer()["seconds"]
        return seconds

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _answer(self) -> Row:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the worker ended with status {self._process.wait()}")
        answer: Row = json.loads(line)
        return answer
