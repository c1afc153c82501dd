"""The engines in sweeps: equal in law, replayed to the bit, one part of a sweep like any other parameter."""

import math

import numpy as np
import polars as pl
import pytest
from scipy import stats
from test_promises import METRICS, assert_rows_replay

from esim_jax import BatchRunner, ElectionModel, ParameterSweep, Party
from esim_jax.limit import vote_shares

RUNS = 1_200
ALARM = 1e-4
"""The probability that a right program fails one of the comparisons of this file, over all of them; seeds are fixed."""


def run(swept, fixed, n_runs, **options):
    options = {"seed": 11, "verbose": False, **options}
    runner = BatchRunner(ElectionModel, ParameterSweep(swept, fixed), n_runs_per_config=n_runs, **options)
    return runner.run(), runner.party_results()


def parties(n):
    """Parties on a circle of growing radius, the last ones small."""
    return [
        Party(
            f"P{j}",
            round(0.6 * math.cos(2.4 * j), 3),
            round(0.6 * math.sin(2.4 * j), 3),
            50.0 - 4 * max(0, j - 2),
            incumbent=j == 0,
        )
        for j in range(n)
    ]


CASES = {
    "default_fptp": {"n_voters": 2_000},
    "two_parties": {"n_voters": 700, "parties": parties(2), "temperature": 0.2},
    "twelve_dhondt_threshold_at_the_edge": {
        "n_voters": 5_000,
        "n_constituencies": 50,
        "parties": parties(12),
        "electoral_system": "PR",
        "threshold": 0.08,
    },
    "droop_with_nota": {
        "n_voters": 1_003,
        "n_constituencies": 31,
        "parties": parties(4),
        "include_nota": True,
        "electoral_system": "PR",
        "allocation_method": "droop",
        "indifference_threshold": 0.6,
    },
    "large": {"n_voters": 60_000, "n_constituencies": 100, "temperature": 0.3},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_metrics_and_seats_are_equal_in_distribution(name):
    """Kolmogorov-Smirnov for each metric, chi-square for each party's seats and, by deciles, votes."""
    results, by_party = run({"engine": ["voters", "multinomial"]}, CASES[name], RUNS)
    ours, theirs = (results.filter(pl.col("engine") == engine) for engine in ("multinomial", "voters"))
    p_values = {}
    for metric in METRICS:
        # a lattice of values makes the test cautious, never wrong
        p_values[metric] = stats.ks_2samp(ours[metric].to_numpy(), theirs[metric].to_numpy(), method="asymp").pvalue
    for party in by_party["party"].unique(maintain_order=True):
        one = by_party.filter(pl.col("party") == party)
        for column in ("seats", "votes"):
            voters, drawn = (one.filter(pl.col("config_idx") == c)[column].to_numpy() for c in (0, 1))
            cuts = np.unique(np.quantile(voters, np.linspace(0.1, 0.9, 9)))
            table = np.array([np.bincount(np.searchsorted(cuts, v), minlength=len(cuts) + 1) for v in (voters, drawn)])
            table = table[:, table.sum(axis=0) >= 20]
            if table.shape[1] > 1:
                p_values[party, column] = stats.chi2_contingency(table, correction=False).pvalue
    assert min(p_values.values()) > ALARM / len(CASES) / len(p_values), p_values


@pytest.mark.slow
def test_rows_of_every_engine_replay():
    swept = {
        "engine": ["voters", "multinomial", "limit"],
        "electoral_system": ["FPTP", "PR"],
        "n_voters": [50, 30_001],
    }
    results, by_party = run(swept, {"n_constituencies": 7, "temperature": 0.1}, 2)
    assert_rows_replay(results, by_party)


@pytest.mark.slow
@pytest.mark.parametrize("chunk_size", [1, 17])  # 17 have the room of 20, and the same count
def test_chunk_size_changes_nothing(chunk_size):
    swept = {"engine": ["voters", "limit", "multinomial"], "n_voters": [500, 4_000], "temperature": [0.3, 0.6]}
    whole, cut = run(swept, {}, 5), run(swept, {}, 5, chunk_size=chunk_size)
    assert all(a.equals(b) for a, b in zip(whole, cut, strict=True))


def test_the_default_engine_is_part_of_no_identity():
    """Naming the default leaves the rows as they are; another engine draws other numbers."""
    plain, _ = run({"temperature": [0.4]}, {"n_voters": 1_000}, 3)
    named, _ = run({"temperature": [0.4]}, {"n_voters": 1_000, "engine": "voters"}, 3)
    other, _ = run({"temperature": [0.4]}, {"n_voters": 1_000, "engine": "multinomial"}, 3)
    assert named.select("seed", *METRICS).equals(plain.select("seed", *METRICS))
    assert not set(other["seed"]) & set(plain["seed"])


@pytest.mark.slow
def test_the_limit_has_no_noise_and_the_shares_of_its_law():
    results, by_party = run({"engine": ["limit"], "n_voters": [100, 10_000_000]}, {"electoral_system": "PR"}, 3)
    assert all(results[name].n_unique() == 1 for name in METRICS)
    shares = by_party.filter(pl.col("config_idx") == 0, pl.col("run_idx") == 0)["vote_share"].to_numpy()
    np.testing.assert_allclose(
        shares, vote_shares(), rtol=0, atol=1e-7
    )  # votes are kept to 2^-33, parameters to float32


def test_large_electorates_approach_the_limit():
    """20 elections of 2^31 - 1 voters: the mean share has a standard error of 2.4e-6, and the law an error of 1e-6."""
    _, by_party = run({"engine": ["multinomial"]}, {"n_voters": 2**31 - 1, "electoral_system": "PR"}, 20)
    shares = by_party.group_by("party", maintain_order=True).agg(pl.col("vote_share").mean())["vote_share"].to_numpy()
    np.testing.assert_allclose(shares, vote_shares(), rtol=0, atol=5 * 2.4e-6 + 1e-6)


# --- common random numbers -------------------------------------------------------------------------------------------


COMMON = {"temperature": [0.1, 0.3, 0.5], "economic_growth": [0.0, 0.02], "n_voters": [900, 4_000]}


def test_common_random_numbers_share_the_electorate():
    results, by_party = run(COMMON, {"n_constituencies": 3}, 4, common_random_numbers=True)
    assert all(results.filter(pl.col("run_idx") == r)["seed"].n_unique() == 1 for r in range(4))
    assert_rows_replay(results, by_party)


@pytest.mark.parametrize("chunk_size", [5])
def test_common_random_numbers_don_t_depend_on_the_chunk(chunk_size):
    options = {"common_random_numbers": True}
    whole = run(COMMON, {"n_constituencies": 3}, 4, **options)
    cut = run(COMMON, {"n_constituencies": 3}, 4, **options, chunk_size=chunk_size)
    assert all(a.equals(b) for a, b in zip(whole, cut, strict=True))


def test_common_random_numbers_make_differences_precise():
    """The same voters meet two temperatures: the difference varies far less than that of independent electorates."""
    swept, fixed = {"national_mood": [0.0, 0.02]}, {"n_voters": 20_000, "electoral_system": "PR"}

    def variance(common):
        _, by_party = run(swept, fixed, 60, common_random_numbers=common)
        share = by_party.filter(pl.col("party") == "Party A")["vote_share"].to_numpy().reshape(2, 60)
        return (share[1] - share[0]).var(ddof=1)

    assert variance(True) < 0.2 * variance(False)
