"""A sweep of the built-in model: chunks of elections through one compiled program."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
import polars as pl

from esim_jax.config import read_parameters
from esim_jax.election import describe_oddities
from esim_jax.errors import InputError, OutcomeWarning
from esim_jax.model.scenario import options
from esim_jax.parties import party_mappings
from esim_jax.plan import make_plan
from esim_jax.results.frames import METRICS, parameter_frame, party_frame
from esim_jax.simulate import Outcome
from esim_jax.sweep.design import Design, Findings, make_design
from esim_jax.sweep.identity import model_identity
from esim_jax.sweep.progress import Progress

_IN_FLIGHT = 2  # chunks: one is computed while the one before is read


class CompiledSweep:
    """The configurations of a sweep as the built-in model reads them; election_kwargs hold for all of them."""

    def __init__(
        self,
        configs: Sequence[Mapping[str, Any]],
        election_kwargs: Mapping[str, Any],
        seed: int,
        n_runs: int,
        chunk_size: int | None,
        devices: Sequence[jax.Device] | None,
    ) -> None:
        for name in election_kwargs:
            if name in configs[0]:
                raise InputError(f"{name} is both in the sweep and in election_kwargs; give it in one of them.")
        given = [{**config, **election_kwargs} for config in configs]
        self._parameters = [read_parameters(config) for config in given]
        self._chunk_size, self._devices = chunk_size, devices
        frame = parameter_frame([_as_read(config, p) for config, p in zip(given, self._parameters, strict=True)])
        self.design: Design = make_design(given, frame, [model_identity(p) for p in self._parameters], seed, n_runs)

    def run(self, progress: Progress) -> Findings:
        """Holds all elections, on all devices."""
        devices = tuple(self._devices) if self._devices else tuple(jax.local_devices())
        plan = make_plan(self._parameters, self.design.configuration, self.design.seeds, devices, self._chunk_size)
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
        return Findings(
            metrics={name: getattr(whole, name) for name in METRICS},
            parties=self._party_frame(whole),
            failures=None,
            warnings=_oddities(self.design, whole),
        )

    def _party_frame(self, whole: Outcome) -> pl.DataFrame:
        names = [[option.name for option in options(p)] for p in self._parameters]
        votes, seats = np.asarray(whole.votes), np.asarray(whole.seats)
        return party_frame(self.design.configuration, self.design.run, names, votes, seats)


def _as_read(config: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that were given, as the model read them."""
    return {name: party_mappings(parameters[name]) if name == "parties" else parameters[name] for name in config}


def _oddities(design: Design, whole: Outcome) -> list[Warning]:
    vacant, waived = np.asarray(whole.vacant_seats) > 0, np.asarray(whole.threshold_waived)
    found: list[Warning] = []
    for affected, sentences in (
        (vacant, describe_oddities(int(np.asarray(whole.vacant_seats).sum()), False)),
        (waived, describe_oddities(0, True)),
    ):
        if affected.any():
            first = int(np.argmax(affected))
            where = f"config_idx {design.configuration[first]}, run_idx {design.run[first]}"
            found.append(
                OutcomeWarning(
                    f"{int(affected.sum())} of {len(affected)} simulations, the first being {where}: {sentences[0]}"
                )
            )
    return found
