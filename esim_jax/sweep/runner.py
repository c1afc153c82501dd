"""The runner: a sweep in, frames and files out."""

import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import polars as pl

from esim_jax.config import read_count, read_seed
from esim_jax.election import ElectionModel, draw_seed
from esim_jax.errors import InputError, ResultsError
from esim_jax.results.export import export_frame
from esim_jax.results.frames import results_frame
from esim_jax.results.summary import summarise
from esim_jax.sweep.compiled import CompiledSweep
from esim_jax.sweep.design import RESERVED
from esim_jax.sweep.own import OwnModelSweep
from esim_jax.sweep.progress import progress_bar
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

    Attributes:
        seed: the master seed.
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
    ) -> None:
        if not isinstance(model_class, type):
            raise InputError(f"model_class = {model_class!r} is not a class: give ElectionModel or one of your own.")
        if not isinstance(parameter_sweep, ParameterSweep):
            raise InputError(f"parameter_sweep = {parameter_sweep!r} is not a ParameterSweep: make one first.")
        if election_kwargs is not None and not isinstance(election_kwargs, Mapping):
            raise InputError(f"election_kwargs = {election_kwargs!r} is not a mapping from names to values.")
        self.model_class = model_class
        self.parameter_sweep = parameter_sweep
        self.n_runs_per_config = read_count("n_runs_per_config", n_runs_per_config)
        self.n_jobs = read_count("n_jobs", n_jobs, high=4096)
        self.election_kwargs = dict(election_kwargs or {})
        self.seed = draw_seed() if seed is None else read_seed(seed)
        self.verbose = verbose
        self.chunk_size = None if chunk_size is None else read_count("chunk_size", chunk_size)
        self.devices = devices
        self.failures: pl.DataFrame | None = None
        self._results: pl.DataFrame | None = None
        self._parties: pl.DataFrame | None = None
        configs = parameter_sweep.generate_configs(self.seed)
        for name in configs[0]:
            if name in RESERVED:
                raise InputError(
                    f"The parameter {name!r} can't be swept or fixed: the runner sets {', '.join(RESERVED)}."
                )
        runs = self.seed, self.n_runs_per_config
        self._sweep: CompiledSweep | OwnModelSweep
        if model_class is ElectionModel:
            self._sweep = CompiledSweep(configs, self.election_kwargs, *runs, self.chunk_size, devices)
        else:
            self._sweep = OwnModelSweep(model_class, configs, self.election_kwargs, *runs, self.n_jobs)

    def run(self) -> pl.DataFrame:
        """Runs all simulations.

        Returns:
            One row a simulation, in order of config_idx, then run_idx: config_idx, run_idx, seed, the parameters, and
            turnout, gallagher, enp_votes, enp_seats, vse.

        Warns:
            OutcomeWarning: nobody voted for some seats, or no party reached the threshold.
            SimulationWarning: simulations of a class of your own failed; their metrics are null, see `failures`.
        """
        design = self._sweep.design
        with progress_bar(len(design.seeds), self.verbose) as progress:
            found = self._sweep.run(progress)
        self._results = results_frame(design.parameters, design.configuration, design.run, design.seeds, found.metrics)
        self._parties, self.failures = found.parties, found.failures
        for warning in found.warnings:  # told last, so that the results are there whatever becomes of it
            warnings.warn(warning, stacklevel=2)
        return self._results

    @property
    def _metrics(self) -> list[str]:
        """The columns of the results that are metrics."""
        known = {*RESERVED, *self._sweep.design.parameters.columns}
        return [name for name in self._have_results().columns if name not in known]

    def _have_results(self) -> pl.DataFrame:
        if self._results is None:
            raise ResultsError("There are no results yet: call run() first.")
        return self._results

    def get_summary_stats(self) -> pl.DataFrame:
        """Mean and standard deviation of each metric over the runs of each configuration.

        Returns:
            config_idx, the parameters, `*_mean` and `*_std` (n - 1; null for a single run) of each metric, n_runs;
            sorted by config_idx.

        Raises:
            ResultsError: `run()` was not called.
        """
        return summarise(self._have_results(), self._sweep.design.parameters, self._metrics)

    def party_results(self) -> pl.DataFrame:
        """Every party's result: config_idx, run_idx, party, votes, vote_share, seats, seat_share.

        Raises:
            ResultsError: `run()` was not called, or the model is a class of your own.
        """
        self._have_results()
        if self._parties is None:
            raise ResultsError("party_results() is there for ElectionModel only: a class of your own gives metrics.")
        return self._parties

    def export_results(self, filepath: str | os.PathLike[str], format: str = "auto") -> None:
        """Writes the results.

        Args:
            filepath: of the file; its folder must exist.
            format: "csv", "parquet", "json", or "auto" for the one that the extension names.

        Raises:
            ResultsError: `run()` was not called.
            InputError: the format is unknown or the file can't be written.
        """
        export_frame(self._have_results(), filepath, format)

    def export_summary(self, filepath: str | os.PathLike[str], format: str = "auto") -> None:
        """Writes the summary; see `export_results`."""
        export_frame(self.get_summary_stats(), filepath, format)
