"""Files: a frame as CSV, Parquet or JSON, written to a temporary name and renamed."""

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import polars as pl

from esim_jax.config import nearest
from esim_jax.errors import InputError


def _write_csv(frame: pl.DataFrame, path: Path) -> None:
    """Lists and structures have no place in CSV: they are written as JSON."""
    nested = [
        pl.Series(name, [json.dumps(value, ensure_ascii=False) for value in frame[name].to_list()])
        for name, dtype in frame.schema.items()
        if dtype.is_nested()
    ]
    frame.with_columns(nested).write_csv(path)


_WRITERS: dict[str, Callable[[pl.DataFrame, Path], object]] = {
    "csv": _write_csv,
    "parquet": lambda frame, path: frame.write_parquet(path),
    "json": lambda frame, path: frame.write_json(path),
}


def export_frame(frame: pl.DataFrame, filepath: str | os.PathLike[str], format: str = "auto") -> None:
    """Writes a frame; a process that is killed leaves either the old file or the new one.

    Args:
        frame: to be written.
        filepath: of the file; its folder must exist.
        format: "csv", "parquet", "json", or "auto" for the one that the extension names.

    Raises:
        InputError: the format is unknown or the file can't be written.
    """
    path, known = check_destination(filepath, format)
    write_file(path, lambda temporary: _WRITERS[known](frame, temporary))


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
