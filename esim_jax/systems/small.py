"""Contests small enough to write down, for examples: ballots are words, and each party is a letter."""

from collections.abc import Callable, Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from esim_jax.systems.rankings import Ranking, pack_rankings
from esim_jax.systems.registry import RANKED, System
from esim_jax.systems.scores import pack_scores
from esim_jax.systems.staged import RankedContest, count_ballots


def elect(system: str, ballots: Mapping[str, int], n_seats: int = 1) -> dict[str, int]:
    """Seats of the parties that win any, by a rule of `RANKED`; of those that tie the last in the alphabet wins.

    Args:
        system: a key of `RANKED`.
        ballots: with how often each was cast; "AC" ranks A above C, or approves of both, and "A5 C3" scores them.
        n_seats: to be filled.

    >>> elect("IRV", {"AC": 4, "BC": 3, "CB": 2})
    {'B': 1}
    """
    parties = sorted({letter for ballot in ballots for letter in ballot if letter.isalpha()})
    lots = jnp.arange(len(parties), dtype=jnp.uint32)
    with jax.enable_x64(True):
        contest = RankedContest(jnp.array(n_seats), lots, jnp.ones(lots.shape, bool))
        packed = _PACK[System(system, "rankings").ballots](parties, [*ballots])
        seats = count_ballots(RANKED[system], contest, packed, jnp.array([*ballots.values()])).tolist()
    return {party: n for party, n in zip(parties, seats, strict=True) if n}


def _rankings(parties: Sequence[str], ballots: Sequence[str]) -> Ranking:
    places = [[parties.index(party) for party in ballot] for ballot in ballots]
    return pack_rankings(jnp.array([[*ranked, *[-1] * (len(parties) - len(ranked))] for ranked in places]))


def _sets(parties: Sequence[str], ballots: Sequence[str]) -> Ranking:
    return (jnp.array([sum(2 << parties.index(party) for party in ballot) for ballot in ballots], jnp.uint32),)


def _scores(parties: Sequence[str], ballots: Sequence[str]) -> Ranking:
    scores = np.zeros((len(ballots), len(parties)), np.int32)
    for row, ballot in zip(scores, ballots, strict=True):
        for word in ballot.split():
            row[parties.index(word[0])] = int(word[1:])
    return pack_scores(jnp.asarray(scores))


_PACK: dict[str, Callable[[Sequence[str], Sequence[str]], Ranking]] = {
    "rankings": _rankings,
    "approvals": _sets,
    "scores": _scores,
}
