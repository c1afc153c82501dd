"""The plan: how the simulations of a sweep, or a single election, fall into chunks of the compiled program."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from esim_jax.model.scenario import Scenario, options, seed_scenarios, stack_scenarios
from esim_jax.rows import Capacity, capacity_for, count_rows, tabulate_rows
from esim_jax.simulate import Outcome, block_rows, simulate
from esim_jax.systems import System, find_system

CHUNK_SIMULATIONS = 1024
CHUNK_CONSTITUENCIES = 2**16
CHUNK_ROWS = 2**17
"""Bounds on a chunk, 16.8 million voters: a fraction of a second, and some megabytes whatever the size of the sweep.
A simulation that is larger than a chunk is a chunk of its own."""


@dataclass(frozen=True)
class Plan:
    """The simulations of a sweep, cut into chunks that all fit one compiled program.

    Attributes:
        parameters: full parameter sets, one a configuration.
        configuration: each simulation's configuration.
        seeds: uint64; each simulation's seed.
        scenarios: stacked over configurations.
        systems: those in use.
        capacity: of every chunk.
        chunks: each chunk's simulations.
    """

    parameters: Sequence[Mapping[str, Any]]
    configuration: np.ndarray
    seeds: np.ndarray
    scenarios: Scenario
    systems: tuple[System, ...]
    capacity: Capacity
    chunks: tuple[slice, ...]

    def simulate(self, chunk: slice, devices: Sequence[jax.Device]) -> Outcome:
        """The outcome of one chunk, with the chunk's capacity; still being computed when this returns."""
        configuration = self.configuration[chunk]
        scenarios = seed_scenarios(self.scenarios, configuration, self.seeds[chunk], self.capacity.simulations)
        size = self.scenarios.n_voters[configuration], self.scenarios.n_seats[configuration]
        return simulate(scenarios, tabulate_rows(*size, self.capacity), self.systems, devices)


def make_plan(
    parameters: Sequence[Mapping[str, Any]],
    configuration: np.ndarray,
    seeds: np.ndarray,
    devices: Sequence[jax.Device],
    chunk_size: int | None = None,
) -> Plan:
    """The plan of some simulations.

    Args:
        parameters: full parameter sets, as `esim_jax.config.read_parameters` returns them; one a configuration.
        configuration: each simulation's place among them.
        seeds: uint64; each simulation's seed.
        devices: on which it will run.
        chunk_size: simulations a chunk; by default as many as the bounds above allow.
    """
    found = [find_system(p) for p in parameters]
    systems = tuple(dict.fromkeys(found))
    constituencies = np.array([p["n_constituencies"] for p in parameters])[configuration]
    rows = np.array([count_rows(p["n_voters"], p["n_constituencies"]) for p in parameters])[configuration]
    chunks = tuple(_cut(constituencies, rows, chunk_size))
    capacity = capacity_for(
        max(chunk.stop - chunk.start for chunk in chunks),
        max(int(constituencies[chunk].sum()) for chunk in chunks),
        max(int(rows[chunk].sum()) for chunk in chunks),
        block_rows(devices),
    )
    n_options = max(len(options(p)) for p in parameters)
    scenarios = stack_scenarios(parameters, [systems.index(system) for system in found], n_options)
    return Plan(parameters, configuration, seeds, scenarios, systems, capacity, chunks)


def _cut(constituencies: np.ndarray, rows: np.ndarray, chunk_size: int | None) -> Iterator[slice]:
    """Slices of consecutive simulations that stay within the bounds."""
    n = len(rows)
    if chunk_size is not None:
        yield from (slice(start, min(start + chunk_size, n)) for start in range(0, n, chunk_size))
        return
    all_constituencies, all_rows = np.cumsum(constituencies), np.cumsum(rows)
    start = 0
    while start < n:
        before = (all_constituencies[start - 1], all_rows[start - 1]) if start else (0, 0)
        fits = (
            np.searchsorted(all_constituencies, before[0] + CHUNK_CONSTITUENCIES, side="right"),
            np.searchsorted(all_rows, before[1] + CHUNK_ROWS, side="right"),
            start + CHUNK_SIMULATIONS,
            n,
        )
        stop = max(int(min(fits)), start + 1)
        yield slice(start, stop)
        start = stop
