"""The impartial anonymous culture: every profile, as numbers of voters by ranking, is equally likely.

Each election draws the probabilities of all m! rankings from the flat Dirichlet law, and its voters are independent
given them. So the numbers of voters by ranking follow Polya's urn, in which all are equally likely (Gehrlein, W. V. &
Fishburn, P. C., 1976, "Condorcet's Paradox and Anonymous Preference Profiles", Public Choice 26; Berg, S., 1985,
"Paradox of Voting Under an Urn Model", Public Choice 47). Utilities are dealt out as in `esim_jax.model.orders`.

A Dirichlet draw is independent exponential numbers over their sum. They are taken to 2^-17, whole numbers whose running
sums are exact, so that surplus rankings of a longer ballot change nothing; a voter looks one word up among them.
"""

import math
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Float, Int, UInt

from esim_jax.model.cultures import CultureVoters
from esim_jax.model.elementary import log
from esim_jax.model.orders import Order, OrderedVoters, Parameters, deal_out, draw_orders, insert_in_turn
from esim_jax.names import MOST_ANONYMOUS
from esim_jax.random import PROFILE_DRAWS, Key, random_words, uniform23, uniform24

_UNIT = np.float32(2**17)
"""Of an exponential number, at most 17: the sum of 720 stays below 2^31."""

_RANKINGS = np.array([math.factorial(m) for m in range(MOST_ANONYMOUS + 1)], np.int32)


class AnonymousVoters(NamedTuple):
    """Voters by their random words, and the rankings of their election."""

    voters: OrderedVoters
    up_to: Int[Array, "... ranking"]  # of one election: running sums of the rankings' weights
    chance: Float[Array, "..."]  # uniform in (0, 1); decides whether and for whom the voter votes


def draw_anonymous(key: Key, voter: UInt[Array, "..."], n_parties: int, n_dimensions: int) -> AnonymousVoters:
    """The voters with the given indices, and how likely rankings are in their election.

    Args:
        key: of the simulation; its last axis, if it has one, is the voters', of length 1.
        voter: uint32 index of the voter within the simulation.
        n_parties: places for parties; those beyond MOST_ANONYMOUS are surplus in every election with this culture.
        n_dimensions: not used.
    """
    n_parties = min(n_parties, MOST_ANONYMOUS)
    voters = draw_orders(key, voter, n_parties, n_dimensions)
    n_rankings = int(_RANKINGS[n_parties])
    pairs = random_words(key, jnp.arange((n_rankings + 1) // 2, dtype=jnp.uint32), PROFILE_DRAWS)
    words = jnp.stack(pairs, axis=-1)
    words = words.reshape(*words.shape[:-2], -1)[..., :n_rankings]
    weight = jnp.round(-log(uniform23(words)) * _UNIT).astype(jnp.int32)
    return AnonymousVoters(voters, jnp.cumsum(weight, axis=-1, dtype=jnp.int32), voters.chance)


def place_anonymous(drawn: AnonymousVoters, parameters: Parameters) -> CultureVoters:
    """The voters with the utilities of rankings that are as likely as their election has it."""
    n_options = parameters["n_options"]
    voters = drawn.voters._replace(chance=drawn.chance)
    n_rankings = jnp.asarray(_RANKINGS)[n_options.astype(jnp.int32)]
    total = _look_up(drawn.up_to, n_rankings - 1)
    # single precision may round up to the total itself
    target = (uniform24(voters.words[0]) * total.astype(jnp.float32)).astype(jnp.int32)
    ranking = jnp.minimum(_find(drawn.up_to, target), n_rankings - 1)
    return deal_out(voters, _order(ranking, len(voters.words)), n_options)


def _look_up(table: Int[Array, "... ranking"], place: Int[Array, "..."]) -> Int[Array, "..."]:
    place = jnp.broadcast_to(place, (*table.shape[:-1], place.shape[-1] if place.ndim else 1))
    return jnp.take_along_axis(table, place, axis=-1)


def _find(up_to: Int[Array, "... ranking"], target: Int[Array, "..."]) -> Int[Array, "..."]:
    """How many of the running sums are not above the target, by binary search."""
    n = up_to.shape[-1]
    up_to = lax.optimization_barrier(up_to)  # else both it and what is found are computed again for every use
    found = jnp.zeros_like(target)
    for step in (2**k for k in reversed(range(n.bit_length()))):
        reaches = (found + step <= n) & (_look_up(up_to, jnp.minimum(found + step, n) - 1) <= target)
        found = jnp.where(reaches, found + step, found)
    return lax.optimization_barrier(found)


def _order(ranking: Int[Array, "..."], n_parties: int) -> Order:
    """The order of a number below m!: its digits with the bases 1, 2, ..., m displace the parties."""
    displacements = []
    for j in range(n_parties):
        displacements.append(ranking % np.int32(j + 1))
        ranking = ranking // np.int32(j + 1)
    return insert_in_turn(displacements)
