"""The design of a sweep: which simulations there are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Int, UInt

from esim_jax.chunks import Span
from esim_jax.sweep.identity import configuration_keys, progressions, seeds_at

RESERVED = ("config_idx", "run_idx", "seed")
"""Columns of the results that are no parameters."""

KEY = "_configuration"
"""Column of kept rows: the configuration's name, see `esim_jax.sweep.identity.configuration_keys`."""

FAILURE = "_failure"
"""Column of the kept rows of a class of the user's own: why there are no metrics, or null."""


@dataclass(frozen=True)
class Design:
    """The simulations of a sweep, in order of configuration, then run; nothing in it is as long as they are many.

    Attributes:
        configs: what was asked for, one a configuration.
        parameters: the columns of the results that hold them, one row a configuration.
        keys: each configuration's name, under which its finished rows are kept.
        starts: uint64; start of each configuration's progression of seeds.
        steps: uint64; its step.
        n_runs: of every configuration.
    """

    configs: Sequence[Mapping[str, Any]]
    parameters: pl.DataFrame
    keys: Sequence[str]
    starts: UInt[np.ndarray, " configuration"]
    steps: UInt[np.ndarray, " configuration"]
    n_runs: int

    def __len__(self) -> int:
        """The number of simulations."""
        return len(self.configs) * self.n_runs

    def seeds(
        self, configuration: Int[np.ndarray, " simulation"], run: Int[np.ndarray, " simulation"]
    ) -> UInt[np.ndarray, " simulation"]:
        """The seeds of some simulations, uint64."""
        return seeds_at(self.starts[configuration], self.steps[configuration], run)

    def whole(self) -> list[Span]:
        """All simulations."""
        return [Span(configuration, 0, self.n_runs) for configuration in range(len(self.configs))]


def make_design(
    configs: Sequence[Mapping[str, Any]],
    parameters: pl.DataFrame,
    identities: Sequence[str],
    seed: int,
    n_runs: int,
    common: bool = False,
    also: str = "",
) -> Design:
    """Every configuration `n_runs` times.

    Args:
        configs: what was asked for, one a configuration.
        parameters: likewise, as a frame.
        identities: likewise; the seeds follow from them.
        seed: the master seed.
        n_runs: of every configuration.
        common: whether run r has the same seed in all configurations.
        also: what else decides the rows of a class of the user's own.
    """
    keys = configuration_keys(seed, identities, common, also)
    return Design(configs, parameters, keys, *progressions(seed, identities, common), n_runs)
