"""The law of one voter's ballot: the probability of every option, and what utility goes with it.

Voters are independent draws from one law, so that a constituency's votes are multinomial with the probabilities
p_j = E[turnout x softmax_j(U / temperature)]. Here the expectations are sums over the nodes of
`esim_jax.model.grid.voter_grid`. What jumps within a cell is averaged over the cell first, so that the sums are of
second order in its width and have the right derivatives:

- the share of a cell in which voters are alienated, or indifferent, is that of a rectangle on one side of a straight
  line: the utilities are taken as linear within a cell. A share of a cell is not yet a value at its middle: a second
  difference takes off the 1/24 h^2 by which the mean over a cell exceeds it;
- a temperature T below T' = 1.5 widths x steepness, where steepness bounds the slope of utility differences, is
  approached from above: p(T) = p(0) + k T^2 + O(T^4), so p(T') and p(2 T') tell p(0) and k.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Float

from esim_jax.model.grid import VoterGrid, voter_grid
from esim_jax.model.scenario import Scenario
from esim_jax.model.utility import incumbency_effect

CELLS = 512
"""Cells a side of the grid on which `cell_law` integrates."""

_ROWS = 16  # grid rows at a time: small enough for a core's cache
_COARSEST = 1.5  # temperature at least this many cells' utility differences


class CellLaw(NamedTuple):
    """The law of one voter of a configuration, float64; stacked over configurations it has a leading axis.

    The options of a voter are the parties in their order and, last, to abstain.
    """

    probability: Float[Array, "... party"]  # to vote for the party; abstention has the rest. 0 for a surplus place
    mean: Float[Array, "... option party"]  # E[U_j | the voter's option]; 0 for an option that nobody takes
    factor: Float[Array, "... option party party"]  # lower triangular L: L L' = Cov(U | the voter's option)


def cell_law(scenario: Scenario, grid: VoterGrid | None = None) -> CellLaw:
    """The law of one voter under a scenario, in double precision; can be differentiated.

    Call it within `jax.enable_x64()`. Of the scenario only the numbers that the voters see are used: no seed and no
    size.

    Args:
        scenario: not stacked; any floating type.
        grid: by default that of CELLS. Inside a compiled function pass it as an argument, or it becomes a constant of
            several megabytes.
    """
    grid = voter_grid(CELLS) if grid is None else grid
    return _cell_law(ballot_parameters(scenario), grid)


def cell_laws(scenarios: Scenario, grid: VoterGrid | None = None) -> CellLaw:
    """The laws of stacked scenarios, one after another, so that memory does not grow with their number.

    Each is the same to the bit in any stack, because one program without the stack's axis computes them all.

    Args:
        scenarios: stacked; NumPy or JAX arrays.
        grid: as in `cell_law`.
    """
    with jax.enable_x64(True):
        grid = device_grid() if grid is None else grid
        return _cell_laws(ballot_parameters(scenarios), grid)


class BallotParameters(NamedTuple):
    """What of a scenario bears on a ballot, float64."""

    temperature: Float[Array, "..."]
    alienation_threshold: Float[Array, "..."]
    indifference_threshold: Float[Array, "..."]
    position_x: Float[Array, "... party"]
    position_y: Float[Array, "... party"]
    appeal: Float[Array, "... party"]  # what the party is worth to all voters alike
    weight: Float[Array, "... party"]


def ballot_parameters(scenario: Scenario) -> BallotParameters:
    """In double precision; stacked scenarios give stacked parameters."""
    s = Scenario(*(jnp.asarray(field) for field in scenario))
    s = jax.tree.map(lambda v: v.astype(jnp.float64) if jnp.issubdtype(v.dtype, jnp.floating) else v, s)
    effect = incumbency_effect(s.economic_growth, s.national_mood, s.anti_incumbency)
    return BallotParameters(
        s.temperature,
        s.alienation_threshold,
        s.indifference_threshold,
        s.position_x,
        s.position_y,
        0.01 * s.valence + s.incumbent * effect[..., None],
        s.weight,
    )


def device_grid() -> VoterGrid:
    """The grid of CELLS as JAX arrays."""
    return VoterGrid(*(jnp.asarray(field) for field in voter_grid(CELLS)))


@jax.jit
def _cell_laws(ballots: BallotParameters, grid: VoterGrid) -> CellLaw:
    return lax.map(lambda ballot: _cell_law(ballot, grid), ballots)


@jax.jit
def _cell_law(ballot: BallotParameters, grid: VoterGrid) -> CellLaw:
    n_parties = ballot.weight.shape[-1]
    coarsest = lax.stop_gradient(coarsest_temperature(ballot, grid))

    def add_rows(sums: tuple[Array, ...], rows: tuple[Array, ...]) -> tuple[tuple[Array, ...], None]:
        x, width, everyone, turnout = rows
        of_rows = _sum_rows(
            ballot, coarsest, x, width, everyone, turnout, jnp.asarray(grid.node), jnp.asarray(grid.width)
        )
        return jax.tree.map(jnp.add, sums, of_rows), None

    n_options = n_parties + 1
    empty = tuple(jnp.zeros(shape) for shape in [n_options, (n_options, n_parties), (n_options, n_parties, n_parties)])
    rows = (
        *(in_rows(values) for values in (grid.node, grid.width, grid.everyone)),
        jnp.swapaxes(jax.vmap(in_rows)(jnp.asarray(grid.turnout)), 0, 1),
    )
    # reverse differentiation computes the rows anew rather than keep what all of them computed
    sums, _ = lax.scan(jax.checkpoint(add_rows), empty, rows)
    taken, utility, product = sums
    probability = jnp.maximum(taken[:-1], 0.0)
    of_option = jnp.append(probability, 1 - probability.sum())
    share = jnp.where(of_option > 0, of_option, 1.0)
    mean = jnp.where(of_option[:, None] > 0, utility / share[:, None], 0.0)
    square = jnp.where(of_option[:, None, None] > 0, product / share[:, None, None], 0.0)
    covariance = square - mean[:, :, None] * mean[:, None, :]
    return CellLaw(probability, mean, jax.vmap(_root)(covariance, jnp.diagonal(square, axis1=1, axis2=2)))


def in_rows(values: Any, at_once: int = _ROWS) -> Array:
    """The first axis cut into blocks; the last block is filled with zeros."""
    missing = -len(values) % at_once
    padded = jnp.pad(jnp.asarray(values), [(0, missing)] + [(0, 0)] * (values.ndim - 1))
    return padded.reshape(-1, at_once, *values.shape[1:])


def coarsest_temperature(ballot: BallotParameters, grid: VoterGrid) -> Float[Array, ""]:
    """The smallest temperature that the grid resolves."""
    width = 2 / (len(grid.node) - 2)
    return _COARSEST * width * _steepness(ballot)


def _steepness(ballot: BallotParameters) -> Float[Array, ""]:
    """Bound on the slope of U_i - U_j over the voters, for any two parties.

    The slopes are unit vectors from the parties to the voter, which differ by at most 2 |a - b| / (|a| + |b|).
    """
    x, y = ballot.position_x, ballot.position_y
    outside = jnp.hypot(jnp.maximum(jnp.abs(x) - 1, 0), jnp.maximum(jnp.abs(y) - 1, 0))
    apart = jnp.hypot(x[:, None] - x, y[:, None] - y)
    nearest = (outside[:, None] + outside) / 2
    bound = jnp.where(apart < 2 * nearest, apart / jnp.where(nearest > 0, nearest, 1.0), 2.0)
    return jnp.where(apart > 0, bound, 0.0).max()


class Seen(NamedTuple):
    """What the voters at some nodes of the grid see of the parties, and who votes; float64."""

    utility: Float[Array, "party row column"]
    slope_x: Float[Array, "party row column"]  # of the utility
    slope_y: Float[Array, "party row column"]
    best: Float[Array, "row column"]  # utility
    votes: Float[Array, "row column"]  # probability to stand there and to vote


def see_parties(ballot: BallotParameters, x: Array, width_x: Array, turnout: Array, y: Array, width_y: Array) -> Seen:
    """What voters at the nodes (x, y) see.

    Args:
        ballot: of one scenario.
        x: of some rows of the grid.
        width_x: of their cells.
        turnout: the grid's, of these rows.
        y: of all columns.
        width_y: of their cells.
    """
    dx = x[:, None] - ballot.position_x[:, None, None]
    dy = y[None, :] - ballot.position_y[:, None, None]
    square = dx * dx + dy * dy
    distance = jnp.sqrt(jnp.maximum(square, 1e-30))  # the slope of a party at the voter's own place is 0
    utility = ballot.appeal[:, None, None] - distance

    slope_x, slope_y = -dx / distance, -dy / distance
    best, worst = _extremes(utility, slope_x, slope_y)
    size = (width_x[:, None], width_y[None, :])
    alienated = _share_above_zero(
        ballot.alienation_threshold - best[0], *(slope * s for slope, s in zip(best[1:], size, strict=True))
    )
    indifferent = _share_above_zero(
        ballot.indifference_threshold - (best[0] - worst[0]),
        *((b - w) * s for b, w, s in zip(best[1:], worst[1:], size, strict=True)),
    )
    plain, after_indifference, after_alienation, after_both = turnout
    votes = (
        (1 - alienated) * ((1 - indifferent) * plain + indifferent * after_indifference)
        + alienated * ((1 - indifferent) * after_alienation + indifferent * after_both)
    )  # fmt: skip
    return Seen(utility, slope_x, slope_y, best[0], votes)


def _sum_rows(
    ballot: BallotParameters,
    coarsest: Array,
    x: Array,
    width_x: Array,
    everyone: Array,
    turnout: Array,
    y: Array,
    width_y: Array,
) -> tuple[Array, Array, Array]:
    """Sums over some rows of the grid, by option of the voters: of their number [option], of their utilities
    [option, party], and of products of their utilities [option, party, party].
    """
    seen = see_parties(ballot, x, width_x, turnout, y, width_y)
    choice = seen.votes * _choice(seen.utility - seen.best, ballot.weight, ballot.temperature, coarsest)
    taken = jnp.concatenate([choice, (everyone - choice.sum(axis=0))[None]])
    taken, flat = taken.reshape(len(taken), -1), seen.utility.reshape(len(seen.utility), -1)
    product = lax.map(lambda of_option: (of_option * flat) @ flat.T, taken)  # one after another, for memory's sake
    return taken.sum(axis=1), taken @ flat.T, product


def _extremes(utility: Array, slope_x: Array, slope_y: Array) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """The best and the worst utility in each cell, and their slopes."""

    def compare(carry: tuple[tuple[Array, ...], ...], one: tuple[Array, ...]) -> tuple[Any, None]:
        best, worst = carry
        better, worse = one[0] > best[0], one[0] < worst[0]
        return (
            tuple(jnp.where(better, a, b) for a, b in zip(one, best, strict=True)),
            tuple(jnp.where(worse, a, b) for a, b in zip(one, worst, strict=True)),
        ), None

    first = (utility[0], slope_x[0], slope_y[0])
    return lax.scan(compare, (first, first), (utility[1:], slope_x[1:], slope_y[1:]))[0]


def _share_above_zero(value: Array, change_x: Array, change_y: Array) -> Array:
    """The share of a cell in which a linear function is above 0.

    Args:
        value: at the cell's middle.
        change_x: from one side of the cell to the other, along x.
        change_y: along y.
    """
    at, ratio, flat = _in_changes(value, change_x, change_y)
    middle = _uniform_sum_above(at, ratio)
    around = sum(_uniform_sum_above(at + step, ratio) for step in (1.0, -1.0, ratio, -ratio))
    share = middle - (around - 4 * middle) / 24
    return jnp.where(flat, (value > 0).astype(value.dtype), share)


def plain_share_above_zero(value: Array, change_x: Array, change_y: Array) -> Array:
    """The share of a cell itself, in [0, 1], without what makes it a value at the middle. Arguments as above."""
    at, ratio, flat = _in_changes(value, change_x, change_y)
    return jnp.where(flat, (value > 0).astype(value.dtype), _uniform_sum_above(at, ratio))


def _in_changes(value: Array, change_x: Array, change_y: Array) -> tuple[Array, Array, Array]:
    """The value and the smaller change in units of the larger one; and where there is no change."""
    a, b = jnp.abs(lax.stop_gradient(change_x)), jnp.abs(lax.stop_gradient(change_y))
    long, short = jnp.maximum(a, b), jnp.minimum(a, b)
    flat = long == 0
    ratio = short / jnp.where(flat, 1.0, long)
    return value / jnp.where(flat, 1.0, long), ratio, flat


def _uniform_sum_above(value: Array, ratio: Array) -> Array:
    """P(value + u + ratio v > 0) for u and v uniform on (-1/2, 1/2), 0 <= ratio <= 1."""
    z = jnp.abs(value)
    into_corner = jnp.clip(((1 + ratio) / 2 - z) / jnp.where(ratio > 0, ratio, 1.0), 0.0, 1.0)
    half = jnp.where(z <= (1 - ratio) / 2, z, 0.5 - 0.5 * ratio * into_corner**2)
    return 0.5 + jnp.sign(value) * half


def _choice(below_best: Array, weight: Array, temperature: Array, coarsest: Array) -> Array:
    """The probability of each party for a voter who votes."""
    smooth, excess = smoothing(temperature, coarsest)
    root = jnp.exp(below_best / (2 * smooth))
    warm = root * weight[:, None, None]
    cool = root * warm
    return (1 + excess) * cool / cool.sum(axis=0) - excess * warm / warm.sum(axis=0)


def smoothing(temperature: Array, coarsest: Array) -> tuple[Array, Array]:
    """The temperature T' that stands for a smaller one, and e: p(T) is (1 + e) p(T') - e p(2 T')."""
    smooth = jnp.maximum(temperature, coarsest)
    return smooth, jnp.where(temperature < coarsest, (coarsest**2 - temperature**2) / (3 * smooth**2), 0.0)


def _root(covariance: Array, scale: Array) -> Array:
    """Cholesky's lower triangle; a party whose utility the parties before it tell has a column of zeros."""
    n = len(covariance)
    place = jnp.arange(n)

    def column(j: Array, factor: Array) -> Array:
        rest = covariance[:, j] - factor @ factor[j]
        pivot = rest[j]
        regular = pivot > 1e-11 * scale[j]
        divisor = jnp.sqrt(jnp.where(regular, pivot, 1.0))
        return factor.at[:, j].set(jnp.where(regular & (place >= j), rest / divisor, 0.0))

    return lax.fori_loop(0, n, column, jnp.zeros_like(covariance))
