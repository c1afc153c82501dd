"""A session: what the processes of one sweep say to each other while it runs, through the run directory.

    DIR/processes/SESSION/begin.json    the first to the others: the sweep, and the parts that are there
    DIR/processes/SESSION/1.json        a process to the others: a sign of life every second; at the end what it wrote
    DIR/processes/SESSION/1.lock        held by each process but the first while it writes parts

A process is lost when its file does not change for some time; clocks are never compared.
"""

import json
import math
import os
import shutil
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock, Timeout

from esim_jax.errors import InputError, ResultsError
from esim_jax.results.export import write_file
from esim_jax.sweep.distributed import Processes

FOLDER = "processes"
LOST_AFTER = "ESIM_JAX_LOST_AFTER"
"""Variable: seconds without a sign of life after which a process counts as lost; by default 60."""

_BEAT = 1.0
_LOOK = 0.2


class LostProcessError(ResultsError):
    """A process was lost; what is finished is kept, and a resumed sweep computes the rest."""


class Session:
    """One sweep of several processes, as one of them sees it; a context in which it gives signs of life.

    Args:
        run_dir: the run directory, which all processes see.
        processes: who takes part.
        name: the same in all processes, and never used before.
    """

    def __init__(self, run_dir: Path, processes: Processes, name: str) -> None:
        self.folder = run_dir / FOLDER / name
        self.processes = processes
        self.lost: dict[int, str] = {}  # why, of each process that was
        self._told: set[int] = set()
        self._parts: dict[int, list[str]] = {}  # of each process that is done
        self._patience = _read_patience()
        self._seen: dict[int, tuple[str, float]] = {}
        self._watched: Sequence[int] = ()
        self._lock = FileLock(self.folder / f"{processes.number}.lock", timeout=0)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._live, daemon=True)

    def __enter__(self) -> "Session":
        if self.processes.first:  # the others begin when the folder is there
            self._make_folder()
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        if error is not None and self.folder.is_dir():
            self._say({"failed": str(error) or type(error).__name__})
        if self._lock.is_locked:
            self._lock.release()
        if error is None and self.processes.first:
            _remove(self.folder)

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{str(self.folder)!r} can't be written: {error.strerror or error}.") from error

    # ---- the beginning

    def begin(self, message: Mapping[str, Any]) -> None:
        """The first lets the others begin; it watches them from now on."""
        self._write("begin", message)
        self._watched = range(1, self.processes.count)

    def refuse(self, error: Exception) -> None:
        """The first tells the others why there will be no sweep."""
        self._make_folder()
        self._write("begin", {"refused": str(error)})

    def await_begin(self) -> Mapping[str, Any]:
        """What the first says; this process holds its lock from now on, and gives signs of life.

        Raises:
            InputError: the first refused.
            LostProcessError: the first gives no sign of life.
        """
        self._see(0)
        while not self._path("begin").exists():
            if self._see(0):
                raise LostProcessError(
                    f"The first process {self._silence()}, so that process {self.processes.number} has nothing to do: "
                    "see what the first said, and whether all processes see the same run directory."
                )
            time.sleep(_LOOK)
        message = json.loads(self._path("begin").read_text("utf-8"))
        if "refused" in message:
            raise InputError(message["refused"])
        self._lock.acquire()
        if not self._path("begin").exists():
            raise LostProcessError("The first process is gone already, and another sweep began in the run directory.")
        self._thread.start()
        return message

    # ---- the end

    def done(self, parts: Sequence[str]) -> None:
        """This process, not the first, has written its parts and touches the run directory no more."""
        self._end()
        self._lock.release()
        self._say({"done": list(parts)})

    def await_others(self) -> list[str]:
        """Waits until every process is done or lost; gives the parts that they wrote."""
        while any(self._see(number) is None for number in self._open()):
            time.sleep(_LOOK)
        return [name for number in sorted(self._parts) for name in self._parts[number]]

    def news(self) -> list[str]:
        """A sentence about each process that was lost since this was last asked."""
        new = sorted({*self.lost} - self._told)
        self._told.update(new)
        return [f"Process {number} of {self.processes.count} was lost: it {self.lost[number]}." for number in new]

    # ---- signs of life

    def _open(self) -> list[int]:
        return [number for number in self._watched if number not in self.lost and number not in self._parts]

    def _see(self, number: int) -> bool | None:
        """Looks at a process's file: true where it is lost, false where it is done, else None."""
        try:
            text = self._path(number).read_text("utf-8")
        except OSError:
            text = ""
        before, since = self._seen.get(number, (None, 0.0))
        if text != before:
            self._seen[number] = text, time.monotonic()
        try:
            message = json.loads(text)
        except ValueError:  # not there yet, or half written
            message = {}
        if "done" in message:
            self._parts[number] = message["done"]
            return False
        if "failed" in message:
            self.lost[number] = f"failed ({str(message['failed']).rstrip('.')})"
            return True
        if text == before and time.monotonic() - since > self._patience:
            self.lost[number] = self._silence()
            return True
        return None

    def _silence(self) -> str:
        return f"gave no sign of life for {self._patience:g} seconds"

    def _live(self) -> None:
        """Every second a sign of life, and a look at the others."""
        beat = 0
        while not self._ended.is_set():
            self._say({"beat": beat})
            beat += 1
            for number in self._open():
                self._see(number)
            self._ended.wait(min(_BEAT, self._patience / 4))

    def _end(self) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _say(self, message: Mapping[str, Any]) -> None:
        """Overwrites this process's file in its place: on a network a new file of the same name may be seen late."""
        try:
            with self._path(self.processes.number).open("w", encoding="utf-8") as file:
                file.write(json.dumps(message))
                file.flush()
                os.fsync(file.fileno())
        except OSError:  # a full disk; the others will miss this process
            return

    def _write(self, name: str, message: Mapping[str, Any]) -> None:
        write_file(self._path(name), lambda temporary: temporary.write_text(json.dumps(message), "utf-8"))

    def _path(self, name: str | int) -> Path:
        return self.folder / f"{name}.json"


def refuse_living(run_dir: Path) -> None:
    """Makes sure that no process of an earlier session still writes parts here: its rows would be there twice.

    Raises:
        InputError: one does.
    """
    for path in sorted((run_dir / FOLDER).glob("*/*.lock")):
        lock = FileLock(path, timeout=0)
        try:
            lock.acquire()
        except Timeout as error:
            raise InputError(
                f"Process {path.stem} of an earlier start still runs in {str(run_dir)!r}; wait for it, or end it."
            ) from error
        lock.release()


def remove_sessions(run_dir: Path, but: Path | None = None) -> None:
    """Removes what earlier sessions left behind, but not the folder of the one that begins."""
    for folder in (run_dir / FOLDER).glob("*"):
        if folder != but:
            _remove(folder)


def _remove(folder: Path) -> None:
    """Removes a session's folder, and the one above with the last of them."""
    shutil.rmtree(folder, ignore_errors=True)  # a network's file system may keep what another host has just closed
    with suppress(OSError):
        folder.parent.rmdir()


def _read_patience() -> float:
    given = os.environ.get(LOST_AFTER) or "60"
    try:
        seconds = float(given)
    except ValueError:
        seconds = math.nan
    if not 1 <= seconds < math.inf:
        raise InputError(f"{LOST_AFTER} = {given!r} is not allowed: it must be a number of seconds from 1.")
    return seconds
