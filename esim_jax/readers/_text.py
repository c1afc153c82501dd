"""What the readers share: opening a file, numbers and names in it, and the sentence for a line that is wrong."""

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from esim_jax.errors import InputError

MAX_BYTES = 2**28
MAX_CANDIDATES = 10_000
MAX_COUNT = 10**12
"""The largest number of ballots that one line stands for."""

NUMBERS = f"a whole number from 1 to {MAX_COUNT:,}"


def wrong(path: Path, line: int, what: str) -> InputError:
    """The error for a line: what is wrong with it and what is allowed. Of a very long line only the ends are shown."""
    what = what if len(what) <= 500 else f"{what[:250]} ... {what[-250:]}"
    return InputError(f"{str(path)!r}, line {line}: {what}.")


@contextmanager
def opened(path: Path, newline: str | None = None) -> Iterator[TextIO]:
    """The file as text.

    Raises:
        InputError: it can't be opened, is too large or is not UTF-8, the last while it is being read.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{str(path)!r} is too large: at most {MAX_BYTES:,} bytes are allowed; split the file.")
        with path.open(encoding="utf-8-sig", newline=newline) as file:
            yield file
    except OSError as error:
        raise InputError(f"{str(path)!r} can't be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise wrong(path, _bad_line(path), "it is not UTF-8; save the file as UTF-8 text") from error


def _bad_line(path: Path) -> int:
    """The first line that is not UTF-8. A decoder knows only its place in the block that it was given."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return 1


def whole(text: str, low: int, high: int) -> int | None:
    """The whole number in plain digits, or None where it is none or out of range."""
    if not re.fullmatch("[0-9]{1,15}", text) or not low <= int(text) <= high:
        return None
    return int(text)


def new_name(path: Path, line: int, name: str, known: Collection[str]) -> str:
    """The name of one more candidate, without the blanks around it, or InputError."""
    name = name.strip()
    if not name:
        raise wrong(path, line, "the name of a candidate is empty; give each a name")
    if name in known:
        raise wrong(path, line, f"the name {name!r} is given to two candidates; names must differ")
    return name
