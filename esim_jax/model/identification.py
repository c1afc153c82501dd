"""Party identification: a lasting attachment that makes one party worth more, whatever it stands for today.

A voter identifies, with the probability `identified_share`, with the party that is nearest in position, and then this
party is worth `identification_strength` more. The nearest stands for the party that the voter has grown up with and
agrees with on the whole: attachment outlasts what moves single elections, so valence, incumbency and local appeal
don't matter to it. The term follows Campbell, A., Converse, P. E., Miller, W. E. & Stokes, D. E. (1960), The American
Voter, and its place beside policy Merrill, S. & Grofman, B. (1999), A Unified Theory of Voting.
"""

from collections.abc import Sequence
from itertools import pairwise

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from esim_jax.model.ballots import choose_best
from esim_jax.model.behaviours import PartyView


def own_party(
    loyalty: Float[Array, "..."],
    position: Sequence[Float[Array, "..."]],
    parties: Sequence[PartyView],
    eligible: Sequence[Float[Array, "..."]],
    share: Float[Array, "..."],
) -> list[Float[Array, "..."]]:
    """1 for each voter's own party, 0 for the others.

    Args:
        loyalty: uniform number in (0, 1) of each voter.
        position: the voters' coordinates.
        parties: of several nearest ones each is as likely.
        eligible: 1 for a party, 0 for NOTA and for a surplus place, with which nobody identifies.
        share: of voters who identify with a party.

    >>> left, right = (PartyView((jnp.float32(x),), *(jnp.float32(0),) * 3) for x in (-1, 1))
    >>> position, loyalty = (jnp.array([0.2, 0.2]),), jnp.array([0.1, 0.9])
    >>> [own.tolist() for own in own_party(loyalty, position, [left, right], [1, 1], 0.5)]
    [[0.0, 0.0], [1.0, 0.0]]
    """
    nearness = []
    for party, e in zip(parties, eligible, strict=True):
        squares = [(x - y) ** 2 for x, y in zip(position, party.position, strict=True)]
        nearness.append(jnp.where(e > 0, -sum(squares[1:], squares[0]), -np.inf))
    nearest = nearness[0]
    for value in nearness[1:]:
        nearest = jnp.maximum(nearest, value)
    up_to = [one.astype(jnp.float32) for one in choose_best(loyalty, share, nearness, nearest, eligible).up_to]
    return [up_to[0], *(one - before for before, one in pairwise(up_to))]
