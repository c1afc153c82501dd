"""Polls: what voters think of the parties' chances, and how late deciders move.

Each constituency k, in every election anew, has a late swing to party j, a standard normal number

    Z_kj = sqrt(c) Z_j + sqrt(1 - c) Z'_kj,     c = polling_error_correlation

of which the share c of the variance is the nation's. To undecided voters, who are in no poll, the party is worth
late_swing Z_kj more when they choose. The poll misses that: with v_kj of n votes in it and m options on the ballot, the
perceived share is, up to a factor that all parties of the constituency have in common and that changes no choice,

    log p_kj = log((v_kj + 1) / (n + m)) - polling_error Z_kj

so that a poll understates the parties to which late deciders swing. Errors that constituencies share are what real
polls have (Shirani-Mehr, H., Rothschild, D., Goel, S. & Gelman, A., 2018, "Disentangling bias and variance in election
polls", Journal of the American Statistical Association 113, 607-614).

A party is viable as far as it is level with the first runner-up: of M seats, with the party in place M + 1,

    log viability_kj = min(0, log p_kj - log p_k(M+1))

M + 1 parties can be in a race for M seats; votes for the others are wasted, the more so the further behind they are
(Cox, G. W., 1997, Making Votes Count, ch. 4 and 5; for M = 1 Duverger's law). A voter as strategic as can be chooses
the best of these M + 1 parties.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, Int, UInt

from esim_jax.model.elementary import log
from esim_jax.model.geography import normal_numbers
from esim_jax.random import PREVIOUS_DRAWS, SWING_DRAWS, Key, random_words

NATION = np.uint32(0xFFFF_FFFF)
"""Index of what all constituencies have in common."""


def draw_swings(
    key: Key, constituency: UInt[Array, "..."], n_parties: int
) -> tuple[Float[Array, "... party"], Float[Array, "... party"]]:
    """Standard normal numbers of the nation and of some constituencies, from which `swings` makes their swings.

    Args:
        key: of the simulation.
        constituency: uint32 number of the constituency within the simulation.
        n_parties: places for parties.
    """
    common = normal_numbers(key, jnp.full_like(constituency, NATION), SWING_DRAWS, n_parties)
    return common, normal_numbers(key, constituency, SWING_DRAWS, n_parties)


def swings(
    common: Float[Array, "... party"], own: Float[Array, "... party"], correlation: Float[Array, "..."]
) -> Float[Array, "... party"]:
    """Z_kj, standard normal, whose correlation between any two constituencies is `correlation`."""
    return jnp.sqrt(correlation)[..., None] * common + jnp.sqrt(1 - correlation)[..., None] * own


def log_shares(votes: Int[Array, "... party"], weight: Float[Array, "... party"]) -> Float[Array, "... party"]:
    """log((votes + 1) / (all votes + options)), float32: finite for a party without votes; 0 for a surplus place.

    Args:
        votes: of each option.
        weight: 1 for a real option, 0 for a surplus place.
    """
    whole = votes.sum(axis=-1, keepdims=True) + weight.sum(axis=-1, keepdims=True)
    return jnp.where(weight > 0, log(((votes + 1) / whole).astype(jnp.float32)), 0)


def log_viability(
    log_share: Float[Array, "... party"], eligible: Bool[Array, "... party"], n_seats: Int[Array, "..."]
) -> Float[Array, "... party"]:
    """How far each option is behind the party in place n_seats + 1, or behind the last one where there are no more.

    >>> shares = jnp.log(jnp.array([0.5, 0.3, 0.15]))
    >>> print(jnp.exp(log_viability(shares, jnp.ones(3, bool), jnp.int32(1))).round(3))
    [1.  1.  0.5]

    Args:
        log_share: of each option; a constant added to all changes nothing.
        eligible: whether it is a party: others are in no race, but may be behind it.
        n_seats: of the constituency.
    """
    ranked = -jnp.sort(jnp.where(eligible, -log_share, np.inf), axis=-1)
    place = jnp.minimum(n_seats, eligible.sum(axis=-1).astype(n_seats.dtype) - 1)
    runner_up = jnp.take_along_axis(ranked, jnp.maximum(place, 0)[..., None], axis=-1)
    return jnp.minimum(log_share - runner_up, 0)


def previous_key(key: Key) -> Key:
    """The key of the voters who voted at the previous election: another electorate of the same law."""
    return random_words(key, jnp.zeros_like(key[0]), PREVIOUS_DRAWS)
