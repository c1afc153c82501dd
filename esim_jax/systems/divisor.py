"""Divisor methods: seats go one by one to the largest quotient of votes and the party's next divisor.

With a first divisor of 0 every party with votes claims its first seat before all others; where seats are fewer than
parties, the largest have them. Ties are broken by lot. See Balinski, M. L. & Young, H. P. (2001), Fair Representation,
2nd ed., and Pukelsheim, F. (2017), Proportional Representation, 2nd ed., ch. 4.

Quotients are compared by cross-multiplication of integers, so that no rounding decides a seat. All but the last few
seats are given at once. Let the divisor of a party that holds s seats be a s + b, and J the number of parties. Where
b <= a, with L = (a S - J (a - b)) / V every quotient of at least 1/L wins one of the S seats, since the sum over
parties of floor((v L - b + a) / a) is at most S; and it is more than S - J. Where b > a, the same holds for L = a S / V
and parties whose floor is not negative, and the sum is more than S - J b / a. A first divisor that is larger than b
takes at most one seat more from each party. The seats that remain are given one by one.
"""

from collections.abc import Callable

import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Int

from esim_jax.systems._base import Contest, comes_before

_Lead = Callable[[Int[Array, " party"]], Int[Array, "party other"]]
"""From the seats held: a number with the sign of the lead of the row's quotient over the column's, int64."""


def _highest_quotients(contest: Contest, a: int, b: int, first: int | None = None) -> Int[Array, " party"]:
    """The k-th seat of a party has the divisor a (k - 1) + b; its first seat the divisor `first`, if that is given."""
    votes, n_seats, _ = contest
    n_parties = votes.shape[0]
    total = jnp.maximum(votes.sum(), 1)
    multiplier = jnp.maximum(a * n_seats - n_parties * max(a - b, 0), 0)  # L V
    seats = (votes * multiplier + (a - b) * total) // (a * total)
    if b == 0:
        seats = jnp.where(multiplier > 0, seats, 0)  # too few seats for all: not even the first are safe
    elif first is not None:
        seats = jnp.where(votes * multiplier >= first * total, seats, 0)
    seats = jnp.where(votes > 0, jnp.maximum(seats, 0), 0)

    def lead(seats: Int[Array, " party"]) -> Int[Array, "party other"]:
        divisor = a * seats + b
        if first is not None:
            divisor = jnp.where(seats == 0, first, divisor)
        ahead = votes[:, None] * divisor[None, :] - votes[None, :] * divisor[:, None]
        return _first_seats_by_votes(ahead, votes, seats) if b == 0 else ahead

    steps = n_parties * max(-(-b // a), 1 if first is None else 2)
    return _give_the_rest(contest, seats, lead, steps)


def _give_the_rest(contest: Contest, seats: Int[Array, " party"], lead: _Lead, steps: int) -> Int[Array, " party"]:
    """The seats that are left, at most `steps`, one by one."""

    def give_one(_: Int[Array, ""] | int, seats: Int[Array, " party"]) -> Int[Array, " party"]:
        first = ~comes_before(lead(seats), contest.lots).any(axis=0) & (contest.votes > 0)
        return jnp.where(first & (seats.sum() < contest.n_seats), seats + 1, seats)

    return lax.fori_loop(0, steps, give_one, seats)


def _first_seats_by_votes(
    ahead: Int[Array, "party other"], votes: Int[Array, " party"], seats: Int[Array, " party"]
) -> Int[Array, "party other"]:
    """With a first divisor of 0: of two parties without seats, or where one has no votes, the larger one leads."""
    none, silent = seats == 0, votes == 0
    by_votes = (none[:, None] & none[None, :]) | silent[:, None] | silent[None, :]
    return jnp.where(by_votes, votes[:, None] - votes[None, :], ahead)


def dhondt(contest: Contest) -> Int[Array, " party"]:
    """D'Hondt's (Jefferson's) method: seats go one by one to the largest quotient by 1, 2, 3, ...

    Ties are broken by lot.

    Source: Jefferson (1792); D'Hondt (1882), Système pratique et raisonné de représentation proportionnelle.

    >>> import jax.numpy as jnp
    >>> dhondt(Contest(jnp.array([53, 24, 23]), jnp.array(7), jnp.zeros(3, jnp.uint32))).tolist()
    [4, 2, 1]
    """
    return _highest_quotients(contest, a=1, b=1)


def sainte_lague(contest: Contest) -> Int[Array, " party"]:
    """Sainte-Lague's (Webster's) method: seats go one by one to the largest quotient by 1, 3, 5, ...

    Ties are broken by lot.

    Source: Webster (1832); Sainte-Laguë (1910), La représentation proportionnelle et la méthode des moindres carrés.

    >>> import jax.numpy as jnp
    >>> sainte_lague(Contest(jnp.array([53, 24, 23]), jnp.array(7), jnp.zeros(3, jnp.uint32))).tolist()
    [3, 2, 2]
    """
    return _highest_quotients(contest, a=2, b=1)


def modified_sainte_lague(contest: Contest) -> Int[Array, " party"]:
    """Sainte-Lague's method with a first divisor of 1.4, which makes the first seat dearer.

    Ties are broken by lot.

    Source: the election laws of Norway, and of Sweden until 2014; Pukelsheim (2017), Proportional Representation, 2nd
    ed., ch. 4.

    >>> import jax.numpy as jnp
    >>> modified_sainte_lague(Contest(jnp.array([60, 28, 12]), jnp.array(4), jnp.zeros(3, jnp.uint32))).tolist()
    [3, 1, 0]
    """
    return _highest_quotients(contest, a=10, b=5, first=7)


def modified_sainte_lague_1_2(contest: Contest) -> Int[Array, " party"]:
    """Sainte-Lague's method with a first divisor of 1.2, which makes the first seat a little dearer.

    Ties are broken by lot.

    Source: Sweden's Elections Act (2005:837), ch. 14, since the election of 2018.

    >>> import jax.numpy as jnp
    >>> modified_sainte_lague_1_2(Contest(jnp.array([56, 30, 14]), jnp.array(4), jnp.zeros(3, jnp.uint32))).tolist()
    [2, 1, 1]
    """
    return _highest_quotients(contest, a=10, b=5, first=6)


def danish(contest: Contest) -> Int[Array, " party"]:
    """The Danish method: the largest quotients by 1, 4, 7, ...; kinder to small parties than Sainte-Lague's.

    Ties are broken by lot.

    Source: Denmark's Parliamentary Election Act, for levelling seats within provinces; Pukelsheim (2017), Proportional
    Representation, 2nd ed., ch. 4.

    >>> import jax.numpy as jnp
    >>> danish(Contest(jnp.array([60, 28, 12]), jnp.array(3), jnp.zeros(3, jnp.uint32))).tolist()
    [2, 1, 0]
    """
    return _highest_quotients(contest, a=3, b=1)


def imperiali(contest: Contest) -> Int[Array, " party"]:
    """Imperiali's divisors 2, 3, 4, ... (1, 1.5, 2, ...), which favour large parties.

    Ties are broken by lot.

    Source: Belgium's municipal elections; Pukelsheim (2017), Proportional Representation, 2nd ed., ch. 4.

    >>> import jax.numpy as jnp
    >>> imperiali(Contest(jnp.array([60, 28, 12]), jnp.array(4), jnp.zeros(3, jnp.uint32))).tolist()
    [3, 1, 0]
    """
    return _highest_quotients(contest, a=1, b=2)


def adams(contest: Contest) -> Int[Array, " party"]:
    """Adams's method: the largest quotients by 0, 1, 2, ...; each party has a seat before any has two.

    Where seats are fewer than parties with votes, the largest have them. Ties are broken by lot.

    Source: Adams (1832), as described in Balinski and Young (2001), Fair Representation, 2nd ed.

    >>> import jax.numpy as jnp
    >>> adams(Contest(jnp.array([90, 9, 1]), jnp.array(4), jnp.zeros(3, jnp.uint32))).tolist()
    [2, 1, 1]
    """
    return _highest_quotients(contest, a=1, b=0)


def huntington_hill(contest: Contest) -> Int[Array, " party"]:
    """Huntington's and Hill's method: the largest quotients by the geometric means 0, sqrt 2, sqrt 6, ... (US House).

    Each party has a seat before any has two; where seats are fewer, the largest have them. Ties are broken by lot.

    Source: Huntington (1921), A new method of apportionment of representatives; United States Code, title 2, s. 2a.

    Squares of quotients are compared. Divisors lie between s and s + 1/2: so Adams's L = (S - J) / V is small enough,
    and at least floor(v L + 1/2) seats are a party's at once, which leaves less than 3/2 J.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> with jax.enable_x64(True):
    ...     huntington_hill(Contest(jnp.array([90, 9, 1]), jnp.array(20), jnp.zeros(3, jnp.uint32))).tolist()
    [17, 2, 1]
    """
    votes, n_seats, _ = contest
    n_parties = votes.shape[0]
    total = jnp.maximum(votes.sum(), 1)
    multiplier = n_seats - n_parties
    at_once = jnp.maximum((2 * votes * multiplier + total) // (2 * total), 1)
    seats = jnp.where((votes > 0) & (multiplier >= 0), at_once, 0)

    def lead(seats: Int[Array, " party"]) -> Int[Array, "party other"]:
        return _first_seats_by_votes(_lead_of_squares(votes, seats * (seats + 1)), votes, seats)

    return _give_the_rest(contest, seats, lead, 2 * n_parties)


def _lead_of_squares(votes: Int[Array, " party"], divisor: Int[Array, " party"]) -> Int[Array, "party other"]:
    """The sign of v_i^2 d_j - v_j^2 d_i, for votes below 2^34 and divisors below 2^47: products of up to 115 bits.

    With v^2 = A 2^34 + B and d = C 2^24 + D, a product is AC 2^58 + AD 2^34 + BC 2^24 + BD. The differences of these
    four terms fit in 63 bits; what each has beyond the next one's unit is carried over to it.
    """
    high, low = votes >> 17, votes & (2**17 - 1)
    rest = 2 * high * low * 2**17 + low * low
    square = high * high + (rest >> 34), rest & (2**34 - 1)
    parts = divisor >> 24, divisor & (2**24 - 1)

    def difference(s: int, d: int) -> Int[Array, "party other"]:
        product = square[s][:, None] * parts[d][None, :]
        return product - product.T

    ones, carry = _split(difference(1, 1), 24)
    at_24, carry = _split(difference(1, 0) + carry, 10)
    at_34, carry = _split(difference(0, 1) + carry, 24)
    top = difference(0, 0) + carry
    return jnp.where(top == 0, ones | at_24 | at_34, top)  # digits are not negative: only the top one carries a sign


def _split(number: Int[Array, "..."], bits: int) -> tuple[Int[Array, "..."], Int[Array, "..."]]:
    """The lowest digit, at least 0, and what is carried over."""
    return number & (2**bits - 1), number >> bits


DIVISOR_METHODS = frozenset(
    {
        "dhondt",
        "sainte_lague",
        "modified_sainte_lague",
        "modified_sainte_lague_1_2",
        "danish",
        "imperiali",
        "adams",
        "huntington_hill",
    }
)
"""Rules in which a larger house never costs a party a seat."""
