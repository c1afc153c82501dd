"""Candidates: several of each party on a ballot that says more than one name.

Candidate c of party j is worth V_j + W_jc / temperature to a voter of constituency k at the moment of voting, with the
values V of `esim_jax.model.preferences` and

    W_jc = spread (Z_kjc + G_ijc)

Z is a standard normal number of the candidate in the constituency: how much better known or liked than the party's
others. G is a standard Gumbel number of the voter, less its mean. So a voter's order of one party's candidates follows
the law of Plackett and Luce with worths exp(Z_kjc). The voter's party is never in doubt: the first place goes to the
best candidate of the party for which the vote is, whatever V and W are, so that first preferences by party are those of
a ballot for parties.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Float, UInt

from esim_jax.model.geography import normal_numbers
from esim_jax.model.preferences import draw_gumbels
from esim_jax.names import MOST_RANKED
from esim_jax.random import CANDIDATE_DRAWS, STANDING_DRAWS, Key
from esim_jax.seats import PerParty


def parties_of(n_options: int, per_party: PerParty) -> tuple[int, ...]:
    """The party, or other option, of each place for a candidate.

    Real options come before surplus ones and have at most MOST_RANKED candidates: no more places are needed.

    >>> parties_of(3, 2), parties_of(4, (1, 3)), len(parties_of(40, 2)), len(parties_of(40, 1))
    ((0, 0, 1, 1, 2, 2), (0, 1, 1, 1, 2), 15, 40)
    """
    if per_party == 1:
        return tuple(range(n_options))
    counts = (per_party,) * n_options if isinstance(per_party, int) else (*per_party, 1)[:n_options]
    return tuple(party for party, count in enumerate(counts) for _ in range(count))[:MOST_RANKED]


def count_candidates(n_options: int, per_party: PerParty) -> int:
    """Places for candidates.

    >>> count_candidates(3, 2), count_candidates(3, (2, 2, 3))
    (6, 7)
    """
    return len(parties_of(n_options, per_party))


def of_candidates(of_parties: Array, per_party: PerParty) -> Array:
    """What each candidate has of the party, along the last axis.

    >>> of_candidates(jnp.array([True, False]), (2, 1)).tolist()
    [True, True, False]
    """
    if per_party == 1:
        return of_parties
    party_of = parties_of(of_parties.shape[-1], per_party)
    return jnp.stack([of_parties[..., party] for party in party_of], axis=-1)  # a gather costs much for each voter


def by_party(of_each: Array, n_parties: int, per_party: PerParty) -> Array:
    """Sums over each party's candidates, along the last axis.

    >>> by_party(jnp.array([1, 1, 0, 0, 0, 1]), 3, 2).tolist()
    [2, 0, 1]
    """
    if per_party == 1:
        return of_each
    party = np.array(parties_of(n_parties, per_party))
    return jnp.zeros((*of_each.shape[:-1], n_parties), of_each.dtype).at[..., party].add(of_each)


def draw_standing(key: Key, constituency: UInt[Array, "..."], n_candidates: int) -> Float[Array, "... candidate"]:
    """Z: standard normal numbers of the candidates in some constituencies, float32.

    Args:
        key: of the simulation.
        constituency: uint32 number of the constituency within the simulation.
        n_candidates: places for candidates.
    """
    return normal_numbers(key, constituency, STANDING_DRAWS, n_candidates)


def draw_appeal(
    key: Key,
    voter: UInt[Array, "..."],
    standing: Float[Array, "... candidate"],
    spread: Float[Array, "..."],
    stands: Bool[Array, "... candidate"],
    n_beside: int,
) -> list[Float[Array, "..."]]:
    """W of each candidate to each voter, float32; 0 for who does not stand.

    Args:
        key: of the simulation.
        voter: uint32 index of the voter within the simulation.
        standing: of the candidates in the voter's constituency, see `draw_standing`.
        spread: in utility, at least 0.
        stands: which candidates do: not those of none of the above, nor of surplus places.
        n_beside: as of `esim_jax.model.preferences.draw_gumbels`.
    """
    personal = draw_gumbels(key, voter, standing.shape[-1], CANDIDATE_DRAWS, n_beside)
    return [
        jnp.where(stands[..., k], spread * (standing[..., k] + (g - np.float32(np.euler_gamma))), 0)
        for k, g in enumerate(personal)
    ]


def find_first(
    is_party: Sequence[Bool[Array, "..."]], appeal: Sequence[Float[Array, "..."]], party_of: Sequence[int]
) -> list[Bool[Array, "..."]]:
    """Of each candidate, whether none of the party is better, and the voter's ballot is for that party.

    Args:
        is_party: of each party, whether the ballot is for it.
        appeal: W of each candidate.
        party_of: the party of each candidate.
    """
    first = []
    for k, party in enumerate(party_of):
        is_first = is_party[party]
        for other, its_party in enumerate(party_of):
            if its_party == party and other != k:
                is_first = is_first & ~(appeal[other] > appeal[k])
        first.append(is_first)
    return first


def lift(
    first: Sequence[Bool[Array, "..."]], values: Sequence[Float[Array, "..."]], stands: Bool[Array, "... candidate"]
) -> list[Float[Array, "..."]]:
    """The values with the first candidate's at least as large as any other's, so that scores agree with the ranking."""
    best = jnp.full_like(values[0], -np.inf)
    for k, value in enumerate(values):
        best = jnp.where(stands[..., k], jnp.maximum(best, value), best)
    return [jnp.where(is_first, best, value) for is_first, value in zip(first, values, strict=True)]
