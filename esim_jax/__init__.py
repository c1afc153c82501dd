"""esim_jax: a Monte Carlo laboratory for electoral systems.

The public names are imported on first use, so that `electoral-sim --help` need not load JAX.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from esim_jax.garbage import made_to_last

if TYPE_CHECKING:
    from esim_jax.election import ElectionModel, ElectionResult
    from esim_jax.errors import (
        ChunkWarning,
        EsimError,
        IdleParameterWarning,
        InputError,
        OutcomeWarning,
        ResultsError,
        SimulationWarning,
    )
    from esim_jax.parties import Party
    from esim_jax.sweep.runner import BatchRunner
    from esim_jax.sweep.space import ParameterSweep

__version__ = "0.1.0"

_HOME = {
    "BatchRunner": "esim_jax.sweep.runner",
    "ChunkWarning": "esim_jax.errors",
    "ElectionModel": "esim_jax.election",
    "ElectionResult": "esim_jax.election",
    "EsimError": "esim_jax.errors",
    "IdleParameterWarning": "esim_jax.errors",
    "InputError": "esim_jax.errors",
    "OutcomeWarning": "esim_jax.errors",
    "ParameterSweep": "esim_jax.sweep.space",
    "Party": "esim_jax.parties",
    "ResultsError": "esim_jax.errors",
    "SimulationWarning": "esim_jax.errors",
}

__all__ = [
    "BatchRunner",
    "ChunkWarning",
    "ElectionModel",
    "ElectionResult",
    "EsimError",
    "IdleParameterWarning",
    "InputError",
    "OutcomeWarning",
    "ParameterSweep",
    "Party",
    "ResultsError",
    "SimulationWarning",
]


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first asked for."""
    if name in _HOME:
        with made_to_last():
            globals()[name] = getattr(import_module(_HOME[name]), name)
        return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
