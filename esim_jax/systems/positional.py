"""Rules that add up votes or points once: the most win. Ties are broken by lot.

One ballot has a vote for each of its first places (one in SNTV, all in approval voting), or points for each rank.

>>> import jax, jax.numpy as jnp
>>> from esim_jax.systems.staged import count_rankings
>>> rankings, counts = [[0, 2, -1], [1, 2, -1], [2, 1, -1]], [4, 3, 2]  # 4 ballots A > C, 3 of B > C, and 2 of C > B
>>> with jax.enable_x64():
...     contest = RankedContest(jnp.array(2), jnp.array([1, 2, 3], jnp.uint32), jnp.ones(3, bool))
...     for rule in (approval, antiplurality, borda):
...         count_rankings(rule, contest, jnp.array(rankings), jnp.array(counts)).tolist()
[0, 1, 1]
[0, 1, 1]
[0, 1, 1]
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Int

from esim_jax.systems.rankings import Ranking, has_bit, numbers_of, ranked_bits
from esim_jax.systems.staged import Hand, RankedContest, StagedRule, most


class Points(NamedTuple):
    """What each party has, and what a ballot must know."""

    points: Int[Array, " party"]  # int64
    places: Int[Array, ""]  # int32: votes of a ballot; in Borda's rule the parties that stand
    ranked: Bool[Array, " party"]  # whom some ballot ranks
    done: Bool[Array, ""]


def _with_places(
    places: Callable[[RankedContest], Int[Array, ""]],
) -> Callable[[RankedContest, Bool[Array, " party"]], Points]:
    def start(contest: RankedContest, ranked: Bool[Array, " party"]) -> Points:
        nothing = jnp.zeros(ranked.shape, jnp.int64)
        return Points(nothing, places(contest).astype(jnp.int32), ranked, jnp.asarray(False))

    return start


def _add_up(contest: RankedContest, state: Points, sums: Int[Array, " party"]) -> Points:
    return state._replace(points=jnp.where(contest.stands, sums, 0), done=jnp.asarray(True))


def _to_most(contest: RankedContest, state: Points) -> Int[Array, " party"]:
    """A seat each for those with the most, of those who have any."""
    return most(state.points, contest.lots, state.points > 0, contest.n_seats).astype(jnp.int64)


# --- a vote for each of the first places -----------------------------------------------------------------------------


def _first_places(ranking: Ranking, _: Hand, state: Points) -> tuple[Int[Array, ""], ...]:
    n_parties = state.points.shape[0]
    numbers = numbers_of(ranking, n_parties)
    counted = [jnp.where(place < state.places, number, np.uint32(0)) for place, number in enumerate(numbers)]
    chosen = ranked_bits(counted)
    return tuple(has_bit(chosen, party + 1).astype(jnp.int32) for party in range(n_parties))


def first_places(places: Callable[[RankedContest], Int[Array, ""]], doc: str = "") -> StagedRule:
    """A rule with one vote for each of a ballot's first places; who has no vote gets no seat.

    Args:
        places: how many, from the contest; may be traced.
        doc: of the rule.
    """
    return StagedRule(_with_places(places), _first_places, _add_up, _to_most, lambda _: 1, doc=doc)


sntv = first_places(
    lambda contest: jnp.ones_like(contest.n_seats),
    doc="""Single non-transferable vote: the seats go to those with the most first preferences.

    Ties are broken by lot. Who has no vote gets no seat.

    Source: Grofman, Lee, Winckler and Woodall, eds. (1999), Elections in Japan, Korea, and Taiwan under the Single
    Non-Transferable Vote.

    >>> from esim_jax.systems.small import elect
    >>> elect("SNTV", {"AC": 4, "BC": 3, "CB": 2}, n_seats=2)
    {'A': 1, 'B': 1}
    """,
)

block_vote = first_places(
    lambda contest: contest.n_seats,
    doc="""Block vote: as many votes a ballot as there are seats, one for each of its first places.

    Those with the most votes win a seat each. Ties are broken by lot. Who has no vote gets no seat.

    Source: Reynolds, Reilly and Ellis (2005), Electoral System Design: the New International IDEA Handbook.

    >>> from esim_jax.systems.small import elect
    >>> elect("block_vote", {"AC": 4, "BC": 3, "CB": 2}, n_seats=2)
    {'B': 1, 'C': 1}
    """,
)

limited_vote = first_places(
    lambda contest: jnp.maximum(contest.n_seats - 1, 1),
    doc="""Limited vote: one vote fewer than there are seats, and at least one, for a ballot's first places.

    Those with the most votes win a seat each. Ties are broken by lot. Who has no vote gets no seat.

    Source: Lijphart, Lopez Pintor and Sone (1986), in Grofman and Lijphart, eds., Electoral Laws and Their Political
    Consequences.

    >>> from esim_jax.systems.small import elect
    >>> elect("limited_vote", {"AC": 4, "BC": 3, "CB": 2}, n_seats=2)
    {'A': 1, 'B': 1}
    """,
)

approval = first_places(
    lambda contest: contest.stands.sum(),
    doc="""Approval voting: a ballot approves of whom it ranks. Cut rankings short, or use `first_places`, for fewer.

    Ties are broken by lot. Source: Brams and Fishburn (1978), Approval Voting.
    """,
)

# --- last places, which metrics count ---------------------------------------------------------------------------------


class LastPlaces(NamedTuple):
    """Ballots that rank all others above a party, and how many rank anybody."""

    last: Int[Array, " party"]  # int64
    n_ballots: Int[Array, ""]  # int64
    n_stands: Int[Array, ""]  # int32
    done: Bool[Array, ""]


def _no_last_place(contest: RankedContest, ranked: Bool[Array, " party"]) -> LastPlaces:
    nothing = jnp.zeros(ranked.shape, jnp.int64)
    return LastPlaces(nothing, jnp.int64(0), contest.stands.sum().astype(jnp.int32), jnp.asarray(False))


def _last_place(ranking: Ranking, _: Hand, state: LastPlaces) -> tuple[Int[Array, ""], ...]:
    """A ballot's only party in the last place: the last of all, or the only one that is left out."""
    n_parties = state.last.shape[0]
    numbers = numbers_of(ranking, n_parties)
    n_ranked = sum(((number != 0).astype(jnp.int32) for number in numbers), jnp.int32(0))
    ranked = ranked_bits(numbers)
    last = jnp.zeros_like(numbers[0])
    for number in numbers:
        last = jnp.where(number != 0, number, last)
    is_last = [
        jnp.where(n_ranked == state.n_stands, last == np.uint32(party + 1), ~has_bit(ranked, party + 1))
        & (n_ranked >= state.n_stands - 1)
        for party in range(n_parties)
    ]
    votes = (n_ranked > 0).astype(jnp.int32)
    return (*(each.astype(jnp.int32) * votes for each in is_last), votes)


def _add_last_places(contest: RankedContest, state: LastPlaces, sums: Int[Array, " sum"]) -> LastPlaces:
    return state._replace(last=jnp.where(contest.stands, sums[:-1], 0), n_ballots=sums[-1], done=jnp.asarray(True))


def _to_fewest_last(contest: RankedContest, state: LastPlaces) -> Int[Array, " party"]:
    return most(-state.last, contest.lots, contest.stands & (state.n_ballots > 0), contest.n_seats).astype(jnp.int64)


antiplurality = StagedRule(
    _no_last_place,
    _last_place,
    _add_last_places,
    _to_fewest_last,
    lambda _: 1,
    doc="""Antiplurality: the fewest last places win a seat each.

    A ballot has a last place where it ranks all, or all but one, of those who stand. Ties are broken by lot. Source:
    Fishburn (1977), Condorcet Social Choice Functions.
    """,
)

# --- points for each rank --------------------------------------------------------------------------------------------


def _twice_points(ranking: Ranking, _: Hand, state: Points) -> tuple[Int[Array, ""], ...]:
    """2 (m - 1 - i) for the i-th place from 0; parties left out share what is left: m - 1 - k each, with k ranked."""
    n_parties = state.points.shape[0]
    numbers = numbers_of(ranking, n_parties)
    n_ranked = sum(((number != 0).astype(jnp.int32) for number in numbers), jnp.int32(0))
    rest = jnp.where(n_ranked == 0, np.int32(0), state.places - 1 - n_ranked)
    points = []
    for party in range(n_parties):
        own = rest
        for place, number in enumerate(numbers):
            own = jnp.where(number == np.uint32(party + 1), 2 * (state.places - np.int32(1 + place)), own)
        points.append(own)
    return tuple(points)


def _to_most_of_ranked(contest: RankedContest, state: Points) -> Int[Array, " party"]:
    return most(state.points, contest.lots, state.ranked, contest.n_seats).astype(jnp.int64)


borda = StagedRule(
    _with_places(lambda contest: contest.stands.sum()),
    _twice_points,
    _add_up,
    _to_most_of_ranked,
    lambda _: 1,
    asks_ranked=True,
    doc="""Borda: of m parties the first on a ballot gets m - 1 points, the next m - 2, and the last none.

    Those left out are ranked equal in the last places and share their points. Points are counted twice over, so that
    halves are whole. Ties are broken by lot. Source: Borda (1781), Memoire sur les elections au scrutin; equal ranks as
    in Black (1958), The Theory of Committees and Elections.
    """,
)
