"""How often each ballot was cast, as far as the first two places tell them apart; what metrics count, not a rule."""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jaxtyping import Bool, Int

from esim_jax.systems.rankings import Ranking, number_at, one_vote
from esim_jax.systems.staged import Hand, RankedContest, StagedRule


class TopTwo(NamedTuple):
    """Ballots by their first place, and by their first two."""

    first: Int[Array, " party"]  # int64
    second: Int[Array, "party party"]  # int64; of the first party on the ballot, then of the second
    done: Bool[Array, ""]


def _nothing(_: RankedContest, ranked: Bool[Array, " party"]) -> TopTwo:
    n = ranked.shape[0]
    return TopTwo(jnp.zeros(n, jnp.int64), jnp.zeros((n, n), jnp.int64), jnp.asarray(False))


def _top_two(ranking: Ranking, _: Hand, state: TopTwo) -> tuple[Int[Array, ""], ...]:
    n_parties = state.first.shape[0]
    first, second = (one_vote(number_at(ranking, place), n_parties) for place in range(2))
    return (*first, *(a * b for a in first for b in second))


def _add_up(_: RankedContest, state: TopTwo, sums: Int[Array, " sum"]) -> TopTwo:
    n = state.first.shape[0]
    return TopTwo(sums[:n], sums[n:].reshape(n, n), jnp.asarray(True))


def _nobody(contest: RankedContest, _: TopTwo) -> Int[Array, " party"]:
    return jnp.zeros(contest.lots.shape, jnp.int64)


top_two = StagedRule(_nothing, _top_two, _add_up, _nobody, lambda _: 1)
"""Adds up, in one pass, and elects nobody: ask `esim_jax.systems.staged.final_states` for its sums."""
