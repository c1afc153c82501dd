"""The logarithm and the exponential where the voters' kernel needs them, in half the instructions of the library's.

The library's functions also answer for infinities, NaN, zero and subnormal numbers. Here the arguments are known:
1 - 4 v^2 in (0, 1] and utilities below the best one. Tests bound the error over the whole range.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Float

_TWO_THIRDS = np.int32(0x3F2AAAAB)  # the bits of 2/3: mantissas are taken in [2/3, 4/3), around 1
_LOG_1P = (  # log(1 + f) / f for |f| <= 1/3, interpolated at Chebyshev's nodes
    0.99999982, -0.49999985, 0.33337924, -0.25004146, 0.19796593, -0.16483018, 0.17101809, -0.15040764,
)  # fmt: skip
_EXP_2 = (  # 2^f for |f| <= 1/2, interpolated at Chebyshev's nodes
    1.0, 0.693147207, 0.240226509, 0.0555032723, 0.00961805668, 0.00134004282, 0.000154614447,
)  # fmt: skip


def polynomial(coefficients: tuple[float, ...], x: Float[Array, "..."]) -> Float[Array, "..."]:
    """The polynomial with these coefficients, constant first, at x; float32."""
    value = jnp.full_like(x, np.float32(coefficients[-1]))
    for coefficient in coefficients[-2::-1]:
        value = value * x + np.float32(coefficient)
    return value


def log(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """Natural logarithm of a normal float32 above 0; error at most 2e-7 where x is in [2/3, 4/3], else 3e-7 relative.

    >>> import jax.numpy as jnp
    >>> round(float(log(jnp.float32(0.25))), 5)
    -1.38629
    """
    bits = lax.bitcast_convert_type(x, jnp.int32)
    exponent = (bits - _TWO_THIRDS) >> 23
    f = lax.bitcast_convert_type(bits - (exponent << 23), jnp.float32) - np.float32(1)
    return exponent.astype(jnp.float32) * np.float32(np.log(2)) + f * polynomial(_LOG_1P, f)


def exp(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """e^x of a float32 not above 0; relative error at most 1e-6 above -20 and 4e-6 below; -87 and less count as -87.

    >>> import jax.numpy as jnp
    >>> round(float(exp(jnp.float32(-1.0))), 6)
    0.367879
    """
    power = jnp.maximum(x * np.float32(1 / np.log(2)), np.float32(-126))
    whole = jnp.round(power)
    bits = lax.bitcast_convert_type(polynomial(_EXP_2, power - whole), jnp.int32)
    return lax.bitcast_convert_type(bits + (whole.astype(jnp.int32) << 23), jnp.float32)
