"""Seats: from the votes of constituencies to who sits in the assembly."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Int

from esim_jax.model.scenario import Scenario
from esim_jax.random import LOT_DRAWS, random_words
from esim_jax.rows import Constituencies
from esim_jax.systems import RULES, Contest, System, passes_threshold

NATION = np.uint32(0xFFFF_FFFF)
"""Index that draws the lots of a nationwide contest; constituencies draw with their own number."""


class Seats(NamedTuple):
    """Who has won what, int64."""

    seats: Int[Array, "simulation party"]
    threshold_waived: Bool[Array, " simulation"]  # no party reached the threshold, so it was not applied


def allot_seats(
    scenarios: Scenario,
    constituencies: Constituencies,
    systems: tuple[System, ...],
    constituency_votes: Int[Array, "constituency party"],
    votes: Int[Array, "simulation party"],
) -> Seats:
    """The seats of elections whose votes are counted.

    Every system in use is applied to every simulation, and each simulation keeps its own: seats cost little.
    """
    n_simulations = scenarios.weight.shape[0]
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

    return Seats(seats, waived & uses_threshold)


def _lots(scenarios: Scenario, simulation: Int[Array, " contest"], index: Array) -> Array:
    """A random number for each party of each contest."""
    key = (scenarios.key_high[simulation][:, None], scenarios.key_low[simulation][:, None])
    party = jnp.arange(scenarios.weight.shape[1], dtype=jnp.uint32)
    return random_words(key, index[:, None].astype(jnp.uint32), LOT_DRAWS + party[None, :])[0]
