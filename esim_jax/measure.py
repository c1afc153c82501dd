"""Metrics of a chunk of elections, from their votes, seats and welfare."""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from esim_jax.allot import Seats
from esim_jax.metrics.registry import METRICS
from esim_jax.metrics.stacked import Election
from esim_jax.model.scenario import Scenario
from esim_jax.rows import Constituencies
from esim_jax.systems import System


def measure(
    names: tuple[str, ...],
    scenarios: Scenario,
    constituencies: Constituencies,
    systems: tuple[System, ...],
    constituency_votes: Int[Array, "constituency party"],
    votes: Int[Array, "simulation party"],
    seats: Seats,
    welfare: Int[Array, "simulation party"],
) -> dict[str, Float[Array, " simulation"]]:
    """These metrics by name, float64; see `esim_jax.metrics.registry.METRICS`."""
    local = jnp.array([system.level in ("constituency", "rankings") for system in systems])
    election = Election(
        votes=votes,
        seats=seats.seats,
        welfare=welfare,
        eligible=scenarios.eligible,
        n_voters=scenarios.n_voters,
        n_seats=scenarios.n_seats,
        local=local[scenarios.system],
        constituency_votes=constituency_votes,
        constituency_seats=seats.constituency_seats,
        simulation=constituencies.simulation,
        in_use=constituencies.n_voters > 0,
        first=constituencies.first,
    )
    return {name: METRICS[name].of(election).astype(jnp.float64) for name in names}
