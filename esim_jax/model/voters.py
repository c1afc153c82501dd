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
from jaxtyping import Float

from esim_jax.model.anonymous import draw_anonymous, place_anonymous
from esim_jax.model.behaviours import (
    SALIENCE,
    PartyView,
    directional,
    directional_bound,
    proximity,
    same_bound,
    weighted_bound,
    weighted_proximity,
)
from esim_jax.model.cultures import (
    appeal_alone,
    appeal_bound,
    draw_alike,
    draw_utilities,
    unit_bound,
    utilities_as_drawn,
)
from esim_jax.model.electorate import draw_electorate, move_in_box
from esim_jax.model.frame import draw_from_table, frame_bound, move_freely, turnout_of_rows, utilities_of_rows
from esim_jax.model.mixture import (
    CLUSTER_NUMBERS,
    clustered_bound,
    draw_clustered,
    draw_clustered_positions,
    place_clustered,
)
from esim_jax.model.orders import by_order, draw_orders, mallows, single_peaked, single_peaked_conitzer
from esim_jax.model.own_utilities import OwnUtilities, own_bound
from esim_jax.model.spatial import (
    by_law,
    correlate,
    correlated,
    move_in_space,
    normal,
    positions_by,
    spatial_bound,
    spread,
    uniform,
)
from esim_jax.model.turnout import DEMOGRAPHIC_RANGE, demographic_turnout, participation
from esim_jax.model.utility import incumbency_effect
from esim_jax.own_behaviour import OwnBehaviour
from esim_jax.parties import Party
from esim_jax.random import Key
from esim_jax.seats import PerParty, candidates_of

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
        numbers: names of the numbers that its functions read, besides the two thresholds of turnout: parameters, or
            what `esim_jax.model.scenario` makes of them.
        draw: the voters of some indices, the same for all parameters, so that elections may share them; how many
            parties and dimensions there are is static. Voters who are given come from their table, which comes last.
        place: the voters with the parameters of one election.
        behaviour: utilities.
        turnout: the probability to vote.
        bound: on |utility|, by a full set of parameters and what stands on the ballot; utilities are counted up to it.
        positions: draws the parties' positions once an election, where the parameters ask for it; None where they
            stand where they are said to.
        stretch: the bound with the behaviour, by the parameters and what the bound is by distance.
        exceeds: whether utilities may be larger than the bound; the welfare counts them up to it then.
        sincere: whether the choice has no randomness: a temperature of 0 throughout.
        normalised: whether each voter's utilities count from 0 for the worst party to 1 for the best in the welfare.
        move: the voters moved in each coordinate, as in `esim_jax.model.geography`; None where they have no position.
        turnout_range: of the probability to vote.
        geography: whether constituencies differ, see `esim_jax.model.geography`.
        identified: whether voters identify with parties, see `esim_jax.model.identification`.
        undecided: whether some voters decide late, see `esim_jax.model.polls`.
        strategic: where voters know the parties' chances from: "poll" or "previous"; "" where they choose sincerely.
        candidates: of the parties, on ballots that say more than one name; see `esim_jax.seats.PerParty`.
    """

    numbers: tuple[str, ...] = ()
    draw: Callable[..., Voters] = draw_electorate
    place: Callable[[Voters, Parameters], Voters] = _as_drawn
    behaviour: Behaviour = proximity
    turnout: Callable[[Voters, Array, Array, Parameters], Float[Array, "..."]] = demographic_turnout
    bound: Callable[[Mapping[str, Any], Sequence[Party]], float] = _box_bound
    positions: Callable[[Key, int, int, Parameters], Float[Array, "... party dimension"]] | None = None
    stretch: Callable[[Mapping[str, Any], float], float] = same_bound
    exceeds: bool = False
    sincere: bool = False
    normalised: bool = False
    move: Callable[[Voters, Sequence[Array], Parameters], Voters] | None = move_in_box
    turnout_range: tuple[float, float] = DEMOGRAPHIC_RANGE
    geography: bool = False
    identified: bool = False
    undecided: bool = False
    strategic: str = ""
    candidates: PerParty = 1

    @property
    def several_candidates(self) -> bool:
        """Whether some party has more than one."""
        return self.candidates != 1

    @property
    def local(self) -> bool:
        """Whether it matters to voters in which constituency they live."""
        return self.geography or self.undecided


DEMOGRAPHIC = VoterModel()
"""The default model; see `esim_jax.model.electorate`."""


def _ordered(place: Callable[[Voters, Parameters], Voters], *numbers: str) -> VoterModel:
    """A culture by an order of the parties; `numbers` are its own."""
    return VoterModel(
        ("participation", "n_options", *numbers), draw_orders, place, utilities_as_drawn, participation, unit_bound,
        move=None, turnout_range=(0, 1),
    )  # fmt: skip


_SPATIAL = ("dimensions", "voter_spread", "positions_drawn", "position_dispersion", "participation")

VOTER_MODELS: dict[str, VoterModel] = {
    "demographic": DEMOGRAPHIC,
    "spatial_normal": VoterModel(
        (*_SPATIAL, "voter_correlation"), by_law(correlated), correlate, proximity, participation, spatial_bound,
        positions_by(correlated, correlate), move=move_in_space, turnout_range=(0, 1),
    ),
    "spatial_uniform": VoterModel(
        _SPATIAL, by_law(uniform), spread, proximity, participation, spatial_bound, positions_by(uniform, spread),
        move=move_in_space, turnout_range=(0, 1),
    ),
    "impartial_culture": VoterModel(
        ("participation",), draw_utilities, _as_drawn, utilities_as_drawn, participation, unit_bound,
        move=None, turnout_range=(0, 1),
    ),
    "spatial_clusters": VoterModel(
        ("dimensions", "positions_drawn", "position_dispersion", "participation", *CLUSTER_NUMBERS),
        draw_clustered, place_clustered, proximity, participation, clustered_bound, draw_clustered_positions,
        move=move_in_space, turnout_range=(0, 1),
    ),
    "impartial_anonymous_culture": _ordered(place_anonymous)._replace(draw=draw_anonymous),
    "mallows": _ordered(by_order(mallows), "mallows_dispersion"),
    "plackett_luce": VoterModel(
        ("participation",), draw_alike, _as_drawn, appeal_alone, participation, appeal_bound,
        move=None, turnout_range=(0, 1),
    ),
    "single_peaked": _ordered(by_order(single_peaked)),
    "single_peaked_conitzer": _ordered(by_order(single_peaked_conitzer)),
    "frame": VoterModel(
        ("participation",), draw_from_table, _as_drawn, proximity, turnout_of_rows, frame_bound,
        move=move_freely, turnout_range=(0, 1),
    ),
}  # fmt: skip
"""Every voter model by name."""

_UNCORRELATED: dict[str, Any] = {
    "numbers": _SPATIAL, "draw": by_law(normal), "place": spread, "positions": positions_by(normal, spread),
}  # fmt: skip
"""What of spatial_normal is replaced where the correlation is 0: the same voters, for less."""


_BEHAVIOURS: dict[str, tuple[tuple[str, ...], dict[str, Any]]] = {
    "proximity": ((), {}),
    "weighted_proximity": (SALIENCE, {"behaviour": weighted_proximity, "stretch": weighted_bound}),
    "directional": (("directional_weight", *SALIENCE), {"behaviour": directional, "stretch": directional_bound}),
}
"""Of each behaviour, the numbers that it reads, and what of a voter model it replaces."""


def find_voter_model(parameters: Mapping[str, Any]) -> VoterModel:
    """The voter model that a full set of parameters asks for.

    >>> from esim_jax.config import read_parameters
    >>> find_voter_model(read_parameters({"n_voters": 5_000})) == DEMOGRAPHIC
    True
    """
    model = VOTER_MODELS[parameters["voter_model"]]
    if parameters["voter_model"] == "spatial_normal" and parameters["voter_correlation"] == 0:
        model = model._replace(**_UNCORRELATED)
    if parameters["voters"] is not None and parameters["voters"].utility:
        model = model._replace(behaviour=utilities_of_rows, move=None)
    model = _behave(model, parameters)
    strategic = parameters["viability"] if parameters["strategic_sensitivity"] > 0 else ""
    model = model._replace(
        sincere=parameters["temperature"] == 0,
        normalised=parameters["normalised_welfare"],
        geography=any(parameters[name] > 0 for name in _NUMBERS["geography"]),
        identified=model.move is not None and all(parameters[name] > 0 for name in _NUMBERS["identified"]),
        undecided=parameters["undecided"] > 0 and (parameters["late_swing"] > 0 or strategic == "poll"),
        strategic=strategic,
        candidates=candidates_of(parameters),
    )
    further = [name for flag, names in _NUMBERS.items() if getattr(model, flag) for name in names]
    further += ["candidate_spread"] if model.several_candidates else []
    return model._replace(numbers=(*dict.fromkeys((*model.numbers, *further)),))


_NUMBERS = {
    "geography": ("constituency_shift", "local_appeal", "turnout_spread"),
    "identified": ("identification_strength", "identified_share"),
    "undecided": ("undecided", "late_swing", "polling_error_correlation"),
    "strategic": ("strategic_sensitivity", "polling_error", "polling_error_correlation"),
}
"""Parameters that are read where a flag of the voter model is set."""


def _behave(model: VoterModel, parameters: Mapping[str, Any]) -> VoterModel:
    """The model with the behaviour that is asked for."""
    behaviour = parameters["behaviour"]
    if isinstance(behaviour, OwnBehaviour):
        utilities = OwnUtilities(behaviour, len(parameters["parties"]) + parameters["include_nota"])
        model = model._replace(behaviour=utilities, stretch=own_bound, exceeds=True)
        names = utilities.numbers
    else:
        names, replaced = _BEHAVIOURS[behaviour]
        model = model._replace(**replaced)
    return model._replace(numbers=tuple(dict.fromkeys([*model.numbers, *names])))


def read_number(parameters: Mapping[str, Any], name: str) -> float:
    """A number that a voter model reads, see `VoterModel.numbers`; 0 where these parameters have none of that name.

    >>> [read_number({"salience": (2.0, 3.0)}, name) for name in ("salience 1", "salience 2", "loyalty")]
    [3.0, 0.0, 0.0]
    """
    name, _, place = name.partition(" ")
    value = parameters.get(name, 0.0)
    if isinstance(value, tuple):
        return float(value[int(place)]) if int(place) < len(value) else 0.0
    return float(value)
