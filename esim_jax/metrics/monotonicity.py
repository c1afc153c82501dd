"""Failures of monotonicity in instant-runoff elections of three parties, from how often each ballot was cast.

With three parties a ballot is one of nine: one party, or one before another, which says everything. Whether ballots can
be changed so that the winner is raised and loses, or a loser is lowered and wins, is then a matter of a few exact
inequalities. `esim_jax.counts.monotonicity` has the same for people's own ballots.
"""

from itertools import permutations
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array
from jaxtyping import Bool, Int

N_PARTIES = 3


class Failures(NamedTuple):
    """Whether some change of the ballots of a constituency would show that the rule is not monotonic."""

    upward: Bool[Any, " constituency"]  # the winner raised, and another wins
    downward: Bool[Any, " constituency"]  # a loser lowered, and it wins


NO_FAILURES = Failures(*[np.zeros(0, bool)] * 2)
"""Where no ballots rank three parties."""


def failures(first: Int[Array, "*contest 3"], second: Int[Array, "*contest 3 3"]) -> Failures:
    """Where instant-runoff voting on these ballots fails monotonicity.

    An election that a lot may decide has no failure; nor does a change count whose outcome a lot may decide.

    X wins, Z is eliminated, and Y loses to X. Upward: X is raised on ballots that have Y first, just enough of them for
    Y to be eliminated in place of Z, and Z beats X. Ballots Y > X are raised first, since X has those against Z anyway;
    then ballots with Y only, and last Y > Z. Downward: Y is lowered on ballots Y > Z, just enough of them for X to be
    eliminated in place of Z, and Y still beats Z.

    Args:
        first: ballots on which each party is first; whole numbers.
        second: ballots on which the first of two parties is first and the other second; 0 on the diagonal.

    Source: Lepelley, Chantreuil and Berg (1996), The likelihood of monotonicity paradoxes in run-off elections; Miller
    (2017), Closeness matters: monotonicity failure in IRV elections with three candidates; here with ballots that name
    one party only.

    >>> import jax.numpy as jnp
    >>> second = jnp.array([[0, 4, 2], [2, 0, 3], [6, 0, 0]])  # 17 ballots: 4 A > B, 2 A > C, 2 B > A, ...
    >>> found = failures(second.sum(axis=1), second)
    >>> bool(found.upward), bool(found.downward)
    (True, False)
    """

    def lead(a: int, b: int, out: int) -> Int[Array, "*contest"]:
        return first[..., a] + second[..., out, a] - first[..., b] - second[..., out, b]

    upward = downward = jnp.zeros(first.shape[:-1], bool)
    for x, y, z in permutations(range(N_PARTIES)):
        fx, fy, fz = (first[..., party] for party in (x, y, z))
        wins = (fz < fx) & (fz < fy) & (lead(x, y, z) > 0)  # whatever the lots, with Z out first
        n_raised = fy - fz + 1
        beyond = jnp.maximum(n_raised - second[..., y, x], 0)
        of_others = jnp.maximum(n_raised - (fy - second[..., y, z]), 0)
        upward |= wins & (n_raised <= fy) & (lead(z, x, y) > beyond + of_others)
        n_lowered = fx - fz + 1
        can = (n_lowered <= second[..., y, z]) & (fy - n_lowered > fx)
        downward |= wins & can & (lead(y, z, x) > 2 * n_lowered)
    return Failures(upward, downward)
