"""Clustered electorates: voters, and parties where they are drawn, as points around the centres of a few clusters.

A voter belongs to cluster k with a probability proportional to its weight, and has the coordinates

    centre_k + spread_k Z_d,    independent standard normal numbers Z_d,

with centres in the first two dimensions: a mixture of normal laws. Parties that are drawn follow the voters' law times
the dispersion, one draw an election.
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, UInt

from esim_jax.clusters import MAX_CLUSTERS, Cluster
from esim_jax.model.quantiles import WIDE_NORMAL
from esim_jax.model.spatial import WIDEST, bound_within, standard_numbers
from esim_jax.parties import Party
from esim_jax.random import POSITION_DRAWS, VOTER_DRAWS, Key, random_words, uniform23, uniform24

_NUMBERS = ("up_to", "position_x", "position_y", "spread")

CLUSTER_NUMBERS = tuple(f"cluster_{k}_{name}" for k in range(MAX_CLUSTERS) for name in _NUMBERS)
"""Names of the numbers that say where the clusters are: as many whatever their number."""


def cluster_numbers(clusters: Sequence[Cluster]) -> dict[str, float]:
    """The clusters as numbers: shares of voters up to each of them, centres and spreads; nobody is in surplus ones.

    >>> numbers = cluster_numbers([Cluster(3.0, -1.0), Cluster(1.0, 1.0)])
    >>> [numbers[f"cluster_{k}_up_to"] for k in range(3)], [numbers[f"cluster_{k}_position_x"] for k in range(3)]
    ([0.75, 1.0, 1.0], [-1.0, 1.0, 1.0])
    """
    running = [*accumulate(cluster.weight for cluster in clusters)]
    rows = [
        (up_to / running[-1], c.position_x, c.position_y, c.spread) for up_to, c in zip(running, clusters, strict=True)
    ]
    rows += [rows[-1]] * (MAX_CLUSTERS - len(rows))
    return dict(zip(CLUSTER_NUMBERS, (number for row in rows for number in row), strict=True))


class ClusteredVoters(NamedTuple):
    """Voters as points, float32, all of one shape."""

    cluster: Float[Array, "..."]  # uniform in [0, 1); decides to which cluster the voter belongs
    position: tuple[Float[Array, "..."], ...]  # coordinates; standard before they are placed
    chance: Float[Array, "..."]  # uniform in (0, 1); decides whether and for whom the voter votes

    @property
    def x(self) -> Float[Array, "..."]:
        """The first coordinate."""
        return self.position[0]

    @property
    def y(self) -> Float[Array, "..."]:
        """The second coordinate."""
        return self.position[1]


def draw_clustered(key: Key, voter: UInt[Array, "..."], n_parties: int, n_dimensions: int) -> ClusteredVoters:  # noqa: ARG001
    """Standard normal coordinates of the voters with the given indices, and what decides their cluster.

    Args:
        key: of the simulation.
        voter: uint32 index of the voter within the simulation.
        n_parties: not used.
        n_dimensions: of the space.
    """
    ballot, cluster = random_words(key, voter, VOTER_DRAWS)
    numbers = standard_numbers(key, voter, VOTER_DRAWS + 1, n_dimensions, WIDE_NORMAL)
    return ClusteredVoters(uniform24(cluster), tuple(numbers), uniform23(ballot))


def place_clustered(voters: ClusteredVoters, parameters: Mapping[str, Float[Array, "..."]]) -> ClusteredVoters:
    """The voters around the centres of their clusters, in the election's number of dimensions."""
    x, y, spread = (_of_cluster(voters.cluster, name, parameters) for name in _NUMBERS[1:])
    centres = [x, y, *[jnp.zeros_like(x)] * (len(voters.position) - 2)]
    within = [parameters["dimensions"] > d for d in range(len(voters.position))]
    placed = [jnp.where(w, c + spread * z, 0) for w, c, z in zip(within, centres, voters.position, strict=True)]
    return voters._replace(position=tuple(placed))


def _of_cluster(
    cluster: Float[Array, "..."], name: str, parameters: Mapping[str, Float[Array, "..."]]
) -> Float[Array, "..."]:
    """A number of each voter's cluster."""
    value = jnp.broadcast_to(parameters[f"cluster_0_{name}"], cluster.shape)
    for k in range(1, MAX_CLUSTERS):
        beyond = cluster >= parameters[f"cluster_{k - 1}_up_to"]
        value = jnp.where(beyond, parameters[f"cluster_{k}_{name}"], value)
    return value


def draw_clustered_positions(
    key: Key, n_parties: int, n_dimensions: int, parameters: Mapping[str, Float[Array, "..."]]
) -> Float[Array, "... party dimension"]:
    """Positions of parties who stand anywhere in the electorate, one draw an election.

    Args:
        key: of the simulation.
        n_parties: places for parties.
        n_dimensions: of the space; coordinates beyond the election's own dimensions are 0.
        parameters: dimensions, position_dispersion and those of the clusters.
    """
    party = jnp.arange(n_parties, dtype=jnp.uint32)
    of_parties = (key[0][..., None], key[1][..., None])
    numbers = {name: value[..., None] for name, value in parameters.items()}
    z = standard_numbers(of_parties, party, POSITION_DRAWS + 1, n_dimensions, WIDE_NORMAL)
    cluster = uniform24(random_words(of_parties, party, POSITION_DRAWS)[0])
    placed = place_clustered(ClusteredVoters(cluster, tuple(z), jnp.zeros((), jnp.float32)), numbers)
    return jnp.stack(placed.position, axis=-1) * numbers["position_dispersion"][..., None]


def clustered_bound(parameters: Mapping[str, Any], ballot: Sequence[Party]) -> float:
    """Bound on |utility| by distance, of voters and parties in the furthest corners."""
    clusters: Sequence[Cluster] = parameters["clusters"]
    reach = max(max(abs(c.position_x), abs(c.position_y)) + WIDEST * c.spread for c in clusters)
    return bound_within(reach, parameters, ballot)
