"""Elections whose voters depend on their constituency, in double precision, written out constituency by constituency.

It shares with the package the random words and the demographic electorate, which have tests of their own.
"""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
import oracle
from scipy.special import ndtri

from esim_jax.config import read_parameters
from esim_jax.random import LOCAL_DRAWS, PREVIOUS_DRAWS, SWING_DRAWS, TRAIT_DRAWS, random_words


def words(seed, index, draw):
    """Both words of some indices or some draws."""
    pair = random_words(oracle.seed_key(seed), jnp.asarray(index, jnp.uint32), jnp.asarray(draw, jnp.uint32))
    return [np.asarray(word, np.int64) for word in pair]


def normals(seed, index, draw, n):
    """n standard normal numbers, two a draw."""
    both = np.stack(words(seed, index, draw + np.arange(-(-n // 2))), axis=1).reshape(-1)[:n]
    cell = (both >> 8) ^ (1 << 23)  # a word's high bits as a signed number, centred on 1/2
    return ndtri((cell + 0.5) / 2.0**24)


def uniforms(seed, n_voters, which):
    """One of the two uniform numbers of each voter's traits: 0 for lateness, 1 for loyalty."""
    return ((words(seed, np.arange(n_voters), TRAIT_DRAWS)[which] >> 9) + 0.5) / 2.0**23


def swings(seed, constituency, n, correlation):
    """The late swing to each option, standardised."""
    common, own = (normals(seed, index, SWING_DRAWS, n) for index in (oracle.NATION, constituency))
    return np.sqrt(correlation) * common + np.sqrt(1 - correlation) * own


@dataclass
class Electorate:
    """The voters of one constituency."""

    chance: np.ndarray
    turnout: np.ndarray
    utility: np.ndarray
    late: np.ndarray


def electorate(p, seed, voters_seed, sizes):
    """The voters of each constituency, what they want and whether they vote."""
    voters = oracle.draw_voters(voters_seed, p["n_voters"])
    late, loyalty = (uniforms(voters_seed, p["n_voters"], which) for which in (0, 1))
    options = oracle.ballot_options(p)
    unevenness = np.array([party.unevenness for party in p["parties"]] + [0.0] * p["include_nota"])
    utility, more, where = [], [], np.repeat(np.arange(len(sizes)), sizes)
    for c in range(len(sizes)):
        mine = where == c
        shift = p["constituency_shift"] * normals(seed, c, LOCAL_DRAWS + 1, 2)
        appeal = p["local_appeal"] * unevenness * normals(seed, c, LOCAL_DRAWS + 16, len(options))
        x = np.clip(voters.x[mine] + shift[0], -1, 1)
        y = np.clip(voters.y[mine] + shift[1], -1, 1)
        effect = oracle.GROWTH_WEIGHT * p["economic_growth"] + p["national_mood"] - p["anti_incumbency"]
        distance = np.stack([np.hypot(x - o[0], y - o[1]) for o in options], axis=1)
        local = -distance + [0.01 * o[2] + o[3] * effect + appeal[j] for j, o in enumerate(options)]
        nearest = distance[:, [o[4] for o in options]].argmin(axis=1)
        loyal = loyalty[mine] < p["identified_share"]
        local[np.arange(len(local))[loyal], nearest[loyal]] += p["identification_strength"]
        utility.append(local)
        more.append(p["turnout_spread"] * normals(seed, c, LOCAL_DRAWS, 1)[0])
    every = np.concatenate(utility)
    best, worst = every.max(axis=1), every.min(axis=1)
    alienated, indifferent = best < p["alienation_threshold"], best - worst < p["indifference_threshold"]
    turnout = oracle.turnout_of(voters.habit, 0.3 * alienated + 0.2 * indifferent)
    turnout = np.clip(turnout + np.array(more)[where], 0.1, 1)
    return [
        Electorate(voters.chance[where == c], turnout[where == c], utility[c], late[where == c])
        for c in range(len(sizes))
    ]


def cast(p, chance, turnout, leaning):
    """Votes for each option."""
    if p["temperature"] == 0:
        weight = (leaning == leaning.max(axis=1, keepdims=True)).astype(float)
    else:
        weight = np.exp((leaning - leaning.max(axis=1, keepdims=True)) / p["temperature"])
    up_to = weight.cumsum(axis=1) / weight.sum(axis=1, keepdims=True)
    picked = np.minimum(((chance / turnout)[:, None] >= up_to).sum(axis=1), leaning.shape[1] - 1)
    return np.bincount(picked[chance < turnout], minlength=leaning.shape[1])


def hold_election(parameters, seed, sizes):
    """Votes by constituency, and the sum of each option's utility over all voters."""
    p = read_parameters(parameters)
    eligible = np.array([option[4] for option in oracle.ballot_options(p)])
    own = electorate(p, seed, seed, sizes)
    asked = own
    if p["viability"] == "previous":
        high, low = words(seed, 0, PREVIOUS_DRAWS)
        asked = electorate(p, seed, int(high) << 32 | int(low), sizes)
    votes, welfare = [], 0
    for c, (voters, known) in enumerate(zip(own, asked, strict=True)):
        swing = swings(seed, c, len(eligible), p["polling_error_correlation"]) * eligible
        reached = (known.late >= p["undecided"]) | (p["viability"] == "previous")
        poll = cast(p, known.chance[reached], known.turnout[reached], known.utility[reached])
        log_share = np.log((poll + 1) / (poll.sum() + len(poll)))
        if p["viability"] == "poll":
            log_share = log_share - p["polling_error"] * swing
        ranked = sorted(log_share[eligible], reverse=True)
        seats = p["district_magnitude"]
        viability = np.minimum(log_share - ranked[min(seats, len(ranked) - 1)], 0)
        moved = np.outer(voters.late < p["undecided"], p["late_swing"] * swing)
        leaning = voters.utility + p["strategic_sensitivity"] * viability + moved
        votes.append(cast(p, voters.chance, voters.turnout, leaning))
        welfare = welfare + voters.utility.sum(axis=0)
    return np.array(votes), welfare
