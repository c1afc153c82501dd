"""Voters of a user's own: a frame of them, read and checked, as arrays."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float, Int

from esim_jax.errors import InputError
from esim_jax.kinds import nearest
from esim_jax.parties import MAX_MAGNITUDE, NOTA, Party

UTILITY = "utility_"
"""What the names of columns of utilities begin with; the party's name follows."""

MAX_UTILITY = 1e6
MAX_ROWS = 2**31 - 1

_POSITION = ("x", "y")
_TEXT = "frame sha256:"


@dataclass(frozen=True, eq=False)
class VoterFrame:
    """Voters by row; two frames of the same values are equal.

    Attributes:
        digest: SHA-256 of the values.
        position: x and y, float64, one a row; empty where there are utilities.
        utility: of each party by its name, likewise; empty where there are positions.
        turnout: the probability to vote, or None.
        weight: at least 0, or None where all rows weigh 1.
        constituency: place of each row's label among the labels, or None where rows have none.
        labels: of the constituencies, sorted.
        n_rows: how many there are.
    """

    digest: str
    position: tuple[Float[np.ndarray, " row"], ...]
    utility: Mapping[str, Float[np.ndarray, " row"]]
    turnout: Float[np.ndarray, " row"] | None
    weight: Float[np.ndarray, " row"] | None
    constituency: Int[np.ndarray, " row"] | None
    labels: tuple[Any, ...]
    n_rows: int

    def __str__(self) -> str:
        """The hash of the values and the number of rows, as in the results."""
        return f"{_TEXT}{self.digest[:16]} ({self.n_rows:,} rows)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VoterFrame) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def identity(self) -> str:
        """What seeds and kept rows go by."""
        return f"{_TEXT}{self.digest}"

    def check_parties(self, parties: Sequence[Party], include_nota: bool) -> None:
        """Makes sure that there is a utility for whatever stands on the ballot, where there are any.

        Raises:
            InputError: a column is missing, or is of a party that there is not.
        """
        if not self.utility:
            return
        names = [*(party.name for party in parties), *([NOTA] if include_nota else [])]
        for name in names:
            if name not in self.utility:
                raise InputError(f"voters has no column {UTILITY + name!r}: give one for each party, or x and y.")
        for name in self.utility:
            if name not in (*names, NOTA):
                raise InputError(
                    f"voters has the column {UTILITY + name!r}, but there is no such party.{nearest(name, names)} "
                    f"The parties are {', '.join(names)}."
                )


def read_voter_frame(value: Any) -> VoterFrame:
    """Voters from a Polars frame, or from a Parquet or a CSV file.

    Args:
        value: a DataFrame, a LazyFrame, or the path of a file. Its columns are x and y, or utility_<party> for each
            party; and turnout, weight, constituency, where there are any. Others are not read.

    Raises:
        InputError: it can't be read, a column is missing, or a value is not allowed.

    >>> voters = read_voter_frame(pl.DataFrame({"x": [0.1, -0.2], "y": [0.0, 0.4], "weight": [1, 3]}))
    >>> voters.n_rows, voters.weight.tolist()
    (2, [1.0, 3.0])
    """
    if isinstance(value, VoterFrame):
        return value
    frame = _collect(value)
    if not 0 < frame.height <= MAX_ROWS:
        raise InputError(f"voters has {frame.height:,} rows: give at least 1, and at most {MAX_ROWS:,}.")
    columns = frame.columns
    utilities = [name for name in columns if name.startswith(UTILITY)]
    for name in _POSITION:
        if utilities and name in columns:
            raise InputError(f"voters has both {name!r} and {utilities[0]!r}: give positions or utilities.")
        if not utilities and name not in columns:
            raise InputError(
                f"voters has no column {name!r}.{nearest(name, columns)} It needs x and y, or {UTILITY}<party> for "
                "each party."
            )
    where = () if utilities else _POSITION
    read = {name: _numbers(frame, name, -MAX_MAGNITUDE, MAX_MAGNITUDE) for name in where}
    read |= {name: _numbers(frame, name, -MAX_UTILITY, MAX_UTILITY) for name in utilities}
    others = {"turnout": 1.0, "weight": 1e12}
    read |= {name: _numbers(frame, name, 0.0, high) for name, high in others.items() if name in columns}
    if "weight" in read and not read["weight"].any():
        raise InputError("voters: all weights are 0; give some row a weight.")
    labels: tuple[Any, ...] = ()
    constituency = None
    if "constituency" in columns:
        labels, constituency = _labels(frame["constituency"], read.get("weight"))
    return VoterFrame(
        digest=_digest(read, constituency, labels),
        position=tuple(read[name] for name in where),
        utility={name.removeprefix(UTILITY): read[name] for name in utilities},
        turnout=read.get("turnout"),
        weight=read.get("weight"),
        constituency=constituency,
        labels=labels,
        n_rows=frame.height,
    )


def _collect(value: Any) -> pl.DataFrame:
    if isinstance(value, pl.DataFrame):
        return value
    if isinstance(value, str) and value.startswith(_TEXT):
        raise InputError(f"voters = {value!r} names voters that are not in the file: give the frame, or its path.")
    if not isinstance(value, pl.LazyFrame | str | Path):
        raise InputError(f"voters is {type(value).__name__}: give a Polars frame, or the path of a file.")
    try:
        if isinstance(value, pl.LazyFrame):
            return value.collect()
        suffix = Path(value).suffix.lower()
        if suffix not in (".parquet", ".csv"):
            raise InputError(f"voters = {str(value)!r} is not allowed: name a .parquet or a .csv file.")
        return pl.read_parquet(value) if suffix == ".parquet" else pl.read_csv(value)
    except (OSError, pl.exceptions.PolarsError) as error:
        what = "the frame" if isinstance(value, pl.LazyFrame) else repr(str(value))
        raise InputError(f"voters: {what} can't be read: {str(error).partition(chr(10))[0].rstrip('.')}.") from error


def _numbers(frame: pl.DataFrame, name: str, low: float, high: float) -> Float[np.ndarray, " row"]:
    column = frame[name]
    if not column.dtype.is_numeric():
        raise InputError(f"voters: the column {name!r} is of type {column.dtype}; it must be of numbers.")
    values = column.cast(pl.Float64).to_numpy()  # null becomes NaN
    wrong = np.flatnonzero(~((values >= low) & (values <= high)))
    if len(wrong):
        found = column[int(wrong[0])]
        raise InputError(
            f"voters: {name} of row {wrong[0]:,}, counted from 0, is {'null' if found is None else found}; it must be "
            f"a number from {low:,g} to {high:,g}."
        )
    return values + 0.0  # turns -0.0 into 0.0


def _labels(column: pl.Series, weight: Float[np.ndarray, " row"] | None) -> tuple[tuple[Any, ...], np.ndarray]:
    if column.null_count():
        row = int(column.is_null().arg_true()[0])
        raise InputError(
            f"voters: constituency of row {row:,}, counted from 0, is null; give each row one, or leave the column out."
        )
    if column.dtype == pl.Categorical or column.dtype == pl.Enum:
        column = column.cast(pl.String)
    labels = column.unique().sort()
    place = labels.search_sorted(column).to_numpy().astype(np.int64)
    empty = np.flatnonzero(np.bincount(place, weight, len(labels)) == 0)
    if len(empty):
        raise InputError(f"voters: all weights of constituency {labels[int(empty[0])]!r} are 0; leave out its rows.")
    return tuple(labels.to_list()), place


def _digest(read: Mapping[str, np.ndarray], constituency: np.ndarray | None, labels: Sequence[Any]) -> str:
    digest = hashlib.sha256()
    for name in sorted(read):
        digest.update(f"{name}\0".encode() + read[name].astype("<f8").tobytes())
    if constituency is not None:
        digest.update(f"{[*labels]!r}\0".encode() + constituency.astype("<i8").tobytes())
    return digest.hexdigest()


@lru_cache(maxsize=64)
def constituency_sizes(frame: VoterFrame, n_voters: int) -> tuple[int, ...]:
    """Voters of each constituency in proportion to the weights of its rows, by largest remainders; the first of equals.

    Raises:
        InputError: there is none for some constituency.

    >>> frame = read_voter_frame(pl.DataFrame({"x": [0, 0, 1], "y": [0, 0, 1], "constituency": ["B", "A", "B"]}))
    >>> frame.labels, constituency_sizes(frame, 6), constituency_sizes(frame, 4)
    (('A', 'B'), (2, 4), (1, 3))
    """
    assert frame.constituency is not None  # noqa: S101 (who asks has looked)
    weights = np.bincount(frame.constituency, frame.weight, len(frame.labels))
    share = weights * n_voters / weights.sum()
    sizes = np.floor(share).astype(np.int64)
    sizes[np.argsort(sizes - share, kind="stable")[: n_voters - int(sizes.sum())]] += 1
    if not sizes.all():
        raise InputError(
            f"n_voters = {n_voters:,} is too few: constituency {frame.labels[int(np.argmin(sizes))]!r} of the voters "
            "would have none."
        )
    return tuple(sizes.tolist())
