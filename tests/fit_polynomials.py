"""Fits the polynomials of `esim_jax.model`. Run it to print them: `python tests/fit_polynomials.py`.

With v = u - 1/2 and w = -log(1 - 4 v^2), a quantile function is a(w) + v b(w): an even and an odd part,
smooth in w because the tails of these laws are smooth in log u. The coefficients are least squares, reweighted a few
times towards the smallest maximum error. The turnout probabilities are interpolated at Chebyshev's nodes.
"""

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial
from numpy.polynomial.polynomial import polyval
from scipy import stats
from voter_laws import ECONOMIC_LEAN, TRAIT_DIFFERENCE, turnout_given_habit

LAWS = {
    # name in the module: (law, bits, range of values that matter, degree, symmetric about)
    "ECONOMIC_LEAN": (ECONOMIC_LEAN, 24, (-1.13, 1.11), 7, None),  # beyond it x is clipped, whatever the age
    "TRAIT_DIFFERENCE": (TRAIT_DIFFERENCE, 16, (-1.0, 1.0), 8, 0.0),
    "NORMAL": (stats.norm(), 24, (-4.15, 4.15), 9, 0.0),  # beyond it y is clipped, whatever the voter
    "WIDE_NORMAL": (stats.norm(), 24, (-6.0, 6.0), 9, 0.0),  # all that 24 bits reach
}
HABITS = (0.0, 0.18)
PENALTIES = {"CONTENT": 0.0, "INDIFFERENT": 0.2, "ALIENATED": 0.3, "BOTH": 0.5}
TURNOUT_DEGREE = 5


def grid(name: str) -> np.ndarray:
    """Arguments u on which the law is fitted: denser in the tails, within the values that matter."""
    law, bits, (low, high), *_ = LAWS[name]
    first, last = max(float(law.cdf(low)), 2.0 ** -(bits + 1)), max(float(law.sf(high)), 2.0 ** -(bits + 1))
    tail = np.concatenate([np.geomspace(min(first, last), 1e-3, 3000), np.linspace(1e-3, 0.5, 6000)])
    return np.unique(np.concatenate([tail[tail >= first], 1 - tail[tail >= last]]))


def logarithm(v: np.ndarray) -> np.ndarray:
    """w at u = v + 1/2."""
    return -np.log((1 - 2 * v) * (1 + 2 * v))


def evaluate(quantile: tuple[tuple[float, ...], tuple[float, ...], float], v: np.ndarray) -> np.ndarray:
    """The quantile function (even, odd, furthest) at u = v + 1/2, in double precision."""
    even, odd, furthest = quantile
    w = np.minimum(logarithm(v), furthest)
    return polyval(w, even) + v * polyval(w, odd)


def fit(name: str) -> tuple[tuple[float, ...], tuple[float, ...], float]:
    """The even and the odd polynomial's coefficients, constant first, and the furthest w; in single precision."""
    law, _, _, degree, centre = LAWS[name]
    u = grid(name)
    v = u - 0.5
    w = logarithm(v)
    basis = np.polynomial.chebyshev.chebvander(2 * w / w.max() - 1, degree)
    odd = v[:, None] * basis
    matrix = odd if centre is not None else np.hstack([basis, odd])
    target = law.ppf(u) - (centre or 0.0)
    weight = np.ones_like(u)
    for _ in range(12):
        solution = np.linalg.lstsq(matrix * weight[:, None], target * weight, rcond=None)[0]
        error = np.abs(matrix @ solution - target)
        weight *= np.sqrt(0.05 + error / error.max())
        weight /= weight.max()

    def powers(c: np.ndarray) -> tuple[float, ...]:
        polynomial = Chebyshev(c, domain=[0, w.max()]).convert(kind=Polynomial, domain=[-1, 1], window=[-1, 1])
        return tuple(float(np.float32(x)) for x in polynomial.coef)

    even = (float(centre),) if centre is not None else powers(solution[: degree + 1])
    return even, powers(solution[-degree - 1 :]), float(np.float32(w.max()))


def fit_turnout(name: str) -> tuple[float, ...]:
    """The turnout polynomial's coefficients in the habit, constant first, rounded to single precision."""
    interpolant = Chebyshev.interpolate(turnout_given_habit, TURNOUT_DEGREE, HABITS, args=(PENALTIES[name],))
    return tuple(float(np.float32(x)) for x in interpolant.convert(kind=Polynomial, domain=[-1, 1]).coef)


def _show(values: tuple[float, ...]) -> str:
    return "".join(f"        {value:.9g},\n" for value in values)


if __name__ == "__main__":
    for name, (law, *_) in LAWS.items():
        even, odd, furthest = fit(name)
        print(f"{name} = Quantile(\n    even=(\n{_show(even)}    ),\n    odd=(\n{_show(odd)}    ),")
        print(f"    furthest={furthest:.9g},\n)")
        u = grid(name)
        print(f"# largest error {np.abs(evaluate((even, odd, furthest), u - 0.5) - law.ppf(u)).max():.3g}")
    habit = np.linspace(*HABITS, 1001)
    for name, penalty in PENALTIES.items():
        coefficients = fit_turnout(name)
        print(f"{name} = (\n{_show(coefficients)})")
        print(f"# largest error {np.abs(polyval(habit, coefficients) - turnout_given_habit(habit, penalty)).max():.3g}")
