"""The runner: a sweep in, frames and files out."""

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
import polars as pl

from esim_jax.config import read_count, read_seed
from esim_jax.election import ElectionModel, draw_seed
from esim_jax.errors import EsimError, InputError, ResultsError
from esim_jax.metrics.registry import DEFAULT_METRICS, RATES, columns_of, read_metrics
from esim_jax.results.export import Frames, export_frames
from esim_jax.results.frames import party_frame, results_frame
from esim_jax.results.provenance import BUILT_IN, make_provenance, processor
from esim_jax.results.summary import summarise
from esim_jax.sweep.compiled import CompiledSweep
from esim_jax.sweep.design import RESERVED
from esim_jax.sweep.distributed import Processes, common_seed
from esim_jax.sweep.hold import hold, hold_share
from esim_jax.sweep.identity import LAW
from esim_jax.sweep.kept import MemoryRows
from esim_jax.sweep.own import OwnModelSweep, model_name
from esim_jax.sweep.run_dir import RunDirectory, look_into
from esim_jax.sweep.session import Session
from esim_jax.sweep.space import ParameterSweep


class BatchRunner:
    """Runs every configuration of a sweep several times.

    `ElectionModel` runs as one compiled program over all local devices, whatever `n_jobs` says. A class of your own
    (`cls(**parameters, seed=...)` with `run_election(**kwargs)` that returns a mapping) runs in `n_jobs` processes;
    its numbers become columns.

    Args:
        model_class: `ElectionModel` or a compatible class.
        parameter_sweep: the configurations.
        n_runs_per_config: Monte Carlo runs of each configuration.
        n_jobs: worker processes for a class of your own; 1 runs it in this process.
        election_kwargs: passed to `run_election()`; with `ElectionModel` they are parameters like the fixed ones.
        seed: any 64-bit integer; with None fresh entropy is drawn and kept in `self.seed`.
        verbose: whether to show a progress bar.
        chunk_size: simulations a call of the compiled program; it can't change the results.
        devices: JAX devices to use, by default all local ones; they can't change the results.
        common_random_numbers: whether run r has the same seed in every configuration, so that configurations are
            compared on the same electorates and lots.
        run_dir: a directory that keeps finished chunks, so that a run that was cut short can be continued.
        resume: whether `run_dir` may hold a sweep already. What is finished is not computed again; without `seed` its
            seed is taken. A sweep that changed reuses the rows of equal parameters and run.
        distributed: what `esim_jax.sweep.distributed.join()` gave, where several processes share the sweep. They all
            make the same runner, with a `run_dir` that all see, and run it; the first has the results.
        metrics: names of the columns that are metrics, in their order, see `esim_jax.metrics.registry.METRICS`; by
            default turnout, gallagher, enp_votes, enp_seats, vse. A rate (`RATES` there) stands for the two metrics
            that make it, and for its own columns in the summary. A class of your own gives its own metrics.

    Attributes:
        seed: the master seed.
        metrics: names of the columns that are always there.
        reused: simulations that were found in `run_dir` when the last run began.
        failures: after `run()`, the simulations of a class of your own that failed: config_idx, run_idx, seed, the
            parameters, error.

    Raises:
        InputError: an argument or a parameter is not allowed; nothing has run then.

    >>> sweep = ParameterSweep({"temperature": [0.3, 0.6]}, fixed_params={"n_voters": 1_000})
    >>> runner = BatchRunner(ElectionModel, sweep, n_runs_per_config=3, seed=42, verbose=False)
    >>> runner.run().shape
    (6, 10)
    >>> runner.get_summary_stats()["n_runs"].to_list()
    [3, 3]
    """

    def __init__(
        self,
        model_class: type,
        parameter_sweep: ParameterSweep,
        n_runs_per_config: int = 1,
        n_jobs: int = 1,
        election_kwargs: Mapping[str, Any] | None = None,
        seed: int | None = None,
        verbose: bool = True,
        *,
        chunk_size: int | None = None,
        devices: Sequence[jax.Device] | None = None,
        common_random_numbers: bool = False,
        run_dir: str | os.PathLike[str] | None = None,
        resume: bool = False,
        distributed: Processes | None = None,
        metrics: Sequence[str] | None = None,
    ) -> None:
        if not isinstance(model_class, type):
            raise InputError(f"model_class = {model_class!r} is not a class: give ElectionModel or one of your own.")
        if not isinstance(parameter_sweep, ParameterSweep):
            raise InputError(f"parameter_sweep = {parameter_sweep!r} is not a ParameterSweep: make one first.")
        if election_kwargs is not None and not isinstance(election_kwargs, Mapping):
            raise InputError(f"election_kwargs = {election_kwargs!r} is not a mapping from names to values.")
        if metrics is not None and model_class is not ElectionModel:
            raise InputError("metrics chooses among those of ElectionModel: a class of your own gives its own.")
        self._asked = read_metrics(metrics)
        self.metrics = columns_of(self._asked)
        self.model_class = model_class
        self.parameter_sweep = parameter_sweep
        self.n_runs_per_config = read_count("n_runs_per_config", n_runs_per_config)
        self.n_jobs = read_count("n_jobs", n_jobs, high=4096)
        self.election_kwargs = dict(election_kwargs or {})
        for name, flag in (("common_random_numbers", common_random_numbers), ("resume", resume)):
            if not isinstance(flag, bool):
                raise InputError(f"{name} = {flag!r} is not allowed: it must be true or false.")
        self.common_random_numbers = common_random_numbers
        if resume and run_dir is None:
            raise InputError("There is nothing to resume without a run directory: name it (--run-dir, run_dir=).")
        self.run_dir = None if run_dir is None else Path(run_dir)
        self._resume = resume
        self._distributed = distributed
        self._name, self._n_held = "", 0  # of the sweep, where several processes share it; how often it was run
        if distributed is not None:
            if self.run_dir is None:
                raise InputError(
                    "Several processes can't share a sweep without a run directory: name one that all of them see "
                    "(--run-dir, run_dir=)."
                )
            self._name = distributed.name_sweep()
        manifest = None if self.run_dir is None else self._look_into(self.run_dir)
        self.seed: int
        if seed is not None:
            self.seed = read_seed(seed)
        elif manifest:
            self.seed = manifest["sweep"]["seed"]
        else:
            self.seed = draw_seed() if distributed is None else common_seed(self._name)
        self.verbose = verbose
        self.chunk_size = None if chunk_size is None else read_count("chunk_size", chunk_size)
        self.devices = devices
        self.failures: pl.DataFrame | None = None
        self.reused = 0
        self._kept: MemoryRows | RunDirectory | None = None
        configs = parameter_sweep.generate_configs(self.seed)
        for name in configs[0]:
            if name in RESERVED:
                raise InputError(
                    f"The parameter {name!r} can't be swept or fixed: the runner sets {', '.join(RESERVED)}."
                )
        runs = self.seed, self.n_runs_per_config, self.common_random_numbers
        self._sweep: CompiledSweep | OwnModelSweep
        if model_class is ElectionModel:
            self._sweep = CompiledSweep(configs, self.election_kwargs, *runs, self.chunk_size, devices, self.metrics)
        else:
            self._sweep = OwnModelSweep(model_class, configs, self.election_kwargs, *runs, self.n_jobs)

    def run(self) -> pl.DataFrame:
        """Runs all simulations, or those that the run directory does not hold yet.

        Returns:
            One row a simulation, in order of config_idx, then run_idx: config_idx, run_idx, seed, the parameters, and
            the metrics. Where several processes share the sweep, the first has the
            rows; the others get none.

        Raises:
            InputError: another process runs in the run directory, or it can't be written.
            ResultsError: what it holds is damaged, or was computed with another version; or one of the processes that
                share the sweep was lost.

        Warns:
            IdleParameterWarning: a parameter is swept and changes nothing; told before anything runs.
            OutcomeWarning: nobody voted for some seats, or no party reached the threshold.
            SimulationWarning: simulations of a class of your own failed; their metrics are null, see `failures`.
        """
        found = self._hold()
        if not self._merges:
            return self._no_rows()
        results = pl.concat(self._windows())
        _tell(found)
        return results

    def stream(self) -> pl.LazyFrame:
        """Runs what the run directory does not hold yet, without ever holding all rows in memory.

        Returns:
            `scan()`; no rows, as with `run()`, where this is not the first of several processes.

        Raises:
            InputError, ResultsError: as `run()`; or there is no run directory.

        Warns:
            As `run()`.
        """
        self._need_run_dir("stream()")
        found = self._hold()
        if not self._merges:
            return self._no_rows().lazy()
        _tell(found)
        return self.scan()

    def _hold(self) -> list[Warning]:
        """Holds the elections that are missing; gives the warnings, to be told when the results are there."""
        if self._merges:
            _tell(self._sweep.doubts(), stacklevel=4)
        self._kept = None
        show = self.verbose and self._merges
        kept: MemoryRows | RunDirectory
        if self.run_dir is None or self._distributed is None:
            kept = MemoryRows(self._sweep.design) if self.run_dir is None else self._directory(self.run_dir)
            if isinstance(kept, RunDirectory):
                self._open(kept)
            self.reused = hold(self._sweep, kept, show)
        else:
            kept = self._directory(self.run_dir)
            look_into(self.run_dir, self._resume or not self._merges)
            session = Session(self.run_dir, self._distributed, f"{self._name}-{self._n_held}")
            self._n_held += 1
            open_first = partial(self._open, kept, session.folder)
            self.reused = hold_share(self._sweep, kept, session, open_first, self.common_random_numbers, show)
            if not self._merges:
                return []
        self._kept = kept
        self.failures = self._sweep.failures(kept)
        return self._sweep.warnings(kept)

    @property
    def _merges(self) -> bool:
        """Whether this process has all rows in the end."""
        return self._distributed is None or self._distributed.first

    def _no_rows(self) -> pl.DataFrame:
        return pl.DataFrame(schema=self._types())

    def _look_into(self, run_dir: Path) -> dict[str, Any] | None:
        """What the run directory holds that this sweep goes on with."""
        if not self._merges:  # the first may have begun, which is no reason to refuse
            found = look_into(run_dir, resume=True)
            return found if self._resume else None
        try:
            return look_into(run_dir, self._resume)
        except EsimError as error:
            if self._distributed is not None and (run_dir / "manifest.json").exists():
                Session(run_dir, self._distributed, f"{self._name}-0").refuse(error)
            raise

    def _open(self, directory: RunDirectory, session: Path | None = None) -> None:
        """Locks the run directory; from now on it may hold this sweep."""
        look_into(directory.path, self._resume)
        directory.open(session)
        self._resume = True

    def _types(self) -> dict[str, Any]:
        """The columns of the results that are always there."""
        parameters = self._sweep.design.parameters.drop("config_idx").schema
        return {**dict.fromkeys(RESERVED, pl.Int64), **parameters, **dict.fromkeys(self.metrics, pl.Float64)}

    def _directory(self, run_dir: Path) -> RunDirectory:
        device = self._device()
        origin = {"law": LAW, "jax": jax.__version__, "platform": device["platform"]}
        schema = {name: str(dtype) for name, dtype in self._types().items()}
        return RunDirectory(
            run_dir, self._sweep.design, {**self._provenance(device), "origin": origin, "schema": schema}
        )

    def _need_run_dir(self, what: str) -> Path:
        if self.run_dir is None:
            raise InputError(f"{what} reads the rows from disk: give BatchRunner a run_dir, or call run().")
        return self.run_dir

    @property
    def n_kept(self) -> int:
        """Simulations of this sweep that the run directory holds; 0 without one."""
        if self.run_dir is None or not (self.run_dir / "manifest.json").exists():
            return 0
        return self._look(self.run_dir).n_kept

    def _look(self, run_dir: Path) -> RunDirectory:
        directory = self._directory(run_dir)
        directory.look()
        return directory

    def scan(self) -> pl.LazyFrame:
        """The results in the run directory, read lazily; those that are there so far, where the run was cut short.

        The columns are those of `run()`. Rows come in the order of the parts, which is that of config_idx and run_idx
        unless the sweep changed or has common random numbers.

        Raises:
            InputError: there is no run directory.
            ResultsError: it holds no results, or damaged ones.
        """
        directory = self._look(self._need_run_dir("scan()"))
        parameters = self._sweep.design.parameters
        metrics = self._sweep.metrics(directory.columns)
        return (
            directory.scan(metrics)
            .join(parameters.lazy(), on="config_idx", how="left", maintain_order="left")
            .select(*RESERVED, *parameters.columns[1:], *metrics)
        )

    def scan_parties(self) -> pl.LazyFrame:
        """Every party's result in the run directory, read lazily; see `party_results` and `scan`.

        Raises:
            InputError: there is no run directory.
            ResultsError: it holds no results, or damaged ones, or the model is a class of your own.
        """
        directory = self._look(self._need_run_dir("scan_parties()"))
        return party_frame(directory.scan(["votes", "seats"]), self._compiled().ballots.lazy())

    def _have_kept(self) -> MemoryRows | RunDirectory:
        if self._kept is None and not self._merges:
            raise ResultsError("The first process has the results: ask for them where `distributed.first` is true.")
        if self._kept is None:
            raise ResultsError("There are no results yet: call run() first.")
        return self._kept

    def _windows(self) -> Iterator[pl.DataFrame]:
        """The results, a window at a time."""
        kept = self._have_kept()
        metrics = self._metrics
        known = [name for name in metrics if name in kept.columns]
        return (results_frame(rows, self._sweep.design.parameters, metrics) for rows in kept.windows(known))

    @property
    def _metrics(self) -> list[str]:
        """The columns of the results that are metrics."""
        return self._sweep.metrics(self._have_kept().columns)

    def _compiled(self) -> CompiledSweep:
        if not isinstance(self._sweep, CompiledSweep):
            raise ResultsError("party_results() is there for ElectionModel only: a class of your own gives metrics.")
        return self._sweep

    def get_summary_stats(self) -> pl.DataFrame:
        """Mean and standard deviation of each metric over the runs of each configuration, and the rates asked for.

        Returns:
            config_idx, the parameters, `*_mean` and `*_std` of each metric, each rate and its `*_std`, n_runs; sorted
            by config_idx. They are summed up in one pass over the results, in bounded memory.

        Raises:
            ResultsError: `run()` was not called.
        """
        rates = {name: RATES[name][:2] for name in self._asked if name in RATES}
        return summarise(self._windows(), self._sweep.design.parameters, self._metrics, rates)

    def party_results(self) -> pl.DataFrame:
        """Every party's result: config_idx, run_idx, party, votes, vote_share, seats, seat_share.

        Raises:
            ResultsError: `run()` was not called, or the model is a class of your own.
        """
        kept, ballots = self._have_kept(), self._compiled().ballots.lazy()
        return pl.concat([party_frame(rows.lazy(), ballots).collect() for rows in kept.windows(["votes", "seats"])])

    def export_results(self, filepath: str | os.PathLike[str], format: str = "auto") -> None:
        """Writes the results, with their provenance; all rows are never in memory together.

        Args:
            filepath: of the file; its folder must exist.
            format: "csv", "parquet", "json", or "auto" for the one that the extension names.

        Raises:
            ResultsError: `run()` or `stream()` was not called.
            InputError: the format is unknown or the file can't be written.
        """
        self._export(self._windows(), filepath, format, "results")

    def export_summary(self, filepath: str | os.PathLike[str], format: str = "auto") -> None:
        """Writes the summary, with its provenance; see `export_results`."""
        self._export([self.get_summary_stats()], filepath, format, "summary")

    def simulation(self, config_idx: int, run_idx: int) -> dict[str, Any]:
        """The parameters and the seed of one simulation, with which the model holds it again.

        Raises:
            InputError: it is not in the sweep.

        >>> runner = BatchRunner(ElectionModel, ParameterSweep({"n_voters": [500, 900]}), seed=42)
        >>> runner.simulation(1, 0)
        {'n_voters': 900, 'seed': 254292353045734}
        """
        design = self._sweep.design
        if not 0 <= config_idx < len(design.configs) or not 0 <= run_idx < design.n_runs:
            raise InputError(
                f"config_idx {config_idx}, run_idx {run_idx} is not in the sweep: it has {len(design.configs)} "
                f"configurations and {design.n_runs} runs of each, counted from 0."
            )
        seed = design.seeds(np.array([config_idx]), np.array([run_idx]))[0]
        return {**design.configs[config_idx], "seed": int(seed)}

    def provenance(self) -> dict[str, Any]:
        """What exported files say of their origin: the sweep, the seed, versions, the device, the command."""
        return self._provenance(self._device())

    def _export(self, frames: Frames, filepath: str | os.PathLike[str], format: str, contents: str) -> None:
        export_frames(frames, filepath, format, {"contents": contents, **self.provenance()})

    def _provenance(self, device: Mapping[str, str]) -> dict[str, Any]:
        space = self.parameter_sweep
        sweep = {
            "parameters": space.parameters,
            "fixed_params": space.fixed_params,
            "sweep_type": space.sweep_type,
            "n_samples": space.n_samples,
            "n_runs_per_config": self.n_runs_per_config,
            "seed": self.seed,
            "election_kwargs": self.election_kwargs,
            "common_random_numbers": self.common_random_numbers,
        }
        if self._asked != DEFAULT_METRICS:
            sweep["metrics"] = self._asked
        built_in = self.model_class is ElectionModel
        return make_provenance(sweep, BUILT_IN if built_in else model_name(self.model_class), device)

    def _device(self) -> dict[str, str]:
        """What computes: the platform, the kind of device, the processor's name."""
        if isinstance(self._sweep, OwnModelSweep):  # JAX is not asked, for it would take hold of a GPU
            return {"platform": "python", "kind": "process", "processor": processor()}
        device = self._sweep.devices[0]
        return {"platform": device.platform, "kind": device.device_kind, "processor": processor()}


def _tell(found: Sequence[Warning], stacklevel: int = 3) -> None:
    """Told last, where it is of the results, so that they are there whatever becomes of it."""
    for warning in found:
        warnings.warn(warning, stacklevel=stacklevel)
