"""Rules on ballots that aren't rankings: sets of parties approved of, and scores.

A set is one word, bit (party + 1) for each party in it. Scores are 0 to 5, three bits a party, ten parties a word, the
first party in the lowest bits. Ties are broken by lot.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Int, UInt

from esim_jax.systems.rankings import has_bit
from esim_jax.systems.staged import Hand, RankedContest, StagedRule, most

ScoreBallot = tuple[UInt[Array, "..."], ...]
"""Packed scores, uint32; all words of one shape."""

_BITS = 3
_PARTIES = 32 // _BITS  # of a word


def score_words_for(n_parties: int) -> int:
    """How many words the scores of so many parties take.

    >>> score_words_for(10), score_words_for(11)
    (1, 2)
    """
    return len(widths_of_scores(n_parties))


def widths_of_scores(n_parties: int) -> tuple[int, ...]:
    """How many bits of each word of scores are in use.

    >>> widths_of_scores(5), widths_of_scores(11)
    ((15,), (30, 3))
    """
    return tuple(_BITS * min(_PARTIES, n_parties - first) for first in range(0, n_parties, _PARTIES))


def pack_scores(scores: Int[Array, "*ballots party"]) -> ScoreBallot:
    """Score ballots from the score of each party.

    >>> import jax.numpy as jnp
    >>> [oct(ballot) for ballot in pack_scores(jnp.array([[5, 0, 3], [1, 2, 0]]))[0].tolist()]
    ['0o305', '0o21']
    """
    return pack_each([scores[..., party] for party in range(scores.shape[-1])])


def pack_each(scores: Sequence[Int[Array, "*ballots"]]) -> ScoreBallot:
    """As `pack_scores`, from an array a party."""
    words = [jnp.zeros(scores[0].shape, jnp.uint32)] * score_words_for(len(scores))
    for party, each in enumerate(scores):
        word, place = divmod(party, _PARTIES)
        words[word] = words[word] | (each.astype(jnp.uint32) << np.uint32(_BITS * place))
    return tuple(words)


def score_of(ballot: ScoreBallot, party: int) -> Int[Array, "..."]:
    """What a ballot gives to a party, int32."""
    word, shift = ballot[party // _PARTIES], np.uint32(_BITS * (party % _PARTIES))
    return ((word >> shift) & np.uint32(7)).astype(jnp.int32)


class Totals(NamedTuple):
    """Sums of the scores, and the runoff of two."""

    totals: Int[Array, " party"]  # int64
    finalists: Bool[Array, " party"]  # nobody in the first stage
    runoff: Int[Array, " party"]  # int64; how many score each finalist above the other
    done: Bool[Array, ""]


def _start(_: RankedContest, ranked: Bool[Array, " party"]) -> Totals:
    nothing = jnp.zeros(ranked.shape, jnp.int64)
    return Totals(nothing, jnp.zeros_like(ranked), nothing, jnp.asarray(False))


def _set(ballot: ScoreBallot, _: Hand, state: Totals) -> tuple[Int[Array, ""], ...]:
    return tuple(has_bit(ballot[0], party + 1).astype(jnp.int32) for party in range(state.totals.shape[0]))


def _scores(ballot: ScoreBallot, _: Hand, state: Totals) -> tuple[Int[Array, ""], ...]:
    return tuple(score_of(ballot, party) for party in range(state.totals.shape[0]))


def _add_up(contest: RankedContest, state: Totals, sums: Int[Array, " party"]) -> Totals:
    return state._replace(totals=jnp.where(contest.stands, sums, 0), done=jnp.asarray(True))


def _to_most(contest: RankedContest, state: Totals) -> Int[Array, " party"]:
    return most(state.totals, contest.lots, state.totals > 0, contest.n_seats).astype(jnp.int64)


approval_sets = StagedRule(
    _start,
    _set,
    _add_up,
    _to_most,
    lambda _: 1,
    doc="""Approval voting: those whom the most voters approve of win a seat each.

    Ties are broken by lot. Who is approved of by nobody gets no seat.

    Source: Brams and Fishburn (1978), Approval Voting.

    >>> from esim_jax.systems.small import elect
    >>> elect("approval", {"A": 4, "BC": 3, "C": 2})
    {'C': 1}
    """,
)

score = StagedRule(
    _start,
    _scores,
    _add_up,
    _to_most,
    lambda _: 1,
    doc="""Score voting: the largest sums of scores win a seat each.

    Ties are broken by lot. Who has only scores of 0 gets no seat.

    Source: Smith (2000), Range Voting.

    >>> from esim_jax.systems.small import elect
    >>> elect("score", {"A5 B4": 3, "B5": 2, "C3": 1})
    {'B': 1}
    """,
)

# --- STAR ------------------------------------------------------------------------------------------------------------


def _scores_or_preference(ballot: ScoreBallot, _: Hand, state: Totals) -> tuple[Int[Array, ""], ...]:
    """Scores in the first stage; in the second, a vote for the finalist with the larger score."""
    scores = _scores(ballot, (), state)
    both = sum((jnp.where(state.finalists[j], s, np.int32(0)) for j, s in enumerate(scores)), jnp.int32(0))
    first_stage = ~state.finalists.any()
    return tuple(
        jnp.where(first_stage, s, (state.finalists[j] & (2 * s > both)).astype(jnp.int32)) for j, s in enumerate(scores)
    )


def _runoff(contest: RankedContest, state: Totals, sums: Int[Array, " party"]) -> Totals:
    first_stage = ~state.finalists.any()
    totals = jnp.where(first_stage, jnp.where(contest.stands, sums, 0), state.totals)
    finalists = most(totals, contest.lots, totals > 0, 2)
    return Totals(totals, finalists, jnp.where(first_stage, 0, sums), ~first_stage | (finalists.sum() < 2))


def _to_preferred(contest: RankedContest, state: Totals) -> Int[Array, " party"]:
    preferred = state.finalists & (state.runoff == jnp.where(state.finalists, state.runoff, -1).max())
    return jnp.where(most(state.totals, contest.lots, preferred), contest.n_seats, 0)


star = StagedRule(
    _start,
    _scores_or_preference,
    _runoff,
    _to_preferred,
    lambda _: 2,
    doc="""STAR (score then automatic runoff): of the two with the largest sums, who more voters score higher wins.

    A tie for the runoff is broken by lot. A tie in the runoff goes to the larger sum, and then by lot.

    Source: Equal Vote Coalition (2014), STAR voting; Wolk, Quinn and Ogren (2023).

    >>> from esim_jax.systems.small import elect
    >>> elect("STAR", {"A5 B4": 3, "B5": 2, "C3": 1})
    {'A': 1}
    """,
)
