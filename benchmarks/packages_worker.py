"""Holds small elections with one of four packages inside one process, for run.py.

`python packages_worker.py PACKAGE` answers with its version, then reads numbers of elections, one a line, and answers
each with the seconds they took, until its input ends. An election has 99 voters and 5 candidates, drawn from the normal
law in two dimensions; IRV, Borda, approval (above the voter's mean utility) and the Condorcet winner are all computed.
Each package is used as its documentation shows. It runs in an environment of its own and imports nothing but the
standard library and the package.
"""

import importlib.util
import json
import os
import sys
import time
from collections.abc import Callable
from importlib.metadata import version

VOTERS, CANDIDATES, DIMENSIONS = 99, 5, 2


def elsim() -> Callable[[], object]:
    from elsim.elections import normal_electorate, normed_dist_utilities
    from elsim.methods import approval, borda, condorcet, irv
    from elsim.strategies import approval_optimal, honest_rankings

    def hold() -> object:
        voters, candidates = normal_electorate(VOTERS, CANDIDATES, dims=DIMENSIONS)
        utilities = normed_dist_utilities(voters, candidates)
        rankings = honest_rankings(utilities)
        approvals = approval_optimal(utilities)
        return (
            irv(rankings, "random"),
            borda(rankings, "random"),
            approval(approvals, "random"),
            condorcet(rankings),
        )

    return hold


def pref_voting() -> Callable[[], object]:
    import numpy as np
    from pref_voting.generate_spatial_profiles import generate_spatial_profile
    from pref_voting.grade_methods import approval
    from pref_voting.iterative_methods import instant_runoff
    from pref_voting.scoring_methods import borda

    def hold() -> object:
        spatial = generate_spatial_profile(CANDIDATES, VOTERS, DIMENSIONS)
        utilities = spatial.to_utility_profile(lambda voter, candidate: -np.linalg.norm(voter - candidate))
        rankings = utilities.to_ranking_profile().to_linear_profile()
        approvals = utilities.to_approval_profile()
        return (
            instant_runoff(rankings),
            borda(rankings),
            approval(approvals),
            rankings.condorcet_winner(),
        )

    return hold


def svvamp() -> Callable[[], object]:
    from svvamp import GeneratorProfileGaussianWell, RuleApproval, RuleBorda, RuleIRV

    draw = GeneratorProfileGaussianWell(n_v=VOTERS, n_c=CANDIDATES, sigma=[1] * DIMENSIONS)
    irv, borda, approval = RuleIRV(), RuleBorda(), RuleApproval()

    def hold() -> object:
        profile = draw()
        return (
            irv(profile).w_,
            borda(profile).w_,
            approval(profile).w_,
            profile.condorcet_winner_rk,
        )

    return hold


def votekit() -> Callable[[], object]:
    import numpy as np
    from votekit.ballot import ScoreBallot
    from votekit.ballot_generator import spacial_profile_and_positions_generator
    from votekit.elections import IRV, Approval, Borda
    from votekit.graphs import PairwiseComparisonGraph
    from votekit.pref_profile import ScoreProfile

    names = [*"ABCDE"]
    normal = {"loc": 0.0, "scale": 1.0, "size": DIMENSIONS}

    def hold() -> object:
        rankings, candidates, voters = spacial_profile_and_positions_generator(
            VOTERS, names, np.random.normal, normal, np.random.normal, normal
        )
        distance = np.linalg.norm(voters[:, None] - np.array([candidates[name] for name in names]), axis=-1)
        sets = distance < distance.mean(axis=1, keepdims=True)
        ballots = [ScoreBallot(scores={name: 1 for name, a in zip(names, of, strict=True) if a}) for of in sets]
        graph = PairwiseComparisonGraph(rankings)
        return (
            IRV(rankings, tiebreak="random").get_elected(),
            Borda(rankings, n_seats=1, tiebreak="random").get_elected(),
            Approval(ScoreProfile(ballots=ballots, candidates=names), n_seats=1, tiebreak="random").get_elected(),
            graph.get_condorcet_winner() if graph.has_condorcet_winner() else None,
        )

    return hold


PACKAGES = {"elsim": elsim, "pref_voting": pref_voting, "svvamp": svvamp, "votekit": votekit}


def main() -> None:
    """Answers until the input ends. The packages' own words go to the standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    name = sys.argv[1]
    start = time.perf_counter()
    hold = PACKAGES[name]()
    about = {"version": version(name), "numba": importlib.util.find_spec("numba") is not None}
    print(json.dumps({**about, "import_s": time.perf_counter() - start}), file=answers, flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        for _ in range(int(line)):
            hold()
        print(json.dumps({"seconds": time.perf_counter() - start}), file=answers, flush=True)


if __name__ == "__main__":
    main()
