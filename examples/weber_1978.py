"""Weber (1978), "Comparison of Public Choice Systems": the effectiveness of voting systems, by simulation.

Effectiveness compares the expected utility of the elected with that of the best candidate and of one drawn at random,
where voters' utilities are independent and uniform and voters are many. Weber's formulae for m candidates are

    plurality                sqrt(3 m) / (m + 1)
    vote for half of them    sqrt(3 m k (m - k) / (m - 1)) / (m + 1), k = m / 2
    Borda                    sqrt(m / (m + 1))

Run it with `python examples/weber_1978.py [elections]`.
"""

import math
import sys

import polars as pl

from esim_jax import BatchRunner, ElectionModel, ParameterSweep

SYSTEMS = {"FPTP": "plurality", "approval": "vote for half", "Borda": "Borda"}


def effectiveness(
    elections: int, numbers: tuple[int, ...] = (2, 3, 4, 5, 6, 10), n_voters: int = 1_000, seed: int = 1978
) -> pl.DataFrame:
    """The effectiveness of each system by number of candidates, a ratio of means, with its standard error.

    One sweep, so that one program serves all; what votes for another number than half of the candidates is left out.
    """
    sweep = ParameterSweep(
        {
            "parties": [[{"name": f"Candidate {i + 1}"} for i in range(m)] for m in numbers],
            "approval_count": sorted({m // 2 for m in numbers}),
            "electoral_system": [*SYSTEMS],
        },
        fixed_params={
            "voter_model": "impartial_culture",
            "temperature": 0.0,
            "n_voters": n_voters,
            "n_constituencies": 1,
        },
    )
    runner = BatchRunner(
        ElectionModel,
        sweep,
        n_runs_per_config=elections,
        seed=seed,
        common_random_numbers=True,
        metrics=["welfare_gain", "best_welfare_gain"],
        verbose=False,
    )
    candidates = pl.col("parties").list.len()
    gain, best = pl.col("welfare_gain"), pl.col("best_welfare_gain")
    ratio = gain.mean() / best.mean()
    return (
        runner.run()
        .filter(pl.col("approval_count") == candidates // 2)
        .group_by(
            candidates.alias("candidates"),
            pl.col("electoral_system").replace(SYSTEMS).alias("system"),
            maintain_order=True,
        )
        .agg(effectiveness=ratio, standard_error=(gain - ratio * best).std() / best.mean() / pl.len().sqrt())
    )


def limit(n_candidates: int) -> dict[str, float]:
    """Weber's formulae."""
    m, k = n_candidates, n_candidates // 2
    half = math.sqrt(3 * m * k * (m - k) / (m - 1)) / (m + 1)
    return {"plurality": math.sqrt(3 * m) / (m + 1), "vote for half": half, "Borda": math.sqrt(m / (m + 1))}


if __name__ == "__main__":
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    print(f"Effectiveness in {n:,} elections of 1,000 voters, and Weber's limit, in percent")
    for m, system, value, error in effectiveness(n).iter_rows():
        print(f"{m:3} candidates, {system:14} {100 * value:6.2f} +- {100 * error:.2f}   {100 * limit(m)[system]:6.2f}")
