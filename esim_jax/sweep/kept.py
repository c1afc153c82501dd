"""Kept rows: what is finished of a sweep, in memory or in a run directory, read back in order."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from operator import itemgetter
from typing import Protocol, runtime_checkable

import numpy as np
import polars as pl

from esim_jax.chunks import Span
from esim_jax.results.windows import windows
from esim_jax.sweep.design import Design


@runtime_checkable  # the tests check annotations while they run
class Kept(Protocol):
    """Finished rows of a sweep."""

    @property
    def columns(self) -> Sequence[str]:
        """Those of all rows together, config_idx, run_idx and seed being the first."""
        ...

    def missing(self) -> Sequence[Span]:
        """What is still to be computed."""
        ...

    def add(self, rows: pl.DataFrame) -> None:
        """Keeps finished rows, in any order."""
        ...

    def finish(self) -> None:
        """Called once after the last rows, also where the computation was cut short."""
        ...

    def windows(self, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """config_idx, run_idx, seed and these columns of all rows, in order, a window at a time."""
        ...


_FEW = 1_000
"""Stretches of rows that are put together; more of them are sorted row by row."""


class MemoryRows:
    """Rows that are kept in memory."""

    def __init__(self, design: Design) -> None:
        self._design = design
        self._frames: list[pl.DataFrame] = []
        self._rows = pl.DataFrame()

    @property
    def columns(self) -> list[str]:
        """Those of all rows together."""
        return self._rows.columns

    def missing(self) -> list[Span]:
        """Everything: nothing outlives the process."""
        return self._design.whole()

    def add(self, rows: pl.DataFrame) -> None:
        """Keeps finished rows."""
        self._frames.append(rows)

    def finish(self) -> None:
        """Puts the rows in order."""
        cut = [(rows, *self._stretches(rows)) for rows in self._frames]
        if sum(len(first) for _, first, _ in cut) <= _FEW:  # stretches are put together without a look at their rows
            pieces = [
                (place, rows[start:stop])
                for rows, first, places in cut
                for place, (start, stop) in zip(places, pairwise([*first, rows.height]), strict=True)
            ]
            self._rows = _join([rows for _, rows in sorted(pieces, key=itemgetter(0))])
        else:
            self._frames.sort(key=lambda rows: rows.row(0)[:2])  # so that columns stand in the order of the rows, too
            self._rows = _join(self._frames).sort("config_idx", "run_idx")
        self._frames = []

    def _stretches(self, rows: pl.DataFrame) -> tuple[list[int], list[int]]:
        """Where rows begin that follow each other in the design, and the places of these first ones there."""
        place = rows["config_idx"].to_numpy() * self._design.n_runs + rows["run_idx"].to_numpy()
        first = np.flatnonzero(np.diff(place, prepend=-2) != 1)
        return first.tolist(), place[first].tolist()

    def windows(self, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """These columns of all rows, in order."""
        chosen = self._rows.select("config_idx", "run_idx", "seed", *columns)
        return (chosen[start:stop] for start, stop in windows(chosen.height))


def _join(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(frames, how="diagonal", rechunk=True) if frames else pl.DataFrame()
