"""Geography: what makes the voters of one constituency differ from those of another.

With independent standard normal numbers Z of each constituency k, in every election anew,

    position    every voter's coordinate d moves by constituency_shift Z_kd
    appeal      party j is worth local_appeal unevenness_j Z_kj more to every voter
    turnout     every voter's probability to vote rises by turnout_spread Z_k

Votes then vary between constituencies as they do in real elections, where the first two are the variance of
constituency shares beside the national swing (Kendall, M. G. & Stuart, A., 1950, "The law of the cubic proportion in
election results", British Journal of Sociology 1(3), 183-196; Gudgin, G. & Taylor, P. J., 1979, Seats, Votes, and the
Spatial Organisation of Elections). A constituency's effects are drawn once for its rows of voters.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float, UInt

from esim_jax.model.quantiles import WIDE_NORMAL
from esim_jax.random import LOCAL_DRAWS, Key, centred24, random_words

_APPEAL = 16
"""Draw LOCAL_DRAWS is of turnout; LOCAL_DRAWS + 1 on of the shift; LOCAL_DRAWS + _APPEAL on of parties' appeal."""


class LocalEffects(NamedTuple):
    """What makes some constituencies differ: standard normal numbers, float32."""

    turnout: Float[Array, "..."]
    shift: Float[Array, "... dimension"]
    appeal: Float[Array, "... party"]


def draw_local_effects(key: Key, constituency: UInt[Array, "..."], n_parties: int, n_dimensions: int) -> LocalEffects:
    """The effects of some constituencies.

    Args:
        key: of the simulation.
        constituency: uint32 number of the constituency within the simulation.
        n_parties: places for parties.
        n_dimensions: of the space; at most 30.
    """
    return LocalEffects(
        turnout=normal_numbers(key, constituency, LOCAL_DRAWS, 1)[..., 0],
        shift=normal_numbers(key, constituency, LOCAL_DRAWS + 1, n_dimensions),
        appeal=normal_numbers(key, constituency, LOCAL_DRAWS + _APPEAL, n_parties),
    )


def normal_numbers(key: Key, index: UInt[Array, "..."], draw: int, n: int) -> Float[Array, "... number"]:
    """n independent standard normal numbers of each index, float32, two a draw from `draw` on; at most 5.42 in size."""
    draws = jnp.arange(draw, draw + -(-n // 2), dtype=jnp.uint32)
    words = random_words((key[0][..., None], key[1][..., None]), index[..., None], draws)
    both = lax.optimization_barrier(jnp.stack(words, axis=-1))  # else the compiler simplifies in circles
    return WIDE_NORMAL(centred24(both.reshape(*both.shape[:-2], -1)))[..., :n]
