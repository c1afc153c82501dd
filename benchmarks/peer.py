"""Interpreters that have other packages, in environments of their own: the peer, the PyPI package electoral-sim."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

PACKAGE = "electoral_sim"
VERSION = "0.2.1"
REQUIREMENT = f"electoral-sim=={VERSION}"
HAS_PEER = f"import sys, {PACKAGE}; sys.exit({PACKAGE}.__version__ != {VERSION!r})"
ENVIRONMENT = Path(__file__).parent.parent / ".venv-peer"
CANDIDATES = ("python3.12", "python3.13", "python3.14", "python3")


class NoPeerError(Exception):
    """Says in one sentence why there is no peer."""


def find_peer(given: str | None, base: str | None) -> str:
    """The interpreter with the peer in it.

    Args:
        given: an interpreter that has it.
        base: the Python, 3.12 or newer, to make the environment with; by default one on PATH.

    Raises:
        NoPeerError: there is none and none can be made.
    """
    if given is not None:
        if not _runs(given, HAS_PEER):
            raise NoPeerError(f"No comparison: {given} has no {REQUIREMENT}; install it there.")
        return given
    return prepare(ENVIRONMENT, lambda: _find_base(base), HAS_PEER, [REQUIREMENT])


def prepare(folder: Path, find_base: Callable[[], str], has_all: str, requirements: Sequence[str]) -> str:
    """The interpreter of an environment, which is made unless it is there.

    Args:
        folder: of the environment.
        find_base: gives the Python to make it with.
        has_all: code that ends well in an interpreter that has all that is needed.
        requirements: what is installed.

    Raises:
        NoPeerError: it can't be made.
    """
    python = str(folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
    if not _runs(python, has_all):
        _make_environment(folder, find_base(), python, requirements)
    return python


def _find_base(base: str | None) -> str:
    for name in (base,) if base else (*CANDIDATES, sys.executable):
        found = shutil.which(name)
        if found and _runs(found, "import sys; sys.exit(sys.version_info < (3, 12))"):
            return found
    raise NoPeerError(
        f"No comparison: {REQUIREMENT} needs Python 3.12 or newer, and "
        f"{base or 'none'} {'is not one' if base else 'is on PATH'}; name one with --python312."
    )


def _make_environment(folder: Path, base: str, python: str, requirements: Sequence[str]) -> None:
    wanted = ", ".join(requirements)
    print(f"Installing {wanted} in {folder.name} ...", file=sys.stderr)
    try:
        subprocess.run([base, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise NoPeerError(f"No comparison: {wanted} could not be installed ({error}).") from error


def _runs(python: str, code: str) -> bool:
    try:
        return subprocess.run([python, "-c", code], check=False, capture_output=True).returncode == 0
    except OSError:
        return False
