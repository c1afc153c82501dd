"""Behaviours: what each party is worth to each voter.

A behaviour is one pure function of the voters, the parties and the parameters. It is called once, with arrays of any
shape, and gives one array a party; the compiler fuses it with what draws the voters and what adds up their ballots.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float


class PartyView(NamedTuple):
    """A party as a behaviour sees it, float32; shapes broadcast against the voters'."""

    position: tuple[Float[Array, "..."], ...]  # coordinates
    appeal: Float[Array, "..."]  # utility to all voters of a constituency alike: valence, incumbency
    valence: Float[Array, "..."]  # points
    incumbent: Float[Array, "..."]  # 1 for a governing party, else 0


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


def _squared_distance(a: Sequence[Array], b: Sequence[Array]) -> Float[Array, "..."]:
    squares = [(x - y) ** 2 for x, y in zip(a, b, strict=True)]
    total = squares[0]
    for square in squares[1:]:
        total = total + square
    return total
