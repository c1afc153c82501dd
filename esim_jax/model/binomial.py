"""Exact binomial and multinomial draws, each a pure function of (key, index, draw number).

A binomial number of n voters with probability p comes by rejection where the expected count min(p, 1 - p) n is at
least 10 (transformed rejection with squeeze, algorithm BTRS of Hormann, W., 1993, "The generation of binomial random
variates", Journal of Statistical Computation and Simulation 46, 101-110), and by sequential inversion below. Attempt
number a of a draw takes the words of draw numbers draw + 2 a and draw + 2 a + 1, so that nothing depends on what other
draws need.

Draws are made in blocks of one fixed size by one fixed program: neither the number of draws nor their neighbours can
change a result.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Bool, Float, Int, UInt

from esim_jax.random import BINOMIAL_DRAWS, Key, random_words

BLOCK = 512
"""Draws a block. It can't change a result."""

ATTEMPTS = 1 << 13
"""Attempts for which one draw has words of its own; each succeeds with probability above .6."""

UNITS = 1 << 36
"""Probabilities of a multinomial law are multiples of 1 / UNITS."""

_LEAST = 10.0  # expected count from which on draws are by rejection
_LONGEST = 128  # of an inversion: an expected count of 10 is exceeded by 118 with probability below 1e-80
# log k! - ((k + 1/2) log k - k + log(2 pi) / 2) for k = 1, ..., 15; the first is a filler
_CORRECTIONS = (
    0.0,
    0.08106146679532726,
    0.0413406959554093,
    0.02767792568499834,
    0.020790672103765093,
    0.016644691189821193,
    0.013876128823070748,
    0.01189670994589177,
    0.010411265261972096,
    0.009255462182712733,
    0.00833056343336287,
    0.007573675487951841,
    0.00694284010720953,
    0.006408994188004207,
    0.0059513701127588475,
    0.005554733551962801,
)


def draw_binomial(
    key: Key,
    index: UInt[Array, " lane"],
    draw: UInt[Array, " lane"] | int,
    n: Int[Array, " lane"],
    probability: Float[Array, " lane"],
    block: int = BLOCK,
) -> Int[Array, " lane"]:
    """Binomial numbers, int64. Call it within `jax.enable_x64()`.

    Args:
        key: of the simulation; one, or one a lane.
        index: uint32; who draws.
        draw: the first of 2 ATTEMPTS draw numbers that must serve nothing else.
        n: trials, 0 to 2^31 - 1.
        probability: float64, 0 to 1.
        block: draws at a time; a multiple of 64. It can't change a result.

    >>> import jax
    >>> with jax.enable_x64(True):
    ...     who = jnp.arange(5, dtype=jnp.uint32)
    ...     counts = draw_binomial((jnp.uint32(0), jnp.uint32(7)), who, 0, jnp.full(5, 1000), jnp.full(5, 0.3))
    >>> counts.shape, str(counts.dtype)
    ((5,), 'int64')
    """
    draw = jnp.asarray(draw, jnp.uint32)
    lanes = [jnp.broadcast_to(v, n.shape) for v in (*key, index, draw, n, probability)]
    return _in_blocks(lambda *v: _draw_block(*v)[:, None], lanes, block)[:, 0]


def draw_multinomial(
    key: Key,
    index: UInt[Array, " lane"],
    n: Int[Array, " lane"],
    probability: Float[Array, "lane party"],
    block: int = BLOCK,
    draw: UInt[Array, " lane"] | int = BINOMIAL_DRAWS,
) -> Int[Array, "lane option"]:
    """Multinomial counts, int64: one column a party and, last, the rest. Call it within `jax.enable_x64()`.

    A party's count is binomial given those before it. Probabilities are rounded to multiples of 1 / UNITS, so that the
    conditional ones are quotients of whole numbers: a party with probability 0 has count 0, and none is above 1.

    Args:
        key: of the simulation; one, or one a lane.
        index: uint32; of the constituency.
        n: voters, 0 to 2^31 - 1.
        probability: float64; the rest to 1 is the last option's.
        block: lanes at a time; a multiple of 64. It can't change a result.
        draw: the first of 2 ATTEMPTS draw numbers a party.
    """
    draw = jnp.asarray(draw, jnp.uint32)
    units = jnp.round(probability * UNITS).astype(jnp.int64)
    lanes = [*(jnp.broadcast_to(v, n.shape) for v in (*key, index, draw, n)), units]
    return _in_blocks(_draw_parties, lanes, block)


def _in_blocks(function: Callable[..., Array], lanes: Sequence[Array], block: int) -> Array:
    """Applies a function to lanes in blocks of one size; surplus lanes are all 0."""
    n = len(lanes[0])
    if n == 0:
        return function(*(jnp.zeros((block, *v.shape[1:]), v.dtype) for v in lanes))[:0]
    missing = -n % block
    cut = [
        jnp.pad(v, [(0, missing)] + [(0, 0)] * (v.ndim - 1)).reshape(-1, block, *v.shape[1:]) for v in lanes
    ]  # fmt: skip
    values = lax.map(lambda v: lax.optimization_barrier(function(*lax.optimization_barrier(v))), tuple(cut))
    return values.reshape(-1, *values.shape[2:])[:n]


def _draw_parties(high: Array, low: Array, index: Array, first_draw: Array, n: Array, units: Array) -> Array:
    def draw_party(state: tuple[Array, Array], one: tuple[Array, Array]) -> tuple[tuple[Array, Array], Array]:
        rest, suffix = state  # voters and probability not yet given to a party
        party, share = one
        share = jnp.minimum(share, suffix)
        draw = first_draw + np.uint32(2 * ATTEMPTS) * party
        quotient = share.astype(jnp.float64) / jnp.maximum(suffix, 1).astype(jnp.float64)
        count = _draw_block(high, low, index, draw, rest, quotient)
        return (rest - count, suffix - share), count

    parties = jnp.arange(units.shape[1], dtype=jnp.uint32)
    (rest, _), counts = lax.scan(draw_party, (n, jnp.full(n.shape, UNITS)), (parties, units.T))
    return jnp.concatenate([counts.T, rest[:, None]], axis=1)


class _Lane(NamedTuple):
    """What a draw needs besides its words, float64 unless said otherwise."""

    high: UInt[Array, " lane"]  # of the seed
    low: UInt[Array, " lane"]
    who: UInt[Array, " lane"]  # draws
    draw: UInt[Array, " lane"]
    n: Float[Array, " lane"]
    p: Float[Array, " lane"]  # at most 1/2


def _draw_block(high: Array, low: Array, index: Array, draw: Array, n: Array, probability: Array) -> Array:
    """The draws of one block, int64."""
    flipped = probability > 0.5
    p = jnp.where(flipped, 1 - probability, probability)
    lane = _Lane(high, low, index, draw, n.astype(jnp.float64), jnp.clip(p, 0.0, 0.5))
    by_rejection = lane.n * lane.p >= _LEAST
    accepted, count = _squeeze(lane)
    accepted, count = _reject(lane, accepted | ~by_rejection, count)
    count = jnp.where(by_rejection, count, _invert(lane, ~by_rejection))
    return jnp.where(flipped, lane.n - count, count).astype(jnp.int64)


def _invert(lane: _Lane, mine: Bool[Array, " lane"]) -> Array:
    """Sequential inversion: the smallest k whose cumulated probability reaches a uniform number."""
    left = jnp.where(mine, _uniform(random_words((lane.high, lane.low), lane.who, lane.draw)), 0.0)
    ratio = lane.p / (1 - lane.p)
    first = jnp.where(mine, jnp.exp(lane.n * jnp.log1p(-lane.p)), 1.0)

    def going(state: tuple[Array, Array, Array, Array]) -> Array:
        k, left, term, _ = state
        return (k < _LONGEST) & (left > term).any()

    def step(state: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        k, left, term, count = state
        on = left > term
        k = k + 1
        return (
            k,
            jnp.where(on, left - term, left),
            jnp.where(on, term * ((lane.n - k + 1) / k * ratio), term),
            jnp.where(on, k, count),
        )

    return lax.while_loop(going, step, (jnp.float64(0.0), left, first, jnp.zeros_like(left)))[3]


def _uniform(words: tuple[Array, Array]) -> Array:
    """float64 in (0, 1): the midpoint of one of 2^52 equal cells; exact."""
    return ((words[0].astype(jnp.int64) << 20 | words[1].astype(jnp.int64) >> 12).astype(jnp.float64) + 0.5) * 2.0**-52


class _Hat(NamedTuple):
    """The constants of Hormann's algorithm, and the mean n p as a whole number and a fraction."""

    whole: Array
    fraction: Array
    a: Array
    b: Array
    spread: Array  # sqrt(n p q)


def _hat(lane: _Lane) -> _Hat:
    n, p = lane.n, lane.p
    # p in two parts, so that n times the first is exact: the mean then has a fraction of full precision
    p_high = lax.bitcast_convert_type(lax.bitcast_convert_type(p, jnp.int64) & np.int64(-(1 << 31)), jnp.float64)
    product = n * p_high
    whole = jnp.floor(product)
    fraction = (product - whole) + n * (p - p_high)
    spread = jnp.sqrt(n * p * (1 - p))
    b = 1.15 + 2.53 * spread
    return _Hat(whole, fraction, -0.0873 + 0.0248 * b + 0.01 * p, b, spread)


def _propose(lane: _Lane, hat: _Hat, attempt: Array | int) -> tuple[Array, Array, Array, Array]:
    """One attempt: the proposed count, its distance from the edge of the hat, the height, and the squeeze's verdict."""
    draw = lane.draw + 2 * jnp.asarray(attempt, jnp.uint32)
    key = (lane.high, lane.low)
    u = _uniform(random_words(key, lane.who, draw)) - 0.5
    v = _uniform(random_words(key, lane.who, draw + np.uint32(1)))
    edge = 0.5 - jnp.abs(u)
    offset = jnp.floor((2 * hat.a / edge + hat.b) * u + (hat.fraction + 0.5))
    return hat.whole + offset, edge, v, (edge >= 0.07) & (v <= 0.92 - 4.2 / hat.b)


def _squeeze(lane: _Lane) -> tuple[Array, Array]:
    """The first attempt where it is accepted without the probabilities; true of some 6 to 9 in 10."""
    count, _, _, accepted = _propose(lane, _hat(lane), 0)
    return accepted, count


def _reject(lane: _Lane, done: Array, count: Array) -> tuple[Array, Array]:
    """Attempts until all are accepted. Those that wait are gathered, so that few do not make all go round."""
    size = len(done)
    batch = size // 4
    places = jnp.arange(1, batch + 1)

    def step(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        done, count, attempt = state
        running = jnp.cumsum(~done, dtype=jnp.int32)
        waiting = jnp.searchsorted(running, places.astype(jnp.int32), method="scan_unrolled")
        some = _Lane(*(field.at[waiting].get(mode="clip") for field in lane))
        tried = attempt.at[waiting].get(mode="clip")
        hat = _hat(some)
        proposed, edge, v, squeezed = _propose(some, hat, tried)
        accepted = squeezed | _accept(some, hat, proposed, edge, v)
        return (
            done.at[waiting].set(accepted, mode="drop"),
            count.at[waiting].set(proposed, mode="drop"),
            attempt.at[waiting].set(tried + 1, mode="drop"),
        )

    done, count, _ = lax.while_loop(lambda state: ~state[0].all(), step, (done, count, jnp.zeros(size, jnp.uint32)))
    return done, count


def _accept(lane: _Lane, hat: _Hat, count: Array, edge: Array, v: Array) -> Array:
    """Whether v is below the count's probability under the hat."""
    possible = (count >= 0) & (count <= lane.n)
    mode = hat.whole + jnp.floor(hat.fraction + lane.p)
    k = jnp.clip(count, 0.0, lane.n)
    height = v * (2.83 + 5.1 / hat.b) * hat.spread / (hat.a / (edge * edge) + hat.b)
    # f(k; n, p) ~ (k + 1) (n - k + 1) f(k + 1; n + 2, p), whose factorials are all of numbers above 0
    size = (k + 1) * (lane.n - k + 1) / ((mode + 1) * (lane.n - mode + 1))
    difference = _deviance(lane, hat, mode) - _deviance(lane, hat, k)
    return possible & (jnp.log(height * height / size) <= 2 * difference)


def _deviance(lane: _Lane, hat: _Hat, count: Array) -> Array:
    """-log f(k + 1; n + 2, p) without (log of (k + 1) (n - k + 1)) / 2 and constants.

    In the form of Loader, C., 2000, "Fast and accurate computation of binomial probabilities": no large terms cancel.
    """
    k, rest = count + 1, lane.n - count + 1
    q = 1 - lane.p
    gap = (count - hat.whole) - hat.fraction + (1 - 2 * lane.p)  # k - (n + 2) p
    n_p, n_q = (lane.n + 2) * lane.p, (lane.n + 2) * q
    return _correction(k) + _correction(rest) + _excess(k, n_p, gap) + _excess(rest, n_q, -gap)


def _excess(x: Array, mean: Array, gap: Array) -> Array:
    """x log(x / mean) + mean - x, where gap = x - mean."""
    v = gap / (x + mean)
    w = v * v
    series = jnp.full_like(v, 1 / 19)
    for odd in range(17, 1, -2):
        series = series * w + 1 / odd
    return jnp.where(jnp.abs(v) < 0.1, gap * v + 2 * x * v * w * series, x * jnp.log(x / mean) - gap)


def _correction(k: Array) -> Array:
    """log k! less Stirling's (k + 1/2) log k - k + log(2 pi) / 2."""
    inverse = 1 / k
    w = inverse * inverse
    series = inverse * (1 / 12 - w * (1 / 360 - w * (1 / 1260 - w * (1 / 1680 - w * (1 / 1188)))))
    few = jnp.asarray(_CORRECTIONS)[jnp.minimum(k, len(_CORRECTIONS) - 1).astype(jnp.int32)]
    return jnp.where(k < len(_CORRECTIONS), few, series)
