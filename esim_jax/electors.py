"""Electors: the voters of a user's own, as many as an election has, for the compiled program."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from esim_jax.model.frame import VoterTable
from esim_jax.rows import power_of_two
from esim_jax.voter_frame import VoterFrame, constituency_sizes

_FEWEST = 256  # places, so that small frames share a program


class Electors(NamedTuple):
    """What decides the table of an election's voters; elections of different electors are in different chunks.

    Attributes:
        frame: the rows.
        n_voters: of the election.
        n_constituencies: likewise.
        ballot: names of what stands on it, in order.
    """

    frame: VoterFrame
    n_voters: int
    n_constituencies: int
    ballot: tuple[str, ...]


def tabulate_voters(electors: Electors) -> VoterTable:
    """The table of an election's voters; lengths are powers of two.

    >>> import polars as pl
    >>> from esim_jax.voter_frame import read_voter_frame
    >>> frame = read_voter_frame(pl.DataFrame({"x": [0.1, 0.2, 0.3], "y": 0.0, "weight": [2, 0, 1]}))
    >>> table = tabulate_voters(Electors(frame, 6, 1, ("A", "B")))
    >>> table.until[:3].tolist(), table.position[0][:2].tolist()
    ([4, 6, 4294967295], [0.10000000149011612, 0.30000001192092896])
    """
    frame, n = electors.frame, electors.n_voters
    row, ends = _ends(electors)
    some = np.diff(ends, prepend=0) > 0
    row, ends = row[some], ends[some]
    length = power_of_two(len(row), _FEWEST)
    shift = max(0, (n - 1).bit_length() - (length - 1).bit_length())
    buckets = np.searchsorted(ends, np.arange(((n - 1) >> shift) + 1) << shift, side="right")
    guide = np.full(length, len(row) - 1, np.int32)
    guide[: len(buckets)] = buckets
    most = int(np.diff(buckets, append=len(row) - 1).max())

    def column(values: Float[np.ndarray, " row"]) -> Float[np.ndarray, " place"]:
        padded = np.zeros(length, np.float32)
        padded[: len(row)] = values[row]
        return padded

    until = np.full(length, 2**32 - 1, np.uint32)
    until[: len(row)] = ends
    return VoterTable(
        until=until,
        guide=guide,
        shift=np.uint32(shift),
        steps=np.int32(most.bit_length()),
        n_voters=np.uint32(n),
        dealt=np.uint32(electors.n_constituencies if frame.constituency is None else 1),
        position=tuple(column(values) for values in frame.position),
        utility=tuple(column(frame.utility[name]) for name in electors.ballot) if frame.utility else (),
        turnout=None if frame.turnout is None else column(frame.turnout),
    )


def _ends(electors: Electors) -> tuple[Int[np.ndarray, " row"], Int[np.ndarray, " row"]]:
    """The rows, one constituency after another, and how many voters there are up to each of them."""
    frame, n = electors.frame, electors.n_voters
    weight = np.ones(frame.n_rows) if frame.weight is None else frame.weight
    if frame.constituency is None:
        return np.arange(frame.n_rows), _passed(weight, n)
    order = np.argsort(frame.constituency, kind="stable")
    parts, before = np.split(order, np.cumsum(np.bincount(frame.constituency))[:-1]), 0
    ends = []
    for part, size in zip(parts, constituency_sizes(frame, n), strict=True):
        ends.append(before + _passed(weight[part], size))
        before += size
    return order, np.concatenate(ends)


def _passed(weight: Float[np.ndarray, " row"], n: int) -> Int[np.ndarray, " row"]:
    """How many of n voters lie before the end of each row: voter i lies at (i + 1/2) / n of the whole weight."""
    upto = np.cumsum(weight)
    ends: np.ndarray = np.clip(np.ceil(upto * n / upto[-1] - 0.5), 0, n).astype(np.int64)
    return ends
