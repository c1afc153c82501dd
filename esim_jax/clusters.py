"""Clusters: of what a mixture of voters is made."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from numbers import Real
from typing import Any

from esim_jax.errors import InputError

MAX_CLUSTERS = 8
MIN_WEIGHT, MAX_WEIGHT = 1e-6, 1e6
MIN_SPREAD, MAX_SPREAD = 1e-6, 1e3
MAX_POSITION = 1e4


@dataclass(frozen=True)
class Cluster:
    """Voters around one point.

    Attributes:
        weight: how many they are, relative to the other clusters.
        position_x: the first coordinate of the point.
        position_y: the second.
        spread: standard deviation of each coordinate.
    """

    weight: float = 1.0
    position_x: float = 0.0
    position_y: float = 0.0
    spread: float = 0.3


_RANGES = {
    "weight": (MIN_WEIGHT, MAX_WEIGHT),
    "position_x": (-MAX_POSITION, MAX_POSITION),
    "position_y": (-MAX_POSITION, MAX_POSITION),
    "spread": (MIN_SPREAD, MAX_SPREAD),
}

_FIELDS = tuple(_RANGES)

DEFAULT_CLUSTERS = (Cluster(position_x=-0.5), Cluster(position_x=0.5))


def read_clusters(value: Any) -> tuple[Cluster, ...]:
    """Clusters from a list of `Cluster` or of mappings with the same fields.

    Raises:
        InputError: the list is empty, too long or holds an unknown field, or a number that is not in its range.

    >>> read_clusters([{"weight": 2, "position_x": -0.5}])
    (Cluster(weight=2.0, position_x=-0.5, position_y=0.0, spread=0.3),)
    """
    if isinstance(value, str | Mapping) or not isinstance(value, Sequence):
        raise InputError(f"clusters = {value!r} is not a list: give a list of mappings with {', '.join(_FIELDS)}.")
    if not 1 <= len(value) <= MAX_CLUSTERS:
        raise InputError(f"clusters has {len(value)} entries: give 1 to {MAX_CLUSTERS} of them.")
    return tuple(_read_cluster(entry) for entry in value)


def _read_cluster(entry: Any) -> Cluster:
    if isinstance(entry, Cluster):
        return entry
    if not isinstance(entry, Mapping):
        raise InputError(f"clusters: {entry!r} is not a mapping; give {', '.join(_FIELDS)}.")
    unknown = [key for key in entry if key not in _FIELDS]
    if unknown:
        raise InputError(f"clusters: unknown field {unknown[0]!r}; a cluster has {', '.join(_FIELDS)}.")
    return Cluster(**{name: _read_number(name, value) for name, value in entry.items()})


def _read_number(name: str, value: Any) -> float:
    low, high = _RANGES[name]
    if isinstance(value, bool) or not isinstance(value, Real) or not low <= float(value) <= high:
        raise InputError(f"clusters: {name} = {value!r} is not allowed: it must be a number from {low:g} to {high:g}.")
    return float(value) + 0.0  # turns -0.0 into 0.0: equal values are one configuration


def cluster_mappings(clusters: Sequence[Cluster]) -> list[dict[str, float]]:
    """Clusters as plain mappings, the form in which they stand in results and in configuration files."""
    return [asdict(cluster) for cluster in clusters]
