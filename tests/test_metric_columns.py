"""The columns of a sweep that are metrics: chosen by name, and to the bit the same however elections are computed."""

import json
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from esim_jax import BatchRunner, ElectionModel, InputError, ParameterSweep, metrics
from esim_jax.cli import main
from esim_jax.metrics.registry import DEFAULT_METRICS, METRICS, RATES
from esim_jax.metrics.stacked import Election

TWO = [{"name": "A", "position_x": -0.3}, {"name": "B", "position_x": 0.3, "incumbent": True}]
MANY = [*TWO, {"name": "C", "position_y": 0.4}, {"name": "D", "valence": -90.0}, {"name": "E", "position_y": -0.4}]
ALL = [name for name, metric in METRICS.items() if not metric.pairwise]  # those have a file of their own
ANY_PARTIES = [name for name in ALL if not METRICS[name].two_parties]
MIXED = ParameterSweep(
    {"parties": [TWO, MANY], "electoral_system": ["FPTP", "PR"]},
    {"n_voters": 4_001, "n_constituencies": 7, "threshold": 0.05, "include_nota": True},
)
SMALL = {"parameters": {"n_voters": [500, 900]}, "n_runs_per_config": 2, "seed": 3}


def run(sweep, **options):
    runner = BatchRunner(ElectionModel, sweep, **{"n_runs_per_config": 2, "seed": 7, "verbose": False, **options})
    return runner.run()


@pytest.fixture(scope="module")
def mixed():
    return run(MIXED, metrics=ANY_PARTIES)


def plain(votes, seats, constituency_votes, constituency_seats, n_voters):
    """Every metric but VSE of one election by the functions for people's own votes."""
    magnitude = constituency_seats.sum() / len(constituency_seats)
    swing = [
        float(f(constituency_votes)) if votes.size == 2 else 0.0
        for f in (metrics.partisan_bias, metrics.responsiveness)
    ]
    return {
        "turnout": votes.sum() / n_voters,
        "gallagher": metrics.gallagher_index(votes, seats),
        "enp_votes": metrics.effective_number_of_parties(votes),
        "enp_seats": metrics.effective_number_of_parties(seats),
        "loosemore_hanby": metrics.loosemore_hanby_index(votes, seats),
        "rae": metrics.rae_index(votes, seats),
        "sainte_lague_index": metrics.sainte_lague_index(votes, seats),
        "dhondt_index": metrics.dhondt_index(votes, seats),
        "golosov_votes": metrics.golosov_number_of_parties(votes),
        "golosov_seats": metrics.golosov_number_of_parties(seats),
        "hhi_votes": metrics.herfindahl_hirschman_index(votes),
        "hhi_seats": metrics.herfindahl_hirschman_index(seats),
        "largest_party_seat_share": metrics.largest_share(seats),
        "manufactured_majority": float(metrics.manufactured_majority(votes, seats)),
        "wrong_winner": float(metrics.wrong_winner(votes, seats)),
        "wasted_votes": metrics.wasted_votes(constituency_votes, constituency_seats),
        "efficiency_gap": metrics.efficiency_gaps(constituency_votes, constituency_seats)[0],
        "mean_median": metrics.mean_median_difference(constituency_votes)[0],
        "partisan_bias": swing[0],
        "responsiveness": swing[1],
        "effective_threshold": metrics.effective_threshold(magnitude),
    }


OF_WELFARE = {"vse", "welfare_gain", "best_welfare_gain"}

ROUNDED = {"efficiency_gap", "mean_median", "partisan_bias", "responsiveness"}
"""Those with sums over constituencies that the plain functions take of floating-point numbers."""


def assert_plain(value, expected, name):
    # XLA may join a constant factor to another, and sums of integers are rounded only once
    assert value == pytest.approx(expected, rel=1e-13, abs=1e-11 if name in ROUNDED else 1e-13), name


@pytest.mark.slow
def test_columns_are_the_functions_of_votes_and_seats(mixed):
    assert mixed.columns[-len(ANY_PARTIES) :] == ANY_PARTIES
    for row in mixed.filter(pl.col("run_idx") == 1)[[0, 3]].iter_rows(named=True):  # TWO with FPTP, MANY with PR
        parameters = {name: row[name] for name in (*MIXED.parameters, *MIXED.fixed_params, "seed")}
        result = ElectionModel(**parameters).run_election(metrics=ANY_PARTIES)
        assert result.metrics == {name: row[name] for name in ANY_PARTIES}  # and so a row replays to the bit
        votes = result.constituency_votes
        if row["electoral_system"] == "PR":
            expected = plain(
                result.vote_counts, result.seats, votes.sum(axis=0, keepdims=True), result.seats[None], 4_001
            )
            expected["mean_median"] = metrics.mean_median_difference(votes)[0]
        else:
            eligible = votes[:, : len(row["parties"])]
            seats = (eligible == eligible.max(axis=1, keepdims=True)).astype(int)
            seats = np.pad(seats, ((0, 0), (0, votes.shape[1] - seats.shape[1])))
            assert seats.sum(axis=0).tolist() == result.seats.tolist()  # no tie
            expected = plain(result.vote_counts, result.seats, votes, seats, 4_001)
        for name in ANY_PARTIES:
            if name not in OF_WELFARE:
                assert_plain(row[name], expected[name], name)


def test_chunk_size_changes_no_metric(mixed):
    assert run(MIXED, metrics=ANY_PARTIES, chunk_size=1).equals(mixed)


def test_the_defaults_stay_what_they_are(mixed):
    default = run(MIXED)
    assert tuple(default.columns[-5:]) == DEFAULT_METRICS == ("turnout", "gallagher", "enp_votes", "enp_seats", "vse")
    assert default.equals(mixed.select(default.columns))
    assert run(MIXED, metrics=list(DEFAULT_METRICS)).equals(default)
    assert dict(ElectionModel(n_voters=500, seed=1).run_election().metrics).keys() == set(DEFAULT_METRICS)


def elections(sizes, n_parties, seed):
    """Random elections of so many constituencies, with several seats, empty constituencies and ties."""
    random = np.random.default_rng(seed)
    n = sum(sizes)
    votes = random.integers(0, 40, (n, n_parties)) * random.integers(0, 5, (n, 1)).clip(0, 1)
    seats = random.integers(0, 4, (n, n_parties)) * (votes > 0)
    simulation = np.repeat(np.arange(len(sizes)), sizes)
    return votes, seats, simulation


def stack(votes, seats, simulation, n_simulations, local):
    """As the engine has them, with places to spare."""
    spare = 3
    where = np.append(simulation, np.full(spare, n_simulations - 1)).astype(np.int32)
    votes, seats = (np.pad(a, ((0, spare), (0, 0))) for a in (votes, seats))

    def total(values):
        return np.stack([values[where == s].sum(axis=0) for s in range(n_simulations)])

    return jax.tree.map(
        jnp.asarray,
        Election(
            votes=total(votes),
            seats=total(seats),
            welfare=total(votes) * 5 - 300,
            eligible=np.ones((n_simulations, votes.shape[1]), bool),
            n_voters=np.full(n_simulations, 10_000, np.int32),
            n_seats=total(seats).sum(axis=1).astype(np.int32),
            legal_threshold=np.zeros(n_simulations, int),
            local=local,
            constituency_votes=votes,
            constituency_seats=seats * local[where][:, None],
            simulation=where,
            in_use=np.arange(len(where)) < len(simulation),
            first=np.searchsorted(simulation, np.arange(n_simulations)).astype(np.int32),
        ),
    )


@pytest.mark.slow
@pytest.mark.parametrize("n_parties", [2, 5])
def test_stacked_elections_alone_or_together(n_parties):
    names = ALL if n_parties == 2 else ANY_PARTIES
    sizes, in_constituencies = [6, 6, 1, 6, 6, 1, 6], np.array([True, False, True, True, True, False, True])
    votes, seats, simulation = elections(sizes, n_parties, seed=5 + n_parties)
    votes[simulation == 4], seats[simulation == 4] = 0, 0  # nobody voted
    compiled = jax.jit(lambda election: {name: METRICS[name].of(election) for name in names})
    with jax.enable_x64(True):
        together = jax.device_get(compiled(stack(votes, seats, simulation, len(sizes), in_constituencies)))
        for s, (size, local) in enumerate(zip(sizes, in_constituencies, strict=True)):
            v, w = votes[simulation == s], seats[simulation == s]
            if size > 1:  # the same shape each time
                alone = jax.device_get(compiled(stack(v, w, np.zeros(size, int), 1, in_constituencies[s : s + 1])))
                assert {name: together[name][s] for name in names} == {name: alone[name][0] for name in names}
            where = (v, w) if local else (v.sum(axis=0, keepdims=True), w.sum(axis=0, keepdims=True))
            expected = plain(v.sum(axis=0), w.sum(axis=0), *where, 10_000)
            if not local:
                expected["mean_median"] = metrics.mean_median_difference(v)[0]
                if n_parties == 2:
                    expected["partisan_bias"] = metrics.partisan_bias(v)
                    expected["responsiveness"] = metrics.responsiveness(v)
            for name in names:
                value = float(together[name][s])
                assert np.isfinite(value), name
                if name not in OF_WELFARE:
                    assert_plain(value, expected[name], name)


def test_swing_between_two_parties_in_a_sweep():
    parameters = {"n_constituencies": 9, "parties": TWO, "n_voters": 1_200}
    names = ["responsiveness", "partisan_bias", "turnout"]
    results = run(ParameterSweep({"economic_growth": [0.0, 0.01]}, parameters), metrics=names)
    assert results.columns[-3:] == names
    for row in results.iter_rows(named=True):
        model = ElectionModel(**parameters, economic_growth=row["economic_growth"], seed=row["seed"])
        result = model.run_election(metrics=names)
        assert result.metrics == {name: row[name] for name in names}
        assert row["partisan_bias"] == pytest.approx(metrics.partisan_bias(result.constituency_votes), abs=1e-12)
        assert row["responsiveness"] == pytest.approx(metrics.responsiveness(result.constituency_votes), abs=1e-12)


BAD = {
    "not a list": ("rae", "metrics = 'rae' is not allowed: give a list of names"),
    "nothing": ([], "metrics = [] is not allowed"),
    "unknown": (["turnout", "galagher"], "The metric 'galagher' is unknown. Did you mean 'gallagher'? Known are turn"),
    "no name": ([1], "The metric 1 is unknown. Known are"),
    "twice": (["rae", "vse", "rae"], "'rae' stands there twice"),
    "three parties": (
        ["partisan_bias"],
        "'partisan_bias' is for two parties, but the number of parties is 3: give two",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_refused_before_anything_runs(case):
    chosen, sentence = BAD[case]
    with pytest.raises(InputError, match=re.escape(sentence)):
        BatchRunner(ElectionModel, ParameterSweep({"n_voters": [500]}), metrics=chosen)
    with pytest.raises(InputError, match=re.escape(sentence)):
        ElectionModel(n_voters=500).run_election(metrics=chosen)


def test_what_else_is_refused():
    for parameters, sentence in (
        ({"include_nota": [True]}, "for two parties, but NOTA is on the ballot"),
        ({"engine": ["limit"]}, "of constituencies that differ, but engine 'limit' makes all equal"),
    ):
        with pytest.raises(InputError, match=sentence):
            BatchRunner(ElectionModel, ParameterSweep(parameters, {"parties": TWO}), metrics=["responsiveness"])
    with pytest.raises(InputError, match="a class of your own gives its own"):
        BatchRunner(dict, ParameterSweep({"n_voters": [500]}), metrics=["rae"])


def test_command_line_files_and_replay(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("plain.json").write_text(json.dumps(SMALL))
    Path("sweep.json").write_text(json.dumps({**SMALL, "metrics": ["wrong_winner", "rae", "wasted_votes"]}))
    batch = ["batch", "--quiet", "--config"]
    assert main([*batch, "sweep.json", "--output", "one.parquet", "--summary", "sum.csv"]) == 0
    assert main([*batch, "plain.json", "--metrics", "wrong_winner,rae,wasted_votes", "--output", "two.parquet"]) == 0
    assert Path("one.parquet").read_bytes() == Path("two.parquet").read_bytes()
    assert main([*batch, "one.parquet", "--output", "three.csv"]) == 0  # a file of results knows its metrics
    columns = ["wrong_winner", "rae", "wasted_votes"]
    assert pl.read_csv("three.csv").columns[-3:] == pl.read_parquet("one.parquet").columns[-3:] == columns
    assert pl.read_csv("sum.csv").columns[2:] == [f"{c}_{s}" for c in columns for s in ("mean", "std")] + ["n_runs"]
    for file in ("one.parquet", "three.csv"):
        capsys.readouterr()
        assert main(["replay", file, "--row", "3"]) == 0
        shown = capsys.readouterr().out
        assert all(name in shown for name in columns)
        assert "turnout" not in shown
    changed = pl.read_csv("three.csv").with_columns(rae=pl.col("rae") + 1e-12)
    changed.write_csv("three.csv")
    assert main(["replay", "three.csv", "--row", "3"]) == 1
    assert capsys.readouterr().out.endswith("Not bit-equal: rae.\n")
    assert main([*batch, "plain.json", "--metrics", "wrong_winer", "--output", "four.csv"]) == 2
    shown = capsys.readouterr().err
    assert "The metric 'wrong_winer' is unknown. Did you mean 'wrong_winner'?" in shown
    assert shown.count("\n") == 1
    assert not Path("four.csv").exists()


def test_run_directory(tmp_path):
    sweep = ParameterSweep({"n_voters": [500, 900]})

    def runner(**options):
        return BatchRunner(
            ElectionModel,
            sweep,
            n_runs_per_config=2,
            seed=3,
            verbose=False,
            run_dir=tmp_path / "d",
            resume=True,
            **options,
        )

    chosen = ["rae", "hhi_seats"]
    first = runner(metrics=chosen)
    results = first.run()
    assert first.scan().collect().equals(results)
    assert results.columns[-2:] == chosen
    again = runner(metrics=chosen[::-1])  # another order: nothing is computed again
    assert again.run().equals(results.select(*results.columns[:-2], "hhi_seats", "rae"))
    assert again.reused == 4
    others = runner()  # rows without the metrics that are asked for now are computed again
    default = others.run()
    assert others.reused == 0
    assert default["seed"].equals(results["seed"])
    assert default.equals(run(sweep, seed=3))
    assert others.scan().collect().equals(default)
    back = runner(metrics=chosen)
    assert back.run().equals(results)
    assert back.reused == 4


def test_rates_in_the_summary():
    sweep = ParameterSweep({"n_constituencies": [5]}, {"n_voters": 400, "temperature": 2.0})
    runner = BatchRunner(ElectionModel, sweep, 40, seed=1, verbose=False, metrics=["manufactured_majority"])
    results = runner.run()
    assert set(results["manufactured_majority"]) == {0.0, 1.0}
    rate = runner.get_summary_stats()["manufactured_majority_mean"][0]
    assert rate == pytest.approx(results["manufactured_majority"].mean(), rel=1e-14)


APPLIED = {  # system, levelling seats: seats of a constituency, or of the nation; and the thresholds of these seats
    ("party_block", 0): (10, []),
    ("STV", 0): (10, []),
    ("district_PR", 0): (10, ["threshold", "district_threshold"]),
    ("district_PR", 20): (120, ["threshold", "levelling_threshold"]),
    ("PR", 0): (100, ["threshold"]),
    ("parallel", 0): (120, ["threshold"]),
    ("MMP", 0): (120, ["threshold"]),
    ("majority_bonus", 0): (100, ["threshold"]),
}


@pytest.mark.slow
def test_effective_threshold_of_every_kind_of_system():
    """Ten constituencies of ten seats, and twenty seats of lists or by levelling."""
    values = {"threshold": [0.0, 0.12], "district_threshold": [0.0, 0.13], "levelling_threshold": [0.0, 0.11]}
    sweep = ParameterSweep(
        {"electoral_system": [*dict.fromkeys(system for system, _ in APPLIED)], "levelling_seats": [0, 20], **values},
        {
            "n_voters": 1_000, "n_constituencies": 10, "district_magnitude": 10, "list_seats": 20, "bonus_seats": 5,
            "parties": TWO, "candidates_per_party": 5, "overhang": "none",
        },
    )  # fmt: skip
    found = run(sweep, metrics=["effective_threshold"], n_runs_per_config=1)
    seen = set()
    for row in found.iter_rows(named=True):
        kind = row["electoral_system"], row["levelling_seats"] if row["electoral_system"] == "district_PR" else 0
        magnitude, applied = APPLIED[kind]
        assert row["effective_threshold"] == max([0.75 / (magnitude + 1), *(row[name] for name in applied)]), row
        seen.add(kind)
    assert seen == set(APPLIED)


def test_rates_stand_for_two_columns(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked = ["turnout", "social_utility_efficiency", "best_welfare_gain"]
    columns = ["turnout", "welfare_gain", "best_welfare_gain"]
    sweep = ParameterSweep({"n_voters": [500, 900]})
    runner = BatchRunner(ElectionModel, sweep, 4, seed=3, verbose=False, metrics=asked)
    results = runner.run()
    assert results.columns[-3:] == columns
    summary = runner.get_summary_stats()
    assert summary.columns[-3:] == ["social_utility_efficiency", "social_utility_efficiency_std", "n_runs"]
    for row in summary.iter_rows(named=True):
        gain, best = (results.filter(config_idx=row["config_idx"])[name].to_numpy() for name in columns[1:])
        rate = gain.mean() / best.mean()
        assert row["social_utility_efficiency"] == pytest.approx(rate, rel=1e-13)
        assert row["social_utility_efficiency_std"] == pytest.approx((gain - rate * best).std(ddof=1) / best.mean())
    Path("sweep.json").write_text(json.dumps({**SMALL, "n_runs_per_config": 4}))
    batch = ["batch", "--quiet", "--config", "sweep.json", "--metrics", ",".join(asked), "--run-dir", "d", "--resume"]
    assert main([*batch, "--output", "one.parquet", "--summary", "one.csv"]) == 0
    assert pl.read_parquet("one.parquet").equals(results)
    assert pl.read_csv("one.csv").equals(summary)
    again = ["batch", "--quiet", "--config", "one.parquet", "--output", "two.parquet", "--summary", "two.csv"]
    assert main(again) == 0  # a file of results knows what was asked for
    assert Path("two.csv").read_bytes() == Path("one.csv").read_bytes()
    assert main(["replay", "two.parquet", "--row", "5"]) == 0
    result = ElectionModel(n_voters=500, seed=results["seed"][0]).run_election(metrics=asked)
    assert result.metrics == {name: results[name][0] for name in columns}


def test_every_metric_is_documented():
    page = (Path(__file__).parent.parent / "docs" / "results.md").read_text(encoding="utf-8")
    rows = [f"| `{name}` | {m.help} | {m.unit} | {m.range} | {m.source} |" for name, m in METRICS.items()]
    assert "\n".join(rows) in page
    rates = [f"| `{name}` | {r.help} | `{r.numerator}` / `{r.denominator}` | {r.source} |" for name, r in RATES.items()]
    assert "\n".join(rates) in page
