"""Runs and times sweeps of one package inside one process, for run.py.

`python worker.py PACKAGE [CORE ...]` first answers with what it runs on, then reads jobs, one line of JSON each, and
answers each with one line, until its input ends. Both packages offer the spec's names, so one worker serves both; it
also runs in the peer's environment and therefore imports nothing but the standard library and the package.
"""

import importlib
import json
import os
import platform
import resource
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Any

LIBRARIES = ("jax", "numba", "numpy", "polars")


def load(name: str) -> tuple[ModuleType, float]:
    """The package and the seconds it took to import it with all that a sweep needs."""
    start = time.perf_counter()
    package = importlib.import_module(name)
    for public in ("BatchRunner", "ElectionModel", "ParameterSweep"):
        getattr(package, public)
    return package, time.perf_counter() - start


def describe(package: ModuleType, import_s: float) -> dict[str, Any]:
    """What this process runs on."""
    versions = {"python": platform.python_version(), package.__name__: package.__version__}
    for library in LIBRARIES:
        try:
            versions[library] = version(library)
        except PackageNotFoundError:
            continue
    return {"versions": versions, "import_s": import_s, "peak_mib": peak_mib()}


def run_job(package: ModuleType, job: dict[str, Any]) -> dict[str, Any]:
    """Runs one sweep, from its definition to its data frame, and to its file where the job names one.

    With a run directory the rows go there and are only counted.
    """
    start = time.perf_counter()
    options = dict(job["options"])
    if "devices" in options:
        options["devices"] = sys.modules["jax"].devices()[: options["devices"]]
    runner = package.BatchRunner(
        model_class=package.ElectionModel,
        parameter_sweep=package.ParameterSweep(job["parameters"], fixed_params=job["fixed_params"]),
        n_runs_per_config=job["n_runs_per_config"],
        n_jobs=job["n_jobs"],
        seed=job["seed"],
        verbose=False,
        **options,
    )
    simulations = runner.stream().select("seed").collect().height if "run_dir" in options else runner.run().height
    if job["output"]:
        runner.export_results(job["output"])
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "simulations": simulations, "peak_mib": peak_mib(), "devices": devices()}


def devices() -> list[str]:
    """What JAX runs on, where it is in use."""
    return [str(device.device_kind) for device in sys.modules["jax"].devices()] if "jax" in sys.modules else []


def peak_mib() -> float:
    """The most memory this process has held resident."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def main() -> None:
    """Answers jobs until the input ends."""
    if cores := [int(core) for core in sys.argv[2:]]:
        os.sched_setaffinity(0, cores)
    package, import_s = load(sys.argv[1])
    print(json.dumps(describe(package, import_s)), flush=True)
    for line in sys.stdin:
        print(json.dumps(run_job(package, json.loads(line))), flush=True)


if __name__ == "__main__":  # the peer's n_jobs starts processes that import this file
    main()
