"""Every parameter of the model once: kind, default, range, unit and a sentence of help.

The model, the sweep, the command line and the documentation all read this table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from types import MappingProxyType
from typing import Any

from esim_jax.clusters import DEFAULT_CLUSTERS
from esim_jax.contradictions import check_seats, check_voters, fill_in_voters, read_magnitude, read_sizes
from esim_jax.errors import InputError
from esim_jax.kinds import (
    Choice,
    ChoiceOrFunction,
    Clusters,
    Flag,
    Frame,
    Integer,
    Integers,
    Number,
    Parties,
    Sizes,
    Weights,
    nearest,
)
from esim_jax.names import (
    ALLOCATION_METHODS,
    BEHAVIOURS,
    ELECTORAL_SYSTEMS,
    ENGINES,
    MAX_DIMENSIONS,
    MAX_SEATS,
    MOST_RANKED,
    VOTER_MODELS,
)
from esim_jax.own_behaviour import OwnBehaviour
from esim_jax.parties import DEFAULT_PARTIES, NOTA

SEED_LOW, SEED_HIGH = -(2**63), 2**64
"""Seeds are the 64-bit integers, signed or unsigned: SEED_LOW <= seed < SEED_HIGH."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of the model."""

    name: str
    kind: Integer | Number | Integers | Weights | Sizes | Choice | Flag | Parties | Clusters | Frame
    default: Any
    unit: str
    help: str

    def read(self, value: Any) -> Any:
        """The value in its canonical type, or InputError."""
        return self.kind.read(self.name, value)


PARAMETERS: dict[str, Parameter] = {
    p.name: p
    for p in (
        Parameter("n_voters", Integer(1, 2**31 - 1), 100_000, "voters", "Size of the electorate."),
        Parameter(
            "n_constituencies", Integer(1, 1_000_000), 10, "constituencies",
            "Electoral districts; also the number of seats, where each has one.",
        ),
        Parameter("size_spread", Number(0.0, 5.0), 0.0, "",
            "Standard deviation of the logarithm of the constituencies' sizes: quantiles of a lognormal law."),
        Parameter("constituency_sizes", Sizes(1e9), 1.0, "",
            "Relative sizes of the constituencies, a list with one number each; takes the place of size_spread."),
        Parameter("electoral_system", Choice(ELECTORAL_SYSTEMS), "FPTP", "",
            "FPTP: the plurality winner of each constituency takes its seat; "
            "PR: all seats are allotted to the national votes; "
            "district_PR: each constituency's seats are allotted to its votes; "
            "party_block: the plurality winner takes all seats of the constituency; "
            "electoral_college: the same, for the electors of states; "
            "MMP: list seats make the totals proportional; parallel: list seats beside those of constituencies; "
            "majority_bonus: PR with a bonus for the largest party; the others count ballots that rank, approve of or "
            "score the parties."),
        Parameter("ballot_length", Integer(1, MOST_RANKED), MOST_RANKED, "parties",
            "Most places of a ranked ballot; parties beyond them are left out."),
        Parameter("approval_count", Integer(0, MOST_RANKED), 0, "parties",
            "How many parties an approval ballot approves of, the best; 0: all that the voter likes more than the "
            "average."),
        Parameter("candidates_per_party", Integers(1, MOST_RANKED, "party"), 1, "candidates",
            "With which each party stands in a constituency, where ballots rank, approve of or score candidates; a "
            "list has one number for each party."),
        Parameter("candidate_spread", Number(0.0, 1e3), 0.2, "utility",
            "By how much candidates of one party differ, in their constituency and to each voter, where it has "
            "several."),
        Parameter("allocation_method", Choice(ALLOCATION_METHODS), "dhondt", "",
            "How votes turn into party seats: a divisor method or a quota with largest remainders."),
        Parameter("district_magnitude", Integers(1, MAX_SEATS, "constituency"), 1, "seats",
            "Seats of a constituency; a list has one number for each."),
        Parameter("threshold", Number(0.0, 1.0, open_high=True), 0.0, "share of votes",
            "Smallest share of the nation's votes with which a party wins seats that are allotted to parties."),
        Parameter("district_threshold", Number(0.0, 1.0, open_high=True), 0.0, "share of votes",
            "Smallest share of a constituency's votes with which a party takes part there in district_PR."),
        Parameter("threshold_base", Choice(("all", "valid")), "all", "",
            f"Of which votes thresholds are a share: all votes cast, or valid, which leaves out {NOTA}."),
        Parameter("levelling_seats", Integer(0, MAX_SEATS), 0, "seats",
            "Seats beside those of the constituencies that level the result of district_PR."),
        Parameter("levelling_threshold", Number(0.0, 1.0, open_high=True), 0.0, "share of votes",
            "Smallest share of the nation's votes with which a party takes part in the levelling."),
        Parameter("list_seats", Integer(0, MAX_SEATS), 0, "seats",
            "Seats of party lists, beside those of the constituencies, in MMP and parallel."),
        Parameter("overhang", Choice(("keep", "none", "level")), "keep", "",
            "Constituency seats beyond a party's share in MMP: keep: the house grows by as many; none: the others "
            "have fewer seats; level: the house grows until nobody has too many."),
        Parameter("waiver_seats", Integer(0, MAX_SEATS), 0, "seats",
            "Constituency seats with which a party needs no threshold in MMP and in the levelling; 0 for no waiver."),
        Parameter("bonus_seats", Integer(0, MAX_SEATS), 0, "seats",
            "Of all seats, those that the largest party gets beforehand in majority_bonus."),
        Parameter("temperature", Number(0.0, 1e6), 0.5, "utility",
            "Randomness of the choice: at 0 the best party is chosen, large values make all equally likely."),
        Parameter("voter_model", Choice(VOTER_MODELS), "demographic", "",
            "Who the voters are: demographic; spatial_normal, spatial_uniform, spatial_clusters: points in a space of "
            "any dimension; impartial_culture: independent uniform utilities; impartial_anonymous_culture, mallows, "
            "plackett_luce, single_peaked, single_peaked_conitzer: laws of rankings; frame: those given as "
            "voters."),
        Parameter("voters", Frame(), None, "file",
            "Voters of your own: a Polars frame, or the path of a Parquet or CSV file, with columns x, y, and where "
            "there are any turnout, weight, constituency; or utility_<party> in the place of x and y."),
        Parameter("behaviour", ChoiceOrFunction(BEHAVIOURS), "proximity", "",
            "What a party is worth to a voter: proximity: the nearer, the better; weighted_proximity: likewise, with "
            "the salience of each dimension; directional: by the scalar product of their positions; or a function of "
            "your own, as module:function."),
        Parameter("salience", Weights(1e3), 1.0, "",
            "Weight of each dimension in weighted_proximity and directional; a list has one for each."),
        Parameter("directional_weight", Number(0.0, 1.0), 1.0, "",
            "Share of the scalar product in the behaviour directional; the rest is proximity."),
        Parameter("dimensions", Integer(1, MAX_DIMENSIONS), 2, "dimensions", "Of the space of a spatial voter model."),
        Parameter("voter_spread", Number(0.0, 1e3, open_low=True), 0.5, "utility",
            "Standard deviation of voters' coordinates in a spatial voter model."),
        Parameter("voter_correlation", Number(0.0, 1.0, open_high=True), 0.0, "",
            "Correlation of every two coordinates in spatial_normal."),
        Parameter("clusters", Clusters(), DEFAULT_CLUSTERS, "",
            "The clusters of spatial_clusters: weight, position_x, position_y, spread."),
        Parameter("mallows_dispersion", Number(0.0, 1.0), 0.5, "",
            "phi in mallows: at 0 everybody ranks parties in the order given, at 1 all rankings are equally likely."),
        Parameter("positions_drawn", Flag(), False, "",
            "Whether the parties of a spatial voter model stand anywhere among the voters, drawn once an election, "
            "instead of where they are said to stand."),
        Parameter("position_dispersion", Number(0.0, 100.0), 1.0, "",
            "Standard deviation of positions that are drawn, relative to that of voters."),
        Parameter("participation", Number(0.0, 1.0), 1.0, "probability",
            "With which each voter votes, but for demographic voters."),
        Parameter("normalised_welfare", Flag(), False, "",
            "Whether each voter's utilities count from 0 for the worst party to 1 for the best in vse."),
        Parameter("parties", Parties(), DEFAULT_PARTIES, "",
            "The parties: name, position_x, position_y, valence, incumbent, threshold_exempt, unevenness."),
        Parameter("anti_incumbency", Number(-1e3, 1e3), 0.0, "utility", "Taken from the utility of incumbents."),
        Parameter("economic_growth", Number(-10.0, 10.0), 0.0, "fraction per year",
            "Growth of the economy (0.02 is 2 %), credited to incumbents."),
        Parameter("national_mood", Number(-1e3, 1e3), 0.0, "utility", "Added to the utility of incumbents."),
        Parameter("alienation_threshold", Number(-1e6, 1e6), -2.0, "utility",
            "A voter whose best utility is below it turns out less."),
        Parameter("indifference_threshold", Number(-1e6, 1e6), 0.3, "utility",
            "A voter whose best and worst utility differ by less turns out less."),
        Parameter("include_nota", Flag(), False, "",
            f"Adds the option {NOTA} (none of the above), which takes votes and wins no seats."),
        Parameter("constituency_shift", Number(0.0, 1e3), 0.0, "utility",
            "Standard deviation of the shift of all voters' positions in a constituency, in each coordinate."),
        Parameter("local_appeal", Number(0.0, 1e3), 0.0, "utility",
            "Standard deviation of what a party is worth more, or less, to all voters of a constituency."),
        Parameter("turnout_spread", Number(0.0, 1.0), 0.0, "probability",
            "Standard deviation of what a constituency adds to its voters' probability to vote."),
        Parameter("identification_strength", Number(0.0, 1e3), 0.0, "utility",
            "What a voter's own party, the nearest in position, is worth more."),
        Parameter("identified_share", Number(0.0, 1.0), 1.0, "share of voters",
            "Voters who identify with a party, where identification_strength is above 0."),
        Parameter("strategic_sensitivity", Number(0.0, 1e3), 0.0, "utility",
            "What the logarithm of a party's local viability weighs in the choice; 0 for sincere voters."),
        Parameter("viability", Choice(("poll", "previous")), "poll", "",
            "What strategic voters know: a poll of their constituency, or its result at the previous election."),
        Parameter("polling_error", Number(0.0, 10.0), 0.0, "",
            "Standard deviation of the error of the logarithm of a party's share in a constituency's poll."),
        Parameter("polling_error_correlation", Number(0.0, 1.0), 0.0, "",
            "Share of the variance of polling errors, and of late swings, that all constituencies have in common."),
        Parameter("undecided", Number(0.0, 1.0, open_high=True), 0.0, "share of voters",
            "Voters who decide late: they are in no poll, and late_swing moves them."),
        Parameter("late_swing", Number(0.0, 1e3), 0.0, "utility",
            "Standard deviation of what a party is worth more, or less, to a constituency's undecided voters when they "
            "choose."),
        Parameter("engine", Choice(ENGINES), "voters", "",
            "How votes come about: voters: every voter is drawn; multinomial: each constituency's votes are drawn at "
            "once from their law; limit: an infinite electorate, without noise."),
    )
}  # fmt: skip


OWN_NUMBER = Number(-1e30, 1e30)
"""A number that a behaviour of the user's own reads."""


def own_numbers(behaviour: str | OwnBehaviour) -> dict[str, float]:
    """The numbers that a behaviour adds to the parameters, with their defaults: its arguments of other names.

    Raises:
        InputError: such an argument has no default, or its name is taken; or a parameter that it reads is no number.
    """
    if isinstance(behaviour, str):
        return {}
    from esim_jax.metrics.registry import METRICS, RATES  # imported here, for `electoral-sim --help` need not load JAX

    defaults, numbers = dict(behaviour.defaults), {}
    for name in behaviour.arguments:
        if name in PARAMETERS:
            if not isinstance(PARAMETERS[name].kind, Integer | Number | Weights | Flag):
                raise InputError(f"behaviour {behaviour} reads {name}, which is no number: leave that argument out.")
        elif name in {*METRICS, *RATES, "config_idx", "run_idx", "seed", "n_runs", "metrics"}:
            raise InputError(f"behaviour {behaviour}: the name {name!r} is taken; rename that argument.")
        elif name not in defaults:
            raise InputError(
                f"behaviour {behaviour}: {name!r} has no default and is no parameter of the model."
                f"{nearest(name, PARAMETERS)} Give it one, such as {name}=0.0."
            )
        else:
            numbers[name] = OWN_NUMBER.read(f"behaviour {behaviour}: the default of {name}", defaults[name])
    return numbers


def read_parameter(name: str, value: Any, own: Mapping[str, float] = MappingProxyType({})) -> Any:
    """One parameter's value in its canonical type.

    Args:
        name: of the parameter.
        value: as it was given.
        own: numbers that a behaviour adds to the parameters, see `own_numbers`.

    Raises:
        InputError: the name is unknown or the value is not allowed.

    >>> read_parameter("electoral_system", "fptp")
    'FPTP'
    """
    if name in own:
        return OWN_NUMBER.read(name, value)
    if name not in PARAMETERS:
        known = [*PARAMETERS, *own]
        raise InputError(f"Unknown parameter {name!r}.{nearest(name, known)} Known are {', '.join(known)}.")
    found = PARAMETERS[name].read(value)
    if name == "behaviour":
        own_numbers(found)
    return found


def read_parameters(given: Mapping[str, Any]) -> dict[str, Any]:
    """A full set of parameter values, canonical, in the order of the table: those given, defaults for the rest.

    The numbers of a behaviour of the user's own come last.

    Raises:
        InputError: a name is unknown, a value is not allowed, or the values contradict each other.
    """
    behaviour = PARAMETERS["behaviour"].read(given["behaviour"]) if "behaviour" in given else "proximity"
    own = own_numbers(behaviour)
    values = {name: read_parameter(name, value, own) for name, value in given.items() if name != "behaviour"}
    full = {**{name: parameter.default for name, parameter in PARAMETERS.items()}, **own, **values}
    full["behaviour"] = behaviour
    fill_in_voters(full, values)
    if full["n_constituencies"] > full["n_voters"]:
        raise InputError(
            f"n_constituencies = {full['n_constituencies']:,} is more than n_voters = {full['n_voters']:,}: "
            "every constituency needs a voter."
        )
    full["district_magnitude"] = read_magnitude(full)
    full["constituency_sizes"] = read_sizes(full)
    check_seats(full)
    check_voters(full)
    if full["include_nota"] and any(party.name == NOTA for party in full["parties"]):
        raise InputError(f"parties: the name {NOTA!r} is taken by include_nota; rename the party or drop include_nota.")
    return full


def read_seed(value: Any) -> int:
    """A seed as an `int`: any 64-bit integer, signed or unsigned.

    Raises:
        InputError: it is not such an integer.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or not SEED_LOW <= int(value) < SEED_HIGH:
        raise InputError(f"seed = {value!r} is not allowed: it must be a whole number from -2^63 to 2^64 - 1.")
    return int(value)


def read_count(name: str, value: Any, high: int = 2**31 - 1) -> int:
    """A whole number of at least 1, for arguments that are not parameters of the model.

    Raises:
        InputError: it is not such a number.
    """
    return Integer(1, high).read(name, value)
