"""Quota methods: a seat for every full quota, and the seats that remain to the largest remainders.

Hare's quota is V / S, taken exactly. Droop's is the whole number floor(V / (S + 1)) + 1 (Droop, H. R., 1881, "On
methods of electing representatives", Journal of the Statistical Society of London 44(2)). See Pukelsheim, F. (2017),
Proportional Representation, 2nd ed., ch. 5.
"""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Int

from esim_jax.systems._base import Contest, comes_before


def hare(contest: Contest) -> Int[Array, " party"]:
    """Largest remainders with Hare's quota."""
    total = jnp.maximum(contest.votes.sum(), 1)
    scaled = contest.votes * contest.n_seats  # in units of V: the quota is then V
    return _largest_remainders(contest, scaled // total, scaled % total)


def droop(contest: Contest) -> Int[Array, " party"]:
    """Largest remainders with Droop's quota."""
    quota = contest.votes.sum() // (contest.n_seats + 1) + 1
    return _largest_remainders(contest, contest.votes // quota, contest.votes % quota)


def _largest_remainders(
    contest: Contest, seats: Int[Array, " party"], remainder: Int[Array, " party"]
) -> Int[Array, " party"]:
    """Gives the remaining seats, one a party, by remainder. Only where there are more seats than votes can more seats
    than parties remain; every party with votes then first gets an equal number of them.
    """
    takes_part = contest.votes > 0
    n_taking_part = jnp.maximum(takes_part.sum(), 1)
    remaining = contest.n_seats - seats.sum()
    value = jnp.where(takes_part, remainder, -1)
    rank = comes_before(value[:, None] - value[None, :], contest.lots).sum(axis=0)
    extra = remaining // n_taking_part + (rank < remaining % n_taking_part)
    return jnp.where(takes_part, seats + extra, 0)
