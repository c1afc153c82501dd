"""Compares electoral systems: first past the post with PR, then the PR methods with each other.

Run it with `python examples/systems_comparison.py`.
"""

import polars as pl

from esim_jax import BatchRunner, ElectionModel, ParameterSweep, Party

PARTIES = [
    Party("Left", -0.6, 0.1, valence=45),
    Party("Centre-left", -0.25, 0.2, valence=55, incumbent=True),
    Party("Centre-right", 0.25, -0.1, valence=55),
    Party("Right", 0.6, -0.2, valence=40),
    Party("Greens", -0.3, 0.7, valence=20),
]


def compare_systems() -> pl.DataFrame:
    """Mean disproportionality and number of parties in parliament, by system."""
    sweep = ParameterSweep(
        {"electoral_system": ["FPTP", "PR"], "n_voters": [50_000, 100_000]},
        fixed_params={"n_constituencies": 20},
    )
    results = BatchRunner(ElectionModel, sweep, n_runs_per_config=10, seed=42, verbose=False).run()
    return results.group_by("electoral_system", maintain_order=True).agg(
        pl.col("gallagher").mean().alias("avg_gallagher"),
        pl.col("enp_seats").mean().alias("avg_enp_seats"),
    )


def compare_methods() -> pl.DataFrame:
    """Mean seats of each party by PR method, with and without a threshold."""
    sweep = ParameterSweep(
        {"allocation_method": ["dhondt", "sainte_lague", "hare", "droop"], "threshold": [0.0, 0.15]},
        fixed_params={"electoral_system": "PR", "n_voters": 100_000, "n_constituencies": 20, "parties": PARTIES},
    )
    runner = BatchRunner(ElectionModel, sweep, n_runs_per_config=20, seed=42, verbose=False)
    configurations = runner.run().select("config_idx", "allocation_method", "threshold").unique()
    return (
        runner.party_results()
        .join(configurations, on="config_idx")
        .pivot(
            on="party",
            index=["config_idx", "allocation_method", "threshold"],
            values="seats",
            aggregate_function="mean",
        )
        .sort("config_idx")
        .drop("config_idx")
    )


if __name__ == "__main__":
    print(compare_systems())
    print(compare_methods())
