"""Quantile functions by polynomials, cheap enough to evaluate nine times for every voter.

With v = u - 1/2 and w = -log(1 - 4 v^2), a quantile function is a(w) + v b(w): an even and an odd part, both
smooth in w because the tails of the normal and the beta laws are smooth in log u. There is no branch between
the centre and the tails, and no rejection. `tests/fit_quantiles.py` makes the coefficients; a test bounds the
error over the whole grid of arguments (midpoints of 2^16 or 2^24 cells).
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float


class Quantile(NamedTuple):
    """A quantile function a(w) + v b(w); coefficients, constant first."""

    even: tuple[float, ...]
    odd: tuple[float, ...]

    def __call__(self, v: Float[Array, "..."]) -> Float[Array, "..."]:
        """The quantile at u = v + 1/2, float32.

        Args:
            v: float32 in (-1/2, 1/2), a midpoint of the grid for which the coefficients were made.
        """
        w = -jnp.log((1 - 2 * v) * (1 + 2 * v))
        return _polynomial(self.even, w) + v * _polynomial(self.odd, w)


def _polynomial(coefficients: tuple[float, ...], w: Float[Array, "..."]) -> Float[Array, "..."]:
    value = jnp.full_like(w, np.float32(coefficients[-1]))
    for coefficient in coefficients[-2::-1]:
        value = value * w + np.float32(coefficient)
    return value


NORMAL_16 = Quantile(
    even=(0.0,),
    odd=(
        2.50660276,
        0.656485736,
        0.0319515467,
        -0.0056945309,
        -0.000984779443,
        0.000379081059,
        -5.12829574e-05,
        3.71702754e-06,
        -1.43938905e-07,
        2.34744024e-09,
    ),
)
NORMAL_24 = Quantile(
    even=(0.0,),
    odd=(
        2.50657797,
        0.656693459,
        0.0314597152,
        -0.00517758634,
        -0.00127623766,
        0.000476174027,
        -7.13563568e-05,
        6.33582658e-06,
        -3.56546593e-07,
        1.25131372e-08,
        -2.50129889e-10,
        2.1723452e-12,
    ),
)
BETA_5_5 = Quantile(
    even=(0.5,),
    odd=(
        0.406346589,
        0.0894893929,
        0.00097770791,
        -0.00110277091,
        -8.96374622e-05,
        6.04237903e-05,
        -9.51079073e-06,
        7.67223241e-07,
        -3.26921494e-08,
        5.85428539e-10,
    ),
)
BETA_4_6 = Quantile(
    even=(
        0.393084824,
        0.0119301872,
        -0.000332993106,
        -1.56264505e-05,
        -1.1564133e-06,
        5.31093974e-07,
        -5.22026298e-08,
        2.16491602e-09,
        -1.7466124e-11,
        -8.97316672e-13,
    ),
    odd=(
        0.396705091,
        0.0877590626,
        0.00105385715,
        -0.00107191666,
        -8.92501994e-05,
        5.90125601e-05,
        -9.25716267e-06,
        7.45265879e-07,
        -3.17063886e-08,
        5.66990843e-10,
    ),
)
BETA_2_5 = Quantile(
    even=(
        0.264449954,
        0.0383994058,
        -0.00211702031,
        -1.56352817e-05,
        -5.20363812e-07,
        2.01965395e-06,
        -2.94007492e-07,
        1.98895851e-08,
        -6.78953449e-10,
        9.28669121e-12,
    ),
    odd=(
        0.430609763,
        0.0904582217,
        0.000338939164,
        -0.00113186892,
        -7.26402141e-05,
        6.03337867e-05,
        -9.91684556e-06,
        8.23842697e-07,
        -3.59803884e-08,
        6.58834209e-10,
    ),
)
BETA_5_2 = Quantile(
    even=(
        0.735550046,
        -0.0383994058,
        0.00211702031,
        1.56352817e-05,
        5.20363869e-07,
        -2.01965395e-06,
        2.94007492e-07,
        -1.98895851e-08,
        6.78953449e-10,
        -9.28669121e-12,
    ),
    odd=(
        0.430609763,
        0.0904582217,
        0.000338939164,
        -0.00113186892,
        -7.26402141e-05,
        6.03337867e-05,
        -9.91684556e-06,
        8.23842697e-07,
        -3.59803884e-08,
        6.58834209e-10,
    ),
)
