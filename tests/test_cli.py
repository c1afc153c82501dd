"""The command: exit status 2 and one sentence on bad input, and nothing written then."""

import json
import subprocess
import sys

import polars as pl
import pytest

from esim_jax import ElectionModel, __version__
from esim_jax.cli import main

GOOD = {"parameters": {"n_voters": [500, 1000]}, "n_runs_per_config": 2, "seed": 3}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder, config):
    (folder / "sweep.json").write_text(config if isinstance(config, str) else json.dumps(config))


BATCH = ["batch", "--config", "sweep.json", "--output", "out.csv"]

BAD_CONFIGS = {
    "unknown key": (
        {**GOOD, "n_run_per_config": 3},
        "unknown key 'n_run_per_config'. Did you mean 'n_runs_per_config'?",
    ),
    "malformed": ('{\n "parameters": {\n  "n_voters": [1,]\n }\n}', "is not JSON: line 3"),
    "a repeated key": ('{"seed": 1, "seed": 2}', "the key 'seed' twice"),
    "a list": ([1], "must be an object"),
    "no parameters": ({"seed": 1}, "has no key 'parameters'"),
    "an unknown parameter": ({"parameters": {"temprature": [1]}}, "Did you mean 'temperature'?"),
    "a bad value": ({"parameters": {"threshold": [2]}}, "threshold = 2 is not allowed"),
    "NaN": ('{"parameters": {"threshold": [NaN]}}', "threshold = nan is not allowed"),
    "fixed_params that are a list": ({**GOOD, "fixed_params": [1]}, "fixed_params = [1] is not allowed"),
    "election_kwargs that are a list": ({**GOOD, "election_kwargs": [1]}, "election_kwargs = [1] is not a mapping"),
    "text for a count": ({**GOOD, "n_jobs": "two"}, "n_jobs = 'two' is not allowed"),
    "a wrong sweep_type": ({**GOOD, "sweep_type": "Grid "}, "sweep_type = 'Grid ' is unknown"),
    "a wrong n_samples": ({**GOOD, "sweep_type": "random", "n_samples": 0}, "n_samples = 0 is not allowed"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_CONFIGS)
def test_a_bad_configuration(folder, capsys, case):
    config, sentence = BAD_CONFIGS[case]
    write(folder, config)
    assert main(BATCH) == 2
    shown = capsys.readouterr()
    assert sentence in shown.err
    assert shown.err.count("\n") == 1
    assert shown.out == ""
    assert [p.name for p in folder.iterdir()] == ["sweep.json"]


BAD_ARGUMENTS = {
    "no command": ([], "arguments are required"),
    "an unknown command": (["vote"], "invalid choice: 'vote'"),
    "an unknown flag": (["run", "--voter", "3"], "Unrecognized arguments: --voter 3"),
    "no voters": (["run", "--voters", "0"], "n_voters = 0 is not allowed"),
    "text for a number": (["run", "--temperature", "hot"], "temperature = 'hot' is not allowed"),
    "an unknown system": (["run", "--system", "STVV"], "electoral_system = 'STVV' is unknown"),
    "a bad seed": (["run", "--seed", "1.5"], "seed = 1.5 is not allowed"),
    "an unknown extension": (["run", "--output", "x.txt"], "The extension '.txt'"),
    "a missing folder": (["run", "--output", "no/x.json"], "the folder 'no' does not exist"),
    "a folder for a file": ([*BATCH[:-1], "."], "extension '' of '.'"),
    "a missing configuration": (["batch", "--config", "no.json", "--output", "x.csv"], "No such file"),
    "an unwritable summary": ([*BATCH, "--summary", "no/s.csv"], "the folder 'no' does not exist"),
    "one file for two": ([*BATCH, "--summary", "./out.csv"], "both name 'out.csv'"),
    "bad jobs": ([*BATCH, "--jobs", "0"], "n_jobs = 0 is not allowed"),
}


@pytest.mark.parametrize("case", BAD_ARGUMENTS)
def test_bad_arguments(folder, capsys, case):
    arguments, sentence = BAD_ARGUMENTS[case]
    write(folder, GOOD)
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert sentence in shown.err
    assert shown.err.count("\n") == 1
    assert [p.name for p in folder.iterdir()] == ["sweep.json"]


def test_batch_reads_every_key(folder, capsys):
    write(
        folder,
        {
            "parameters": {"n_voters": [500, 1000, 2000]},
            "fixed_params": {"parties": [{"name": "A"}, {"name": "B", "position_x": 0.4}]},
            "sweep_type": "random",
            "n_samples": 4,
            "n_runs_per_config": 2,
            "n_jobs": 2,
            "seed": 3,
            "election_kwargs": {"electoral_system": "PR"},
        },
    )
    assert main([*BATCH, "--summary", "summary.json", "--quiet"]) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "")  # quiet means quiet
    results = pl.read_csv("out.csv")
    assert results.height == 8
    assert set(results["electoral_system"]) == {"PR"}
    row = results.row(5, named=True)
    replay = ElectionModel(
        n_voters=row["n_voters"], parties=json.loads(row["parties"]), electoral_system="PR", seed=row["seed"]
    ).run_election()
    assert replay.gallagher == row["gallagher"]
    assert pl.read_json("summary.json").height == 4


def test_seed_on_the_command_line_wins(folder):
    write(folder, GOOD)
    assert main([*BATCH, "--seed", "9", "--quiet"]) == 0
    first = pl.read_csv("out.csv")
    write(folder, {**GOOD, "seed": 9})
    assert main([*BATCH, "--quiet"]) == 0
    assert pl.read_csv("out.csv").equals(first)


def test_run_shows_a_table_and_writes_files(folder, capsys):
    arguments = ["run", "--voters", "20000", "--constituencies", "20", "--system", "pr", "--allocation", "Hare",
                 "--threshold", "0.05", "--temperature", "0.4", "--seed", "-7"]  # fmt: skip
    assert main([*arguments, "--output", "result.json"]) == 0
    shown = capsys.readouterr().out
    result = ElectionModel(n_voters=20_000, n_constituencies=20, electoral_system="PR", allocation_method="hare",
                           threshold=0.05, temperature=0.4, seed=-7).run_election()  # fmt: skip
    assert "seed -7" in shown
    for name, votes in zip(result.party_names, result.vote_counts, strict=True):
        assert f"{name}  " in shown
        assert f"{votes:,}" in shown
    written = json.loads((folder / "result.json").read_text())
    assert written["seats"] == result.seats.tolist()
    assert written["gallagher"] == result.gallagher
    assert written["parameters"]["allocation_method"] == "hare"
    assert main([*arguments, "--output", "parties.csv", "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert pl.read_csv("parties.csv")["votes"].to_list() == result.vote_counts.tolist()


def test_version_and_help(capsys):
    for arguments, expected in (
        (["--version"], __version__),
        (["--help"], "examples:"),
        (["batch", "--help"], "examples:"),
    ):
        with pytest.raises(SystemExit) as left:
            main(arguments)
        assert left.value.code == 0
        assert expected in capsys.readouterr().out


@pytest.mark.parametrize("argument", ["--help", "list-presets"])
def test_help_does_not_load_jax(argument):
    code = (
        "import sys\nfrom esim_jax.cli import main\n"
        f"try: main([{argument!r}])\nexcept SystemExit: pass\n"
        "assert 'jax' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_the_bar_shows_simulations_rate_and_time(folder, capsys):
    write(folder, GOOD)
    assert main(BATCH) == 0
    shown = capsys.readouterr()
    assert "4/4" in shown.err
    assert "sim/s" in shown.err
    assert "seed 3" in shown.out
