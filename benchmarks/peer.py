"""An interpreter that has the peer: the PyPI package electoral-sim, in an environment of its own."""

import os
import shutil
import subprocess
import sys
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
    python = str(ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
    if not _runs(python, HAS_PEER):
        _make_environment(_find_base(base), python)
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


def _make_environment(base: str, python: str) -> None:
    print(f"Installing {REQUIREMENT} in {ENVIRONMENT.name} ...", file=sys.stderr)
    try:
        subprocess.run([base, "-m", "venv", "--clear", str(ENVIRONMENT)], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", REQUIREMENT], check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise NoPeerError(f"No comparison: {REQUIREMENT} could not be installed ({error}).") from error


def _runs(python: str, code: str) -> bool:
    try:
        return subprocess.run([python, "-c", code], check=False, capture_output=True).returncode == 0
    except OSError:
        return False
