"""The plan: the configurations of a sweep, or of a single election, as the compiled programs read them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import jax
import numpy as np
from jaxtyping import Int, UInt

from esim_jax.chunks import Load, Program, number_electorates, program_for
from esim_jax.compilation import keep_compiled_programs
from esim_jax.electors import tabulate_voters
from esim_jax.laws import Laws
from esim_jax.metrics.registry import DEFAULT_METRICS
from esim_jax.model.frame import VoterTable
from esim_jax.model.scenario import Scenario, options, seed_scenarios, stack_scenarios
from esim_jax.poll import Polls, find_polls
from esim_jax.rows import (
    Capacity,
    Magnitudes,
    Sizes,
    capacity_for,
    tabulate_constituencies,
    tabulate_magnitudes,
    tabulate_rows,
    tabulate_sizes,
)
from esim_jax.simulate import Outcome, put_everywhere, simulate_law, simulate_voters
from esim_jax.sizes import unequal_sizes
from esim_jax.systems import System, find_system
from esim_jax.tally import BLOCK_ROWS


@dataclass(frozen=True)
class Plan:
    """The configurations of a sweep for one program, with one capacity for all chunks, so that one program serves them.

    Attributes:
        scenarios: stacked over configurations.
        systems: those in use.
        capacity: of every chunk.
        poll_capacity: of its polls, see `esim_jax.poll.Polls`.
        devices: on which it runs.
        laws: of the configurations; None where every voter is drawn.
        program: see `esim_jax.chunks.program_for`.
        turns: the devices over and over: who holds the next chunk, where a chunk is not shared out among them.
        magnitudes: seats of each configuration's constituencies.
        sizes: their voters.
        electorates: of each configuration, see `esim_jax.chunks.number_electorates`.
        metrics: names of those to compute.
        table: of the program's electors, on the devices; None where voters are drawn.
    """

    scenarios: Scenario
    systems: tuple[System, ...]
    capacity: Capacity
    poll_capacity: Capacity
    devices: tuple[jax.Device, ...]
    laws: Laws | None
    program: Program
    turns: Iterator[jax.Device]
    magnitudes: Magnitudes
    sizes: Sizes
    electorates: Int[np.ndarray, " configuration"]
    metrics: tuple[str, ...] = DEFAULT_METRICS
    table: VoterTable | None = None

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
        size = self.scenarios.n_voters[configuration], self.scenarios.n_constituencies[configuration]
        magnitudes, sizes = self.magnitudes.of(configuration), self.sizes.of(configuration)
        constituencies = tabulate_constituencies(*size, self.capacity, magnitudes, sizes)
        if self.laws is not None:
            law, place = self.laws.of(configuration, self.capacity.simulations)
            device = next(self.turns)
            engine = self.program.engine
            return simulate_law(engine, scenarios, constituencies, law, place, self.systems, device, self.metrics)
        first, poll = find_polls(self.electorates[configuration], seeds)
        asked, capacity = configuration[first], self.poll_capacity
        size = self.scenarios.n_voters[asked], self.scenarios.n_constituencies[asked]
        sizes = self.sizes.of(asked)
        polls = Polls(
            seed_scenarios(self.scenarios, asked, seeds[first], capacity.simulations),
            tabulate_constituencies(*size, capacity, self.magnitudes.of(asked), sizes),
            poll[np.minimum(np.arange(self.capacity.simulations), len(poll) - 1)].astype(np.int32),
        )
        ranked = self.program.ranked
        electorates = np.arange(len(first), dtype=np.uint64) if ranked else seeds[first]  # one poll keeps a ballot
        rows = tabulate_rows(electorates, *size, capacity, sizes)._replace(table=self.table)
        return simulate_voters(
            scenarios, constituencies, rows, self.systems, self.devices, self.program.voters, self.metrics, polls
        )


def make_plan(
    parameters: Sequence[Mapping[str, Any]],
    program: Program,
    devices: Sequence[jax.Device],
    largest: Load,
    metrics: tuple[str, ...] = DEFAULT_METRICS,
) -> Plan:
    """The plan of some configurations.

    Args:
        parameters: full parameter sets, as `esim_jax.config.read_parameters` returns them; one a configuration.
        program: which of them it will be asked for: those that it holds.
        devices: on which it will run.
        largest: a load that no chunk exceeds; see `esim_jax.chunks.Cutter.largest`.
        metrics: names of those to compute.
    """
    keep_compiled_programs()
    found = [find_system(p) for p in parameters]
    systems = tuple(
        dict.fromkeys(s for s, p in zip(found, parameters, strict=True) if program_for(p, metrics) == program)
    )
    places = [systems.index(system) if system in systems else 0 for system in found]
    n_options = max(len(options(p)) for p in parameters)
    scenarios = stack_scenarios(parameters, places, n_options, program.voters)
    ranked = np.array([program.ranked and program_for(p, metrics) == program for p in parameters])
    laws = None if program.engine == "voters" else Laws(scenarios, ranked)
    block_rows = BLOCK_ROWS[devices[0].platform][0]
    capacity = capacity_for(largest.simulations, largest.constituencies, largest.rows, block_rows)
    poll_capacity = capacity_for(largest.polls, largest.polled, largest.rows, block_rows)
    magnitudes = tabulate_magnitudes([p["district_magnitude"] for p in parameters])
    sizes = tabulate_sizes([unequal_sizes(p) for p in parameters])
    electorates = np.array(number_electorates(parameters))
    devices = tuple(devices)
    table = put_everywhere(tabulate_voters(program.electors), devices) if program.electors else None
    return Plan(
        scenarios, systems, capacity, poll_capacity, devices, laws, program, cycle(devices), magnitudes, sizes,
        electorates, metrics, table,
    )  # fmt: skip
