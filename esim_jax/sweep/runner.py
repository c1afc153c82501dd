"""The runner: a sweep in, frames and files out."""

import os
import warnings
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
import polars as pl

from esim_jax.config import read_count, read_parameters, read_seed
from esim_jax.election import ElectionModel, describe_oddities, draw_seed
from esim_jax.errors import InputError, OutcomeWarning, ResultsError, SimulationWarning
from esim_jax.model.scenario import options
from esim_jax.parties import party_mappings
from esim_jax.plan import Plan, make_plan
from esim_jax.results.export import export_frame
from esim_jax.results.frames import METRICS, parameter_frame, party_frame, results_frame
from esim_jax.results.summary import summarise
from esim_jax.simulate import Outcome
from esim_jax.sweep.identity import config_identity, model_identity, run_seeds
from esim_jax.sweep.pool import Answer, Task, run_tasks
from esim_jax.sweep.progress import progress_bar
from esim_jax.sweep.space import ParameterSweep

RESERVED = ("config_idx", "run_idx", "seed")
"""Columns of the results that are no parameters."""

_IN_FLIGHT = 2  # chunks: one is computed while the one before is read


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
        self._configs = parameter_sweep.generate_configs(self.seed)
        for name in self._configs[0]:
            if name in RESERVED:
                raise InputError(
                    f"The parameter {name!r} can't be swept or fixed: the runner sets {', '.join(RESERVED)}."
                )
        if self._is_built_in:
            self._parameters = self._read_configs()
            self._frame = parameter_frame([self._canonical(config, p) for config, p in self._pairs()])
            identities = [model_identity(p) for p in self._parameters]
        else:
            self._frame = parameter_frame(self._configs)
            identities = [config_identity(config) for config in self._configs]
        self._seeds = run_seeds(self.seed, identities, self.n_runs_per_config).reshape(-1)
        self._configuration = np.repeat(np.arange(len(self._configs)), self.n_runs_per_config)
        self._run = np.tile(np.arange(self.n_runs_per_config), len(self._configs))

    @property
    def _is_built_in(self) -> bool:
        return self.model_class is ElectionModel

    def _read_configs(self) -> list[dict[str, Any]]:
        """Full parameter sets; election_kwargs hold for all configurations."""
        for name in self.election_kwargs:
            if name in self.parameter_sweep.parameters or name in self.parameter_sweep.fixed_params:
                raise InputError(f"{name} is both in the sweep and in election_kwargs; give it in one of them.")
        self._configs = [{**config, **self.election_kwargs} for config in self._configs]
        return [read_parameters(config) for config in self._configs]

    def _pairs(self) -> Any:
        return zip(self._configs, self._parameters, strict=True)

    @staticmethod
    def _canonical(config: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters that were given, as the model read them."""
        return {name: party_mappings(parameters[name]) if name == "parties" else parameters[name] for name in config}

    def run(self) -> pl.DataFrame:
        """Runs all simulations.

        Returns:
            One row a simulation, in order of config_idx, then run_idx: config_idx, run_idx, seed, the parameters, and
            turnout, gallagher, enp_votes, enp_seats, vse.

        Warns:
            OutcomeWarning: nobody voted for some seats, or no party reached the threshold.
            SimulationWarning: simulations of a class of your own failed; their metrics are null, see `failures`.
        """
        with progress_bar(len(self._seeds), self.verbose) as progress:
            metrics = self._run_built_in(progress) if self._is_built_in else self._run_own(progress)
        self._results = results_frame(self._frame, self._configuration, self._run, self._seeds, metrics)
        if self.failures is not None and self.failures.height:
            self._warn_of_failures(self.failures)
        return self._results

    def _run_built_in(self, progress: Any) -> dict[str, np.ndarray]:
        devices = tuple(self.devices) if self.devices else tuple(jax.local_devices())
        plan = make_plan(self._parameters, self._configuration, self._seeds, devices, self.chunk_size)
        outcomes: list[Outcome] = []
        computing: deque[tuple[int, Outcome]] = deque()

        def collect() -> None:
            n, outcome = computing.popleft()
            per_simulation = outcome._replace(constituency_votes=np.zeros(0, np.int64))
            outcomes.append(Outcome(*(field[:n] for field in jax.device_get(per_simulation))))
            progress(n)

        for chunk in plan.chunks:
            computing.append((chunk.stop - chunk.start, plan.simulate(chunk, devices)))
            if len(computing) == _IN_FLIGHT:
                collect()
        while computing:
            collect()
        whole = Outcome(*(np.concatenate(field) for field in zip(*outcomes, strict=True)))
        self._warn_of_oddities(whole)
        self._parties = self._party_frame(plan, whole)
        return {name: getattr(whole, name) for name in METRICS}

    def _party_frame(self, plan: Plan, whole: Outcome) -> pl.DataFrame:
        names = [[option.name for option in options(p)] for p in plan.parameters]
        return party_frame(self._configuration, self._run, names, np.asarray(whole.votes), np.asarray(whole.seats))

    def _run_own(self, progress: Any) -> dict[str, list[float | None]]:
        tasks = [
            Task(place, self._configs[c], int(seed))
            for place, (c, seed) in enumerate(zip(self._configuration, self._seeds, strict=True))
        ]
        answers: list[Answer | None] = [None] * len(tasks)
        for answer in run_tasks(self.model_class, tasks, self.election_kwargs, self.n_jobs):
            answers[answer.place] = answer
            progress(1)
        held = [answer for answer in answers if answer is not None]
        failed = [answer for answer in held if answer.error is not None]
        places = np.array([answer.place for answer in failed], int)
        self.failures = results_frame(
            self._frame, self._configuration[places], self._run[places], self._seeds[places], {}
        ).with_columns(pl.Series("error", [answer.error for answer in failed], dtype=pl.String))
        taken = {*RESERVED, *self._frame.columns}
        given = dict.fromkeys([*METRICS, *(name for answer in held for name in answer.metrics)])
        names = [name for name in given if name not in taken]
        return {name: [answer.metrics.get(name) for answer in held] for name in names}

    def _warn_of_oddities(self, whole: Outcome) -> None:
        vacant, waived = np.asarray(whole.vacant_seats) > 0, np.asarray(whole.threshold_waived)
        for affected, sentence in (
            (vacant, describe_oddities(int(np.asarray(whole.vacant_seats).sum()), False)),
            (waived, describe_oddities(0, True)),
        ):
            if affected.any():
                first = int(np.argmax(affected))
                warnings.warn(
                    f"{int(affected.sum())} of {len(affected)} simulations, the first being config_idx "
                    f"{self._configuration[first]}, run_idx {self._run[first]}: {sentence[0]}",
                    OutcomeWarning,
                    stacklevel=4,
                )

    def _warn_of_failures(self, failures: pl.DataFrame) -> None:
        first = failures.row(0, named=True)
        config = self._configs[first["config_idx"]]
        warnings.warn(
            f"{failures.height} of {len(self._seeds)} simulations failed; their metrics are null and `failures` lists "
            f"them. The first: config_idx {first['config_idx']}, run_idx {first['run_idx']}, seed {first['seed']}, "
            f"{config}: {first['error']}.",
            SimulationWarning,
            stacklevel=3,
        )

    @property
    def _metrics(self) -> list[str]:
        """The columns of the results that are metrics."""
        known = {*RESERVED, *self._frame.columns}
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
        return summarise(self._have_results(), self._frame, self._metrics)

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
