"""A sweep of a class of the user's own: simulations in a pool of processes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from esim_jax.errors import SimulationWarning
from esim_jax.results.frames import METRICS, parameter_frame, results_frame
from esim_jax.sweep.design import RESERVED, Design, Findings, make_design
from esim_jax.sweep.identity import config_identity
from esim_jax.sweep.pool import Answer, Task, run_tasks
from esim_jax.sweep.progress import Progress


class OwnModelSweep:
    """The configurations of a sweep, handed to the user's class as they are."""

    def __init__(
        self,
        model_class: type,
        configs: Sequence[Mapping[str, Any]],
        election_kwargs: Mapping[str, Any],
        seed: int,
        n_runs: int,
        n_jobs: int,
    ) -> None:
        self._model_class, self._election_kwargs, self._n_jobs = model_class, election_kwargs, n_jobs
        identities = [config_identity(config) for config in configs]
        self.design: Design = make_design(configs, parameter_frame(configs), identities, seed, n_runs)

    def run(self, progress: Progress) -> Findings:
        """Runs all simulations; those that fail lose nothing of the others."""
        design = self.design
        tasks = [
            Task(place, design.configs[configuration], int(seed))
            for place, (configuration, seed) in enumerate(zip(design.configuration, design.seeds, strict=True))
        ]
        by_place: dict[int, Answer] = {}
        for answer in run_tasks(self._model_class, tasks, self._election_kwargs, self._n_jobs):
            by_place[answer.place] = answer
            progress(1)
        answers = [by_place[place] for place in range(len(tasks))]
        taken = {*RESERVED, *design.parameters.columns}
        given = dict.fromkeys([*METRICS, *(name for answer in answers for name in answer.metrics)])
        failures = _failures(design, answers)
        return Findings(
            metrics={name: [answer.metrics.get(name) for answer in answers] for name in given if name not in taken},
            parties=None,
            failures=failures,
            warnings=_warnings(design, failures),
        )


def _failures(design: Design, answers: Sequence[Answer]) -> pl.DataFrame:
    failed = [answer for answer in answers if answer.error is not None]
    places = np.array([answer.place for answer in failed], int)
    return results_frame(
        design.parameters, design.configuration[places], design.run[places], design.seeds[places], {}
    ).with_columns(pl.Series("error", [answer.error for answer in failed], dtype=pl.String))


def _warnings(design: Design, failures: pl.DataFrame) -> list[Warning]:
    if failures.is_empty():
        return []
    first = failures.row(0, named=True)
    return [
        SimulationWarning(
            f"{failures.height} of {len(design.seeds)} simulations failed; their metrics are null and `failures` lists "
            f"them. The first: config_idx {first['config_idx']}, run_idx {first['run_idx']}, seed {first['seed']}, "
            f"{design.configs[first['config_idx']]}: {first['error']}."
        )
    ]
