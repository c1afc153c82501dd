"""Metrics of a chunk of elections, from their votes, seats and welfare."""

import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Bool, Float, Int

from esim_jax.metrics import effective_number_of_parties, gallagher_index
from esim_jax.model.scenario import Scenario


def measure(
    scenarios: Scenario,
    votes: Int[Array, "simulation party"],
    seats: Int[Array, "simulation party"],
    welfare: Int[Array, "simulation party"],
) -> dict[str, Float[Array, " simulation"]]:
    """The metrics by name, float64."""
    return {
        "turnout": votes.sum(axis=-1) / scenarios.n_voters.astype(jnp.float64),
        "gallagher": gallagher_index(votes, seats),
        "enp_votes": effective_number_of_parties(votes),
        "enp_seats": effective_number_of_parties(seats),
        "vse": _efficiency(welfare, seats, scenarios.eligible),
    }


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
