"""Parts: files that hold finished rows, each under the names of the configurations they belong to.

A part says in its footer which spans of runs it holds, in the order of its rows, and what it was computed with. So it
means the same in any sweep: a sweep that changed finds its old rows, wherever they stand now.
"""

import hashlib
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from esim_jax.errors import ResultsError
from esim_jax.results.export import write_file
from esim_jax.sweep.design import KEY

FORMAT = 1

_FOOTER = b"esim_jax.part"
_ROW_GROUP = 2**12  # few rows are read where a window needs few
_REMEDY = "delete that file and resume: its rows are computed again"


class KeyedSpan(NamedTuple):
    """Consecutive runs of a configuration that is called by its name; `stop_run` is not among them."""

    key: str
    first_run: int
    stop_run: int


class Part(NamedTuple):
    """A file of finished rows."""

    path: Path
    spans: Sequence[KeyedSpan]  # in the order of the rows
    columns: Sequence[str]


def write_part(folder: Path, rows: pl.DataFrame, spans: Sequence[KeyedSpan], origin: Mapping[str, Any]) -> Part:
    """Writes a part that is there whole or not at all, even when the power fails.

    Its name follows from what it holds: written twice, it is one file.

    Args:
        folder: of the parts.
        rows: with the column `_configuration`.
        spans: that the rows make up.
        origin: what they were computed with.

    Raises:
        InputError: the file can't be written.
    """
    import pyarrow.parquet as pq  # imported in these functions, for a sweep in memory need not wait for it

    text = json.dumps({"format": FORMAT, "origin": dict(origin), "spans": spans}, sort_keys=True)
    table = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
    table = table.replace_schema_metadata({_FOOTER: text.encode()})
    content = io.BytesIO()
    pq.write_table(table, content, row_group_size=_ROW_GROUP, compression="zstd", write_page_checksum=True)
    path = folder / f"part-{hashlib.blake2b(json.dumps(spans).encode(), digest_size=8).hexdigest()}.parquet"

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            file.write(content.getbuffer())
            file.flush()
            os.fsync(file.fileno())

    write_file(path, write)
    return Part(path, spans, rows.columns)


def read_part(path: Path, origin: Mapping[str, Any]) -> Part:
    """What a part holds, from its footer.

    Raises:
        ResultsError: it is damaged, of another format, or was computed with something else.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            n_rows, columns = file.metadata.num_rows, file.schema_arrow.names
            footer = json.loads((file.metadata.metadata or {})[_FOOTER])
        if footer["format"] != FORMAT:
            raise ResultsError(
                f"{str(path)!r} has the format {footer['format']!r}, which this version of esim_jax does not know; "
                f"{_REMEDY}."
            )
        spans = [KeyedSpan(str(key), int(first), int(stop)) for key, first, stop in footer["spans"]]
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        raise ResultsError(
            f"{str(path)!r} is damaged or no part of a sweep ({_first_line(error)}); {_REMEDY}."
        ) from error
    if sum(stop - first for _, first, stop in spans) != n_rows or not {KEY, "run_idx", "seed"} <= {*columns}:
        raise ResultsError(f"{str(path)!r} does not hold the rows that its footer names; {_REMEDY}.")
    check_origin(path, footer.get("origin"), origin)
    return Part(path, spans, columns)


def read_rows(part: Part, places: np.ndarray, columns: Sequence[str]) -> pl.DataFrame:
    """Some rows of a part; columns that it does not have are left out.

    Args:
        part: to be read.
        places: of the rows, ascending.
        columns: to be read.

    Raises:
        ResultsError: the part is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(part.path, page_checksum_verification=True) as file:
            sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
            ends = np.cumsum(sizes)
            needed = np.unique(np.searchsorted(ends, places, side="right"))
            starts = ends - sizes
            table = file.read_row_groups(needed.tolist(), [name for name in columns if name in part.columns])
    except (OSError, pa.ArrowException) as error:
        raise ResultsError(f"{str(part.path)!r} is damaged ({_first_line(error)}); {_REMEDY}.") from error
    read = np.concatenate([np.arange(starts[group], ends[group]) for group in needed])
    rows = pl.DataFrame(table)
    return rows if len(read) == len(places) else rows[np.searchsorted(read, places)]


def check_origin(path: Path, found: object, wanted: Mapping[str, Any]) -> None:
    """Makes sure that rows were computed with what is here now.

    Raises:
        ResultsError: they were not, so that their bits might differ.
    """
    if found == wanted:
        return
    known = found if isinstance(found, Mapping) else {}
    differing = [
        f"{name} {known.get(name)!r}, not {value!r}" for name, value in wanted.items() if known.get(name) != value
    ]
    what = ", ".join(differing) or repr(found)
    raise ResultsError(
        f"{str(path)!r} was computed with {what}, and its numbers might differ in their "
        "last bits; resume with the same, or name another directory."
    )


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(".") or type(error).__name__
