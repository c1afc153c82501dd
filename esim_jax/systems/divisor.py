"""Divisor methods: seats go one by one to the largest quotient of votes and the party's next divisor.

The k-th seat of a party has the divisor a (k - 1) + b: a = b = 1 for D'Hondt (1, 2, 3, ...), a = 2 and b = 1 for
Sainte-Lague (1, 3, 5, ...). See Balinski, M. L. & Young, H. P. (2001), Fair Representation, 2nd ed., and
Pukelsheim, F. (2017), Proportional Representation, 2nd ed., ch. 4.

Quotients are compared by cross-multiplication of integers, so that no rounding decides a seat. All but the last few
seats are given at once: with L = (a S - J (a - b)) / V every quotient of at least 1/L wins one of the S seats, since
the sum over J parties of floor((v L - b + a) / a) is at most S, and more than S - J. The at most J seats that remain
are given one by one.
"""

from functools import partial

import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Int

from esim_jax.systems._base import Contest, comes_before


def _highest_quotients(contest: Contest, a: int, b: int) -> Int[Array, " party"]:
    votes, n_seats, lots = contest
    n_parties = votes.shape[0]
    total = jnp.maximum(votes.sum(), 1)
    multiplier = jnp.maximum(a * n_seats - n_parties * (a - b), 0)  # L V
    seats = jnp.where(votes > 0, (votes * multiplier + (a - b) * total) // (a * total), 0)

    def give_one(_: Int[Array, ""] | int, seats: Int[Array, " party"]) -> Int[Array, " party"]:
        divisor = a * seats + b
        lead = votes[:, None] * divisor[None, :] - votes[None, :] * divisor[:, None]
        first = ~comes_before(lead, lots).any(axis=0) & (votes > 0)
        return jnp.where(first & (seats.sum() < n_seats), seats + 1, seats)

    return lax.fori_loop(0, n_parties, give_one, seats)


dhondt = partial(_highest_quotients, a=1, b=1)
"""D'Hondt's (Jefferson's) method."""

sainte_lague = partial(_highest_quotients, a=2, b=1)
"""Sainte-Lague's (Webster's) method."""
