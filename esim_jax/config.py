"""Every parameter of the model once: kind, default, range, unit and a sentence of help.

The model, the sweep, the command line and the documentation all read this table.
"""

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from esim_jax.errors import InputError
from esim_jax.parties import DEFAULT_PARTIES, NOTA, Party, read_parties

SEED_LOW, SEED_HIGH = -(2**63), 2**64
"""Seeds are the 64-bit integers, signed or unsigned: SEED_LOW <= seed < SEED_HIGH."""


ENGINES = ("voters", "multinomial", "limit")
"""How the votes of an election can come about; see docs/engines.md."""


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
class Parameter:
    """One parameter of the model."""

    name: str
    kind: Integer | Number | Choice | Flag | Parties
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
            "Electoral districts of equal size; also the number of seats.",
        ),
        Parameter("electoral_system", Choice(("FPTP", "PR")), "FPTP", "",
            "FPTP: the plurality winner of each constituency takes its seat; "
            "PR: all seats are allotted to the national votes."),
        Parameter("allocation_method", Choice(("dhondt", "sainte_lague", "hare", "droop")), "dhondt", "",
            "How PR turns votes into seats: a divisor method or a quota with largest remainders."),
        Parameter("threshold", Number(0.0, 1.0, open_high=True), 0.0, "share of votes",
            "Smallest share of the votes cast with which a party takes part in PR."),
        Parameter("temperature", Number(0.0, 1e6, open_low=True), 0.5, "utility",
            "Randomness of the choice: near 0 the best party is chosen, large values make all equally likely."),
        Parameter("parties", Parties(), DEFAULT_PARTIES, "",
            "The parties: name, position_x, position_y, valence, incumbent."),
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


def read_parameter(name: str, value: Any) -> Any:
    """One parameter's value in its canonical type.

    Raises:
        InputError: the name is unknown or the value is not allowed.

    >>> read_parameter("electoral_system", "fptp")
    'FPTP'
    """
    if name not in PARAMETERS:
        raise InputError(f"Unknown parameter {name!r}.{nearest(name, PARAMETERS)} Known are {', '.join(PARAMETERS)}.")
    return PARAMETERS[name].read(value)


def read_parameters(given: Mapping[str, Any]) -> dict[str, Any]:
    """A full set of parameter values, canonical, in the order of the table: those given, defaults for the rest.

    Raises:
        InputError: a name is unknown, a value is not allowed, or the values contradict each other.
    """
    values = {name: read_parameter(name, value) for name, value in given.items()}
    full = {name: values.get(name, parameter.default) for name, parameter in PARAMETERS.items()}
    if full["n_constituencies"] > full["n_voters"]:
        raise InputError(
            f"n_constituencies = {full['n_constituencies']:,} is more than n_voters = {full['n_voters']:,}: "
            "every constituency needs a voter."
        )
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
