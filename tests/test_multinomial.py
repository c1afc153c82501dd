"""Tallies drawn as a whole have the law of tallies of voters drawn one by one."""

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from esim_jax import Party
from esim_jax.config import read_parameters
from esim_jax.model.law import cell_laws
from esim_jax.model.scenario import stack_scenarios
from esim_jax.multinomial import draw_tallies

REPLICATES = 4096
COMPARISONS = 200
FALSE_ALARM = 1e-3 / COMPARISONS
"""A right program fails any of the file's comparisons (fewer than COMPARISONS) with probability below 1e-3, once and
for all, since seeds are fixed."""
K = float(stats.norm.isf(FALSE_ALARM / 2))

rng = np.random.default_rng(12)
TWELVE = [Party(f"Party {i}", *rng.uniform(-0.7, 0.7, 2), valence=float(rng.uniform(40, 60))) for i in range(12)]
CASES = {
    2: {
        "parties": TWELVE[:2], "temperature": 0.2, "indifference_threshold": 0.25, "alienation_threshold": 0.0,
        "economic_growth": 0.05,
    },
    3: {"temperature": 0.1, "indifference_threshold": 0.35, "alienation_threshold": 0.2, "economic_growth": 0.05},
    12: {"parties": TWELVE, "temperature": 0.05, "indifference_threshold": 0.9, "alienation_threshold": 0.3},
}  # fmt: skip


@lru_cache
def setting(n_parties):
    parameters = read_parameters(CASES[n_parties])
    stacked = stack_scenarios([parameters], [0], n_parties)
    return stacked, jax.device_get(cell_laws(stacked))


def one_by_one(n_parties, n_voters, replicates, seed):
    """Votes and welfare of electorates by the nine attributes' equations, with NumPy's generator."""
    s = type(setting(n_parties)[0])(*(field[0] for field in setting(n_parties)[0]))
    rng = np.random.default_rng(seed)
    effect = 1.4 * s.economic_growth + s.national_mood - s.anti_incumbency
    appeal = (0.01 * s.valence + s.incumbent * effect).astype(float)
    votes, welfare = np.zeros((replicates, n_parties), np.int64), np.zeros((replicates, n_parties))
    at_once = max(1, 200_000 // n_voters)
    for start in range(0, replicates, at_once):
        here = slice(start, min(start + at_once, replicates))
        n = (here.stop - here.start) * n_voters
        age = rng.integers(18, 90, n)
        education = rng.choice(5, n, p=[0.15, 0.25, 0.30, 0.20, 0.10])
        income = np.clip(rng.lognormal(3.5, 0.8, n), 0, 100)
        openness, conscientiousness, extraversion = rng.beta(5, 5, (3, n))
        neuroticism, knowledge = rng.beta(4, 6, n), 100 * rng.beta(2, 5, n)
        x = np.clip(rng.normal(0, 0.3, n) + 0.005 * (income - 50) + 0.003 * (age - 50), -1, 1)
        x = np.clip(x + 0.15 * (conscientiousness - openness), -1, 1)
        y = np.clip(rng.normal(0, 0.3, n) - 0.02 * (education - 2) + 0.005 * (age - 50), -1, 1)
        t = rng.beta(5, 2, n) + 0.02 * education + 0.002 * np.minimum(age - 18, 50) + 0.002 * knowledge / 100
        t = np.clip(t + 0.05 * extraversion - 0.03 * neuroticism, 0.10, 0.95)
        u = appeal - np.hypot(x[:, None] - s.position_x.astype(float), y[:, None] - s.position_y.astype(float))
        alienated, indifferent = u.max(axis=1) < s.alienation_threshold, np.ptp(u, axis=1) < s.indifference_threshold
        t = np.clip(t - 0.3 * alienated - 0.2 * indifferent, 0.1, 1)
        cumulated = special.softmax(u / float(s.temperature), axis=1).cumsum(axis=1)
        choice = np.minimum((rng.random(n)[:, None] >= cumulated).sum(axis=1), n_parties - 1)
        cast = (np.arange(n_parties) == choice[:, None]) & (rng.random(n) < t)[:, None]
        votes[here] = cast.reshape(-1, n_voters, n_parties).sum(axis=1)
        welfare[here] = u.reshape(-1, n_voters, n_parties).sum(axis=1)
    return votes, welfare


drawn_by_program = jax.jit(draw_tallies)

PLACES = {2: 65_536, 3: 32_768, 12: REPLICATES}
"""Electorates, and constituencies, in a call of the program, which is compiled once a number of parties; what a test
does not ask for has no voters."""


def as_a_whole(n_parties, n_voters, replicates, seed, constituencies=1):
    """Votes by constituency and welfare of electorates, from the package."""
    stacked, laws = setting(n_parties)
    places, used = PLACES[n_parties], replicates * constituencies
    scenarios = type(stacked)(*(np.repeat(field, places, axis=0) for field in stacked))._replace(
        key_high=np.full(places, seed, np.uint32), key_low=np.arange(places, dtype=np.uint32)
    )
    simulation, number = np.full(places, places - 1, np.int32), np.zeros(places, np.uint32)
    simulation[:used] = np.repeat(np.arange(replicates), constituencies)
    number[:used] = np.tile(np.arange(constituencies), replicates)
    voters = np.where(np.arange(places) < used, n_voters, 0).astype(np.int32)
    with jax.enable_x64(True):
        votes, welfare = jax.device_get(
            drawn_by_program(scenarios, simulation, number, voters, laws, np.zeros(places, np.int32))
        )
    assert votes.dtype == welfare.dtype == np.int64
    assert not votes[used:].any()
    welfare = welfare[:replicates] / stacked.welfare_scale[0].astype(float)
    return votes[:used].reshape(replicates, constituencies, n_parties), welfare


def same_law(first, second):
    """p-value that two samples of whole numbers have one law: a chi-square on cells of about equal size."""
    edges = np.unique(np.quantile(np.concatenate([first, second]), np.linspace(0, 1, 21)[1:-1], method="higher"))
    table = np.stack(
        [np.bincount(np.searchsorted(edges, v, side="right"), minlength=len(edges) + 1) for v in (first, second)]
    )
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] == 1:
        return 1.0
    return stats.chi2_contingency(table, correction=False).pvalue


def _option(votes):
    """The option of single voters."""
    return np.where(votes.any(axis=1), votes.argmax(axis=1), votes.shape[1])


@pytest.mark.slow
@pytest.mark.parametrize(("n_parties", "n_voters"), [(2, 1), (3, 2000), (12, 50), (12, 2000)])
def test_tallies_have_the_law_of_voters_one_by_one(n_parties, n_voters):
    # cells of a table need some counts: with one voter the votes of 12 parties are rare
    replicates = {1: 65_536, 50: REPLICATES, 2000: 2048 if n_parties < 12 else 1024}[n_voters]
    votes, welfare = one_by_one(n_parties, n_voters, replicates, seed=n_voters)
    drawn, drawn_welfare = as_a_whole(n_parties, n_voters, replicates, seed=n_voters)
    drawn = drawn[:, 0]
    for j in range(n_parties):
        assert same_law(votes[:, j], drawn[:, j]) > FALSE_ALARM, j
    assert same_law(votes.sum(axis=1), drawn.sum(axis=1)) > FALSE_ALARM
    assert same_law(votes[:, 0] - votes[:, 1], drawn[:, 0] - drawn[:, 1]) > FALSE_ALARM
    if n_voters == 1:  # the spread of welfare follows the vote
        for option in range(n_parties + 1):
            some, others = (w[_option(v) == option] for w, v in ((welfare, votes), (drawn_welfare, drawn)))
            a, b = ((w - w.mean(axis=0)) ** 2 for w in (some, others))
            error = (a.var(axis=0) / len(a) + b.var(axis=0) / len(b)) ** 0.5
            assert np.all(np.abs(a.mean(axis=0) - b.mean(axis=0)) < K * error)
    # welfare: first and second moments at any size, the whole law where it is near normal
    for j in range(n_parties):
        spread = (welfare[:, j].var() + drawn_welfare[:, j].var()) ** 0.5
        assert abs(welfare[:, j].mean() - drawn_welfare[:, j].mean()) < K * spread / replicates**0.5
        for mine, theirs in ((drawn[:, j], votes[:, j]), (drawn.sum(axis=1), votes.sum(axis=1))):
            a = (drawn_welfare[:, j] - drawn_welfare[:, j].mean()) * (mine - mine.mean())
            b = (welfare[:, j] - welfare[:, j].mean()) * (theirs - theirs.mean())
            assert abs(a.mean() - b.mean()) < K * ((a.var() + b.var()) / replicates) ** 0.5
        if n_voters >= 1000:
            assert stats.ks_2samp(welfare[:, j], drawn_welfare[:, j]).pvalue > FALSE_ALARM
    if n_voters >= 1000:
        gap, drawn_gap = welfare[:, 0] - welfare[:, 1], drawn_welfare[:, 0] - drawn_welfare[:, 1]
        assert stats.ks_2samp(gap, drawn_gap).pvalue > FALSE_ALARM


def test_moments_of_a_large_electorate():
    n, replicates = 100_000_000, 16_384
    _, law = setting(3)
    p = law.probability[0]
    votes, welfare = as_a_whole(3, n, replicates, seed=77)
    votes = votes[:, 0]
    options = np.append(p, 1 - p.sum())
    mean = options @ law.mean[0]
    within = np.einsum("c,cik,cjk->ij", options, law.factor[0], law.factor[0])
    covariance = within + (law.mean[0].T * options) @ law.mean[0] - np.outer(mean, mean)
    for j in range(3):
        z = (votes[:, j] - n * p[j]) / (n * p[j] * (1 - p[j])) ** 0.5
        assert stats.kstest(z, "norm").pvalue > FALSE_ALARM
        assert stats.kstest((welfare[:, j] - n * mean[j]) / (n * covariance[j, j]) ** 0.5, "norm").pvalue > FALSE_ALARM
    centred = (welfare - n * mean) / n**0.5
    products = centred[:, :, None] * centred[:, None, :]
    assert np.all(np.abs(products.mean(axis=0) - covariance) < K * products.std(axis=0) / replicates**0.5)
    cross = np.einsum("ri,rj->rij", (votes - n * p) / n**0.5, centred)
    expected = p[:, None] * (law.mean[0][:3] - mean)
    assert np.all(np.abs(cross.mean(axis=0) - expected) < K * cross.std(axis=0) / replicates**0.5)


def test_constituencies_are_independent():
    votes, _ = as_a_whole(3, 1000, 8192, seed=5, constituencies=4)
    scores = (votes - votes.mean(axis=(0, 1))) / votes.std(axis=(0, 1))
    for a in range(4):
        for b in range(a):
            correlation = np.einsum("ri,rj->ij", scores[:, a], scores[:, b]) / len(scores)
            assert np.abs(correlation).max() < K / len(scores) ** 0.5


@pytest.mark.slow
def test_same_integers_in_any_batch():
    parameters = [read_parameters(given) for given in CASES.values()] + [read_parameters({"temperature": 1e-3})]
    stacked = stack_scenarios(parameters, [0] * 4, 12)
    laws = jax.device_get(cell_laws(stacked))
    program = jax.jit(draw_tallies)

    def batch(place, seats):
        """Simulations with the given seeds; the configuration and the size follow from the seed."""
        configuration = place % 4
        scenarios = type(stacked)(*(field[configuration] for field in stacked))._replace(
            key_high=np.full(len(place), 9, np.uint32), key_low=place.astype(np.uint32)
        )
        simulation = np.repeat(np.arange(len(place), dtype=np.int32), seats)
        number = np.tile(np.arange(seats, dtype=np.uint32), len(place))
        n_voters = (place[simulation] * 7919 % 100_003 + 1) ** 2 % (2**31 // seats)
        with jax.enable_x64(True):
            votes, welfare = jax.device_get(
                program(scenarios, simulation, number, n_voters.astype(np.int32), laws, configuration)
            )
        return votes.reshape(len(place), seats, 12), welfare

    everything = np.arange(600)
    votes, welfare = batch(everything, 3)
    assert np.all(votes[everything % 4 == 0][..., 2:] == 0)
    for size in (1, 7, 257):
        for start in (0, 100, 343):
            mine = everything[start : start + size]
            some_votes, some_welfare = batch(mine, 3)
            np.testing.assert_array_equal(some_votes, votes[mine])
            np.testing.assert_array_equal(some_welfare, welfare[mine])
    backwards_votes, backwards_welfare = batch(everything[::-1], 3)
    np.testing.assert_array_equal(backwards_votes[::-1], votes)
    np.testing.assert_array_equal(backwards_welfare[::-1], welfare)


def test_surplus_places_are_empty():
    stacked, laws = setting(3)
    with jax.enable_x64(True):
        votes, _ = jax.device_get(
            drawn_by_program(
                stacked, np.zeros(3, np.int32), np.arange(3, dtype=np.uint32), np.array([5, 0, 7]), laws,
                np.zeros(1, np.int32),
            )
        )  # fmt: skip
    assert np.all(votes[1] == 0)
    assert votes.sum() <= 12
    assert jnp.issubdtype(votes.dtype, np.int64)
