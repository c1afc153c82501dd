"""Parties: what a voter can choose among."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from numbers import Real
from typing import Any

from esim_jax.errors import InputError

MAX_PARTIES = 256
MAX_MAGNITUDE = 1e4
"""Largest absolute position or valence: beyond it single precision loses the voters' differences."""

MAX_UNEVENNESS = 100.0

_RANGES = {
    "position_x": (-MAX_MAGNITUDE, MAX_MAGNITUDE),
    "position_y": (-MAX_MAGNITUDE, MAX_MAGNITUDE),
    "valence": (-MAX_MAGNITUDE, MAX_MAGNITUDE),
    "unevenness": (0.0, MAX_UNEVENNESS),
}
"""Least and largest value of the fields that are numbers."""

NOTA = "NOTA"
"""Name of the option "none of the above", which takes votes and wins no seats."""


@dataclass(frozen=True)
class Party:
    """One party: a point in the two-dimensional policy space, and what else attracts voters to it.

    Attributes:
        name: unique in its election.
        position_x: economic position; voters lie in [-1, 1], left to right.
        position_y: social position; voters lie in [-1, 1].
        valence: appeal to all voters alike, in points; 100 points are worth 1 unit of utility.
        incumbent: whether the party governs: growth, national mood and anti-incumbency then act on it.
        threshold_exempt: whether it needs no threshold, as parties of national minorities don't in some countries.
        unevenness: how unevenly its support is spread over constituencies, a multiple of the parameter `local_appeal`,
            from 0 for a party that is alike everywhere to 100; 1 for the ordinary.

    Raises:
        InputError: a name is empty, or a number is not finite or larger than 10,000 in magnitude.

    >>> party = Party("Greens", position_x=-0.4, position_y=0.3)
    >>> party.valence, party.incumbent, party.threshold_exempt, party.unevenness
    (50.0, False, False, 1.0)
    """

    name: str
    position_x: float = 0.0
    position_y: float = 0.0
    valence: float = 50.0
    incumbent: bool = False
    threshold_exempt: bool = False
    unevenness: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.strip():
            raise InputError(f"parties: the name {self.name!r} must be a text that is not empty.")
        for field, (low, high) in _RANGES.items():
            value = getattr(self, field)
            if isinstance(value, bool) or not isinstance(value, Real) or not low <= float(value) <= high:
                raise InputError(
                    f"parties: {field} of party {self.name!r} is {value!r}; it must be a number between {low:g} and "
                    f"{high:g}."
                )
            object.__setattr__(self, field, float(value))
        for field in ("incumbent", "threshold_exempt"):
            flag = getattr(self, field)
            if not isinstance(flag, bool):
                raise InputError(f"parties: {field} of party {self.name!r} is {flag!r}; it must be true or false.")

    def utility_bound(self) -> float:
        """Bound on |utility| without the incumbency term, over all voters in [-1, 1] x [-1, 1]."""
        distance = math.hypot(1 + abs(self.position_x), 1 + abs(self.position_y))
        return distance + abs(0.01 * self.valence)


DEFAULT_PARTIES = (
    Party("Party A", -0.3, 0.1, 50.0, incumbent=True),
    Party("Party B", 0.3, -0.1, 50.0),
    Party("Party C", 0.0, 0.3, 45.0),
)


def read_parties(value: Any) -> tuple[Party, ...]:
    """Parties from a list of `Party` or of mappings with the same fields.

    Raises:
        InputError: the list is empty, too long or holds a duplicate, an unknown field or a bad value.
    """
    if isinstance(value, str | Mapping) or not isinstance(value, Sequence):
        raise InputError(
            f"parties = {value!r} is not a list: give a list of Party(...) or of mappings with {', '.join(_FIELDS)}."
        )
    if not value:
        raise InputError("parties is an empty list: an election needs at least one party.")
    if len(value) > MAX_PARTIES:
        raise InputError(f"parties has {len(value)} entries; at most {MAX_PARTIES} are allowed.")
    parties = tuple(_read_party(entry) for entry in value)
    names = [party.name for party in parties]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"parties: the name {name!r} is given twice; names must differ.")
    return parties


_FIELDS = tuple(field.name for field in fields(Party))


def _read_party(entry: Any) -> Party:
    if isinstance(entry, Party):
        return entry
    if not isinstance(entry, Mapping):
        raise InputError(f"parties: {entry!r} is neither a Party nor a mapping; give {', '.join(_FIELDS)}.")
    unknown = [key for key in entry if key not in _FIELDS]
    if unknown:
        raise InputError(f"parties: unknown field {unknown[0]!r}; a party has {', '.join(_FIELDS)}.")
    if "name" not in entry:
        raise InputError(f"parties: {dict(entry)!r} has no name; every party needs one.")
    return Party(**entry)


_LATER = {field.name: field.default for field in fields(Party) if field.name in ("threshold_exempt", "unevenness")}
"""Fields that came later, with their defaults: told only where a party differs, so that lists which don't use them
read, and count, as they did before there were any."""


def fields_in_use(parties: Iterable[Party]) -> tuple[str, ...]:
    """The fields that tell these parties' values: all, but for those that came later and that none of them uses.

    >>> fields_in_use([Party("A"), Party("B", unevenness=2.0)])
    ('name', 'position_x', 'position_y', 'valence', 'incumbent', 'unevenness')
    """
    used = {name for party in parties for name, default in _LATER.items() if getattr(party, name) != default}
    return tuple(name for name in _FIELDS if name in used or name not in _LATER)


def party_mappings(parties: Sequence[Party], told: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Parties as plain mappings, the form in which they stand in results and in configuration files.

    Args:
        parties: a list of them.
        told: names of the fields; by default those in use.
    """
    told = fields_in_use(parties) if told is None else told
    return [{name: getattr(party, name) for name in told} for party in parties]
