"""A sweep of the built-in model: chunks of elections through one compiled program."""

import warnings
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import jax
import numpy as np
import polars as pl
from jaxtyping import Int

from esim_jax.chunks import BOUNDS, Chunk, Cutter, Span, fit_bounds, make_cutter, spread
from esim_jax.clusters import cluster_mappings
from esim_jax.config import read_parameter, read_parameters
from esim_jax.election import describe_oddities
from esim_jax.errors import ChunkWarning, InputError, OutcomeWarning, ResultsError
from esim_jax.idle import find_idle_parameters
from esim_jax.memory import memory_of
from esim_jax.metrics.registry import DEFAULT_METRICS, check_metrics
from esim_jax.model.candidates import count_candidates
from esim_jax.model.scenario import options
from esim_jax.parties import fields_in_use, party_mappings
from esim_jax.plan import Plan, make_plan
from esim_jax.results.frames import ballot_frame, parameter_frame
from esim_jax.simulate import Outcome
from esim_jax.sweep.design import Design, make_design
from esim_jax.sweep.identity import model_identity
from esim_jax.sweep.kept import Kept
from esim_jax.sweep.spans import align_runs

_LISTS = ("district_magnitude", "candidates_per_party", "constituency_sizes", "salience")
"""Parameters that are one number, or a list with one number a constituency, a party or a dimension."""


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
        metrics: tuple[str, ...] = DEFAULT_METRICS,
    ) -> None:
        for name in election_kwargs:
            if name in configs[0]:
                raise InputError(f"{name} is both in the sweep and in election_kwargs; give it in one of them.")
        given = [{**config, **election_kwargs} for config in configs]
        read = [*_read_once(given)]
        self._parameters = [read_parameters(config) for config in read]
        # what a file or a query holds may change, and a simulation that is held again has the same voters
        given = [{**g, "voters": r["voters"]} if "voters" in g else g for g, r in zip(given, read, strict=True)]
        for parameters in self._parameters:
            check_metrics(metrics, parameters)
        self._metrics = metrics
        self._common, self._devices = common, devices
        self._cutter = make_cutter(self._parameters, chunk_size, metrics, common)
        frame = parameter_frame(_as_read(given, self._parameters))
        identities = [model_identity(p) for p in self._parameters]
        # rows are kept under other names where their columns are others, and computed again: the numbers are the same
        also = "" if {*metrics} == {*DEFAULT_METRICS} else " ".join(sorted(metrics))
        self.design: Design = make_design(given, frame, identities, seed, n_runs, common, also)
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
        longest = max(n_options, *(count_candidates(n_options, p.voters.candidates) for p in self._cutter.programs))
        bounds = {kind: fit_bounds(kind, longest, memory, platform) for kind in BOUNDS}
        for program in dict.fromkeys(self._cutter.programs[span.configuration] for span in missing):
            cutter = replace(self._cutter, bounds=bounds)
            waiting = [span for span in missing if cutter.programs[span.configuration] == program]
            while waiting:
                largest = cutter.largest(self._chunks(waiting, cutter))
                plan = make_plan(self._parameters, program, self.devices, largest, self._metrics)
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
            yield from cutter.cut_together(together)

    def _group(self, configuration: int) -> tuple[Any, ...]:
        """Configurations of one group have the same electorates under common random numbers."""
        p = self._parameters[configuration]
        sizes = p["n_voters"], p["n_constituencies"], p["size_spread"], p["constituency_sizes"]
        return *sizes, self._cutter.programs[configuration]

    def _collect(self, index: pl.DataFrame, outcome: Outcome) -> pl.DataFrame:
        """The rows of a chunk, once it is computed."""
        n = index.height
        wanted = outcome._replace(constituency_votes=np.zeros(0, np.int64))
        found: Outcome = jax.tree.map(lambda field: field[:n], jax.device_get(wanted))
        widths = self._widths[index["config_idx"].to_numpy()]
        metrics = [pl.Series(name, found.metrics[name]) for name in self._metrics]
        others = [pl.Series(name, getattr(found, name)) for name in ("vacant_seats", "threshold_waived")]
        counts = [_as_lists(name, getattr(found, name), widths) for name in ("votes", "seats")]
        return pl.DataFrame([*index, *metrics, *others, *counts])

    def metrics(self, columns: Sequence[str]) -> list[str]:  # noqa: ARG002 (a class of the user's own looks at them)
        """Which columns of the rows are metrics."""
        return list(self._metrics)

    def failures(self, kept: Kept) -> pl.DataFrame | None:  # noqa: ARG002
        """Nothing: the built-in model does not fail."""
        return None

    def doubts(self) -> Sequence[Warning]:
        """What should be said of the sweep before it runs."""
        return find_idle_parameters(self._parameters)

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


def _as_lists(name: str, counts: Int[np.ndarray, "row place"], widths: Int[np.ndarray, " row"]) -> pl.Series:
    """A column of lists: as many counts of each row as its ballot is wide."""
    longest = int(widths.max(initial=0))
    lists = pl.Series(name, np.ascontiguousarray(counts[:, :longest])).arr.to_list()
    if (widths == longest).all():
        return lists
    return pl.DataFrame([lists, pl.Series("width", widths)]).select(pl.col(name).list.head("width")).to_series()


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


def _read_once(configs: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """The configurations with functions and frames as they were read, for that takes longer than all the rest."""
    found: dict[tuple[str, Any], Any] = {}
    for config in configs:
        read = {}
        for name in ("behaviour", "voters"):
            if name in config:
                key = name, config[name] if isinstance(config[name], str) else id(config[name])
                if key not in found:
                    found[key] = read_parameter(name, config[name])
                read[name] = found[key]
        yield {**config, **read}


def _as_read(configs: Sequence[Mapping[str, Any]], parameters: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The parameters that were given, as the model read them; lists have one form in all configurations."""
    told = fields_in_use(party for p in parameters for party in p["parties"])
    lists = {name for name in _LISTS if any(isinstance(p[name], tuple) for p in parameters)}

    def one(name: str, value: Any) -> Any:
        if name == "parties":
            return party_mappings(value, told)
        if name == "clusters":
            return cluster_mappings(value)
        if name in lists:
            return list(value) if isinstance(value, tuple) else [value]
        if name == "voters":
            return None if value is None else str(value)
        return str(value) if name == "behaviour" else value

    return [{name: one(name, p[name]) for name in config} for config, p in zip(configs, parameters, strict=True)]
