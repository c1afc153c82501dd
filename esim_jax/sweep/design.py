"""The design of a sweep: which simulations there are, and what came of them."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from jaxtyping import Int

from esim_jax.sweep.identity import run_seeds

RESERVED = ("config_idx", "run_idx", "seed")
"""Columns of the results that are no parameters."""


class Design(NamedTuple):
    """The simulations of a sweep, in order of configuration, then run."""

    configs: Sequence[Mapping[str, Any]]
    parameters: pl.DataFrame  # the columns of the results that hold them, one row a configuration
    configuration: Int[np.ndarray, " simulation"]
    run: Int[np.ndarray, " simulation"]
    seeds: Int[np.ndarray, " simulation"]


class Findings(NamedTuple):
    """What came of the simulations of a design."""

    metrics: Mapping[str, Sequence[float | None] | np.ndarray]  # each of length simulation
    parties: pl.DataFrame | None
    failures: pl.DataFrame | None
    warnings: Sequence[Warning]


def make_design(
    configs: Sequence[Mapping[str, Any]], parameters: pl.DataFrame, identities: Sequence[str], seed: int, n_runs: int
) -> Design:
    """Every configuration `n_runs` times, with the seeds that its identity gives."""
    return Design(
        configs,
        parameters,
        np.repeat(np.arange(len(configs)), n_runs),
        np.tile(np.arange(n_runs), len(configs)),
        run_seeds(seed, identities, n_runs).reshape(-1),
    )
