"""Seats for people's own votes."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Int, UInt

from esim_jax.config import PARAMETERS, read_count, read_seed
from esim_jax.errors import InputError
from esim_jax.kinds import Choice
from esim_jax.random import LOT_DRAWS, as_uint64, random_words, seed_words
from esim_jax.systems._base import THRESHOLD_UNIT, Contest, passes_threshold
from esim_jax.systems.registry import RULES

_MAX_VOTES = 2**33  # THRESHOLD_UNIT times the sum of the votes fits in 63 bits
_PARTIES_STEP = 16  # parties are padded to a multiple, so that few shapes are compiled


def allocate_seats(
    votes: Any, n_seats: int, method: str = "dhondt", threshold: float = 0.0, seed: int = 0
) -> Int[np.ndarray, " party"]:
    """Seats of each party from its votes, exact in integers.

    Args:
        votes: whole numbers, one a party; at most 2^33 together.
        n_seats: at least 1, at most 1,000,000.
        method: a divisor method ("dhondt", "sainte_lague", "modified_sainte_lague", "modified_sainte_lague_1_2",
            "danish", "imperiali", "adams", "huntington_hill"), largest remainders ("hare", "droop",
            "hagenbach_bischoff", "imperiali_quota"), or "plurality"; in any case.
        threshold: smallest share of all votes with which a party takes part, in [0, 1).
        seed: decides ties, by lot; any 64-bit integer.

    Returns:
        int64 seats in the order of the parties. They sum to `n_seats`.

    Raises:
        InputError: an argument is not allowed, there are no votes, or no party reaches the threshold.

    Pukelsheim (2017), Proportional Representation, 2nd ed., chs. 4 and 5, gives the methods.

    >>> allocate_seats([340_000, 280_000, 160_000, 60_000], 7, method="dhondt")
    array([3, 3, 1, 0])
    >>> allocate_seats([340_000, 280_000, 160_000, 60_000], 7, method="sainte_lague")
    array([3, 2, 1, 1])
    """
    counts = _read_votes(votes)
    n_seats = read_count("n_seats", n_seats, high=1_000_000)
    rule = Choice(tuple(RULES)).read("method", method)
    share = PARAMETERS["threshold"].read(threshold)
    padded = np.zeros(-(-counts.size // _PARTIES_STEP) * _PARTIES_STEP, np.int64)
    padded[: counts.size] = counts
    with jax.enable_x64(True):
        seats, passed = _allocate(
            padded, n_seats, round(share * THRESHOLD_UNIT), seed_words(as_uint64(read_seed(seed))), rule
        )
    if not passed:
        raise InputError(f"threshold = {threshold!r} is reached by no party: the largest share is "
                         f"{counts.max() / counts.sum():.6g}.")  # fmt: skip
    return np.asarray(seats)[: counts.size]


def _read_votes(votes: Any) -> Int[np.ndarray, " party"]:
    array = np.asarray(votes)
    if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "iuf":
        raise InputError(f"votes = {votes!r} is not allowed: give a list of whole numbers, one a party.")
    if not np.all(np.isfinite(array)) or np.any(array < 0) or np.any(array != np.floor(array)):
        raise InputError(f"votes = {votes!r} is not allowed: votes are whole numbers of at least 0.")
    if array.sum(dtype=float) > _MAX_VOTES:
        raise InputError(f"votes sum to {array.sum(dtype=float):.6g}; at most 2^33 votes are allowed.")
    if array.sum() == 0:
        raise InputError("votes are all 0: seats can't be allocated without votes.")
    return array.astype(np.int64)


@partial(jax.jit, static_argnames="rule")
def _allocate(
    votes: Int[Array, " party"],
    n_seats: Int[Array, ""],
    threshold: Int[Array, ""],
    key: tuple[UInt[Array, ""], UInt[Array, ""]],
    rule: str,
) -> tuple[Int[Array, " party"], Array]:
    passing = passes_threshold(votes, threshold)
    lots = random_words(
        key, jnp.zeros(votes.shape, jnp.uint32), LOT_DRAWS + jnp.arange(votes.shape[0], dtype=jnp.uint32)
    )[0]
    return RULES[rule](Contest(jnp.where(passing, votes, 0), n_seats, lots)), passing.any()
