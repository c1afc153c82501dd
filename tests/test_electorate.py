"""The electorate: polynomials against the laws they stand for, and two million voters against the full model's law."""

import json
import math
from functools import lru_cache
from pathlib import Path

import fit_polynomials
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from voter_laws import ECONOMIC_LEAN, TRAIT_DIFFERENCE, turnout_given_habit

from esim_jax.model import quantiles, turnout
from esim_jax.model.electorate import draw_electorate
from esim_jax.model.elementary import exp, log
from esim_jax.model.turnout import turnout_probability
from esim_jax.random import as_uint64, random_words, seed_words

REFERENCE = json.loads(
    (Path(__file__).parent / "reference" / "electoral_sim_statistics.json").read_text(encoding="utf-8")
)
N = 2_000_000
BLOCKS = 100  # statistics are taken in blocks of 20,000 voters, whose spread gives the standard errors
K = 5.0
"""Standard errors allowed. A right program fails one comparison with probability 6e-7 (normal) to 1.3e-6 (t with 198
degrees of freedom); all of the about 150 comparisons of this file together with probability below 2e-4, once and for
all, since seeds are fixed."""

BOUNDS = {"ECONOMIC_LEAN": 2.5e-6, "TRAIT_DIFFERENCE": 4e-6, "NORMAL": 4e-6, "WIDE_NORMAL": 5e-5}
"""Largest error over the values that matter. Measured in double precision: 9.4e-7, 3.1e-6, 1.9e-6 and 4.92e-5."""


# --- polynomials -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BOUNDS)
def test_quantiles(name):
    """In double precision on the grid of the fit, and in single precision as the kernel evaluates them."""
    law, bits, *_ = fit_polynomials.LAWS[name]
    quantile = getattr(quantiles, name)
    u = fit_polynomials.grid(name)
    assert np.abs(fit_polynomials.evaluate(quantile, u - 0.5) - law.ppf(u)).max() < BOUNDS[name]
    v = (np.unique((u * 2**bits).astype(int)) + 0.5) / 2**bits - 0.5
    v = v[(v + 0.5 >= u[0]) & (v + 0.5 <= u[-1])]
    assert np.array_equal(v, v.astype(np.float32))
    computed = np.asarray(jax.jit(quantile.__call__)(jnp.asarray(v, jnp.float32)), np.float64)
    assert np.abs(computed - law.ppf(v + 0.5)).max() < BOUNDS[name]
    assert np.diff(computed).min() > -1e-6


@pytest.mark.parametrize(("name", "low", "high"), [("ECONOMIC_LEAN", -1.117, 1.096), ("NORMAL", -4.12, 4.0)])
def test_quantiles_beyond_the_clip_lie_beyond_it(name, low, high):
    """All cells of the tails: what lies beyond `low` and `high` is clipped whatever else the voter is."""
    law = fit_polynomials.LAWS[name][0]
    quantile = jax.jit(getattr(quantiles, name).__call__)
    for tail, beyond in ((float(law.cdf(low)), lambda q: q <= low), (float(law.sf(high)), lambda q: q >= high)):
        cells = np.arange(int(tail * 2**24) - 2)  # the outermost
        v = (cells + 0.5) / 2**24 - 0.5
        assert np.all(beyond(np.asarray(quantile(jnp.asarray(v if tail == float(law.cdf(low)) else -v, jnp.float32)))))


def test_quantiles_compiled_and_eager_agree():
    v = jnp.asarray(np.random.default_rng(0).uniform(-0.49999, 0.49999, 1000), jnp.float32)
    for name in BOUNDS:
        quantile = getattr(quantiles, name)
        np.testing.assert_allclose(jax.jit(quantile.__call__)(v), quantile(v), atol=2e-6)


@pytest.mark.parametrize("name", BOUNDS)
def test_coefficients_are_those_of_the_fit(name):
    """Up to the last digits, in which libraries of linear algebra differ."""
    even, odd, furthest = fitted = fit_polynomials.fit(name)
    ours = getattr(quantiles, name)
    np.testing.assert_allclose(ours.even[:3], even[:3], rtol=1e-5, atol=1e-12)
    np.testing.assert_allclose(ours.odd[:3], odd[:3], rtol=1e-5)
    assert ours.furthest == pytest.approx(furthest, rel=1e-6)
    v = fit_polynomials.grid(name) - 0.5
    difference = fit_polynomials.evaluate(fitted, v) - fit_polynomials.evaluate(ours, v)
    assert np.abs(difference).max() < BOUNDS[name]


@pytest.mark.parametrize("name", fit_polynomials.PENALTIES)
def test_turnout_polynomials(name):
    ours = getattr(turnout, f"_{name}")
    np.testing.assert_allclose(ours, fit_polynomials.fit_turnout(name), rtol=1e-4, atol=1e-6)
    habit = np.linspace(*fit_polynomials.HABITS, 1001)
    exact = turnout_given_habit(habit, fit_polynomials.PENALTIES[name])
    assert np.abs(np.polynomial.polynomial.polyval(habit, ours) - exact).max() < 1.2e-7


def test_logarithm_and_exponential():
    x = np.concatenate([np.linspace(1e-7, 1, 2_000_001), 2.0 ** -np.arange(1, 126)]).astype(np.float32)
    exact = np.log(x.astype(float))
    error = np.abs(np.asarray(jax.jit(log)(x), float) - exact)
    assert error[x > 2 / 3].max() < 2e-7
    assert (error / np.maximum(-exact, 0.4)).max() < 3e-7
    x = -np.linspace(0, 87, 2_000_001).astype(np.float32)
    error = np.abs(np.asarray(jax.jit(exp)(x), float) / np.exp(x.astype(float)) - 1)
    assert error[x > -20].max() < 1e-6
    assert error.max() < 4e-6
    assert exp(jnp.float32(0)) == 1
    assert 0 < float(exp(jnp.float32(-1e30))) < 1e-37


# --- voter by voter ---------------------------------------------------------------------------------------------------


def test_voters_are_their_words_put_through_the_equations():
    """In double precision with exact quantiles; holds what no statistic could."""
    key, n = (jnp.uint32(12), jnp.uint32(34)), 20_000
    voters = jax.jit(draw_electorate)(key, jnp.arange(n, dtype=jnp.uint32))
    draws = [random_words(key, jnp.arange(n, dtype=jnp.uint32), draw) for draw in range(2)]
    lean, noise, traits, ballot = (np.asarray(word, np.int64) for pair in draws for word in pair)

    def quantile(law, word, bits):  # a word's high bits as a signed number, centred on 1/2
        cell = (word >> (32 - bits)) ^ (1 << (bits - 1))
        return law.ppf((cell + 0.5) / 2.0**bits)

    cell = (((traits & 0xFFFF) << 8) | (lean & 0xFF)) * (72 * 20) / 2**24
    clear = np.abs(cell - np.round(cell)) > 1e-3  # single precision decides the others; about 2 in 1,000
    assert clear.mean() > 0.99
    age, twentieth = 18 + np.floor(cell) % 72, np.floor(cell) // 72
    education = np.searchsorted([3, 8, 14, 18], twentieth, side="right")
    x = np.clip(quantile(ECONOMIC_LEAN, lean, 24) + 0.003 * (age - 50), -1, 1)
    x = np.clip(x + 0.15 * quantile(TRAIT_DIFFERENCE, traits, 16), -1, 1)
    y = np.clip(0.3 * quantile(stats.norm, noise, 24) - 0.02 * (education - 2) + 0.005 * (age - 50), -1, 1)
    habit = 0.02 * education + 0.002 * np.minimum(age - 18, 50)
    chance = ((ballot >> 9) + 0.5) / 2**23
    for name, mine, theirs in zip(voters._fields, voters, (age, education, x, y, habit, chance), strict=True):
        np.testing.assert_allclose(np.asarray(mine)[clear], theirs[clear], rtol=0, atol=3e-6, err_msg=name)


# --- two million voters ----------------------------------------------------------------------------------------------


@lru_cache
def drawn():
    """The package's voters as doubles by name."""
    high, low = seed_words(as_uint64(20_240_501))
    voters = jax.jit(draw_electorate)((jnp.asarray(high), jnp.asarray(low)), jnp.arange(N, dtype=jnp.uint32))
    columns = voters._asdict()
    assert all(column.dtype == jnp.float32 for column in columns.values())
    return {name: np.asarray(column, np.float64) for name, column in columns.items()}


@lru_cache
def independent():
    """The full model, every attribute of every voter, by NumPy's generator."""
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
    habit = 0.02 * education + 0.002 * np.minimum(age - 18, 50)
    columns = {"age": age, "education": education, "x": x, "y": y, "habit": habit, "chance": rng.random(N)}
    return columns | {"turnout": turnout}


EDUCATION_P = np.array([0.15, 0.25, 0.30, 0.20, 0.10])


def test_ages_and_education_are_independent_and_as_likely_as_stated():
    age, education = drawn()["age"].astype(int), drawn()["education"].astype(int)
    assert set(np.unique(age)) == set(range(18, 90))
    table = np.zeros((72, 5))
    np.add.at(table, (age - 18, education), 1)
    expected = N / 72 * EDUCATION_P
    chi_squared = ((table - expected) ** 2 / expected).sum()
    assert 1e-6 < stats.chi2(72 * 5 - 1).sf(chi_squared) < 1 - 1e-6


def test_chances_are_uniform():
    counts = np.histogram(drawn()["chance"], bins=1000, range=(0, 1))[0]
    assert 1e-6 < stats.chi2(999).sf(((counts - N / 1000) ** 2 / (N / 1000)).sum()) < 1 - 1e-6


def test_everything_lies_in_its_range():
    d = drawn()
    ranges = {"age": (18, 89), "education": (0, 4), "x": (-1, 1), "y": (-1, 1), "habit": (0, 0.18 + 1e-7)}
    for name in d:
        low, high = ranges.get(name, (0, 1))
        assert low <= d[name].min() <= d[name].max() <= high, name
        assert np.all(np.isfinite(d[name]))
    assert d["x"].max() == d["y"].max() == 1
    assert d["x"].min() == d["y"].min() == -1


def compare_in_blocks(statistic, ours, theirs):
    """Difference of the mean over blocks in standard errors, for a statistic of (block, voter) arrays."""
    a = statistic(*(column.reshape(BLOCKS, -1) for column in ours))
    b = statistic(*(column.reshape(BLOCKS, -1) for column in theirs))
    error = np.sqrt((a.var(axis=0, ddof=1) + b.var(axis=0, ddof=1)) / BLOCKS)
    # a quantile at an atom has no spread: it must be the same
    return np.abs(a.mean(axis=0) - b.mean(axis=0)) / np.maximum(error, 1e-7)


@pytest.mark.parametrize("name", ["x", "y", "habit"])
def test_law_is_that_of_the_full_model(name):
    ours, theirs = drawn()[name], independent()[name]
    levels = (1, 5, 25, 50, 75, 95, 99)
    for statistic in (
        lambda v: v.mean(axis=1),
        lambda v: v.var(axis=1),
        lambda v: np.percentile(v, levels, axis=1).T if name != "habit" else v.mean(axis=1),  # habits are steps
    ):
        assert np.max(compare_in_blocks(statistic, [ours], [theirs])) < K
    for atom in (theirs.min(), theirs.max()):  # where the value is clipped
        a, b = (ours == np.float32(atom)).mean(), (theirs == atom).mean()
        assert abs(a - b) < K * math.sqrt(2 * max(b, 1 / N) / N)


@pytest.mark.parametrize("penalty", fit_polynomials.PENALTIES.values())
def test_turnout_is_that_of_the_full_model(penalty):
    """The expected turnout of groups of voters, by age, education and place, is the mean of the full model's."""
    best = -3.0 if penalty in (0.3, 0.5) else 0.0
    worst = best - (0.0 if penalty in (0.2, 0.5) else 1.0)
    ours, theirs = drawn(), independent()
    expected = np.asarray(turnout_probability(jnp.asarray(ours["habit"], jnp.float32), best, worst, -2.0, 0.3), float)
    full = np.clip(theirs["turnout"] - penalty, 0.1, 1.0)
    for name in ("age", "education", "x", "y"):
        for cut in np.percentile(theirs[name], [20, 50, 80]):
            mine, other = expected * (ours[name] <= cut), full * (theirs[name] <= cut)
            assert np.max(compare_in_blocks(lambda t: t.mean(axis=1), [mine], [other])) < K, (name, cut)
    assert np.max(compare_in_blocks(lambda t: t.mean(axis=1), [expected], [full])) < K


def correlations(columns):
    """Correlation matrices of (block, voter) columns, one a block."""
    z = np.stack([(c - c.mean(axis=1, keepdims=True)) / c.std(axis=1, keepdims=True) for c in columns], axis=1)
    return z @ z.transpose(0, 2, 1) / z.shape[-1]


def test_correlations_are_those_of_the_full_model():
    """All pairs; those of attributes that share words of the cipher, and of the chance, are 0."""
    names = list(drawn())
    z = compare_in_blocks(lambda *c: correlations(c), [drawn()[n] for n in names], [independent()[n] for n in names])
    upper = np.triu_indices(len(names), 1)
    assert z[upper].max() < K, [(names[i], names[j]) for i, j in zip(*upper, strict=True) if z[i, j] >= K]


def test_neighbouring_voters_are_independent():
    for name, values in drawn().items():
        z = (values - values.mean()) / values.std()
        for lag in (1, 128):
            assert abs((z[lag:] * z[:-lag]).mean()) < K / math.sqrt(N), (name, lag)


# --- a peer's program ------------------------------------------------------------------------------------------------


def peers_turnout():
    """The expected turnout of each voter, without penalty."""
    habit = jnp.asarray(drawn()["habit"], jnp.float32)
    return np.asarray(turnout_probability(habit, 0.0, -1.0, -2.0, 0.3), np.float64)


@pytest.mark.parametrize(("name", "theirs"), [("x", "ideology_x"), ("y", "ideology_y")])
def test_positions_are_those_measured_on_a_peer(name, theirs):
    """Its 2,000,000 voters have as large an error as ours: hence the root of 2."""
    values, theirs = drawn()[name], REFERENCE["electorate"][theirs]
    blocks = values.reshape(BLOCKS, -1)
    ours = {"mean": blocks.mean(axis=1), "std": blocks.std(axis=1)}
    ours |= {f"p{level}": np.percentile(blocks, level, axis=1) for level in (5, 25, 50, 75, 95)}
    for key, block in ours.items():
        error = math.sqrt(2) * block.std(ddof=1) / math.sqrt(BLOCKS)
        assert abs(block.mean() - theirs[key]) < K * error + 1e-7, key
    for key, atom in (("frac_at_minus1", -1), ("frac_at_plus1", 1)):
        error = math.sqrt(2 * max(theirs[key], 1 / N) / N)
        assert abs((values == atom).mean() - theirs[key]) < K * error, key


def test_turnout_is_that_measured_on_a_peer():
    """The mean, and the covariance with the position: those of the conditional expectation are those of the turnout."""
    theirs, t = REFERENCE["electorate"], peers_turnout()
    spread = theirs["turnout_prob"]["std"]
    assert abs(t.mean() - theirs["turnout_prob"]["mean"]) < K * math.sqrt(2 / N) * spread
    for name in ("x", "y"):
        pair = next(key for key in theirs["corr"] if {f"ideology_{name}", "turnout_prob"} == set(key.split(",")))
        expected = theirs["corr"][pair] * theirs[f"ideology_{name}"]["std"] * spread
        values = drawn()[name]
        covariance = ((values - values.mean()) * (t - t.mean())).mean()
        assert abs(covariance - expected) < K * math.sqrt(2 / N) * values.std() * spread, name


@pytest.mark.parametrize("name", ["age", "education"])
def test_other_columns_are_those_measured_on_a_peer(name):
    theirs = REFERENCE["electorate_other_columns"][name]
    values = drawn()[name]
    spread = ((values - values.mean()) ** 2).std() / (2 * values.std())  # of a standard deviation, times sqrt(N)
    assert abs(values.mean() - theirs["mean"]) < K * math.sqrt(2 / N) * values.std()
    assert abs(values.std() - theirs["std"]) < K * math.sqrt(2 / N) * spread
