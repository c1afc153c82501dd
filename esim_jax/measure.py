"""Metrics of a chunk of elections, from their votes, seats and welfare."""

import functools

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from esim_jax.allot import Seats
from esim_jax.ballot_box import BallotBox, TypedBox
from esim_jax.metrics.monotonicity import Failures, failures
from esim_jax.metrics.pairwise import Majorities
from esim_jax.metrics.registry import METRICS
from esim_jax.metrics.stacked import Election
from esim_jax.model.scenario import Scenario
from esim_jax.rows import Constituencies
from esim_jax.systems import System
from esim_jax.systems.ballot_types import top_two
from esim_jax.systems.condorcet import condorcet_loser, condorcet_winner, has_top_cycle
from esim_jax.systems.positional import antiplurality


def measure(
    names: tuple[str, ...],
    scenarios: Scenario,
    constituencies: Constituencies,
    systems: tuple[System, ...],
    constituency_votes: Int[Array, "constituency party"],
    votes: Int[Array, "simulation party"],
    seats: Seats,
    welfare: Int[Array, "simulation party"],
    box: BallotBox | TypedBox | None = None,
) -> dict[str, Float[Array, " simulation"]]:
    """These metrics by name, float64; see `esim_jax.metrics.registry.METRICS`. Those of ranked ballots need `box`."""
    local = jnp.array([system.level in ("constituency", "rankings") for system in systems])
    election = Election(
        votes=votes,
        seats=seats.seats,
        welfare=welfare,
        eligible=scenarios.eligible,
        n_voters=scenarios.n_voters,
        n_seats=scenarios.n_seats,
        legal_threshold=_legal_thresholds(scenarios, systems),
        local=local[scenarios.system],
        constituency_votes=constituency_votes,
        constituency_seats=seats.constituency_seats,
        simulation=constituencies.simulation,
        in_use=constituencies.n_voters > 0,
        first=constituencies.first,
        welfare_scale=scenarios.welfare_scale,
    )
    if box is not None and any(METRICS[name].pairwise and not METRICS[name].irv_of_three for name in names):
        election = election._replace(majorities=_majorities(box, "majority_loser_elected" in names))
    if box is not None and any(METRICS[name].irv_of_three for name in names):
        election = election._replace(failures=_failures(box))
    return {name: METRICS[name].of(election).astype(jnp.float64) for name in names}


def _legal_thresholds(scenarios: Scenario, systems: tuple[System, ...]) -> Int[Array, " simulation"]:
    """The highest of those that the simulation's system applies; 0 where it has none."""
    none = jnp.zeros_like(scenarios.threshold)
    of_systems = [
        functools.reduce(jnp.maximum, [getattr(scenarios, name) for name in system.thresholds], none)
        for system in systems
    ]
    return jnp.stack(of_systems)[scenarios.system, jnp.arange(len(none))]


def _majorities(box: BallotBox | TypedBox, with_last: bool) -> Majorities:
    """What the ranked ballots of the simulations' constituencies say, found once a poll."""
    winner, loser, cycle = (
        jax.vmap(observe)(box.pairs, box.contests) for observe in (condorcet_winner, condorcet_loser, has_top_cycle)
    )
    last = jnp.full_like(winner, -1)
    if with_last:
        state = box.states(antiplurality)
        is_majority = 2 * state.last > state.n_ballots[:, None]
        last = jnp.where(is_majority.any(axis=-1), jnp.argmax(is_majority, axis=-1), -1).astype(jnp.int32)
    return Majorities(*(box.of_simulations(found) for found in (winner, loser, cycle, last)))


def _failures(box: BallotBox | TypedBox) -> Failures:
    """Where the three parties' ballots fail monotonicity, found once a poll."""
    state = box.states(top_two)
    return Failures(*(box.of_simulations(found) for found in failures(state.first, state.second)))
