"""The tables of a chunk: ragged electorates cut into rows of equal width.

Simulations with the same seed and size have the same voters: they share an electorate, which is drawn once. Every
constituency's voters are cut into rows of ROW_WIDTH; the last row of a constituency is partly empty. A chunk of
simulations, whatever their sizes, is then one long axis of rows, and one compiled program serves a whole sweep. The
capacities of the arrays are powers of two, so that few shapes are compiled; surplus places are empty.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int, UInt

from esim_jax.model.frame import VoterTable

ROW_WIDTH = 128
"""Voters a row: a TPU's lane, four GPU warps, eight AVX-512 registers."""


class Constituencies(NamedTuple):
    """The constituencies of all simulations of a chunk."""

    simulation: Int[Any, " constituency"]  # place of its simulation in the chunk
    number: UInt[Any, " constituency"]  # its number within its simulation
    n_voters: Int[Any, " constituency"]  # 0 for a surplus place
    n_seats: Int[Any, " constituency"]  # 0 for a surplus place
    first: Int[Any, " simulation"]  # place of each simulation's first constituency


class Magnitudes(NamedTuple):
    """District magnitudes of some simulations or configurations: constituency k has seats[first + step k]."""

    seats: Int[np.ndarray, " place"]
    first: Int[np.ndarray, " owner"]
    step: Int[np.ndarray, " owner"]  # 0 where all constituencies have the same

    def of(self, owner: Int[np.ndarray, " one"]) -> "Magnitudes":
        """Those of some owners."""
        return Magnitudes(self.seats, self.first[owner], self.step[owner])


def tabulate_magnitudes(magnitudes: Sequence[int | tuple[int, ...]]) -> Magnitudes:
    """Of each owner, one number for all constituencies, or one a constituency.

    >>> tabulate_magnitudes([5, (1, 3)])
    Magnitudes(seats=array([5, 1, 3]), first=array([0, 1]), step=array([0, 1]))
    """
    lists = [[m] if isinstance(m, int) else list(m) for m in magnitudes]
    step = np.array([not isinstance(m, int) for m in magnitudes], np.int64)
    first = _starts(np.array([*map(len, lists)]))
    return Magnitudes(np.array([m for row in lists for m in row], np.int64), first, step)


class Sizes(NamedTuple):
    """Sizes of the constituencies of some simulations or configurations: constituency k has voters[first + k]."""

    voters: Int[np.ndarray, " place"]
    first: Int[np.ndarray, " owner"]  # equal for owners whose sizes are; -1 for equal blocks

    def of(self, owner: Int[np.ndarray, " one"]) -> "Sizes":
        """Those of some owners."""
        return Sizes(self.voters, self.first[owner])


def tabulate_sizes(sizes: Sequence[Int[np.ndarray, " constituency"] | None]) -> Sizes:
    """Of each owner, the voters of each constituency, or None for equal blocks.

    >>> tabulate_sizes([None, np.array([2, 1]), np.array([3]), np.array([2, 1])])
    Sizes(voters=array([2, 1, 3]), first=array([-1,  0,  2,  0]))
    """
    different = {one.tobytes(): one for one in sizes if one is not None}
    lists = [*different.values()]
    starts = dict(zip(different, _starts(np.array([*map(len, lists)], np.int64)), strict=True))
    first = np.array([-1 if one is None else starts[one.tobytes()] for one in sizes], np.int64)
    return Sizes(np.concatenate([*lists, np.zeros(0, np.int64)]), first)


class Rows(NamedTuple):
    """The rows of a chunk's electorates, and who votes in them."""

    place: Int[Any, " row"]  # which of the constituencies below the row lies in
    n_rows: Int[Any, ""]  # rows in use
    electorate: Int[Any, " place"]  # of each electorate's constituencies
    number: Int[Any, " place"]  # within the electorate
    n_voters: Int[Any, " place"]  # 0 for a surplus place
    first_voter: UInt[Any, " place"]  # index of its first voter within the electorate
    first_row: Int[Any, " place"]
    member: Int[Any, " simulation"]  # the simulations, those of one electorate side by side
    first_member: Int[Any, " electorate"]
    n_members: Int[Any, " electorate"]
    most_members: Int[Any, ""]
    table: VoterTable | None = None  # of voters who are given; all electorates are the same


class Capacity(NamedTuple):
    """Lengths of the arrays that describe a chunk."""

    simulations: int
    constituencies: int
    rows: int


def count_rows(n_voters: int, n_constituencies: int, sizes: Int[np.ndarray, " constituency"] | None = None) -> int:
    """Rows of one electorate; `sizes` where its constituencies are no equal blocks.

    >>> count_rows(1000, 3)  # 334 + 333 + 333 voters, three rows each
    9
    """
    if sizes is not None:
        return int((-(-sizes // ROW_WIDTH)).sum())
    size, larger = divmod(n_voters, n_constituencies)
    return larger * -(-(size + 1) // ROW_WIDTH) + (n_constituencies - larger) * -(-size // ROW_WIDTH)


def capacity_for(simulations: int, constituencies: int, rows: int, block_rows: int) -> Capacity:
    """Powers of two that hold a chunk; one constituency stays empty for the surplus rows."""
    return Capacity(power_of_two(simulations), power_of_two(constituencies + 1, 16), power_of_two(rows, block_rows))


def tabulate_constituencies(
    n_voters: Int[np.ndarray, " simulation"],
    n_constituencies: Int[np.ndarray, " simulation"],
    capacity: Capacity,
    magnitudes: Magnitudes | None = None,
    sizes: Sizes | None = None,
) -> Constituencies:
    """The constituencies of several simulations.

    Voters fall to constituencies in blocks, in order. Blocks are of equal size unless `sizes` says otherwise; the
    first are one voter larger where the numbers don't divide. Each has one seat unless its magnitude says otherwise.
    """
    simulation, number, voters, _ = _divide(n_voters, n_constituencies, sizes)
    if magnitudes is None:
        seats = np.ones(len(number), np.int64)
    else:
        seats = magnitudes.seats[magnitudes.first[simulation] + magnitudes.step[simulation] * number]
    return Constituencies(
        simulation=_pad(simulation, capacity.constituencies, capacity.simulations - 1, np.int32),
        number=_pad(number, capacity.constituencies, 0, np.uint32),
        n_voters=_pad(voters, capacity.constituencies, 0, np.int32),
        n_seats=_pad(seats, capacity.constituencies, 0, np.int32),
        first=_pad(_starts(n_constituencies), capacity.simulations, 0, np.int32),
    )


def tabulate_rows(
    seeds: UInt[np.ndarray, " simulation"],
    n_voters: Int[np.ndarray, " simulation"],
    n_constituencies: Int[np.ndarray, " simulation"],
    capacity: Capacity,
    sizes: Sizes | None = None,
) -> Rows:
    """The row table of several simulations; those with the same seed and sizes share their rows."""
    alike = [seeds, n_voters.astype(np.uint64), n_constituencies.astype(np.uint64)]
    alike += [] if sizes is None else [sizes.first.astype(np.uint64)]
    _, one, electorate, n_members = _unique_rows(alike)
    members = np.argsort(electorate.reshape(-1), kind="stable")
    of_one = None if sizes is None else sizes.of(one)
    owner, number, voters, first_voter = _divide(n_voters[one], n_constituencies[one], of_one)
    rows = -(-voters // ROW_WIDTH)
    return Rows(
        place=_pad(np.repeat(np.arange(len(rows)), rows), capacity.rows, capacity.constituencies - 1, np.int32),
        n_rows=np.int32(rows.sum()),
        electorate=_pad(owner, capacity.constituencies, 0, np.int32),
        number=_pad(number, capacity.constituencies, 0, np.int32),
        n_voters=_pad(voters, capacity.constituencies, 0, np.int32),
        first_voter=_pad(first_voter, capacity.constituencies, 0, np.uint32),
        first_row=_pad(_starts(rows), capacity.constituencies, 0, np.int32),
        member=_pad(members, capacity.simulations, 0, np.int32),
        first_member=_pad(_starts(n_members), capacity.simulations, 0, np.int32),
        n_members=_pad(n_members, capacity.simulations, 0, np.int32),
        most_members=np.int32(n_members.max()),
    )


def _unique_rows(columns: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """As `np.unique` of rows: it takes several times as long as that of one column, which often tells them apart."""
    told = [column for column in columns if (column != column[0]).any()] or [columns[0]]
    rows = told[0] if len(told) == 1 else np.stack(told, axis=1)
    return np.unique(rows, axis=0, return_index=True, return_inverse=True, return_counts=True)


def _divide(
    n_voters: Int[np.ndarray, " owner"], n_constituencies: Int[np.ndarray, " owner"], sizes: Sizes | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Owner, number, voters and first voter of every constituency."""
    constituencies, n_voters = n_constituencies.astype(np.int64), n_voters.astype(np.int64)
    owner = np.repeat(np.arange(len(constituencies)), constituencies)
    number = np.arange(len(owner)) - np.repeat(_starts(constituencies), constituencies)
    size, larger = np.divmod(n_voters, constituencies)
    voters = size[owner] + (number < larger[owner])
    if sizes is not None and (sizes.first >= 0).any():
        unequal = sizes.first[owner] >= 0
        voters = np.where(unequal, sizes.voters[np.where(unequal, sizes.first[owner] + number, 0)], voters)
    first_voter = _starts(voters)
    return owner, number, voters, first_voter - first_voter[_starts(constituencies)][owner]


def _starts(lengths: np.ndarray) -> np.ndarray:
    """Where each of several stretches begins that lie one after another."""
    return np.cumsum(lengths) - lengths


def _pad(values: np.ndarray, length: int, filler: int, dtype: type) -> np.ndarray:
    padded: np.ndarray = np.full(length, filler, dtype)
    padded[: len(values)] = values
    return padded


def power_of_two(n: int, at_least: int = 1) -> int:
    """The smallest power of two that is at least n and at least `at_least`, itself a power of two."""
    return max(at_least, 1 << (n - 1).bit_length())
