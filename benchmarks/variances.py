"""How far paired runs narrow a comparison: `python benchmarks/variances.py [RUNS]` prints JSON.

Two configurations are compared run by run. With common random numbers run r has the same electorate in both, so that
most of the noise cancels from the difference.
"""

import json
import sys

import polars as pl

from esim_jax import BatchRunner, ElectionModel, ParameterSweep

PAIRS = (("temperature", 0.3, 0.5), ("economic_growth", 0.0, 0.02))
PARTIES = [
    {"name": "Incumbent", "position_x": -0.3, "incumbent": True},
    {"name": "Right", "position_x": 0.3},
    {"name": "Centre", "position_y": 0.3},
]
ELECTORATE = {"n_voters": 50_000, "n_constituencies": 20, "electoral_system": "PR", "parties": PARTIES}


def difference_variances(name: str, values: list[float], runs: int, common: bool) -> dict[str, float]:
    """Variance over the runs of the second configuration's metrics minus the first's."""
    runner = BatchRunner(
        ElectionModel,
        ParameterSweep({name: values}, fixed_params=ELECTORATE),
        n_runs_per_config=runs,
        seed=1,
        verbose=False,
        common_random_numbers=common,
    )
    rows = runner.run().select("config_idx", "run_idx", "gallagher")
    share = runner.party_results().filter(pl.col("party") == "Incumbent")
    rows = rows.join(share.select("config_idx", "run_idx", "vote_share"), on=["config_idx", "run_idx"])
    first, second = (rows.filter(config_idx=i).sort("run_idx") for i in range(2))
    metrics = ("vote_share", "gallagher")
    return {metric: (second[metric] - first[metric]).to_numpy().var(ddof=1).item() for metric in metrics}


def main() -> None:
    """Prints one row for each pair and metric."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    rows = []
    for name, *values in PAIRS:
        alone, paired = (difference_variances(name, values, runs, common) for common in (False, True))
        rows += [
            {
                "compared": f"{name} {values[0]:g} with {values[1]:g}",
                "metric": f"incumbent's {metric}" if metric == "vote_share" else metric,
                "runs": runs,
                "variance, independent": alone[metric],
                "variance, common": paired[metric],
                "independent / common": alone[metric] / paired[metric],
            }
            for metric in alone
        ]
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
