"""Voter models: who the voters are, and what they are asked.

A voter model is put together from pure functions, each in a file of its own:

    draw        (key, voter, parties, dimensions) -> voters     who they are, whatever the parameters
    place       (voters, parameters) -> voters                  with the parameters of one election
    behaviour   (voters, parties, parameters) -> utilities      what each party is worth to each voter
    turnout     (voters, best, worst, parameters) -> t          the probability to vote

It is a constant of the compiled program: configurations of several voter models take a program each.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from jax import Array
from jaxtyping import Float, UInt

from esim_jax.model.behaviours import PartyView, proximity
from esim_jax.model.cultures import draw_utilities, unit_bound, utilities_as_drawn
from esim_jax.model.electorate import draw_electorate, move_in_box
from esim_jax.model.spatial import (
    draw_normal,
    draw_positions,
    draw_uniform,
    move_in_space,
    spatial_bound,
    spread_normal,
    spread_uniform,
)
from esim_jax.model.turnout import DEMOGRAPHIC_RANGE, demographic_turnout, participation
from esim_jax.model.utility import incumbency_effect
from esim_jax.parties import Party
from esim_jax.random import Key

Voters = Any
"""The voters' attributes: a NamedTuple of arrays of one shape, among them `chance`, uniform in (0, 1), which decides
whether and for whom a voter votes."""

Parameters = Mapping[str, Float[Array, "..."]]
"""Numbers of one election by name, in shapes that broadcast against the voters'."""

Behaviour = Callable[[Voters, Sequence[PartyView], Parameters], list[Float[Array, "..."]]]
"""What each party is worth to each voter."""


def _as_drawn(voters: Voters, _: Parameters) -> Voters:
    return voters


def _box_bound(parameters: Mapping[str, Any], ballot: Sequence[Party]) -> float:
    """Bound on |utility| of voters in [-1, 1] x [-1, 1] by distance."""
    effect = incumbency_effect(
        parameters["economic_growth"], parameters["national_mood"], parameters["anti_incumbency"]
    )
    return max(option.utility_bound() + option.incumbent * abs(effect) for option in ballot)


class VoterModel(NamedTuple):
    """How voters come about, and what they want.

    Attributes:
        numbers: names of the parameters that its functions read, besides the two thresholds of turnout.
        draw: the voters of some indices, the same for all parameters, so that elections may share them; how many
            parties and dimensions there are is static.
        place: the voters with the parameters of one election.
        behaviour: utilities.
        turnout: the probability to vote.
        bound: on |utility|, by a full set of parameters and what stands on the ballot; utilities are counted up to it.
        positions: draws the parties' positions once an election, where the parameters ask for it; None where they
            stand where they are said to.
        sincere: whether the choice has no randomness: a temperature of 0 throughout.
        normalised: whether each voter's utilities count from 0 for the worst party to 1 for the best in the welfare.
        move: the voters moved in each coordinate, as in `esim_jax.model.geography`; None where they have no position.
        turnout_range: of the probability to vote.
        geography: whether constituencies differ, see `esim_jax.model.geography`.
        identified: whether voters identify with parties, see `esim_jax.model.identification`.
        undecided: whether some voters decide late, see `esim_jax.model.polls`.
        strategic: where voters know the parties' chances from: "poll" or "previous"; "" where they choose sincerely.
    """

    numbers: tuple[str, ...] = ()
    draw: Callable[[Key, UInt[Array, "..."], int, int], Voters] = draw_electorate
    place: Callable[[Voters, Parameters], Voters] = _as_drawn
    behaviour: Behaviour = proximity
    turnout: Callable[[Voters, Array, Array, Parameters], Float[Array, "..."]] = demographic_turnout
    bound: Callable[[Mapping[str, Any], Sequence[Party]], float] = _box_bound
    positions: Callable[[Key, int, int, Parameters], Float[Array, "... party dimension"]] | None = None
    sincere: bool = False
    normalised: bool = False
    move: Callable[[Voters, Sequence[Array], Parameters], Voters] | None = move_in_box
    turnout_range: tuple[float, float] = DEMOGRAPHIC_RANGE
    geography: bool = False
    identified: bool = False
    undecided: bool = False
    strategic: str = ""

    @property
    def local(self) -> bool:
        """Whether it matters to voters in which constituency they live."""
        return self.geography or self.undecided


DEMOGRAPHIC = VoterModel()
"""The default model; see `esim_jax.model.electorate`."""

_SPATIAL = ("dimensions", "voter_spread", "positions_drawn", "position_dispersion", "participation")

VOTER_MODELS: dict[str, VoterModel] = {
    "demographic": DEMOGRAPHIC,
    "spatial_normal": VoterModel(
        (*_SPATIAL, "voter_correlation"), draw_normal, spread_normal, proximity, participation, spatial_bound,
        draw_positions, move=move_in_space, turnout_range=(0, 1),
    ),
    "spatial_uniform": VoterModel(
        _SPATIAL, draw_uniform, spread_uniform, proximity, participation, spatial_bound, draw_positions,
        move=move_in_space, turnout_range=(0, 1),
    ),
    "impartial_culture": VoterModel(
        ("participation",), draw_utilities, _as_drawn, utilities_as_drawn, participation, unit_bound,
        move=None, turnout_range=(0, 1),
    ),
}  # fmt: skip
"""Every voter model by name."""


def find_voter_model(parameters: Mapping[str, Any]) -> VoterModel:
    """The voter model that a full set of parameters asks for.

    >>> from esim_jax.config import read_parameters
    >>> find_voter_model(read_parameters({"n_voters": 5_000})) == DEMOGRAPHIC
    True
    """
    model = VOTER_MODELS[parameters["voter_model"]]
    strategic = parameters["viability"] if parameters["strategic_sensitivity"] > 0 else ""
    model = model._replace(
        sincere=parameters["temperature"] == 0,
        normalised=parameters["normalised_welfare"],
        geography=any(parameters[name] > 0 for name in _NUMBERS["geography"]),
        identified=model.move is not None and all(parameters[name] > 0 for name in _NUMBERS["identified"]),
        undecided=parameters["undecided"] > 0 and (parameters["late_swing"] > 0 or strategic == "poll"),
        strategic=strategic,
    )
    further = [name for flag, names in _NUMBERS.items() if getattr(model, flag) for name in names]
    return model._replace(numbers=(*dict.fromkeys((*model.numbers, *further)),))


_NUMBERS = {
    "geography": ("constituency_shift", "local_appeal", "turnout_spread"),
    "identified": ("identification_strength", "identified_share"),
    "undecided": ("undecided", "late_swing", "polling_error_correlation"),
    "strategic": ("strategic_sensitivity", "polling_error", "polling_error_correlation"),
}
"""Parameters that are read where a flag of the voter model is set."""
