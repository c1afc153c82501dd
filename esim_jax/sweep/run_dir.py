"""The run directory: a sweep's finished rows on disk, so that nothing finished is lost or computed twice.

    DIR/manifest.json           what is run: parameters, seed, versions, schema, hash of the design
    DIR/parts/part-*.parquet    finished rows
    DIR/.lock                   held by the one process that runs here, or the first of several
    DIR/processes/              what several processes say to each other, see `esim_jax.sweep.session`

Rows are found again by their identity, never by their place in the sweep.
"""

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from filelock import FileLock, Timeout

from esim_jax.chunks import Span
from esim_jax.errors import InputError, ResultsError
from esim_jax.results.export import write_file
from esim_jax.results.windows import windows
from esim_jax.sweep.design import KEY, Design
from esim_jax.sweep.index import Index, held_spans, in_order, make_index, read_window
from esim_jax.sweep.parts import KeyedSpan, Part, check_origin, read_part, write_part
from esim_jax.sweep.session import FOLDER, refuse_living, remove_sessions
from esim_jax.sweep.spans import find_spans, missing_spans

FORMAT = 1
PART_ROWS = 2**16
PART_SECONDS = 1.0
"""Finished chunks wait for each other until there are so many rows or so much time has passed: few files, little to
lose. In a long sweep the time grows to a hundredth of what has passed, and to half a minute at most."""


def look_into(path: Path, resume: bool) -> dict[str, Any] | None:
    """The manifest of a run directory, or None where nothing was run yet.

    Raises:
        InputError: there is a sweep already and `resume` is false, or the directory is something else.
        ResultsError: the manifest is damaged.
    """
    if path.exists() and not path.is_dir():
        raise InputError(f"The run directory {str(path)!r} is a file: name a directory.")
    manifest, parts = path / "manifest.json", path / "parts"
    # looked at before the manifest is, for another process may write it in between
    has_parts = any(parts.glob("part-*"))
    has_others = any(p not in (parts, manifest) and not _is_ours(p) for p in _entries(path))
    if not manifest.exists():
        if has_parts or has_others:
            raise InputError(
                f"{str(path)!r} is no run directory: it is not empty and has no manifest.json; "
                "name a new or an empty directory."
            )
        return None
    if not resume:
        raise InputError(
            f"{str(path)!r} already holds a sweep; add --resume (in Python resume=True) to continue it, "
            "or name another directory."
        )
    try:
        found = json.loads(manifest.read_text(encoding="utf-8"))
        if found["format"] != FORMAT:
            raise ResultsError(
                f"{str(manifest)!r} has the format {found['format']!r}, which this version of esim_jax does not know; "
                "name another directory."
            )
        if not isinstance(found["sweep"]["seed"], int) or not {"model", "origin"} <= found.keys():
            raise KeyError("seed")
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ResultsError(f"{str(manifest)!r} is damaged or no manifest; name another directory.") from error
    return found


def _entries(path: Path) -> list[Path]:
    return [*path.iterdir()] if path.exists() else []


def _is_ours(path: Path) -> bool:
    """The lock, or what a killed process left behind."""
    return path.name in (".lock", FOLDER) or (path.name.startswith(".manifest.json.") and path.name.endswith(".tmp"))


class RunDirectory:
    """Rows that are kept on disk. Only one sweep runs in it at a time; finished rows may be read by any process.

    Args:
        path: of the directory; it is made if it does not exist.
        design: of the sweep.
        manifest: what is run; has "model" and "origin".

    Attributes:
        path: of the directory.

    Raises:
        InputError: another process runs here, or nothing can be written here.
        ResultsError: what is there is damaged, or was computed with something else.
    """

    def __init__(self, path: Path, design: Design, manifest: Mapping[str, Any]) -> None:
        self.path, self._design, self._manifest = path, design, manifest
        self._parts_folder = path / "parts"
        self._waiting: list[pl.DataFrame] = []
        self._began = self._written = time.monotonic()
        self._lock = FileLock(path / ".lock", timeout=0)
        self._parts: list[Part] = []
        self._index: Index = make_index([], design)

    def open(self, session: Path | None = None) -> None:
        """Takes the lock, reads what is there, and writes the manifest.

        Args:
            session: the folder of the session that begins, where several processes run the sweep.

        Raises:
            InputError, ResultsError: as above; the lock is not held then.
        """
        try:
            self._parts_folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout as error:
            raise InputError(
                f"Another process runs a sweep in {str(self.path)!r}; wait for it, or name another directory."
            ) from error
        except OSError as error:
            raise InputError(f"{str(self.path)!r} can't be written: {error.strerror or error}.") from error
        try:
            self._check_manifest()
            refuse_living(self.path)
            remove_sessions(self.path, session)
            for leftover in (*self.path.glob(".manifest.json.*.tmp"), *self._parts_folder.glob(".part-*.tmp")):
                leftover.unlink(missing_ok=True)
            self._read_parts()
            text = json.dumps({"format": FORMAT, **self._manifest, "design": self._digest()}, indent=2)
            write_file(self.path / "manifest.json", lambda temporary: temporary.write_text(text + "\n", "utf-8"))
        except BaseException:
            self._lock.release()
            raise

    def describe(self) -> dict[str, Any]:
        """What other processes must know to take part: the sweep, and the parts that are there."""
        return {"design": self._digest(), "origin": self._manifest["origin"], "parts": self.names}

    def take_part(self, described: Mapping[str, Any]) -> None:
        """Opens the directory as another process has described it, which holds the lock.

        Raises:
            InputError: this process was asked for another sweep.
            ResultsError: it would compute with something else, or a part is damaged.
        """
        if described["design"] != self._digest():
            raise InputError(
                "This process was given another sweep than the first: give all the same configuration, seed and "
                "options."
            )
        check_origin(self.path, described["origin"], self._manifest["origin"])
        self._read_parts(described["parts"])

    @property
    def names(self) -> list[str]:
        """Those of the parts."""
        return [part.path.name for part in self._parts]

    def _digest(self) -> str:
        """Of the design: which simulations there are."""
        text = "\n".join([*self._design.keys, str(self._design.n_runs)])
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def look(self) -> None:
        """Reads what is there, without the lock: what is there already does not change.

        Raises:
            ResultsError: it is damaged, or was computed with something else.
        """
        self._check_manifest()
        self._read_parts()

    def look_again(self, names: Sequence[str]) -> None:
        """Reads what other processes have added; of these parts it is known that they are there.

        Raises:
            ResultsError: a part is damaged.
        """
        self._read_parts({*names, *self.names, *self._found()})

    def _check_manifest(self) -> None:
        found = look_into(self.path, resume=True)
        if found is None:
            return
        if found["model"] != self._manifest["model"]:
            raise InputError(
                f"{str(self.path)!r} holds a sweep of {found['model']}, not of {self._manifest['model']}; "
                "name another directory."
            )
        check_origin(self.path / "manifest.json", found["origin"], self._manifest["origin"])

    def _found(self) -> list[str]:
        return [path.name for path in self._parts_folder.glob("part-*.parquet")]

    def _read_parts(self, names: Iterable[str] | None = None) -> None:
        known = {part.path.name: part for part in self._parts}
        self._parts = [
            known.get(name) or read_part(self._parts_folder / name, self._manifest["origin"])
            for name in sorted(self._found() if names is None else names)
        ]
        self._index = make_index(self._parts, self._design)

    @property
    def columns(self) -> list[str]:
        """Those of all rows together."""
        names = dict.fromkeys(name for part in in_order(self._index) for name in part.columns if name != KEY)
        return list(dict.fromkeys(["config_idx", "run_idx", "seed", *names]))

    @property
    def n_kept(self) -> int:
        """Rows of the sweep that are on disk."""
        return int(self._index.length.sum())

    def missing(self) -> list[Span]:
        """What is not on disk."""
        held = held_spans(self._index, self._design.n_runs)
        return missing_spans(held, len(self._design.configs), self._design.n_runs)

    def add(self, rows: pl.DataFrame) -> None:
        """Keeps finished rows; they are on disk soon after.

        Raises:
            InputError: they can't be written.
        """
        self._waiting.append(rows)
        now = time.monotonic()
        patience = min(max((now - self._began) / 100, PART_SECONDS), 30)
        if sum(frame.height for frame in self._waiting) >= PART_ROWS or now - self._written >= patience:
            self._write()

    def _write(self) -> None:
        if not self._waiting:
            return
        rows = pl.concat(self._waiting, how="diagonal").sort("config_idx", "run_idx")
        configuration = rows["config_idx"].to_numpy()
        spans = [
            KeyedSpan(self._design.keys[c], first, stop)
            for c, first, stop in find_spans(configuration, rows["run_idx"].to_numpy())
        ]
        keys = pl.Series(KEY, self._design.keys)[configuration]
        try:
            part = write_part(
                self._parts_folder, rows.select(keys, pl.exclude("config_idx")), spans, self._manifest["origin"]
            )
        except InputError as error:
            kept = sum(stop - first for part in self._parts for _, first, stop in part.spans)
            raise InputError(
                f"{error} {kept:,} simulations are kept in {str(self.path)!r}: "
                "make room, then continue with --resume (in Python resume=True)."
            ) from error
        self._parts.append(part)
        self._waiting = []
        self._written = time.monotonic()

    def flush(self) -> None:
        """Writes what still waits.

        Raises:
            InputError: it can't be written.
        """
        self._write()

    def finish(self) -> None:
        """Writes what still waits, and gives the lock back."""
        try:
            self._write()
        finally:
            self._index = make_index(self._parts, self._design)
            self._lock.release()

    def windows(self, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """These columns of all rows, in order, read from the parts."""
        for start, stop in windows(len(self._design)):
            rows = read_window(self._index, start, stop, columns, self._design.n_runs)
            unknown = [pl.lit(None).alias(name) for name in columns if name not in rows.columns]
            yield rows.with_columns(unknown).select("config_idx", "run_idx", "seed", *columns)

    def scan(self, columns: Sequence[str]) -> pl.LazyFrame:
        """config_idx, run_idx, seed and these columns of the rows on disk, in the order of the parts.

        Raises:
            ResultsError: there are none.
        """
        parts = in_order(self._index)
        if not parts:
            raise ResultsError(f"There are no results in {str(self.path)!r} yet: call run() or stream() first.")
        keys = pl.LazyFrame(
            {KEY: self._design.keys, "config_idx": pl.Series(range(len(self._design.keys)), dtype=pl.Int64)}
        )
        if len({tuple(part.columns) for part in parts}) == 1:
            rows = pl.scan_parquet([part.path for part in parts])
        else:  # a class of the user's own may give other numbers in other simulations
            rows = pl.concat([pl.scan_parquet(part.path) for part in parts], how="diagonal")
        unknown = [pl.lit(None, pl.Float64).alias(name) for name in columns if name not in self.columns]
        return (
            rows.filter(pl.col("run_idx") < self._design.n_runs)
            .join(keys, on=KEY, how="inner", maintain_order="left")
            .with_columns(unknown)
            .select("config_idx", "run_idx", "seed", *columns)
        )
