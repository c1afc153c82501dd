"""Score and approval ballots: what voters give, and whose ballots they are."""

import numpy as np
import pytest
from kept_ballots import approvals_of, keep, rankings_of, scores_of
from scipy import stats
from test_ranked_elections import PARTIES

from esim_jax import BatchRunner, ElectionModel, InputError, ParameterSweep, Party
from esim_jax.model.electorate import draw_electorate

FALSE_ALARM = 1e-4
"""A right program fails the file's one comparison of laws with this probability, once and for all."""

KINDS = ("approvals", "rankings", "scores")


def ballots(**parameters):
    """Rankings, approvals and scores of the voters of one election, in order."""
    words, constituency = keep(KINDS, **parameters)
    n_options = len(parameters["parties"]) + parameters.get("include_nota", False)
    read = (
        rankings_of(words["rankings"]), approvals_of(words["approvals"], n_options),
        scores_of(words["scores"], n_options),
    )  # fmt: skip
    return [each.reshape(constituency.size, -1)[: parameters["n_voters"]] for each in read]


def test_sincere_scores_are_linear_in_utility():
    n = 4_000
    rankings, _, scores = ballots(parties=PARTIES, n_voters=n, n_constituencies=1, temperature=0.0)
    voters = draw_electorate((np.uint32(0), np.uint32(0)), np.arange(n, dtype=np.uint32))
    position = np.array([[p.position_x, p.position_y] for p in PARTIES])
    place = np.stack([voters.x, voters.y], axis=-1).astype(float)
    utility = -np.linalg.norm(place[:, None] - position, axis=-1) + 0.01 * np.array([p.valence for p in PARTIES])
    worst, best = utility.min(axis=1, keepdims=True), utility.max(axis=1, keepdims=True)
    exact = 5 * (utility - worst) / (best - worst)
    clear = np.abs(exact - np.floor(exact) - 0.5).min(axis=1) > 1e-3
    sure = clear & (rankings[:, 0] >= 0)
    assert sure.sum() > 0.5 * n
    assert (scores[sure] == np.floor(exact[sure] + 0.5)).all()


@pytest.mark.parametrize("include_nota", [False, True])
def test_ballots_of_one_voter_agree(include_nota):
    """With noise too: scores fall along the ranking, from 5 to 0; who is behind none of the above has 0."""
    given = {"parties": PARTIES, "n_voters": 6_000, "n_constituencies": 1, "temperature": 0.4}
    rankings, approvals, scores = ballots(**given, include_nota=include_nota)
    ranked = rankings[:, :5]
    some = ranked[:, 0] >= 0
    assert some.sum() > 2_000
    along = np.where(ranked >= 0, np.take_along_axis(scores, np.maximum(ranked, 0), axis=1), 0)[some]
    assert (np.diff(along, axis=1) <= 0).all()
    assert (along[:, 0] == 5).all()
    assert (scores[some].sum(axis=1) == along.sum(axis=1)).all()  # nobody else has any
    of_ranked = (approvals[some][:, :5].sum(axis=1), (ranked[some] >= 0).sum(axis=1))
    assert (of_ranked[0] <= of_ranked[1]).all()
    assert not scores[~some].any()
    if not include_nota:
        assert (along[:, -1] == 0).all()
    else:
        assert not approvals[:, 5].any()
        assert not scores[:, 5].any()
        lowest = np.where(ranked[some] >= 0, along, 9).min(axis=1)
        assert (lowest > 0).any()  # the worst of all is not on every ballot


def test_the_law_of_scores():
    """Parties in one place differ for all voters alike: V are Gumbel numbers about U / temperature."""
    valence = np.array([50.0, 90.0, 20.0])
    parties = [Party(f"P{v}", 0.1, 0.1, v) for v in valence]
    *_, scores = ballots(parties=parties, temperature=0.5, n_voters=100_000, n_constituencies=1)
    scores = scores[scores.any(axis=1)]
    v = np.random.default_rng(1).gumbel(size=(400_000, 3)) + 0.01 * valence / 0.5
    worst, best = v.min(axis=1, keepdims=True), v.max(axis=1, keepdims=True)
    expected = np.floor(5 * (v - worst) / (best - worst) + 0.5).astype(int)
    found, other = (np.bincount(s @ [36, 6, 1], minlength=216) for s in (scores, expected))
    cells = found + other > 20
    assert cells.sum() > 20
    table = np.stack([found[cells], other[cells]])
    assert stats.chi2_contingency(table).pvalue > FALSE_ALARM


def test_approval_of_so_many():
    given = {"parties": PARTIES, "n_voters": 3_000, "n_constituencies": 1, "temperature": 0.4}
    rankings, approvals, _ = ballots(**given, approval_count=2)
    voted = rankings[:, 0] >= 0
    first_two = np.zeros_like(approvals)
    np.put_along_axis(first_two, rankings[:, :2], True, axis=1)
    assert (approvals[voted] == first_two[voted]).all()
    assert not approvals[~voted].any()
    # one approval is one vote
    sweep = ParameterSweep(
        {"electoral_system": ["FPTP", "approval"]},
        {"parties": PARTIES, "n_voters": 90, "n_constituencies": 5, "approval_count": 1, "include_nota": True},
    )
    runner = BatchRunner(ElectionModel, sweep, 40, seed=2, verbose=False, common_random_numbers=True)
    runner.run()
    fptp, approval = runner.party_results().partition_by("config_idx", include_key=False)
    assert fptp.equals(approval)
    with pytest.raises(InputError, match="approval_count = 16 is not allowed"):
        ElectionModel(electoral_system="approval", approval_count=16)
