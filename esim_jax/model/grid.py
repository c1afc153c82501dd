"""The voter on a grid: the law of position and turnout as weights on the nodes of a square.

An integral over the law of one voter becomes a sum over the nodes: E[f(x, y)] ~ sum weight * f(node). Given age and
education, the position x (noise, income, conscientiousness - openness), the position y (noise) and the turnout before
the parties are seen (propensity, knowledge, extraversion, neuroticism) are independent, so that

    E[f(x, y) clip(t - penalty, .1, 1)] = sum over (age, education) P(age) P(education) G(penalty)
                                          x integral of f over law(x | age) x law(y | age, education)

with G = E[clip(t - penalty, .1, 1) | age, education]. The laws of x and y are those of `esim_jax.model.electorate`,
computed in double precision by Gauss-Legendre rules on intervals where the integrand is smooth: the clips at -1 and 1
leave atoms there, which are nodes of their own.

The inner nodes are the midpoints of equal cells. A cell's mass goes to the four nearest midpoints by cubic
interpolation, which integrates cubic polynomials exactly for any law; for a smooth density it differs from sampling the
density at the midpoints near the edges only, so that the rule is of high order inside.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from esim_jax.model.turnout import ALIENATION_PENALTY, INDIFFERENCE_PENALTY

PENALTIES = (0.0, INDIFFERENCE_PENALTY, ALIENATION_PENALTY, INDIFFERENCE_PENALTY + ALIENATION_PENALTY)
"""What a voter's turnout may lose: nothing, for indifference, for alienation, for both."""

_AGES = np.arange(18, 90)
_EDUCATION = (0.15, 0.25, 0.30, 0.20, 0.10)
_NOISE = 0.3  # standard deviation of x and y given everything else
_TRAITS = 0.15  # largest shift of x by conscientiousness - openness
_POINTS = 3  # Gauss-Legendre points a cell, by which its mass is spread over the midpoints


class VoterGrid(NamedTuple):
    """The law of one voter on the nodes (x, y) of a square grid, float64. Both axes have the same nodes.

    The first and the last node are the edges -1 and 1 of the square, where the clips leave atoms; the others are the
    midpoints of equal cells. Weights are positive; those of `everyone` sum to 1, and those of `turnout` with a penalty
    to the mean turnout under it.
    """

    node: Float[Any, " node"]
    width: Float[Any, " node"]  # of the node's cell; 0 for an atom
    everyone: Float[Any, "node node"]  # probability to stand at (x, y)
    turnout: Float[Any, "penalty node node"]  # the same times the turnout, for each of PENALTIES


@lru_cache
def voter_grid(cells: int) -> VoterGrid:
    """The law of a voter on cells x cells cells and the edges; computed once a process.

    Args:
        cells: a side; at least 8.

    >>> grid = voter_grid(64)
    >>> round(float(grid.everyone.sum()), 9)
    1.0
    >>> [round(float(weight.sum()), 4) for weight in grid.turnout]  # mean turnout after each penalty
    [0.8112, 0.6113, 0.5118, 0.3205]
    """
    edges = np.linspace(-1.0, 1.0, cells + 1)
    middle = (edges[1:] + edges[:-1]) / 2
    offset, weight = _legendre(_POINTS, -1 / cells, 1 / cells)
    point = (middle[:, None] + offset).ravel()
    spread = _interpolation(point, middle) * np.tile(weight, cells)[:, None]

    inner_x, low_x, high_x = _law_of_x(point)
    inner_y, low_y, high_y = _law_of_y(point)
    x = np.concatenate([low_x[:, None], inner_x @ spread, high_x[:, None]], axis=1)
    y = np.concatenate([low_y[..., None], inner_y @ spread, high_y[..., None]], axis=2)

    p = np.array(_EDUCATION) / len(_AGES)
    parts = [np.ones((len(_AGES), len(_EDUCATION))), *(_mean_turnout(penalty) for penalty in PENALTIES)]
    weights = [x.T @ np.einsum("ae,aen->an", p * part, y) for part in parts]
    return VoterGrid(
        node=np.concatenate([[-1.0], middle, [1.0]]),
        width=np.concatenate([[0.0], np.full(cells, 2 / cells), [0.0]]),
        everyone=weights[0],
        turnout=np.stack(weights[1:]),
    )


def _legendre(n: int, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights of Gauss and Legendre on [low, high]."""
    node, weight = np.polynomial.legendre.leggauss(n)
    return (low + high) / 2 + (high - low) / 2 * node, (high - low) / 2 * weight


def _interpolation(point: np.ndarray, node: np.ndarray) -> np.ndarray:
    """[point, node]: weights of the cubic through the four nodes nearest to each point; the nodes are equidistant."""
    step = node[1] - node[0]
    first = np.clip(np.floor((point - node[0]) / step).astype(int) - 1, 0, len(node) - 4)
    t = (point - node[first]) / step
    matrix = np.zeros((len(point), len(node)))
    for k in range(4):
        others = [m for m in range(4) if m != k]
        matrix[np.arange(len(point)), first + k] = np.prod([(t - m) / (k - m) for m in others], axis=0)
    return matrix


def _beta_density(a: int, b: int, v: np.ndarray) -> np.ndarray:
    """Density of the beta law with whole parameters: a polynomial."""
    constant = float(np.prod(np.arange(a, a + b), dtype=float) / np.prod(np.arange(1, b), dtype=float))
    return constant * v ** (a - 1) * (1 - v) ** (b - 1)


def _trait_density(d: np.ndarray) -> np.ndarray:
    """Density of .15 (conscientiousness - openness) at d, exact: the integrand is a polynomial of degree 16."""
    gap = np.minimum(np.abs(d) / _TRAITS, 1.0)
    node, weight = _legendre(9, 0.0, 1.0)
    reach = 1 - gap
    v = reach[..., None] * node
    return (_beta_density(5, 5, v) * _beta_density(5, 5, v + gap[..., None])) @ weight * reach / _TRAITS


def _income() -> tuple[np.ndarray, np.ndarray]:
    """Values and weights of the income: a rule below 100, and the atom at 100."""
    from scipy.special import ndtr

    cap = (np.log(100) - 3.5) / 0.8
    z, weight = _legendre(96, -9.0, cap)
    value = np.append(np.exp(3.5 + 0.8 * z), 100.0)
    return value, np.append(weight * np.exp(-z * z / 2) / np.sqrt(2 * np.pi), ndtr(-cap))


def _law_of_x(point: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Given each age: the density of x at the points, and the atoms at -1 and 1.

    With A = N(0, .3) + .005 (income - 50) + .003 (age - 50) and D the traits' shift, x = clip(clip(A) + D). Inside, x
    is A + D without what the inner clip moved, and with the two atoms of clip(A) smeared out by D.
    """
    from scipy.special import ndtr

    value, weight = _income()
    centre = 0.005 * (value - 50)
    shift = 0.003 * (_AGES - 50)

    def density_a(s: np.ndarray) -> np.ndarray:  # of A at age 50
        z = (s[..., None] - centre) / _NOISE
        return np.exp(-z * z / 2) @ weight / (_NOISE * np.sqrt(2 * np.pi))

    def below_a(s: np.ndarray) -> np.ndarray:
        return ndtr((s[..., None] - centre) / _NOISE) @ weight

    halves = [_legendre(20, -_TRAITS, 0.0), _legendre(20, 0.0, _TRAITS)]
    d, rule = (np.concatenate(parts) for parts in zip(*halves, strict=True))
    at_d = rule * _trait_density(d)

    # smooth functions of one variable, hence a Chebyshev series each: the same for all ages, but for a shift
    domain = (-1.3 - shift[-1], 1.3 - shift[0])
    polynomial = np.polynomial.Chebyshev
    smooth_a = polynomial.interpolate(density_a, 72, domain)
    smooth_x = polynomial.interpolate(lambda s: density_a(s[:, None] - d) @ at_d, 72, domain)

    above, below = 1 - below_a(1 - shift), below_a(-1 - shift)
    inner = smooth_x(point - shift[:, None])
    inner += above[:, None] * _trait_density(point - 1) * (point > 1 - _TRAITS)
    inner += below[:, None] * _trait_density(point + 1) * (point < _TRAITS - 1)
    unit, share = _legendre(14, 0.0, 1.0)
    for side in (1, -1):  # A beyond the side, brought back by D, is not where A + D is
        near = side * point > 1 - _TRAITS
        reach = _TRAITS - (1 - side * point[near])  # |D| runs from 1 - |s| to .15
        size = _TRAITS - reach[:, None] * unit
        moved = smooth_a(point[near][:, None] + side * size - shift[:, None, None])
        inner[:, near] -= np.einsum("aqk,qk->aq", moved, _trait_density(size) * reach[:, None] * share)

    outwards, rule = _legendre(20, 0.0, _TRAITS)
    rule = rule * _trait_density(outwards)
    high = above / 2 + (below_a(1 - shift)[:, None] - below_a(1 - outwards - shift[:, None])) @ rule
    low = below / 2 + (below_a(outwards - 1 - shift[:, None]) - below_a(-1 - shift)[:, None]) @ rule
    return inner, low, high


def _law_of_y(point: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Given each age and education: the density of y at the points, and the atoms at -1 and 1."""
    from scipy.special import ndtr

    centre = 0.005 * (_AGES[:, None] - 50) - 0.02 * (np.arange(len(_EDUCATION)) - 2)
    z = (point - centre[..., None]) / _NOISE
    inner = np.exp(-z * z / 2) / (_NOISE * np.sqrt(2 * np.pi))
    return inner, ndtr((-1 - centre) / _NOISE), ndtr((centre - 1) / _NOISE)


def _mean_turnout(penalty: float) -> np.ndarray:
    """E[clip(t - penalty, .1, 1)] given each age and education, t = clip(propensity + rest, .10, .95).

    Given the rest, the mean is low + the integral of P(propensity + rest > v) from low to .95, less the penalty, where
    low = .1 + penalty and P(propensity <= b) = 6 b^5 - 5 b^6.
    """
    node, weight = _legendre(20, 0.0, 1.0)
    few, few_weight = _legendre(6, 0.0, 1.0)
    rest = (0.002 * few)[:, None, None] + (0.05 * node)[:, None] - 0.03 * node
    weights = (
        (few_weight * _beta_density(2, 5, few))[:, None, None]
        * (weight * _beta_density(5, 5, node))[:, None]
        * (weight * _beta_density(4, 6, node))
    )
    base, which = np.unique(
        (0.02 * np.arange(len(_EDUCATION)) + 0.002 * np.minimum(_AGES - 18, 50)[:, None]).round(9), return_inverse=True
    )
    total = base[:, None] + rest.ravel()
    low, high = 0.1 + penalty, 0.95

    def area(v: np.ndarray) -> np.ndarray:  # integral of P(propensity <= b) up to b = v <= 1
        b = np.maximum(v, 0.0)
        return b**6 - 5 * b**7 / 7

    mean = high - (area(high - total) - area(low - total)) - penalty
    return (mean @ weights.ravel())[which].reshape(len(_AGES), len(_EDUCATION))
