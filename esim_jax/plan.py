"""The plan: the configurations of a sweep, or of a single election, as the compiled programs read them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import jax
import numpy as np
from jaxtyping import Int, UInt

from esim_jax.chunks import Load
from esim_jax.compilation import keep_compiled_programs
from esim_jax.laws import Laws
from esim_jax.model.scenario import Scenario, options, seed_scenarios, stack_scenarios
from esim_jax.rows import Capacity, capacity_for, tabulate_constituencies, tabulate_rows
from esim_jax.simulate import Outcome, simulate_law, simulate_voters
from esim_jax.systems import System, find_system
from esim_jax.tally import BLOCK_ROWS


@dataclass(frozen=True)
class Plan:
    """The configurations of a sweep for one engine, with one capacity for all chunks, so that one program serves them.

    Attributes:
        scenarios: stacked over configurations.
        systems: those in use.
        capacity: of every chunk.
        devices: on which it runs.
        laws: of the configurations; None where every voter is drawn.
        engine: one of `esim_jax.config.ENGINES`.
        turns: the devices over and over: who holds the next chunk, where a chunk is not shared out among them.
    """

    scenarios: Scenario
    systems: tuple[System, ...]
    capacity: Capacity
    devices: tuple[jax.Device, ...]
    laws: Laws | None
    engine: str
    turns: Iterator[jax.Device]

    @property
    def chunks_at_once(self) -> int:
        """How many chunks the devices work at: one together, or one each."""
        return 1 if self.laws is None else len(self.devices)

    def simulate(
        self, configuration: Int[np.ndarray, " simulation"], seeds: UInt[np.ndarray, " simulation"]
    ) -> Outcome:
        """The outcome of one chunk, with the chunk's capacity; still being computed when this returns.

        Args:
            configuration: each simulation's place among the configurations.
            seeds: uint64; each simulation's seed.
        """
        scenarios = seed_scenarios(self.scenarios, configuration, seeds, self.capacity.simulations)
        size = self.scenarios.n_voters[configuration], self.scenarios.n_seats[configuration]
        constituencies = tabulate_constituencies(*size, self.capacity)
        if self.laws is not None:
            law, place = self.laws.of(configuration, self.capacity.simulations)
            device = next(self.turns)
            return simulate_law(self.engine, scenarios, constituencies, law, place, self.systems, device)
        rows = tabulate_rows(seeds, *size, self.capacity)
        return simulate_voters(scenarios, constituencies, rows, self.systems, self.devices)


def make_plan(
    parameters: Sequence[Mapping[str, Any]], engine: str, devices: Sequence[jax.Device], largest: Load
) -> Plan:
    """The plan of some configurations.

    Args:
        parameters: full parameter sets, as `esim_jax.config.read_parameters` returns them; one a configuration.
        engine: which of them it will be asked for: those with this engine.
        devices: on which it will run.
        largest: a load that no chunk exceeds; see `esim_jax.chunks.Cutter.largest`.
    """
    keep_compiled_programs()
    found = [find_system(p) for p in parameters]
    systems = tuple(dict.fromkeys(found))
    n_options = max(len(options(p)) for p in parameters)
    scenarios = stack_scenarios(parameters, [systems.index(system) for system in found], n_options)
    laws = None if engine == "voters" else Laws(scenarios)
    capacity = capacity_for(*largest, BLOCK_ROWS[devices[0].platform][0])
    return Plan(scenarios, systems, capacity, tuple(devices), laws, engine, cycle(devices))
