"""Merrill (1984), "A Comparison of Efficiency of Multicandidate Electoral Systems", by simulation.

Two kinds of society: a random one, where voters' utilities are independent, and a spatial one, where voters and
candidates are points in a space. Condorcet efficiency is the share of the elections with a Condorcet winner in which
the system elects it. Social utility efficiency compares the utility of the elected, summed over the voters, with that
of the best candidate and of one drawn at random.

Run it with `python examples/merrill_1984.py [elections]`; 10,000 take some seconds for each table.
"""

import sys

import polars as pl

from esim_jax import BatchRunner, ElectionModel, ParameterSweep

SYSTEMS = {
    "Plurality": "FPTP",
    "Runoff": "two_round",
    "Hare": "IRV",
    "Approval": "approval",
    "Borda": "Borda",
    "Coombs": "Coombs",
    "Black": "Black",
}
METRICS = ["condorcet_winner", "condorcet_winner_elected", "welfare_gain", "best_welfare_gain"]
SINCERE = {"temperature": 0.0, "normalised_welfare": True, "n_constituencies": 1}


def candidates(n: int) -> list[dict[str, str]]:
    return [{"name": f"Candidate {i + 1}"} for i in range(n)]


def hold(varied: dict[str, list[object]], fixed: dict[str, object], elections: int, seed: int = 1984) -> pl.DataFrame:
    """One row an election; all systems hold their elections with the same ballots."""
    sweep = ParameterSweep({**varied, "electoral_system": [*SYSTEMS.values()]}, fixed_params={**SINCERE, **fixed})
    runner = BatchRunner(
        ElectionModel,
        sweep,
        n_runs_per_config=elections,
        seed=seed,
        common_random_numbers=True,
        metrics=METRICS,
        verbose=False,
    )
    return runner.run()


def random_society(elections: int, numbers: tuple[int, ...] = (2, 3, 4, 5, 7, 10)) -> pl.DataFrame:
    """Elections of table 1: 25 voters with independent uniform utilities, by number of candidates."""
    varied: dict[str, list[object]] = {"parties": [candidates(m) for m in numbers]}
    found = hold(varied, {"voter_model": "impartial_culture", "n_voters": 25}, elections)
    return found.with_columns(candidates=pl.col("parties").list.len())


def spatial_society(elections: int) -> pl.DataFrame:
    """Elections of tables 2 and 4: 201 voters and 5 candidates, normal in 2 or 4 dimensions."""
    varied: dict[str, list[object]] = {
        "position_dispersion": [1.0, 0.5],
        "voter_correlation": [0.5, 0.0],
        "dimensions": [2, 4],
    }
    fixed = {
        "voter_model": "spatial_normal",
        "positions_drawn": True,
        "n_voters": 201,
        "parties": candidates(5),
    }
    return hold(varied, fixed, elections)


def efficiencies(elections: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """Both efficiencies, in percent: ratios of means over elections."""
    name = pl.col("electoral_system").replace({system: name for name, system in SYSTEMS.items()}).alias("system")
    return elections.group_by(*by, name, maintain_order=True).agg(
        Condorcet=100 * pl.col("condorcet_winner_elected").mean() / pl.col("condorcet_winner").mean(),
        social_utility=100 * pl.col("welfare_gain").mean() / pl.col("best_welfare_gain").mean(),
    )


if __name__ == "__main__":
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    print(f"{n:,} elections each\n\nTable 1: Condorcet efficiency, random society, 25 voters, in percent")
    with pl.Config(tbl_hide_column_data_types=True, tbl_hide_dataframe_shape=True, tbl_cols=-1, tbl_width_chars=120):
        table = efficiencies(random_society(n), ["candidates"])
        print(table.pivot("candidates", index="system", values="Condorcet").with_columns(pl.exclude("system").round(1)))
        spatial = efficiencies(spatial_society(n), ["position_dispersion", "voter_correlation", "dimensions"])
        spatial = spatial.with_columns(
            pl.format("D={} C={} d={}", "position_dispersion", "voter_correlation", "dimensions").alias("column")
        )
        for title, value in (("2: Condorcet", "Condorcet"), ("4: social utility", "social_utility")):
            print(f"\nTable {title} efficiency, spatial society, 201 voters, 5 candidates, in percent")
            print(spatial.pivot("column", index="system", values=value).with_columns(pl.exclude("system").round(1)))
