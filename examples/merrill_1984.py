"""Merrill (1984), "A Comparison of Efficiency of Multicandidate Electoral Systems", by simulation.

Two kinds of society: a random one, where voters' utilities are independent, and a spatial one, where voters and
candidates are points in a space. Condorcet efficiency is the share of the elections with a Condorcet winner in which
the system elects it. Social utility efficiency compares the utility of the elected, summed over the voters, with that
of the best candidate and of one drawn at random. "SU max" is the Condorcet efficiency of a system that would elect the
candidate with the largest utility; "CW" is how often there is a Condorcet winner.

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
EFFICIENCIES = ["condorcet_efficiency", "social_utility_efficiency", "best_condorcet_efficiency"]
SINCERE = {"temperature": 0.0, "normalised_welfare": True, "n_constituencies": 1}


def candidates(n: int) -> list[dict[str, str]]:
    return [{"name": f"Candidate {i + 1}"} for i in range(n)]


def hold(varied: dict[str, list[object]], fixed: dict[str, object], elections: int, seed: int = 1984) -> pl.DataFrame:
    """The summary, one row a configuration; all systems hold their elections with the same ballots."""
    sweep = ParameterSweep({**varied, "electoral_system": [*SYSTEMS.values()]}, fixed_params={**SINCERE, **fixed})
    runner = BatchRunner(
        ElectionModel,
        sweep,
        n_runs_per_config=elections,
        seed=seed,
        common_random_numbers=True,
        metrics=EFFICIENCIES,
        verbose=False,
    )
    runner.run()
    return runner.get_summary_stats()


def random_society(elections: int, numbers: tuple[int, ...] = (2, 3, 4, 5, 7, 10)) -> pl.DataFrame:
    """Of table 1: 25 voters with independent uniform utilities, by number of candidates."""
    varied: dict[str, list[object]] = {"parties": [candidates(m) for m in numbers]}
    found = hold(varied, {"voter_model": "impartial_culture", "n_voters": 25}, elections)
    return found.with_columns(candidates=pl.col("parties").list.len())


def spatial_society(elections: int) -> pl.DataFrame:
    """Of tables 2 and 4: 201 voters and 5 candidates, normal in 2 or 4 dimensions."""
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


def table(elections: pl.DataFrame, column: str, efficiency: str) -> pl.DataFrame:
    """An efficiency in percent: a row a system, a column a value of `column`."""
    name = pl.col("electoral_system").replace({system: name for name, system in SYSTEMS.items()})
    rows = [elections.select(name.alias("system"), column, percent=efficiency)]
    if efficiency == "condorcet_efficiency":
        ballots = elections.filter(electoral_system="Black")  # they are the same for all systems
        for title, value in (("SU max", "best_condorcet_efficiency"), ("CW", "condorcet_winner_mean")):
            rows.append(ballots.select(pl.lit(title).alias("system"), column, percent=value))
    found = pl.concat(rows).pivot(column, index="system", values="percent")
    return found.with_columns((pl.exclude("system") * 100).round(1))


if __name__ == "__main__":
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    print(f"{n:,} elections each\n\nTable 1: Condorcet efficiency, random society, 25 voters, in percent")
    with pl.Config(tbl_hide_column_data_types=True, tbl_hide_dataframe_shape=True, tbl_cols=-1, tbl_width_chars=120):
        print(table(random_society(n), "candidates", "condorcet_efficiency"))
        spatial = spatial_society(n).with_columns(
            pl.format("D={} C={} d={}", "position_dispersion", "voter_correlation", "dimensions").alias("column")
        )
        for title, value in (
            ("2: Condorcet", "condorcet_efficiency"),
            ("4: social utility", "social_utility_efficiency"),
        ):
            print(f"\nTable {title} efficiency, spatial society, 201 voters, 5 candidates, in percent")
            print(table(spatial, "column", value))
