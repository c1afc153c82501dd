"""Spatial electorates: voters, and parties where they are drawn, as points in a space of any dimension.

A voter's coordinate d is, with independent standard normal numbers Z,

    normal      spread (sqrt(c) Z_common + sqrt(1 - c) Z_d)     every two coordinates have the correlation c
    uniform     spread sqrt(3) (2 u_d - 1)                      in a cube; the same standard deviation

Parties that are drawn follow the voters' law times the dispersion, one draw an election (Merrill, S., 1984, "A
Comparison of Efficiency of Multicandidate Electoral Systems", American Journal of Political Science 28(1), 23-48).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, UInt

from esim_jax.model.quantiles import WIDE_NORMAL, Quantile
from esim_jax.model.utility import incumbency_effect
from esim_jax.names import MAX_DIMENSIONS
from esim_jax.parties import Party
from esim_jax.random import POSITION_DRAWS, VOTER_DRAWS, Key, centred24, random_words, uniform23

WIDEST = 5.42
"""Largest normal number that can be drawn: a grid of 2^24 quantiles."""


class SpatialVoters(NamedTuple):
    """Voters as points, float32, all of one shape."""

    common: Float[Array, "..."]  # what all coordinates share, standard
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


Law = Callable[[Key, UInt[Array, "..."], int, int], tuple[Array, list[Array]]]
"""What all coordinates share and each coordinate's own number, standard; by key, index, first draw and dimensions."""


def standard_numbers(
    key: Key, index: UInt[Array, "..."], draw: int, n: int, quantile: Quantile | Callable[[Array], Array]
) -> list[Float[Array, "..."]]:
    """So many numbers for each index from a draw on, two a draw, by a quantile function of v = u - 1/2."""
    words: list[Array] = []
    while len(words) < n:
        words += random_words(key, index, draw + len(words) // 2)
    return [quantile(centred24(word)) for word in words[:n]]


def correlated(key: Key, index: UInt[Array, "..."], draw: int, n_dimensions: int) -> tuple[Array, list[Array]]:
    """The normal law with any correlation."""
    # from a draw behind those of any coordinate, so that the number of dimensions can't change it
    [common] = standard_numbers(key, index, draw + -(-MAX_DIMENSIONS // 2), 1, WIDE_NORMAL)
    return common, normal(key, index, draw, n_dimensions)[1]


def normal(key: Key, index: UInt[Array, "..."], draw: int, n_dimensions: int) -> tuple[Array, list[Array]]:
    """The normal law with a correlation of 0: what `correlated` draws, without what counts for nothing then."""
    own = standard_numbers(key, index, draw, n_dimensions, WIDE_NORMAL)
    return jnp.zeros_like(own[0]), own


def uniform(key: Key, index: UInt[Array, "..."], draw: int, n_dimensions: int) -> tuple[Array, list[Array]]:
    """The uniform law with mean 0 and standard deviation 1."""
    own = standard_numbers(key, index, draw, n_dimensions, lambda v: v * np.float32(math.sqrt(12)))
    return jnp.zeros_like(own[0]), own


def by_law(law: Law) -> Callable[[Key, UInt[Array, "..."], int, int], SpatialVoters]:
    """Draws voters with standard coordinates of a law, by key, index, parties (not used) and dimensions."""

    def draw(key: Key, voter: UInt[Array, "..."], n_parties: int, n_dimensions: int) -> SpatialVoters:  # noqa: ARG001
        ballot, _ = random_words(key, voter, VOTER_DRAWS)
        common, own = law(key, voter, VOTER_DRAWS + 1, n_dimensions)
        return SpatialVoters(common, tuple(own), uniform23(ballot))

    return draw


def spread(voters: SpatialVoters, parameters: Mapping[str, Float[Array, "..."]]) -> SpatialVoters:
    """The voters with the election's spread and number of dimensions."""
    within = [parameters["voter_spread"] * (d < parameters["dimensions"]) for d in range(len(voters.position))]
    return voters._replace(position=tuple(z * s for z, s in zip(voters.position, within, strict=True)))


def correlate(voters: SpatialVoters, parameters: Mapping[str, Float[Array, "..."]]) -> SpatialVoters:
    """The voters with the election's correlation, spread and number of dimensions."""
    c = parameters["voter_correlation"]
    shared, own = jnp.sqrt(c), jnp.sqrt(1 - c)
    mixed = tuple(shared * voters.common + own * z for z in voters.position)
    return spread(voters._replace(position=mixed), parameters)


def move_in_space(
    voters: SpatialVoters, shift: Sequence[Float[Array, "..."]], parameters: Mapping[str, Float[Array, "..."]]
) -> SpatialVoters:
    """The voters with their positions moved in each of the election's dimensions."""
    moved = [
        z + s * (d < parameters["dimensions"]) for d, (z, s) in enumerate(zip(voters.position, shift, strict=True))
    ]
    return voters._replace(position=tuple(moved))


def positions_by(
    law: Law, place: Callable[[SpatialVoters, Mapping[str, Float[Array, "..."]]], SpatialVoters]
) -> Callable[[Key, int, int, Mapping[str, Float[Array, "..."]]], Float[Array, "... party dimension"]]:
    """Draws positions of parties who stand anywhere in the electorate of a law, once an election.

    By the simulation's key, places for parties, dimensions of the space (coordinates beyond the election's own are 0)
    and parameters: position_dispersion, and those that `place` reads.
    """

    def draw(
        key: Key, n_parties: int, n_dimensions: int, parameters: Mapping[str, Float[Array, "..."]]
    ) -> Float[Array, "... party dimension"]:
        party = jnp.arange(n_parties, dtype=jnp.uint32)
        of_parties = (key[0][..., None], key[1][..., None])
        numbers = {name: value[..., None] for name, value in parameters.items()}
        numbers["voter_spread"] = numbers["voter_spread"] * numbers["position_dispersion"]
        common, own = law(of_parties, party, POSITION_DRAWS, n_dimensions)
        placed = place(SpatialVoters(common, tuple(own), jnp.zeros((), jnp.float32)), numbers)
        return jnp.stack(placed.position, axis=-1)

    return draw


def spatial_bound(parameters: Mapping[str, Any], ballot: Sequence[Party]) -> float:
    """Bound on |utility| by distance, of voters and parties in the furthest corners."""
    # of a coordinate: both its numbers at their largest
    return bound_within(WIDEST * math.sqrt(2) * parameters["voter_spread"], parameters, ballot)


def bound_within(reach: float, parameters: Mapping[str, Any], ballot: Sequence[Party]) -> float:
    """Bound on |utility| by distance where no voter's coordinate is larger than `reach`."""
    effect = incumbency_effect(
        parameters["economic_growth"], parameters["national_mood"], parameters["anti_incumbency"]
    )
    furthest = max(abs(v) for option in ballot for v in (option.position_x, option.position_y))
    if parameters["positions_drawn"]:
        furthest = max(furthest, reach * parameters["position_dispersion"])
    furthest += WIDEST * parameters["constituency_shift"]
    distance = math.sqrt(parameters["dimensions"]) * (reach + furthest)
    return float(distance + max(abs(0.01 * option.valence) + option.incumbent * abs(effect) for option in ballot))
