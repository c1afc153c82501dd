"""The law of one voter's ranking: the probability of every order of the options, with the parties approved of.

A voter who votes orders the options, none of the above among them, by the law of Plackett and Luce (see
`esim_jax.model.preferences`): the first is i with probability softmax_i(U / temperature), the next is again so among
those left, and so on. The expectation is a sum over the nodes of the grid, as in `esim_jax.model.law`, with the same
turnout: the first places of the orders add up to the law of a ballot for one party. Near temperature 0 there is the
same extrapolation, from a quarter of the temperature.

Whom a voter approves of is no matter of chance, given the position. Within a cell it changes along lines; the share of
the cell on one side of each line is taken from `esim_jax.model.law`, and where several lines cross a cell the sets are
those that a point meets which goes straight through it: exact for lines in one place, as those of two parties are, and
of second order otherwise.
"""

from collections.abc import Iterable
from functools import lru_cache, partial
from itertools import combinations, permutations

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Float

from esim_jax.model.grid import VoterGrid
from esim_jax.model.law import (
    BallotParameters,
    Seen,
    ballot_parameters,
    coarsest_temperature,
    device_grid,
    in_rows,
    plain_share_above_zero,
    see_parties,
    smoothing,
)
from esim_jax.model.scenario import Scenario

_ROWS, _NUMBERS_AT_ONCE = 16, 1 << 19  # grid rows, and orders x nodes, at a time: what fits a core's cache
_COLDER = 4  # orders turn on pairs whose utilities differ slowly, too: extrapolation must begin at colder temperatures
_FARTHEST = 700.0  # of utilities in units of the temperature: e^700 is finite


def order_law(scenario: Scenario, n_approved: int = 0, grid: VoterGrid | None = None) -> Float[Array, "set order"]:
    """The probability that a voter votes, approves of a set of parties and orders the options so, float64.

    The orders are those of `itertools.permutations`. They sum to the turnout. Near temperature 0 the extrapolation can
    take probabilities below 0, by about its error (see docs/engines.md).

    Args:
        scenario: of one simulation, without surplus places; at most MOST_TYPED options.
        n_approved: of how many parties, the first ones, some are approved of: those worth more to the voter than their
            mean. There is one row a set; bit j of its number is party j. With 0 there is one row.
        grid: by default that of `esim_jax.model.law.CELLS`.

    >>> from esim_jax.config import read_parameters
    >>> from esim_jax.model.scenario import stack_scenarios
    >>> stacked = stack_scenarios([read_parameters({})], [0], 3)
    >>> law = np.asarray(order_law(Scenario(*(field[0] for field in stacked))))
    >>> law.shape, round(float(law.sum()), 4)
    ((1, 6), 0.7544)
    """
    with jax.enable_x64(True):
        return _order_law(ballot_parameters(scenario), n_approved, device_grid() if grid is None else grid)


@partial(jax.jit, static_argnums=1)
def _order_law(ballot: BallotParameters, n_approved: int, grid: VoterGrid) -> Array:
    smooth, excess = smoothing(ballot.temperature, coarsest_temperature(ballot, grid) / _COLDER)

    def at(temperature: Array) -> Array:
        return _law_at(ballot, temperature, n_approved, grid)

    return lax.cond(
        excess > 0, lambda: (1 + excess) * at(smooth) - excess * at(2 * smooth), lambda: at(smooth)
    )  # fmt: skip


def _law_at(ballot: BallotParameters, temperature: Array, n_approved: int, grid: VoterGrid) -> Array:
    """The probability of an order is the product of those of its two halves, given who is left for the second one."""
    n = len(ballot.weight)
    halves, place = _halves(n)
    at_once = min(_ROWS, max(1, _NUMBERS_AT_ONCE // (len(place) * len(grid.node))))

    def add_rows(total: Array, rows: tuple[Array, ...]) -> tuple[Array, None]:
        x, width_x, turnout = rows
        seen = see_parties(ballot, x, width_x, turnout, grid.node, grid.width)
        first_of = _first_of(_flat(seen.utility) / temperature)
        weights = _approved(seen, n_approved, width_x, grid.width) * seen.votes
        begun, ended = (_chances(first_of, half) for half in halves)  # [who is left, half of an order, node]
        if n_approved:
            orders = (begun[:, :, None] * ended[:, None]).reshape(len(place), -1)
            return total + _flat(weights) @ orders.T, None
        return total + jnp.einsum("lbn,len->lbe", _flat(weights) * begun, ended).reshape(1, -1), None

    rows = (
        in_rows(grid.node, at_once),
        in_rows(grid.width, at_once),
        jnp.swapaxes(jax.vmap(partial(in_rows, at_once=at_once))(grid.turnout), 0, 1),
    )
    empty = jnp.zeros((1 << n_approved, len(place)))
    return lax.scan(add_rows, empty, rows)[0][:, place]


@lru_cache
def _halves(n: int) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """All orders of n options in two halves, grouped by the options that are left for the second one.

    Returns:
        Of each half, for every turn of every group: the number set * n + option of the next option and the set that it
        is taken from [left, half, turn]. And the place of each order in (left, first half, second half).
    """
    everybody, sets = set(range(n)), [*combinations(range(n), n - n // 2)]
    first = [[*permutations(sorted(everybody - {*left}))] for left in sets]
    second = [[*permutations(left)] for left in sets]

    def turns(orders: list[tuple[int, ...]], afterwards: tuple[int, ...]) -> list[list[int]]:
        return [[_bits(order[k:] + afterwards) * n + order[k] for k in range(len(order))] for order in orders]

    place = {
        beginning + ending: (g * len(first[0]) + b) * len(second[0]) + e
        for g in range(len(sets))
        for b, beginning in enumerate(first[g])
        for e, ending in enumerate(second[g])
    }
    halves = (
        np.array([turns(orders, left) for orders, left in zip(first, sets, strict=True)], int),
        np.array([turns(orders, ()) for orders in second], int),
    )
    return halves, np.array([place[order] for order in permutations(range(n))])


def _bits(options: Iterable[int]) -> int:
    return sum(1 << option for option in options)


def _flat(values: Array) -> Array:
    """Rows and columns as one axis of nodes."""
    return values.reshape(len(values), -1)


def _first_of(value: Float[Array, "option node"]) -> Float[Array, "number node"]:
    """The probability that an option comes first among a set, where options are worth so much in temperatures.

    The row of (set, option) is set * n + option; it means nothing where the option is not in the set.
    """
    n = len(value)
    ahead = jnp.exp(jnp.clip(value[:, None] - value[None, :], -_FARTHEST, _FARTHEST))
    is_in = (np.arange(1 << n)[:, None] >> np.arange(n)) & 1
    against = jnp.einsum("so,oin->sin", is_in.astype(float), ahead)  # 1 or more where i is in the set
    return (1 / jnp.maximum(against, 1.0)).reshape(-1, value.shape[1])


def _chances(first_of: Float[Array, "number node"], turns: np.ndarray) -> Float[Array, "left half node"]:
    """The products of what is looked up for each turn."""
    chance = jnp.ones((*turns.shape[:2], first_of.shape[1]))
    for turn in range(turns.shape[2]):
        chance = chance * first_of[turns[:, :, turn]]
    return chance


def _approved(seen: Seen, n: int, width_x: Array, width_y: Array) -> Float[Array, "set row column"]:
    """The share of each cell whose voters approve of just this set of the first n parties."""
    if n == 0:
        return jnp.ones((1, *seen.votes.shape))
    utility, slope_x, slope_y = (values[:n] - values[:n].mean(axis=0) for values in seen[:3])
    share = plain_share_above_zero(utility, slope_x * width_x[:, None], slope_y * width_y)
    # a point goes through the cell from 0 to 1: party j is approved of before the turn, or after it
    before = (slope_x < 0) | ((slope_x == 0) & (slope_y < 0))
    turn = jnp.where(before, share, 1 - share)
    is_in = ((np.arange(1 << n)[:, None] >> np.arange(n)) & 1).astype(bool)[:, :, None, None]
    until = jnp.where(is_in == before, turn, 1.0).min(axis=1)
    since = jnp.where(is_in == before, 0.0, turn).max(axis=1)
    return jnp.maximum(until - since, 0.0)
