"""Weber (1978), "Comparison of Public Choice Systems": the effectiveness of voting systems, by simulation.

Effectiveness compares the expected utility of the elected with that of the best candidate and of one drawn at random,
where voters' utilities are independent and uniform and voters are many. Weber's formulae for m candidates are

    plurality            sqrt(3 m) / (m + 1)
    vote for k of them   sqrt(3 m k (m - k) / (m - 1)) / (m + 1)
    Borda                sqrt(m / (m + 1))

Run it with `python examples/weber_1978.py [elections]`.
"""

import math
import sys

import polars as pl

from esim_jax import BatchRunner, ElectionModel, ParameterSweep

SYSTEMS = {"FPTP": "plurality", "approval": "vote for k", "Borda": "Borda"}


def effectiveness(
    elections: int,
    numbers: tuple[int, ...] = (2, 3, 4, 5, 6, 10),
    votes: tuple[int, ...] = (1, 2, 3, 5),
    n_voters: int = 1_000,
    seed: int = 1978,
) -> pl.DataFrame:
    """The effectiveness of each system by number of candidates and of votes, with its standard error.

    One sweep, so that one program serves all; what votes for all candidates or for more is left out.
    """
    sweep = ParameterSweep(
        {
            "parties": [[{"name": f"Candidate {i + 1}"} for i in range(m)] for m in numbers],
            "approval_count": [*votes],
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
        metrics=["social_utility_efficiency"],
        verbose=False,
    )
    runner.run()
    candidates, k = pl.col("parties").list.len(), pl.col("approval_count")
    one_of_each = (pl.col("electoral_system") == "approval") & (k < candidates) | (k == votes[0])
    return (
        runner.get_summary_stats()
        .filter(one_of_each)
        .select(
            candidates.alias("candidates"),
            pl.col("electoral_system").replace(SYSTEMS).alias("system"),
            pl.when(electoral_system="approval").then(k).alias("votes"),
            pl.col("social_utility_efficiency").alias("effectiveness"),
            (pl.col("social_utility_efficiency_std") / pl.col("n_runs").sqrt()).alias("standard_error"),
        )
    )


def limit(n_candidates: int, system: str, votes: int | None = None) -> float:
    """Weber's formulae."""
    m, k = n_candidates, votes or 1
    if system == "Borda":
        return math.sqrt(m / (m + 1))
    return math.sqrt(3 * m * k * (m - k) / (m - 1)) / (m + 1)  # plurality is to vote for one


if __name__ == "__main__":
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    print(f"Effectiveness in {n:,} elections of 1,000 voters, and Weber's limit, in percent")
    for m, system, k, value, error in effectiveness(n).iter_rows():
        name = system.replace("k", str(k)) if k else system
        weber = 100 * limit(m, system, k)
        print(f"{m:3} candidates, {name:10} {100 * value:6.2f} +- {100 * error:.2f}   {weber:6.2f}")
