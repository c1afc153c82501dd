"""Sweeps over the parties themselves: what happens when a challenger moves towards the centre.

A value of the parameter `parties` is a list of `Party`. Run it with `python examples/parties_sweep.py`.
"""

import polars as pl

from esim_jax import BatchRunner, ElectionModel, ParameterSweep, Party

POSITIONS = [0.2, 0.4, 0.6, 0.8]


def party_system(challenger_x: float) -> list[Party]:
    return [
        Party("Government", position_x=-0.3, incumbent=True),
        Party("Opposition", position_x=0.3),
        Party("Challenger", position_x=challenger_x, position_y=0.2, valence=45),
    ]


def main() -> None:
    sweep = ParameterSweep(
        {"parties": [party_system(x) for x in POSITIONS]},
        fixed_params={"n_voters": 50_000, "n_constituencies": 100, "electoral_system": "PR", "temperature": 0.3},
    )
    runner = BatchRunner(ElectionModel, sweep, n_runs_per_config=20, seed=42, verbose=False)
    runner.run()
    shares = (
        runner.party_results()
        .pivot(on="party", index="config_idx", values="vote_share", aggregate_function="mean")
        .sort("config_idx")
        .with_columns(pl.Series("challenger_x", POSITIONS))
        .select("challenger_x", "Government", "Opposition", "Challenger")
    )
    print(shares)


if __name__ == "__main__":
    main()
