"""Bad input gets one sentence that names the field, the value, what is allowed and the remedy."""

import math
import warnings

import numpy as np
import polars as pl
import pytest

from esim_jax import BatchRunner, ElectionModel, InputError, OutcomeWarning, ParameterSweep, Party, ResultsError
from esim_jax.systems import allocate_seats

SWEEP = {"n_voters": [100, 200]}


def model(**parameters):
    return lambda: ElectionModel(**parameters)


def sweep(parameters, **options):
    return lambda: BatchRunner(ElectionModel, ParameterSweep(parameters, **options), verbose=False)


def runner(**options):
    return lambda: BatchRunner(**{"model_class": ElectionModel, "parameter_sweep": ParameterSweep(SWEEP), **options})


BAD = {
    "unknown parameter": (model(temprature=0.5), "Unknown parameter 'temprature'. Did you mean 'temperature'?"),
    "unknown swept parameter": (sweep({"n_voter": [10]}), "Unknown parameter 'n_voter'. Did you mean 'n_voters'?"),
    "empty list": (sweep({"n_voters": []}), "n_voters is an empty list"),
    "nothing to sweep": (sweep({}), "parameters = {} is not allowed"),
    "not a list": (sweep({"n_voters": 100}), "n_voters = 100 is not a list"),
    "text in the place of a list": (sweep({"electoral_system": "PR"}), "electoral_system = 'PR' is not a list"),
    "NaN": (model(temperature=math.nan), "temperature = nan is not allowed: it must be a finite number of at least 0"),
    "NaN in a list": (sweep({"temperature": [0.5, math.nan]}), "temperature = nan is not allowed"),
    "infinity": (model(economic_growth=math.inf), "economic_growth = inf is not allowed"),
    "no voters": (model(n_voters=0), "n_voters = 0 is not allowed: it must be a whole number from 1"),
    "half a voter": (model(n_voters=10.5), "n_voters = 10.5 is not allowed"),
    "too many voters": (model(n_voters=2**31), "n_voters = 2147483648 is not allowed"),
    "absurdly many voters": (model(n_voters=10**400), "is not allowed"),
    "no constituencies": (model(n_constituencies=0), "n_constituencies = 0 is not allowed"),
    "too many constituencies": (model(n_constituencies=10**7), "n_constituencies = 10000000 is not allowed"),
    "more constituencies than voters": (model(n_voters=5), "n_constituencies = 10 is more than n_voters = 5"),
    "temperature 0": (model(temperature=0, engine="limit"), "temperature = 0 is not allowed with engine = 'limit'"),
    "temperature below 0": (model(temperature=-1.0), "temperature = -1.0 is not allowed"),
    "threshold 1": (model(threshold=1.0), "threshold = 1.0 is not allowed"),
    "threshold below 0": (model(threshold=-0.1), "threshold = -0.1 is not allowed"),
    "boolean for a number": (model(n_voters=True), "n_voters = True is not allowed"),
    "boolean for a real number": (model(temperature=False), "temperature = False is not allowed"),
    "text for a number": (model(temperature="0.5"), "temperature = '0.5' is not allowed"),
    "None for a number": (model(temperature=None), "temperature = None is not allowed"),
    "number for a flag": (model(include_nota=1), "include_nota = 1 is not allowed: it must be true or false"),
    "unknown system": (model(electoral_system="FPTPP"), "electoral_system = 'FPTPP' is unknown: it must be one of"),
    "system that begins like a known one": (model(electoral_system="P"), "electoral_system = 'P' is unknown"),
    "unknown method": (model(allocation_method="hagenbach"), "allocation_method = 'hagenbach' is unknown"),
    "number for a system": (model(electoral_system=1), "electoral_system = 1 is unknown"),
    "no parties": (model(parties=[]), "parties is an empty list"),
    "duplicate parties": (model(parties=[Party("A"), {"name": "A"}]), "the name 'A' is given twice"),
    "party without a name": (model(parties=[{"valence": 3}]), "has no name"),
    "unknown field of a party": (model(parties=[{"name": "A", "size": 3}]), "unknown field 'size'"),
    "bad position": (model(parties=[{"name": "A", "position_x": math.nan}]), "position_x of party 'A' is nan"),
    "bad incumbent": (model(parties=[{"name": "A", "incumbent": "yes"}]), "incumbent of party 'A' is 'yes'"),
    "unevenness below 0": (model(parties=[{"name": "A", "unevenness": -1}]), "unevenness of party 'A' is -1; it must"),
    "unevenness too large": (model(parties=[{"name": "A", "unevenness": 101}]), "a number between 0 and 100"),
    "unevenness that is none": (model(parties=[{"name": "A", "unevenness": True}]), "unevenness of party 'A' is True"),
    "bad exemption": (model(parties=[{"name": "A", "threshold_exempt": 1}]), "threshold_exempt of party 'A' is 1"),
    "nameless party": (lambda: Party(" "), "the name ' ' must be a text"),
    "parties that are no list": (model(parties={"name": "A"}), "is not a list"),
    "a party that is none": (model(parties=[3]), "3 is neither a Party nor a mapping"),
    "NOTA twice": (model(parties=[Party("NOTA")], include_nota=True), "'NOTA' is taken by include_nota"),
    "wrong sweep_type": (
        sweep(SWEEP, sweep_type="gird"),
        "sweep_type = 'gird' is unknown: it must be one of grid, random. Did you mean 'grid'?",
    ),
    "swept and fixed": (
        sweep(SWEEP, fixed_params={"n_voters": 3}),
        "n_voters is both in parameters and in fixed_params",
    ),
    "swept and in election_kwargs": (
        runner(election_kwargs={"n_voters": 3}),
        "both in the sweep and in election_kwargs",
    ),
    "no samples": (sweep(SWEEP, sweep_type="random", n_samples=0), "n_samples = 0 is not allowed"),
    "no runs": (runner(n_runs_per_config=0), "n_runs_per_config = 0 is not allowed"),
    "no jobs": (runner(n_jobs=0), "n_jobs = 0 is not allowed"),
    "seed of 65 bits": (runner(seed=2**64), "seed = 18446744073709551616 is not allowed"),
    "seed with a fraction": (model(seed=0.5), "seed = 0.5 is not allowed"),
    "boolean seed": (model(seed=True), "seed = True is not allowed"),
    "an object in the place of a class": (runner(model_class=3), "model_class = 3 is not a class"),
    "a sweep over seeds": (sweep({"seed": [1, 2]}), "The parameter 'seed' can't be swept or fixed"),
    "a dict in the place of a sweep": (runner(parameter_sweep=SWEEP), "is not a ParameterSweep"),
    "bad override": (lambda: ElectionModel(n_voters=50).run_election(temperatur=1), "Did you mean 'temperature'?"),
    "votes with a fraction": (lambda: allocate_seats([1.5, 2], 3), "votes are whole numbers"),
    "votes below 0": (lambda: allocate_seats([-1, 2], 3), "votes are whole numbers"),
    "no votes": (lambda: allocate_seats([0, 0], 3), "votes are all 0"),
    "votes of no party": (lambda: allocate_seats([], 3), "give a list of whole numbers"),
    "too many votes": (lambda: allocate_seats([2**40], 3), "at most 2^33 votes"),
    "no seats": (lambda: allocate_seats([1, 2], 0), "n_seats = 0 is not allowed"),
    "unknown rule": (lambda: allocate_seats([1, 2], 1, "webster"), "method = 'webster' is unknown"),
    "threshold that nobody reaches": (lambda: allocate_seats([5, 5], 1, threshold=0.6), "is reached by no party"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_one_sentence(case):
    call, expected = BAD[case]
    with pytest.raises(InputError) as caught:
        call()
    message = str(caught.value)
    assert expected in message
    assert message.endswith((".", "?"))
    assert "\n" not in message


def test_results_before_the_run():
    runner = BatchRunner(ElectionModel, ParameterSweep(SWEEP), verbose=False)
    for call in (runner.get_summary_stats, runner.party_results, lambda: runner.export_results("x.csv")):
        with pytest.raises(ResultsError, match=r"call run\(\) first"):
            call()


@pytest.mark.parametrize("name", ["x.xlsx", "x", "x.csvv"])
def test_an_unknown_extension_is_an_error(tmp_path, name):
    runner = BatchRunner(ElectionModel, ParameterSweep({"n_voters": [100]}), verbose=False)
    runner.run()
    with pytest.raises(InputError, match="use csv, parquet, json"):
        runner.export_results(tmp_path / name)
    with pytest.raises(InputError, match="folder"):
        runner.export_results(tmp_path / "missing" / "x.csv")
    assert list(tmp_path.iterdir()) == []


def finite(frame: pl.DataFrame) -> bool:
    return all(frame[name].is_finite().all() for name in ["turnout", "gallagher", "enp_votes", "enp_seats", "vse"])


def test_a_threshold_that_nobody_passes_is_not_applied():
    parameters = {"n_voters": 2_000, "electoral_system": "PR"}
    with pytest.warns(OutcomeWarning, match="No party reached the threshold"):
        high = ElectionModel(**parameters, threshold=0.9, seed=1).run_election()
    plain = ElectionModel(**parameters, seed=1).run_election()
    assert np.array_equal(high.seats, plain.seats)
    runner = BatchRunner(ElectionModel, ParameterSweep({"threshold": [0.0, 0.9]}, parameters), seed=1, verbose=False)
    with pytest.warns(OutcomeWarning, match="1 of 2 simulations, the first being config_idx 1, run_idx 0"):
        assert finite(runner.run())


def test_one_voter_and_no_votes_have_defined_outcomes():
    sweep = ParameterSweep({"electoral_system": ["FPTP", "PR"]}, {"n_voters": 1, "n_constituencies": 1})
    runner = BatchRunner(ElectionModel, sweep, n_runs_per_config=40, seed=1, verbose=False)
    with pytest.warns(OutcomeWarning, match="stay vacant, because nobody voted"):
        results = runner.run()
    assert finite(results)
    assert set(results["turnout"]) == {0.0, 1.0}
    silent = results.filter(pl.col("turnout") == 0)
    assert silent.select("gallagher", "enp_votes", "enp_seats", "vse").sum().row(0) == (0, 0, 0, 0)
    spoken = results.filter(pl.col("turnout") == 1)
    assert (spoken["enp_votes"] == 1).all()
    assert (spoken["enp_seats"] == 1).all()


def test_an_ordinary_election_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = ElectionModel(n_voters=5_000, seed=1).run_election()
    assert result.seats.sum() == 10
