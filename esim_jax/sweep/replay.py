"""Replay: a row of an exported file is computed again, and must come out bit by bit as it was."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from esim_jax.election import ElectionModel
from esim_jax.errors import InputError
from esim_jax.results.provenance import BUILT_IN, first_bytes, is_parquet, read_provenance
from esim_jax.sweep.runner import BatchRunner
from esim_jax.sweep.space import ParameterSweep

_INTEGERS = ("config_idx", "run_idx", "seed")


class Replay(NamedTuple):
    """A row of a file, and the same simulation held again."""

    config_idx: int
    run_idx: int
    parameters: Mapping[str, Any]
    values: Mapping[str, tuple[int | float, int | float]]  # the seed and each metric: in the file, and now
    versions: Mapping[str, tuple[str, str]]  # those that differ: then, and now

    @property
    def differing(self) -> list[str]:
        """The values that are not bit-equal."""
        return [name for name, (then, now) in self.values.items() if then != now]


def replay_row(path: Path, row: int) -> Replay:
    """Holds the election of a row again, as the file's provenance says.

    Args:
        path: of the exported results.
        row: in the order of the file, from 0.

    Raises:
        InputError: the file can't be read, has no provenance or no such row, or is of a class of the user's own.
    """
    provenance = read_provenance(path)
    if provenance is None:
        raise InputError(
            f"{str(path)!r} has no provenance: give a Parquet file that esim_jax exported, or a CSV or JSON file with "
            "its .provenance.json beside it."
        )
    if provenance.get("contents") != "results":
        raise InputError(f"{str(path)!r} holds no simulations: give a file of results, as --output writes it.")
    if provenance["model"] != BUILT_IN:
        raise InputError(
            f"{str(path)!r} is of the class {provenance['model']}; only rows of {BUILT_IN} can be replayed: "
            "hold it again as docs/results.md shows."
        )
    if row < 0:
        raise InputError(f"row {row} is not allowed: rows are counted from 0.")
    runner = make_runner(provenance["sweep"])
    found = _read_row(path, row, runner.metrics)
    config_idx, run_idx = int(found["config_idx"]), int(found["run_idx"])
    parameters = runner.simulation(config_idx, run_idx)
    metrics = ElectionModel(**parameters).run_election(metrics=runner.metrics).metrics
    values: dict[str, tuple[int | float, int | float]] = {"seed": (int(found["seed"]), parameters["seed"])}
    values |= {name: (float(found[name]), value) for name, value in metrics.items()}
    now = runner.provenance()
    versions = {
        name: (then, now[part].get(name, "none"))
        for part in ("versions", "device")
        for name, then in provenance.get(part, {}).items()
        if now[part].get(name) != then
    }
    return Replay(config_idx, run_idx, parameters, values, versions)


def make_runner(sweep: Mapping[str, Any], **options: Any) -> BatchRunner:
    """The runner of the built-in model for a sweep as a configuration file or a provenance has it."""
    space = {key: sweep[key] for key in ("parameters", "fixed_params", "sweep_type", "n_samples") if key in sweep}
    runs = {
        key: sweep[key]
        for key in ("n_runs_per_config", "n_jobs", "seed", "election_kwargs", "common_random_numbers", "metrics")
        if key in sweep
    }
    return BatchRunner(ElectionModel, ParameterSweep(**space), **{"verbose": False, **runs, **options})


def _read_row(path: Path, row: int, metrics: Sequence[str]) -> dict[str, Any]:
    """config_idx, run_idx, seed and the metrics of one row."""
    columns = [*_INTEGERS, *metrics]
    try:
        if is_parquet(path):
            frame = pl.scan_parquet(path).select(columns).slice(row, 1).collect()
        elif first_bytes(path, 1) == b"[":
            rows = json.loads(path.read_text(encoding="utf-8"))[row : row + 1]
            frame = pl.DataFrame(rows).select(columns) if rows else pl.DataFrame()
        else:  # as text: Python reads numbers exactly
            frame = pl.scan_csv(path, infer_schema=False).select(columns).slice(row, 1).collect()
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{str(path)!r} can't be read: {str(error).partition(chr(10))[0]}.") from error
    if frame.is_empty():
        raise InputError(f"{str(path)!r} has no row {row}; rows are counted from 0.")
    return frame.row(0, named=True)
