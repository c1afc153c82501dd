"""The cube law: how first past the post turns a small lead in votes into a large one in seats.

Kendall and Stuart (1950) found the law of the cube, s / (1 - s) = (v / (1 - v))^3, to hold where a party's shares of
the votes vary between constituencies like a normal number with standard deviation .137: its share of the seats is then
Phi((v - .5) / .137), which differs from the cube by less than .005 where v is between .4 and .6.

Here the shares are exactly normal. Voters are spread evenly on a line, from -a to a, and the two parties stand beyond
its ends, so that everybody left of half the difference of their appeals votes for one of them: a difference of d is
worth d / (4 a) of the votes. `local_appeal` makes d a normal number in each constituency; `national_mood`, which is
credited to the incumbent, moves it everywhere. Run it with `python examples/cube_law.py`.
"""

import math
from statistics import NormalDist

import polars as pl

from esim_jax import BatchRunner, ElectionModel, ParameterSweep, Party

SPREAD = 0.137
"""Standard deviation of constituency shares with which the cube law holds."""

VOTES = [0.40, 0.42, 0.44, 0.46, 0.48, 0.50, 0.52, 0.54, 0.56, 0.58, 0.60]
VOTERS = 1_000  # of a constituency
_END = 0.5 * math.sqrt(3)  # a: of voters with the default `voter_spread` of 0.5

# of the variance of shares a little comes from the draw of so few voters; the rest is the difference of two appeals
_SAMPLING = (0.25 - SPREAD**2) / VOTERS
LOCAL_APPEAL = math.sqrt((SPREAD**2 - _SAMPLING) / 2) * 4 * _END


def seats_of_votes(n_runs: int = 4, n_constituencies: int = 1_000) -> pl.DataFrame:
    """Mean shares of votes and seats of the incumbent, beside the normal law's and the cube law's."""
    sweep = ParameterSweep(
        {"national_mood": [(v - 0.5) * 4 * _END for v in VOTES]},
        {
            "voter_model": "spatial_uniform",
            "dimensions": 1,
            "temperature": 0.0,
            "parties": [Party("left", -1.0, incumbent=True), Party("right", 1.0)],
            "local_appeal": LOCAL_APPEAL,
            "n_constituencies": n_constituencies,
            "n_voters": n_constituencies * VOTERS,
        },
    )
    runner = BatchRunner(ElectionModel, sweep, n_runs_per_config=n_runs, seed=1950, verbose=False)
    runner.run()
    of_left = runner.party_results().filter(pl.col("party") == "left")
    shares = of_left.group_by("config_idx").agg(pl.col("vote_share", "seat_share").mean()).sort("config_idx")
    return pl.DataFrame(
        {
            "expected": VOTES,
            "votes": shares["vote_share"],
            "seats": shares["seat_share"],
            "normal": [NormalDist(0.5, SPREAD).cdf(v) for v in VOTES],
            "cube": [v**3 / (v**3 + (1 - v) ** 3) for v in VOTES],
        }
    )


if __name__ == "__main__":
    with pl.Config(float_precision=4, tbl_rows=20):
        print(seats_of_votes())
