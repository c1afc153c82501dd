"""Binomial, multinomial and normal draws: against SciPy's laws, and the same bits however they are laid out."""

from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from esim_jax.model import binomial
from esim_jax.model.binomial import BLOCK, draw_binomial, draw_multinomial
from esim_jax.model.normal import NORMAL_UNIT, normal_units
from esim_jax.random import BINOMIAL_DRAWS, random_words

N = 1 << 17
COMPARISONS = 160
FALSE_ALARM = 1e-4 / COMPARISONS
"""A right program fails any of the file's comparisons (fewer than COMPARISONS) with probability below 1e-4, once and
for all, since seeds are fixed."""
K = float(stats.norm.isf(FALSE_ALARM / 2))

MOST = 2**31 - 1
CASES = [
    (1, 0.3), (1, 1e-9), (2, 0.5), (2, 0.999), (3, 0.7), (10, 0.5),
    (19, 0.5), (20, 0.5), (21, 0.5), (25, 0.39), (25, 0.4), (25, 0.6), (25, 0.61), (39, 0.25), (40, 0.25), (41, 0.25),
    (100, 0.0999), (100, 0.1), (100, 0.1001), (100, 0.9), (1000, 0.00999), (1000, 0.01), (1000, 0.99), (1000, 0.5),
    (10_000, 0.3), (100_000, 0.27), (10_000_000, 1.5e-6), (10_000_000, 0.2),
    (MOST, 1e-12), (MOST, 1e-9), (MOST, 4.6e-9), (MOST, 4.7e-9), (MOST, 1e-7), (MOST, 0.5), (MOST, 0.123),
    (MOST, 1 - 1e-9), (MOST, 1 - 1e-8),
]  # fmt: skip


@pytest.fixture(autouse=True)
def _double():
    with jax.enable_x64(True):
        yield


@partial(jax.jit, static_argnames="block")
def draw(high, low, index, n, p, block=BLOCK, first=BINOMIAL_DRAWS):
    return draw_binomial((high, low), index, jnp.uint32(first), n, p, block)


def draw_many(key, index, n, p, first=BINOMIAL_DRAWS):
    """N draws or fewer by the one program for N of them, which is compiled once."""
    n, p = (np.resize(field, N) for field in (n, p))
    index = np.resize(np.asarray(index, np.uint32), N)
    return np.asarray(draw(jnp.uint32(key[0]), jnp.uint32(key[1]), index, n, p, first=np.uint32(first)))


@lru_cache(maxsize=4)
def counts(n, p, seed):
    return draw_many((11, seed), np.arange(N), n, p)


def chi_square(observed, expected):
    """p-value; cells that expect fewer than 8 are joined."""
    few = expected < 8
    observed = np.append(observed[~few], observed[few].sum())
    expected = np.append(expected[~few], expected[few].sum())
    if expected[-1] < 8:
        observed, expected = observed[:-1], expected[:-1]
    statistic = ((observed - expected) ** 2 / expected).sum()
    return stats.chi2.sf(statistic, max(len(expected) - 1, 1))


@pytest.mark.parametrize(("place", "case"), list(enumerate(CASES)), ids=str)
def test_counts_follow_the_binomial_law(place, case):
    n, p = case
    law, drawn = stats.binom(n, p), counts(n, p, place)
    assert drawn.dtype == np.int64
    assert drawn.min() >= 0
    assert drawn.max() <= n
    # up to 400 cells of equal probability, as nearly as whole numbers allow
    edges = np.unique(law.ppf(np.linspace(0, 1, 401)[1:-1]))
    cumulated = np.concatenate([[0], law.cdf(edges), [1]])
    cells = np.searchsorted(edges, drawn, side="left")
    observed = np.bincount(cells, minlength=len(edges) + 1)
    assert chi_square(observed, np.diff(cumulated) * N) > FALSE_ALARM
    variance, fourth = law.var(), law.stats("k") * law.var() ** 2 + 3 * law.var() ** 2
    if n * min(p, 1 - p) > 1e-2:
        assert abs(drawn.mean() - law.mean()) < K * (variance / N) ** 0.5
        spread = np.mean((drawn - law.mean()) ** 2)
        # the squares of rare counts are far from normal: held where the expected count is at least 1
        if n * min(p, 1 - p) >= 1:
            assert abs(spread - variance) < K * ((fourth - variance**2) / N) ** 0.5


@pytest.mark.slow
@pytest.mark.parametrize(("n", "p"), [(10_000_000, 0.2), (MOST, 0.5), (MOST, 0.123)])
def test_large_counts_between_the_cells(n, p):
    drawn = counts(n, p, 1000)
    law = stats.binom(n, p)
    # spread over the step of the law at each count: uniform if the whole law is right
    jitter = np.random.default_rng(1).random(N)
    uniform = law.cdf(drawn - 1) * (1 - jitter) + law.cdf(drawn) * jitter
    assert stats.kstest(uniform, "uniform").pvalue > FALSE_ALARM
    assert np.bincount(drawn % 2).min() > N / 2 - K * (N / 4) ** 0.5  # the last bit is fair


def test_certain_counts():
    n = [0, 0, 0, 5, 5, MOST, MOST, MOST]
    p = [0.0, 0.3, 1.0, 0.0, 1.0, 0.0, 1.0, 1e-300]
    drawn = draw_many((1, 2), np.arange(8), n, p)
    np.testing.assert_array_equal(drawn[:8], [0, 0, 0, 0, 5, 0, MOST, 0])


def mixed(size):
    rng = np.random.default_rng(5)
    n = np.exp(rng.uniform(0, np.log(MOST), size)).astype(np.int64)
    p = np.where(rng.random(size) < 0.5, rng.random(size), 10 ** rng.uniform(-9, 0, size))
    return n, p


@pytest.mark.slow
def test_same_bits_in_any_layout():
    size = 20_000
    n, p = mixed(size)
    index = np.arange(size, dtype=np.uint32)
    high, low = np.uint32(3), np.uint32(4)
    usual = draw_many((high, low), index, n, p)[:size]
    np.testing.assert_array_equal(draw(high, low, index, n, p, 64), usual)
    order = np.random.default_rng(6).permutation(size)
    np.testing.assert_array_equal(draw_many((high, low), index[order], n[order], p[order])[:size], usual[order])
    # of three draws on both sides of a block's edge; of some blocks and a rest, each with a key of its own
    for key, here in (((high, low), slice(511, 514)), ((np.full(777, high), np.full(777, low)), slice(1000, 1777))):
        np.testing.assert_array_equal(draw(*key, index[here], n[here], p[here]), usual[here])
    alone = jax.vmap(lambda i, n, p: draw_binomial((high, low), i[None], BINOMIAL_DRAWS, n[None], p[None])[0])
    few = slice(100, 140)
    np.testing.assert_array_equal(jax.jit(alone)(index[few], jnp.asarray(n[few]), jnp.asarray(p[few])), usual[few])


def test_each_attempt_has_its_own_words():
    """Another draw number, index or key gives another, uncorrelated number."""
    index = np.arange(N)

    def scores(key, index, first):
        return (draw_many((0, key), index, 1000, 0.4, first) - 400) / 240**0.5

    base = scores(1, index, BINOMIAL_DRAWS)
    others = [
        scores(2, index, BINOMIAL_DRAWS),
        scores(1, index + 1, BINOMIAL_DRAWS),
        scores(1, index, BINOMIAL_DRAWS + 2 * binomial.ATTEMPTS),
        np.roll(base, 1),
    ]
    for other in others:
        assert abs(np.mean(base * other)) < K / N**0.5
        assert abs(np.mean((base**2 - 1) * (other**2 - 1))) < 2 * K / N**0.5
    np.testing.assert_allclose(others[1][:-1], base[1:])


# --- multinomial -----------------------------------------------------------------------------------------------------


def shared_out(key, index, n, p):
    """Counts of the five parties with these shares and of the rest, from N draws of the same program."""
    index, n, p = np.broadcast_to(np.asarray(index, np.uint32), N), np.broadcast_to(n, N), np.broadcast_to(p, (N, 5))
    return np.asarray(jax.jit(draw_multinomial)((jnp.uint32(key[0]), jnp.uint32(key[1])), index, n, p))


def test_multinomial_counts():
    p = np.array([0.2, 0.0, 0.35, 0.05, 0.1])
    for n, seed in ((3, 1), (60, 2), (5000, 3)):
        drawn = shared_out((7, seed), np.arange(N), n, p)
        full = np.append(p, 0.3)
        assert drawn.shape == (N, 6)
        assert drawn.dtype == np.int64
        assert np.all(drawn.sum(axis=1) == n)
        assert np.all(drawn >= 0)
        assert np.all(drawn[:, 1] == 0)
        covariance = n * (np.diag(full) - np.outer(full, full))
        centred = drawn - n * full
        products = centred[:, :, None] * centred[:, None, :]
        error = np.maximum(products.std(axis=0), 1e-9) / N**0.5
        # 21 pairs and 6 means count as two comparisons each
        assert np.abs((products.mean(axis=0) - covariance) / error).max() < K + 1
        assert np.abs(centred.mean(axis=0) / np.sqrt(np.maximum(np.diag(covariance), 1e-12) / N)).max() < K + 1
        if n == 3:
            code = drawn[:, [0, 2, 3, 4]] @ np.array([1, 4, 16, 64])
            law = stats.multinomial(3, [0.2, 0.35, 0.05, 0.1, 0.3])
            cells = [(a, b, c, d) for a in range(4) for b in range(4) for c in range(4) for d in range(4)]
            cells = [cell for cell in cells if sum(cell) <= 3]
            expected = np.array([law.pmf([*cell, 3 - sum(cell)]) for cell in cells]) * N
            observed = np.array([(code == np.dot(cell, [1, 4, 16, 64])).sum() for cell in cells])
            assert chi_square(observed, expected) > FALSE_ALARM


def test_multinomial_of_certain_shares():
    def one(n, p):
        return shared_out((0, 0), 0, n, p + [0.0] * (5 - len(p)))[0].tolist()

    assert one(MOST, [0.0, 1.0, 0.0]) == [0, MOST, 0, 0, 0, 0]
    assert one(MOST, [0.0, 0.0]) == [0, 0, 0, 0, 0, MOST]
    assert one(0, [0.5, 0.5]) == [0, 0, 0, 0, 0, 0]
    thirds = one(999_999, [1 / 3] * 3)  # rounded, the thirds do not sum to 1
    assert sum(thirds) == 999_999
    assert min(thirds) >= 0
    nobody = jnp.zeros(0, jnp.uint32), jnp.zeros(0, int), jnp.zeros((0, 2))
    assert jax.jit(draw_multinomial)((jnp.uint32(0), jnp.uint32(0)), *nobody).shape == (0, 3)


# --- normal ----------------------------------------------------------------------------------------------------------


def test_normal_numbers_are_quantiles():
    rng = np.random.default_rng(8)
    word = np.concatenate(
        [rng.integers(0, 2**32, 200_000), 2 ** np.arange(32) - 1, 2**32 - 1 - np.arange(50), np.arange(50)]
    ).astype(np.uint32)
    z = np.asarray(jax.jit(normal_units)(word)) / NORMAL_UNIT
    size = -special.ndtri(((word & 0x7FFF_FFFF) + 0.5) / 2**32)
    np.testing.assert_allclose(z, np.where(word >> 31, -size, size), rtol=0, atol=2e-6)


def test_normal_numbers_are_normal():
    index = np.arange(1 << 20, dtype=np.uint32)
    z = np.asarray(jax.jit(lambda low: normal_units(random_words((jnp.uint32(0), low), index, 0)[0]))(np.uint32(9)))
    z = z / NORMAL_UNIT
    assert stats.kstest(z, "norm").pvalue > FALSE_ALARM
    assert abs(np.mean(z**2) - 1) < K * (2 / len(z)) ** 0.5
