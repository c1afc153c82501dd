"""The electorate: what every voter is, before any party is in sight.

Laws (independent between voters; clip(v, a, b) bounds v):

    age ~ integers 18..89;  education in {0..4} with p = .15 .25 .30 .20 .10
    income = clip(lognormal(3.5, 0.8), 0, 100);  openness, conscientiousness ~ Beta(5, 5)
    x = clip(N(0, .3) + .005 (income - 50) + .003 (age - 50), -1, 1)
    x = clip(x + .15 (conscientiousness - openness), -1, 1)
    y = clip(N(0, .3) - .02 (education - 2) + .005 (age - 50), -1, 1)
    habit = .02 education + .002 min(age - 18, 50)

Only what the outcome depends on is drawn. Income enters through its sum with the noise of x, and the two traits through
their difference: each of these has a law, and a quantile function, of its own. What else moves the turnout is
independent of all this and is integrated out in `esim_jax.model.turnout`. The ballots have the law of the full model,
from half of the random words; tests hold them to an electorate drawn attribute by attribute.

A voter takes two pairs of random words: 24 bits each for the lean and the noise of y, 16 for the difference of traits,
24 for age and education, and the last word for the ballot.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float, UInt

from esim_jax.model.quantiles import ECONOMIC_LEAN, NORMAL, TRAIT_DIFFERENCE
from esim_jax.random import VOTER_DRAWS, Key, centred16, centred24, random_words, uniform23, uniform24

_AGES = 72  # 18..89
_EDUCATION_STEPS = (3, 8, 14, 18)  # of 20 equal cells: p = .15 .25 .30 .20 .10


class Electorate(NamedTuple):
    """The voters' attributes, float32, all of one shape."""

    age: Float[Array, "..."]  # years, 18..89
    education: Float[Array, "..."]  # level, 0..4
    x: Float[Array, "..."]  # economic position, -1..1
    y: Float[Array, "..."]  # social position, -1..1
    habit: Float[Array, "..."]  # what age and education add to the turnout, 0...18
    chance: Float[Array, "..."]  # uniform in (0, 1); decides whether and for whom the voter votes

    @property
    def position(self) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
        """Both coordinates."""
        return self.x, self.y


def draw_electorate(
    key: Key,
    voter: UInt[Array, "..."],
    n_parties: int = 0,  # noqa: ARG001
    n_dimensions: int = 2,  # noqa: ARG001
) -> Electorate:
    """The voters with the given indices.

    Args:
        key: of the simulation.
        voter: uint32 index of the voter within the simulation.
        n_parties: not used; voter models have one signature.
        n_dimensions: likewise.
    """
    lean, noise = random_words(key, voter, VOTER_DRAWS)
    traits, ballot = random_words(key, voter, VOTER_DRAWS + 1)

    # the bits that the quantiles leave over
    remainder = (traits << np.uint32(16)) | ((lean & np.uint32(0xFF)) << np.uint32(8))
    cell = jnp.floor(uniform24(remainder) * np.float32(_AGES * 20))
    twentieth = jnp.floor((cell + np.float32(0.5)) * np.float32(1 / _AGES))
    age = cell - _AGES * twentieth + 18
    education = jnp.zeros_like(cell)
    for step in _EDUCATION_STEPS:
        education = education + (twentieth >= step)

    x = _clip(ECONOMIC_LEAN(centred24(lean)) + 0.003 * (age - 50))
    x = _clip(x + 0.15 * TRAIT_DIFFERENCE(centred16(traits)))
    y = _clip(0.3 * NORMAL(centred24(noise)) - 0.02 * (education - 2) + 0.005 * (age - 50))
    habit = 0.02 * education + 0.002 * jnp.minimum(age - 18, 50)
    return Electorate(age, education, x, y, habit, uniform23(ballot))


def move_in_box(
    voters: Electorate,
    shift: Sequence[Float[Array, "..."]],
    parameters: Mapping[str, Float[Array, "..."]],  # noqa: ARG001 (voter models have one signature)
) -> Electorate:
    """The voters with their positions moved, within [-1, 1]."""
    return voters._replace(x=_clip(voters.x + shift[0]), y=_clip(voters.y + shift[1]))


def _clip(value: Float[Array, "..."]) -> Float[Array, "..."]:
    return jnp.minimum(jnp.maximum(value, np.float32(-1)), np.float32(1))
