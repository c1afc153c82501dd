"""Frames: one row a simulation, or one row a party of a simulation."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl


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


def results_frame(rows: pl.DataFrame, parameters: pl.DataFrame, metrics: Sequence[str]) -> pl.DataFrame:
    """config_idx, run_idx, seed, the parameters, the metrics; in the order given.

    Args:
        rows: config_idx, run_idx, seed, and those metrics that are known.
        parameters: one row a configuration.
        metrics: names of their columns.
    """
    index = rows.select(pl.col("config_idx", "run_idx", "seed").cast(pl.Int64))
    given = parameters[rows["config_idx"].to_numpy()].drop("config_idx")
    unknown = [pl.lit(None, pl.Float64).alias(name) for name in metrics if name not in rows.columns]
    numbers = rows.with_columns(unknown).select(pl.col(metrics).cast(pl.Float64))
    return pl.concat([index, given, numbers], how="horizontal")


def party_frame(rows: pl.LazyFrame, ballots: pl.LazyFrame) -> pl.LazyFrame:
    """One row a party of a simulation: config_idx, run_idx, party, votes, vote_share, seats, seat_share.

    Args:
        rows: config_idx, run_idx, votes and seats, which are lists with one entry a place on the ballot.
        ballots: config_idx and party, a list of what stands on the ballot.
    """

    def share(counts: str) -> pl.Expr:
        # as a sum, for Polars may divide by a repeated value in another way than by a column: bits would depend on rows
        return pl.col(counts) / (pl.col(f"all {counts}").clip(lower_bound=1) + 0 * pl.col(counts))

    return (
        rows.join(ballots, on="config_idx", how="inner", maintain_order="left")
        .with_columns(pl.col(counts).list.sum().alias(f"all {counts}") for counts in ("votes", "seats"))
        .explode("party", "votes", "seats")
        .select(
            "config_idx", "run_idx", "party",
            "votes", share("votes").alias("vote_share"),
            "seats", share("seats").alias("seat_share"),
        )
    )  # fmt: skip


def ballot_frame(names: Sequence[Sequence[str]]) -> pl.DataFrame:
    """config_idx and party, a list of what stands on the configuration's ballot."""
    return pl.DataFrame(
        {
            "config_idx": pl.Series(np.arange(len(names)), dtype=pl.Int64),
            "party": pl.Series([list(ballot) for ballot in names], dtype=pl.List(pl.String)),
        }
    )
