"""Quota methods: a seat for every full quota, and the seats that remain to the largest remainders.

Quotients are taken exactly. A quota of less than V / S can give more full quotas than seats, which Droop's never does;
the count is then done again with a quota that has one seat less in its divisor (Italy, decree 361/1957, art. 77). Ties
are broken by lot. See Pukelsheim, F. (2017), Proportional Representation, 2nd ed., ch. 5.
"""

import jax.numpy as jnp
from jax import Array
from jaxtyping import Int

from esim_jax.systems._base import Contest, comes_before


def hare(contest: Contest) -> Int[Array, " party"]:
    """Largest remainders with Hare's quota, votes / seats: a seat for each full quota, then by remainder.

    Ties are broken by lot.

    Source: Hamilton (1792); Hare (1859), A Treatise on the Election of Representatives.

    >>> import jax.numpy as jnp
    >>> hare(Contest(jnp.array([6, 6, 2]), jnp.array(10), jnp.zeros(3, jnp.uint32))).tolist()
    [4, 4, 2]
    """
    return _share_in_parts(contest, contest.n_seats)


def droop(contest: Contest) -> Int[Array, " party"]:
    """Largest remainders with Droop's quota, floor(votes / (seats + 1)) + 1.

    Each full quota is a seat, and the seats that remain go to the largest remainders. Ties are broken by lot.

    Source: Droop (1881), On methods of electing representatives, Journal of the Statistical Society of London 44(2).

    >>> import jax.numpy as jnp
    >>> droop(Contest(jnp.array([60, 28, 12]), jnp.array(4), jnp.zeros(3, jnp.uint32))).tolist()
    [3, 1, 0]
    """
    quota = contest.votes.sum() // (contest.n_seats + 1) + 1
    return _largest_remainders(contest, contest.votes // quota, contest.votes % quota)


def hagenbach_bischoff(contest: Contest) -> Int[Array, " party"]:
    """Largest remainders with Hagenbach-Bischoff's quota, votes / (seats + 1), taken exactly.

    Each full quota is a seat, and the seats that remain go to the largest remainders; where there are more full quotas
    than seats, the quota is votes / seats. Ties are broken by lot.

    Source: Hagenbach-Bischoff (1888); Pukelsheim (2017), Proportional Representation, 2nd ed., ch. 5.

    >>> import jax.numpy as jnp
    >>> hagenbach_bischoff(Contest(jnp.array([60, 28, 12]), jnp.array(4), jnp.zeros(3, jnp.uint32))).tolist()
    [3, 1, 0]
    """
    return _share_in_parts(contest, _most_parts(contest, 1))


def imperiali_quota(contest: Contest) -> Int[Array, " party"]:
    """Largest remainders with Imperiali's quota, votes / (seats + 2), taken exactly.

    Each full quota is a seat, and the seats that remain go to the largest remainders; where there are more full quotas
    than seats, the quota is votes / (seats + 1), or else votes / seats. Ties are broken by lot.

    Source: Italy, decree 361/1957, art. 77 (until 1993).

    >>> import jax.numpy as jnp
    >>> imperiali_quota(Contest(jnp.array([62, 19, 19]), jnp.array(3), jnp.zeros(3, jnp.uint32))).tolist()
    [3, 0, 0]
    """
    return _share_in_parts(contest, _most_parts(contest, 2))


def _most_parts(contest: Contest, extra: int) -> Int[Array, ""]:
    """The most parts, from S to S + extra, that leave no more full quotas than seats."""
    total = jnp.maximum(contest.votes.sum(), 1)
    parts = contest.n_seats
    for more in range(1, extra + 1):
        full = (contest.votes * (contest.n_seats + more) // total).sum()
        parts = jnp.where(full <= contest.n_seats, contest.n_seats + more, parts)
    return parts


def _share_in_parts(contest: Contest, parts: Int[Array, ""]) -> Int[Array, " party"]:
    """With the quota V / parts."""
    total = jnp.maximum(contest.votes.sum(), 1)
    scaled = contest.votes * parts  # in units of V: the quota is then V
    return _largest_remainders(contest, scaled // total, scaled % total)


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
