"""Voters of a user's own: which row each voter is, by a plain loop in exact fractions; and elections of them."""

import json
from fractions import Fraction
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest

from esim_jax import BatchRunner, ElectionModel, InputError, ParameterSweep, Party, simulate
from esim_jax.cli import main
from esim_jax.config import read_parameters
from esim_jax.electors import Electors, tabulate_voters
from esim_jax.model.frame import draw_from_table
from esim_jax.sweep.identity import model_identity
from esim_jax.voter_frame import constituency_sizes, read_voter_frame

PARTIES = [Party("A", -0.3, 0.1), Party("B", 0.3, -0.1), Party("C", 0.0, 0.3, 45.0)]
K = 5.0
"""Standard errors allowed; a right program fails one of the 4 comparisons with probability 2.4e-6, once and for all."""


def make(n, seed, **columns):
    """Rows with distinct positions."""
    rng = np.random.default_rng(seed)
    return pl.DataFrame({"x": rng.uniform(-1, 1, n), "y": rng.uniform(-1, 1, n), **columns})


# --- which row a voter is ---------------------------------------------------------------------------------------------


def rows_of(frame, n_voters, n_constituencies):
    """The row of every voter of an electorate, in order; a plain loop."""

    def sample(rows, n):
        weights = [Fraction(weight[r]) for r in rows]
        chosen = []
        for i in range(n):
            target, passed = Fraction(2 * i + 1, 2 * n) * sum(weights), Fraction(0)
            last = 0
            while (passed := passed + weights[last]) <= target:
                last += 1
            chosen.append(rows[last])
        return chosen

    weight = frame["weight"].to_list() if "weight" in frame.columns else [1] * frame.height
    if "constituency" in frame.columns:
        label = frame["constituency"].to_list()
        sizes = constituency_sizes(read_voter_frame(frame), n_voters)
        parts = [[r for r in range(frame.height) if label[r] == c] for c in sorted({*label})]
        return [row for part, size in zip(parts, sizes, strict=True) for row in sample(part, size)]
    everybody = sample(range(frame.height), n_voters)
    return [row for c in range(n_constituencies) for row in everybody[c::n_constituencies]]


def on_device(electors):
    return jax.tree.map(jnp.asarray, tabulate_voters(electors))


draw = jax.jit(draw_from_table, static_argnums=(2, 3))


def random_frame(rng):
    n = int(rng.integers(1, 60))
    columns = {}
    if rng.random() < 0.7:  # quarters, so that sums are exact; some are 0
        columns["weight"] = rng.integers(0, 8, n) / 4 + (np.arange(n) == n // 2)
    if rng.random() < 0.5:
        columns["constituency"] = rng.choice(["p", "q", "r"], n)
    frame = make(n, int(rng.integers(1000)), **columns)
    if "weight" in columns and "constituency" in columns:
        frame = frame.filter(pl.col("weight").sum().over("constituency") > 0)
    return frame


def test_every_voter_is_the_row_that_a_plain_loop_finds():
    rng = np.random.default_rng(4)
    for _ in range(40):
        frame = random_frame(rng)
        n_voters, n_constituencies = int(rng.integers(30, 300)), int(rng.integers(1, 9))
        given = read_voter_frame(frame)
        n_constituencies = len(given.labels) or n_constituencies
        electors = Electors(given, n_voters, n_constituencies, ("A",))
        try:
            sizes = np.array(constituency_sizes(given, n_voters)) if given.labels else None
        except InputError:  # too few voters for some constituency
            continue
        if sizes is None:
            sizes = np.full(n_constituencies, n_voters // n_constituencies)
            sizes[: n_voters % n_constituencies] += 1
        assert sizes.sum() == n_voters
        table = on_device(electors)
        key, starts = (jnp.uint32(1), jnp.uint32(2)), np.cumsum(sizes) - sizes
        found = []
        for start, size in zip(starts, sizes, strict=True):
            index = jnp.asarray(start + np.arange(300), jnp.uint32)  # one row of the kernel: of one constituency
            found += np.asarray(draw(key, index, 1, 2, table).x)[:size].tolist()
        assert found == frame["x"].to_numpy()[rows_of(frame, n_voters, n_constituencies)].astype(np.float32).tolist()


def test_large_frames_and_electorates_count_every_row():
    """Whole weights and their sum of voters: each row is as many voters as it weighs."""
    rng = np.random.default_rng(6)
    weight = rng.geometric(0.02, 5_000) - 1
    n = int(weight.sum())
    frame = pl.DataFrame({"x": np.arange(5_000) / 8_192, "y": 0.0, "weight": weight})
    electors = Electors(read_voter_frame(frame), n, 7, ("A",))
    table = on_device(electors)
    assert (
        np.diff(np.asarray(table.until, np.int64)[: (weight > 0).sum()], prepend=0).tolist()
        == weight[weight > 0].tolist()
    )
    size, larger = divmod(n, 7)
    starts = [c * size + min(c, larger) for c in range(8)]
    lanes = np.arange(size + 1)
    found = np.zeros(5_000, int)
    for start, stop in pairwise(starts):
        index = jnp.asarray(start + lanes, jnp.uint32)
        x = np.asarray(draw((jnp.uint32(1), jnp.uint32(2)), index, 1, 2, table).x)[: stop - start]
        found += np.bincount((x * 8_192).astype(int), minlength=5_000)
    assert found.tolist() == weight.tolist()


def test_sizes_follow_the_weights_by_largest_remainders():
    frame = read_voter_frame(make(4, 1, weight=[1.5, 2.0, 0.5, 1.0], constituency=[7, 3, 7, 11]))
    assert frame.labels == (3, 7, 11)
    assert [constituency_sizes(frame, n) for n in (5, 6, 7)] == [(2, 2, 1), (3, 2, 1), (3, 3, 1)]
    with pytest.raises(InputError, match="n_voters = 2 is too few: constituency 11 of the voters would have none"):
        constituency_sizes(frame, 2)


# --- elections --------------------------------------------------------------------------------------------------------


def utilities(frame):
    p = np.array([(party.position_x, party.position_y) for party in PARTIES])
    x = frame.select("x", "y").to_numpy()
    return np.array([party.valence for party in PARTIES]) / 100 - np.linalg.norm(x[:, None] - p, axis=-1)


def votes_by_label(best, label):
    return [[int(((best == j) & (label == c)).sum()) for j in range(3)] for c in sorted({*label})]


N = 2_000
LABELS = np.random.default_rng(8).choice(["east", "north", "south"], N, p=[0.5, 0.3, 0.2])
BASE = {"parties": PARTIES, "seed": 5}


def test_each_row_votes_once_in_its_constituency():
    frame = make(N, 2, constituency=LABELS)
    result = ElectionModel(**BASE, voters=frame, temperature=0).run_election()
    u = utilities(frame)
    assert result.constituency_votes.tolist() == votes_by_label(u.argmax(axis=1), LABELS)
    assert result.turnout == 1
    w = u.sum(axis=0)
    assert result.vse == pytest.approx(float((result.seat_shares @ w - w.mean()) / (w.max() - w.mean())), abs=1e-5)
    weighted = frame.with_columns(weight=pl.Series(np.arange(N) % 4))
    votes = ElectionModel(**BASE, voters=weighted, n_voters=3 * N // 2, temperature=0).run_election().constituency_votes
    repeated = np.repeat(np.arange(N), np.arange(N) % 4)
    assert votes.tolist() == votes_by_label(u.argmax(axis=1)[repeated], LABELS[repeated])


@pytest.mark.slow
def test_utilities_in_the_place_of_positions_in_any_order_and_ranked():
    """At temperature 0 with three parties, one constituency: the runoff between the two that lead, by the utilities."""
    u = np.random.default_rng(9).normal(size=(N, 3)) + np.array([0.1, 0.0, 0.05])
    frame = pl.DataFrame(
        {"other": "text", **{f"utility_{name}": u[:, j] for j, name in ((2, "C"), (0, "A"), (1, "B"))}}
    )
    given = {**BASE, "voters": frame, "temperature": 0, "n_constituencies": 1}
    result = ElectionModel(**given, electoral_system="IRV").run_election()
    assert result.vote_counts.tolist() == np.bincount(u.argmax(axis=1)).tolist()
    last = int(result.vote_counts.argmin())
    rest = [j for j in range(3) if j != last]
    assert result.seats.argmax() == rest[int(((u[:, rest[1]] > u[:, rest[0]]).mean()) > 0.5)]
    w = u.sum(axis=0)
    expected = (w[result.seats.argmax()] - w.mean()) / (w.max() - w.mean())
    assert result.vse == pytest.approx(float(expected), abs=1e-4)


def test_turnout_of_rows_and_random_choices_follow_their_law():
    """A function of one's own sees the rows; NOTA is a party like the others to it."""

    def half(voters, parties):
        return [0.5 * party.appeal - jnp.hypot(voters.x - party.x, voters.y - party.y) for party in parties]

    t = np.random.default_rng(10).uniform(0.2, 1, N)
    frame = make(N, 3, turnout=t)
    u = utilities(frame) - np.array([party.valence for party in PARTIES]) / 200
    u = np.column_stack([u, -np.linalg.norm(frame.select("x", "y").to_numpy(), axis=1)]) / 0.4
    p = np.exp(u - u.max(axis=1, keepdims=True))
    p *= (t / p.sum(axis=1))[:, None]
    result = ElectionModel(**BASE, voters=frame, behaviour=half, temperature=0.4, include_nota=True).run_election()
    z = (result.vote_counts - p.sum(axis=0)) / np.sqrt((p * (1 - p)).sum(axis=0))
    assert np.abs(z).max() < K
    assert result.constituency_votes.shape == (10, 4)


@pytest.fixture(scope="module")
def sweep():
    frames = [make(300, 11, constituency=LABELS[:300]), make(400, 12, constituency=LABELS[:400])]
    return ParameterSweep({"voters": frames, "n_voters": [300, 1_001]}, {"parties": PARTIES, "temperature": 0.4})


def run(sweep, **options):
    runner = BatchRunner(ElectionModel, sweep, **{"n_runs_per_config": 2, "seed": 3, "verbose": False, **options})
    return runner, runner.run()


def test_a_sweep_over_frames_is_one_program_and_its_rows_are_their_own(sweep, tmp_path):
    simulate._tally_voters.clear()
    runner, results = run(sweep, run_dir=tmp_path / "runs")
    assert simulate._tally_voters.n_programs == 1  # frames of about one length, and electorates of any size
    assert results["voters"].to_list()[::4] == [str(read_voter_frame(frame)) for frame in sweep.parameters["voters"]]
    assert run(sweep, chunk_size=1)[1].equals(results)
    row = results.row(7, named=True)
    assert ElectionModel(**runner.simulation(3, 1)).run_election().vse == row["vse"]
    again = ParameterSweep({**sweep.parameters, "n_voters": [300]}, sweep.fixed_params)
    options = {"n_runs_per_config": 2, "seed": 3, "run_dir": tmp_path / "runs", "resume": True}
    assert BatchRunner(ElectionModel, again, **options).n_kept == 4
    changed = [frame.with_columns(pl.col("x") * 0.999) for frame in sweep.parameters["voters"]]
    again = ParameterSweep({**sweep.parameters, "voters": changed}, sweep.fixed_params)
    assert BatchRunner(ElectionModel, again, **options).n_kept == 0


def test_frames_go_by_their_values(tmp_path):
    frame = make(20, 1, weight=np.arange(20), constituency=["a", "b"] * 10)
    frame.write_parquet(tmp_path / "voters.parquet")
    frame.write_csv(tmp_path / "voters.csv")
    same = [
        frame, frame.lazy(), frame.with_columns(more=pl.lit("x")), frame.cast({"weight": pl.Float32}),
        tmp_path / "voters.parquet", str(tmp_path / "voters.csv"),
        frame.cast({"constituency": pl.Categorical}), pl.concat([frame[:7], frame[7:]], rechunk=False),
    ]  # fmt: skip
    read = [read_voter_frame(one) for one in same]
    assert len({*read}) == 1
    assert {model_identity(read_parameters({"voters": one})) for one in same} == {
        model_identity(
            read_parameters({"voters": frame, "n_voters": 20, "n_constituencies": 2, "voter_model": "frame"})
        )
    }
    others = [
        frame.with_columns(pl.col("x") + 1e-9), frame.drop("weight"), frame.reverse(), frame[:-1],
        frame.with_columns(constituency=pl.col("constituency").replace({"a": "c"})),
        frame.rename({"weight": "turnout"}).with_columns(pl.col("turnout") / 20),
    ]  # fmt: skip
    assert len({*read, *map(read_voter_frame, others)}) == 7
    assert str(read[0]) == f"frame sha256:{read[0].digest[:16]} (20 rows)"


def test_the_command_line_reads_a_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    make(300, 11, constituency=LABELS[:300]).write_csv("voters.csv")
    fixed = {"voters": "voters.csv", "participation": 0.9}
    (tmp_path / "sweep.json").write_text(
        json.dumps({"parameters": {"temperature": [0.4]}, "fixed_params": fixed, "seed": 1})
    )
    assert main(["batch", "--config", "sweep.json", "--output", "results.parquet", "--quiet"]) == 0
    assert pl.read_parquet("results.parquet")["voters"][0].startswith("frame sha256:")
    assert main(["replay", "results.parquet", "--row", "0", "--quiet"]) == 0
    arguments = ["run", "--voter-frame", "voters.csv", "--temperature", "0.4", "--seed", "1"]
    assert main([*arguments, "--output", "result.json"]) == 0
    assert "300 voters, 3 constituencies" in capsys.readouterr().out
    assert json.loads((tmp_path / "result.json").read_text())["parameters"]["voters"].startswith("frame sha256:")


GOOD = make(4, 1, weight=[1, 2, 3, 4], constituency=["a", "a", "b", "b"], turnout=0.5)
UTILITY = pl.DataFrame({f"utility_{name}": [0.1, 0.2] for name in "ABC"})


def voters(frame, **given):
    return {"n_constituencies": 2, "parties": PARTIES, "voters": frame, **given}


BAD = {
    "no frame": (voters([1, 2]), "voters is list: give a Polars frame, or the path of a file"),
    "no file": (voters("nothing.csv"), "'nothing.csv' can't be read"),
    "no format": (voters("voters.xlsx"), "name a .parquet or a .csv file"),
    "name of a frame": (voters("frame sha256:0123 (4 rows)"), "names voters that are not in the file"),
    "no rows": (voters(GOOD[:0]), "voters has 0 rows: give at least 1"),
    "no position": (voters(GOOD.rename({"y": "why"})), "no column 'y'.* It needs x and y, or utility_<party>"),
    "both": (voters(GOOD.with_columns(utility_A=0.0)), "both 'x' and 'utility_A'"),
    "null": (voters(GOOD.with_columns(x=pl.Series([0.1, None, 0.2, 0.3]))), "x of row 1, counted from 0, is null"),
    "NaN": (voters(GOOD.with_columns(y=pl.Series([0.1, 0.2, np.nan, 0.3]))), "y of row 2, counted from 0, is nan"),
    "text": (voters(GOOD.with_columns(x=pl.lit("a"))), "the column 'x' is of type String; it must be of numbers"),
    "far away": (voters(GOOD.with_columns(x=1e5)), "a number from -10,000 to 10,000"),
    "negative weight": (voters(GOOD.with_columns(weight=-1)), "weight of row 0, counted from 0, is -1"),
    "no weight": (voters(GOOD.with_columns(weight=0)), "all weights are 0; give some row a weight"),
    "turnout": (voters(GOOD.with_columns(turnout=1.5)), "turnout of row 0, counted from 0, is 1.5; .* from 0 to 1"),
    "empty constituency": (
        voters(GOOD.with_columns(weight=pl.Series([1, 1, 0, 0]))), "all weights of constituency 'b' are 0",
    ),
    "null constituency": (voters(GOOD.with_columns(constituency=pl.lit(None, pl.String))), "of row 0.* is null"),
    "other constituencies": (voters(GOOD, n_constituencies=3), "n_constituencies = 3 is not allowed with voters of 2"),
    "too few voters": (voters(GOOD, n_voters=1, n_constituencies=2), "n_voters = 1 is too few: constituency"),
    "missing utility": (voters(UTILITY.drop("utility_B")), "no column 'utility_B': give one for each party"),
    "missing NOTA": (voters(UTILITY, include_nota=True), "no column 'utility_NOTA'"),
    "unknown utility": (voters(UTILITY.with_columns(utility_Aa=0.0)), "'utility_Aa', but there is no such party"),
    "behaviour": (voters(UTILITY, behaviour="directional"), "not allowed with voters whose utilities are given"),
    "voter model": (voters(GOOD, voter_model="demographic"), "voter_model = 'demographic' is not allowed with voters"),
    "no voters": ({"voter_model": "frame"}, "voter_model = 'frame' needs voters"),
    "engine": (voters(GOOD, engine="limit"), "engine = 'limit' is not allowed with voter_model = 'frame'"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_frames_get_one_clear_sentence(name):
    given, message = BAD[name]
    with pytest.raises(InputError, match=message):
        ElectionModel(**given)
