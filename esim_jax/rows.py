"""The row table: ragged electorates cut into rows of equal width.

Every constituency's voters are cut into rows of ROW_WIDTH; the last row of a constituency is partly empty. A chunk of
simulations, whatever their sizes, is then one long axis of rows, and one compiled program serves a whole sweep. The
capacities of the arrays are powers of two, so that few shapes are compiled; surplus places are empty.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int, UInt

ROW_WIDTH = 128
"""Voters a row: a TPU's lane, four GPU warps, eight AVX-512 registers."""


class Rows(NamedTuple):
    """The rows of a chunk, and the constituencies they lie in."""

    constituency: Int[Any, " row"]  # place of the row's constituency below
    n_rows: Int[Any, ""]  # rows in use
    simulation: Int[Any, " constituency"]  # place of its simulation in the chunk
    number: UInt[Any, " constituency"]  # its number within its simulation
    n_voters: Int[Any, " constituency"]  # 0 for a surplus place
    first_voter: UInt[Any, " constituency"]  # index of its first voter within its simulation
    first_row: Int[Any, " constituency"]


class Capacity(NamedTuple):
    """Lengths of the arrays that describe a chunk."""

    simulations: int
    constituencies: int
    rows: int


def count_rows(n_voters: int, n_constituencies: int) -> int:
    """Rows of one simulation.

    >>> count_rows(1000, 3)  # 334 + 333 + 333 voters, three rows each
    9
    """
    size, larger = divmod(n_voters, n_constituencies)
    return larger * -(-(size + 1) // ROW_WIDTH) + (n_constituencies - larger) * -(-size // ROW_WIDTH)


def capacity_for(simulations: int, constituencies: int, rows: int, block_rows: int) -> Capacity:
    """Powers of two that hold a chunk; one constituency stays empty for the surplus rows."""
    return Capacity(_power_of_two(simulations), _power_of_two(constituencies + 1, 16), _power_of_two(rows, block_rows))


def tabulate_rows(
    n_voters: Sequence[int] | np.ndarray, n_constituencies: Sequence[int] | np.ndarray, capacity: Capacity
) -> Rows:
    """The row table of several simulations.

    Voters fall to constituencies in blocks of equal size, in order; the first constituencies are one voter larger
    where the numbers don't divide.
    """
    constituencies = np.asarray(n_constituencies, np.int64)
    simulation = np.repeat(np.arange(len(constituencies)), constituencies)
    number = np.arange(len(simulation)) - np.repeat(np.cumsum(constituencies) - constituencies, constituencies)
    size, larger = np.divmod(np.asarray(n_voters, np.int64), constituencies)
    voters = size[simulation] + (number < larger[simulation])
    first_voter = number * size[simulation] + np.minimum(number, larger[simulation])
    rows = -(-voters // ROW_WIDTH)
    first_row = np.cumsum(rows) - rows
    n_rows = int(rows.sum())
    return Rows(
        constituency=_pad(np.repeat(np.arange(len(rows)), rows), capacity.rows, capacity.constituencies - 1, np.int32),
        n_rows=np.int32(n_rows),
        simulation=_pad(simulation, capacity.constituencies, capacity.simulations - 1, np.int32),
        number=_pad(number, capacity.constituencies, 0, np.uint32),
        n_voters=_pad(voters, capacity.constituencies, 0, np.int32),
        first_voter=_pad(first_voter, capacity.constituencies, 0, np.uint32),
        first_row=_pad(first_row, capacity.constituencies, 0, np.int32),
    )


def _pad(values: np.ndarray, length: int, filler: int, dtype: type) -> np.ndarray:
    padded: np.ndarray = np.full(length, filler, dtype)
    padded[: len(values)] = values
    return padded


def _power_of_two(n: int, at_least: int = 1) -> int:
    return max(at_least, 1 << (n - 1).bit_length())
