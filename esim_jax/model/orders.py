"""Cultures by an order: each voter's ranking of the parties is drawn, and utilities are dealt out in it.

The utilities are the order statistics of as many independent uniform numbers in (0, 1) as there are options: the
largest is the first party's, and so on. Where all rankings are equally likely this is the impartial culture with its
independent uniform utilities. From the largest on, -log of the k-th is the sum of E_i / (m - i) over i < k, with m
options and independent standard exponential numbers E_i (Devroye, L., 1986, Non-Uniform Random Variate Generation,
chapter V), so that nothing is sorted.

A ranking is held as a table of truth values: whether party j has rank k, 0 for the best. Places beyond the election's
own options come last: the law, and the very numbers, are those of its own options, however long the longest ballot of
the sweep is.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Bool, Float, Int, UInt

from esim_jax.model.cultures import CultureVoters
from esim_jax.model.elementary import exp, log
from esim_jax.model.preferences import MOST_FUSED
from esim_jax.names import MOST_RANKED
from esim_jax.random import VOTER_DRAWS, Key, random_words, uniform23, uniform24

Parameters = Mapping[str, Float[Array, "..."]]
Order = list[list[Bool[Array, "..."]]]
"""The voters' orders of the parties: `order[k][j]` is whether party j has rank k; at most one party has it."""


class OrderedVoters(NamedTuple):
    """Voters by the random words behind their utilities and their order of the parties, of one shape."""

    heights: tuple[UInt[Array, "..."], ...]  # one a rank, from the best on: behind the utilities
    words: tuple[UInt[Array, "..."], ...]  # one a party: behind the order
    chance: Float[Array, "..."]  # uniform in (0, 1); decides whether and for whom the voter votes


def draw_orders(key: Key, voter: UInt[Array, "..."], n_parties: int, n_dimensions: int) -> OrderedVoters:  # noqa: ARG001
    """The words of the voters with the given indices: what they are worth depends on the parameters.

    Args:
        key: of the simulation.
        voter: uint32 index of the voter within the simulation.
        n_parties: places for parties; those beyond MOST_RANKED are surplus in every election with such a culture.
        n_dimensions: not used.
    """
    ballot, _ = random_words(key, voter, VOTER_DRAWS)
    n, first = min(n_parties, MOST_RANKED), VOTER_DRAWS + 1
    if 2 * n <= MOST_FUSED:
        heights, words = zip(*(random_words(key, voter, first + j) for j in range(n)), strict=True)
    else:
        draws = jnp.arange(first, first + n, dtype=jnp.uint32)
        heights, words = map(tuple, lax.map(lambda draw: random_words(key, voter, draw), draws))
    return OrderedVoters(heights, words, uniform23(ballot))


def by_order(
    law: Callable[[Sequence[UInt[Array, "..."]], Parameters], Order],
) -> Callable[[OrderedVoters, Parameters], CultureVoters]:
    """Places voters by a law of orders, which takes one word a party."""

    def place(voters: OrderedVoters, parameters: Parameters) -> CultureVoters:
        return deal_out(voters, law(voters.words, parameters), parameters["n_options"])

    return place


def deal_out(voters: OrderedVoters, order: Order, n_options: Float[Array, "..."]) -> CultureVoters:
    """The voters with uniform order statistics for utilities, the largest for the party of rank 0."""
    level = jnp.zeros_like(voters.chance)
    utility = [jnp.zeros_like(voters.chance)] * len(voters.words)
    for k, (word, holds) in enumerate(zip(voters.heights, order, strict=True)):
        level = level - log(uniform23(word)) / jnp.maximum(n_options - k, 1)
        height = exp(-level)
        utility = [jnp.where(h, height, u) for h, u in zip(holds, utility, strict=True)]
    return CultureVoters(tuple(utility), voters.chance)


def insert_in_turn(displacements: Sequence[Int[Array, "..."]]) -> Order:
    """The order that comes about when party after party is put before so many of those before it.

    >>> order = insert_in_turn([jnp.int32(0), jnp.int32(1), jnp.int32(0)])
    >>> [[int(holds) for holds in rank] for rank in order]
    [[0, 1, 0], [1, 0, 0], [0, 0, 1]]
    """
    ranks: list[Array] = []
    for j, displacement in enumerate(displacements):
        rank = np.int32(j) - displacement
        ranks = [r + (r >= rank) for r in ranks] + [rank]
    return [[rank == k for rank in ranks] for k in range(len(ranks))]


def mallows(words: Sequence[UInt[Array, "..."]], parameters: Parameters) -> Order:
    """Probability proportional to phi^d, d pairs of parties being in another order than they are given in.

    Drawn by repeated insertion: party j, counted from 0, comes before d of those before it with probability phi^d /
    (1 + phi + ... + phi^j). Source: Mallows, C. L. (1957), "Non-Null Ranking Models", Biometrika 44; Doignon, J.-P.,
    Pekec, A. & Regenwetter, M. (2004), "The Repeated Insertion Model for Rankings", Psychometrika 69.

    Args:
        words: uint32, one a party.
        parameters: mallows_dispersion, phi in [0, 1], and n_options.
    """
    phi = parameters["mallows_dispersion"]
    power, total = jnp.ones_like(phi), jnp.zeros_like(phi)
    below: list[Array] = []  # 1 + ... + phi^(d - 1)
    displacements = []
    for j, word in enumerate(words):
        total = total + power
        u = uniform23(word) * total
        displacement = jnp.zeros_like(word, jnp.int32)
        for bound in below:
            displacement = displacement + (u >= bound)
        displacements.append(jnp.where(parameters["n_options"] > j, displacement, 0))
        below, power = [*below, total], power * phi
    return insert_in_turn(displacements)


def single_peaked(words: Sequence[UInt[Array, "..."]], parameters: Parameters) -> Order:
    """All 2^(m - 1) single-peaked orders along the parties' order, equally likely.

    Of them C(m - 1, p) have p parties to the left of the peak, and each is one way to mix the two sides: the next party
    lies to the left with a probability proportional to how many are left there. Source: Walsh, T. (2015), "Generating
    Single Peaked Votes", arXiv:1503.02766, who draws the same law from the last rank on.

    Args:
        words: uint32, one a party.
        parameters: n_options.
    """
    m = parameters["n_options"].astype(jnp.int32)
    peak = jnp.zeros_like(words[0], jnp.int32)
    for j, word in enumerate(words[1:], 1):  # a lowest bit, of words whose high bits say where to go on
        peak = peak + jnp.where(m > j, (word & np.uint32(1)).astype(jnp.int32), 0)

    def by_number(word: Array, left: Array, right: Array) -> Array:
        return uniform24(word) * (left + right).astype(jnp.float32) < left.astype(jnp.float32)

    return _outwards(words, peak, m, by_number)


def single_peaked_conitzer(words: Sequence[UInt[Array, "..."]], parameters: Parameters) -> Order:
    """A peak among all parties, equally likely; then the next to the left or to the right with probability 1/2.

    Where one side has no more parties, the rest of the other follows. Source: Conitzer, V. (2009), "Eliciting
    Single-Peaked Preferences Using Comparison Queries", Journal of Artificial Intelligence Research 35.

    Args:
        words: uint32, one a party.
        parameters: n_options.
    """
    m = parameters["n_options"].astype(jnp.int32)
    peak = jnp.minimum((uniform24(words[0]) * parameters["n_options"]).astype(jnp.int32), m - 1)

    def by_coin(word: Array, left: Array, right: Array) -> Array:
        return (left > 0) & ((right == 0) | (word < np.uint32(2**31)))

    return _outwards(words, peak, m, by_coin)


def _outwards(
    words: Sequence[UInt[Array, "..."]],
    peak: Int[Array, "..."],
    m: Int[Array, "..."],
    goes_left: Callable[[Array, Array, Array], Array],
) -> Order:
    """The order from a peak on; a word and the parties left on either side decide where the next one lies."""
    left, right = peak - 1, peak + 1
    order = [[peak == j for j in range(len(words))]]
    for word in words[1:]:
        to_left = goes_left(word, left + 1, jnp.maximum(m - right, 0))
        taken = jnp.where(to_left, left, right)
        order.append([taken == j for j in range(len(words))])
        left, right = left - to_left, right + ~to_left
    return order
