"""Normal numbers in fixed point, from integer operations alone: the same on every device and in every program.

A word's top bit is the sign, the other 31 bits give the tail's probability u in (0, 1/2). The quantile is interpolated
linearly in a table with SEGMENTS nodes to each octave of u, which is within 1e-6 of the normal quantile.
"""

from functools import lru_cache
from statistics import NormalDist

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Int, UInt

NORMAL_UNIT = 1 << 20
"""A normal number is a multiple of 1 / NORMAL_UNIT, below 6.4 in magnitude."""

SEGMENTS = 256
_FRACTION_BITS = 23  # of a 32-bit word: one leading bit, 8 bits of segment


def normal_units(word: UInt[Array, "..."]) -> Int[Array, "..."]:
    """Standard normal numbers times NORMAL_UNIT, int64. Call it within `jax.enable_x64()`.

    Args:
        word: uniform 32-bit words.
    """
    odd = (word << np.uint32(1)) | np.uint32(1)  # u = odd / 2^33
    octave = lax.clz(odd)
    mantissa = odd << octave
    place = octave * np.uint32(SEGMENTS + 1) + ((mantissa >> np.uint32(_FRACTION_BITS)) & np.uint32(SEGMENTS - 1))
    fraction = (mantissa & np.uint32((1 << _FRACTION_BITS) - 1)).astype(jnp.int64)
    table = jnp.asarray(_table())
    low, high = table[place.astype(jnp.int32)], table[place.astype(jnp.int32) + 1]
    size = low + (((high - low) * fraction) >> _FRACTION_BITS)
    return jnp.where(word >> np.uint32(31) == 1, -size, size)


@lru_cache
def _table() -> np.ndarray:
    """Quantiles of the upper tail at u = 2^-(2 + octave) (1 + segment / SEGMENTS), octave by octave."""
    law = NormalDist()
    return np.array(
        [
            round(-law.inv_cdf(2.0 ** -(2 + octave) * (1 + segment / SEGMENTS)) * NORMAL_UNIT)
            for octave in range(32)
            for segment in range(SEGMENTS + 1)
        ],
        np.int64,
    )
