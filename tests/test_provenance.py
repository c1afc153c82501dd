"""Provenance: a file says where it comes from; the sweep runs again from it, and a row replays bit by bit."""

import json
import platform
from pathlib import Path

import jax
import polars as pl
import pyarrow.parquet as pq
import pytest

import esim_jax
from esim_jax import BatchRunner, ElectionModel, ParameterSweep, Party
from esim_jax.cli import main
from esim_jax.results.provenance import read_provenance, sidecar

SUFFIXES = ("parquet", "csv", "json")
CONFIG = {
    "parameters": {"n_voters": [400, 900], "parties": [[{"name": "Ä", "incumbent": True}, {"name": "B"}]]},
    "fixed_params": {"electoral_system": "pr"},
    "sweep_type": "random",
    "n_samples": 3,
    "n_runs_per_config": 2,
    "election_kwargs": {"threshold": 0.01},
    "common_random_numbers": True,
    "seed": -5,
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("sweep.json").write_text(json.dumps(CONFIG))
    for suffix in SUFFIXES:
        assert main(["batch", "--config", "sweep.json", "--output", f"out.{suffix}", "--quiet"]) == 0
    return tmp_path


def test_every_file_says_where_it_comes_from(folder):
    found = [read_provenance(Path(f"out.{suffix}")) for suffix in SUFFIXES]
    assert found[0] == found[1] == found[2] == read_provenance(Path("out.csv.provenance.json"))
    assert found[0]["sweep"] == CONFIG
    assert found[0]["model"] == "esim_jax.ElectionModel"
    versions = found[0]["versions"]
    assert versions["esim_jax"] == esim_jax.__version__
    assert versions["jax"] == jax.__version__
    assert versions["python"] == platform.python_version()
    assert {*versions} == {"esim_jax", "python", "jax", "jaxlib", "numpy", "polars"}
    assert found[0]["device"]["platform"] == jax.local_devices()[0].platform
    assert found[0]["command"] == "electoral-sim batch --config THIS_FILE --output NEW_FILE"
    assert b"esim_jax" in pq.read_metadata("out.parquet").metadata
    assert not sidecar(Path("out.parquet")).exists()
    assert read_provenance(Path("sweep.json")) is None


@pytest.mark.parametrize("source", ["out.parquet", "out.csv", "out.json", "out.json.provenance.json"])
def test_the_command_makes_the_same_file(folder, source):
    for suffix in SUFFIXES:
        assert main(["batch", "--config", source, "--output", f"again.{suffix}", "--quiet"]) == 0
        assert Path(f"again.{suffix}").read_bytes() == Path(f"out.{suffix}").read_bytes()


def test_parties_and_drawn_seeds_are_kept(tmp_path):
    sweep = ParameterSweep({"parties": [[Party("A", 0.1), Party("B")], (Party("C"),)]}, {"n_voters": 300})
    runner = BatchRunner(ElectionModel, sweep, verbose=False)
    runner.run()
    runner.export_results(tmp_path / "x.parquet")
    found = read_provenance(tmp_path / "x.parquet")
    assert found == {"contents": "results", **runner.provenance()}
    assert found["sweep"]["seed"] == runner.seed
    assert found["sweep"]["parameters"]["parties"][0][0]["position_x"] == 0.1
    assert main(["batch", "--config", str(tmp_path / "x.parquet"), "--output", str(tmp_path / "y.csv"), "--quiet"]) == 0
    assert pl.read_csv(tmp_path / "y.csv")["vse"].to_list() == pl.read_parquet(tmp_path / "x.parquet")["vse"].to_list()


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("row", [0, 5])
def test_a_row_replays(folder, capsys, suffix, row):
    assert main(["replay", f"out.{suffix}", "--row", str(row)]) == 0
    shown = capsys.readouterr().out
    assert f"Row {row}: config_idx {row // 2}, run_idx {row % 2}" in shown
    assert shown.endswith("Bit-equal.\n")
    assert main(["replay", f"out.{suffix}", "--row", str(row), "--quiet"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_changed_number_is_found(folder, capsys, suffix):
    path = Path(f"out.{suffix}")
    read = {"csv": pl.read_csv, "parquet": pl.read_parquet, "json": pl.read_json}[suffix]
    metadata = pq.read_schema(path).metadata if suffix == "parquet" else None
    frame = read(path).with_columns(pl.col("enp_votes") * (1 + 2**-52))
    if suffix == "parquet":
        pq.write_table(frame.to_arrow().replace_schema_metadata(metadata), path)
    else:
        getattr(frame, f"write_{suffix}")(path)
    assert main(["replay", str(path), "--row", "1"]) == 1
    shown = capsys.readouterr().out
    assert shown.endswith("Not bit-equal: enp_votes.\n")
    assert shown.count("is now") == 1


def test_another_seed_and_version_are_told(folder, capsys):
    beside = Path("out.csv.provenance.json")
    found = json.loads(beside.read_text())
    found["sweep"]["seed"] = 6
    found["versions"]["jax"] = "0.1"
    beside.write_text(json.dumps(found))
    assert main(["replay", "out.csv", "--row", "0"]) == 1
    shown = capsys.readouterr().out
    assert "seed, " in shown
    assert f"The file was made with jax 0.1; this is {jax.__version__}." in shown


def refusals(folder):
    sweep = ParameterSweep({"n_voters": [300]})
    runner = BatchRunner(Own, sweep, seed=1, verbose=False)
    runner.run()
    runner.export_results("own.parquet")
    runner.export_summary("summary.parquet")
    pl.DataFrame({"a": [1]}).write_parquet("foreign.parquet")
    Path("half.parquet").write_bytes(Path("out.parquet").read_bytes()[:-9])
    Path("bare.csv").write_text("a,b\n1,2\n")
    Path("later.csv").write_text("a\n")
    Path("later.csv.provenance.json").write_text(json.dumps({"format": 9, "sweep": {}, "model": ""}))
    Path("odd.csv").write_text("a\n")
    Path("odd.csv.provenance.json").write_bytes(Path("out.csv.provenance.json").read_bytes())
    return {
        "own.parquet": "is of the class test_provenance.Own; only rows of esim_jax.ElectionModel can be replayed",
        "summary.parquet": "holds no simulations",
        "foreign.parquet": "has no provenance",
        "half.parquet": "can't be read",
        "bare.csv": "has no provenance",
        "later.csv": "has the format 9",
        "odd.csv": "can't be read",
        "none.csv": "No such file",
    }


class Own:
    def __init__(self, n_voters, seed):
        self.seed = seed

    def run_election(self):
        return {"turnout": 0.5}


def test_replay_refuses_in_one_sentence(folder, capsys):
    for name, sentence in refusals(folder).items():
        assert main(["replay", name, "--row", "0"]) == 2, name
        shown = capsys.readouterr()
        assert sentence in shown.err, name
        assert shown.err.count("\n") == 1
        assert shown.out == ""
    for row, sentence in (("6", "has no row 6"), ("-1", "rows are counted from 0"), ("x", "--row x is not allowed")):
        for suffix in SUFFIXES:
            assert main(["replay", f"out.{suffix}", "--row", row]) == 2
            assert sentence in capsys.readouterr().err
    assert main(["batch", "--config", "own.parquet", "--output", "x.csv"]) == 2
    shown = capsys.readouterr().err
    assert "run it in Python: BatchRunner(Own, ParameterSweep(parameters={'n_voters': [300]}" in shown


def test_the_command_of_a_class_of_one_s_own_runs(folder):
    runner = BatchRunner(Own, ParameterSweep({"n_voters": [300, 400]}), seed=1, verbose=False)
    results = runner.run()
    again = eval(runner.provenance()["command"])
    assert again.equals(results)
    assert {*runner.provenance()["versions"]} > {"jax"}


def test_a_configuration_may_be_called_like_results(folder):
    Path("named.provenance.json").write_text(json.dumps(CONFIG))
    assert main(["batch", "--config", "named.provenance.json", "--output", "named.csv", "--quiet"]) == 0
    assert Path("named.csv").read_bytes() == Path("out.csv").read_bytes()
