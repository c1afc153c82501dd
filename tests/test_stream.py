"""Results in windows: bounded memory, and nothing in a file or a summary that depends on how rows were computed."""

import numpy as np
import polars as pl
import pytest

import esim_jax.results.windows
import esim_jax.sweep.run_dir
from esim_jax import BatchRunner, ElectionModel, InputError, ParameterSweep
from esim_jax.chunks import BOUNDS, Span, make_cutter, spread
from esim_jax.config import read_parameters
from esim_jax.results.export import export_frames
from esim_jax.results.summary import summarise
from esim_jax.sweep.kept import MemoryRows
from esim_jax.sweep.spans import align_runs, missing_spans

METRICS = ["turnout", "gallagher", "enp_votes", "enp_seats", "vse"]
SPACE = {"temperature": [0.3, 0.5, 0.7], "n_voters": [300]}

SMALL = read_parameters({"n_voters": 100, "n_constituencies": 1})


def runner(**options):
    return BatchRunner(
        ElectionModel, ParameterSweep(SPACE), **{"n_runs_per_config": 50, "seed": 2, "verbose": False, **options}
    )


@pytest.fixture
def small_windows(monkeypatch):
    monkeypatch.setattr(esim_jax.results.windows, "WINDOW_ROWS", 7)


def test_windows_do_not_depend_on_parts(tmp_path, monkeypatch, small_windows):
    monkeypatch.setattr(esim_jax.sweep.run_dir, "PART_SECONDS", 0.0)
    memory = runner()
    memory.run()
    kept = runner(run_dir=tmp_path / "run", chunk_size=13)
    lazy = kept.stream()
    assert isinstance(lazy, pl.LazyFrame)
    assert lazy.collect().equals(memory.run())
    assert lazy.collect_schema() == memory.run().schema
    for suffix in ("parquet", "csv", "json"):
        files = []
        for number, one in enumerate((memory, kept)):
            files.append(tmp_path / f"{number}.{suffix}")
            one.export_results(files[-1])
        assert files[0].read_bytes() == files[1].read_bytes()
        read = {"csv": pl.read_csv, "parquet": pl.read_parquet, "json": pl.read_json}[suffix]
        assert read(files[0]).equals(memory.run())
    assert kept.get_summary_stats().equals(memory.get_summary_stats())
    assert kept.party_results().equals(memory.party_results())


def test_a_stream_never_holds_all_rows(tmp_path, monkeypatch, small_windows):
    """Frames that pass through a streamed sweep are as long as a window or a chunk, never as the sweep."""
    monkeypatch.setattr(esim_jax.sweep.run_dir, "PART_ROWS", 10)
    lengths = []
    for name in ("results_frame",):
        original = getattr(esim_jax.sweep.runner, name)
        monkeypatch.setattr(
            esim_jax.sweep.runner, name, lambda rows, *a, o=original: lengths.append(rows.height) or o(rows, *a)
        )
    r = runner(run_dir=tmp_path / "run", chunk_size=10)
    r.stream()
    r.export_results(tmp_path / "results.parquet")
    r.get_summary_stats()
    assert max(lengths) == 7
    assert sum(lengths) == 2 * 150
    assert len(list((tmp_path / "run" / "parts").iterdir())) == 15


def test_the_design_is_not_as_long_as_the_sweep():
    r = BatchRunner(
        ElectionModel, ParameterSweep({"temperature": [0.3, 0.5], "n_voters": [100]}), n_runs_per_config=2**31 - 1,
        seed=1, verbose=False,
    )  # fmt: skip
    assert r.simulation(1, 2**31 - 2)["seed"] < 2**53
    design = r._sweep.design
    assert len(design) == 2 * (2**31 - 1)
    chunks = make_cutter([SMALL] * 2).cut(design.whole())
    assert next(chunks) == (Span(0, 0, BOUNDS["voters"].simulations),)


def two_pass(frame):
    return frame.group_by("config_idx", maintain_order=True).agg(
        *(
            statistic
            for name in ("a", "b")
            for statistic in (pl.col(name).mean().alias(f"{name}_mean"), pl.col(name).std().alias(f"{name}_std"))
        ),
        pl.any_horizontal(pl.col("a", "b").is_not_null()).sum().cast(pl.Int64).alias("n_runs"),
    )


@pytest.mark.parametrize("window", [1, 3, 64, 10_000])
def test_the_summary_of_windows_is_that_of_all_rows(window):
    rng = np.random.default_rng(3)
    sizes = [1, 2, 500, 37, 3]
    configuration = np.repeat(np.arange(5), sizes)
    frame = pl.DataFrame(
        {
            "config_idx": configuration,
            "a": 1e6 + rng.normal(size=len(configuration)),  # a naive sum of squares would lose all digits
            "b": rng.normal(size=len(configuration)),
        }
    ).with_columns(a=pl.when(pl.col("config_idx") < 4).then("a"), b=pl.when(pl.col("b") < 0.5).then("b"))
    windows = [frame[start : start + window] for start in range(0, frame.height, window)]
    found = summarise(windows, pl.DataFrame({"config_idx": range(5)}), ["a", "b"])
    expected = two_pass(frame)
    assert found.columns == expected.columns
    assert found["n_runs"].to_list() == expected["n_runs"].to_list()
    for name in found.columns[1:-1]:
        assert found[name].is_null().to_list() == expected[name].is_null().to_list()
        known = found[name].is_not_null()
        # the mean loses at most a few units in the last place of 1e6; the deviation some 1e-10 of itself for that
        np.testing.assert_allclose(found[name].filter(known), expected[name].filter(known), rtol=1e-9)


@pytest.mark.parametrize("window", [1, 7, 10_000])
def test_rates_are_ratios_of_means(window):
    rng = np.random.default_rng(4)
    configuration = np.repeat(np.arange(4), [1, 400, 30, 5])
    b = (rng.random(len(configuration)) < 0.7) * (configuration != 3) + (configuration == 0)
    frame = pl.DataFrame({"config_idx": configuration, "b": b * 1.0, "a": b * (rng.random(len(b)) < 0.6)})
    frame = frame.with_columns(a=pl.when(pl.col("config_idx") == 2).then("b").otherwise("a"))
    windows = [frame[start : start + window] for start in range(0, frame.height, window)]
    found = summarise(windows, pl.DataFrame({"config_idx": range(4)}), ["b", "a"], {"rate": ("a", "b")})
    assert found.columns == ["config_idx", "b_mean", "b_std", "a_mean", "a_std", "rate", "rate_std", "n_runs"]
    rate = pl.col("a").mean() / pl.col("b").mean()
    expected = frame.group_by("config_idx", maintain_order=True).agg(
        rate=rate, std=(pl.col("a") - rate * pl.col("b")).std() / pl.col("b").mean()
    )
    assert found["rate"][3] is None  # nothing to divide by
    assert found["rate_std"].is_null().to_list() == [True, False, False, True]
    np.testing.assert_allclose(found["rate"][:3], expected["rate"][:3], rtol=1e-13)
    np.testing.assert_allclose(found["rate_std"][1:3], expected["std"][1:3], rtol=1e-9, atol=1e-7)
    assert found["rate"][2] == 1.0


def test_the_deviation_of_a_rate_is_that_of_its_estimate():
    """From run to run of a sweep: a chi-square of 1,999 degrees, whose root lies within 8 percent but once in 10^6."""
    rng = np.random.default_rng(5)
    n, sweeps = 200, 2_000
    b = (rng.random((sweeps, n)) < 0.8) * 1.0
    a = b * (rng.random((sweeps, n)) < 0.6)
    frame = pl.DataFrame({"config_idx": np.repeat(np.arange(sweeps), n), "a": a.ravel(), "b": b.ravel()})
    found = summarise([frame], pl.DataFrame({"config_idx": range(sweeps)}), ["a", "b"], {"rate": ("a", "b")})
    assert found["rate"].std() == pytest.approx((found["rate_std"] / n**0.5).mean(), rel=0.08)


def test_infinite_metrics_stay_as_they_are():
    frame = pl.DataFrame({"config_idx": [0, 0, 1], "a": [1.0, np.inf, 2.0]})
    for windows in ([frame], [frame[:1], frame[1:]]):
        found = summarise(windows, pl.DataFrame({"config_idx": [0, 1]}), ["a"])
        assert found["a_mean"].to_list() == [np.inf, 2.0]
        assert np.isnan(found["a_std"][0])


def test_nested_and_empty_windows_are_written(tmp_path):
    frame = pl.DataFrame({"a": [1, 2, 3], "b": [[1], [2, 3], []]})
    empty = frame.clear()
    for windows in ([frame], [empty, frame[:1], empty, frame[1:]]):
        for suffix in ("csv", "json", "parquet"):
            export_frames(windows, tmp_path / f"x.{suffix}")
        assert pl.read_parquet(tmp_path / "x.parquet").equals(frame)
        assert (tmp_path / "x.csv").read_text() == 'a,b\n1,[1]\n2,"[2, 3]"\n3,[]\n'
        assert (tmp_path / "x.json").read_text() == '[{"a":1,"b":[1]},{"a":2,"b":[2,3]},{"a":3,"b":[]}]'


def test_a_full_disk_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.parquet"
    path.write_text("old")

    def windows():
        yield pl.DataFrame({"a": [1]})
        raise OSError(28, "No space left on device")

    for suffix in ("parquet", "csv", "json"):
        path = tmp_path / f"x.{suffix}"
        path.write_text("old")
        with pytest.raises(InputError, match="No space left on device"):
            export_frames(windows(), path, provenance={})
        assert path.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 3


def test_chunks_keep_their_bounds_and_lose_nothing():
    sizes = [
        (100, 1, "voters"),
        (3_000_000, 40_000, "voters"),
        (50_000_000, 10, "voters"),  # more than a chunk
        (100, 1, "limit"),
    ]
    parameters = [
        read_parameters(dict(zip(("n_voters", "n_constituencies", "engine"), size, strict=True))) for size in sizes
    ]
    cutter = make_cutter(parameters)
    spans = [Span(0, 5, 3000), Span(1, 0, 3), Span(2, 0, 2), Span(0, 0, 5), Span(3, 0, 9)]
    chunks = list(cutter.cut(spans))
    largest = cutter.largest(chunks)
    assert largest.rows == cutter.load((Span(2, 0, 1),)).rows
    for chunk in chunks:
        load, bounds = cutter.load(chunk), BOUNDS[cutter.programs[chunk[0].configuration].kind]
        assert load.simulations == 1 or all(have <= bound for have, bound in zip(load, bounds, strict=True))
        assert len({cutter.programs[span.configuration] for span in chunk}) == 1
    for k in (0, 1):
        assert np.concatenate([spread(chunk)[k] for chunk in chunks]).tolist() == spread(spans)[k].tolist()


def test_aligned_chunks_hold_the_same_runs_of_all_configurations():
    cutter = make_cutter([SMALL] * 5, chunk_size=12)
    missing = missing_spans([Span(0, 0, 4), Span(1, 3, 5)], n_configurations=5, n_runs=9)
    together = list(align_runs(missing, lambda c: c == 4, cutter.runs_together))
    for spans in together:
        assert len({(first, stop) for _, first, stop in spans}) == 1
        assert len(list(cutter.cut(spans))) == 1
    simulations = [pair for spans in together for pair in zip(*(x.tolist() for x in spread(spans)), strict=True)]
    assert sorted(simulations) == list(zip(*(x.tolist() for x in spread(missing)), strict=True))
    assert len({*simulations}) == 45 - 6


@pytest.mark.parametrize("few", [0, 100])
def test_rows_in_memory_are_put_in_order(monkeypatch, few):
    """By sorting them, or by putting stretches of them together."""
    monkeypatch.setattr(esim_jax.sweep.kept, "_FEW", few)
    design = runner()._sweep.design
    rows = MemoryRows(design)
    for spans in (((0, 10, 30), (2, 0, 50)), ((0, 30, 50),), ((1, 0, 50),), ((0, 0, 10),)):
        places = [(configuration, run) for configuration, first, stop in spans for run in range(first, stop)]
        rows.add(pl.DataFrame(places, schema=["config_idx", "run_idx"], orient="row").with_columns(seed=0))
    rows.finish()
    (window,) = rows.windows([])
    assert window.select("config_idx", "run_idx").rows() == [(c, r) for c in range(3) for r in range(50)]
