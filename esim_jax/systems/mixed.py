"""Seats that take account of other seats: levelling, mixed systems, a bonus for the first party.

Each function decides one contest, like a rule, and is built on the rule whose name it is given.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Bool, Int

from esim_jax.systems._base import Contest
from esim_jax.systems.divisor import DIVISOR_METHODS
from esim_jax.systems.plurality import plurality
from esim_jax.systems.registry import RULES

_LARGEST_HOUSE = 10
"""Times the seats there are: a house that would need more to be levelled stops growing, and overhang stays."""


class _Sharing(NamedTuple):
    kept: Bool[Array, " party"]  # holds its minimum and takes no part in the sharing
    short: Bool[Array, " party"]  # would get less than its minimum
    seats: Int[Array, " party"]
    begun: Bool[Array, ""]


def with_minimum(rule: str, contest: Contest, minimum: Int[Array, " party"]) -> Int[Array, " party"]:
    """All seats, of which some parties hold a minimum in any case, such as seats won in districts.

    Who would get less than its minimum is set aside with it, until nobody does; the others share the rest. In a
    divisor method the remaining seats so go on from the minimum, one by one. Ties are broken by lot.

    Source: Norway, Election Act of 2002, s. 11-6; Denmark, Parliamentary Election Act, s. 77.

    Args:
        rule: a key of RULES.
        contest: over all seats; `n_seats` is at least the sum of the minimum.
        minimum: int64; also of parties that take no part, whose votes are 0.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> with jax.enable_x64(True):
    ...     contest = Contest(jnp.array([1100, 700, 200]), jnp.array(9), jnp.zeros(3, jnp.uint32))
    ...     with_minimum("dhondt", contest, jnp.array([6, 1, 0])).tolist()
    [6, 3, 0]
    """
    votes, n_seats, lots = contest

    def share(state: _Sharing) -> _Sharing:
        kept = state.kept | state.short
        held = jnp.where(kept, minimum, 0)
        shared = RULES[rule](Contest(jnp.where(kept, 0, votes), n_seats - held.sum(), lots))
        return _Sharing(kept, ~kept & (shared < minimum), shared + held, jnp.array(True))

    nobody = jnp.zeros(votes.shape, bool)
    start = _Sharing(nobody, votes == 0, jnp.zeros_like(minimum), jnp.array(False))
    return lax.while_loop(lambda state: ~state.begun | state.short.any(), share, start).seats


class MixedSeats(NamedTuple):
    """The seats of a mixed system, int64."""

    seats: Int[Array, " party"]
    growth: Int[Array, ""]  # seats by which the house is larger than it was meant to be


class _House(NamedTuple):
    size: Int[Array, ""]
    step: Int[Array, ""]  # by how much it has to grow, at the least
    share: Int[Array, " party"]
    begun: Bool[Array, ""]


def mixed_member_proportional(
    rule: str, contest: Contest, won: Int[Array, " party"], overhang: str = "keep"
) -> MixedSeats:
    """Mixed-member proportional: total seats in proportion to the votes, constituency seats counted in.

    List seats fill a party's constituency seats up to its share of the house. Where it has won more ("overhang"):

    - "keep": it keeps them, and the house grows by as many (New Zealand).
    - "none": it keeps them, the others share the rest, and the house does not grow (Scotland, Wales).
    - "level": the house grows to the smallest size at which nobody has more than its share (Germany, 2013 to 2020),
      but not beyond ten times its seats: there overhang is kept.

    Constituency seats of parties that take no part are taken out of the house beforehand. Ties are broken by lot.

    Source: Shugart and Wattenberg, eds. (2001), Mixed-Member Electoral Systems; New Zealand, Electoral Act 1993,
    ss. 191 and 192; Scotland Act 1998, ss. 7 and 8; Germany, Federal Elections Act, s. 6 as of 2013.

    Args:
        rule: a key of RULES.
        contest: the votes of those that take part, and the whole house, constituencies among them.
        won: int64; constituency seats.
        overhang: "keep", "none" or "level".

    >>> import jax
    >>> import jax.numpy as jnp
    >>> with jax.enable_x64(True):
    ...     contest = Contest(jnp.array([500, 300, 200]), jnp.array(10), jnp.zeros(3, jnp.uint32))
    ...     for overhang in ("keep", "none", "level"):
    ...         print(mixed_member_proportional("sainte_lague", contest, jnp.array([7, 0, 0]), overhang).seats.tolist())
    [7, 3, 2]
    [7, 2, 1]
    [7, 4, 3]
    """
    votes, n_seats, lots = contest
    if overhang == "none":
        return MixedSeats(with_minimum(rule, contest, won), jnp.zeros_like(n_seats))
    outside = jnp.where(votes > 0, 0, won)
    claimed = won - outside

    def in_house_of(size: Int[Array, ""]) -> Int[Array, " party"]:
        return RULES[rule](Contest(votes, size - outside.sum(), lots))

    if overhang == "keep":
        share = in_house_of(n_seats)
        missing = jnp.maximum(claimed - share, 0).sum()
        return MixedSeats(jnp.maximum(share, claimed) + outside, missing)

    def goes_on(house: _House) -> Bool[Array, ""]:
        return ~house.begun | ((house.step > 0) & (house.size + house.step <= _LARGEST_HOUSE * n_seats))

    def grow(house: _House) -> _House:
        size = house.size + house.step
        share = in_house_of(size)
        missing = jnp.maximum(claimed - share, 0).sum()
        # a divisor method takes no seat back as the house grows: so many more are needed at the least
        return _House(size, missing if rule in DIVISOR_METHODS else jnp.minimum(missing, 1), share, jnp.array(True))

    start = _House(n_seats, jnp.zeros_like(n_seats), jnp.zeros_like(won), jnp.array(False))
    house = lax.while_loop(goes_on, grow, start)
    missing = jnp.maximum(claimed - house.share, 0).sum()
    return MixedSeats(jnp.maximum(house.share, claimed) + outside, house.size - n_seats + missing)


def parallel(rule: str, contest: Contest, won: Int[Array, " party"]) -> Int[Array, " party"]:
    """A parallel system: list seats beside the constituency seats, without regard to them.

    Ties are broken by lot.

    Source: Shugart and Wattenberg, eds. (2001), Mixed-Member Electoral Systems; Japan since 1994 (there in blocs).

    Args:
        rule: a key of RULES.
        contest: the votes of those that take part, and the list seats.
        won: int64; constituency seats.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> with jax.enable_x64(True):
    ...     contest = Contest(jnp.array([500, 300, 200]), jnp.array(10), jnp.zeros(3, jnp.uint32))
    ...     parallel("sainte_lague", contest, jnp.array([7, 0, 0])).tolist()
    [12, 3, 2]
    """
    return won + RULES[rule](contest)


def majority_bonus(rule: str, contest: Contest, bonus: Int[Array, ""]) -> Int[Array, " party"]:
    """A majority bonus: some of the seats to the party with the most votes, the others shared among all.

    Ties, that for the first place too, are broken by lot.

    Source: Greece, law 3636/2008; Bedock and Sauger (2014), Electoral systems with a majority bonus as unconventional
    mixed systems, Representation 50(1).

    Args:
        rule: a key of RULES.
        contest: over all seats, the bonus among them.
        bonus: int64; at most `n_seats`.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> with jax.enable_x64(True):
    ...     contest = Contest(jnp.array([450, 400, 150]), jnp.array(100), jnp.zeros(3, jnp.uint32))
    ...     majority_bonus("hare", contest, jnp.array(20)).tolist()
    [56, 32, 12]
    """
    return plurality(contest._replace(n_seats=bonus)) + RULES[rule](contest._replace(n_seats=contest.n_seats - bonus))
