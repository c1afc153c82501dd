"""Behaviours: each against NumPy on the very voters that are drawn; and functions of a user's own."""

import json
import linecache
import math
import pickle

import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from esim_jax import BatchRunner, ElectionModel, InputError, ParameterSweep, Party
from esim_jax.cli import main
from esim_jax.config import PARAMETERS, read_parameters
from esim_jax.model import voters as voter_models
from esim_jax.model.behaviours import proximity
from esim_jax.model.spatial import by_law, positions_by, spread, uniform
from esim_jax.names import CULTURES, VOTER_MODELS
from esim_jax.own_behaviour import fingerprint, read_own_behaviour
from esim_jax.random import as_uint64, seed_words
from esim_jax.sweep.identity import model_identity

N, SEED, SPREAD = 3_000, 11, 0.5
PARTIES = [Party("A", -0.3, 0.1, 50.0, incumbent=True), Party("B", 0.4, -0.5, 50.0), Party("C", 0.1, 0.6, 45.0)]
BASE = {"voter_model": "spatial_uniform", "parties": PARTIES, "n_voters": N, "n_constituencies": 3, "seed": SEED}
K = 5.0
"""Standard errors allowed; a right program fails one of the 6 comparisons with probability 4e-6, once and for all."""


def loyal(voters, parties, *, loyalty=0.2, economic_growth):
    return [p.appeal - jnp.hypot(voters.x - p.x, voters.y - p.y) + loyalty * p.incumbent for p in parties]


def relative(voters, parties):
    """Looks at all parties together: the distance in multiples of the parties' mean distance."""
    distances = [jnp.hypot(voters.x - p.x, voters.y - p.y) for p in parties]
    return -jnp.stack(distances) / (sum(distances) / len(parties))


def key():
    high, low = seed_words(as_uint64(SEED))
    return jnp.asarray(high), jnp.asarray(low)


def positions(n_dimensions=2):
    """The voters' coordinates, voter x dimension."""
    drawn = by_law(uniform)(key(), jnp.arange(N, dtype=jnp.uint32), 3, n_dimensions)
    return SPREAD * np.stack([np.asarray(z, float) for z in drawn.position], axis=-1)


def party_positions():
    return np.array([(p.position_x, p.position_y) for p in PARTIES])


def utilities(x, p, appeal, *, salience=(1, 1), directional=0.0):
    s = np.array(salience, float)
    distance = np.sqrt((s * (x[:, None] - p) ** 2).sum(axis=-1))
    return appeal - (1 - directional) * distance + directional * (s * x[:, None] * p).sum(axis=-1)


def votes_of_best(u, n_constituencies=3):
    """Votes by constituency where everybody chooses the best party, and nobody is in doubt."""
    ordered = np.sort(u, axis=-1)
    assert (ordered[:, -1] - ordered[:, -2]).min() > 1e-6
    chosen = np.split(u.argmax(axis=-1), n_constituencies)
    return np.array([np.bincount(part, minlength=u.shape[1]) for part in chosen])


def vse(u, seats):
    w = u.sum(axis=0)
    return ((seats / seats.sum()) @ w - w.mean()) / (w.max() - w.mean())


APPEAL = np.array([p.valence for p in PARTIES]) / 100
LOYAL = APPEAL + np.array([0.3, 0, 0])
CASES = {
    "weighted_proximity": ({"salience": [4, 0.25]}, APPEAL, {"salience": (4, 0.25)}),
    "directional": (
        {"salience": [0.5, 2], "directional_weight": 0.7},
        APPEAL,
        {"salience": (0.5, 2), "directional": 0.7},
    ),
    "own": ({"behaviour": loyal, "loyalty": 0.3}, LOYAL, {}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_sincere_voters_choose_as_in_numpy(name):
    given, appeal, options = CASES[name]
    u = utilities(positions(), party_positions(), appeal, **options)
    result = ElectionModel(**BASE, temperature=0, electoral_system="PR", **{"behaviour": name, **given}).run_election()
    assert result.constituency_votes.tolist() == votes_of_best(u).tolist()
    assert result.vse == pytest.approx(vse(u, result.seats), abs=1e-3 if name == "own" else 1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["directional", "own"])
def test_other_voters_choose_by_their_law(name):
    given, appeal, options = CASES[name]
    u = utilities(positions(), party_positions(), appeal, **options) / 0.3
    p = np.exp(u - u.max(axis=-1, keepdims=True))
    p /= p.sum(axis=-1, keepdims=True)
    result = ElectionModel(**BASE, temperature=0.3, **{"behaviour": name, **given}).run_election()
    z = (result.vote_counts - p.sum(axis=0)) / np.sqrt((p * (1 - p)).sum(axis=0))
    assert np.abs(z).max() < K
    assert result.turnout == 1


def test_the_pure_directional_model_prefers_the_further_party():
    """Rabinowitz and Macdonald: of two parties on the voter's side, the one that is more intense."""
    parties = [Party("moderate", 0.2), Party("intense", 0.9)]
    given = {"voter_model": "spatial_uniform", "dimensions": 1, "parties": parties, "n_voters": N, "temperature": 0}
    votes = ElectionModel(**given, behaviour="directional", seed=SEED).run_election().vote_counts
    assert votes.tolist() == [(positions(1) < 0).sum(), (positions(1) > 0).sum()]


def test_salience_in_three_dimensions():
    numbers = {"voter_spread": SPREAD, "position_dispersion": 1.0, "dimensions": 3.0}
    drawn = positions_by(uniform, spread)(key(), 3, 3, {name: jnp.float32(v) for name, v in numbers.items()})
    u = utilities(positions(3), np.asarray(drawn, float), 0.5, salience=(1, 4, 0))
    given = {**BASE, "dimensions": 3, "positions_drawn": True, "behaviour": "weighted_proximity", "temperature": 0}
    given["parties"] = [{"name": name} for name in "ABC"]
    result = ElectionModel(**given, salience=[1, 4, 0]).run_election()
    assert result.constituency_votes.tolist() == votes_of_best(u).tolist()


def test_neutral_numbers_give_proximity():
    """With equal salience, and without any weight of the direction, voters do as by default."""
    expected = ElectionModel(**BASE).run_election().constituency_votes.tolist()
    for given in ({"behaviour": "weighted_proximity"}, {"behaviour": "directional", "directional_weight": 0}):
        assert ElectionModel(**BASE, **given).run_election().constituency_votes.tolist() == expected


def test_bounds_hold_in_the_furthest_corners():
    """Voters and parties at the ends of every axis; parties of up to the largest position."""
    rng = np.random.default_rng(5)
    for _ in range(200):
        party = Party("A", *rng.choice([-1, 1], 2) * 10 ** rng.uniform(-2, 4, 2), rng.uniform(-1e4, 1e4))
        s, weight = rng.uniform(0, 20, 2), rng.uniform()
        x = np.array([(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1)], float)
        for behaviour, directional in (("weighted_proximity", 0.0), ("directional", weight)):
            p = read_parameters(
                {"parties": [party], "behaviour": behaviour, "salience": s.tolist(), "directional_weight": weight}
            )
            model = voter_models.find_voter_model(p)
            where = np.array([[party.position_x, party.position_y]])
            u = utilities(x, where, 0.01 * party.valence, salience=s, directional=directional)
            assert np.abs(u).max() <= model.stretch(p, model.bound(p, [party])) * (1 + 1e-12)


def test_cultures_are_the_voter_models_without_a_behaviour():
    assert {*VOTER_MODELS} == {*voter_models.VOTER_MODELS}
    for name, model in voter_models.VOTER_MODELS.items():
        assert (model.behaviour is proximity) == (name not in CULTURES)


# --- functions of a user's own ----------------------------------------------------------------------------------------


def run(parameters, fixed, **options):
    sweep = ParameterSweep(parameters, fixed_params=fixed)
    runner = BatchRunner(ElectionModel, sweep, **{"n_runs_per_config": 2, "seed": 3, "verbose": False, **options})
    return runner, runner.run()


@pytest.fixture(scope="module")
def ballots():
    """Ballots of two lengths, sincere voters, a function that looks at all parties together."""
    lists = [PARTIES, [*PARTIES, Party("D", -0.6, -0.4), Party("E", 0.2, 0.1)]]
    fixed = {"behaviour": relative, "voter_model": "spatial_uniform", "n_voters": N, "temperature": 0}
    return {"parties": lists}, fixed, run({"parties": lists}, fixed)[1]


@pytest.mark.slow
def test_a_function_sees_the_ballot_of_its_own_configuration(ballots):
    parameters, fixed, results = ballots
    row = results.row(1, named=True)  # of the shorter ballot
    alone = ElectionModel(**fixed, parties=parameters["parties"][0], seed=row["seed"]).run_election()
    for name in ("turnout", "gallagher", "vse"):
        assert alone[name] == row[name]


def test_chunks_change_nothing(ballots):
    parameters, fixed, results = ballots
    assert run(parameters, fixed, chunk_size=1)[1].equals(results)


def test_a_function_of_all_parties_is_as_in_numpy():
    x, p = positions(), party_positions()
    distance = np.linalg.norm(x[:, None] - p, axis=-1)
    u = -distance / distance.mean(axis=-1, keepdims=True)
    result = ElectionModel(**BASE, temperature=0, behaviour=relative).run_election()
    assert result.constituency_votes.tolist() == votes_of_best(u).tolist()


def test_a_function_s_numbers_are_swept_and_become_columns(tmp_path):
    fixed = {"behaviour": loyal, "n_voters": 1_000}
    runner, results = run({"loyalty": [0, 0.5]}, fixed, run_dir=tmp_path / "runs")
    assert results.columns[:6] == ["config_idx", "run_idx", "seed", "loyalty", "behaviour", "n_voters"]
    assert results["loyalty"].to_list() == [0, 0, 0.5, 0.5]
    assert set(results["behaviour"]) == {f"{__name__}:loyal"}
    row = results.row(3, named=True)
    by_name = {name: row[name] for name in ("loyalty", "behaviour", "n_voters", "seed")}
    assert ElectionModel(**by_name).run_election().vse == row["vse"]
    assert ElectionModel(**runner.simulation(1, 1)).run_election().vse == row["vse"]
    for name in ("results.csv", "results.parquet", "results.json"):
        runner.export_results(tmp_path / name)
    assert pl.read_csv(tmp_path / "results.csv").equals(results)

    def kept_of(numbers, behaviour):
        sweep = ParameterSweep({"loyalty": numbers}, fixed_params={**fixed, "behaviour": behaviour})
        options = {"n_runs_per_config": 2, "seed": 3, "run_dir": tmp_path / "runs", "resume": True}
        return BatchRunner(ElectionModel, sweep, **options).n_kept

    assert kept_of([0, 0.5, 0.7], loyal) == 4
    namespace = {"jnp": jnp, "__name__": __name__}
    exec("def loyal(voters, parties, *, loyalty=0.2):\n return [-loyalty * voters.x for _ in parties]", namespace)
    assert kept_of([0, 0.5], namespace["loyal"]) == 0


def test_the_same_configuration_has_the_same_seeds_whatever_is_said_of_it():
    def identity(**given):
        return model_identity(read_parameters(given))

    assert identity(behaviour="proximity", salience=[1, 1], directional_weight=1.0) == identity()
    assert (
        identity(behaviour=loyal) == identity(behaviour=loyal, loyalty=0.2) == identity(behaviour=f"{__name__}:loyal")
    )
    assert identity(behaviour=loyal) != identity(behaviour=loyal, loyalty=0.3)
    assert len({identity(), identity(behaviour=loyal), identity(behaviour=relative)}) == 3
    assert "loyalty" not in identity(behaviour=loyal)


WEIGHTS = {"a": 1.0}


def weighs(u):
    return WEIGHTS["a"] * u


def reads_globals(voters, parties):
    return [weighs(voters.x) for _ in parties]


def test_what_a_function_reads_is_part_of_its_identity(monkeypatch):
    def make(weight):
        def inner(voters, parties):
            return [sum([weight * voters.x for _ in "x"]) for _ in parties]

        return inner

    assert fingerprint(make(1.0)) == fingerprint(make(1.0))
    assert fingerprint(make(1.0)) != fingerprint(make(2.0))
    assert fingerprint(make(np.arange(3.0))) != fingerprint(make(np.arange(4.0)))
    one, two = (lambda voters, parties: [1.0]), (lambda voters, parties: [2.0])
    assert fingerprint(one) != fingerprint(two)
    before = fingerprint(reads_globals)  # through a function that it calls
    monkeypatch.setitem(WEIGHTS, "a", 2.0)
    assert fingerprint(reads_globals) != before


def test_a_function_without_source_has_an_identity(monkeypatch):
    # what `python -c` runs, since Python 3.13
    monkeypatch.setitem(linecache.cache, "<string>", (12, None, ["import study\n"] * 3, "<string>"))
    texts = [f"def f(voters, parties):\n return [voters.x * w for w, _ in zip((1., {w}), parties)]" for w in "223"]
    made = []
    for text in texts:
        namespace = {"__name__": "typed"}
        exec(text, namespace)
        made.append(fingerprint(namespace["f"]))
    assert made[0] == made[1] != made[2]


def test_parameters_with_a_function_can_be_pickled():
    parameters = read_parameters({"behaviour": loyal, "loyalty": 0.4})
    assert pickle.loads(pickle.dumps(parameters)) == parameters
    assert parameters["loyalty"] == 0.4


def test_utilities_that_are_not_finite_have_a_defined_meaning():
    """Not a number and minus infinity are worse, and infinity is better, than whatever else there is."""

    def odd(voters, parties, *, which=0.0):
        strange = jnp.where(which == 0, jnp.nan, jnp.where(which == 1, jnp.inf, -jnp.inf))
        return [-jnp.abs(voters.x), jnp.where(voters.y > 0, strange, -jnp.abs(voters.x - 0.2)), voters.y * 1e5]

    above = (positions()[:, 1] > 0).sum()
    for which in (0, 1, 2):
        result = ElectionModel(**BASE, behaviour=odd, which=which, temperature=0).run_election()
        assert math.isfinite(result.vse)
        assert result.vote_counts[2] == (0 if which == 1 else above)
        assert result.turnout == 1


def test_welfare_counts_utilities_up_to_its_bound():
    def steep(voters, parties, *, height=1.0):
        return [height * jnp.ones_like(voters.x), -jnp.ones_like(voters.x), jnp.zeros_like(voters.x)]

    given = {**BASE, "behaviour": steep, "electoral_system": "PR", "temperature": 2e4}
    for height in (900.0, 1e5):
        result = ElectionModel(**given, height=height).run_election()
        w = np.array([min(height, 1024.0), -1, 0])
        expected = (result.seat_shares @ w - w.mean()) / (w.max() - w.mean())
        assert result.vse == pytest.approx(expected, abs=1e-6)


def test_the_command_line_finds_a_function_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = "def near(voters, parties, *, pull=1.0):\n    return [-pull * abs(voters.x - p.x) for p in parties]\n"
    (tmp_path / "my_study.py").write_text(source)
    fixed = {"behaviour": "my_study:near", "n_voters": 1_000}
    config = {"parameters": {"pull": [2]}, "fixed_params": fixed, "seed": 1}
    (tmp_path / "sweep.json").write_text(json.dumps(config))
    assert main(["batch", "--config", "sweep.json", "--output", "results.parquet", "--quiet"]) == 0
    assert pl.read_parquet("results.parquet")["behaviour"].unique().to_list() == ["my_study:near"]
    assert main(["replay", "results.parquet", "--row", "0", "--quiet"]) == 0
    arguments = ["run", "--behaviour", "my_study:near", "--voters", "1000", "--seed", "1", "--quiet"]
    assert main([*arguments, "--output", "result.json"]) == 0
    assert json.loads((tmp_path / "result.json").read_text())["parameters"]["behaviour"] == "my_study:near"


def failing(voters, parties):
    raise RuntimeError("no\nsuch luck")


def model(**given):
    return lambda: ElectionModel(**{"n_voters": 1_000, **given}).run_election()


BAD = {
    "misspelt name": (model(behaviour="directinal"), "'directinal' is unknown: .* Did you mean 'directional'"),
    "no behaviour": (model(behaviour=3), "behaviour = 3 is not allowed: give one of"),
    "negative salience": (model(salience=-1), "salience = -1 is not allowed: it must be a finite number of at least 0"),
    "salience of other dimensions": (model(behaviour="directional", salience=[1, 2, 3]), "3 numbers for 2 dimensions"),
    "no salience": (model(salience=[]), r"salience = \[\] is not allowed"),
    "culture": (model(behaviour="directional", voter_model="impartial_culture"), "not allowed with voter_model = 'imp"),
    "engine": (model(behaviour="directional", engine="limit"), "not allowed with engine = 'limit'"),
    "misspelt number": (model(behaviour=loyal, loyality=1), "Unknown parameter 'loyality'. Did you mean 'loyalty'?"),
    "number without its function": (model(loyalty=1), "Unknown parameter 'loyalty'"),
    "bad number": (model(behaviour=loyal, loyalty=math.nan), "loyalty = nan is not allowed: it must be a fin"),
    "no module": (model(behaviour="no_such_study:near"), "'no_such_study:near' can't be imported"),
    "no such function": (model(behaviour="math:near"), "'math:near' can't be imported"),
    "a class": (model(behaviour=Party), "is not a plain function: write it as"),
    "one argument": (model(behaviour=lambda voters: 0), "takes 1 arguments before the star, not two"),
    "any arguments": (model(behaviour=lambda voters, parties, **more: 0), r"takes \*more, which has no names to sweep"),
    "no default": (model(behaviour=lambda voters, parties, *, temprature: 0), "'temprature' has no default .* Did you"),
    "bad default": (model(behaviour=lambda voters, parties, *, a="x": 0), "the default of a = 'x' is not allowed"),
    "taken name": (model(behaviour=lambda voters, parties, *, vse=1.0: 0), "the name 'vse' is taken"),
    "no number": (model(behaviour=lambda voters, parties, *, engine: 0), "reads engine, which is no number"),
    "failure": (model(behaviour=failing), "(?m)failing failed: RuntimeError: no$"),
    "no list": (model(behaviour=lambda voters, parties: 1.0), "gives float: give a list with one array a party"),
    "too few": (model(behaviour=lambda voters, parties: [voters.x]), "gives 1 arrays for 3 parties"),
    "wrong shape": (model(behaviour=lambda voters, parties: [jnp.ones(7)] * 3), r"an array of shape \(7,\) for a"),
    "whole numbers": (model(behaviour=lambda voters, parties: [voters.x > 0] * 3), "gives an array of bool for a"),
    "texts": (model(behaviour=lambda voters, parties: ["a"] * 3), "gives str for a party"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_behaviours_get_one_clear_sentence(name):
    action, message = BAD[name]
    with pytest.raises(InputError, match=message):
        action()


def test_a_behaviour_is_read_from_itself():
    own = read_own_behaviour(loyal)
    assert read_own_behaviour(own) is own
    assert str(own) == f"{__name__}:loyal"
    assert PARAMETERS["behaviour"].read(own) is own
