"""Processes that hold one package each and run sweeps, as run.py's process sees them.

That process only starts others and reads their clocks: it loads neither package, so that it takes no memory
or time that would be counted, and lets only one of them work at a time.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sweeps import Sweep
from tables import Row

HERE = Path(__file__).parent
OURS = "esim_jax"
CACHE = "ESIM_JAX_CACHE"
SINGLE_THREAD = {"NUMBA_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
LONG_ENOUGH = 10.0  # seconds for the repeats of one size
TWO_DEVICES = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}


@dataclass(frozen=True)
class Settings:
    """How much is measured.

    Attributes:
        peer: an interpreter that has the peer, or None.
        rounds: of each comparison.
        repeats: warm repeats of each size.
        quick: whether sizes are cut, only to see that every table comes out.
    """

    peer: str | None
    rounds: int
    repeats: int
    quick: bool

    def cut(self, n: int) -> int:
        """A number of runs, or a hundredth of it."""
        return max(1, n // 100) if self.quick else n


def environment(package: str, extra: dict[str, str] | None = None) -> dict[str, str]:
    """The environment of a process: ours takes this checkout and nothing compiled by earlier processes."""
    dropped = {"PYTHONPATH", "JAX_COMPILATION_CACHE_DIR", "XLA_FLAGS", CACHE, *SINGLE_THREAD}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    ours = {"PYTHONPATH": str(HERE.parent), CACHE: "off"} if package == OURS else {}
    return {**kept, **ours, **(extra or {})}


class Worker:
    """A process that holds one package and runs sweeps one after another.

    Args:
        python: the interpreter.
        package: the one it holds.
        extra: variables of its environment.
        cores: those that it may use; by default all.
    """

    def __init__(
        self, python: str, package: str, extra: dict[str, str] | None = None, cores: Sequence[int] = ()
    ) -> None:
        self._process = subprocess.Popen(
            [*worker_command(python, package), *map(str, cores)],
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

    def time(self, sweep: Sweep, repeats: int) -> list[float]:
        """Seconds of warm repeats, after one that compiles; no more than three where they are long."""
        self.run(sweep)
        times: list[float] = []
        while len(times) < repeats and (len(times) < 3 or sum(times) < LONG_ENOUGH):
            times.append(self.run(sweep)["seconds"])
        return times

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


def our_worker(extra: dict[str, str] | None = None, cores: Sequence[int] = ()) -> Worker:
    return Worker(sys.executable, OURS, extra, cores)


def worker_command(python: str, package: str) -> list[str]:
    return [python, str(HERE / "worker.py"), package]


def job_line(sweep: Sweep, seed: int, n_jobs: int = 1, output: str | None = None) -> str:
    return json.dumps({**asdict(sweep), "seed": seed, "n_jobs": n_jobs, "output": output}) + "\n"


def ask_script(name: str, *arguments: str) -> Any:
    """What a script beside this file prints, which is JSON."""
    command = [sys.executable, str(HERE / name), *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment(OURS))
    return json.loads(done.stdout)
