"""Rules on pairwise majorities.

They see the ballots through one matrix: of each ordered pair how many ballots rank the first above the second, and on
the diagonal how many rank the party at all. Parties left out of a ballot count as ranked equal in the last place. Each
rule is a function of the matrix and the contest, and gives the place of the winner, or -1 where there is none; who is
ranked by no ballot never wins. Ties are broken by lot. `by_pairs` makes a staged rule of it.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Bool, Int

from esim_jax.systems._base import comes_before
from esim_jax.systems.rankings import Ranking, numbers_of
from esim_jax.systems.staged import Hand, RankedContest, StagedRule, final_states, most

PairRule = Callable[[Int[Array, "party party"], RankedContest], Int[Array, ""]]
"""The winner's place, int32, or -1; from the matrix, int64."""


# --- the matrix ------------------------------------------------------------------------------------------------------


class Pairs(NamedTuple):
    """The matrix; in the first state 0."""

    pairs: Int[Array, "party party"]  # int64
    done: Bool[Array, ""]


def _pairs_of(ranking: Ranking, _: Hand, state: Pairs) -> tuple[Int[Array, ""], ...]:
    n_parties = state.pairs.shape[0]
    numbers = numbers_of(ranking, n_parties)
    last = np.int32(n_parties)
    place = [jnp.full_like(numbers[0], last, jnp.int32)] * n_parties
    for party in range(n_parties):
        for p, number in enumerate(numbers):
            place[party] = jnp.where(number == np.uint32(party + 1), np.int32(p), place[party])
    return tuple(
        ((place[a] < last) if a == b else (place[a] < place[b])).astype(jnp.int32)
        for a in range(n_parties)
        for b in range(n_parties)
    )


def by_pairs(rule: PairRule) -> StagedRule:
    """The staged rule that adds up the matrix and gives all seats to the rule's winner."""

    def start(_: RankedContest, ranked: Bool[Array, " party"]) -> Pairs:
        return Pairs(jnp.zeros(ranked.shape * 2, jnp.int64), jnp.asarray(False))

    def step(contest: RankedContest, state: Pairs, sums: Int[Array, " sum"]) -> Pairs:
        both_stand = contest.stands[:, None] & contest.stands[None, :]
        return Pairs(jnp.where(both_stand, sums.reshape(state.pairs.shape), 0), jnp.asarray(True))

    def seats(contest: RankedContest, state: Pairs) -> Int[Array, " party"]:
        place = jnp.arange(contest.lots.shape[0], dtype=jnp.int32)
        return jnp.where(place == rule(state.pairs, contest), contest.n_seats, 0)

    return StagedRule(start, _pairs_of, step, seats, lambda _: 1, doc=rule.__doc__ or "")


def sum_pairs(
    contests: RankedContest, ballots: Ranking, contest_of_row: Int[Array, " row"]
) -> Int[Array, "contest party party"]:
    """The matrix of each contest, int64, from ballots in rows; arguments as of `esim_jax.systems.staged.count_rows`."""
    pairs: Array = final_states(by_pairs(condorcet_winner), contests, ballots, contest_of_row).pairs
    return pairs


def _ranked(pairs: Int[Array, "party party"]) -> Bool[Array, " party"]:
    n_parties = pairs.shape[0]
    return pairs.reshape(-1)[:: n_parties + 1] > 0  # the diagonal, by strides: it compiles faster than a gather


def _victories(pairs: Int[Array, "party party"]) -> Bool[Array, "party party"]:
    return pairs > pairs.T


def _place_of(one: Bool[Array, " party"]) -> Int[Array, ""]:
    """Of a set with one member its place; -1 of the empty set."""
    return jnp.where(one.any(), jnp.argmax(one), -1).astype(jnp.int32)


def _best(points: Int[Array, " party"], pairs: Int[Array, "party party"], contest: RankedContest) -> Int[Array, ""]:
    return _place_of(most(points, contest.lots, _ranked(pairs)))


# --- who beats everybody, or nobody ----------------------------------------------------------------------------------


def condorcet_winner(pairs: Int[Array, "party party"], contest: RankedContest) -> Int[Array, ""]:
    """Who beats everybody else in pairs; often nobody.

    Source: Condorcet (1785), Essai sur l'application de l'analyse.
    """
    won = (_victories(pairs) & contest.stands).sum(axis=1)
    return _place_of(_ranked(pairs) & (won == contest.stands.sum() - 1))


def condorcet_loser(pairs: Int[Array, "party party"], contest: RankedContest) -> Int[Array, ""]:
    """Who is beaten by everybody else in pairs, if anybody is; not the only one who stands.

    Source: Condorcet (1785); Fishburn (1977), Condorcet Social Choice Functions.
    """
    n_rivals = contest.stands.sum() - 1
    lost = (_victories(pairs) & contest.stands[:, None]).sum(axis=0)
    return _place_of(contest.stands & (lost == n_rivals) & (n_rivals > 0))


def has_cycle(pairs: Int[Array, "party party"], contest: RankedContest) -> Bool[Array, ""]:
    """Whether somebody is ranked and yet nobody beats everybody else: the majorities go round, or tie."""
    return _ranked(pairs).any() & (condorcet_winner(pairs, contest) < 0)


def has_top_cycle(pairs: Int[Array, "party party"], contest: RankedContest) -> Bool[Array, ""]:
    """Whether everybody is beaten by somebody, so that the majorities at the top go round.

    Source: Condorcet (1785); Gehrlein (2006), Condorcet's Paradox.
    """
    beaten = (_victories(pairs) & contest.stands[:, None]).any(axis=0)
    return contest.stands.any() & (beaten | ~contest.stands).all()


# --- rules -----------------------------------------------------------------------------------------------------------


def copeland(pairs: Int[Array, "party party"], contest: RankedContest) -> Int[Array, ""]:
    """Copeland: the most pairs won, with half a point for a pair tied.

    Ties are broken by lot.

    Source: Copeland (1951), A reasonable social welfare function; half points as in Saari and Merlin (1996).

    >>> from esim_jax.systems.small import elect
    >>> elect("Copeland", {"AC": 4, "BC": 3, "CB": 2})
    {'C': 1}
    """
    return _best(jnp.sign(pairs - pairs.T).sum(axis=1), pairs, contest)


def minimax(pairs: Int[Array, "party party"], contest: RankedContest) -> Int[Array, ""]:
    """Minimax: the smallest worst defeat, by margins.

    Ties are broken by lot.

    Source: Simpson (1969); Kramer (1977).

    >>> from esim_jax.systems.small import elect
    >>> elect("minimax", {"AC": 4, "BC": 3, "CB": 2})
    {'C': 1}
    """
    margin = pairs.T - pairs
    rival = contest.stands[None, :] & ~np.eye(pairs.shape[0], dtype=bool)
    worst = jnp.where(rival, margin, np.iinfo(margin.dtype).min + 1).max(axis=1)
    return _best(-worst, pairs, contest)


def schulze(pairs: Int[Array, "party party"], contest: RankedContest) -> Int[Array, ""]:
    """Schulze: who is beaten by nobody when chains of pairwise victories count too.

    A chain is as strong as its weakest victory, a victory as strong as its votes. A beats B where the strongest chain
    from A to B is stronger than the strongest one back. Ties, of several whom nobody beats, are broken by lot.

    Source: Schulze (2011), A new monotonic, clone-independent, reversal symmetric, and Condorcet-consistent
    single-winner election method.

    >>> from esim_jax.systems.small import elect
    >>> elect("Schulze", {"AC": 4, "BC": 3, "CB": 2})
    {'C': 1}
    """
    chain = jnp.where(_victories(pairs), pairs, 0)
    for via in range(pairs.shape[0]):
        chain = jnp.maximum(chain, jnp.minimum(chain[:, via, None], chain[None, via, :]))
    unbeaten = (chain >= chain.T).sum(axis=1)
    return _best(unbeaten, pairs, contest)


def ranked_pairs(pairs: Int[Array, "party party"], contest: RankedContest) -> Int[Array, ""]:
    """Ranked pairs: lock victories in, the largest margins first, unless a victory would close a circle.

    Who is then beaten by nobody wins. Victories that tie are locked in in the order of the lots: the one whose winner
    is luckier first, then the one whose loser is less lucky. Of several whom nobody beats the lot decides.

    Source: Tideman (1987), Independence of clones as a criterion for voting rules; ties as in Zavist and Tideman
    (1989).

    >>> from esim_jax.systems.small import elect
    >>> elect("ranked_pairs", {"AC": 4, "BC": 3, "CB": 2})
    {'C': 1}
    """
    n_parties = pairs.shape[0]
    luckier = comes_before(jnp.zeros_like(pairs), contest.lots)
    luck = luckier.sum(axis=1)
    margin = pairs - pairs.T
    # one number orders all victories, and no two have the same
    urgency = jnp.where(margin > 0, (margin * n_parties + luck[:, None]) * n_parties + (n_parties - luck[None, :]), 0)

    def lock(_: Int[Array, ""] | int, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        urgency, below = carry
        first = jnp.argmax(urgency)
        winner, loser = first // n_parties, first % n_parties
        holds = (urgency.max() > 0) & ~below[loser, winner]
        place = jnp.arange(n_parties)
        above_winner = below[:, winner] | (place == winner)
        below_loser = below[loser, :] | (place == loser)
        below = below | (holds & above_winner[:, None] & below_loser[None, :])
        return urgency.at[winner, loser].set(0), below

    most_victories = n_parties * (n_parties - 1) // 2
    _, below = lax.fori_loop(0, most_victories, lock, (urgency, jnp.zeros(pairs.shape, bool)))
    return _best((~below.any(axis=0)).astype(jnp.int64), pairs, contest)


def black(pairs: Int[Array, "party party"], contest: RankedContest) -> Int[Array, ""]:
    """Black: the Condorcet winner, and where there is none, the most Borda points.

    Ties are broken by lot.

    Source: Black (1958), The Theory of Committees and Elections.

    >>> from esim_jax.systems.small import elect
    >>> elect("Black", {"AC": 4, "BC": 3, "CB": 2})
    {'C': 1}
    """
    first = condorcet_winner(pairs, contest)
    return jnp.where(first >= 0, first, borda_winner(pairs, contest))


def borda_winner(pairs: Int[Array, "party party"], contest: RankedContest) -> Int[Array, ""]:
    """Borda: of m parties the first on a ballot gets m - 1 points, the next m - 2, and the last none.

    Those left out share the points of the last places. Most points win, which is the largest sum of margins: one that a
    ballot ranks above w others and below l has m - 1 + w - l of its points, counted twice. Ties are broken by lot.

    Source: Borda (1781); Young (1974), An axiomatization of Borda's rule.

    >>> from esim_jax.systems.small import elect
    >>> elect("Borda", {"AC": 4, "BC": 3, "CB": 2})
    {'C': 1}
    """
    return _best((pairs - pairs.T).sum(axis=1), pairs, contest)
