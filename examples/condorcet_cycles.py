"""How often nobody beats everybody: Niemi and Weisberg (1968), "A mathematical solution for the probability of the
paradox of voting", by simulation.

In the impartial culture all rankings are equally likely. Run it with `python examples/condorcet_cycles.py [elections]`.
"""

import sys

import polars as pl

from esim_jax import BatchRunner, ElectionModel, ParameterSweep


def paradoxes(
    elections: int, voters: tuple[int, ...], numbers: tuple[int, ...] = (3, 4, 5, 6), seed: int = 1968
) -> pl.DataFrame:
    """The share of elections without a Condorcet winner by numbers of candidates and voters, and its standard error."""
    sweep = ParameterSweep(
        {"parties": [[{"name": f"Candidate {i + 1}"} for i in range(m)] for m in numbers], "n_voters": [*voters]},
        fixed_params={"voter_model": "impartial_culture", "temperature": 0.0, "n_constituencies": 1},
    )
    runner = BatchRunner(
        ElectionModel, sweep, n_runs_per_config=elections, seed=seed, metrics=["condorcet_winner"], verbose=False
    )
    share = 1 - pl.col("condorcet_winner").mean()
    return (
        runner.run()
        .group_by(pl.col("parties").list.len().alias("candidates"), "n_voters", maintain_order=True)
        .agg(paradox=share, standard_error=(share * (1 - share) / pl.len()).sqrt())
    )


if __name__ == "__main__":
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    table = paradoxes(n, (3, 5, 9, 25, 101))
    print(f"Share of {n:,} elections without a Condorcet winner, by number of candidates")
    with pl.Config(tbl_hide_column_data_types=True, tbl_hide_dataframe_shape=True):
        print(
            table.pivot("candidates", index="n_voters", values="paradox").with_columns(pl.exclude("n_voters").round(4))
        )
