"""Ranking types: the ballots that voters can cast under a configuration, and how they are counted by type.

Where voters are exchangeable, a constituency's ballots are known by how many there are of each type. The types are
grouped by the voter's first preference, the vote that every electoral system reports: a type is a first preference and
a ballot, which is the beginning of an order of all options (`ballot_length`, and none of the above, end it), or in
approval voting a set. `esim_jax.model.ranking_law` tells the probability of each.
"""

from functools import lru_cache
from itertools import permutations
from math import factorial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Float, Int, UInt

from esim_jax.model.ranking_law import order_law
from esim_jax.model.scenario import Scenario
from esim_jax.names import MOST_TYPED
from esim_jax.systems.rankings import words_for
from esim_jax.systems.staged import RankedContest, StagedRule, State, final_state

MOST_TYPES = 1 << 7
"""Of one first preference: 120 orders of the other five options, or 64 sets, at most."""

_CONSTITUENCIES_AT_ONCE = 64  # a power of two; their ballots fit a processor's cache


class RankingLaw(NamedTuple):
    """The types of a configuration and what share of the voters casts each; stacked it has a leading axis.

    As many options and types as the longest lists have; surplus ones have no share.
    """

    share: Float[Any, "... option type"]  # float64; among those whose first preference is the option; sums to 1
    ballot: UInt[Any, "... option type"]  # uint32, packed as in `esim_jax.systems.rankings`


class TypedBallots(NamedTuple):
    """How many ballots of each type there are in each constituency."""

    rankings: tuple[UInt[Any, "constituency type"], ...]
    counts: Int[Any, "constituency type"]  # int64

    def states(self, rule: StagedRule, contests: RankedContest) -> State:
        """What a rule knows of each constituency in the end, found for some constituencies at a time."""
        at_once = min(_CONSTITUENCIES_AT_ONCE, len(self.counts))
        of_each = (contests, self.rankings, self.counts)
        return lax.map(lambda one: final_state(rule, *one), of_each, batch_size=at_once)


def types_for(n_options: int) -> int:
    """As many types at most, of all first preferences: orders, or sets.

    >>> [types_for(n) for n in (1, 3, 6)]
    [2, 24, 720]
    """
    return n_options * max(factorial(n_options - 1), 1 << n_options)


class Rules(NamedTuple):
    """What decides which ballots there are."""

    n_options: int  # with none of the above, at most MOST_TYPED
    n_parties: int
    ballot_length: int
    approves: bool  # a ballot is the set of those whom the voter likes more than the average


def rules_of(scenario: Scenario) -> Rules:
    """Those of one configuration, from its scenario as NumPy arrays."""
    n_options, n_parties = int(scenario.weight.sum()), int(scenario.eligible.sum())
    length, n_best = int(scenario.ballot_length), int(scenario.approval_count)
    if scenario.approves and n_best:  # whoever is ranked is approved of
        return Rules(n_options, n_parties, min(length, n_best), False)
    return Rules(n_options, n_parties, length, bool(scenario.approves))


@lru_cache
def ballot_types(rules: Rules) -> tuple[tuple[tuple[tuple[int, ...], ...], ...], Int[np.ndarray, "set order"]]:
    """The ballots of each first preference, and the type that each order and approved set comes to.

    Returns:
        Of each option the ballots of voters who like it best: parties, the best first (of a set, in their order). And
        by set and order, as in `esim_jax.model.ranking_law.order_law`, the place in MOST_TYPES places an option.

    >>> ballots, place = ballot_types(Rules(3, 2, 15, False))  # two parties, 0 and 1, and none of the above
    >>> ballots
    (((0, 1), (0,)), ((1, 0), (1,)), ((),))
    >>> (place % MOST_TYPES).tolist()
    [[0, 1, 0, 1, 0, 0]]
    """
    n, n_parties, length, approves = rules
    known: list[dict[tuple[int, ...], int]] = [{} for _ in range(n)]
    sets = range(1 << n_parties) if approves else [(1 << n_parties) - 1]
    orders = [*permutations(range(n))]
    place = np.zeros((len(sets), len(orders)), int)
    for row, approved in enumerate(sets):
        for column, order in enumerate(orders):
            ends = min(order.index(option) for option in range(n_parties, n)) if n_parties < n else n
            ballot = tuple(party for party in order[:ends] if approved >> party & 1)[:length]
            types = known[order[0]]
            number = types.setdefault(tuple(sorted(ballot)) if approves else ballot, len(types))
            place[row, column] = order[0] * MOST_TYPES + number
    return tuple(tuple(types) for types in known), place


def ranking_law(scenario: Scenario) -> RankingLaw:
    """The types of one configuration, as NumPy arrays with MOST_TYPED options and MOST_TYPES types.

    Args:
        scenario: of one configuration, NumPy arrays; surplus places come last and are left out.
    """
    rules = rules_of(scenario)
    ballots, place = ballot_types(rules)
    alone = Scenario(*(field[: rules.n_options] if np.ndim(field) else field for field in scenario))
    law = np.asarray(jax.device_get(order_law(alone, rules.n_parties if rules.approves else 0)))
    size = MOST_TYPED, MOST_TYPES
    # near temperature 0 an extrapolation may have gone below 0
    chance = np.maximum(np.bincount(place.ravel(), law.ravel(), MOST_TYPED * MOST_TYPES), 0).reshape(size)
    total = chance.sum(axis=1, keepdims=True)
    chance[:, 0] += total[:, 0] == 0  # who has no voters has no shares: any will do
    packed = np.zeros(size, np.uint32)
    for option, mine in enumerate(ballots):
        packed[option, : len(mine)] = [_packed(ballot) for ballot in mine]
    return RankingLaw(chance / np.where(total > 0, total, 1), packed)


def _packed(ballot: tuple[int, ...]) -> int:
    """A ballot of at most eight parties as one word; see `esim_jax.systems.rankings.pack_rankings`."""
    return sum(party + 1 << 4 * place for place, party in enumerate(ballot))


def typed_ballots(
    ballot: UInt[Any, "constituency option type"], counts: Int[Any, "constituency option type"], n_parties: int
) -> TypedBallots:
    """The ballots of constituencies, as rules count them where so many parties have a place."""
    word = ballot.reshape(len(ballot), -1)
    words = (word, *(jnp.zeros_like(word) for _ in range(words_for(n_parties) - 1)))
    return TypedBallots(words, counts.reshape(len(counts), -1))
