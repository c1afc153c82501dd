"""Frames: one row a simulation, or one row a party of a simulation."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

METRICS = ("turnout", "gallagher", "enp_votes", "enp_seats", "vse")
"""The metrics of every simulation, in the order of their columns."""


def parameter_frame(configs: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """One row a configuration, one column a parameter; config_idx counts from 0."""
    names = dict.fromkeys(name for config in configs for name in config)
    columns = [_column(name, [config.get(name) for config in configs]) for name in names]
    return pl.DataFrame([pl.Series("config_idx", np.arange(len(configs)), dtype=pl.Int64), *columns])


def _column(name: str, values: list[Any]) -> pl.Series:
    """A column of the values' own type; values of different types, or that Polars does not know, as text."""
    try:
        return pl.Series(name, values, strict=True)
    except (TypeError, pl.exceptions.PolarsError):
        if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
            return pl.Series(name, values, dtype=pl.Float64, strict=False)
        return pl.Series(name, [str(value) for value in values])


def results_frame(
    parameters: pl.DataFrame,
    configuration: np.ndarray,
    run: np.ndarray,
    seeds: np.ndarray,
    metrics: Mapping[str, Sequence[float | None] | np.ndarray],
) -> pl.DataFrame:
    """config_idx, run_idx, seed, the parameters, the metrics; in the order given."""
    index = pl.DataFrame(
        {
            "config_idx": pl.Series(configuration, dtype=pl.Int64),
            "run_idx": pl.Series(run, dtype=pl.Int64),
            "seed": pl.Series(seeds, dtype=pl.Int64),
        }
    )
    per_simulation = parameters[configuration].drop("config_idx")
    numbers = pl.DataFrame({name: pl.Series(values, dtype=pl.Float64) for name, values in metrics.items()})
    return pl.concat([index, per_simulation, numbers], how="horizontal")


def party_frame(
    configuration: np.ndarray, run: np.ndarray, names: Sequence[Sequence[str]], votes: np.ndarray, seats: np.ndarray
) -> pl.DataFrame:
    """One row a party of a simulation: votes, vote_share, seats, seat_share.

    Args:
        configuration: each simulation's configuration.
        run: each simulation's run.
        names: what stands on each configuration's ballot.
        votes: int64 (simulation, place on the ballot); surplus places are left out.
        seats: likewise.
    """
    widths = np.array([len(ballot) for ballot in names])[configuration]
    real = np.arange(votes.shape[1]) < widths[:, None]
    ballots = pl.Series([list(ballot) for ballot in names], dtype=pl.List(pl.String))

    def share(counts: np.ndarray) -> np.ndarray:
        return (counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))[real]

    return pl.DataFrame(
        {
            "config_idx": pl.Series(np.repeat(configuration, widths), dtype=pl.Int64),
            "run_idx": pl.Series(np.repeat(run, widths), dtype=pl.Int64),
            "party": ballots[configuration].explode(),
            "votes": votes[real],
            "vote_share": share(votes),
            "seats": seats[real],
            "seat_share": share(seats),
        }
    )
