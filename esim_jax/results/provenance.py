"""Provenance: what a file of results says about where it comes from, so that anybody can make it again.

It stands in the key-value metadata of a Parquet file, and beside a CSV or JSON file in `<file>.provenance.json`. It
names no time and no file, so that equal results are equal files.
"""

import json
import platform
import sys
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from importlib.metadata import version
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import polars as pl

from esim_jax import __version__
from esim_jax.errors import InputError
from esim_jax.own_behaviour import OwnBehaviour, name_function
from esim_jax.voter_frame import VoterFrame, read_voter_frame

FORMAT = 1
KEY = "esim_jax"
"""Of the metadata of a Parquet file."""

_SUFFIX = ".provenance.json"

BUILT_IN = "esim_jax.ElectionModel"


def make_provenance(sweep: Mapping[str, Any], model: str, device: Mapping[str, str]) -> dict[str, Any]:
    """What the files of a sweep say.

    Args:
        sweep: the keys and values of the file that `electoral-sim batch --config` reads.
        model: the class, with its module.
        device: on which it ran.
    """
    plain = json.loads(json.dumps(sweep, default=_plain_with_voters if model == BUILT_IN else _plain))
    return {
        "format": FORMAT,
        "model": model,
        "sweep": plain,
        "versions": {
            "esim_jax": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in ("jax", "jaxlib", "numpy", "polars")},
        },
        "device": dict(device),
        "command": _command(plain, model),
    }


def _plain_with_voters(value: Any) -> Any:
    """Likewise, where frames are voters."""
    return str(read_voter_frame(value)) if isinstance(value, pl.DataFrame | pl.LazyFrame) else _plain(value)


def _plain(value: Any) -> Any:
    """What JSON knows, in the place of a value that it does not."""
    if isinstance(value, OwnBehaviour | VoterFrame | Path):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, FunctionType):
        return name_function(value)
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else repr(value)


def _command(sweep: Mapping[str, Any], model: str) -> str:
    if model == BUILT_IN:
        return "electoral-sim batch --config THIS_FILE --output NEW_FILE"
    space = ", ".join(f"{name}={sweep[name]!r}" for name in ("parameters", "fixed_params", "sweep_type", "n_samples"))
    runs = ("n_runs_per_config", "seed", "election_kwargs", "common_random_numbers")
    options = ", ".join(f"{name}={sweep[name]!r}" for name in runs)
    return f"BatchRunner({model.rpartition('.')[2]}, ParameterSweep({space}), {options}).run()"


def processor() -> str:
    """The name of the processor, as far as it is known."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine() or sys.platform


def sidecar(path: Path) -> Path:
    """The file beside a CSV or JSON file."""
    return path.with_name(f"{path.name}{_SUFFIX}")


def first_bytes(path: Path, n: int) -> bytes:
    """The first bytes of a file."""
    with path.open("rb") as file:
        return file.read(n)


def is_parquet(path: Path) -> bool:
    """Whether a file begins like a Parquet file, whatever its name."""
    return first_bytes(path, 4) == b"PAR1"


def read_provenance(path: Path) -> dict[str, Any] | None:
    """The provenance of a file: its own, that beside it, or the file itself where it is one; None where there is none.

    Raises:
        InputError: the file can't be read, or its provenance is of another format.
    """
    try:
        found = json.loads(_text(path))
    except OSError as error:
        raise InputError(f"{str(path)!r} can't be read: {error.strerror or str(error).rstrip('.')}.") from error
    except ValueError as error:
        raise InputError(f"The provenance of {str(path)!r} can't be read: it is damaged.") from error
    if not isinstance(found, Mapping) or not {"format", "sweep", "model"} <= found.keys():
        return None
    if found["format"] != FORMAT:
        raise InputError(
            f"The provenance of {str(path)!r} has the format {found['format']!r}; "
            f"this version of esim_jax reads {FORMAT}."
        )
    return dict(found)


def _text(path: Path) -> str | bytes:
    """The provenance as it is written, "null" where there is none; results themselves may be large and stay closed."""
    if is_parquet(path):
        import pyarrow.parquet as pq  # imported here, for a JSON file need not wait for it

        text: bytes = (pq.read_metadata(path).metadata or {}).get(KEY.encode(), b"null")
        return text
    for candidate in (sidecar(path), path):
        if candidate.name.endswith(_SUFFIX) and candidate.exists():
            return candidate.read_text(encoding="utf-8")
    return "null"
