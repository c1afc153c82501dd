"""The electorate: quantile polynomials against SciPy, and two million voters against the equations of their law."""

import json
import math
from functools import lru_cache
from pathlib import Path

import fit_quantiles
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from esim_jax.model import quantiles
from esim_jax.model.electorate import draw_electorate
from esim_jax.random import as_uint64, random_words, seed_words, uniform23

REFERENCE = json.loads(
    (Path(__file__).parent / "reference" / "electoral_sim_statistics.json").read_text(encoding="utf-8")
)
N = 2_000_000
BLOCKS = 100  # statistics are taken in blocks of 20,000 voters, whose spread gives the standard errors
K = 5.0
"""Standard errors allowed. A right program fails one comparison with probability 6e-7 (normal) to 1.3e-6 (t with 198
degrees of freedom); all of the about 250 comparisons of this file together with probability below 4e-4, once and for
all, since seeds are fixed."""

BOUNDS = {"NORMAL_16": 3e-6, "NORMAL_24": 4e-5, "BETA_5_5": 5e-7, "BETA_4_6": 5e-7, "BETA_2_5": 5e-7, "BETA_5_2": 5e-7}
"""Largest error over the whole grid. Measured in double precision: 2.0e-6, 3.5e-5, and 2.2e-7 to 3.0e-7; as the kernel
evaluates them in single precision: 2.1e-6, 1.6e-5, and 2.2e-7 to 3.5e-7."""


# --- quantiles -------------------------------------------------------------------------------------------------------


def whole_grid(bits):
    """All v = u - 1/2, exact in single precision; of 2^24 cells, in pieces that fit a cache."""
    cells = np.arange(-(2 ** (bits - 1)), 2 ** (bits - 1))
    return np.split((cells + 0.5) / 2.0**bits, max(len(cells) // 2**18, 1))


@pytest.mark.parametrize("name", BOUNDS)
def test_quantiles_over_the_whole_grid(name):
    law, bits, _, _ = fit_quantiles.LAWS[name]
    quantile = getattr(quantiles, name)
    compiled = jax.jit(quantile.__call__)
    ppf = special.ndtri if name.startswith("NORMAL") else law.ppf
    coefficients = single = 0.0
    previous = -np.inf
    for v in whole_grid(bits):
        assert np.array_equal(v, v.astype(np.float32))
        exact = ppf(v + 0.5)
        computed = np.asarray(compiled(jnp.asarray(v, jnp.float32)), np.float64)
        coefficients = max(coefficients, np.abs(fit_quantiles.evaluate(quantile.even, quantile.odd, v) - exact).max())
        single = max(single, np.abs(computed - exact).max())
        if bits == 16:  # the steps of the finer grid are below single precision
            assert computed[0] >= previous
            assert np.all(np.diff(computed) > -1e-6)
            previous = computed[-1] - 1e-6
        if name.startswith("BETA"):
            assert computed.min() > 0
            assert computed.max() < 1
    assert coefficients < BOUNDS[name]
    assert single < BOUNDS[name]


def test_quantiles_compiled_and_eager_agree():
    v = jnp.asarray(np.random.default_rng(0).uniform(-0.49999, 0.49999, 1000), jnp.float32)
    for name in BOUNDS:
        quantile = getattr(quantiles, name)
        np.testing.assert_allclose(jax.jit(quantile.__call__)(v), quantile(v), atol=2e-6)


@pytest.mark.parametrize("name", BOUNDS)
def test_coefficients_are_those_of_the_fit(name):
    """Up to the last digits, in which libraries of linear algebra differ: one unit in the last place of a single
    precision coefficient moves the 24-bit quantile by up to 3e-5 in its tails, hence the tolerance by value.
    """
    even, odd = fit_quantiles.fit(name)
    ours = getattr(quantiles, name)
    np.testing.assert_allclose(ours.even, even, rtol=1e-5)
    np.testing.assert_allclose(ours.odd, odd, rtol=1e-5)
    np.testing.assert_allclose(ours.odd[:3], odd[:3], rtol=3e-7)  # the large ones
    v = fit_quantiles.grid(fit_quantiles.LAWS[name][1]) - 0.5
    difference = fit_quantiles.evaluate(even, odd, v) - fit_quantiles.evaluate(ours.even, ours.odd, v)
    assert np.abs(difference).max() < BOUNDS[name]


# --- voter by voter ---------------------------------------------------------------------------------------------------


def test_voters_are_their_words_put_through_the_equations():
    """In double precision with SciPy's quantiles; holds the smallest coefficients, which no statistic could."""
    key, n = (jnp.uint32(12), jnp.uint32(34)), 20_000
    voters, ballot = jax.jit(draw_electorate)(key, jnp.arange(n, dtype=jnp.uint32))
    draws = [random_words(key, jnp.arange(n, dtype=jnp.uint32), draw) for draw in range(4)]
    words = [np.asarray(word, np.int64) for pair in draws for word in pair]

    def quantile(law, word, bits):  # a word's high bits as a signed number, centred on 1/2
        cell = (word >> (32 - bits)) ^ (1 << (bits - 1))
        return law.ppf((cell + 0.5) / 2.0**bits)

    def low_half(word):
        return (word & 0xFFFF) << 16

    cell = (words[0] >> 8) * (72 * 20) / 2**24
    clear = np.abs(cell - np.round(cell)) > 1e-3  # single precision decides the others; about 2 in 1,000
    assert clear.mean() > 0.99
    age, twentieth = 18 + np.floor(cell) % 72, np.floor(cell) // 72
    education = np.searchsorted([3, 8, 14, 18], twentieth, side="right")
    income = np.minimum(np.exp(3.5 + 0.8 * quantile(stats.norm, words[1], 16)), 100)
    openness = quantile(stats.beta(5, 5), low_half(words[1]), 16)
    conscientiousness = quantile(stats.beta(5, 5), words[2], 16)
    extraversion = quantile(stats.beta(5, 5), low_half(words[2]), 16)
    neuroticism = quantile(stats.beta(4, 6), words[3], 16)
    knowledge = 100 * quantile(stats.beta(2, 5), low_half(words[3]), 16)
    x = np.clip(0.3 * quantile(stats.norm, words[4], 24) + 0.005 * (income - 50) + 0.003 * (age - 50), -1, 1)
    x = np.clip(x + 0.15 * (conscientiousness - openness), -1, 1)
    y = np.clip(0.3 * quantile(stats.norm, words[5], 24) - 0.02 * (education - 2) + 0.005 * (age - 50), -1, 1)
    turnout = np.clip(
        quantile(stats.beta(5, 2), words[6], 16)
        + 0.02 * education
        + 0.002 * np.minimum(age - 18, 50)
        + 0.002 * knowledge / 100
        + 0.05 * extraversion
        - 0.03 * neuroticism,
        0.10,
        0.95,
    )
    expected = (
        age,
        education,
        income,
        openness,
        conscientiousness,
        extraversion,
        neuroticism,
        knowledge,
        x,
        y,
        turnout,
    )
    for name, mine, theirs in zip(voters._fields, voters, expected, strict=True):
        atol = {"income": 1e-3, "knowledge": 1e-4, "x": 2e-5, "y": 2e-5}.get(name, 2e-6)
        np.testing.assert_allclose(np.asarray(mine)[clear], theirs[clear], rtol=0, atol=atol, err_msg=name)
    np.testing.assert_array_equal(ballot, words[7])


# --- two million voters ----------------------------------------------------------------------------------------------


@lru_cache
def drawn():
    """The package's voters as doubles by name, the ballot's uniform number among them."""
    high, low = seed_words(as_uint64(20_240_501))
    voters, word = jax.jit(draw_electorate)((jnp.asarray(high), jnp.asarray(low)), jnp.arange(N, dtype=jnp.uint32))
    columns = {**voters._asdict(), "ballot": uniform23(word)}
    assert all(column.dtype == jnp.float32 for column in columns.values())
    return {name: np.asarray(column, np.float64) for name, column in columns.items()}


@lru_cache
def independent():
    """The same law by NumPy's generator, straight from the equations."""
    rng = np.random.default_rng(987)
    age = rng.integers(18, 90, N).astype(float)
    education = rng.choice(5, N, p=[0.15, 0.25, 0.30, 0.20, 0.10]).astype(float)
    income = np.clip(rng.lognormal(3.5, 0.8, N), 0, 100)
    openness, conscientiousness, extraversion = rng.beta(5, 5, (3, N))
    neuroticism, knowledge = rng.beta(4, 6, N), 100 * rng.beta(2, 5, N)
    x = np.clip(rng.normal(0, 0.3, N) + 0.005 * (income - 50) + 0.003 * (age - 50), -1, 1)
    x = np.clip(x + 0.15 * (conscientiousness - openness), -1, 1)
    y = np.clip(rng.normal(0, 0.3, N) - 0.02 * (education - 2) + 0.005 * (age - 50), -1, 1)
    turnout = np.clip(
        rng.beta(5, 2, N)
        + 0.02 * education
        + 0.002 * np.minimum(age - 18, 50)
        + 0.002 * knowledge / 100
        + 0.05 * extraversion
        - 0.03 * neuroticism,
        0.10,
        0.95,
    )
    return {
        "age": age,
        "education": education,
        "income": income,
        "openness": openness,
        "conscientiousness": conscientiousness,
        "extraversion": extraversion,
        "neuroticism": neuroticism,
        "knowledge": knowledge,
        "x": x,
        "y": y,
        "turnout": turnout,
        "ballot": rng.random(N),
    }


def clipped_income_moment(power):
    """E[min(L, 100)^power] of the lognormal L with parameters 3.5 and 0.8."""
    mu, sigma, d = 3.5, 0.8, (math.log(100) - 3.5) / 0.8
    below = math.exp(power * mu + (power * sigma) ** 2 / 2) * special.ndtr(d - power * sigma)
    return below + 100.0**power * special.ndtr(-d)


def beta_moments(a, b, scale=1.0):
    return scale * a / (a + b), scale * math.sqrt(a * b / ((a + b) ** 2 * (a + b + 1)))


LEVELS = np.arange(5)
EDUCATION_P = np.array([0.15, 0.25, 0.30, 0.20, 0.10])
EXACT = {  # mean and standard deviation
    "age": (53.5, math.sqrt((72**2 - 1) / 12)),
    "education": (1.85, math.sqrt(EDUCATION_P @ LEVELS**2 - 1.85**2)),
    "income": (
        clipped_income_moment(1),
        math.sqrt(clipped_income_moment(2) - clipped_income_moment(1) ** 2),
    ),
    "openness": beta_moments(5, 5),
    "conscientiousness": beta_moments(5, 5),
    "extraversion": beta_moments(5, 5),
    "neuroticism": beta_moments(4, 6),
    "knowledge": beta_moments(2, 5, 100.0),
    "ballot": (0.5, math.sqrt(1 / 12)),
}


@pytest.mark.parametrize("name", EXACT)
def test_moments_in_closed_form(name):
    values, (mean, std) = drawn()[name], EXACT[name]
    assert abs(values.mean() - mean) < K * std / math.sqrt(N)
    squares = (values - mean) ** 2
    assert abs(squares.mean() - std**2) < K * squares.std() / math.sqrt(N)


@pytest.mark.parametrize(
    ("name", "law"),
    [
        ("openness", stats.beta(5, 5)),
        ("conscientiousness", stats.beta(5, 5)),
        ("extraversion", stats.beta(5, 5)),
        ("neuroticism", stats.beta(4, 6)),
        ("knowledge", stats.beta(2, 5, scale=100)),
        ("income", stats.lognorm(0.8, scale=math.exp(3.5))),
        ("ballot", stats.uniform()),
    ],
)
def test_distribution_functions(name, law):
    """Shares of voters below nine quantiles of the law, binomial. Income is clipped above its quantile .9 only."""
    for p in (0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.9) if name == "income" else np.arange(0.1, 0.95, 0.1):
        share = (drawn()[name] <= law.ppf(p)).mean()
        # the traits' grid of 2^16 quantiles can move a share by half a cell
        assert abs(share - p) < K * math.sqrt(p * (1 - p) / N) + 2**-17, p
    if name == "income":
        p = special.ndtr((3.5 - math.log(100)) / 0.8)
        assert abs((drawn()[name] == 100).mean() - p) < K * math.sqrt(p * (1 - p) / N) + 2**-17


def test_ages_and_education_are_independent_and_as_likely_as_stated():
    age, education = drawn()["age"].astype(int), drawn()["education"].astype(int)
    assert set(np.unique(age)) == set(range(18, 90))
    table = np.zeros((72, 5))
    np.add.at(table, (age - 18, education), 1)
    expected = N / 72 * EDUCATION_P
    chi_squared = ((table - expected) ** 2 / expected).sum()
    assert 1e-6 < stats.chi2(72 * 5 - 1).sf(chi_squared) < 1 - 1e-6


def test_everything_lies_in_its_range():
    d = drawn()
    ranges = {
        "age": (18, 89),
        "education": (0, 4),
        "income": (0, 100),
        "knowledge": (0, 100),
        "x": (-1, 1),
        "y": (-1, 1),
    }
    for name in d:
        low, high = ranges.get(name, (0, 1))
        assert low <= d[name].min() <= d[name].max() <= high, name
        assert np.all(np.isfinite(d[name]))
    assert d["turnout"].min() >= np.float32(0.1)
    assert d["turnout"].max() == np.float32(0.95)
    assert d["x"].max() == d["y"].max() == 1
    assert d["x"].min() == d["y"].min() == -1


def compare_in_blocks(statistic, ours, theirs):
    """Difference of the mean over blocks in standard errors, for a statistic of (block, voter) arrays."""
    a = statistic(*(column.reshape(BLOCKS, -1) for column in ours))
    b = statistic(*(column.reshape(BLOCKS, -1) for column in theirs))
    error = np.sqrt((a.var(axis=0, ddof=1) + b.var(axis=0, ddof=1)) / BLOCKS)
    # a quantile at an atom has no spread: it must be the same
    return np.abs(a.mean(axis=0) - b.mean(axis=0)) / np.maximum(error, 1e-7)


@pytest.mark.parametrize("name", ["x", "y", "turnout", "income"])
def test_law_is_that_of_an_independent_electorate(name):
    ours, theirs = drawn()[name], independent()[name]
    levels = (5, 25, 50, 75, 95)
    for statistic in (
        lambda v: v.mean(axis=1),
        lambda v: v.var(axis=1),
        lambda v: np.percentile(v, levels, axis=1).T,
    ):
        assert np.max(compare_in_blocks(statistic, [ours], [theirs])) < K
    for atom in (theirs.min(), theirs.max()):  # where the value is clipped
        a, b = (ours == np.float32(atom)).mean(), (theirs == atom).mean()
        assert abs(a - b) < K * math.sqrt(2 * max(b, 1 / N) / N)


def correlations(columns):
    """Correlation matrices of (block, voter) columns, one a block."""
    z = np.stack([(c - c.mean(axis=1, keepdims=True)) / c.std(axis=1, keepdims=True) for c in columns], axis=1)
    return z @ z.transpose(0, 2, 1) / z.shape[-1]


def test_correlations_are_those_of_an_independent_electorate():
    """All 66 pairs; those of attributes that share words of the cipher, and of the ballot, are 0."""
    names = list(independent())
    z = compare_in_blocks(lambda *c: correlations(c), [drawn()[n] for n in names], [independent()[n] for n in names])
    upper = np.triu_indices(len(names), 1)
    assert z[upper].max() < K, [(names[i], names[j]) for i, j in zip(*upper, strict=True) if z[i, j] >= K]


def test_neighbouring_voters_are_independent():
    for name, values in drawn().items():
        z = (values - values.mean()) / values.std()
        for lag in (1, 128):
            assert abs((z[lag:] * z[:-lag]).mean()) < K / math.sqrt(N), (name, lag)


# --- a peer's program ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "theirs"), [("x", "ideology_x"), ("y", "ideology_y"), ("turnout", "turnout_prob")])
def test_marginals_are_those_measured_on_a_peer(name, theirs):
    """Its 2,000,000 voters have as large an error as ours: hence the root of 2."""
    values, theirs = drawn()[name], REFERENCE["electorate"][theirs]
    blocks = values.reshape(BLOCKS, -1)
    ours = {"mean": blocks.mean(axis=1), "std": blocks.std(axis=1)}
    ours |= {f"p{level}": np.percentile(blocks, level, axis=1) for level in (5, 25, 50, 75, 95)}
    for key, block in ours.items():
        error = math.sqrt(2) * block.std(ddof=1) / math.sqrt(BLOCKS)
        assert abs(block.mean() - theirs[key]) < K * error + 1e-7, key
    atoms = {"frac_at_minus1": -1, "frac_at_plus1": 1, "frac_at_0.95": np.float32(0.95), "frac_at_0.1": np.float32(0.1)}
    for key in atoms.keys() & theirs.keys():
        error = math.sqrt(2 * max(theirs[key], 1 / N) / N)
        assert abs((values == atoms[key]).mean() - theirs[key]) < K * error, key


def test_correlations_are_those_measured_on_a_peer():
    names = {"ideology_x": "x", "ideology_y": "y", "turnout_prob": "turnout"}
    theirs = REFERENCE["electorate"]["corr"]
    assert len(theirs) == 3
    for pair, expected in theirs.items():
        a, b = (drawn()[names[name]].reshape(BLOCKS, -1) for name in pair.split(","))
        blocks = correlations((a, b))[:, 0, 1]
        assert abs(blocks.mean() - expected) < K * math.sqrt(2) * blocks.std(ddof=1) / math.sqrt(BLOCKS), pair


@pytest.mark.parametrize(
    "name",
    ["age", "education", "income", "openness", "conscientiousness", "extraversion", "neuroticism", "knowledge"],
)
def test_other_columns_are_those_measured_on_a_peer(name):
    theirs = REFERENCE["electorate_other_columns"]["political_knowledge" if name == "knowledge" else name]
    values = drawn()[name]
    spread = ((values - values.mean()) ** 2).std() / (2 * values.std())  # of a standard deviation, times sqrt(N)
    assert abs(values.mean() - theirs["mean"]) < K * math.sqrt(2 / N) * values.std()
    assert abs(values.std() - theirs["std"]) < K * math.sqrt(2 / N) * spread
