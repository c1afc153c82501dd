"""Sizes of constituencies: how many voters each has, where they are not equal."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from esim_jax.voter_frame import constituency_sizes as sizes_of_frame


def unequal_sizes(parameters: Mapping[str, Any]) -> Int[np.ndarray, " constituency"] | None:
    """Voters of each constituency by a full set of parameters, int64; None for equal blocks.

    Constituency k of K is as large as exp(size_spread z_k), z_k the normal quantile of (k + 1/2) / K, so that their
    sizes have a lognormal law and are known beforehand; or as `constituency_sizes` says, or the voters who are given.

    >>> given = {"n_voters": 100, "n_constituencies": 3, "size_spread": 1.0, "constituency_sizes": 1.0, "voters": None}
    >>> unequal_sizes(given).tolist(), unequal_sizes(given | {"constituency_sizes": (1.0, 2.0, 5.0)}).tolist()
    ([9, 25, 66], [13, 25, 62])
    """
    frame = parameters["voters"]
    if frame is not None and frame.constituency is not None:
        return np.array(sizes_of_frame(frame, parameters["n_voters"]), np.int64)
    names = ("n_voters", "n_constituencies", "size_spread", "constituency_sizes")
    return _unequal_sizes(*(parameters[name] for name in names))


@lru_cache(maxsize=256)
def _unequal_sizes(
    n_voters: int, n_constituencies: int, spread: float, relative: float | tuple[float, ...]
) -> Int[np.ndarray, " constituency"] | None:
    if isinstance(relative, tuple):
        return share_out(n_voters, np.array(relative))
    if spread == 0:
        return None
    from scipy.special import ndtri  # a sixth of a second that few sweeps need

    quantile = ndtri((np.arange(n_constituencies) + 0.5) / n_constituencies)
    return share_out(n_voters, np.exp(spread * quantile))


def share_out(n_voters: int, weights: Float[np.ndarray, " constituency"]) -> Int[np.ndarray, " constituency"]:
    """Voters in proportion to weights, by largest remainders; the first ones first where these are equal.

    Every constituency has a voter: those that would have less than one have one, and the others share the rest.

    Args:
        n_voters: at least as many as there are constituencies.
        weights: above 0.

    >>> share_out(8, np.array([1.0, 1.0, 1.0])).tolist(), share_out(8, np.array([1e-9, 1.0, 2.0])).tolist()
    ([3, 3, 2], [1, 2, 5])
    """
    voters = np.ones(len(weights), np.int64)
    large, quota = np.ones(len(weights), bool), weights
    while large.any():
        rest = n_voters - int((~large).sum())
        quota = rest * (weights[large] / weights[large].sum())
        if not (quota < 1).any():
            break
        large[large] = quota >= 1
    if large.any():
        whole = np.floor(quota).astype(np.int64)
        last = np.argsort(whole - quota, kind="stable")[: rest - whole.sum()]
        whole[last] += 1
        voters[large] = whole
    return voters
