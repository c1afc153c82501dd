"""Summary: means, standard deviations and rates over the runs of each configuration, from windows of the results.

Each window gives counts, means and sums of products of deviations; these are merged in order by the formula of Chan,
Golub & LeVeque (1983, "Algorithms for computing the sample variance", The American Statistician 37:242-247).
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import polars as pl
from jaxtyping import Bool, Float, Int


class Moments(NamedTuple):
    """Of the values of each metric, by configuration."""

    n: Int[np.ndarray, "configuration metric"]
    mean: Float[np.ndarray, "configuration metric"]
    products: Float[np.ndarray, "configuration pair"]  # sum of products of two metrics' deviations from their means


Pairs = Int[np.ndarray, "2 pair"]
"""Places of two metrics; first each with itself, so that products are squares."""


def summarise(
    results: Iterable[pl.DataFrame],
    parameters: pl.DataFrame,
    metrics: Sequence[str],
    rates: Mapping[str, tuple[str, str]] = MappingProxyType({}),
) -> pl.DataFrame:
    """config_idx, the parameters, `*_mean` and `*_std` of each metric, the rates, n_runs; sorted by config_idx.

    The standard deviation has n - 1 in its denominator and is null for a single run. A run that failed counts
    nowhere.

    A rate is a ratio of means, r = mean(a) / mean(b), and null where mean(b) is 0. Its `*_std` is that of the runs'
    (a - r b) / mean(b), so that std / sqrt(n_runs) is its standard error, as it is that of any mean (by the delta
    method; Cochran, 1977, Sampling Techniques, 3rd ed., section 6.4).

    Args:
        results: windows of the results, in order of config_idx.
        parameters: one row a configuration.
        metrics: columns of the results.
        rates: by name the metrics a and b; none of them is unknown where the other is known.

    >>> results = pl.DataFrame({"config_idx": [0, 0, 1], "turnout": [0.5, 0.75, 1.0]})
    >>> summarise([results], pl.DataFrame({"config_idx": [0, 1]}), ["turnout"])["turnout_mean"].to_list()
    [0.625, 1.0]
    """
    n = parameters.height
    pairs = np.array(
        [
            *((place, place) for place in range(len(metrics))),
            *((metrics.index(a), metrics.index(b)) for a, b in rates.values()),
        ]
    ).T
    shape = n, len(metrics)
    total = Moments(np.zeros(shape, np.int64), np.zeros(shape), np.zeros((n, pairs.shape[1])))
    n_runs = np.zeros(n, np.int64)
    columns = []

    def add(name: str, numbers: Float[np.ndarray, " configuration"], known: Bool[np.ndarray, " configuration"]) -> None:
        columns.append(pl.Series(name, numbers).zip_with(pl.Series(known), pl.Series([None] * n, dtype=pl.Float64)))

    with np.errstate(invalid="ignore", over="ignore"):  # a user's own metric may be infinite
        for window in results:
            configuration, first = np.unique(window["config_idx"].to_numpy(), return_index=True)
            values = window.select(metrics).cast(pl.Float64)
            known = np.column_stack([values[name].is_not_null().to_numpy() for name in metrics])
            numbers = np.column_stack([values[name].fill_null(0.0).to_numpy() for name in metrics])
            n_runs[configuration] += np.add.reduceat(known.any(axis=1), first, dtype=np.int64)
            here = Moments(*(field[configuration] for field in total))
            for field, merged in zip(total, _merge(here, _moments(numbers, known, first, pairs), pairs), strict=True):
                field[configuration] = merged
        variance = total.products / np.maximum(total.n[:, pairs[0]] - 1, 1)
        for place, name in enumerate(metrics):
            add(f"{name}_mean", total.mean[:, place], total.n[:, place] >= 1)
            add(f"{name}_std", np.sqrt(variance[:, place]), total.n[:, place] >= 2)
        for pair, name in enumerate(rates, len(metrics)):
            a, b = pairs[:, pair]
            defined = total.mean[:, b] > 0
            by = np.where(defined, total.mean[:, b], 1)
            rate = total.mean[:, a] / by
            spread = np.maximum(variance[:, a] - 2 * rate * variance[:, pair] + rate**2 * variance[:, b], 0)
            add(name, rate, defined)
            add(f"{name}_std", np.sqrt(spread) / by, defined & (total.n[:, b] >= 2))
    return parameters.with_columns(*columns, pl.Series("n_runs", n_runs))


def _moments(numbers: np.ndarray, known: np.ndarray, first: np.ndarray, pairs: Pairs) -> Moments:
    """Of each metric, by group of rows; unknown numbers are 0."""
    count = np.add.reduceat(known, first, axis=0, dtype=np.int64)
    group = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(known))))
    some = np.maximum(count, 1)
    rough = np.add.reduceat(numbers, first, axis=0) / some
    # the mean of what is left over takes back the rounding of a long sum
    rest = np.add.reduceat(np.where(known, numbers - rough[group], 0), first, axis=0) / some
    mean = np.where(np.isfinite(rough), rough + rest, rough)
    left, right = (np.where(known, numbers - mean[group], 0)[:, place] for place in pairs)
    return Moments(count, mean, np.add.reduceat(left * right, first, axis=0))


def _merge(one: Moments, two: Moments, pairs: Pairs) -> Moments:
    left, right = pairs
    count = one.n + two.n
    share = two.n / np.maximum(count, 1)
    delta = two.mean - one.mean
    mean = one.mean + delta * share
    products = one.products + two.products + delta[:, left] * delta[:, right] * (one.n * share)[:, left]
    fresh = one.n == 0
    return Moments(count, np.where(fresh, two.mean, mean), np.where(fresh[:, left], two.products, products))
