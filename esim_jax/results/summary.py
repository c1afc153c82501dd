"""Summary: mean and standard deviation over the runs of each configuration."""

from collections.abc import Sequence

import polars as pl


def summarise(results: pl.DataFrame, parameters: pl.DataFrame, metrics: Sequence[str]) -> pl.DataFrame:
    """config_idx, the parameters, `*_mean` and `*_std` of each metric, n_runs; sorted by config_idx.

    The standard deviation has n - 1 in its denominator and is null for a single run. A run that failed counts
    nowhere.
    """
    held = pl.any_horizontal(pl.col(name).is_not_null() for name in metrics)
    statistics = [
        expression
        for name in metrics
        for expression in (pl.col(name).mean().alias(f"{name}_mean"), pl.col(name).std().alias(f"{name}_std"))
    ]
    summary = results.group_by("config_idx", maintain_order=True).agg(
        *statistics, held.sum().cast(pl.Int64).alias("n_runs")
    )
    return parameters.join(summary, on="config_idx", how="left", maintain_order="left").sort("config_idx")
