"""Compiled programs that outlive the process: JAX's persistent compilation cache, in the user's cache folder.

It is on by default. A cache folder that JAX was given (`JAX_COMPILATION_CACHE_DIR`, `jax.config`) is left as it is. The
variable ESIM_JAX_CACHE moves it to another folder, or turns it off with the value "off". The folder has one part a kind
of processor, since a home directory may be shared by machines that can't run each other's programs.
"""

import hashlib
import os
import platform
import time
import warnings
from functools import cache
from pathlib import Path

import jax
from platformdirs import user_cache_path

VARIABLE = "ESIM_JAX_CACHE"
OFF = "off"

_WORTH_KEEPING = 0.1  # seconds of compilation
_LARGEST = (
    2**28
)  # bytes of the folder; the programs least used go first, and a lock keeps processes out of each other's way
_SURELY_WRITTEN_S = 60


@cache
def keep_compiled_programs() -> Path | None:
    """Turns the cache on, once a process; gives its folder, or None where it is off or JAX has one of its own."""
    wish = os.environ.get(VARIABLE, "")
    if wish.lower() == OFF or jax.config.values["jax_compilation_cache_dir"] is not None:
        return None
    folder = (Path(wish) if wish else user_cache_path("esim_jax", appauthor=False)) / "compiled" / _processor()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_halves(folder)
    except OSError:  # no home directory, or one that can't be written: each process compiles for itself
        return None
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_compilation_cache_max_size", _LARGEST)
    jax.config.update("jax_persistent_cache_min_compile_time_secs", _WORTH_KEEPING)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    # an entry that can't be read is compiled anew: nothing that a user need know
    warnings.filterwarnings("ignore", message="Error reading persistent compilation cache entry")
    return folder


def _remove_halves(folder: Path) -> None:
    """Removes entries that a process was killed over: JAX writes an entry's time of access after the entry."""
    for entry in folder.glob("*-cache"):
        complete = entry.with_name(entry.name.removesuffix("-cache") + "-atime").exists()
        if not complete and time.time() - entry.stat().st_mtime > _SURELY_WRITTEN_S:
            entry.unlink(missing_ok=True)


def _processor() -> str:
    """A short name for what the processor can execute."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = [platform.processor()]
    facts = sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}) or lines[:1]
    return hashlib.blake2b("\n".join([platform.machine(), *facts]).encode(), digest_size=6).hexdigest()
