"""Summary: mean and standard deviation over the runs of each configuration, from windows of the results.

Each window gives counts, means and sums of squared deviations; these are merged in order by the formula of Chan, Golub
& LeVeque (1983, "Algorithms for computing the sample variance", The American Statistician 37:242-247).
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from jaxtyping import Float, Int


class Moments(NamedTuple):
    """Of the values of each metric, by configuration."""

    n: Int[np.ndarray, "configuration metric"]
    mean: Float[np.ndarray, "configuration metric"]
    squares: Float[np.ndarray, "configuration metric"]  # sum of squared deviations from the mean


def summarise(results: Iterable[pl.DataFrame], parameters: pl.DataFrame, metrics: Sequence[str]) -> pl.DataFrame:
    """config_idx, the parameters, `*_mean` and `*_std` of each metric, n_runs; sorted by config_idx.

    The standard deviation has n - 1 in its denominator and is null for a single run. A run that failed counts
    nowhere.

    Args:
        results: windows of the results, in order of config_idx.
        parameters: one row a configuration.
        metrics: columns of the results.

    >>> results = pl.DataFrame({"config_idx": [0, 0, 1], "turnout": [0.5, 0.75, 1.0]})
    >>> summarise([results], pl.DataFrame({"config_idx": [0, 1]}), ["turnout"])["turnout_mean"].to_list()
    [0.625, 1.0]
    """
    n = parameters.height
    total = Moments(np.zeros((n, len(metrics)), np.int64), np.zeros((n, len(metrics))), np.zeros((n, len(metrics))))
    n_runs = np.zeros(n, np.int64)
    with np.errstate(invalid="ignore", over="ignore"):  # a user's own metric may be infinite
        for window in results:
            configuration, first = np.unique(window["config_idx"].to_numpy(), return_index=True)
            values = window.select(metrics).cast(pl.Float64)
            known = np.column_stack([values[name].is_not_null().to_numpy() for name in metrics])
            numbers = np.column_stack([values[name].fill_null(0.0).to_numpy() for name in metrics])
            n_runs[configuration] += np.add.reduceat(known.any(axis=1), first, dtype=np.int64)
            here = Moments(*(field[configuration] for field in total))
            for field, merged in zip(total, _merge(here, _moments(numbers, known, first)), strict=True):
                field[configuration] = merged
        deviation = np.sqrt(total.squares / np.maximum(total.n - 1, 1))
    columns = []
    for place, name in enumerate(metrics):
        count = pl.Series(total.n[:, place])
        for statistic, numbers, enough in (("mean", total.mean, 1), ("std", deviation, 2)):
            column = pl.Series(f"{name}_{statistic}", numbers[:, place])
            columns.append(column.zip_with(count >= enough, pl.Series([None] * n, dtype=pl.Float64)))
    return parameters.with_columns(*columns, pl.Series("n_runs", n_runs))


def _moments(numbers: np.ndarray, known: np.ndarray, first: np.ndarray) -> Moments:
    """Of each metric, by group of rows; unknown numbers are 0."""
    count = np.add.reduceat(known, first, axis=0, dtype=np.int64)
    group = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(known))))
    some = np.maximum(count, 1)
    rough = np.add.reduceat(numbers, first, axis=0) / some
    # the mean of what is left over takes back the rounding of a long sum
    rest = np.add.reduceat(np.where(known, numbers - rough[group], 0), first, axis=0) / some
    mean = np.where(np.isfinite(rough), rough + rest, rough)
    return Moments(count, mean, np.add.reduceat(np.where(known, numbers - mean[group], 0) ** 2, first, axis=0))


def _merge(one: Moments, two: Moments) -> Moments:
    count = one.n + two.n
    share = two.n / np.maximum(count, 1)
    delta = two.mean - one.mean
    merged = one.mean + delta * share, one.squares + two.squares + delta**2 * one.n * share
    fresh = one.n == 0
    return Moments(count, *(np.where(fresh, field, both) for field, both in zip(two[1:], merged, strict=True)))
