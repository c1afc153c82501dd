"""Rules that go on until somebody has a majority: runoffs, eliminations, and further preferences.

The winner takes all seats of the contest (one, as a rule). Ties are broken by lot: the luckier goes on or is elected,
the unluckiest is eliminated. The same rules stage by stage on people's own ballots: `esim_jax.counts`.
"""

from math import lcm
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Bool, Int

from esim_jax.systems.rankings import (
    Ranking,
    as_bits,
    first_among,
    has_bit,
    number_at,
    numbers_of,
    one_vote,
    ranked_bits,
)
from esim_jax.systems.staged import Hand, RankedContest, StagedRule, fewest, has_majority, most


class Standing(NamedTuple):
    """Who is still in, and the votes of the latest stage."""

    standing: Bool[Array, " party"]
    votes: Int[Array, " party"]  # int64
    stage: Int[Array, ""]  # int32; stages counted so far
    done: Bool[Array, ""]


def _start(_: RankedContest, ranked: Bool[Array, " party"]) -> Standing:
    return Standing(ranked, jnp.zeros(ranked.shape, jnp.int64), jnp.int32(0), jnp.asarray(False))


def _best_standing(ranking: Ranking, _: Hand, state: Standing) -> tuple[Int[Array, ""], ...]:
    """A vote for the party ranked best of those standing."""
    n_parties = state.standing.shape[0]
    return one_vote(first_among(numbers_of(ranking, n_parties), as_bits(state.standing)), n_parties)


def _most_votes(contest: RankedContest, state: Standing) -> Int[Array, " party"]:
    """All seats to the party with the most votes in the last stage."""
    return jnp.where(most(state.votes, contest.lots, state.votes > 0), contest.n_seats, 0)


# --- two stages ------------------------------------------------------------------------------------------------------


def _runoff_of_two(contest: RankedContest, state: Standing, votes: Int[Array, " party"]) -> Standing:
    finalists = most(votes, contest.lots, votes > 0, 2)
    done = (state.stage == 1) | has_majority(votes) | (finalists.sum() < 2)
    return Standing(finalists, votes, state.stage + 1, done)


two_round = StagedRule(
    _start,
    _best_standing,
    _runoff_of_two,
    _most_votes,
    lambda _: 2,
    doc="""Two rounds: a majority of first preferences wins; otherwise the two with the most stand again.

    The second round is counted from the same ballots; who ranks neither of the two stays at home. Ties, for a place in
    the second round too, are broken by lot.

    Source: the rule of French presidential elections, Constitution of 1958, art. 7 (as amended in 1962).

    >>> from esim_jax.systems.small import elect
    >>> elect("two_round", {"AC": 4, "BC": 3, "CB": 2})
    {'B': 1}
    """,
)


def _best_of_first_two(ranking: Ranking, _: Hand, state: Standing) -> tuple[Int[Array, ""], ...]:
    n_parties = state.standing.shape[0]
    return one_vote(first_among(numbers_of(ranking, n_parties)[:2], as_bits(state.standing)), n_parties)


def _first_and_second(_: RankedContest, state: Standing, votes: Int[Array, " party"]) -> Standing:
    # in the first stage everybody stands: the votes are first preferences
    has_more = (votes[None, :] > votes[:, None]).sum(axis=1)
    final = (votes > 0) & (has_more < 2)
    done = (state.stage == 1) | has_majority(votes) | (final.sum() < 2)
    return Standing(final, votes, state.stage + 1, done)


supplementary_vote = StagedRule(
    _start,
    _best_of_first_two,
    _first_and_second,
    _most_votes,
    lambda _: 2,
    doc="""Supplementary vote: only the first two preferences count.

    A majority of first preferences wins. Otherwise the two with the most stay in, with all who tie for a place among
    them; a ballot for an eliminated party goes to its second preference where that one stayed in. A tie at the end is
    broken by lot.

    Source: Greater London Authority Act 1999, Schedule 2 (Mayor of London, until 2021).

    >>> from esim_jax.systems.small import elect
    >>> elect("supplementary_vote", {"AC": 4, "BC": 3, "CB": 2})
    {'B': 1}
    """,
)

# --- eliminations ----------------------------------------------------------------------------------------------------


def _eliminate_fewest(contest: RankedContest, state: Standing, votes: Int[Array, " party"]) -> Standing:
    done = has_majority(votes) | (votes.sum() == 0)
    out = fewest(votes, contest.lots, state.standing)
    return Standing(state.standing & ~out, votes, state.stage + 1, done)


irv = StagedRule(
    _start,
    _best_standing,
    _eliminate_fewest,
    _most_votes,
    lambda n_parties: n_parties,
    doc="""Instant-runoff voting: eliminate who has the fewest votes until somebody has a majority.

    One party goes at a time, and its votes go on to the next preference. The majority is of the votes that still count.
    Ties are broken by lot: the unluckiest goes.

    Source: Ware (1871), as described in Hoag and Hallett (1926), Proportional Representation.

    >>> from esim_jax.systems.small import elect
    >>> elect("IRV", {"AC": 4, "BC": 3, "CB": 2})
    {'B': 1}
    """,
)


def _first_and_last(ranking: Ranking, _: Hand, state: Standing) -> tuple[Int[Array, ""], ...]:
    """A vote for the best of those standing, and one against the last, shared by all that a ballot leaves out."""
    n_parties = state.standing.shape[0]
    numbers = numbers_of(ranking, n_parties)
    standing = as_bits(state.standing)
    first = first_among(numbers, standing)
    last = first_among(numbers[::-1], standing)
    left_out = standing & ~ranked_bits(numbers)
    sharing = jnp.where(left_out == 0, np.uint32(1) << last, left_out)
    n_sharing = lax.population_count(sharing)
    unit = _unit(n_parties)
    share = jnp.zeros_like(n_sharing, jnp.int32)
    for n in range(1, n_parties + 1):
        share = jnp.where(n_sharing == np.uint32(n), np.int32(unit // n), share)
    share = jnp.where(first == 0, np.int32(0), share)
    against = tuple(jnp.where(has_bit(sharing, party + 1), share, np.int32(0)) for party in range(n_parties))
    return (*one_vote(first, n_parties), *against)


def _unit(n_parties: int) -> int:
    """A number that can be shared among any number of parties."""
    return lcm(*range(1, n_parties + 1))


def _eliminate_most_against(contest: RankedContest, state: Standing, sums: Int[Array, " sum"]) -> Standing:
    votes, against = jnp.split(sums, 2)
    done = has_majority(votes) | (votes.sum() == 0)
    out = fewest(-against, contest.lots, state.standing)
    return Standing(state.standing & ~out, votes, state.stage + 1, done)


# Whom no ballot ranks has the most last places and goes first, so that the others needn't be told apart beforehand.
coombs = StagedRule(
    _start,
    _first_and_last,
    _eliminate_most_against,
    _most_votes,
    lambda n_parties: n_parties,
    doc="""Coombs: eliminate who has the most last places until somebody has a majority of first preferences.

    A last place is one vote against, from each ballot that still counts for anybody. Where a ballot leaves out parties
    that stand, they share its last place equally. Ties are broken by lot: the unluckiest goes.

    Source: Coombs (1964), A Theory of Data; Grofman and Feld (2004).

    >>> from esim_jax.systems.small import elect
    >>> elect("Coombs", {"AC": 4, "BC": 3, "CB": 2})
    {'C': 1}
    """,
)

# --- further preferences ---------------------------------------------------------------------------------------------


class Places(NamedTuple):
    """Votes of the places counted so far."""

    votes: Int[Array, " party"]  # int64
    n_ballots: Int[Array, ""]  # int64; that rank somebody
    stage: Int[Array, ""]  # int32; places counted so far
    done: Bool[Array, ""]


def _no_place(_: RankedContest, ranked: Bool[Array, " party"]) -> Places:
    return Places(jnp.zeros(ranked.shape, jnp.int64), jnp.int64(0), jnp.int32(0), jnp.asarray(False))


def _next_place(ranking: Ranking, _: Hand, state: Places) -> tuple[Int[Array, ""], ...]:
    return one_vote(number_at(ranking, state.stage), state.votes.shape[0])


def _add_place(_: RankedContest, state: Places, more: Int[Array, " party"]) -> Places:
    votes = state.votes + more
    n_ballots = jnp.where(state.stage == 0, votes.sum(), state.n_ballots)
    return Places(votes, n_ballots, state.stage + 1, (2 * votes.max() > n_ballots) | (n_ballots == 0))


def _most_of_places(contest: RankedContest, state: Places) -> Int[Array, " party"]:
    return jnp.where(most(state.votes, contest.lots, state.votes > 0), contest.n_seats, 0)


bucklin = StagedRule(
    _no_place,
    _next_place,
    _add_place,
    _most_of_places,
    lambda n_parties: n_parties,
    doc="""Bucklin: count first preferences, then add second ones and so on, until somebody has a majority.

    In stage k a ballot has one vote for each of its first k places. As soon as anybody's votes are more than half the
    ballots that rank somebody, the most votes win; so they do when all places are counted. Ties are broken by lot.

    Source: Hoag and Hallett (1926), Proportional Representation (the Grand Junction system, 1909).

    >>> from esim_jax.systems.small import elect
    >>> elect("Bucklin", {"AC": 4, "BC": 3, "CB": 2})
    {'C': 1}
    """,
)
