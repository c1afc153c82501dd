"""The index: in which part, and where in it, each row of a sweep lies."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from jaxtyping import Int

from esim_jax.chunks import Span, ranges
from esim_jax.errors import ResultsError
from esim_jax.sweep.design import Design
from esim_jax.sweep.parts import Part, read_rows


class Index(NamedTuple):
    """Slices of parts, in the order of the sweep's rows."""

    parts: Sequence[Part]
    row: Int[np.ndarray, " slice"]  # of the sweep, at which the slice begins
    length: Int[np.ndarray, " slice"]
    part: Int[np.ndarray, " slice"]
    offset: Int[np.ndarray, " slice"]  # of the slice within its part


def make_index(parts: Sequence[Part], design: Design) -> Index:
    """Where the design's rows lie; rows that are no longer in the sweep are left out.

    Raises:
        ResultsError: some rows are there twice.
    """
    place = {key: configuration for configuration, key in enumerate(design.keys)}
    slices = []
    for number, part in enumerate(parts):
        offset = 0
        for key, first, stop in part.spans:
            configuration, end = place.get(key), min(stop, design.n_runs)
            if configuration is not None and first < end:
                slices.append((configuration * design.n_runs + first, end - first, number, offset))
            offset += stop - first
    row, length, part_of, offset_of = np.array(sorted(slices), np.int64).reshape(-1, 4).T
    twice = np.flatnonzero(row[1:] < row[:-1] + length[:-1])
    if twice.size:
        one, two = (parts[part_of[twice[0] + k]].path for k in (0, 1))
        raise ResultsError(
            f"{str(one)!r} and {str(two)!r} hold the same rows; delete one of them and resume: "
            "rows that are missing then are computed again."
        )
    return Index(parts, row, length, part_of, offset_of)


def held_spans(index: Index, n_runs: int) -> list[Span]:
    """The spans that are held, in order."""
    configuration, first = np.divmod(index.row, n_runs)
    ends = first + index.length
    return [Span(*span) for span in np.column_stack([configuration, first, ends]).tolist()]


def in_order(index: Index) -> list[Part]:
    """The parts in the order of their first rows of the sweep; those that hold none are left out."""
    numbers, first = np.unique(index.part, return_index=True)
    return [index.parts[number] for number in numbers[np.argsort(first)]]


def read_window(index: Index, start: int, stop: int, columns: Sequence[str], n_runs: int) -> pl.DataFrame:
    """Rows start to stop of the sweep, in order: config_idx, run_idx, seed and those of these columns that are there.

    Args:
        index: of the parts; the rows must all be there.
        start: the first row.
        stop: the row after the last.
        columns: to be read.
        n_runs: of every configuration.

    Raises:
        ResultsError: a part is damaged.
    """
    low = np.searchsorted(index.row, start, side="right") - 1
    high = np.searchsorted(index.row, stop, side="left")
    row, part = index.row[low:high], index.part[low:high]
    begin = np.maximum(row, start)
    length = np.minimum(row + index.length[low:high], stop) - begin
    offset = index.offset[low:high] + begin - row
    pieces, places = [], []
    for number in dict.fromkeys(part.tolist()):
        mine = part == number
        within, of_sweep = ranges(offset[mine], length[mine]), ranges(begin[mine], length[mine])
        order = np.argsort(within, kind="stable")
        pieces.append(read_rows(index.parts[number], within[order], ["seed", *columns]))
        places.append(of_sweep[order])
    rows, place = pl.concat(pieces, how="diagonal"), np.concatenate(places)
    if (np.diff(place) < 0).any():
        order = np.argsort(place, kind="stable")
        rows = rows[order]
    configuration, run = np.divmod(np.arange(start, stop), n_runs)
    numbers = [pl.Series("config_idx", configuration), pl.Series("run_idx", run)]
    return rows.select(*numbers, pl.all())
