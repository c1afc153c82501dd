"""The law of one voter: the grid against the equations, the cell law against finer grids and differences."""

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from esim_jax import InputError, Party
from esim_jax.config import read_parameters
from esim_jax.limit import ELECTORATE, expected_tallies, turnout, vote_shares
from esim_jax.model.grid import PENALTIES, VoterGrid, voter_grid
from esim_jax.model.law import CELLS, cell_law, cell_laws
from esim_jax.model.scenario import Scenario, stack_scenarios

K = 5.0
"""Standard errors allowed. The errors are estimated from 16 replicates (t with 15 degrees of freedom): a right program
fails one comparison with probability 1.6e-4, and all of the about 50 of this file together with probability below 1 %,
once and for all, since seeds are fixed."""

rng = np.random.default_rng(3)
TWELVE = [
    Party(f"Party {i}", *rng.uniform(-0.8, 0.8, 2), valence=float(rng.uniform(40, 60)), incumbent=i == 0)
    for i in range(12)
]
FAR = [Party("West", -30.0, 0.0), Party("East", 30.0, 5.0), Party("South", 1.0, -30.0)]

ORDINARY = {
    "default": {},
    "cold": {"temperature": 0.05, "indifference_threshold": 0.2, "alienation_threshold": 0.1},
    "cold, both thresholds in the middle": {
        "temperature": 0.05, "indifference_threshold": 0.35, "alienation_threshold": 0.27,
    },
    "two": {
        "parties": TWELVE[:2], "temperature": 0.1, "indifference_threshold": 0.3, "alienation_threshold": 0.0,
    },
    "twelve": {
        "parties": TWELVE, "temperature": 0.05, "indifference_threshold": 0.9, "alienation_threshold": 0.35,
    },
    "far away": {"parties": FAR, "temperature": 0.05, "alienation_threshold": -29.4, "indifference_threshold": 0.4},
    "all alike": {"parties": [Party("Left", 0.1, 0.1), Party("Right", 0.1, 0.1)], "alienation_threshold": 0.2},
}  # fmt: skip


def scenario(**given):
    parameters = read_parameters(given)
    stacked = stack_scenarios([parameters], [0], len(parameters["parties"]))
    return Scenario(*(np.asarray(field)[0] for field in stacked))


@lru_cache(maxsize=4)
def on_device(cells):
    with jax.enable_x64(True):
        return VoterGrid(*(jnp.asarray(field) for field in voter_grid(cells)))


def law_of(given, cells=CELLS):
    with jax.enable_x64(True):
        return jax.device_get(cell_law(scenario(**given), on_device(cells)))


# --- the grid --------------------------------------------------------------------------------------------------------


def covariance(law):
    """Of the utilities of each option's voters [option, party, party]."""
    return law.factor @ np.swapaxes(law.factor, -1, -2)


def voters(u):
    """x, y and the turnout before the parties are seen, from the equations; u: uniform numbers, attribute first."""
    age = 18 + np.floor(72 * u[0])
    education = np.searchsorted([0.15, 0.40, 0.70, 0.90], u[1], side="right")
    income = np.minimum(np.exp(3.5 + 0.8 * special.ndtri(u[2])), 100)
    openness, conscientiousness, extraversion = special.betaincinv(5, 5, u[3:6])
    neuroticism, knowledge = special.betaincinv(4, 6, u[6]), 100 * special.betaincinv(2, 5, u[7])
    x = np.clip(0.3 * special.ndtri(u[8]) + 0.005 * (income - 50) + 0.003 * (age - 50), -1, 1)
    x = np.clip(x + 0.15 * (conscientiousness - openness), -1, 1)
    y = np.clip(0.3 * special.ndtri(u[9]) - 0.02 * (education - 2) + 0.005 * (age - 50), -1, 1)
    t = special.betaincinv(5, 2, u[10]) + 0.02 * education + 0.002 * np.minimum(age - 18, 50)
    return x, y, np.clip(t + 0.002 * knowledge / 100 + 0.05 * extraversion - 0.03 * neuroticism, 0.10, 0.95)


@lru_cache
def sampled():
    """Sixteen sets of 2^14 voters, each spread evenly over the unit cube (Sobol points, scrambled)."""
    return [voters(np.clip(stats.qmc.Sobol(11, seed=seed).random_base2(14).T, 1e-12, 1 - 1e-12)) for seed in range(16)]


def assert_near(replicates, expected):
    replicates = np.array(replicates)
    error = replicates.std(axis=0, ddof=1) / len(replicates) ** 0.5
    np.testing.assert_array_less(np.abs(replicates.mean(axis=0) - expected), K * error + 1e-12)


def test_weights_are_a_law():
    for cells in (256, 512):
        grid = voter_grid(cells)
        assert all(field.dtype == np.float64 for field in grid)
        assert grid.everyone.min() > 0
        assert grid.everyone.sum() == pytest.approx(1, abs=1e-12)
        assert np.all(np.diff(grid.turnout, axis=0) < 0)
        assert np.all(grid.turnout < grid.everyone)
        assert grid.width.sum() == pytest.approx(2)


def test_cubic_polynomials_are_integrated_exactly():
    def moments(cells):
        grid = voter_grid(cells)
        powers = grid.node ** np.arange(4)[:, None]
        weights = np.concatenate([grid.everyone[None], grid.turnout])
        return np.einsum("ix,pxy,jy->pij", powers, weights, powers)

    np.testing.assert_allclose(moments(64), moments(512), rtol=0, atol=1e-8)
    np.testing.assert_allclose(moments(300), moments(512), rtol=0, atol=1e-12)


def test_the_law_of_x_by_plain_sums():
    """Midpoint sums over the noise and the income, a Gauss rule over the traits; no structure is made use of."""
    z = np.linspace(-8, 8, 4001)
    z = (z[1:] + z[:-1]) / 2
    noise = np.diff(special.ndtr(np.linspace(-8, 8, 4001)))
    income_z = np.linspace(-8, (np.log(100) - 3.5) / 0.8, 201)
    income = np.append(np.exp(3.5 + 0.8 * (income_z[1:] + income_z[:-1]) / 2), 100)
    of_income = np.append(np.diff(special.ndtr(income_z)), special.ndtr(-income_z[-1]))
    node, weight = np.polynomial.legendre.leggauss(14)
    trait = (node + 1) / 2
    of_trait = weight / 2 * stats.beta(5, 5).pdf(trait)
    shift = (0.15 * (trait[:, None] - trait)).ravel()
    of_shift = np.outer(of_trait, of_trait).ravel()
    keep = of_shift > 1e-9

    total = np.zeros(4)
    for age in np.arange(18, 90, 8):
        first = np.clip(0.3 * z[:, None] + 0.005 * (income - 50) + 0.003 * (age - 50), -1, 1)
        edges = np.linspace(-1, 1, 20_001)
        mass, _ = np.histogram(first, edges, weights=np.outer(noise, of_income))
        centre, _ = np.histogram(first, edges, weights=np.outer(noise, of_income) * first)
        at = centre[mass > 0] / mass[mass > 0]
        x = np.clip(at + shift[keep, None], -1, 1)
        values = np.stack([x, x**2, np.cos(3 * x), x**5])
        total += np.einsum("vdx,d,x->v", values, of_shift[keep], mass[mass > 0]) / 9

    from esim_jax.model import grid

    ages = grid._AGES
    point, rule = [], []
    for low, high in ((-1, -0.85), (-0.85, 0.85), (0.85, 1)):
        nodes, weights = grid._legendre(60, low, high)
        point.append(nodes)
        rule.append(weights)
    inner, low, high = grid._law_of_x(np.concatenate(point))
    inner = inner * np.concatenate(rule)
    assert np.abs(inner.sum(axis=1) + low + high - 1).max() < 1e-11
    x = np.concatenate(point)
    mine = np.array(
        [
            inner @ x - low + high, inner @ x**2 + low + high, inner @ np.cos(3 * x) + (low + high) * np.cos(3),
            inner @ x**5 - low + high,
        ]
    )[:, np.isin(ages, np.arange(18, 90, 8))].mean(axis=1)  # fmt: skip
    np.testing.assert_allclose(mine, total, rtol=0, atol=1e-5)


@pytest.mark.parametrize("penalty", [None, *range(4)])
def test_grid_against_the_equations(penalty):
    grid = voter_grid(256)
    weight = grid.everyone if penalty is None else grid.turnout[penalty]
    x, y = np.meshgrid(grid.node, grid.node, indexing="ij")

    def functions(x, y):
        return np.stack([np.ones_like(x), x, y, x * y, x**2, y**2, np.cos(3 * x + 2 * y), x == 1, y == -1])

    expected = (functions(x, y) * weight).sum(axis=(1, 2))
    replicates = [
        (functions(x, y) * (1 if penalty is None else np.clip(t - PENALTIES[penalty], 0.1, 1))).mean(axis=1)
        for x, y, t in sampled()
    ]
    if penalty is None:
        expected, replicates = expected[1:], [r[1:] for r in replicates]
    assert_near(replicates, expected)


# --- the law of a configuration --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", ORDINARY)
def test_probabilities_against_the_equations(name):
    s = scenario(**ORDINARY[name])
    law = law_of(ORDINARY[name])
    effect = 1.4 * s.economic_growth + s.national_mood - s.anti_incumbency
    appeal = (0.01 * s.valence + s.incumbent * effect).astype(float)
    replicates = []
    for x, y, t in sampled():
        u = appeal - np.hypot(x[:, None] - s.position_x.astype(float), y[:, None] - s.position_y.astype(float))
        alienated = u.max(axis=1) < float(s.alienation_threshold)
        indifferent = np.ptp(u, axis=1) < float(s.indifference_threshold)
        votes = np.clip(t - 0.3 * alienated - 0.2 * indifferent, 0.1, 1)
        p = votes[:, None] * special.softmax(u / float(s.temperature), axis=1)
        options = np.column_stack([p, 1 - votes])
        product = np.einsum("vc,vi,vj->cij", options, u, u, optimize=True) / len(u)
        replicates.append(np.concatenate([p.mean(axis=0), (options.T @ u / len(u)).ravel(), product.ravel()]))
    of_option = np.append(law.probability, 1 - law.probability.sum())[:, None]
    product = of_option[:, :, None] * (covariance(law) + law.mean[:, :, None] * law.mean[:, None, :])
    assert_near(replicates, np.concatenate([law.probability, (law.mean * of_option).ravel(), product.ravel()]))


@pytest.mark.slow
@pytest.mark.parametrize("name", ORDINARY)
def test_error_at_ordinary_temperatures(name):
    """The bound that docs/engines.md states, against a grid four times as fine."""
    fine, usual = law_of(ORDINARY[name], 4 * CELLS), law_of(ORDINARY[name])
    assert np.abs(usual.probability - fine.probability).max() < 1e-6
    assert np.abs(usual.mean - fine.mean).max() < 1e-5
    assert np.abs(covariance(usual) - covariance(fine)).max() < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "temperature", "bound"),
    [("default", 0.01, 2e-5), ("default", 1e-3, 2e-5), ("default", 1e-6, 2e-5), ("twelve", 1e-6, 2e-4)],
)
def test_error_near_temperature_zero(name, bound, temperature):
    given = {**ORDINARY[name], "temperature": temperature}
    assert np.abs(law_of(given).probability - law_of(given, 4 * CELLS).probability).max() < bound


def test_temperature_zero_between_two_parties():
    """The plane is cut at x = 0, an edge of cells, so that the sum of the cells on one side is the reference."""
    given = {
        "parties": [Party("Left", -0.5), Party("Right", 0.5)], "temperature": 1e-6, "indifference_threshold": -1.0,
    }  # fmt: skip
    grid = voter_grid(CELLS)
    share = grid.turnout[0][grid.node < 0].sum()
    assert law_of(given).probability[0] == pytest.approx(share, abs=1e-6)


def test_surplus_places_take_nothing():
    parameters = [read_parameters({}), read_parameters({"parties": TWELVE})]
    stacked = stack_scenarios(parameters, [0, 0], 12)
    laws = jax.device_get(cell_laws(stacked))
    assert np.all(laws.probability[0, 3:] == 0)
    assert np.all(laws.mean[0, 3:12] == 0)
    assert np.all(laws.probability[1] > 0)
    alone = law_of({})
    np.testing.assert_allclose(laws.probability[0, :3], alone.probability, rtol=0, atol=1e-14)
    np.testing.assert_allclose(laws.mean[0, [0, 1, 2, 12], :3], alone.mean, rtol=0, atol=1e-12)
    np.testing.assert_allclose(laws.factor[0, [0, 1, 2, 12], :3, :3], alone.factor, rtol=0, atol=1e-10)
    assert np.all(laws.factor[0, 3:12] == 0)
    assert laws.probability.dtype == np.float64


@pytest.mark.slow
def test_same_bits_in_any_stack():
    parameters = [read_parameters({"temperature": 0.1 * k, "economic_growth": 0.01 * k}) for k in range(1, 8)]
    together = jax.device_get(cell_laws(stack_scenarios(parameters, [0] * 7, 3)))
    for k, one in enumerate(parameters):
        alone = jax.device_get(cell_laws(stack_scenarios([one], [0], 3)))
        for a, b in zip(alone, together, strict=True):
            np.testing.assert_array_equal(a[0], b[k])


def test_a_single_party():
    law = law_of({"parties": TWELVE[:1], "indifference_threshold": 0.0})  # a range of 0 is not below 0
    assert law.probability[0] == pytest.approx(voter_grid(CELLS).turnout[0].sum(), abs=1e-12)
    law = law_of({"parties": TWELVE[:1], "indifference_threshold": 1e-3})
    assert law.probability[0] == pytest.approx(voter_grid(CELLS).turnout[1].sum(), abs=1e-12)


def test_parties_in_one_place():
    twins = [Party("A", 0.2, 0.1, 50), Party("B", 0.2, 0.1, 50), Party("C", -0.4, 0.0, 50)]
    for temperature in (0.5, 1e-6):
        law = law_of({"parties": twins, "temperature": temperature})
        assert np.all(np.isfinite(law.factor))
        assert law.probability[0] == pytest.approx(law.probability[1], abs=1e-14)
        assert np.all(law.factor[..., 1] == 0)  # the second twin's utility is known from the first's
        np.testing.assert_allclose(law.factor[:, 1], law.factor[:, 0], rtol=0, atol=1e-12)


# --- derivatives -----------------------------------------------------------------------------------------------------

LEVERS = {
    "temperature": 0.1, "alienation_threshold": 0.2, "indifference_threshold": 0.35, "economic_growth": 0.02,
    "national_mood": 0.01, "anti_incumbency": 0.03, "position_x": [-0.3, 0.3, 0.0], "position_y": [0.1, -0.1, 0.3],
    "valence": [50.0, 50.0, 45.0],
}  # fmt: skip


@pytest.mark.slow
def test_derivatives_are_those_of_the_shares():
    with jax.enable_x64(True):
        levers = {name: jnp.asarray(value) for name, value in LEVERS.items()}
        for function in (lambda p: vote_shares(p)[0], turnout):
            slopes = jax.grad(function)(levers)
            for name, value in levers.items():
                step = 0.5 if name == "valence" else 0.005
                for place in range(value.size):
                    change = step * np.eye(value.size)[place].reshape(value.shape)
                    moved = [function({**levers, name: value + k * change}) for k in (-2, -1, 1, 2)]
                    difference = (moved[0] - 8 * moved[1] + 8 * moved[2] - moved[3]) / (12 * step)
                    slope = np.ravel(slopes[name])[place]
                    # where the set of the indifferent has a corner, the slope is of first order in the cells' width
                    assert slope == pytest.approx(float(difference), rel=1e-2, abs=2e-3), (name, place)


def test_derivatives_are_finite_everywhere():
    node = float(voter_grid(CELLS).node[200])
    with jax.enable_x64(True):
        for temperature in (0.3, 1e-6):
            slopes = jax.grad(lambda p: vote_shares(p)[0])(
                {
                    "position_x": jnp.array([node, node, 1.0]), "position_y": jnp.array([node, node, -1.0]),
                    "temperature": temperature, "alienation_threshold": 0.5, "indifference_threshold": 0.0,
                }
            )  # fmt: skip
            assert all(np.all(np.isfinite(slope)) for slope in slopes.values())


def test_vote_shares_and_turnout():
    law = law_of({})
    np.testing.assert_allclose(vote_shares(), law.probability / law.probability.sum(), rtol=0, atol=1e-7)
    assert turnout() == pytest.approx(law.probability.sum(), abs=1e-7)  # the scenario's numbers are single
    assert vote_shares().dtype == np.float64
    assert vote_shares(parties=TWELVE).sum() == pytest.approx(1)


def test_bad_levers():
    with pytest.raises(InputError, match=r"'temprature' is not a lever\. Did you mean 'temperature'"):
        vote_shares({"temprature": 1.0})
    with pytest.raises(InputError, match=r"valence has shape \(2,\); it must be 3 numbers"):
        vote_shares({"valence": [1.0, 2.0]})
    with pytest.raises(InputError, match=r"temperature has shape \(2,\); it must be one number"):
        turnout({"temperature": [1.0, 2.0]})


def test_expected_tallies():
    parameters = [read_parameters({"n_constituencies": 7}), read_parameters({"n_constituencies": 3, "temperature": 1})]
    stacked = stack_scenarios(parameters, [0, 0], 3)
    laws = jax.device_get(cell_laws(stacked))
    simulation = np.repeat([0, 1], [7, 4])
    number = np.array([*range(7), *range(3), 0], np.uint32)
    n_voters = np.array([10] * 10 + [0])
    with jax.enable_x64(True):
        votes, welfare = jax.device_get(
            jax.jit(expected_tallies)(stacked, simulation, number, n_voters, laws, np.arange(2))
        )
    assert votes.dtype == welfare.dtype == np.int64
    assert np.all(votes[10] == 0)
    for s, here in ((0, slice(0, 7)), (1, slice(7, 10))):
        national = votes[here].sum(axis=0)
        np.testing.assert_array_equal(national, np.round(laws.probability[s] * ELECTORATE))
        assert np.ptp(votes[here], axis=0).max() <= 1
        options = np.append(laws.probability[s], 1 - laws.probability[s].sum())
        expected = options @ laws.mean[s] * 2.0**20 * stacked.welfare_scale[s]
        np.testing.assert_allclose(welfare[s], expected, rtol=0, atol=1)
