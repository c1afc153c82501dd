"""A sweep of the built-in model: chunks of elections through one compiled program."""

import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import jax
import numpy as np
import polars as pl

from esim_jax.chunks import BOUNDS, Chunk, Cutter, Span, fit_bounds, make_cutter, spread
from esim_jax.config import read_parameters
from esim_jax.election import describe_oddities
from esim_jax.errors import ChunkWarning, InputError, OutcomeWarning, ResultsError
from esim_jax.memory import memory_of
from esim_jax.model.scenario import options
from esim_jax.parties import party_mappings
from esim_jax.plan import Plan, make_plan
from esim_jax.results.frames import METRICS, ballot_frame, parameter_frame
from esim_jax.simulate import Outcome
from esim_jax.sweep.design import Design, make_design
from esim_jax.sweep.identity import model_identity
from esim_jax.sweep.kept import Kept
from esim_jax.sweep.spans import align_runs


class CompiledSweep:
    """The configurations of a sweep as the built-in model reads them; election_kwargs hold for all of them.

    Attributes:
        design: the simulations.
        devices: on which they run.
        ballots: what stands on each configuration's ballot.
    """

    def __init__(
        self,
        configs: Sequence[Mapping[str, Any]],
        election_kwargs: Mapping[str, Any],
        seed: int,
        n_runs: int,
        common: bool,
        chunk_size: int | None,
        devices: Sequence[jax.Device] | None,
    ) -> None:
        for name in election_kwargs:
            if name in configs[0]:
                raise InputError(f"{name} is both in the sweep and in election_kwargs; give it in one of them.")
        given = [{**config, **election_kwargs} for config in configs]
        self._parameters = [read_parameters(config) for config in given]
        self._common, self._devices = common, devices
        self._cutter = make_cutter(self._parameters, chunk_size)
        frame = parameter_frame([_as_read(config, p) for config, p in zip(given, self._parameters, strict=True)])
        identities = [model_identity(p) for p in self._parameters]
        self.design: Design = make_design(given, frame, identities, seed, n_runs, common)
        self._widths = np.array([len(options(p)) for p in self._parameters])

    @property
    def devices(self) -> tuple[jax.Device, ...]:
        """The devices on which it runs."""
        return tuple(self._devices) if self._devices else tuple(jax.local_devices())

    @property
    def ballots(self) -> pl.DataFrame:
        """What stands on each configuration's ballot: config_idx and party, a list."""
        return ballot_frame([[option.name for option in options(p)] for p in self._parameters])

    def compute(self, missing: Sequence[Span]) -> Iterator[pl.DataFrame]:
        """Holds these elections, on all devices, and gives the rows of one finished chunk after the other.

        Their columns are config_idx, run_idx, seed, the metrics, vacant_seats, threshold_waived, votes and seats.
        """
        platform, memory = self.devices[0].platform, memory_of(self.devices[0])
        n_options = int(self._widths.max())
        bounds = {engine: fit_bounds(engine, n_options, memory, platform) for engine in BOUNDS}
        for engine in sorted({self._cutter.engines[span.configuration] for span in missing}):
            cutter = replace(self._cutter, bounds=bounds)
            waiting = [span for span in missing if cutter.engines[span.configuration] == engine]
            while waiting:
                plan = make_plan(self._parameters, engine, self.devices, cutter.largest(self._chunks(waiting, cutter)))
                chunks = self._chunks(waiting, cutter)
                try:
                    yield from self._hold(plan, chunks)
                    waiting = []
                except _OutOfMemoryError as error:
                    unfinished = [*error.chunks, *chunks]
                    cutter = _halve(cutter, cutter.largest(error.chunks).simulations)
                    waiting = sorted(span for chunk in unfinished for span in chunk)

    def _hold(self, plan: Plan, chunks: Iterable[Chunk]) -> Iterator[pl.DataFrame]:
        """The rows of each chunk; the next ones are computed while one is read."""
        computing: deque[tuple[Chunk, pl.DataFrame, Outcome]] = deque()
        current: Chunk = ()
        try:
            for chunk in chunks:
                current = chunk
                configuration, run = spread(chunk)
                seeds = self.design.seeds(configuration, run)
                index = pl.DataFrame(
                    [
                        pl.Series("config_idx", configuration, dtype=pl.Int64),
                        pl.Series("run_idx", run, dtype=pl.Int64),
                        pl.Series("seed", seeds.astype(np.int64)),
                    ]
                )
                computing.append((chunk, index, plan.simulate(configuration, seeds)))
                current = ()
                if len(computing) > plan.chunks_at_once:
                    rows = self._collect(*computing[0][1:])
                    computing.popleft()
                    yield rows
            while computing:
                rows = self._collect(*computing[0][1:])
                computing.popleft()
                yield rows
        except jax.errors.JaxRuntimeError as error:
            if "RESOURCE_EXHAUSTED" not in str(error):
                raise
            raise _OutOfMemoryError([*(chunk for chunk, *_ in computing), *([current] if current else [])]) from error

    def _chunks(self, missing: Sequence[Span], cutter: Cutter) -> Iterator[Chunk]:
        if not self._common:
            yield from cutter.cut(missing)
            return
        for together in align_runs(missing, self._group, cutter.runs_together):
            yield from cutter.cut(together)

    def _group(self, configuration: int) -> tuple[Any, ...]:
        """Configurations of one group have the same electorates under common random numbers."""
        p = self._parameters[configuration]
        return p["n_voters"], p["n_constituencies"], self._cutter.engines[configuration]

    def _collect(self, index: pl.DataFrame, outcome: Outcome) -> pl.DataFrame:
        """The rows of a chunk, once it is computed."""
        n = index.height
        wanted = outcome._replace(constituency_votes=np.zeros(0, np.int64))
        found = Outcome(*(field[:n] for field in jax.device_get(wanted)))
        widths = pl.Series("width", self._widths[index["config_idx"].to_numpy()])
        per_simulation = [
            pl.Series(name, getattr(found, name)) for name in (*METRICS, "vacant_seats", "threshold_waived")
        ]
        lists = [pl.Series(name, getattr(found, name)) for name in ("votes", "seats")]
        return pl.DataFrame([*index, *per_simulation, *lists, widths]).select(
            pl.exclude("votes", "seats", "width"), pl.col("votes", "seats").arr.to_list().list.head(pl.col("width"))
        )

    def metrics(self, columns: Sequence[str]) -> list[str]:  # noqa: ARG002 (a class of the user's own looks at them)
        """Which columns of the rows are metrics."""
        return list(METRICS)

    def failures(self, kept: Kept) -> pl.DataFrame | None:  # noqa: ARG002
        """Nothing: the built-in model does not fail."""
        return None

    def warnings(self, kept: Kept) -> list[Warning]:
        """Sentences about rare outcomes among the rows: how many there are, and the first."""
        vacant, waived, vacant_seats = _Affected(), _Affected(), 0
        for rows in kept.windows(["vacant_seats", "threshold_waived"]):
            vacant_seats += int(rows["vacant_seats"].sum())
            vacant.see(rows, rows["vacant_seats"] > 0)
            waived.see(rows, rows["threshold_waived"])
        found = ((vacant, describe_oddities(vacant_seats, False)), (waived, describe_oddities(0, True)))
        return [
            OutcomeWarning(f"{affected.n} of {affected.of} simulations, the first being {affected.first}: {sentence}")
            for affected, sentences in found
            for sentence in sentences
            if affected.n
        ]


class _OutOfMemoryError(Exception):
    """The device had no memory for one of these chunks, none of which is finished."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self.chunks = chunks


def _halve(cutter: Cutter, simulations: int) -> Cutter:
    """The cutter for chunks of half as many simulations, which it says."""
    if simulations == 1:
        raise ResultsError(
            "The device has not the memory for one simulation: use fewer constituencies or parties, or another device."
        )
    warnings.warn(
        f"The device ran out of memory with {simulations} simulations a chunk; going on with {simulations // 2}.",
        ChunkWarning,
        stacklevel=2,
    )
    return replace(cutter, chunk_size=simulations // 2)


class _Affected:
    """Counts simulations, and remembers the first."""

    def __init__(self) -> None:
        self.n, self.of, self.first = 0, 0, ""

    def see(self, rows: pl.DataFrame, affected: pl.Series) -> None:
        if not self.n and affected.any():
            configuration, run = rows.filter(affected).select("config_idx", "run_idx").row(0)
            self.first = f"config_idx {configuration}, run_idx {run}"
        self.n, self.of = self.n + int(affected.sum()), self.of + rows.height


def _as_read(config: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that were given, as the model read them."""
    return {name: party_mappings(parameters[name]) if name == "parties" else parameters[name] for name in config}
