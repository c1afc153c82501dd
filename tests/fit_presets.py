"""Fits the presets with single seats to their elections: `python tests/fit_presets.py canada` prints the numbers.

Of each party the valence and the unevenness are sought with which its mean votes and single seats, over many elections
that the engine holds, are the official ones. Votes and seats are those among the parties that are there.

Both are moved by damped least squares (Levenberg, K., 1944, "A method for the solution of certain non-linear problems
in least squares", Quarterly of Applied Mathematics 2(2), 164-168). All elections of a step, those beside the point
that tell the slopes too, share their random numbers, so that differences are not lost in chance. The unevenness is then
rounded, and the valences are moved, over more elections, until the votes are right once more.
"""

import argparse
from dataclasses import replace

import numpy as np

from esim_jax import BatchRunner, ElectionModel, ParameterSweep
from esim_jax.presets import Preset, read_preset

STEP = 0.15
"""Of the slopes: in valence / 50 points, and in the logarithm of the unevenness."""

WEIGHT_OF_VOTES = 100.0  # of the logarithm of a share, beside seats over their square roots: votes come first


def targets(preset: Preset) -> tuple[np.ndarray, np.ndarray]:
    """Shares of the votes, and single seats, among the parties that are there."""
    shares = np.array([*preset.vote_shares.values()])
    won = np.array([*(preset.single_seats_won or preset.seats_won).values()])
    return shares / shares.sum(), won * preset.parameters["n_constituencies"] / won.sum()


def single_seats(preset: Preset) -> dict:
    """The preset's parameters, without the seats of lists."""
    mixed = {"electoral_system": "FPTP"} if preset.single_seats_won else {}
    return {**preset.parameters, **mixed}


def hold(preset: Preset, points: np.ndarray, n_runs: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean shares of the votes and mean single seats at some points, [point, party]."""
    fixed = single_seats(preset)
    parties = fixed.pop("parties")
    sweep = ParameterSweep({"parties": [moved(parties, point) for point in points]}, fixed_params=fixed)
    runner = BatchRunner(
        ElectionModel, sweep, n_runs_per_config=n_runs, seed=seed, verbose=False, common_random_numbers=True
    )
    runner.run()
    held = runner.party_results()
    votes, seats = (held[name].to_numpy().reshape(len(points), n_runs, len(parties)) for name in ("votes", "seats"))
    return (votes / votes.sum(axis=2, keepdims=True)).mean(axis=1), seats.mean(axis=1)


def moved(parties: tuple, point: np.ndarray) -> list:
    """The parties at a point: valences / 50, and then logarithms of the unevenness."""
    valence, uneven = 50 * point[: len(parties)], np.exp(point[len(parties) :])
    valence = valence - valence.min()
    return [replace(p, valence=v, unevenness=u) for p, v, u in zip(parties, valence, uneven, strict=True)]


def fit(preset: Preset, n_steps: int, n_runs: int, pull: float, ordinary: list[str]) -> list:
    """The parties, with valences that are fitted and unevenness that is fitted and rounded.

    Args:
        preset: to be fitted; its own valences and unevenness don't matter but for where the search begins.
        n_steps: of the search.
        n_runs: elections at each point that is tried.
        pull: of the unevenness towards 1: the weight of its logarithm. What votes and seats leave open, as in a race
            of two, or what they ask for and no unevenness gives, it keeps from running away.
        ordinary: names of parties whose unevenness stays 1, as their seats have other reasons.
    """
    shares, seats = targets(preset)
    parties = preset.parameters["parties"]
    n = len(parties)
    strongholds = (shares < 0.1) & (seats > 0)  # without them such a party has no seat, and no slope shows a way to one
    point = np.append([p.valence / 50 for p in parties], np.where(strongholds, np.log(2.5), 0))

    pulls = np.array([1_000.0 if p.name in ordinary else pull for p in parties])

    def residuals(points: np.ndarray) -> np.ndarray:
        votes, won = hold(preset, points, n_runs, seed=1)
        return np.hstack([
            WEIGHT_OF_VOTES * np.log(votes / shares), (won - seats) / np.sqrt(seats + 1), pulls * points[:, n:],
        ])  # fmt: skip

    point = match_votes(preset, point, n_runs, 8, seed=1)
    found, damping = residuals(point[None])[0], 1.0
    for step in range(n_steps):
        slopes = (residuals(point + STEP * np.eye(2 * n)) - found).T / STEP
        for _ in range(5):  # the more damped, the shorter and the safer a step is
            system = np.vstack([slopes, damping * np.eye(2 * n)])
            way = np.linalg.lstsq(system, np.append(-found, np.zeros(2 * n)), rcond=None)[0]
            tried = match_votes(preset, point + way, n_runs, 2, seed=1)  # a long step errs from the votes
            there = residuals(tried[None])[0]
            better = np.square(there).sum() < np.square(found).sum()
            damping *= 0.2 if better else 4.0
            if better:
                point, found = tried, there
                break
        print(f"step {step}: sum of squares {np.square(found).sum():.2f}", flush=True)
    point[n:] = np.log(np.maximum(np.exp(point[n:]).round(2), 0.01))
    return moved(parties, match_votes(preset, point, 8 * n_runs, 3))


def match_votes(preset: Preset, point: np.ndarray, n_runs: int, times: int, seed: int = 2) -> np.ndarray:
    """The point with valences by which the mean votes are the official ones, and the same unevenness."""
    shares, _ = targets(preset)
    for _ in range(times):
        votes, _ = hold(preset, point[None], n_runs, seed)
        point = point + np.append(np.log(shares / votes[0]), np.zeros(len(shares)))
    return point


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Fits valences and unevenness of presets.")
    parser.add_argument("names", nargs="+", metavar="NAME", help="of a preset with single seats")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--runs", type=int, default=16, help="elections a point")
    parser.add_argument("--pull", type=float, default=0.1, help="of the unevenness towards 1")
    parser.add_argument("--ordinary", nargs="+", default=[], metavar="PARTY", help="whose unevenness stays 1")
    given = parser.parse_args()
    for name in given.names:
        preset = read_preset(name)
        found = fit(preset, given.steps, given.runs, given.pull, given.ordinary)
        point = np.array([p.valence / 50 for p in found] + [np.log(p.unevenness) for p in found])
        votes, seats = hold(preset, point[None], 8 * given.runs, seed=3)
        print(name)
        for party, v, s, share, won in zip(found, votes[0], seats[0], *targets(preset), strict=True):
            print(
                f"  {party.name:<28} valence {party.valence:6.1f}  unevenness {party.unevenness:5.2f}  "
                f"votes {100 * v:5.2f} of {100 * share:5.2f} %  seats {s:6.1f} of {won:6.1f}"
            )
