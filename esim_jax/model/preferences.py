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
from jax import Array, lax
from jaxtyping import Bool, Float, Int, UInt

from esim_jax.model.ballots import STEEPEST, PluralityBallots
from esim_jax.model.elementary import exp, log
from esim_jax.random import PREFERENCE_DRAWS, SCORE_DRAWS, Key, random_words, uniform23

TOP_SCORE = 5
"""Scores are whole numbers from 0 to this."""


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
    return put_first(ballots, _noisy(key, voter, utility, steepness_of(temperature)))


def _noisy(
    key: Key,
    voter: UInt[Array, "..."],
    utility: Sequence[Float[Array, "..."]],
    steepness: Float[Array, "..."],
    n_beside: int = 0,
) -> list[Float[Array, "..."]]:
    """Utilities in units of the temperature, with a Gumbel number each."""
    noise = draw_gumbels(key, voter, len(utility), PREFERENCE_DRAWS, n_beside)
    return [u * steepness + g for u, g in zip(utility, noise, strict=True)]


def perceive(
    key: Key,
    voter: UInt[Array, "..."],
    ballots: PluralityBallots,
    utility: Sequence[Float[Array, "..."]],
    weight: Float[Array, "... party"],
    temperature: Float[Array, "..."],
    n_beside: int = 0,
) -> list[Float[Array, "..."]]:
    """What each party is worth to each voter at the moment of voting: V, given who is first on the ballot.

    Whoever it is, the largest V is a Gumbel number about log sum_j exp(U_j / temperature), and the others are Gumbel
    numbers about U_j / temperature on condition that they are smaller. With b the largest and W an unconditional one,
    -log(exp(-b) + exp(-W)) is such a number (Maddison, C. J., Tarlow, D. & Minka, T., 2014, "A* Sampling", Advances in
    Neural Information Processing Systems 27). It rises with W: the order is that of `order_parties`.

    Arguments as of `order_parties`, and:
        weight: 1 for each real party, 0 for a surplus place.
        n_beside: as of `draw_gumbels`.
    """
    steepness = steepness_of(temperature)
    best = utility[0]
    for u in utility[1:]:
        best = jnp.maximum(best, u)
    relative = [u - best for u in utility]
    total = jnp.zeros_like(best)
    for j, u in enumerate(relative):
        total = total + weight[..., j] * exp(u * steepness)
    largest = log(total) + gumbel(random_words(key, voter, SCORE_DRAWS)[0])
    noisy = _noisy(key, voter, relative, steepness, n_beside)
    others = [jnp.minimum(largest, w) - log(1 + exp(-jnp.abs(largest - w))) for w in noisy]
    return [jnp.where(is_first, largest, v) for is_first, v in zip(is_first_party(ballots), others, strict=True)]


def score_parties(
    values: Sequence[Float[Array, "..."]],
    eligible: Sequence[Bool[Array, "..."]],
    scored: Sequence[Bool[Array, "..."]],
) -> list[Int[Array, "..."]]:
    """Scores from 0 for the voter's worst party to TOP_SCORE for the best, linear, rounded, halves up; int32.

    A voter to whom all are worth the same gives all the top score.

    Args:
        values: of each party to each voter.
        eligible: which parties there are.
        scored: of them, those that may have more than 0.

    >>> values = [jnp.array([-2.0, 0.3]), jnp.array([0.0, 0.3]), jnp.array([-1.0, 0.3])]
    >>> all_ = [jnp.array([True, True])] * 3
    >>> [score.tolist() for score in score_parties(values, all_, all_)]
    [[0, 5], [5, 5], [3, 5]]
    """
    best, worst = jnp.full_like(values[0], -np.inf), jnp.full_like(values[0], np.inf)
    for value, e in zip(values, eligible, strict=True):
        best, worst = jnp.where(e, jnp.maximum(best, value), best), jnp.where(e, jnp.minimum(worst, value), worst)
    span = best - worst
    share = [jnp.where(span > 0, (value - worst) / jnp.where(span > 0, span, 1), 1) for value in values]
    rounded = [jnp.floor(TOP_SCORE * s + np.float32(0.5)).astype(jnp.int32) for s in share]
    return [jnp.where(may, r, 0) for may, r in zip(scored, rounded, strict=True)]


def put_first(ballots: PluralityBallots, order: Sequence[Float[Array, "..."]]) -> list[Float[Array, "..."]]:
    """The order with the party of the ballot infinitely far ahead; at temperature 0, of the utilities themselves."""
    return [
        jnp.where(is_first, np.float32(np.inf), value)
        for is_first, value in zip(is_first_party(ballots), order, strict=True)
    ]


def is_first_party(ballots: PluralityBallots) -> list[Bool[Array, "..."]]:
    """Of each party, whether a ballot is for it."""
    up_to = ballots.up_to
    return [up_to[0], *(up_to[j] & ~up_to[j - 1] for j in range(1, len(up_to)))]


def draw_lots(
    key: Key, voter: UInt[Array, "..."], n_parties: int, draw: int = PREFERENCE_DRAWS
) -> list[UInt[Array, "..."]]:
    """Each voter's lots, uint32, which order parties that are worth the same to a sincere voter.

    Args:
        key: of the simulation.
        voter: uint32 index of the voter within the simulation.
        n_parties: how many lots.
        draw: nothing else may come from it.
    """
    word = random_words(key, voter, draw)[0]
    return [word * np.uint32(_MULTIPLIERS[j % len(_MULTIPLIERS)]) for j in range(n_parties)]


_MULTIPLIERS = tuple(int(m) for m in np.random.default_rng(1).integers(2**31, 2**32, 15) | 1)
"""Odd numbers that make lots from one word; no lots of two parties are related that 15 parties could tell."""


def steepness_of(temperature: Float[Array, "..."]) -> Float[Array, "..."]:
    """1 / temperature, bounded."""
    return jnp.minimum(1 / temperature, np.float32(STEEPEST))


MOST_FUSED = 10
"""Numbers a voter, at most, that are drawn within the loop that uses them.

XLA cuts a loop of more than 2,000 operations in pieces, each of which computes anew what they share: with 13 numbers
the loop was fifty times as slow.
"""


def draw_gumbels(
    key: Key, voter: UInt[Array, "..."], n: int, first_draw: int, n_beside: int = 0
) -> list[Float[Array, "..."]]:
    """Standard Gumbel numbers of each voter, float32; two a draw.

    Args:
        key: of the simulation.
        voter: uint32 index of the voter within the simulation.
        n: how many.
        first_draw: where they come from.
        n_beside: how many others the same loop may draw.
    """
    if n + n_beside <= MOST_FUSED:
        drawn = [random_words(key, voter, first_draw + k) for k in range(-(-n // 2))]
        return [gumbel(word) for words in drawn for word in words][:n]

    def draw(j: UInt[Array, ""]) -> Float[Array, "..."]:
        first, second = random_words(key, voter, np.uint32(first_draw) + (j >> 1))
        return gumbel(jnp.where(j & 1 == 0, first, second))

    return list(lax.map(draw, jnp.arange(n, dtype=jnp.uint32)))


def gumbel(word: UInt[Array, "..."]) -> Float[Array, "..."]:
    """A standard Gumbel number, float32, by inversion: -log(-log u)."""
    return -log(-log(uniform23(word)))
