"""A model of your own in a sweep: a referendum that needs a quorum.

Opponents of a proposal can vote against it, or stay at home and hope that the quorum is missed. The class below is
all that `BatchRunner` asks for. Run it with `python examples/own_model.py`.
"""

import numpy as np

from esim_jax import BatchRunner, ParameterSweep


class Referendum:
    """One referendum: takes its parameters and a seed, and holds a vote.

    Args:
        seed: decides everything that is random.
        n_voters: size of the electorate.
        support: share of voters who are in favour.
        boycott: probability with which an opponent who would have voted stays at home.
        quorum: share of the electorate that must vote.
    """

    def __init__(
        self, *, seed: int, n_voters: int = 20_000, support: float = 0.55, boycott: float = 0.0, quorum: float = 0.5
    ) -> None:
        self.random = np.random.default_rng(seed)
        self.n_voters = n_voters
        self.support = support
        self.boycott = boycott
        self.quorum = quorum

    def run_election(self, willing: float = 0.65) -> dict[str, float]:
        """Holds the vote; every number in the mapping becomes a column of the results."""
        in_favour = int(self.random.binomial(self.n_voters, self.support))
        yes = int(self.random.binomial(in_favour, willing))
        no = int(self.random.binomial(self.n_voters - in_favour, willing * (1 - self.boycott)))
        turnout = (yes + no) / self.n_voters
        return {
            "turnout": turnout,
            "yes_share": yes / max(yes + no, 1),
            "passed": float(turnout >= self.quorum and yes > no),
        }


def main() -> None:
    sweep = ParameterSweep({"quorum": [0.0, 0.4, 0.5], "boycott": [0.0, 0.5, 1.0]})
    runner = BatchRunner(
        Referendum, sweep, n_runs_per_config=50, n_jobs=2, election_kwargs={"willing": 0.65}, seed=42, verbose=False
    )
    runner.run()
    summary = runner.get_summary_stats()
    print(summary.select("quorum", "boycott", "turnout_mean", "yes_share_mean", "passed_mean", "n_runs"))


if __name__ == "__main__":  # the worker processes import this file
    main()
