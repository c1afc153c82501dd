"""Voter models against their laws: rankings counted and held to exact probabilities, positions to their moments.

Statistical tests have fixed seeds. A chi-squared test, or a test of Kolmogorov and Smirnov, fails a right program with
probability 1e-6; a comparison of K = 5 standard errors with 6e-7. There are about 150 of them in this file: together
they fail a right program with a probability below 2e-4, once and for all.
"""

import itertools
import json
import math
from fractions import Fraction
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from esim_jax import ElectionModel, Party
from esim_jax.analysis import BatchRunner, ParameterSweep
from esim_jax.ask import Surroundings, appeal_of, ask_voters, draw_voters, prepare
from esim_jax.cli import main
from esim_jax.clusters import Cluster
from esim_jax.config import read_parameters
from esim_jax.errors import InputError
from esim_jax.model.behaviours import PartyView
from esim_jax.model.mixture import cluster_numbers
from esim_jax.model.preferences import draw_lots, order_parties, put_first
from esim_jax.model.scenario import seed_scenarios, stack_scenarios
from esim_jax.model.voters import VOTER_MODELS, find_voter_model
from esim_jax.random import seed_words
from esim_jax.systems.rankings import number_at, rank_parties

N = 100_000
K = 5.0
P = 1e-6
KEY = (jnp.uint32(20), jnp.uint32(26))
VOTERS = jnp.arange(N, dtype=jnp.uint32)
NOBODY = PartyView((jnp.float32(0), jnp.float32(0)), *[jnp.float32(0)] * 3)


def fits(counts, probabilities):
    """Whether counts could come from these probabilities; what can't happen must not."""
    counts, expected = np.asarray(counts, float), np.asarray(probabilities, float) * np.sum(counts)
    assert expected.sum() == pytest.approx(counts.sum())
    possible = expected > 0
    assert expected[possible].min() >= 5  # else the law of the statistic is another one
    if possible.sum() == 1 or counts[~possible].any():
        return not counts[~possible].any()
    statistic = ((counts - expected)[possible] ** 2 / expected[possible]).sum()
    return stats.chi2(possible.sum() - 1).sf(statistic) > P


def near(values, expected):
    """Whether the mean of independent values is what is expected, within K standard errors."""
    return abs(values.mean() - expected) < K * values.std(ddof=1) / math.sqrt(len(values))


# --- rankings --------------------------------------------------------------------------------------------------------


@lru_cache
def utilities_of(name, n_places):
    """The culture's utilities, (party, ...), as a compiled function of key, index and numbers."""
    model = VOTER_MODELS[name]

    @jax.jit
    def utilities(key, voter, numbers):
        placed = model.place(model.draw(key, voter, n_places, 2), numbers)
        return jnp.stack(model.behaviour(placed, [NOBODY] * n_places, numbers))

    return utilities


def numbers(**values):
    return {name: jnp.float32(value) for name, value in values.items()}


def drawn_utilities(name, n_options, n_places=6, **others):
    everything = utilities_of(name, n_places)(KEY, VOTERS, numbers(n_options=n_options, **others))
    return np.asarray(everything, np.float64)[:n_options]


def counted(utility):
    """How often each ranking is drawn, in the order of itertools.permutations."""
    order = np.argsort(-utility, axis=0, kind="stable")
    code = np.ravel_multi_index(tuple(order), (len(utility),) * len(utility))
    rankings = itertools.permutations(range(len(utility)))
    codes = [np.ravel_multi_index(ranking, (len(utility),) * len(utility)) for ranking in rankings]
    return np.array([np.count_nonzero(code == c) for c in codes])


def inversions(ranking):
    return sum(a > b for a, b in itertools.combinations(ranking, 2))


def impartial(m):
    return {ranking: Fraction(1, math.factorial(m)) for ranking in itertools.permutations(range(m))}


def mallows(m, phi):
    weight = {ranking: Fraction(phi) ** inversions(ranking) for ranking in itertools.permutations(range(m))}
    return {ranking: w / sum(weight.values()) for ranking, w in weight.items()}


def is_single_peaked(ranking):
    """By the definition: what is ranked before any place is an interval."""
    return all(max(ranking[:k]) - min(ranking[:k]) == k - 1 for k in range(1, len(ranking) + 1))


def walsh(m):
    return {r: Fraction(is_single_peaked(r), 2 ** (m - 1)) for r in itertools.permutations(range(m))}


def conitzer(m):
    def probability(ranking):
        if not is_single_peaked(ranking):
            return Fraction(0)
        p = Fraction(1, m)
        for k in range(1, m):  # a choice between two neighbours, as long as there are two
            p /= 2 if min(ranking[:k]) > 0 and max(ranking[:k]) < m - 1 else 1
        return p

    return {ranking: probability(ranking) for ranking in itertools.permutations(range(m))}


LAWS = [
    ("impartial_culture", {}, 4, impartial(4)),
    ("mallows", {"mallows_dispersion": 0.625}, 4, mallows(4, 0.625)),
    ("mallows", {"mallows_dispersion": 1}, 5, impartial(5)),
    ("mallows", {"mallows_dispersion": 0}, 5, mallows(5, 0)),
    ("mallows", {"mallows_dispersion": 0.5}, 2, mallows(2, 0.5)),
    ("single_peaked", {}, 6, walsh(6)),
    ("single_peaked", {}, 3, walsh(3)),
    ("single_peaked_conitzer", {}, 5, conitzer(5)),
    ("single_peaked_conitzer", {}, 6, conitzer(6)),
    ("single_peaked_conitzer", {}, 1, conitzer(1)),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("name", "others", "m", "law"), LAWS)
def test_rankings_are_as_likely_as_stated(name, others, m, law):
    assert sum(law.values()) == 1
    assert fits(counted(drawn_utilities(name, m, **others)), [law[r] for r in itertools.permutations(range(m))])


def test_the_test_of_rankings_can_fail():
    """The law of a slightly different dispersion, and Conitzer's for Walsh's."""
    utility = drawn_utilities("mallows", 4, mallows_dispersion=0.65)
    assert not fits(counted(utility), [*mallows(4, 0.625).values()])
    assert not fits(counted(drawn_utilities("single_peaked", 5)), [*conitzer(5).values()])


@pytest.mark.parametrize(
    ("name", "others"),
    [("mallows", {"mallows_dispersion": 1}), ("mallows", {"mallows_dispersion": 0.3}), ("single_peaked", {}),
     ("single_peaked_conitzer", {})],
)  # fmt: skip
def test_utilities_are_order_statistics_of_uniform_numbers(name, others):
    m = 4
    utility = drawn_utilities(name, m, **others)
    heights = -np.sort(-utility, axis=0)
    for k in range(m):  # the k-th largest of m
        assert stats.kstest(heights[k], stats.beta(m - k, k + 1).cdf).pvalue > P
    # independent of the order: by place of the first party
    place = (utility > utility[0]).sum(axis=0)
    for k, p in itertools.product(range(m), np.unique(place)):
        assert near(heights[k][place == p], (m - k) / (m + 1))
    ratios = heights[1:] ** np.arange(m - 1, 0, -1)[:, None] / heights[:-1] ** np.arange(m - 1, 0, -1)[:, None]
    cells = np.ravel_multi_index(tuple((ratios * 4).astype(int).clip(0, 3)), (4,) * (m - 1))
    assert fits(np.bincount(cells, minlength=64), np.full(64, 1 / 64))  # (U_k+1 / U_k)^(m - k) are uniform, independent


@pytest.mark.parametrize("name", ["impartial_culture", "mallows"])
def test_the_impartial_culture_is_independent_uniform_utilities(name):
    """As drawn, and as the special case of a culture by an order."""
    utility = drawn_utilities(name, 3, mallows_dispersion=1)
    assert 0 < utility.min() < utility.max() < 1
    cells = np.ravel_multi_index(tuple((utility * 8).astype(int)), (8,) * 3)
    assert fits(np.bincount(cells, minlength=512), np.full(512, 1 / 512))


# --- the impartial anonymous culture ---------------------------------------------------------------------------------

ELECTIONS, EACH = 8_000, 12


@lru_cache
def anonymous_profiles(m):
    """Rankings drawn in many elections, as numbers, (election, voter)."""
    high, low = seed_words(np.arange(ELECTIONS, dtype=np.uint64) + np.uint64(2**40))
    key = (jnp.asarray(high)[:, None], jnp.asarray(low)[:, None])
    voter = jnp.arange(EACH, dtype=jnp.uint32)[None]
    utility = utilities_of("impartial_anonymous_culture", 6)(key, voter, numbers(n_options=m))
    order = np.argsort(-np.asarray(utility)[:m], axis=0)
    return np.ravel_multi_index(tuple(order), (m,) * m)


@pytest.mark.parametrize("m", [2, 3, 4, 6])
def test_two_voters_of_one_election_agree_as_often_as_in_polyas_urn(m):
    """With probability 2 / (m! + 1), and voters of different elections with 1 / m!."""
    profiles = anonymous_profiles(m)
    pairs = list(itertools.combinations(range(EACH), 2))
    agreement = np.mean([profiles[:, a] == profiles[:, b] for a, b in pairs], axis=0)
    assert near(agreement, 2 / (math.factorial(m) + 1))
    others = (profiles[::2] == profiles[1::2]).mean(axis=1)
    assert near(others, 1 / math.factorial(m))


@pytest.mark.parametrize(("m", "n"), [(2, 9), (3, 3)])
def test_all_anonymous_profiles_are_equally_likely(m, n):
    """As numbers of voters by ranking: C(n + m! - 1, n) of them."""
    rankings = np.unique(anonymous_profiles(m))
    assert len(rankings) == math.factorial(m)
    held = np.stack([(anonymous_profiles(m)[:, :n] == ranking).sum(axis=1) for ranking in rankings], axis=1)
    profiles, counts = np.unique(held, axis=0, return_counts=True)
    assert len(profiles) == math.comb(n + math.factorial(m) - 1, n)
    assert fits(counts, np.full(len(profiles), 1 / len(profiles)))


def test_every_ranking_of_six_parties_is_as_likely():
    assert fits(np.unique(anonymous_profiles(6)[:, 0], return_counts=True)[1], np.full(720, 1 / 720))


# --- surplus places --------------------------------------------------------------------------------------------------

ORDERED = ["impartial_anonymous_culture", "mallows", "single_peaked", "single_peaked_conitzer"]


@pytest.mark.slow
@pytest.mark.parametrize("name", [*ORDERED, "impartial_culture"])
def test_surplus_places_change_no_bit(name):
    index = jnp.arange(512, dtype=jnp.uint32)
    given = numbers(n_options=3, mallows_dispersion=0.7)
    few, many = (utilities_of(name, n_places)(KEY, index, given) for n_places in (3, 7))
    assert np.array_equal(few, many[:3])
    # step by step, with more places than the culture has room for
    model, places = VOTER_MODELS[name], 17
    utility = model.behaviour(model.place(model.draw(KEY, index, places, 2), given), [NOBODY] * places, given)
    assert len(utility) == places
    np.testing.assert_allclose(np.stack(utility[:3]), few, rtol=1e-5)


# --- whole blocks of voters ------------------------------------------------------------------------------------------


def block(n_voters=N, **parameters):
    """The rankings of one election's voters, (voter, place), and the utilities, (party, voter)."""
    full = read_parameters(parameters | {"n_voters": n_voters, "n_constituencies": 1})
    model = find_voter_model(full)
    n_options = len(full["parties"]) + full["include_nota"]
    n_rows = n_voters // 128
    stacked = stack_scenarios([full], [0], n_options, model)
    scenario = seed_scenarios(stacked, np.zeros(1, int), np.array([77], np.uint64), 1)

    @jax.jit
    def ask(scenario):
        s = jax.tree.map(lambda field: jnp.asarray(field)[:, None], prepare(scenario, model))
        key = s.key_high[:, 0], s.key_low[:, 0]
        first = jnp.arange(n_rows, dtype=jnp.uint32) * np.uint32(128)
        voters, index, _ = draw_voters(s, model, key, jnp.full(n_rows, 128), first)
        _, utility, ballots = ask_voters(s, model, voters, appeal_of(s, model, Surroundings()), Surroundings())
        of_rows = (key[0][:, None], key[1][:, None])
        if model.sincere:
            words = rank_parties(put_first(ballots, utility), lots=draw_lots(of_rows, index, n_options))
        else:
            words = rank_parties(order_parties(of_rows, index, ballots, utility, s.temperature))
        ranking = jnp.stack([number_at(words, place) for place in range(n_options)], axis=-1).reshape(-1, n_options)
        return ranking, jnp.stack([jnp.broadcast_to(u, index.shape).reshape(-1) for u in utility])

    ranking, utility = ask(scenario)
    return np.asarray(ranking).astype(int) - 1, np.asarray(utility, np.float64)


def counted_rankings(rankings):
    return [np.count_nonzero((rankings == r).all(axis=1)) for r in itertools.permutations(range(rankings.shape[1]))]


def test_plackett_luce():
    """Worths exp(valence / (100 temperature)) of all parties, and of an incumbent with its effect."""
    temperature = 0.4
    parties = [Party("A", 0.9, 0.9, 0.0), Party("B", -3.0, 0.0, 60.0), Party("C", 0.0, 0.0, 20.0, incumbent=True)]
    rankings, utility = block(
        voter_model="plackett_luce", temperature=temperature, parties=parties, national_mood=0.1,
    )  # fmt: skip
    appeal = np.array([0.0, 0.6, 0.2 + 0.1])
    np.testing.assert_allclose(utility, np.broadcast_to(appeal[:, None], utility.shape), rtol=1e-6)
    worth = np.exp(appeal / temperature)
    law = []
    for ranking in itertools.permutations(range(3)):
        left = [worth[[*ranking[k:]]].sum() for k in range(3)]
        law.append(math.prod(worth[party] / rest for party, rest in zip(ranking, left, strict=True)))
    assert fits(counted_rankings(rankings), law)


def test_parties_at_one_place_are_ranked_in_every_order_as_often():
    """Sincere voters have lots for what is worth the same to them."""
    parties = [Party(name, 0.2, 0.1) for name in "ABC"]
    rankings, _ = block(voter_model="spatial_uniform", temperature=0, parties=parties)
    assert fits(counted_rankings(rankings), np.full(6, 1 / 6))


def test_sincere_voters_rank_by_distance():
    parties = [Party("A", 0.2, 0.1), Party("B", -0.5, 0.3), Party("C", 0.0, -0.2)]
    rankings, utility = block(voter_model="spatial_clusters", temperature=0, parties=parties, dimensions=1)
    assert np.array_equal(rankings, np.argsort(-utility, axis=0, kind="stable").T)
    # one dimension: the second coordinate counts for nobody
    assert np.abs(utility[0] - utility[1]).max() == pytest.approx(0.7)


# --- points in a space -----------------------------------------------------------------------------------------------

CLUSTERS = (Cluster(3.0, -1.0, 0.5, 0.2), Cluster(1.0, 0.4, -0.3, 0.6), Cluster(2.0, 1.5, 0.0, 0.1))
SPATIAL = {
    "spatial_normal": {"voter_spread": 0.7, "voter_correlation": 0.4},
    "spatial_uniform": {"voter_spread": 0.7},
    "spatial_clusters": cluster_numbers(CLUSTERS),
}


def cluster_law(of_cluster):
    """A mean over the clusters of what a function says of each."""
    return sum(c.weight * of_cluster(c) for c in CLUSTERS) / sum(c.weight for c in CLUSTERS)


def cluster_cdf(dimension):
    centre = [lambda c: c.position_x, lambda c: c.position_y, lambda c: 0.0][dimension]
    return lambda v: cluster_law(lambda c: stats.norm.cdf(v, centre(c), c.spread))


def laws(name):
    """Distribution functions of the first three coordinates."""
    if name == "spatial_clusters":
        return [cluster_cdf(d) for d in range(3)]
    if name == "spatial_normal":
        return [stats.norm(0, 0.7).cdf] * 3
    half = 0.7 * math.sqrt(3)
    return [stats.uniform(-half, 2 * half).cdf] * 3


def products(name):
    """Expected products of coordinates 0 and 1, and of 0 and 2."""
    if name == "spatial_clusters":
        return cluster_law(lambda c: c.position_x * c.position_y), 0.0
    return (0.4 * 0.7**2,) * 2 if name == "spatial_normal" else (0.0, 0.0)


@pytest.mark.parametrize("name", SPATIAL)
def test_voters_follow_their_law_in_space(name):
    """Coordinates one by one, in pairs, and with the voter's chance; those beyond the election's dimensions are 0."""
    model = VOTER_MODELS[name]
    given = numbers(dimensions=3, **SPATIAL[name])
    place = jax.jit(lambda given: model.place(model.draw(KEY, VOTERS, 2, 4), given))
    voters = place(given)
    x = np.asarray(voters.position, np.float64)
    assert not x[3].any()
    for d, law in enumerate(laws(name)):
        assert stats.kstest(x[d], law).pvalue > P
    for d, expected in zip((1, 2), products(name), strict=True):
        assert near(x[0] * x[d], expected)
    chance = np.asarray(voters.chance, np.float64)
    assert stats.kstest(chance, "uniform").pvalue > P
    for values in x[:3]:
        assert near((values - values.mean()) * (chance - 0.5), 0.0)
    line = np.asarray(place({**given, "dimensions": jnp.float32(1)}).position)
    assert np.array_equal(line[0], x[0].astype(np.float32))
    assert not line[1:].any()


@pytest.mark.parametrize("name", SPATIAL)
def test_fewer_coordinates_than_the_longest_list_of_the_sweep_change_no_bit(name):
    model = VOTER_MODELS[name]
    given = numbers(dimensions=2, **SPATIAL[name])
    index = jnp.arange(512, dtype=jnp.uint32)
    few, many = (model.place(model.draw(KEY, index, 2, n), given).position for n in (2, 5))
    assert np.array_equal(few, many[:2])


@pytest.mark.parametrize("name", SPATIAL)
def test_positions_of_parties_are_drawn_anew_in_every_election(name):
    """In the voters' law times the dispersion, whatever the run's number; NOTA stays in the middle."""
    n, dispersion = 20_000, 0.5
    clusters = [vars(cluster) for cluster in CLUSTERS]
    full = read_parameters(
        {"voter_model": name, "dimensions": 3, "positions_drawn": True, "position_dispersion": dispersion,
         "voter_spread": 0.7, "voter_correlation": 0.4, "clusters": clusters, "include_nota": True}
    )  # fmt: skip
    model = find_voter_model(full)
    seeds = np.arange(n, dtype=np.uint64)
    stacked = stack_scenarios([full], [0], 5, model)
    scenarios = seed_scenarios(stacked, np.zeros(n, int), seeds, n)
    drawn = jax.jit(lambda s: prepare(s, model))(scenarios)
    x = np.stack([drawn.position_x, drawn.position_y, drawn.further[..., 0]]).astype(
        np.float64
    )  # dimension, run, party
    for d, law in enumerate(laws(name)):
        assert stats.kstest(x[d, :, 0] / dispersion, law).pvalue > P
    for party in range(3):
        for d, expected in zip((1, 2), products(name), strict=True):
            assert near(x[0, :, party] * x[d, :, party], expected * dispersion**2)
    for a, b in itertools.combinations(range(3), 2):  # parties are independent
        centred = x[0] - x[0].mean(axis=0)
        assert near(centred[:, a] * centred[:, b], 0.0)
    assert not x[:, :, 3].any()
    assert np.array_equal(x[:, :, 4], x[:, :, 0])


def test_without_correlation_the_normal_model_draws_the_same_voters_for_less():
    """What is left out of the program where the correlation is 0 would not have changed a bit."""
    key, voters = (jnp.uint32(1), jnp.uint32(2)), jnp.arange(512, dtype=jnp.uint32)
    parameters = {name: jnp.float32(v) for name, v in {"voter_spread": 0.7, "dimensions": 3}.items()}
    whole = VOTER_MODELS["spatial_normal"]
    less = find_voter_model(read_parameters({"voter_model": "spatial_normal"}))
    assert "voter_correlation" in whole.numbers
    assert "voter_correlation" not in less.numbers
    given = parameters | {"voter_correlation": jnp.float32(0), "position_dispersion": jnp.float32(0.5)}
    for found in (
        [model.place(model.draw(key, voters, 2, 3), given).position for model in (whole, less)],
        [model.positions(key, 4, 3, given) for model in (whole, less)],
    ):
        assert (np.stack(found[0]) == np.stack(found[1])).all()


# --- whole elections -------------------------------------------------------------------------------------------------

SWEEPS = {
    "space": (
        {"dimensions": [2, 3]},
        {"voter_model": "spatial_normal", "voter_correlation": 0.5, "positions_drawn": True,
         "parties": [Party(name) for name in "ABCD"]},
    ),
    "anonymous": (
        {"parties": [[Party(name) for name in "ABC"], [Party(name) for name in "ABCD"]]},
        {"voter_model": "impartial_anonymous_culture"},
    ),
    "clusters": (
        {"clusters": [[{"weight": 1}, {"weight": 2, "position_x": 1.0}], [vars(c) for c in CLUSTERS]]},
        {"voter_model": "spatial_clusters"},
    ),
}  # fmt: skip
METRICS = ["turnout", "gallagher", "enp_votes", "enp_seats", "vse"]


def held(name, **options):
    parameters, fixed = SWEEPS[name]
    fixed = fixed | {"n_voters": 700, "n_constituencies": 3, "temperature": 0.0}
    sweep = ParameterSweep(parameters, fixed)
    runner = BatchRunner(
        ElectionModel, sweep, n_runs_per_config=3, seed=9, verbose=False, metrics=METRICS, **options
    )  # fmt: skip
    return runner, runner.run()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["space", "anonymous"])
def test_the_results_of_a_sweep_do_not_depend_on_its_chunks_and_each_row_can_be_held_again(name):
    _, results = held(name)
    assert results["gallagher"].n_unique() > results.height / 2
    assert held(name, chunk_size=2)[1].equals(results)
    for row in results.filter(results["run_idx"] == 1).iter_rows(named=True):
        parameters = {key: row[key] for key in row if key not in {"config_idx", "run_idx", "seed", *METRICS}}
        again = ElectionModel(**parameters, seed=row["seed"]).run_election()
        assert [getattr(again, metric) for metric in METRICS] == [row[metric] for metric in METRICS]


def test_everybody_votes_with_the_same_probability():
    n, p = 50_000, 0.37
    turnout = ElectionModel(
        voter_model="impartial_culture", n_voters=n, participation=p, temperature=0, seed=3
    ).run_election().turnout  # fmt: skip
    assert abs(turnout - p) < K * math.sqrt(p * (1 - p) / n)


# --- parameters ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"clusters": []}, "clusters has 0 entries: give 1 to 8"),
        ({"clusters": [{}] * 9}, "clusters has 9 entries"),
        ({"clusters": "two"}, "clusters = 'two' is not a list"),
        ({"clusters": [3]}, "clusters: 3 is not a mapping; give weight, position_x, position_y, spread"),
        ({"clusters": [{"x": 1}]}, "clusters: unknown field 'x'; a cluster has weight"),
        ({"clusters": [{"weight": 0}]}, "clusters: weight = 0 is not allowed: it must be a number from 1e-06"),
        ({"clusters": [{"spread": -1.0}]}, "clusters: spread = -1.0 is not allowed"),
        ({"clusters": [{"position_x": math.nan}]}, "clusters: position_x = nan is not allowed"),
        ({"clusters": [{"position_y": True}]}, "clusters: position_y = True is not allowed"),
        ({"mallows_dispersion": 1.5}, "mallows_dispersion = 1.5 is not allowed: .* of at least 0 and of at most 1"),
        (
            {"voter_model": "impartial_anonymous_culture", "parties": [Party(name) for name in "ABCDEFG"]},
            "parties has 7 parties: voter_model = 'impartial_anonymous_culture' has room for 6",
        ),
        (
            {"voter_model": "impartial_anonymous_culture", "parties": [Party(x) for x in "ABCDEF"],
             "include_nota": True},
            "parties has 6 parties: .* has room for 6, with NOTA",
        ),
        ({"voter_model": "mallows", "parties": [Party(f"{k}") for k in range(16)]}, "has room for 15"),
        ({"voter_model": "single_peaked", "engine": "multinomial"}, "engine = 'multinomial' is not allowed with voter"),
        ({"voter_model": "spatial_clusters", "dimensions": 3}, "dimensions = 3 is not allowed where parties have"),
    ],
)  # fmt: skip
def test_what_a_voter_model_can_not_do_is_refused_by_name(given, message):
    with pytest.raises(InputError, match=message):
        ElectionModel(**given)


def test_clusters_are_read_from_results_and_from_files(tmp_path):
    """The columns of results, the file of an election, and a configuration hold mappings."""
    runner, results = held("clusters")
    stated = [[dict(cluster) for cluster in clusters] for clusters in results["clusters"].to_list()]
    assert stated[-1] == [vars(cluster) for cluster in CLUSTERS]
    assert stated[0][0] == {"weight": 1.0, "position_x": 0.0, "position_y": 0.0, "spread": 0.3}
    runner.export_results(tmp_path / "results.csv")
    sweep = {"parameters": {"clusters": [stated[0], stated[-1]]}, "fixed_params": {"voter_model": "spatial_clusters"}}
    sweep["fixed_params"] |= {"n_voters": 700, "n_constituencies": 3, "temperature": 0.0}
    sweep |= {"n_runs_per_config": 3, "seed": 9}
    (tmp_path / "sweep.json").write_text(json.dumps(sweep))
    main(["batch", "--config", str(tmp_path / "sweep.json"), "--output", str(tmp_path / "again.csv"), "--quiet"])
    lines = [(tmp_path / name).read_text().splitlines() for name in ("results.csv", "again.csv")]
    assert len(lines[0]) == 7
    column = results.columns.index("seed")
    assert [line.split(",")[column] for line in lines[0]] == [line.split(",")[column] for line in lines[1]]
    assert main(["replay", str(tmp_path / "results.csv"), "--row", "4"]) == 0
