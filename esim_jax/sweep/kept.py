"""Kept rows: what is finished of a sweep, in memory or in a run directory, read back in order."""

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

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
        self._frames.sort(key=lambda rows: rows.row(0)[:2])  # so that columns stand in the order of the rows, too
        self._rows = pl.concat(self._frames, how="diagonal", rechunk=True) if self._frames else pl.DataFrame()
        self._frames = []
        if self._rows.height and not self._in_order():
            self._rows = self._rows.sort("config_idx", "run_idx")

    def _in_order(self) -> bool:
        place = self._rows["config_idx"] * self._design.n_runs + self._rows["run_idx"]
        return place.is_sorted()

    def windows(self, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """These columns of all rows, in order."""
        chosen = self._rows.select("config_idx", "run_idx", "seed", *columns)
        return (chosen[start:stop] for start, stop in windows(chosen.height))
