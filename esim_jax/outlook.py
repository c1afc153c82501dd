"""The outlook: what strategic voters think of the parties' chances in their constituency."""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from esim_jax.ask import numbers_of
from esim_jax.model.polls import draw_swings, log_shares, log_viability, swings
from esim_jax.model.scenario import Scenario
from esim_jax.model.voters import VoterModel
from esim_jax.rows import Constituencies


def log_viability_known(
    scenarios: Scenario,
    constituencies: Constituencies,
    votes: Int[Array, "constituency party"],
    model: VoterModel,
) -> Float[Array, "constituency party"]:
    """The log of each option's viability, float32, at most 0; see `esim_jax.model.polls`.

    Args:
        scenarios: of each simulation of the chunk.
        constituencies: of all simulations.
        votes: in the poll, or at the previous election, which is known without error.
        model: of the voters.
    """
    where = constituencies.simulation
    eligible = scenarios.eligible[where]
    shares = log_shares(votes, scenarios.weight[where])
    if model.strategic == "poll":
        key = (scenarios.key_high[where], scenarios.key_low[where])
        numbers = {name: value[where] for name, value in numbers_of(scenarios, model).items()}
        z = swings(*draw_swings(key, constituencies.number, votes.shape[-1]), numbers["polling_error_correlation"])
        shares = shares - numbers["polling_error"][:, None] * jnp.where(eligible, z, 0)
    return log_viability(shares, eligible, constituencies.n_seats)
