"""Asking: the voters of some rows are drawn, learn what each party is worth to them, and vote."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Float, Int, UInt

from esim_jax.model.ballots import PluralityBallots, cast_plurality_ballots, choose_best
from esim_jax.model.behaviours import PartyView
from esim_jax.model.frame import VoterTable
from esim_jax.model.geography import LocalEffects, draw_local_effects
from esim_jax.model.identification import own_party
from esim_jax.model.polls import draw_swings, previous_key, swings
from esim_jax.model.scenario import WELFARE_BITS, Scenario
from esim_jax.model.utility import incumbency_effect
from esim_jax.model.voters import VoterModel, Voters
from esim_jax.random import TRAIT_DRAWS, Key, random_words, uniform23
from esim_jax.rows import ROW_WIDTH

ABSENT = np.float32(2)
"""A chance with which nobody votes."""


class Surroundings(NamedTuple):
    """What bears on the voters of some rows beside the scenario; None for what the voter model leaves out."""

    local: LocalEffects | None = None  # of the row's constituency
    swing: tuple[Float[Array, "row 1 party"], Float[Array, "row 1 party"]] | None = None  # of nation and constituency
    late: Float[Array, "row lane"] | None = None  # uniform in (0, 1); decides who is undecided
    loyalty: Float[Array, "row lane"] | None = None  # uniform in (0, 1); decides who identifies with a party
    outlook: Float[Array, "row 1 party"] | None = None  # log of each party's viability
    surveyed: bool = False  # static: asked before the election, to tell the parties' chances


def voters_key(model: VoterModel, key: Key, surveyed: bool) -> Key:
    """The key of each row's voters: that of its electorate, but for those who voted at the previous election."""
    return lax.optimization_barrier(previous_key(key)) if surveyed and model.strategic == "previous" else key


def draw_surroundings(
    scenario: Scenario,
    model: VoterModel,
    key: Key,
    constituency: UInt[Array, " row"] | None,
    of_voters: Key,
    index: UInt[Array, "row lane"],
) -> Surroundings:
    """What the voter model draws of each row's constituency, and beside what voters are.

    Args:
        scenario: its shapes say how many parties and dimensions there are.
        model: of the voters.
        key: of each row's electorate.
        constituency: uint32 number of each row's constituency within the electorate; None where it doesn't matter.
        of_voters: key of the voters, see `voters_key`.
        index: of the voters within the electorate.
    """
    n_parties, n_further = scenario.further.shape[-2:]
    found = Surroundings()
    if constituency is not None:
        of_rows, number = (key[0][:, None], key[1][:, None]), constituency[:, None]
        if model.geography:
            local = draw_local_effects(of_rows, number, n_parties, 2 + n_further)
            found = found._replace(local=lax.optimization_barrier(local))
        if model.undecided:
            found = found._replace(swing=lax.optimization_barrier(draw_swings(of_rows, number, n_parties)))
    if model.undecided or model.identified:
        late, loyalty = random_words((of_voters[0][:, None], of_voters[1][:, None]), index, TRAIT_DRAWS)
        found = found._replace(late=uniform23(late), loyalty=uniform23(loyalty))
    return found


def appeal_of(scenario: Scenario, model: VoterModel, beside: Surroundings) -> Float[Array, "... party"]:
    """What each party is worth to all voters of a row alike; computed before the loop over voters."""
    effect = incumbency_effect(scenario.economic_growth, scenario.national_mood, scenario.anti_incumbency)
    appeal = np.float32(0.01) * scenario.valence + scenario.incumbent * effect[..., None]
    if beside.local is not None:
        spread = numbers_of(scenario, model)["local_appeal"][..., None]
        appeal = appeal + spread * scenario.unevenness * beside.local.appeal
    return lax.optimization_barrier(appeal)


def numbers_of(scenario: Scenario, model: VoterModel) -> dict[str, Float[Array, "..."]]:
    """The parameters that the voter model reads, by name."""
    return {name: scenario.numbers[..., k] for k, name in enumerate(model.numbers)}


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


class Asked(NamedTuple):
    """What voters said; lists have one array a party."""

    utility: list[Float[Array, "..."]]  # what the party is worth to each voter
    leaning: list[Float[Array, "..."]]  # the same with what else sways the choice
    ballots: PluralityBallots  # for one party


def ask_voters(
    scenario: Scenario,
    model: VoterModel,
    voters: Voters,
    appeal: Float[Array, "... party"],
    beside: Surroundings,
) -> Asked:
    """What each party is worth to each voter, and the voters' ballots for one party."""
    parameters = {
        "alienation_threshold": scenario.alienation_threshold,
        "indifference_threshold": scenario.indifference_threshold,
        **numbers_of(scenario, model),
    }
    placed = model.place(voters, parameters)
    if beside.local is not None and model.move is not None:
        shift = [parameters["constituency_shift"] * z for z in jnp.moveaxis(beside.local.shift, -1, 0)]
        placed = model.move(placed, shift, parameters)
    views = _views(scenario, appeal)
    utility = model.behaviour(placed, views, parameters)
    weight = [scenario.weight[..., j] for j in range(appeal.shape[-1])]
    if beside.loyalty is not None and model.identified:
        eligible = [scenario.eligible[..., j].astype(jnp.float32) for j in range(appeal.shape[-1])]
        own = own_party(beside.loyalty, placed.position, views, eligible, parameters["identified_share"])
        utility = [u + parameters["identification_strength"] * o for u, o in zip(utility, own, strict=True)]
    if model.numbers:  # the default model's surplus places are worth what the first party is
        utility = [jnp.where(w > 0, u, utility[0]) for u, w in zip(utility, weight, strict=True)]
    best, worst = _extremes(utility)
    t = model.turnout(placed, best, worst, parameters)
    if beside.local is not None:
        t = jnp.clip(t + parameters["turnout_spread"] * beside.local.turnout, *map(np.float32, model.turnout_range))
    chance, leaning = voters.chance, utility
    if beside.late is not None and model.undecided and beside.surveyed:
        chance = jnp.where(beside.late < parameters["undecided"], ABSENT, chance)
    elif not beside.surveyed:
        leaning = _sway(scenario, utility, parameters, beside)
        best = best if leaning is utility else _extremes(leaning)[0]
    if model.sincere:
        ballots = choose_best(chance, t, leaning, best, weight)
    else:
        ballots = cast_plurality_ballots(chance, t, leaning, best, weight, scenario.temperature)
    return Asked(utility, leaning, ballots)


def _sway(
    scenario: Scenario,
    utility: list[Float[Array, "..."]],
    parameters: Mapping[str, Float[Array, "..."]],
    beside: Surroundings,
) -> list[Float[Array, "..."]]:
    """The utilities with what moves the choice alone: the parties' chances, and a late swing of the undecided.

    A strategic voter's choice follows U_ij + strategic_sensitivity log viability_kj, see `esim_jax.model.polls`: who
    does not want to waste a vote leaves a party that is behind.
    """
    leaning = utility
    if beside.outlook is not None:
        weighed = parameters["strategic_sensitivity"][..., None] * beside.outlook
        leaning = [u + weighed[..., j] for j, u in enumerate(leaning)]
    if beside.swing is not None and beside.late is not None:
        z = swings(*beside.swing, parameters["polling_error_correlation"])
        moved = parameters["late_swing"][..., None] * scenario.eligible.astype(jnp.float32) * z
        undecided = beside.late < parameters["undecided"]
        leaning = [u + jnp.where(undecided, moved[..., j], 0) for j, u in enumerate(leaning)]
    if leaning is not utility:
        leaning = [jnp.where(scenario.weight[..., j] > 0, u, leaning[0]) for j, u in enumerate(leaning)]
    return leaning


def _extremes(utility: Sequence[Float[Array, "..."]]) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """The best and the worst of the parties."""
    best, worst = utility[0], utility[0]
    for u in utility[1:]:
        best, worst = jnp.maximum(best, u), jnp.minimum(worst, u)
    return best, worst


def welfare_of(
    model: VoterModel, utility: Sequence[Float[Array, "..."]], scale: Float[Array, "..."]
) -> list[Int[Array, "..."]]:
    """What each party adds to the welfare of each voter, in units of 1 / scale, int32."""
    if model.normalised:
        best, worst = _extremes(utility)
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
