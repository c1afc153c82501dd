"""Preferences: how a voter orders all parties, for ballots that say more than one name.

Party j is worth V_j = U_j / temperature + G_j to the voter at the moment of voting, with independent standard Gumbel
numbers G_j; the ballot orders the parties by V. The first of them is then j with probability
softmax_j(U / temperature), and the whole order follows the law of Plackett and Luce (Luce, R. D., 1959, Individual
Choice Behavior; Plackett, R. L., 1975, "The analysis of permutations", Applied Statistics 24(2), 193-202). So the first
place may be taken from the plurality ballot of `esim_jax.model.ballots`, and the other places from the numbers V of the
rest: with one seed a voter's first preference is the same under every electoral system.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, UInt

from esim_jax.model.ballots import STEEPEST, PluralityBallots
from esim_jax.model.elementary import log
from esim_jax.random import PREFERENCE_DRAWS, Key, random_words, uniform23


def order_parties(
    key: Key,
    voter: UInt[Array, "..."],
    ballots: PluralityBallots,
    utility: Sequence[Float[Array, "..."]],
    temperature: Float[Array, "..."],
) -> list[Float[Array, "..."]]:
    """Numbers of each party, float32, by which a voter orders them: the larger the better.

    Args:
        key: of the simulation.
        voter: uint32 index of the voter within the simulation.
        ballots: of the voters for one party: it is infinitely far ahead of the others.
        utility: of each party.
        temperature: above 0.
    """
    steepness = jnp.minimum(1 / temperature, np.float32(STEEPEST))
    order, words = [], []
    for j, u in enumerate(utility):
        if j % 2 == 0:
            words = list(random_words(key, voter, PREFERENCE_DRAWS + j // 2))
        order.append(u * steepness + _gumbel(words[j % 2]))
    return put_first(ballots, order)


def put_first(ballots: PluralityBallots, order: Sequence[Float[Array, "..."]]) -> list[Float[Array, "..."]]:
    """The order with the party of the ballot infinitely far ahead; at temperature 0, of the utilities themselves."""
    ahead = []
    for j, value in enumerate(order):
        before = ballots.up_to[j - 1] if j else jnp.zeros_like(ballots.up_to[0])
        ahead.append(jnp.where(ballots.up_to[j] & ~before, np.float32(np.inf), value))
    return ahead


def draw_lots(key: Key, voter: UInt[Array, "..."], n_parties: int) -> list[UInt[Array, "..."]]:
    """Each voter's lots, uint32, which order parties that are worth the same to a sincere voter."""
    word = random_words(key, voter, PREFERENCE_DRAWS)[0]
    return [word * np.uint32(_MULTIPLIERS[j % len(_MULTIPLIERS)]) for j in range(n_parties)]


_MULTIPLIERS = tuple(int(m) for m in np.random.default_rng(1).integers(2**31, 2**32, 15) | 1)
"""Odd numbers that make lots from one word; no lots of two parties are related that 15 parties could tell."""


def _gumbel(word: UInt[Array, "..."]) -> Float[Array, "..."]:
    """A standard Gumbel number, float32, by inversion: -log(-log u)."""
    return -log(-log(uniform23(word)))
