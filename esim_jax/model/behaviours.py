"""Behaviours: what each party is worth to each voter.

A behaviour is one pure function of the voters, the parties and the parameters. It is called once, with arrays of any
shape, and gives one array a party; the compiler fuses it with what draws the voters and what adds up their ballots.
"""

import functools
import math
import operator
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from esim_jax.names import MAX_DIMENSIONS


class PartyView(NamedTuple):
    """A party as a behaviour sees it, float32; shapes broadcast against the voters'."""

    position: tuple[Float[Array, "..."], ...]  # coordinates
    appeal: Float[Array, "..."]  # utility to all voters of a constituency alike: valence, incumbency
    valence: Float[Array, "..."]  # points
    incumbent: Float[Array, "..."]  # 1 for a governing party, else 0

    @property
    def x(self) -> Float[Array, "..."]:
        """The first coordinate."""
        return self.position[0]

    @property
    def y(self) -> Float[Array, "..."]:
        """The second coordinate."""
        return self.position[1]


def proximity(
    voters: Any,
    parties: Sequence[PartyView],
    parameters: Mapping[str, Float[Array, "..."]],  # noqa: ARG001 (behaviours have one signature)
) -> list[Float[Array, "..."]]:
    """The nearer a party, the better: U_ij = -||position_i - position_j|| + appeal_j.

    Source: Downs (1957), An Economic Theory of Democracy; Enelow and Hinich (1984), The Spatial Theory of Voting.

    Args:
        voters: with coordinates `position`, as many as the parties'.
        parties: their position and appeal.
        parameters: none is read.

    >>> from types import SimpleNamespace
    >>> voters = SimpleNamespace(position=(jnp.zeros(1), jnp.zeros(1)))
    >>> far = PartyView((jnp.float32(0.6), jnp.float32(0.8)), jnp.float32(0.5), jnp.float32(50), jnp.float32(0))
    >>> [utility.tolist() for utility in proximity(voters, [far], {})]
    [[-0.5]]
    """
    return [party.appeal - jnp.sqrt(_squared_distance(voters.position, party.position)) for party in parties]


SALIENCE = tuple(f"salience {d}" for d in range(MAX_DIMENSIONS))
"""The salience of each dimension, among a behaviour's parameters."""


def weighted_proximity(
    voters: Any, parties: Sequence[PartyView], parameters: Mapping[str, Float[Array, "..."]]
) -> list[Float[Array, "..."]]:
    """As `proximity`, with a salience of each dimension: U_ij = -sqrt(sum_d s_d (x_id - p_jd)^2) + appeal_j.

    Source: Davis, Hinich and Ordeshook (1970), "An Expository Development of a Mathematical Model of the Electoral
    Process", American Political Science Review 64(2), 426-448; Enelow and Hinich (1984).

    Args:
        voters: with coordinates `position`, as many as the parties'.
        parties: their position and appeal.
        parameters: the names in SALIENCE, at least 0.

    >>> from types import SimpleNamespace
    >>> voters = SimpleNamespace(position=(jnp.zeros(1), jnp.zeros(1)))
    >>> far = PartyView((jnp.float32(0.75), jnp.float32(0.5)), jnp.float32(0.5), jnp.float32(50), jnp.float32(0))
    >>> weights = {"salience 0": jnp.float32(4), "salience 1": jnp.float32(0)}
    >>> [utility.tolist() for utility in weighted_proximity(voters, [far], weights)]
    [[-1.0]]
    """
    return [party.appeal - _weighted_distance(voters, party, parameters) for party in parties]


def directional(
    voters: Any, parties: Sequence[PartyView], parameters: Mapping[str, Float[Array, "..."]]
) -> list[Float[Array, "..."]]:
    """The further on the voter's side of the neutral point 0, the better; mixed with proximity.

    U_ij = (1 - b) (-sqrt(sum_d s_d (x_id - p_jd)^2)) + b sum_d s_d x_id p_jd + appeal_j

    With b = 1 it is the directional model of Rabinowitz and Macdonald (1989), "A Directional Theory of Issue Voting",
    American Political Science Review 83(1), 93-121. Merrill and Grofman (1999), A Unified Theory of Voting, mix it with
    proximity; the distance here is that of `proximity`, not its square, so that b = 0 is that behaviour.

    Args:
        voters: with coordinates `position`, as many as the parties'.
        parties: their position and appeal.
        parameters: directional_weight b in [0, 1], and the names in SALIENCE.

    >>> from types import SimpleNamespace
    >>> voters = SimpleNamespace(position=(jnp.ones(1), jnp.ones(1)))
    >>> far = PartyView((jnp.float32(0.75), jnp.float32(0.5)), jnp.float32(0.5), jnp.float32(50), jnp.float32(0))
    >>> numbers = {"directional_weight": jnp.float32(1), "salience 0": jnp.float32(1), "salience 1": jnp.float32(1)}
    >>> [utility.tolist() for utility in directional(voters, [far], numbers)]
    [[1.75]]
    """
    weight = parameters["directional_weight"]
    utilities = []
    for party in parties:
        products = zip(voters.position, party.position, SALIENCE[: len(party.position)], strict=True)
        direction = functools.reduce(operator.add, (parameters[s] * x * p for x, p, s in products))
        distance = _weighted_distance(voters, party, parameters)
        utilities.append(party.appeal - (1 - weight) * distance + weight * direction)
    return utilities


def same_bound(parameters: Mapping[str, Any], bound: float) -> float:  # noqa: ARG001 (bounds have one signature)
    """The bound on |utility| of `proximity`, which is that of the voter model."""
    return bound


def weighted_bound(parameters: Mapping[str, Any], bound: float) -> float:
    """The bound on |utility| of `weighted_proximity`: all dimensions weigh as much as the weightiest at most."""
    return bound * max(1.0, math.sqrt(_largest_salience(parameters)))


def directional_bound(parameters: Mapping[str, Any], bound: float) -> float:
    """The bound on |utility| of `directional`, from that of `proximity`.

    With |x_d| <= a and |p_d| <= b_d the product's size is at most sum_d a b_d <= sum_d ((a + b_d) / 2)^2, a quarter of
    the square of the largest distance.
    """
    product = parameters["directional_weight"] * _largest_salience(parameters) * bound**2 / 4
    return weighted_bound(parameters, bound) + float(product)


def _largest_salience(parameters: Mapping[str, Any]) -> float:
    salience = parameters["salience"]
    return float(max(salience) if isinstance(salience, tuple) else salience)


def _weighted_distance(
    voters: Any, party: PartyView, parameters: Mapping[str, Float[Array, "..."]]
) -> Float[Array, "..."]:
    pairs = zip(voters.position, party.position, SALIENCE[: len(party.position)], strict=True)
    return jnp.sqrt(functools.reduce(operator.add, (parameters[s] * (x - p) ** 2 for x, p, s in pairs)))


def _squared_distance(a: Sequence[Array], b: Sequence[Array]) -> Float[Array, "..."]:
    squares = [(x - y) ** 2 for x, y in zip(a, b, strict=True)]
    total = squares[0]
    for square in squares[1:]:
        total = total + square
    return total
