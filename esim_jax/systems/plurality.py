"""Plurality: who has the most votes takes all seats of the contest (one, in first past the post)."""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Int

from esim_jax.systems._base import Contest, comes_before


def plurality(contest: Contest) -> Int[Array, " party"]:
    """Plurality: all seats of the contest to the party with the most votes.

    Ties are broken by lot.

    Source: Duverger (1951), Les partis politiques.

    >>> import jax.numpy as jnp
    >>> plurality(Contest(jnp.array([3, 5, 5]), jnp.array(1), jnp.array([9, 1, 2], jnp.uint32))).tolist()
    [0, 0, 1]
    """
    votes = contest.votes
    before = comes_before(votes[:, None] - votes[None, :], contest.lots)
    first = ~before.any(axis=0) & (votes > 0)
    return jnp.where(first, contest.n_seats, 0)
