"""Asking: the voters of some rows are drawn, learn what each party is worth to them, and vote."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Float, Int, UInt

from esim_jax.model.ballots import PluralityBallots, cast_plurality_ballots, choose_best
from esim_jax.model.behaviours import PartyView
from esim_jax.model.frame import VoterTable
from esim_jax.model.scenario import WELFARE_BITS, Scenario
from esim_jax.model.utility import incumbency_effect
from esim_jax.model.voters import VoterModel, Voters
from esim_jax.random import Key
from esim_jax.rows import ROW_WIDTH

ABSENT = np.float32(2)
"""A chance with which nobody votes."""


def appeal_of(scenario: Scenario) -> Float[Array, "... party"]:
    """What each party is worth to all voters alike; computed once a row, before the loop over voters."""
    effect = incumbency_effect(scenario.economic_growth, scenario.national_mood, scenario.anti_incumbency)
    return lax.optimization_barrier(np.float32(0.01) * scenario.valence + scenario.incumbent * effect[..., None])


def prepare(scenarios: Scenario, model: VoterModel) -> Scenario:
    """The scenarios with what is drawn once an election: the parties' positions, where they are drawn."""
    if model.positions is None:
        return scenarios
    numbers = dict(zip(model.numbers, jnp.moveaxis(scenarios.numbers, -1, 0), strict=True))
    n_parties, n_further = scenarios.further.shape[-2:]
    drawn = model.positions((scenarios.key_high, scenarios.key_low), n_parties, 2 + n_further, numbers)
    # NOTA stays in the middle, and a surplus place repeats the first party
    drawn = jnp.where(scenarios.eligible[..., None], drawn, 0)
    drawn = jnp.where(scenarios.weight[..., None] > 0, drawn, drawn[..., :1, :])
    asked = (numbers["positions_drawn"] > 0)[..., None]
    return scenarios._replace(
        position_x=jnp.where(asked, drawn[..., 0], scenarios.position_x),
        position_y=jnp.where(asked, drawn[..., 1], scenarios.position_y * (numbers["dimensions"] > 1)[..., None]),
        further=jnp.where(asked[..., None], drawn[..., 2:], scenarios.further),
    )


def draw_voters(
    scenario: Scenario,
    model: VoterModel,
    key: Key,
    n_voters: Int[Array, " row"],
    first_voter: UInt[Array, " row"],
    table: VoterTable | None = None,
) -> tuple[Voters, UInt[Array, "row lane"], Array]:
    """The voters of some rows, their indices, and which lanes have one.

    Args:
        scenario: its shapes say how many parties and dimensions there are.
        model: of the voters.
        key: of each row's electorate.
        n_voters: int32 voters from the row's first place on; surplus lanes take no part. Not above 0 for an empty row.
        first_voter: uint32 index within the electorate of the row's first voter.
        table: of voters who are given.
    """
    lane = jnp.arange(ROW_WIDTH, dtype=jnp.int32)[None, :]
    index = first_voter[:, None] + lane.astype(jnp.uint32)
    n_parties, n_further = scenario.further.shape[-2:]
    given = () if table is None else (table,)
    voters = model.draw((key[0][:, None], key[1][:, None]), index, n_parties, 2 + n_further, *given)
    present = lane < n_voters[:, None]
    return voters._replace(chance=jnp.where(present, voters.chance, ABSENT)), index, present


def ask_voters(
    scenario: Scenario, model: VoterModel, voters: Voters, appeal: Float[Array, "... party"]
) -> tuple[list[Float[Array, "..."]], PluralityBallots]:
    """What each party is worth to each voter, and the voters' ballots for one party."""
    parameters = {
        "alienation_threshold": scenario.alienation_threshold,
        "indifference_threshold": scenario.indifference_threshold,
        **{name: scenario.numbers[..., k] for k, name in enumerate(model.numbers)},
    }
    placed = model.place(voters, parameters)
    utility = model.behaviour(placed, _views(scenario, appeal), parameters)
    weight = [scenario.weight[..., j] for j in range(appeal.shape[-1])]
    if model.numbers:  # the default model's surplus places are worth what the first party is
        utility = [jnp.where(w > 0, u, utility[0]) for u, w in zip(utility, weight, strict=True)]
    best, worst = utility[0], utility[0]
    for u in utility[1:]:
        best, worst = jnp.maximum(best, u), jnp.minimum(worst, u)
    t = model.turnout(placed, best, worst, parameters)
    if model.sincere:
        ballots = choose_best(voters.chance, t, utility, best, weight)
    else:
        ballots = cast_plurality_ballots(voters.chance, t, utility, best, weight, scenario.temperature)
    return utility, ballots


def welfare_of(
    model: VoterModel, utility: Sequence[Float[Array, "..."]], scale: Float[Array, "..."]
) -> list[Int[Array, "..."]]:
    """What each party adds to the welfare of each voter, in units of 1 / scale, int32."""
    if model.normalised:
        best, worst = utility[0], utility[0]
        for u in utility[1:]:
            best, worst = jnp.maximum(best, u), jnp.minimum(worst, u)
        span = jnp.where(best > worst, best - worst, 1)
        utility = [(u - worst) / span for u in utility]
    elif model.exceeds:
        most = np.float32(2 ** (WELFARE_BITS - 1)) / scale
        utility = [jnp.clip(u, -most, most) for u in utility]
    return [_fixed_point(u, scale) for u in utility]


def _fixed_point(utility: Float[Array, "..."], scale: Float[Array, "..."]) -> Int[Array, "..."]:
    return jnp.round(utility * scale).astype(jnp.int32)


def _views(scenario: Scenario, appeal: Float[Array, "... party"]) -> list[PartyView]:
    def view(j: int) -> PartyView:
        further: Any = [scenario.further[..., j, d] for d in range(scenario.further.shape[-1])]
        position = (scenario.position_x[..., j], scenario.position_y[..., j], *further)
        return PartyView(position, appeal[..., j], scenario.valence[..., j], scenario.incumbent[..., j])

    return [view(j) for j in range(appeal.shape[-1])]
