"""The import path of the specification: `from esim_jax.analysis import BatchRunner, ParameterSweep`."""

from esim_jax.sweep.runner import BatchRunner
from esim_jax.sweep.space import ParameterSweep

__all__ = ["BatchRunner", "ParameterSweep"]
