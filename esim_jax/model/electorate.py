"""The electorate: what every voter is, before any party is in sight.

Laws (independent between voters; clip(v, a, b) bounds v):

    age ~ integers 18..89;  education in {0..4} with p = .15 .25 .30 .20 .10
    income = clip(lognormal(3.5, 0.8), 0, 100)
    openness, conscientiousness, extraversion ~ Beta(5, 5);  neuroticism ~ Beta(4, 6);  knowledge ~ 100 Beta(2, 5)
    x = clip(N(0, .3) + .005 (income - 50) + .003 (age - 50), -1, 1)
    x = clip(x + .15 (conscientiousness - openness), -1, 1)
    y = clip(N(0, .3) - .02 (education - 2) + .005 (age - 50), -1, 1)
    turnout = clip(Beta(5, 2) + .02 education + .002 min(age - 18, 50) + .002 knowledge / 100
                   + .05 extraversion - .03 neuroticism, .10, .95)

A voter takes four pairs of random words: age and education share one word, the traits take half a word each
(a grid of 2^16 quantiles), the noise of x and y 24 bits each, and the last word is the ballot's.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, UInt

from esim_jax.model import quantiles
from esim_jax.random import VOTER_DRAWS, Key, centred16, centred24, random_words

_AGES = 72  # 18..89
_EDUCATION_STEPS = (3, 8, 14, 18)  # of 20 equal cells: p = .15 .25 .30 .20 .10


class Electorate(NamedTuple):
    """The voters' attributes, float32, all of one shape."""

    age: Float[Array, "..."]  # years, 18..89
    education: Float[Array, "..."]  # level, 0..4
    income: Float[Array, "..."]  # 0..100
    openness: Float[Array, "..."]  # 0..1
    conscientiousness: Float[Array, "..."]  # 0..1
    extraversion: Float[Array, "..."]  # 0..1
    neuroticism: Float[Array, "..."]  # 0..1
    knowledge: Float[Array, "..."]  # 0..100
    x: Float[Array, "..."]  # economic position, -1..1
    y: Float[Array, "..."]  # social position, -1..1
    turnout: Float[Array, "..."]  # probability to vote, .10...95


def draw_electorate(key: Key, voter: UInt[Array, "..."]) -> tuple[Electorate, UInt[Array, "..."]]:
    """The voters with the given indices, and one uniform 32-bit word each for their ballot.

    Args:
        key: of the simulation.
        voter: uint32 index of the voter within the simulation.
    """
    words = [word for draw in range(4) for word in random_words(key, voter, VOTER_DRAWS + draw)]

    cell = jnp.floor((words[0] >> np.uint32(8)).astype(jnp.int32).astype(jnp.float32) * np.float32(_AGES * 20 * 2**-24))
    twentieth = jnp.floor((cell + np.float32(0.5)) * np.float32(1 / _AGES))
    age = cell - _AGES * twentieth + 18
    education = jnp.zeros_like(cell)
    for step in _EDUCATION_STEPS:
        education = education + (twentieth >= step)

    income_v, openness_v = centred16(words[1])
    conscientiousness_v, extraversion_v = centred16(words[2])
    neuroticism_v, knowledge_v = centred16(words[3])
    propensity_v, _ = centred16(words[6])

    income = jnp.minimum(jnp.exp(3.5 + 0.8 * quantiles.NORMAL_16(income_v)), 100)
    openness = quantiles.BETA_5_5(openness_v)
    conscientiousness = quantiles.BETA_5_5(conscientiousness_v)
    extraversion = quantiles.BETA_5_5(extraversion_v)
    neuroticism = quantiles.BETA_4_6(neuroticism_v)
    knowledge = 100 * quantiles.BETA_2_5(knowledge_v)

    x = _clip(0.3 * quantiles.NORMAL_24(centred24(words[4])) + 0.005 * (income - 50) + 0.003 * (age - 50), -1.0, 1.0)
    x = _clip(x + 0.15 * (conscientiousness - openness), -1.0, 1.0)
    y = _clip(0.3 * quantiles.NORMAL_24(centred24(words[5])) - 0.02 * (education - 2) + 0.005 * (age - 50), -1.0, 1.0)
    turnout = _clip(
        quantiles.BETA_5_2(propensity_v)
        + 0.02 * education
        + 0.002 * jnp.minimum(age - 18, 50)
        + 0.002 * (knowledge / 100)
        + 0.05 * extraversion
        - 0.03 * neuroticism,
        0.1,
        0.95,
    )
    voters = Electorate(
        age, education, income, openness, conscientiousness, extraversion, neuroticism, knowledge, x, y, turnout
    )
    return voters, words[7]


def _clip(value: Float[Array, "..."], low: float, high: float) -> Float[Array, "..."]:
    return jnp.minimum(jnp.maximum(value, np.float32(low)), np.float32(high))
