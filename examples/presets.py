"""What would Germany's threshold do to the Dutch parliament?

A preset has the rules and the parties of a real house; a sweep changes one of its parameters. Run it with
`python examples/presets.py`.
"""

import polars as pl

from esim_jax import BatchRunner, ElectionModel, ParameterSweep
from esim_jax.presets import read_preset

THRESHOLDS = [0.006666666, 0.03, 0.05]  # one seat's worth of votes, as in the Netherlands; and two others


def main() -> None:
    preset = read_preset("netherlands")
    sweep = ParameterSweep(
        {"threshold": THRESHOLDS},
        fixed_params={**preset.parameters_beside(["threshold", "n_voters"]), "n_voters": 100_000},
    )
    runner = BatchRunner(
        ElectionModel, sweep, n_runs_per_config=20, seed=1, common_random_numbers=True, verbose=False,
        metrics=["gallagher", "enp_seats", "wasted_votes"],
    )  # fmt: skip
    runner.run()
    print(f"{preset.house}, {preset.seats} seats, parties of {preset.year}")
    print(
        runner.get_summary_stats().select(
            "threshold", "gallagher_mean", "enp_seats_mean", "wasted_votes_mean", "n_runs"
        )
    )
    seats = runner.party_results().pivot("config_idx", index="party", values="seats", aggregate_function="mean")
    with pl.Config(tbl_rows=-1):
        print(seats.rename({str(index): f"{threshold:.1%}" for index, threshold in enumerate(THRESHOLDS)}))


if __name__ == "__main__":
    main()
