"""A behaviour of your own: voters who are loyal to the government, and more so the older they are.

A behaviour says what each party is worth to each voter. It is an ordinary function on arrays, which is compiled into
the sweep; its numbers behind the star are swept like any other parameter. Run it with
`python examples/own_behaviour.py`.
"""

import jax.numpy as jnp
import polars as pl

from esim_jax import BatchRunner, ElectionModel, ParameterSweep


def loyal(voters, parties, *, loyalty=0.0):  # type: ignore[no-untyped-def]
    """Proximity, and `loyalty` for a governing party, which a voter of 18 has not and one of 89 has in full."""
    age = (voters.age - 18) / 71
    return [
        party.appeal - jnp.hypot(voters.x - party.x, voters.y - party.y) + loyalty * age * party.incumbent
        for party in parties
    ]


def main() -> None:
    sweep = ParameterSweep(
        {"loyalty": [0.0, 0.1, 0.2, 0.4]},
        fixed_params={"behaviour": loyal, "n_voters": 20_000, "n_constituencies": 100},
    )
    runner = BatchRunner(ElectionModel, sweep, n_runs_per_config=20, seed=42, verbose=False)
    results = runner.run()
    parties = runner.party_results().filter(pl.col("party") == "Party A")  # the one that governs
    means = results.join(parties, on=["config_idx", "run_idx"]).group_by("loyalty", maintain_order=True)
    print(means.agg(pl.col("vote_share", "seat_share", "turnout").mean()))


if __name__ == "__main__":
    main()
