"""Kinds of parameters: each reads a value into its canonical type, or says in a sentence why not."""

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

from esim_jax.clusters import Cluster, read_clusters
from esim_jax.errors import InputError
from esim_jax.names import MAX_DIMENSIONS
from esim_jax.own_behaviour import OwnBehaviour, names_function, read_own_behaviour
from esim_jax.parties import Party, read_parties


def nearest(name: object, known: Iterable[str]) -> str:
    """A hint such as " Did you mean 'temperature'?", or nothing."""
    matches = difflib.get_close_matches(str(name).lower(), {k.lower(): k for k in known}, n=1, cutoff=0.5)
    original = next((k for k in known if matches and k.lower() == matches[0]), None)
    return f" Did you mean {original!r}?" if original else ""


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
class Integers:
    """A whole number for all of something, or a list with one for each."""

    low: int
    high: int
    of: str

    def read(self, name: str, value: Any) -> int | tuple[int, ...]:
        """The number, or a tuple; InputError. A list of one number is that number."""
        if isinstance(value, str | Mapping) or not hasattr(value, "__iter__"):
            return self._one(name, value)
        numbers = tuple(self._one(name, one) for one in value)
        if not numbers:
            raise InputError(f"{name} is an empty list: give a number, or a list with one a {self.of}.")
        return numbers if len(numbers) > 1 else numbers[0]

    def _one(self, name: str, value: Any) -> int:
        try:
            return Integer(self.low, self.high).read(name, value)
        except InputError:
            raise InputError(
                f"{name} = {value!r} is not allowed: it must be a whole number from {self.low:,} to {self.high:,}, or "
                f"a list of them with one a {self.of}."
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
        return read_own_behaviour(value)


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
