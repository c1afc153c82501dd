"""A user's own model class: a process pool, the same results for any n_jobs, failures that cost nothing else."""

import os

import numpy as np
import polars as pl
import pytest

from esim_jax import BatchRunner, ElectionModel, ParameterSweep, SimulationWarning

SWEEP = ParameterSweep({"bias": [0.1, 0.2, 0.3], "label": ["a", "b"]}, fixed_params={"size": 50})


class Coin:
    """Compatible with the runner, and nothing more."""

    def __init__(self, bias, label, size, seed):
        self.bias, self.size, self.stream = bias, size, np.random.default_rng(seed)

    def run_election(self, turnout=0.5):
        votes = self.stream.random(self.size)
        return {"turnout": turnout, "share": np.float64((votes < self.bias).mean()), "votes": votes}


class Fragile(Coin):
    def run_election(self):
        if self.bias == 0.2:
            raise ValueError("the coin broke")
        return super().run_election()


class Deadly(Coin):
    def run_election(self):
        if self.bias == 0.2:
            os._exit(1)
        return super().run_election()


class Wrong(Coin):
    def run_election(self):
        return [1, 2]


def run(model, n_jobs, **options):
    runner = BatchRunner(model, SWEEP, n_runs_per_config=3, n_jobs=n_jobs, seed=5, verbose=False, **options)
    return runner, runner.run()


def test_the_same_results_for_any_number_of_jobs():
    _, one = run(Coin, 1, election_kwargs={"turnout": 0.25})
    runner, two = run(Coin, 2, election_kwargs={"turnout": 0.25})
    assert one.equals(two)
    assert one.columns == [
        "config_idx", "run_idx", "seed", "bias", "label", "size",
        "turnout", "gallagher", "enp_votes", "enp_seats", "vse", "share",
    ]  # fmt: skip
    assert one["turnout"].unique().to_list() == [0.25]
    assert one["vse"].null_count() == one.height  # what the class does not give is null
    assert one["seed"].n_unique() == one.height
    assert runner.failures.height == 0
    summary = runner.get_summary_stats()
    assert summary["n_runs"].to_list() == [3] * 6
    assert summary["share_mean"][0] == pytest.approx(one["share"][:3].mean())


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_failing_simulation_loses_nothing_of_the_others(n_jobs):
    with pytest.warns(SimulationWarning, match=r"6 of 18 .*'bias': 0.2.*ValueError: the coin broke"):
        runner, results = run(Fragile, n_jobs)
    _, whole = run(Coin, 1)
    fine = pl.col("bias") != 0.2
    assert results.filter(fine).equals(whole.filter(fine))
    assert results.filter(~fine)["share"].null_count() == 6
    assert runner.failures.columns == ["config_idx", "run_idx", "seed", "bias", "label", "size", "error"]
    assert set(runner.failures["error"]) == {"ValueError: the coin broke"}
    assert runner.get_summary_stats()["n_runs"].to_list() == [3, 3, 0, 0, 3, 3]


@pytest.mark.slow
def test_a_dying_worker_loses_nothing_of_the_others():
    with pytest.warns(SimulationWarning, match="6 of 18 .*the worker process died"):
        runner, results = run(Deadly, 2)
    _, whole = run(Coin, 1)
    fine = pl.col("bias") != 0.2
    assert results.filter(fine).equals(whole.filter(fine))
    assert runner.failures["bias"].unique().to_list() == [0.2]


def test_an_election_result_may_be_returned_whole():
    class Whole(ElectionModel):
        """Not the built-in model, so it runs as a class of the user's own."""

    sweep = ParameterSweep({"n_voters": [500, 1_000]})
    own = BatchRunner(Whole, sweep, seed=1, verbose=False).run()
    assert own.columns == [
        "config_idx",
        "run_idx",
        "seed",
        "n_voters",
        "turnout",
        "gallagher",
        "enp_votes",
        "enp_seats",
        "vse",
    ]
    for row in own.iter_rows(named=True):
        assert ElectionModel(n_voters=row["n_voters"], seed=row["seed"]).run_election().vse == row["vse"]


def test_a_result_that_is_no_mapping_is_a_failure():
    with pytest.warns(SimulationWarning, match="run_election returned list; it must return a mapping"):
        _, results = run(Wrong, 1)
    assert results["turnout"].null_count() == results.height


def test_a_class_made_on_the_spot_runs_in_a_pool():
    class Local(Coin):
        """Not importable by a worker."""

    _, two = run(Local, 2)
    _, one = run(Coin, 1)
    assert two.equals(one)


def test_a_subclass_of_the_built_in_model_is_a_class_of_its_own():
    class Quiet(ElectionModel):
        def run_election(self, **overrides):
            return {"turnout": super().run_election(**overrides).turnout / 2}

    sweep = ParameterSweep({"n_voters": [500, 1_000]})
    half = BatchRunner(Quiet, sweep, seed=1, verbose=False).run()
    assert half["turnout"].to_list() == [
        ElectionModel(n_voters=n, seed=seed).run_election().turnout / 2
        for n, seed in half.select("n_voters", "seed").rows()
    ]
