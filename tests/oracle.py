"""Slow, plain oracles: exact rationals for seats, Python floats for metrics, NumPy doubles for an election.

They share no code with the package but the random words and the electorate, which have tests of their own.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import jax.numpy as jnp
import numpy as np
from voter_laws import turnout_given_habit

from esim_jax.config import read_parameters
from esim_jax.model.electorate import Electorate, draw_electorate
from esim_jax.model.utility import GROWTH_WEIGHT
from esim_jax.random import LOT_DRAWS, random_words

Rule = Callable[[Sequence[int], int, Sequence[int]], list[int]]
"""Seats from votes, number of seats, and lots."""

NATION = 2**32 - 1  # index that draws the lots of a nationwide contest


# --- seats -----------------------------------------------------------------------------------------------------------


def _order(value: Sequence[Any], lots: Sequence[int], candidates: Sequence[int]) -> list[int]:
    """Candidates by falling value, then falling lot, then place."""
    return sorted(candidates, key=lambda p: (-value[p], -lots[p], p))


def _with_votes(votes: Sequence[int]) -> list[int]:
    return [p for p, v in enumerate(votes) if v > 0]


def plurality(votes: Sequence[int], n_seats: int, lots: Sequence[int]) -> list[int]:
    """All seats to the party with the most votes."""
    seats = [0] * len(votes)
    for winner in _order(votes, lots, _with_votes(votes))[:1]:
        seats[winner] = n_seats
    return seats


def _highest_quotients(divisor: Callable[[int], Fraction | int], power: int = 1) -> Rule:
    """The rule with this divisor of the next seat of a party that holds so many; what divides by 0 comes first."""

    def claim(votes: int, held: int) -> tuple[bool, Fraction]:
        return divisor(held) == 0, Fraction(votes**power) / (divisor(held) or 1)

    def rule(votes: Sequence[int], n_seats: int, lots: Sequence[int]) -> list[int]:
        seats = [0] * len(votes)
        claims = [claim(v, 0) for v in votes]
        candidates = _with_votes(votes)
        for _ in range(n_seats if candidates else 0):
            winner = max(candidates, key=lambda p: (*claims[p], lots[p], -p))
            seats[winner] += 1
            claims[winner] = claim(votes[winner], seats[winner])
        return seats

    return rule


def _largest_remainders(votes: Sequence[int], n_seats: int, lots: Sequence[int], quota: Fraction) -> list[int]:
    candidates = _with_votes(votes)
    if not candidates:
        return [0] * len(votes)
    seats = [math.floor(v / quota) for v in votes]
    remainder = [v - s * quota for v, s in zip(votes, seats, strict=True)]
    order = _order(remainder, lots, candidates)
    for turn in range(n_seats - sum(seats)):  # more than one round only where seats outnumber votes
        seats[order[turn % len(order)]] += 1
    return seats


def hare(votes: Sequence[int], n_seats: int, lots: Sequence[int]) -> list[int]:
    """Largest remainders with the quota V / S."""
    return _largest_remainders(votes, n_seats, lots, Fraction(max(sum(votes), 1), n_seats))


def droop(votes: Sequence[int], n_seats: int, lots: Sequence[int]) -> list[int]:
    """Largest remainders with the quota floor(V / (S + 1)) + 1."""
    return _largest_remainders(votes, n_seats, lots, Fraction(sum(votes) // (n_seats + 1) + 1))


def _first_quota_that_will_do(extra: int) -> Rule:
    """Largest remainders with V / (S + extra), or with fewer seats in the divisor while full quotas are too many."""

    def rule(votes: Sequence[int], n_seats: int, lots: Sequence[int]) -> list[int]:
        quotas = [Fraction(max(sum(votes), 1), n_seats + more) for more in range(extra, -1, -1)]
        quota = next(q for q in quotas if sum(v // q for v in votes) <= n_seats)
        return _largest_remainders(votes, n_seats, lots, quota)

    return rule


RULES: dict[str, Rule] = {
    "plurality": plurality,
    "dhondt": _highest_quotients(lambda held: held + 1),
    "sainte_lague": _highest_quotients(lambda held: 2 * held + 1),
    "modified_sainte_lague": _highest_quotients(lambda held: 2 * held + 1 if held else Fraction(14, 10)),
    "modified_sainte_lague_1_2": _highest_quotients(lambda held: 2 * held + 1 if held else Fraction(12, 10)),
    "danish": _highest_quotients(lambda held: 3 * held + 1),
    "imperiali": _highest_quotients(lambda held: 1 + Fraction(held, 2)),
    "adams": _highest_quotients(lambda held: held),
    "huntington_hill": _highest_quotients(lambda held: held * (held + 1), power=2),
    "hare": hare,
    "droop": droop,
    "hagenbach_bischoff": _first_quota_that_will_do(1),
    "imperiali_quota": _first_quota_that_will_do(2),
}


def passes_threshold(votes: Sequence[int], threshold: float) -> list[bool]:
    """Whether votes / all votes >= threshold, the threshold taken as the decimal that is written."""
    return [v >= Fraction(repr(float(threshold))) * sum(votes) for v in votes]


# --- metrics ---------------------------------------------------------------------------------------------------------


def _shares(counts: Sequence[float]) -> list[float]:
    total = math.fsum(counts)
    return [c / total if total > 0 else 0.0 for c in counts]


def gallagher(votes: Sequence[float], seats: Sequence[float]) -> float:
    """100 sqrt(1/2 sum (v - s)^2); 0 without votes or seats."""
    if sum(votes) == 0 or sum(seats) == 0:
        return 0.0
    squares = [(v - s) ** 2 for v, s in zip(_shares(votes), _shares(seats), strict=True)]
    return 100 * math.sqrt(math.fsum(squares) / 2)


def effective_number(counts: Sequence[float]) -> float:
    """1 / sum of squared shares; 0 without counts."""
    squares = math.fsum(s * s for s in _shares(counts))
    return 1 / squares if squares > 0 else 0.0


def vse(welfare: Sequence[float], seats: Sequence[int], eligible: Sequence[bool]) -> float:
    """(W_actual - W_random) / (W_best - W_random) over the parties that may win seats."""
    w = [float(x) for x, e in zip(welfare, eligible, strict=True) if e]
    s = _shares([float(x) for x, e in zip(seats, eligible, strict=True) if e])
    random, best = math.fsum(w) / len(w), max(w)
    if best - random <= 0 or sum(seats) == 0:
        return 0.0
    return (math.fsum(x * y for x, y in zip(s, w, strict=True)) - random) / (best - random)


# --- one election ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Count:
    """What an election came to."""

    constituency_votes: np.ndarray
    welfare: np.ndarray
    seats: list[int]
    vacant: int
    waived: bool
    turnout: float
    gallagher: float
    enp_votes: float
    enp_seats: float
    vse: float


def seed_key(seed: int) -> tuple[Any, Any]:
    """The seed's high and low 32 bits."""
    return jnp.uint32((seed >> 32) & 0xFFFF_FFFF), jnp.uint32(seed & 0xFFFF_FFFF)


def draw_voters(seed: int, n_voters: int) -> Electorate:
    """The voters as doubles."""
    length = -(-n_voters // 2**16) * 2**16  # op by op, JAX compiles each operation anew for each length
    voters = draw_electorate(seed_key(seed), jnp.arange(length, dtype=jnp.uint32))
    return Electorate(*(np.asarray(column, np.float64)[:n_voters] for column in voters))


def turnout_of(habit: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """Each voter's probability to vote, once for each habit and penalty that there is."""
    habits, of_habit = np.unique(np.round(habit, 6), return_inverse=True)  # steps of .002, whatever their last bits
    turnout = np.empty_like(habit)
    for value in np.unique(penalty):
        mine = penalty == value
        turnout[mine] = turnout_given_habit(habits, float(value))[of_habit[mine]]
    return turnout


def ballot_options(p: Mapping[str, Any]) -> list[tuple[float, float, float, bool, bool]]:
    """(x, y, valence, incumbent, may win seats) of everything on the ballot."""
    options = [(o.position_x, o.position_y, o.valence, o.incumbent, True) for o in p["parties"]]
    return options + ([(0.0, 0.0, 0.0, False, False)] if p["include_nota"] else [])


def hold_election(parameters: Mapping[str, Any], seed: int) -> Count:
    """The election of the default model in double precision."""
    p = read_parameters(parameters)
    n = p["n_voters"]
    voters = draw_voters(seed, n)
    effect = GROWTH_WEIGHT * p["economic_growth"] + p["national_mood"] - p["anti_incumbency"]
    utility = np.stack(
        [
            -np.hypot(voters.x - x, voters.y - y) + 0.01 * valence + incumbent * effect
            for x, y, valence, incumbent, _ in ballot_options(p)
        ],
        axis=1,
    )
    best, worst = utility.max(axis=1), utility.min(axis=1)
    alienated, indifferent = best < p["alienation_threshold"], best - worst < p["indifference_threshold"]
    turnout = turnout_of(voters.habit, 0.3 * alienated + 0.2 * indifferent)
    appeal = np.exp((utility - best[:, None]) / p["temperature"])
    probability = appeal / appeal.sum(axis=1, keepdims=True)
    # the voter votes where the chance is below t; their quotient is then uniform and picks the party
    picked = ((voters.chance / turnout)[:, None] >= probability.cumsum(axis=1)).sum(axis=1)
    choice = np.where(voters.chance < turnout, np.minimum(picked, utility.shape[1] - 1), -1)

    sizes = [n // p["n_constituencies"] + (c < n % p["n_constituencies"]) for c in range(p["n_constituencies"])]
    votes = np.zeros((len(sizes), utility.shape[1]), np.int64)
    start = 0
    for c, size in enumerate(sizes):
        block = choice[start : start + size]
        votes[c] = np.bincount(block[block >= 0], minlength=utility.shape[1])
        start += size
    return decide(p, seed, votes, utility.sum(axis=0))


def decide(parameters: Mapping[str, Any], seed: int, constituency_votes: np.ndarray, welfare: np.ndarray) -> Count:
    """Seats and metrics from the votes by constituency."""
    p = read_parameters(parameters)
    eligible = [option[4] for option in ballot_options(p)]
    votes = [int(v) for v in constituency_votes.sum(axis=0)]
    waived = False
    if p["electoral_system"] == "FPTP":
        seats = [0] * len(votes)
        for c, local in enumerate(constituency_votes):
            running = [int(v) if e else 0 for v, e in zip(local, eligible, strict=True)]
            won = plurality(running, 1, draw_lots(seed, c, len(votes)))
            seats = [a + b for a, b in zip(seats, won, strict=True)]
    else:
        running = [v if e else 0 for v, e in zip(votes, eligible, strict=True)]
        passing = [v if ok else 0 for v, ok in zip(running, passes_threshold(votes, p["threshold"]), strict=True)]
        waived = sum(passing) == 0 and sum(running) > 0
        lots = draw_lots(seed, NATION, len(votes))
        seats = RULES[p["allocation_method"]](running if waived else passing, p["n_constituencies"], lots)
    return Count(
        constituency_votes=constituency_votes,
        welfare=welfare,
        seats=seats,
        vacant=p["n_constituencies"] - sum(seats),
        waived=waived,
        turnout=sum(votes) / p["n_voters"],
        gallagher=gallagher(votes, seats),
        enp_votes=effective_number(votes),
        enp_seats=effective_number(seats),
        vse=vse(welfare, seats, eligible),
    )


def draw_lots(seed: int, contest: int, n_options: int) -> list[int]:
    """Each option's lot in a contest."""
    party = jnp.arange(n_options, dtype=jnp.uint32)
    words, _ = random_words(seed_key(seed), jnp.full(n_options, contest, jnp.uint32), LOT_DRAWS + party)
    return [int(word) for word in words]
