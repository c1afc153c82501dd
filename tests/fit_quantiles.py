"""Fits the polynomials of `esim_jax.model.quantiles`. Run it to print them: `python tests/fit_quantiles.py`.

With v = u - 1/2 and w = -log(1 - 4 v^2), a quantile function is a(w) + v b(w): an even and an odd part,
smooth in w because the tails of normal and beta laws are smooth in log u. The coefficients are least squares on
the grid on which they are used (midpoints of 2^16 or 2^24 cells), reweighted a few times towards the smallest
maximum error.
"""

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial
from numpy.polynomial.polynomial import polyval
from scipy import stats

LAWS = {
    # name in the module: (law, bits, degree, symmetric about)
    "NORMAL_16": (stats.norm(), 16, 9, 0.0),
    "NORMAL_24": (stats.norm(), 24, 11, 0.0),
    "BETA_5_5": (stats.beta(5, 5), 16, 9, 0.5),
    "BETA_4_6": (stats.beta(4, 6), 16, 9, None),
    "BETA_2_5": (stats.beta(2, 5), 16, 9, None),
    "BETA_5_2": (stats.beta(5, 2), 16, 9, None),
}


def grid(bits: int) -> np.ndarray:
    """All midpoints of 2^16 cells; of 2^24, the outermost ones and every 61st between."""
    cells = np.arange(2**bits)
    if bits > 16:
        cells = np.unique(np.concatenate([cells[:4096], cells[::61], cells[-4096:]]))
    return (cells + 0.5) / 2.0**bits


def evaluate(even: tuple[float, ...], odd: tuple[float, ...], v: np.ndarray) -> np.ndarray:
    """The quantile function at u = v + 1/2, in double precision."""
    w = -np.log((1 - 2 * v) * (1 + 2 * v))
    return polyval(w, even) + v * polyval(w, odd)


def fit(name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The even and the odd polynomial's coefficients, constant first, rounded to single precision."""
    law, bits, degree, centre = LAWS[name]
    u = grid(bits)
    v = u - 0.5
    w = -np.log((1 - 2 * v) * (1 + 2 * v))
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
    return even, powers(solution[-degree - 1 :])


def _show(values: tuple[float, ...]) -> str:
    return "".join(f"        {value:.9g},\n" for value in values)


if __name__ == "__main__":
    for name, (law, bits, *_) in LAWS.items():
        even, odd = fit(name)
        print(f"{name} = Quantile(\n    even=(\n{_show(even)}    ),\n    odd=(\n{_show(odd)}    ),\n)")
        u = grid(bits)
        print(f"# largest error {np.abs(evaluate(even, odd, u - 0.5) - law.ppf(u)).max():.3g}")
