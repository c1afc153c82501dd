"""Quantile functions by polynomials, cheap enough to evaluate three times for every voter.

With v = u - 1/2 and w = -log(1 - 4 v^2), a quantile function is a(w) + v b(w): an even and an odd part, both
smooth in w because the tails of these laws are smooth in log u. There is no branch between the centre and the tails,
and no rejection. Positions are clipped to [-1, 1] in the end, so a value beyond the clip must only lie beyond it: the
polynomials end there. `tests/fit_polynomials.py` makes the coefficients; tests bound the error.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Float

from esim_jax.model.elementary import log, polynomial


class Quantile(NamedTuple):
    """A quantile function a(w) + v b(w); coefficients, constant first. Larger w count as `furthest`."""

    even: tuple[float, ...]
    odd: tuple[float, ...]
    furthest: float

    def __call__(self, v: Float[Array, "..."]) -> Float[Array, "..."]:
        """The quantile at u = v + 1/2, float32.

        Args:
            v: float32 in (-1/2, 1/2), a midpoint of one of 2^16 or 2^24 equal cells.
        """
        w = jnp.minimum(-log((1 - 2 * v) * (1 + 2 * v)), np.float32(self.furthest))
        return polynomial(self.even, w) + v * polynomial(self.odd, w)


ECONOMIC_LEAN = Quantile(
    even=(
        -0.0481373072,
        0.00716907112,
        -0.000346172397,
        -2.93936828e-05,
        7.41038548e-06,
        -7.27968541e-07,
        4.36912835e-08,
        -1.3981637e-09,
    ),
    odd=(
        0.829499543,
        0.217246354,
        0.0106269596,
        -0.00228097755,
        -0.000142483463,
        7.17961448e-05,
        -7.41350777e-06,
        2.67900703e-07,
    ),
    furthest=6.72167301,
)
"""N(0, .3) + .005 (income - 50), income = min(lognormal(3.5, .8), 100); within [-1.13, 1.11]."""

TRAIT_DIFFERENCE = Quantile(
    even=(0.0,),
    odd=(
        0.551282227,
        0.135393351,
        0.00479851058,
        -0.00179918809,
        -1.74809211e-05,
        4.22976482e-05,
        -5.56115901e-06,
        3.14966172e-07,
        -6.91963553e-09,
    ),
    furthest=10.3972149,
)
"""C - O for independent C and O ~ Beta(5, 5)."""

NORMAL = Quantile(
    even=(0.0,),
    odd=(
        2.50660396,
        0.656475186,
        0.0319777019,
        -0.00572281051,
        -0.000968778215,
        0.000373909861,
        -5.02957882e-05,
        3.60713193e-06,
        -1.37352671e-07,
        2.18341389e-09,
    ),
    furthest=9.61839962,
)
"""The standard normal law; within [-4.15, 4.15]."""

WIDE_NORMAL = Quantile(
    even=(0.0,),
    odd=(
        2.50716543,
        0.653386176,
        0.0367912948,
        -0.00904652011,
        0.000251164689,
        0.000114602022,
        -1.73585395e-05,
        1.14530553e-06,
        -3.77095439e-08,
        5.04292219e-10,
    ),
    furthest=15.9423847,
)
"""The standard normal law, as far as 2^24 cells reach; within [-5.42, 5.42]."""
