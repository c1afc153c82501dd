"""Ballots from files: PrefLib (.soc, .soi, .toc, .toi), BLT (.blt) and cast vote records (.csv).

Readers are strict: a line that is not what the format allows is an error that names the file and the line. Nothing is
guessed, and nothing is left out in silence but what a reader's page says.
"""

from os import PathLike
from pathlib import Path

from esim_jax.counts.profile import Profile
from esim_jax.errors import InputError
from esim_jax.readers.blt import read_blt
from esim_jax.readers.cvr import read_cvr
from esim_jax.readers.preflib import read_preflib

__all__ = ["read_profile"]

_READERS = {
    ".blt": read_blt,
    ".csv": read_cvr,
    ".soc": read_preflib,
    ".soi": read_preflib,
    ".toc": read_preflib,
    ".toi": read_preflib,
}


def read_profile(path: str | PathLike[str]) -> Profile:
    """The ranked ballots in a file. Its extension, in any case, names the format.

    Args:
        path: of a file in UTF-8, with or without a byte order mark; at most 256 MiB.

    Raises:
        InputError: the file can't be read, or a line is not what its format allows.
    """
    path = Path(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{str(path)!r} is not allowed: the name of a file of ballots ends with one of "
                         f"{', '.join(_READERS)}.")  # fmt: skip
    return reader(path)
