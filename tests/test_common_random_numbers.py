"""Common random numbers: configurations are compared on the same electorates and lots."""

import json

import polars as pl
import pytest

import esim_jax.sweep.run_dir
from esim_jax import BatchRunner, ElectionModel, InputError, ParameterSweep
from esim_jax.cli import main

METRICS = ["turnout", "gallagher", "enp_votes", "enp_seats", "vse"]
SPACE = {"temperature": [0.3, 0.5], "n_voters": [400, 900], "electoral_system": ["FPTP", "PR"]}


def run(space=SPACE, **options):
    options = {"n_runs_per_config": 4, "seed": 3, "verbose": False, "common_random_numbers": True, **options}
    runner = BatchRunner(ElectionModel, ParameterSweep(space), **options)
    return runner, runner.run()


@pytest.mark.slow
def test_a_run_has_one_seed_in_all_configurations():
    _, results = run()
    assert results.group_by("run_idx").agg(pl.col("seed").n_unique())["seed"].to_list() == [1] * 4
    assert results["seed"].n_unique() == 4
    assert results["seed"].max() < 2**53
    assert results["seed"][:4].to_list() != run(seed=4)[1]["seed"][:4].to_list()
    # the electorate does not know how seats are allotted
    turnout = results.pivot("electoral_system", index=["temperature", "n_voters", "run_idx"], values="turnout")
    assert turnout["FPTP"].equals(turnout["PR"], check_names=False)
    assert run(common_random_numbers=False)[1]["seed"].n_unique() == 32


def test_the_derivation_of_seeds_is_frozen():
    # changing these numbers changes every published result: it needs a new major version
    _, results = run({"n_voters": [300]}, n_runs_per_config=2, seed=42)
    assert results["seed"].to_list() == [8423343476420541, 6500963592882288]


def test_rows_replay():
    _, results = run()
    for row in results.iter_rows(named=True):
        replay = ElectionModel(**{name: row[name] for name in [*SPACE, "seed"]}).run_election()
        assert {name: replay[name] for name in METRICS} == {name: row[name] for name in METRICS}


@pytest.mark.slow
def test_growth_and_chunks_leave_rows_identical(tmp_path, monkeypatch):
    monkeypatch.setattr(esim_jax.sweep.run_dir, "PART_SECONDS", 0.0)
    _, results = run()
    for chunk_size in (1, 3, 16):
        assert run(chunk_size=chunk_size)[1].equals(results)
    grown = {"n_voters": [900, 400], "temperature": [0.9, 0.5, 0.3], "electoral_system": ["PR", "FPTP"]}
    _, new = run(grown, n_runs_per_config=6)
    both = results.join(new, on=[*SPACE, "run_idx"], how="inner", suffix="_new")
    assert both.height == results.height
    for name in ["seed", *METRICS]:
        assert both[name].equals(both[f"{name}_new"], check_names=False)
    first, kept = run(run_dir=tmp_path / "run", chunk_size=5)
    assert kept.equals(results)
    assert first.scan().sort("config_idx", "run_idx").collect().equals(results)
    again, kept = run(grown, n_runs_per_config=6, run_dir=tmp_path / "run", resume=True, chunk_size=7)
    assert kept.equals(new)
    assert again.reused == 32
    for number, runner in enumerate((run(grown, n_runs_per_config=6)[0], again)):
        runner.export_results(tmp_path / f"{number}.parquet")
    assert (tmp_path / "0.parquet").read_bytes() == (tmp_path / "1.parquet").read_bytes()
    other, _ = run(run_dir=tmp_path / "run", resume=True, common_random_numbers=False)
    assert other.reused == 0


def test_a_class_of_one_s_own_gets_common_seeds():
    class Echo:
        def __init__(self, size, seed):
            self.seed = seed

        def run_election(self):
            return {"echo": self.seed}

    runner = BatchRunner(
        Echo, ParameterSweep({"size": [1, 2]}), 3, seed=3, verbose=False, common_random_numbers=True
    )  # fmt: skip
    results = runner.run()
    assert results["echo"][:3].to_list() == results["echo"][3:].to_list()
    assert results["seed"].to_list() == results["echo"].to_list()


def test_flag_and_configuration_key(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    config = {"parameters": SPACE, "n_runs_per_config": 4, "seed": 3}
    (tmp_path / "a.json").write_text(json.dumps(config))
    (tmp_path / "b.json").write_text(json.dumps({**config, "common_random_numbers": True}))
    batch = ["batch", "--quiet", "--output"]
    assert main([*batch, "a.csv", "--config", "a.json", "--common-random-numbers"]) == 0
    assert main([*batch, "b.csv", "--config", "b.json"]) == 0
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert pl.read_csv("a.csv").equals(run()[1])
    (tmp_path / "c.json").write_text(json.dumps({**config, "common_random_numbers": "yes"}))
    assert main([*batch, "c.csv", "--config", "c.json"]) == 2
    assert "common_random_numbers = 'yes' is not allowed" in capsys.readouterr().err
    with pytest.raises(InputError, match="resume = 1 is not allowed"):
        run(resume=1)
