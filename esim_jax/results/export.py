"""Files: frames as CSV, Parquet or JSON, written to a temporary name and renamed."""

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from esim_jax.errors import InputError
from esim_jax.kinds import nearest
from esim_jax.results.provenance import KEY, sidecar

Frames = Iterable[pl.DataFrame]
"""Windows of one table: equal columns, at least one of them."""


def _write_csv(frames: Frames, path: Path, _: str | None) -> None:
    """Lists and structures have no place in CSV: they are written as JSON."""
    with path.open("wb") as file:
        for number, frame in enumerate(frames):
            nested = [
                pl.Series(name, [json.dumps(value, ensure_ascii=False) for value in frame[name].to_list()])
                for name, dtype in frame.schema.items()
                if dtype.is_nested()
            ]
            frame.with_columns(nested).write_csv(file, include_header=number == 0)


def _write_parquet(frames: Frames, path: Path, provenance: str | None) -> None:
    """A row group a window."""
    import pyarrow.parquet as pq  # imported here, for who writes CSV need not wait for it

    writer = None
    with path.open("wb") as file:
        try:
            for frame in frames:
                table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
                if writer is None:
                    metadata = {} if provenance is None else {KEY: provenance}
                    schema = table.schema.with_metadata(metadata)
                    writer = pq.ParquetWriter(file, schema, compression="zstd")
                writer.write_table(table.replace_schema_metadata(schema.metadata), row_group_size=max(frame.height, 1))
        finally:
            if writer is not None:
                writer.close()


def _write_json(frames: Frames, path: Path, _: str | None) -> None:
    """One list of objects."""
    with path.open("w", encoding="utf-8") as file:
        file.write("[")
        between = ""
        for frame in frames:
            if objects := frame.write_json().removeprefix("[").removesuffix("]"):
                file.write(between + objects)
                between = ","
        file.write("]")


_WRITERS: dict[str, Callable[[Frames, Path, str | None], object]] = {
    "csv": _write_csv,
    "parquet": _write_parquet,
    "json": _write_json,
}


def export_frames(
    frames: Frames,
    filepath: str | os.PathLike[str],
    format: str = "auto",
    provenance: Mapping[str, Any] | None = None,
) -> None:
    """Writes a table, window by window; a process that is killed leaves either the old file or the new one.

    Args:
        frames: windows of the table, at least one.
        filepath: of the file; its folder must exist.
        format: "csv", "parquet", "json", or "auto" for the one that the extension names.
        provenance: stands in the metadata of a Parquet file, and in a file beside one of another format.

    Raises:
        InputError: the format is unknown or the file can't be written.
    """
    path, known = check_destination(filepath, format)
    text = None if provenance is None else json.dumps(provenance, ensure_ascii=False, indent=2)
    write_file(path, lambda temporary: _WRITERS[known](frames, temporary, text))
    if text is not None and known != "parquet":
        write_file(sidecar(path), lambda temporary: temporary.write_text(text + "\n", encoding="utf-8"))


def check_destination(filepath: str | os.PathLike[str], format: str = "auto") -> tuple[Path, str]:
    """The path and the format, once it is sure that a file can be written there.

    Raises:
        InputError: the format is unknown or the file can't be written.
    """
    path = Path(filepath)
    known = path.suffix.lower().removeprefix(".") if format == "auto" else str(format).lower()
    if known not in _WRITERS:
        what = f"extension {path.suffix!r} of {str(path)!r}" if format == "auto" else f"format {format!r}"
        raise InputError(f"The {what} is unknown: use {', '.join(_WRITERS)}.{nearest(known, _WRITERS)}")
    check_writable(path)
    return path, known


def check_writable(path: Path) -> None:
    """Makes sure that a file can be written there.

    Raises:
        InputError: it is a folder, its folder does not exist, or nothing can be written into it.
    """
    if path.is_dir():
        raise InputError(f"{str(path)!r} is a folder: name a file in it.")
    if not path.parent.is_dir():
        raise InputError(f"{str(path)!r} can't be written: the folder {str(path.parent)!r} does not exist.")
    try:
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise InputError(f"{str(path)!r} can't be written: {error.strerror}.") from error


def write_file(path: Path, write: Callable[[Path], object]) -> None:
    """Lets `write` fill a temporary file beside `path`, then renames it.

    Raises:
        InputError: the file can't be written; nothing is left behind.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        temporary.replace(path)
    except OSError as error:
        raise InputError(f"{str(path)!r} can't be written: {error.strerror or error}.") from error
    finally:
        temporary.unlink(missing_ok=True)
