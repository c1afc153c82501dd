"""The compiled programs: a chunk of elections from its scenarios to its tallies, one program an engine, and from the
tallies to the outcome, one program for all.
"""

from collections.abc import Sequence
from functools import lru_cache, partial
from threading import Thread
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Bool, Float, Int

from esim_jax.limit import ELECTORATE, expected_tallies
from esim_jax.metrics import effective_number_of_parties, gallagher_index
from esim_jax.model.law import CellLaw
from esim_jax.model.scenario import Scenario
from esim_jax.multinomial import draw_tallies
from esim_jax.random import LOT_DRAWS, random_words
from esim_jax.rows import Constituencies, Rows
from esim_jax.systems import RULES, Contest, System, passes_threshold
from esim_jax.tally import members_at_once, rows_at_once, tally_rows

NATION = np.uint32(0xFFFF_FFFF)
"""Index that draws the lots of a nationwide contest; constituencies draw with their own number."""


class Outcome(NamedTuple):
    """What a chunk of elections comes to. Counts are int64, metrics float64."""

    votes: Int[Any, "simulation party"]
    seats: Int[Any, "simulation party"]
    turnout: Float[Any, " simulation"]  # 0..1
    gallagher: Float[Any, " simulation"]  # 0..100
    enp_votes: Float[Any, " simulation"]  # at least 1; 0 without votes
    enp_seats: Float[Any, " simulation"]  # at least 1; 0 without seats
    vse: Float[Any, " simulation"]  # at most 1
    vacant_seats: Int[Any, " simulation"]  # seats for which nobody voted
    threshold_waived: Bool[Any, " simulation"]  # no party reached the threshold, so it was not applied
    constituency_votes: Int[Any, "constituency party"]


def simulate_voters(
    scenarios: Scenario,
    constituencies: Constituencies,
    rows: Rows,
    systems: tuple[System, ...],
    devices: Sequence[jax.Device],
) -> Outcome:
    """Holds all elections of a chunk, voter by voter; returns at once, with arrays that are still being computed.

    Args:
        scenarios: stacked over the chunk's simulations, NumPy arrays.
        constituencies: of all simulations.
        rows: the chunk's row table; surplus rows lie in an empty constituency.
        systems: those in use; a scenario's `system` points into it.
        devices: over which the rows are shared out. Their number does not change the outcome.
    """
    at_once = members_at_once(int(rows.most_members), scenarios.weight.shape[-1])
    mesh = _mesh(tuple(devices))
    block_rows = rows_at_once(devices[0].platform, len(rows.place), len(devices), at_once)
    decide_compiled = _compile_beside(scenarios, constituencies, systems, mesh)
    with jax.enable_x64(True):  # 64-bit integers for counts, double precision for metrics; voters stay in 32 bits
        tally = _tally_voters(scenarios, constituencies, rows, mesh, block_rows, at_once)
        decide_compiled.join()
        return _decide(scenarios, constituencies, systems, *tally)


def simulate_law(
    engine: str,
    scenarios: Scenario,
    constituencies: Constituencies,
    law: CellLaw,
    place: Int[Any, " simulation"],
    systems: tuple[System, ...],
    device: jax.Device,
) -> Outcome:
    """Holds all elections of a chunk from the law of a voter; returns like `simulate_voters`.

    Args:
        engine: "multinomial" or "limit".
        scenarios: stacked over the chunk's simulations, NumPy arrays.
        constituencies: of all simulations.
        law: stacked over configurations.
        place: of each simulation's law.
        systems: those in use; a scenario's `system` points into it.
        device: which computes it. It does not change the outcome.
    """
    with jax.enable_x64(True):
        scenarios, constituencies, law, place = jax.device_put((scenarios, constituencies, law, place), device)
        tally = _tally_law(engine, scenarios, constituencies, law, place)
        if engine == "limit":
            scenarios = scenarios._replace(n_voters=np.full(place.shape, ELECTORATE))
        return _decide(scenarios, constituencies, systems, *tally)


@lru_cache
def _mesh(devices: tuple[jax.Device, ...]) -> Mesh:
    return Mesh(np.array(devices), ("device",))


_compiling: dict[tuple[Any, ...], Thread] = {}


def _compile_beside(
    scenarios: Scenario, constituencies: Constituencies, systems: tuple[System, ...], mesh: Mesh
) -> Thread:
    """Compiles `_decide` for such a chunk in a thread, once, while the caller compiles the tally on another core."""
    n_simulations, n_parties = scenarios.weight.shape
    n_constituencies = len(constituencies.number)

    def decide_nothing() -> None:
        with jax.enable_x64(True):
            shapes = (n_constituencies, n_parties), (n_simulations, n_parties)
            empty = jax.device_put([np.zeros(s, np.int64) for s in shapes], NamedSharding(mesh, PartitionSpec()))
            _decide(scenarios, constituencies, systems, *empty)

    key = n_simulations, n_constituencies, n_parties, systems, mesh
    if key not in _compiling:
        _compiling[key] = Thread(target=decide_nothing)
        _compiling[key].start()
    return _compiling[key]


# widest vectors: measured 1.0 to 1.3 times as fast as the compiler's default of 256 bits (benchmarks/)
@partial(jax.jit, static_argnums=(3, 4, 5), compiler_options={"xla_cpu_prefer_vector_width": 512})
def _tally_voters(
    scenarios: Scenario, constituencies: Constituencies, rows: Rows, mesh: Mesh, block_rows: int, at_once: int
) -> tuple[Int[Array, "constituency party"], Int[Array, "simulation party"]]:
    def tally_share(scenarios: Scenario, constituencies: Constituencies, rows: Rows) -> tuple[Array, Array]:
        first = lax.axis_index("device").astype(jnp.int32)
        tally = tally_rows(scenarios, constituencies, rows, block_rows, at_once, first, mesh.size)
        return lax.psum(tally, "device")

    everywhere = PartitionSpec()
    return jax.shard_map(tally_share, mesh=mesh, in_specs=(everywhere,) * 3, out_specs=everywhere, check_vma=False)(
        scenarios, constituencies, rows
    )


@partial(jax.jit, static_argnums=0)
def _tally_law(
    engine: str, scenarios: Scenario, constituencies: Constituencies, law: CellLaw, place: Int[Array, " simulation"]
) -> tuple[Int[Array, "constituency party"], Int[Array, "simulation party"]]:
    draw = draw_tallies if engine == "multinomial" else expected_tallies
    where = constituencies.simulation, constituencies.number, constituencies.n_voters
    return draw(scenarios, *where, law, place)


@partial(jax.jit, static_argnums=2)
def _decide(
    scenarios: Scenario,
    constituencies: Constituencies,
    systems: tuple[System, ...],
    constituency_votes: Int[Array, "constituency party"],
    welfare: Int[Array, "simulation party"],
) -> Outcome:
    """The outcome of elections whose votes are counted.

    Every system in use is applied to every simulation, and each simulation keeps its own: seats cost little.
    """
    n_simulations = scenarios.weight.shape[0]
    votes = jax.ops.segment_sum(constituency_votes, constituencies.simulation, n_simulations)
    passing = jax.vmap(passes_threshold)(votes, scenarios.threshold) & scenarios.eligible
    waived = ~(passing & (votes > 0)).any(axis=-1) & (votes * scenarios.eligible > 0).any(axis=-1)
    national = jnp.where(waived[:, None], scenarios.eligible, passing)

    seats = jnp.zeros_like(votes)
    uses_threshold = jnp.zeros(n_simulations, bool)
    for index, system in enumerate(systems):
        rule = jax.vmap(RULES[system.rule])
        mine = scenarios.system == index
        if system.level == "constituency":
            where = constituencies.simulation
            local = constituency_votes * scenarios.eligible[where]
            one = jnp.ones(local.shape[0], jnp.int64)
            won = jax.ops.segment_sum(
                rule(Contest(local, one, _lots(scenarios, where, constituencies.number))), where, n_simulations
            )
        else:
            nation = jnp.arange(n_simulations)
            lots = _lots(scenarios, nation, jnp.full(n_simulations, NATION))
            won = rule(Contest(votes * national, scenarios.n_seats.astype(jnp.int64), lots))
            uses_threshold = uses_threshold | mine
        seats = jnp.where(mine[:, None], won, seats)

    return Outcome(
        votes=votes,
        seats=seats,
        turnout=votes.sum(axis=-1) / scenarios.n_voters.astype(jnp.float64),
        gallagher=gallagher_index(votes, seats),
        enp_votes=effective_number_of_parties(votes),
        enp_seats=effective_number_of_parties(seats),
        vse=_efficiency(welfare, seats, scenarios.eligible),
        vacant_seats=scenarios.n_seats - seats.sum(axis=-1),
        threshold_waived=waived & uses_threshold,
        constituency_votes=constituency_votes,
    )


def _lots(scenarios: Scenario, simulation: Int[Array, " contest"], index: Array) -> Array:
    """A random number for each party of each contest."""
    key = (scenarios.key_high[simulation][:, None], scenarios.key_low[simulation][:, None])
    party = jnp.arange(scenarios.weight.shape[1], dtype=jnp.uint32)
    return random_words(key, index[:, None].astype(jnp.uint32), LOT_DRAWS + party[None, :])[0]


def _efficiency(
    welfare: Int[Array, "simulation party"],
    seats: Int[Array, "simulation party"],
    eligible: Bool[Array, "simulation party"],
) -> Float[Array, " simulation"]:
    """Voter satisfaction efficiency from integers, as `esim_jax.metrics.voter_satisfaction_efficiency` defines it.

    The gain over a party drawn at random is kept to 40 bits, so that the sum over seats is an integer too. One division
    then rounds once: a compiler that reorders floating-point operations can't change the result. (The metric's own
    function, traced here, let a row replay with another last bit on JAX 0.10 and 0.12 alike, barriers or not.)
    """
    n_eligible = eligible.sum(axis=-1, keepdims=True)
    total = jnp.where(eligible, welfare, 0).sum(axis=-1, keepdims=True)
    gain = jnp.where(eligible, n_eligible * welfare - total, 0)
    surplus_bits = 24 - lax.clz(jnp.abs(gain).max(axis=-1, keepdims=True))  # of 64, beyond the 40 that are kept
    gain = gain >> jnp.maximum(surplus_bits, 0)
    actual, best = (seats * gain).sum(axis=-1), seats.sum(axis=-1) * gain.max(axis=-1)
    return jnp.where(best > 0, actual.astype(jnp.float64) / jnp.where(best > 0, best, 1).astype(jnp.float64), 0.0)
