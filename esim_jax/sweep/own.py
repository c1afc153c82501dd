"""A sweep of a class of the user's own: simulations in a pool of processes."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from esim_jax.chunks import Span, spread
from esim_jax.errors import SimulationWarning
from esim_jax.metrics.registry import DEFAULT_METRICS
from esim_jax.results.frames import parameter_frame, results_frame
from esim_jax.sweep.design import FAILURE, KEY, RESERVED, Design, make_design
from esim_jax.sweep.identity import config_identity
from esim_jax.sweep.kept import Kept
from esim_jax.sweep.pool import Answer, Task, run_tasks

_BATCH = 1024
_BATCH_SECONDS = 0.5
"""Answers that are handed on together: a frame for each alone would take more time and memory than they do."""


class OwnModelSweep:
    """The configurations of a sweep, handed to the user's class as they are.

    Attributes:
        design: the simulations.
    """

    def __init__(
        self,
        model_class: type,
        configs: Sequence[Mapping[str, Any]],
        election_kwargs: Mapping[str, Any],
        seed: int,
        n_runs: int,
        common: bool,
        n_jobs: int,
    ) -> None:
        self._model_class, self._election_kwargs, self._n_jobs = model_class, election_kwargs, n_jobs
        identities = [config_identity(config) for config in configs]
        also = config_identity({"model": model_name(model_class), "election_kwargs": election_kwargs})
        self.design: Design = make_design(configs, parameter_frame(configs), identities, seed, n_runs, common, also)

    def compute(self, missing: Sequence[Span]) -> Iterator[pl.DataFrame]:
        """Runs these simulations and gives the rows of those that are finished; failures lose nothing of the others.

        Their columns are config_idx, run_idx, seed, _failure, and what the class gives.
        """
        answers: list[Answer] = []
        handed_on = time.monotonic()
        for answer in run_tasks(self._model_class, self._tasks(missing), self._election_kwargs, self._n_jobs):
            answers.append(answer)
            if len(answers) == _BATCH or time.monotonic() - handed_on > _BATCH_SECONDS:
                yield self._rows(answers)
                answers, handed_on = [], time.monotonic()
        if answers:
            yield self._rows(answers)

    def _tasks(self, missing: Sequence[Span]) -> Iterator[Task]:
        for span in missing:
            configuration, run = spread([span])
            for r, seed in zip(run.tolist(), self.design.seeds(configuration, run).tolist(), strict=True):
                place = span.configuration * self.design.n_runs + r
                yield Task(place, self.design.configs[span.configuration], seed)

    def _rows(self, answers: list[Answer]) -> pl.DataFrame:
        answers.sort(key=lambda answer: answer.place)
        configuration, run = np.divmod([answer.place for answer in answers], self.design.n_runs)
        taken = {*RESERVED, KEY, FAILURE, *self.design.parameters.columns}
        given = dict.fromkeys(name for answer in answers for name in answer.metrics if name not in taken)
        return pl.DataFrame(
            [
                pl.Series("config_idx", configuration, dtype=pl.Int64),
                pl.Series("run_idx", run, dtype=pl.Int64),
                pl.Series("seed", self.design.seeds(configuration, run).astype(np.int64)),
                pl.Series(FAILURE, [answer.error for answer in answers], dtype=pl.String),
                *(
                    pl.Series(name, [answer.metrics.get(name) for answer in answers], dtype=pl.Float64)
                    for name in given
                ),
            ]
        )

    def metrics(self, columns: Sequence[str]) -> list[str]:
        """Which columns of the rows are metrics; the built-in model's come first, whether they are there or not."""
        taken = {*RESERVED, KEY, FAILURE, *self.design.parameters.columns}
        return [name for name in dict.fromkeys([*DEFAULT_METRICS, *columns]) if name not in taken]

    def failures(self, kept: Kept) -> pl.DataFrame:
        """The simulations that failed: config_idx, run_idx, seed, the parameters, error."""
        return pl.concat(
            [
                results_frame(failed, self.design.parameters, []).with_columns(failed[FAILURE].alias("error"))
                for failed in (rows.filter(pl.col(FAILURE).is_not_null()) for rows in kept.windows([FAILURE]))
            ]
        )

    def doubts(self) -> Sequence[Warning]:
        """Nothing: what the parameters mean is known to the class only."""
        return ()

    def warnings(self, kept: Kept) -> list[Warning]:
        """A sentence about the simulations that failed."""
        failures = self.failures(kept)
        if failures.is_empty():
            return []
        first = failures.row(0, named=True)
        return [
            SimulationWarning(
                f"{failures.height} of {len(self.design)} simulations failed; their metrics are null and `failures` "
                f"lists them. The first: config_idx {first['config_idx']}, run_idx {first['run_idx']}, "
                f"seed {first['seed']}, {self.design.configs[first['config_idx']]}: {first['error']}."
            )
        ]


def model_name(model_class: type) -> str:
    """The class with its module, such as "study.Coin"."""
    return f"{model_class.__module__}.{model_class.__qualname__}"
