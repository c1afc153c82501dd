"""Metrics of stacked elections whose constituencies lie one after another, as a chunk of a sweep has them.

They are those of the other files of this folder, computed in integers up to one last division: sums then don't depend
on their order, and a row is the same to the bit in whatever chunk it is computed. Shares of votes are rounded to
2^-41, which allows for a million constituencies.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax
from jaxtyping import Bool, Float, Int

from esim_jax.metrics._arrays import ratio, sum_in_pairs
from esim_jax.metrics.monotonicity import NO_FAILURES, Failures
from esim_jax.metrics.pairwise import NO_MAJORITIES, Majorities
from esim_jax.metrics.threshold import effective_threshold as effective_threshold_of
from esim_jax.systems import THRESHOLD_UNIT

SHARE_BITS = 41
_PART_BITS = 30
_NEAR = 2  # a share this many units from half, with the rounding of the mean, is taken as half


class Election(NamedTuple):
    """What metrics are computed from; counts are integers."""

    votes: Int[Array, "simulation party"]
    seats: Int[Array, "simulation party"]
    welfare: Int[Array, "simulation party"]  # sum over all voters of the party's utility, in a unit of its own
    eligible: Bool[Array, "simulation party"]  # may win seats
    n_voters: Int[Array, " simulation"]
    n_seats: Int[Array, " simulation"]  # to be won, vacant ones included
    legal_threshold: Int[Array, " simulation"]  # that the system applies, in units of 1 / THRESHOLD_UNIT
    local: Bool[Array, " simulation"]  # whether constituencies elect their own members; else the nation is one
    constituency_votes: Int[Array, "constituency party"]
    constituency_seats: Int[Array, "constituency party"]
    simulation: Int[Array, " constituency"]  # place of its simulation, in rising order
    in_use: Bool[Array, " constituency"]  # whether there is such a constituency
    first: Int[Array, " simulation"]  # place of the simulation's first constituency
    welfare_scale: Float[Array, " simulation"] | float = 1.0  # power of two; the unit of welfare is 1 / it
    majorities: Majorities = NO_MAJORITIES  # of the constituencies, where ballots rank
    failures: Failures = NO_FAILURES  # of monotonicity in the constituencies, where three parties are ranked


def satisfaction(election: Election) -> Float[Array, " simulation"]:
    """Voter satisfaction efficiency as `esim_jax.metrics.voter_satisfaction_efficiency` defines it.

    The gain over a party drawn at random is kept to 40 bits, so that the sum over seats is an integer too. One division
    then rounds once: a compiler that reorders floating-point operations can't change the result. (The metric's own
    function, traced here, let a row replay with another last bit on JAX 0.10 and 0.12 alike, barriers or not.)
    """
    seats = election.seats
    gain, _ = _gains(election)
    actual, best = (seats * gain).sum(axis=-1), seats.sum(axis=-1) * gain.max(axis=-1)
    return jnp.where(best > 0, actual.astype(jnp.float64) / jnp.where(best > 0, best, 1).astype(jnp.float64), 0.0)


def _gains(election: Election) -> tuple[Int[Array, "simulation party"], Int[Array, " simulation"]]:
    """Each party's gain over one drawn at random, times the number of parties, to 40 bits; and the bits cut off."""
    eligible, welfare = election.eligible, election.welfare
    n_eligible = eligible.sum(axis=-1, keepdims=True)
    total = jnp.where(eligible, welfare, 0).sum(axis=-1, keepdims=True)
    gain = jnp.where(eligible, n_eligible * welfare - total, 0)
    surplus_bits = 24 - lax.clz(jnp.abs(gain).max(axis=-1, keepdims=True))  # of 64, beyond the 40 that are kept
    cut = jnp.maximum(surplus_bits, 0)
    return gain >> cut, cut[..., 0]


def welfare_gain(election: Election) -> Float[Array, " simulation"]:
    """What the elected seats are worth to a voter, beyond a party drawn at random: a mean over all voters and seats."""
    gain, cut = _gains(election)
    return _per_voter(election, (election.seats * gain).sum(axis=-1), cut, election.seats.sum(axis=-1))


def best_welfare_gain(election: Election) -> Float[Array, " simulation"]:
    """What the party that is best for the electorate is worth to a voter, beyond a party drawn at random."""
    gain, cut = _gains(election)
    return _per_voter(election, gain.max(axis=-1), cut, jnp.ones_like(cut))


def _per_voter(election: Election, gain: Array, cut: Array, n_seats: Array) -> Float[Array, " simulation"]:
    """A gain of `_gains`, over so many seats, in units of utility; the division rounds once, powers of two don't."""
    number = n_seats * election.eligible.sum(axis=-1) * election.n_voters.astype(jnp.int64)
    unit = jnp.exp2(cut.astype(jnp.float64)) / jnp.asarray(election.welfare_scale).astype(jnp.float64)
    return _quotient(gain, number) * unit


def loosemore_hanby(election: Election) -> Float[Array, " simulation"]:
    """`esim_jax.metrics.loosemore_hanby_index`."""
    votes, seats, difference = _crosswise(election)
    return _quotient(100 * jnp.abs(difference).sum(axis=-1), 2 * votes * seats)


def rae(election: Election) -> Float[Array, " simulation"]:
    """`esim_jax.metrics.rae_index`, over parties with at least 0.5 % of the votes."""
    votes, seats, difference = _crosswise(election)
    counted = 200 * election.votes >= votes[:, None]
    total = jnp.where(counted, jnp.abs(difference), 0).sum(axis=-1)
    return _quotient(100 * total, counted.sum(axis=-1) * votes * seats)


def sainte_lague_index(election: Election) -> Float[Array, " simulation"]:
    """`esim_jax.metrics.sainte_lague_index`; only parties with votes have seats."""
    votes, seats, difference = (number.astype(jnp.float64) for number in _crosswise(election))
    parts = ratio(difference * difference, election.votes.astype(jnp.float64))
    return ratio(100 * sum_in_pairs(parts), votes * seats * seats)


def dhondt_index(election: Election) -> Float[Array, " simulation"]:
    """`esim_jax.metrics.dhondt_index`; only parties with votes have seats."""
    votes, seats, _ = _crosswise(election)
    return _quotient(election.seats * votes[:, None], election.votes * seats[:, None]).max(axis=-1)


def golosov(counts: Int[Array, "simulation party"]) -> Float[Array, " simulation"]:
    """`esim_jax.metrics.golosov_number_of_parties`."""
    largest, total = counts.max(axis=-1, keepdims=True), counts.sum(axis=-1, keepdims=True)
    behind = _quotient((largest - counts) * (largest + counts), counts * total)
    return sum_in_pairs(jnp.where(counts > 0, 1 / (1 + behind), 0.0))


def effective_threshold(election: Election) -> Float[Array, " simulation"]:
    """`esim_jax.metrics.effective_threshold` of the mean magnitude: of the constituencies, or of the nation as one."""
    n_constituencies, legal = _sum(election, election.in_use), election.legal_threshold
    # no constant divides, for a compiler may multiply by its reciprocal and give 0.05 another last bit
    legal = _quotient(legal, jnp.where(legal > 0, THRESHOLD_UNIT, 1))
    return effective_threshold_of(_quotient(election.n_seats, jnp.where(election.local, n_constituencies, 1)), legal)


def wasted_votes(election: Election) -> Float[Array, " simulation"]:
    """`esim_jax.metrics.wasted_votes`; where the nation is one constituency, votes for parties without any seat."""
    votes = jnp.where(election.constituency_seats > 0, 0, election.constituency_votes).sum(axis=-1)
    of_nation = jnp.where(election.seats > 0, 0, election.votes).sum(axis=-1)
    wasted = jnp.where(election.local, _sum(election, votes), of_nation)
    return _quotient(wasted, election.votes.sum(axis=-1))


def efficiency_gap(election: Election) -> Float[Array, " simulation"]:
    """The first party's of `esim_jax.metrics.efficiency_gaps`; the nation may be one constituency.

    What does not divide is rounded down to 2^-30 votes.
    """
    local = _twice_the_gap(election.constituency_votes, election.constituency_seats)
    nation = _twice_the_gap(election.votes, election.seats)
    whole, part, cast = (
        jnp.where(election.local, _sum(election, one), all_) for one, all_ in zip(local, nation, strict=True)
    )
    return ratio(whole.astype(jnp.float64) + part.astype(jnp.float64) * 2.0**-_PART_BITS, 2.0 * cast)


def mean_median(election: Election) -> Float[Array, " simulation"]:
    """The first party's of `esim_jax.metrics.mean_median_difference`."""
    valid, share = _first_party_s_shares(election)
    n, total = _sum(election, valid), _sum(election, share)
    beyond = jnp.int64(1) << (SHARE_BITS + 1)
    _, rising = lax.sort((election.simulation, jnp.where(valid, share, beyond)), num_keys=2)
    low, high = (
        rising[jnp.minimum(election.first + middle, len(rising) - 1)] for middle in (jnp.maximum(n - 1, 0) // 2, n // 2)
    )
    return jnp.where(n > 0, _quotient((low + high) * n - 2 * total, 2 * n) * 2.0**-SHARE_BITS, 0.0)


def partisan_bias(election: Election) -> Float[Array, " simulation"]:
    """`esim_jax.metrics.partisan_bias` of two parties."""
    n, twice_won = _twice_won(election, 0.5)
    return _quotient(twice_won - n, 2 * n)


def responsiveness(election: Election) -> Float[Array, " simulation"]:
    """`esim_jax.metrics.responsiveness` of two parties, between 45 % and 55 %."""
    n, low = _twice_won(election, 0.45)
    _, high = _twice_won(election, 0.55)
    return _quotient(5 * (high - low), n)


def _crosswise(
    election: Election,
) -> tuple[Int[Array, " simulation"], Int[Array, " simulation"], Int[Array, "simulation party"]]:
    """All votes, all seats, and the differences of shares times both.

    A division of all parties' numbers by their sum is no operation to rely on: the compiler may turn it into a product
    with the reciprocal, in one program and not in another.
    """
    votes, seats = election.votes.sum(axis=-1), election.seats.sum(axis=-1)
    return votes, seats, election.votes * seats[:, None] - election.seats * votes[:, None]


def _sum(election: Election, values: Array) -> Int[Array, " simulation"]:
    """The sum over the constituencies of each simulation."""
    return jax.ops.segment_sum(values.astype(jnp.int64), election.simulation, election.votes.shape[0])


def _quotient(numerator: Array, denominator: Array) -> Float[Array, "..."]:
    """Of integers; 0 where the denominator is 0."""
    return ratio(numerator.astype(jnp.float64), denominator.astype(jnp.float64))


def _twice_the_gap(
    votes: Int[Array, "place party"], seats: Int[Array, "place party"]
) -> tuple[Int[Array, " place"], Int[Array, " place"], Int[Array, " place"]]:
    """Twice the first party's gap in whole votes and in parts of 2^-30, and the votes cast where there are seats."""
    n_seats = seats.sum(axis=-1)
    cast = jnp.where(n_seats > 0, votes.sum(axis=-1), 0)
    some = jnp.maximum(n_seats, 1)
    share = 2 * cast * seats[:, 0]
    whole = cast + share // some - 4 * jnp.where(n_seats > 0, votes[:, 0], 0)
    return whole, ((share % some) << _PART_BITS) // some, cast


def _first_party_s_shares(election: Election) -> tuple[Bool[Array, " constituency"], Int[Array, " constituency"]]:
    """Where there are votes, and the first party's share of them in units of 2^-41."""
    cast = election.constituency_votes.sum(axis=-1)
    share = _quotient(election.constituency_votes[:, 0], cast)
    return cast > 0, jnp.rint(share * 2.0**SHARE_BITS).astype(jnp.int64)


def _twice_won(election: Election, vote_share: float) -> tuple[Int[Array, " simulation"], Int[Array, " simulation"]]:
    """Constituencies with votes, and twice those that the first party would win with this mean share of the votes."""
    valid, share = _first_party_s_shares(election)
    n = _sum(election, valid)
    n_here, total_here = n[election.simulation], _sum(election, share)[election.simulation]
    ahead = n_here * (share + round((vote_share - 0.5) * 2**SHARE_BITS)) - total_here
    near = _NEAR * n_here
    return n, _sum(election, jnp.where(valid, jnp.where(ahead > near, 2, jnp.where(ahead < -near, 0, 1)), 0))
