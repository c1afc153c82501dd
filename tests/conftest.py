"""All tests of a run share the programs that they compile, in a folder that goes with the run."""

import os
import shutil
import tempfile
from pathlib import Path

_CACHE = Path(tempfile.gettempdir()) / f"esim_jax-tests-{os.getpid()}"
os.environ.setdefault("ESIM_JAX_CACHE", str(_CACHE))  # the processes that pytest-xdist starts inherit it


def pytest_unconfigure():
    shutil.rmtree(_CACHE, ignore_errors=True)
