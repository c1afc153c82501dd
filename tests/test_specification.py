"""Every example of the batch runner's specification runs as written, with `electoral_sim` read as `esim_jax`."""

import json

import polars as pl
import pytest

from esim_jax import ElectionModel, Party
from esim_jax.analysis import BatchRunner, ParameterSweep
from esim_jax.cli import main

COLUMNS = ["turnout", "gallagher", "enp_votes", "enp_seats", "vse"]


def test_sweep_of_the_overview():
    sweep = ParameterSweep(
        parameters={
            "n_voters": [10_000, 50_000, 100_000],
            "temperature": [0.3, 0.5, 0.7],
            "economic_growth": [-0.02, 0.0, 0.02],
        },
        fixed_params={"n_constituencies": 10, "electoral_system": "FPTP"},
        sweep_type="grid",
        n_samples=100,
    )
    configs = sweep.generate_configs()
    assert len(sweep) == len(configs) == 27
    assert configs[0] == {
        "n_voters": 10_000, "temperature": 0.3, "economic_growth": -0.02,
        "n_constituencies": 10, "electoral_system": "FPTP",
    }  # fmt: skip
    runner = BatchRunner(
        model_class=ElectionModel, parameter_sweep=sweep, n_runs_per_config=5, n_jobs=4, seed=42, verbose=True
    )
    results = runner.run()
    assert results.height == 27 * 5


def test_basic_parameter_sweep(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sweep = ParameterSweep({"n_voters": [10_000, 50_000], "temperature": [0.3, 0.5, 0.7]})
    runner = BatchRunner(model_class=ElectionModel, parameter_sweep=sweep, n_runs_per_config=10, seed=42)
    results_df = runner.run()
    runner.export_results("sweep_results.csv")

    assert results_df.columns == ["config_idx", "run_idx", "seed", "n_voters", "temperature", *COLUMNS]
    assert results_df.height == 60
    assert results_df.select("config_idx", "run_idx").equals(results_df.select("config_idx", "run_idx").sort(pl.all()))
    assert pl.read_csv("sweep_results.csv").equals(results_df)


def test_sensitivity_analysis():
    sweep = ParameterSweep(
        {"temperature": [0.1, 0.3, 0.5, 0.7, 0.9], "economic_growth": [-0.05, -0.02, 0.0, 0.02, 0.05]},
        fixed_params={"n_voters": 50_000, "n_constituencies": 20},
    )
    runner = BatchRunner(model_class=ElectionModel, parameter_sweep=sweep, n_runs_per_config=20, n_jobs=8, seed=42)
    results_df = runner.run()
    summary = runner.get_summary_stats()

    assert results_df.height == 500
    assert summary.columns == [
        "config_idx", "temperature", "economic_growth", "n_voters", "n_constituencies",
        *(f"{name}_{statistic}" for name in COLUMNS for statistic in ("mean", "std")), "n_runs",
    ]  # fmt: skip
    assert summary["config_idx"].to_list() == list(range(25))
    assert summary["n_runs"].to_list() == [20] * 25
    first = results_df.filter(pl.col("config_idx") == 0)["gallagher"]
    assert summary["gallagher_mean"][0] == pytest.approx(first.mean(), rel=1e-14)
    assert summary["gallagher_std"][0] == pytest.approx(first.std(), rel=1e-12)
    print(summary.select(["temperature", "gallagher_mean", "enp_votes_mean"]))


def test_random_sampling():
    sweep = ParameterSweep(
        parameters={
            "n_voters": [10_000, 25_000, 50_000, 75_000, 100_000],
            "temperature": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7],
            "economic_growth": [-0.05, -0.02, 0.0, 0.02, 0.05],
            "anti_incumbency": [0.0, 0.1, 0.2, 0.3],
        },
        sweep_type="random",
        n_samples=200,
    )
    runner = BatchRunner(model_class=ElectionModel, parameter_sweep=sweep, n_runs_per_config=5, n_jobs=4)
    results_df = runner.run()
    assert results_df.height == 1000
    for name, values in sweep.parameters.items():
        assert set(results_df[name]) == set(values)


def test_electoral_system_comparison():
    sweep = ParameterSweep(
        {"electoral_system": ["FPTP", "PR"], "n_voters": [50_000, 100_000]}, fixed_params={"n_constituencies": 20}
    )
    runner = BatchRunner(model_class=ElectionModel, parameter_sweep=sweep, n_runs_per_config=10, seed=42)
    results_df = runner.run()
    comparison = results_df.group_by("electoral_system").agg(
        [pl.col("gallagher").mean().alias("avg_gallagher"), pl.col("enp_seats").mean().alias("avg_enp_seats")]
    )
    average = {row["electoral_system"]: row["avg_gallagher"] for row in comparison.iter_rows(named=True)}
    assert average["PR"] < 10 < average["FPTP"]


@pytest.mark.parametrize("extension", ["csv", "parquet", "json"])
def test_exports(tmp_path, extension):
    sweep = ParameterSweep({"n_voters": [1_000, 2_000]}, {"temperature": 0.4})
    runner = BatchRunner(ElectionModel, sweep, n_runs_per_config=2, seed=1, verbose=False)
    results = runner.run()
    read = {"csv": pl.read_csv, "parquet": pl.read_parquet, "json": pl.read_json}[extension]
    runner.export_results(str(tmp_path / f"results.{extension}"))
    runner.export_summary(str(tmp_path / "summary"), format=extension)
    assert read(tmp_path / f"results.{extension}").equals(results)
    assert read(tmp_path / "summary").equals(runner.get_summary_stats())
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        name + beside
        for name in (f"results.{extension}", "summary")
        for beside in ([""] if extension == "parquet" else ["", ".provenance.json"])
    )  # no temporary files


@pytest.mark.parametrize("extension", ["csv", "parquet", "json"])
def test_list_valued_parameters_export_to_every_format(tmp_path, extension):
    lists = [[Party("Ä", 0.1), Party('B "x", y', -0.2, incumbent=True)], [{"name": "A"}, {"name": "B"}, {"name": "C"}]]
    sweep = ParameterSweep({"parties": lists}, {"n_voters": 500})
    runner = BatchRunner(ElectionModel, sweep, n_runs_per_config=2, seed=1, verbose=False)
    results = runner.run()
    for export, name in ((runner.export_results, "results"), (runner.export_summary, "summary")):
        export(tmp_path / f"{name}.{extension}")
        read = {"csv": pl.read_csv, "parquet": pl.read_parquet, "json": pl.read_json}[extension]
        column = read(tmp_path / f"{name}.{extension}")["parties"].to_list()
        parties = [json.loads(value) if extension == "csv" else value for value in column]
        assert [p["name"] for p in parties[0]] == ["Ä", 'B "x", y']
        assert [p["name"] for p in parties[-1]] == ["A", "B", "C"]
    replay = ElectionModel(parties=results["parties"][0].to_list(), n_voters=500, seed=results["seed"][0])
    assert replay.run_election().vse == results["vse"][0]


def test_command_line(tmp_path, capsys):
    config = tmp_path / "batch_config.json"
    config.write_text(
        json.dumps(
            {
                "parameters": {"n_voters": [10000, 50000, 100000], "temperature": [0.3, 0.5, 0.7]},
                "fixed_params": {"n_constituencies": 10},
                "n_runs_per_config": 5,
                "n_jobs": 4,
            }
        )
    )
    results, summary = tmp_path / "results.csv", tmp_path / "summary.csv"
    assert main(["batch", "--config", str(config), "--output", str(results), "--summary", str(summary)]) == 0
    assert pl.read_csv(results).height == 45
    assert pl.read_csv(summary)["n_runs"].to_list() == [5] * 9
    assert "45 simulations" in capsys.readouterr().out
