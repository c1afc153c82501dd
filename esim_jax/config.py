"""Every parameter of the model once: kind, default, range, unit and a sentence of help.

The model, the sweep, the command line and the documentation all read this table.
"""

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from types import MappingProxyType
from typing import Any

from esim_jax.clusters import DEFAULT_CLUSTERS, Cluster, read_clusters
from esim_jax.errors import InputError
from esim_jax.own_behaviour import OwnBehaviour, names_function, read_own_behaviour
from esim_jax.parties import DEFAULT_PARTIES, NOTA, Party, read_parties

SEED_LOW, SEED_HIGH = -(2**63), 2**64
"""Seeds are the 64-bit integers, signed or unsigned: SEED_LOW <= seed < SEED_HIGH."""


ENGINES = ("voters", "multinomial", "limit")
"""How the votes of an election can come about; see docs/engines.md."""


ONE_WINNER = (
    "two_round", "supplementary_vote", "IRV", "Coombs", "Bucklin", "Borda", "approval",
    "Copeland", "minimax", "Schulze", "ranked_pairs", "Black", "score", "STAR",
)  # fmt: skip
"""Systems that fill one seat in each constituency, on ballots that rank, approve of or score the parties."""

SCORED = ("score", "STAR")
"""Of them, those that count scores."""

SEVERAL_WINNERS = ("STV", "STV_Meek", "SNTV", "block_vote", "limited_vote")
"""Systems on ranked ballots that fill a constituency's seats, at most one a candidate."""

MOST_RANKED = 15
"""Candidates that a ballot which says more than one name has room for; each party has one, or several."""

COUNTING = (
    "electoral_system", "allocation_method", "threshold", "district_threshold", "threshold_base", "levelling_seats",
    "levelling_threshold", "list_seats", "overhang", "waiver_seats", "bonus_seats",
)  # fmt: skip
"""Parameters that no voter sees: they bear on nothing until the ballots are counted."""

MOST_TYPED = 6
"""Options on a ranked ballot, none of the above among them, that engines draw which draw no voters."""

ORDERED_CULTURES = ("mallows", "single_peaked", "single_peaked_conitzer")
"""Cultures that draw an order of at most MOST_RANKED options."""

MOST_ANONYMOUS = 6
"""Options that the impartial anonymous culture has room for: 720 rankings."""

VOTER_MODELS = (
    "demographic", "spatial_normal", "spatial_uniform", "spatial_clusters", "impartial_culture",
    "impartial_anonymous_culture", "plackett_luce", *ORDERED_CULTURES, "frame",
)  # fmt: skip
"""Who the voters are; see docs/voters.md."""

CULTURES = ("impartial_culture", "impartial_anonymous_culture", "plackett_luce", *ORDERED_CULTURES)
"""Voter models whose utilities are drawn themselves, so that no behaviour makes them."""

BEHAVIOURS = ("proximity", "weighted_proximity", "directional")
"""What makes utilities; see docs/voters.md."""

MAX_DIMENSIONS = 10

ELECTORAL_SYSTEMS = (
    "FPTP", "PR", "district_PR", "party_block", "MMP", "parallel", "majority_bonus", *ONE_WINNER, *SEVERAL_WINNERS,
)  # fmt: skip
"""How votes decide who sits in the assembly; see docs/model.md."""

MAX_SEATS = 1_000_000
"""Of an assembly: with as many, sums of seats times votes fit in 63 bits."""

ALLOCATION_METHODS = (
    "dhondt",
    "sainte_lague",
    "modified_sainte_lague",
    "modified_sainte_lague_1_2",
    "danish",
    "imperiali",
    "adams",
    "huntington_hill",
    "hare",
    "droop",
    "hagenbach_bischoff",
    "imperiali_quota",
)
"""How votes are turned into the seats of parties; see docs/model.md."""


@dataclass(frozen=True)
class Integer:
    """A whole number with low <= value <= high."""

    low: int
    high: int

    def read(self, name: str, value: Any) -> int:
        """The value as an `int`, or InputError."""
        whole = isinstance(value, Integral) or (isinstance(value, Real) and float(value).is_integer())
        if isinstance(value, bool) or not whole or not self.low <= value <= self.high:
            raise InputError(
                f"{name} = {value!r} is not allowed: it must be a whole number from {self.low:,} to {self.high:,}."
            )
        return int(value)


@dataclass(frozen=True)
class Number:
    """A finite number with low <= value <= high; an open end excludes the bound itself."""

    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    def read(self, name: str, value: Any) -> float:
        """The value as a `float`, or InputError."""
        is_number = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
        if (
            not is_number
            or not self.low <= value <= self.high
            or (self.open_low and value == self.low)
            or (self.open_high and value == self.high)
        ):
            raise InputError(f"{name} = {value!r} is not allowed: it must be a finite number{self.range()}.")
        return float(value) + 0.0  # turns -0.0 into 0.0: equal values are one configuration

    def range(self) -> str:
        """The range in words, for messages and documentation."""
        low = f" {'above' if self.open_low else 'of at least'} {self.low:g}" if math.isfinite(self.low) else ""
        high = f" {'below' if self.open_high else 'of at most'} {self.high:g}" if math.isfinite(self.high) else ""
        return " and".join(part for part in (low, high) if part)


@dataclass(frozen=True)
class Magnitude:
    """A whole number for all constituencies, or a list with one for each."""

    low: int
    high: int

    def read(self, name: str, value: Any) -> int | tuple[int, ...]:
        """The number, or a tuple; InputError. A list of one number is that number."""
        if isinstance(value, str | Mapping) or not hasattr(value, "__iter__"):
            return self._one(name, value)
        numbers = tuple(self._one(name, one) for one in value)
        if not numbers:
            raise InputError(f"{name} is an empty list: give a number, or a list with one a constituency.")
        return numbers if len(numbers) > 1 else numbers[0]

    def _one(self, name: str, value: Any) -> int:
        try:
            return Integer(self.low, self.high).read(name, value)
        except InputError:
            raise InputError(
                f"{name} = {value!r} is not allowed: it must be a whole number from {self.low:,} to {self.high:,}, or "
                "a list of them with one a constituency."
            ) from None


@dataclass(frozen=True)
class Weights:
    """A number of at least 0 for all dimensions, or a list with one for each."""

    high: float

    def read(self, name: str, value: Any) -> float | tuple[float, ...]:
        """The number, or a tuple; InputError. A list of equal numbers is that number."""
        if isinstance(value, str | Mapping) or not hasattr(value, "__iter__"):
            return Number(0.0, self.high).read(name, value)
        numbers = tuple(Number(0.0, self.high).read(name, one) for one in value)
        if not 0 < len(numbers) <= MAX_DIMENSIONS:
            raise InputError(
                f"{name} = {value!r} is not allowed: give a number, or a list with one a dimension, of which there are "
                f"{MAX_DIMENSIONS} at most."
            )
        return numbers if len({*numbers}) > 1 else numbers[0]


@dataclass(frozen=True)
class Sizes:
    """Relative sizes: a number above 0 for each constituency, or any one number where all are equal."""

    high: float

    def read(self, name: str, value: Any) -> float | tuple[float, ...]:
        """1.0 where all are equal, else a tuple; InputError."""
        if isinstance(value, str | Mapping) or not hasattr(value, "__iter__"):
            self._one(name, value)
            return 1.0
        numbers = tuple(self._one(name, one) for one in value)
        if not numbers:
            raise InputError(f"{name} is an empty list: give a number a constituency, or leave it out.")
        return numbers if len(numbers) > 1 else 1.0

    def _one(self, name: str, value: Any) -> float:
        try:
            return Number(0.0, self.high, open_low=True).read(name, value)
        except InputError:
            raise InputError(
                f"{name} = {value!r} is not allowed: it must be a list of numbers above 0 and of at most "
                f"{self.high:g}, one a constituency; only their proportions count."
            ) from None


@dataclass(frozen=True)
class Choice:
    """One of a few names, read in any case."""

    names: tuple[str, ...]

    def read(self, name: str, value: Any) -> str:
        """The name as it is written in the table, or InputError."""
        for known in self.names:
            if isinstance(value, str) and value.strip().lower() == known.lower():
                return known
        hint = nearest(value, self.names) if isinstance(value, str) else ""
        raise InputError(f"{name} = {value!r} is unknown: it must be one of {', '.join(self.names)}.{hint}")


@dataclass(frozen=True)
class ChoiceOrFunction(Choice):
    """One of a few names, or a function of the user's own: itself, or as a text "module:function"."""

    def read(self, name: str, value: Any) -> Any:
        """The name as it is written in the table, or an `OwnBehaviour`; InputError."""
        if isinstance(value, str) and not names_function(value):
            return super().read(name, value)
        if not (isinstance(value, str | OwnBehaviour) or callable(value)):
            raise InputError(
                f"{name} = {value!r} is not allowed: give one of {', '.join(self.names)}, a function, or a text "
                '"module:function".'
            )
        own = read_own_behaviour(value)
        own_numbers(own)
        return own


@dataclass(frozen=True)
class Flag:
    """True or false."""

    def read(self, name: str, value: Any) -> bool:
        """The value as a `bool`, or InputError."""
        if not isinstance(value, bool):
            raise InputError(f"{name} = {value!r} is not allowed: it must be true or false.")
        return value


@dataclass(frozen=True)
class Parties:
    """A list of parties."""

    def read(self, name: str, value: Any) -> tuple[Party, ...]:  # noqa: ARG002 (messages name the field)
        """The parties, or InputError."""
        return read_parties(value)


@dataclass(frozen=True)
class Clusters:
    """A list of clusters of voters."""

    def read(self, name: str, value: Any) -> tuple[Cluster, ...]:  # noqa: ARG002 (messages name the field)
        """The clusters, or InputError."""
        return read_clusters(value)


@dataclass(frozen=True)
class Frame:
    """A frame of voters, or the path of a file that holds one; None for none."""

    def read(self, name: str, value: Any) -> Any:  # noqa: ARG002 (messages name the field)
        """A `VoterFrame` or None; InputError."""
        if value is None:
            return None
        from esim_jax.voter_frame import read_voter_frame  # imported here: it takes Polars to read one

        return read_voter_frame(value)


@dataclass(frozen=True)
class Parameter:
    """One parameter of the model."""

    name: str
    kind: Integer | Number | Magnitude | Weights | Sizes | Choice | Flag | Parties | Clusters | Frame
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
            "MMP: list seats make the totals proportional; parallel: list seats beside those of constituencies; "
            "majority_bonus: PR with a bonus for the largest party; the others count ballots that rank, approve of or "
            "score the parties."),
        Parameter("ballot_length", Integer(1, MOST_RANKED), MOST_RANKED, "parties",
            "Most places of a ranked ballot; parties beyond them are left out."),
        Parameter("approval_count", Integer(0, MOST_RANKED), 0, "parties",
            "How many parties an approval ballot approves of, the best; 0: all that the voter likes more than the "
            "average."),
        Parameter("candidates_per_party", Integer(1, MOST_RANKED), 1, "candidates",
            "With which each party stands in a constituency, where ballots rank, approve of or score candidates."),
        Parameter("candidate_spread", Number(0.0, 1e3), 0.2, "utility",
            "By how much candidates of one party differ, in their constituency and to each voter, where it has "
            "several."),
        Parameter("allocation_method", Choice(ALLOCATION_METHODS), "dhondt", "",
            "How votes turn into party seats: a divisor method or a quota with largest remainders."),
        Parameter("district_magnitude", Magnitude(1, MAX_SEATS), 1, "seats",
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
            "The parties: name, position_x, position_y, valence, incumbent, threshold_exempt."),
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


def nearest(name: object, known: Iterable[str]) -> str:
    """A hint such as " Did you mean 'temperature'?", or nothing."""
    matches = difflib.get_close_matches(str(name).lower(), {k.lower(): k for k in known}, n=1, cutoff=0.5)
    original = next((k for k in known if matches and k.lower() == matches[0]), None)
    return f" Did you mean {original!r}?" if original else ""


OWN_NUMBER = Number(-1e30, 1e30)
"""A number that a behaviour of the user's own reads."""


def own_numbers(behaviour: str | OwnBehaviour) -> dict[str, float]:
    """The numbers that a behaviour adds to the parameters, with their defaults: its arguments of other names.

    Raises:
        InputError: such an argument has no default, or its name is taken; or a parameter that it reads is no number.
    """
    if isinstance(behaviour, str):
        return {}
    from esim_jax.metrics.registry import METRICS  # imported here, for `electoral-sim --help` need not load JAX

    defaults, numbers = dict(behaviour.defaults), {}
    for name in behaviour.arguments:
        if name in PARAMETERS:
            if not isinstance(PARAMETERS[name].kind, Integer | Number | Weights | Flag):
                raise InputError(f"behaviour {behaviour} reads {name}, which is no number: leave that argument out.")
        elif name in METRICS or name in ("config_idx", "run_idx", "seed", "n_runs", "metrics"):
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
    return PARAMETERS[name].read(value)


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
    _fill_in_voters(full, values)
    if full["n_constituencies"] > full["n_voters"]:
        raise InputError(
            f"n_constituencies = {full['n_constituencies']:,} is more than n_voters = {full['n_voters']:,}: "
            "every constituency needs a voter."
        )
    full["district_magnitude"] = _read_magnitude(full)
    full["constituency_sizes"] = _read_sizes(full)
    _check_seats(full)
    _check_voters(full)
    if full["include_nota"] and any(party.name == NOTA for party in full["parties"]):
        raise InputError(f"parties: the name {NOTA!r} is taken by include_nota; rename the party or drop include_nota.")
    return full


def _fill_in_voters(full: dict[str, Any], given: Mapping[str, Any]) -> None:
    """What follows from voters who are given; refuses what contradicts them."""
    frame = full["voters"]
    if frame is None:
        if full["voter_model"] == "frame":
            raise InputError("voter_model = 'frame' needs voters: give voters=, a frame or the path of a file.")
        return
    if given.get("voter_model", "frame") != "frame":
        raise InputError(
            f"voter_model = {given['voter_model']!r} is not allowed with voters, who are those of the frame: leave one "
            "of them out."
        )
    for name in ("size_spread", "constituency_sizes"):
        if full[name] != PARAMETERS[name].default:
            raise InputError(
                f"{name} = {full[name]!r} is not allowed with voters, whose constituencies are as large as the frame "
                "says: leave it out."
            )
    full["voter_model"] = "frame"
    full["n_voters"] = given.get("n_voters", frame.n_rows)
    frame.check_parties(full["parties"], full["include_nota"])
    if frame.utility and isinstance(full["behaviour"], str) and full["behaviour"] != "proximity":
        raise InputError(
            f"behaviour = {full['behaviour']!r} is not allowed with voters whose utilities are given: leave it out, or "
            "give their positions."
        )
    if frame.constituency is None:
        return
    full["n_constituencies"] = given.get("n_constituencies", len(frame.labels))
    if full["n_constituencies"] != len(frame.labels):
        raise InputError(
            f"n_constituencies = {full['n_constituencies']:,} is not allowed with voters of {len(frame.labels):,} "
            "constituencies: leave it out, or leave out their column."
        )
    from esim_jax.voter_frame import constituency_sizes

    constituency_sizes(frame, full["n_voters"])


def _read_magnitude(full: Mapping[str, Any]) -> int | tuple[int, ...]:
    """One number where all are equal, so that equal values are one configuration."""
    magnitude: int | tuple[int, ...] = full["district_magnitude"]
    if isinstance(magnitude, int):
        return magnitude
    if len(magnitude) != full["n_constituencies"]:
        raise InputError(
            f"district_magnitude has {len(magnitude):,} numbers for n_constituencies = {full['n_constituencies']:,}: "
            "give one number, or one a constituency."
        )
    return magnitude if len({*magnitude}) > 1 else magnitude[0]


def _read_sizes(full: Mapping[str, Any]) -> float | tuple[float, ...]:
    """1.0 where all are equal, so that equal values are one configuration."""
    sizes: float | tuple[float, ...] = full["constituency_sizes"]
    if isinstance(sizes, float):
        return sizes
    if len(sizes) != full["n_constituencies"]:
        raise InputError(
            f"constituency_sizes has {len(sizes):,} numbers for n_constituencies = {full['n_constituencies']:,}: "
            "give one a constituency."
        )
    return sizes if len({*sizes}) > 1 else 1.0


def _check_seats(full: Mapping[str, Any]) -> None:
    """Refuses what the electoral system can't do with its seats; parameters of other systems don't matter."""
    system, seats = full["electoral_system"], assembly_seats(full)
    if system == "FPTP" and full["district_magnitude"] != 1:
        raise InputError(
            f"district_magnitude = {full['district_magnitude']!r} is not allowed with FPTP, which fills one seat in "
            "each constituency: choose party_block or district_PR, or leave it at 1."
        )
    if system in ONE_WINNER and full["district_magnitude"] != 1:
        raise InputError(
            f"district_magnitude = {full['district_magnitude']!r} is not allowed with {system}, which fills one seat "
            "in each constituency: leave it at 1, or choose STV."
        )
    candidates = candidates_of(full)
    if system in SEVERAL_WINNERS and _largest(full["district_magnitude"]) > len(full["parties"]) * candidates:
        have = f"{candidates} candidates" if candidates > 1 else "one candidate"
        raise InputError(
            f"district_magnitude = {full['district_magnitude']!r} is not allowed with {system} and "
            f"{len(full['parties'])} parties, each of which has {have}: give more parties, more candidates_per_party "
            "or fewer seats."
        )
    if system in (*ONE_WINNER, *SEVERAL_WINNERS):
        _check_candidates(full)
        n_options = len(full["parties"]) + full["include_nota"]
        if full["engine"] != "voters" and n_options > MOST_TYPED:
            raise InputError(
                f"engine = {full['engine']!r} draws rankings of up to {MOST_TYPED} options; there are {n_options}: "
                "choose voters or fewer parties."
            )
        if full["engine"] != "voters" and (system in SCORED or (system == "approval" and full["approval_count"])):
            what = "draws no scores" if system in SCORED else "knows no approval_count"
            raise InputError(f"engine = {full['engine']!r} is not allowed with {system}: it {what}; choose voters.")
        if n_options > MOST_RANKED:
            raise InputError(
                f"parties has {len(full['parties'])} parties: ranked ballots have room for {MOST_RANKED}, with {NOTA} "
                "if it is included."
            )
    if system in ("MMP", "parallel") and not full["list_seats"]:
        raise InputError(f"list_seats = 0 is not allowed with {system}: give the number of seats of party lists.")
    if system == "majority_bonus" and not 0 < full["bonus_seats"] <= seats:
        raise InputError(
            f"bonus_seats = {full['bonus_seats']:,} is not allowed with majority_bonus: give a number from 1 to the "
            f"{seats:,} seats there are."
        )
    if seats > MAX_SEATS:
        raise InputError(f"There would be {seats:,} seats: at most {MAX_SEATS:,} are allowed.")


def candidates_of(parameters: Mapping[str, Any]) -> int:
    """How many candidates each party has on its ballots, by a full set of parameters.

    >>> given = {"candidates_per_party": 2, "n_voters": 1_000}
    >>> [candidates_of(read_parameters({**given, "electoral_system": system})) for system in ("STV", "FPTP")]
    [2, 1]
    """
    ranked = parameters["electoral_system"] in (*ONE_WINNER, *SEVERAL_WINNERS)
    return int(parameters["candidates_per_party"]) if ranked else 1


def _check_candidates(full: Mapping[str, Any]) -> None:
    """Refuses more candidates than ballots have room for, and several of a party where no voters are drawn."""
    candidates = full["candidates_per_party"]
    if candidates == 1:
        return
    if full["engine"] != "voters":
        raise InputError(
            f"candidates_per_party = {candidates} is not allowed with engine = {full['engine']!r}, which draws "
            "rankings of parties only: choose voters, or leave it at 1."
        )
    n_options = len(full["parties"]) + full["include_nota"]
    if n_options * candidates > MOST_RANKED:
        raise InputError(
            f"candidates_per_party = {candidates} is not allowed with {len(full['parties'])} parties: ballots have "
            f"room for {MOST_RANKED} candidates, with as many for {NOTA} if it is included; give fewer."
        )


_DRAWN_VOTERS = (
    "constituency_shift", "local_appeal", "turnout_spread", "identification_strength", "strategic_sensitivity",
    "undecided",
)  # fmt: skip
"""Parameters, but for the voter model, that only the engine "voters" knows."""


def _check_voters(full: Mapping[str, Any]) -> None:
    """Refuses what the voter model can't do; parameters of other voter models don't matter."""
    model, engine = full["voter_model"], full["engine"]
    if engine != "voters" and model != "demographic":
        raise InputError(
            f"engine = {engine!r} is not allowed with voter_model = {model!r}: it knows the demographic voters' law "
            "only; choose voters."
        )
    if engine != "voters" and full["behaviour"] != "proximity":
        raise InputError(
            f"behaviour = {str(full['behaviour'])!r} is not allowed with engine = {engine!r}, which knows the law of "
            "proximity only: choose voters."
        )
    if model in CULTURES and full["behaviour"] != "proximity":
        raise InputError(
            f"behaviour = {str(full['behaviour'])!r} is not allowed with voter_model = {model!r}, whose utilities are "
            "drawn themselves: leave the behaviour out, or choose voters with positions."
        )
    _check_salience(full)
    if engine != "voters" and full["normalised_welfare"]:
        raise InputError(f"normalised_welfare is not allowed with engine = {engine!r}: choose voters, or leave it out.")
    if engine != "voters" and full["temperature"] == 0:
        raise InputError(
            f"temperature = 0 is not allowed with engine = {engine!r}, whose law is smooth: choose voters, or a "
            "temperature above 0."
        )
    for name in _DRAWN_VOTERS:
        if engine != "voters" and full[name]:
            raise InputError(
                f"{name} = {full[name]!r} is not allowed with engine = {engine!r}, to which all voters of all "
                "constituencies are alike: choose voters, or leave it at 0."
            )
    for name in ("size_spread", "constituency_sizes"):
        if engine == "limit" and full[name] != PARAMETERS[name].default:
            raise InputError(
                f"{name} = {full[name]!r} is not allowed with engine = 'limit', whose constituencies are all alike: "
                "choose voters or multinomial, or leave it out."
            )
    n_options = len(full["parties"]) + full["include_nota"]
    most = {"impartial_anonymous_culture": MOST_ANONYMOUS, **dict.fromkeys(ORDERED_CULTURES, MOST_RANKED)}.get(model)
    if most and n_options > most:
        raise InputError(
            f"parties has {len(full['parties'])} parties: voter_model = {model!r} has room for {most}, with {NOTA} if "
            "it is included; give fewer parties, or choose impartial_culture."
        )
    if model.startswith("spatial") and full["dimensions"] > 2 and not full["positions_drawn"]:
        raise InputError(
            f"dimensions = {full['dimensions']} is not allowed where parties have a position_x and a position_y: give "
            "1 or 2 dimensions, or positions_drawn = true."
        )


def _check_salience(full: Mapping[str, Any]) -> None:
    """Refuses a list for another number of dimensions than there are, where it is read."""
    behaviour, salience = full["behaviour"], full["salience"]
    if isinstance(behaviour, OwnBehaviour):
        read = "salience" in behaviour.arguments
    else:
        read = behaviour in ("weighted_proximity", "directional")
    n_dimensions = full["dimensions"] if full["voter_model"].startswith("spatial") else 2
    if read and isinstance(salience, tuple) and len(salience) != n_dimensions:
        raise InputError(
            f"salience has {len(salience)} numbers for {n_dimensions} dimensions: give one number, or one a dimension."
        )


def _largest(magnitude: int | tuple[int, ...]) -> int:
    return magnitude if isinstance(magnitude, int) else max(magnitude)


def extra_seats(parameters: Mapping[str, Any]) -> int:
    """Seats, by a full set of parameters, that the system treats apart: of lists, to level, or the bonus."""
    name = {
        "district_PR": "levelling_seats",
        "MMP": "list_seats",
        "parallel": "list_seats",
        "majority_bonus": "bonus_seats",
    }.get(parameters["electoral_system"])
    return parameters[name] if name else 0


def assembly_seats(parameters: Mapping[str, Any]) -> int:
    """All seats, by a full set of parameters, but for those by which the house may grow.

    >>> assembly_seats(read_parameters({"electoral_system": "MMP", "n_constituencies": 72, "list_seats": 48}))
    120
    """
    magnitude = parameters["district_magnitude"]
    each = magnitude * parameters["n_constituencies"] if isinstance(magnitude, int) else sum(magnitude)
    return int(each) + (0 if parameters["electoral_system"] == "majority_bonus" else extra_seats(parameters))


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
