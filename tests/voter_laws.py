"""Laws of sums of a voter's attributes, in double precision: what the polynomials of the package stand for.

Written from the equations of `esim_jax.model.electorate` with Gauss quadrature and SciPy; errors are below 1e-12.
"""

from collections.abc import Callable

import numpy as np
from numpy.polynomial.legendre import leggauss
from scipy import special, stats


def gauss(low, high, n=60):
    """Nodes and weights on [low, high]; the ends may be arrays, nodes lie along the last axis."""
    node, weight = leggauss(n)
    low, half = np.asarray(low)[..., None], (np.asarray(high) - np.asarray(low))[..., None] / 2
    return low + half * (node + 1), half * weight


class Law:
    """A continuous law by its distribution function, the upper tail and the density."""

    def __init__(self, cdf: Callable, sf: Callable, pdf: Callable, low: float, high: float) -> None:
        self.cdf, self.sf, self.pdf = cdf, sf, pdf
        self._low, self._high = low, high

    def ppf(self, u):
        """Quantiles: bisection on a logarithmic scale of the nearer tail, then Newton's steps."""
        u = np.asarray(u, float)
        upper = u > 0.5
        tail = np.where(upper, 1 - u, u)
        grid = np.linspace(self._low, self._high, 8001)
        below, above = np.log(np.maximum(self.cdf(grid), 1e-300)), np.log(np.maximum(self.sf(grid), 1e-300))
        start = np.where(upper, np.interp(-np.log(tail), -above, grid), np.interp(np.log(tail), below, grid))
        for _ in range(8):
            excess = np.where(upper, tail - self.sf(start), self.cdf(start) - tail)
            density = self.pdf(start)
            step = np.divide(excess, density, out=np.zeros_like(start), where=density > 0)
            start = np.clip(start - np.clip(step, -0.02, 0.02), self._low, self._high)
        return start


def _economic_lean() -> Law:
    """N(0, .3) + .005 (income - 50), income = min(lognormal(3.5, .8), 100)."""
    top = (np.log(100) - 3.5) / 0.8
    z, weight = gauss(-9.0, top, 200)
    shift = np.append(0.005 * (np.exp(3.5 + 0.8 * z) - 50), 0.25)
    p = np.append(weight * stats.norm.pdf(z), stats.norm.sf(top))

    def mix(f):
        def mixed(s):
            total = np.zeros_like(np.asarray(s, float))
            for m, q in zip(shift, p, strict=True):
                total = total + q * f((s - m) / 0.3)
            return total

        return mixed

    density = mix(lambda z: np.exp(-z * z / 2) / np.sqrt(2 * np.pi) / 0.3)
    return Law(mix(special.ndtr), mix(lambda z: special.ndtr(-z)), density, -2.6, 2.6)


def _trait_difference() -> Law:
    """C - O of independent C and O ~ Beta(5, 5)."""
    beta = stats.beta(5, 5)

    def given_o(f):
        def total(s):  # C < s + O lies inside [0, 1] where O is between these ends
            low, high = np.clip(-np.asarray(s, float), 0, 1), np.clip(1 - np.asarray(s, float), 0, 1)
            o, weight = gauss(low, high, 12)  # exact: polynomials of degree 17 in o
            return (f(np.clip(np.asarray(s)[..., None] + o, 0, 1)) * beta.pdf(o) * weight).sum(-1), high

        return total

    def cdf(s):
        inside, high = given_o(beta.cdf)(s)
        return inside + beta.sf(high)

    return Law(cdf, lambda s: cdf(-np.asarray(s)), lambda s: given_o(beta.pdf)(s)[0], -1.0, 1.0)


ECONOMIC_LEAN = _economic_lean()
TRAIT_DIFFERENCE = _trait_difference()


def turnout_given_habit(habit, penalty: float):
    """E[clip(t - penalty, .1, 1)], t = clip(B + habit + S, .1, .95), S = .002 K + .05 E - .03 N, over
    B ~ Beta(5, 2), K ~ Beta(2, 5), E ~ Beta(5, 5), N ~ Beta(4, 6).
    """

    def nodes(a, b, n):
        x, weight = special.roots_jacobi(n, b - 1, a - 1)
        return (x + 1) / 2, weight / weight.sum()

    (k, p_k), (e, p_e), (n, p_n) = nodes(2, 5, 6), nodes(5, 5, 12), nodes(4, 6, 12)
    rest = (0.002 * k[:, None, None] + 0.05 * e[:, None] - 0.03 * n).ravel()
    p = (p_k[:, None, None] * p_e[:, None] * p_n).ravel()
    a = np.asarray(habit, float)[..., None] + rest
    # clip(clip(B + a, .1, .95) - penalty, .1, 1) = clip(B + a - penalty, .1, .95 - penalty)
    low, high = np.clip(0.1 + penalty - a, 0, 1), np.clip(0.95 - a, 0, 1)
    b, first_moment = stats.beta(5, 2), lambda v: 5 / 7 * stats.beta.cdf(v, 6, 2)
    inside = first_moment(high) - first_moment(low) + (a - penalty) * (b.cdf(high) - b.cdf(low))
    return ((0.1 * b.cdf(low) + inside + (0.95 - penalty) * b.sf(high)) * p).sum(-1)
