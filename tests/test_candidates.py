"""Several candidates a party: ballots by plain formulas, and whole elections by the plain rules."""

from collections import Counter
from functools import lru_cache
from itertools import permutations

import jax
import numpy as np
import pytest
from kept_ballots import approvals_of, keep, rankings_of, scores_of
from place_oracle import normals
from scipy import stats

from esim_jax import BatchRunner, ElectionModel, InputError, ParameterSweep, Party
from esim_jax.chunks import Span, make_cutter, program_for
from esim_jax.config import read_parameters
from esim_jax.counts.ballots import count_ballots
from esim_jax.counts.profile import Profile
from esim_jax.model.electorate import draw_electorate
from esim_jax.plan import make_plan
from esim_jax.random import (
    CANDIDATE_DRAWS,
    CANDIDATE_LOT_DRAWS,
    LOCAL_DRAWS,
    POSITION_DRAWS,
    STANDING_DRAWS,
    SWING_DRAWS,
    TRAIT_DRAWS,
    random_words,
)

FALSE_ALARM = 1e-4
"""A right program fails any of the file's ten comparisons of laws with probability below 1e-3, once and for all."""

PARTIES = [Party("A", -0.3, 0.1, 50), Party("B", 0.3, -0.1, 50), Party("C", 0.0, 0.3, 45)]
NAMES = ("A1", "A2", "B1", "B2", "C1", "C2")
TWO = {"parties": PARTIES, "candidates_per_party": 2, "electoral_system": "STV"}
KINDS = ("approvals", "rankings", "scores")


def read(n_candidates, kinds=KINDS, **given):
    """Of each kind the ballots of the voters of one election, in order, and their constituencies."""
    words, constituency = keep(kinds, **given)
    reading = {
        "approvals": lambda w: approvals_of(w, n_candidates), "scores": lambda w: scores_of(w, n_candidates),
        "rankings": lambda w: rankings_of(w)[..., :n_candidates],
    }  # fmt: skip
    return {kind: reading[kind](words[kind]) for kind in kinds}, constituency


def appeal(n_voters, constituency, n_candidates, spread):
    """W of each voter and candidate, from the draws of seed 0."""
    index, zero = np.arange(n_voters, dtype=np.uint32), np.uint32(0)
    draws = range(CANDIDATE_DRAWS, CANDIDATE_DRAWS + n_candidates // 2)
    drawn = np.stack([w for d in draws for w in random_words((zero, zero), index, d)], axis=-1)
    gumbel = -np.log(-np.log(((drawn >> 9) + 0.5) / 2.0**23)) - np.euler_gamma
    standing = np.stack([normals(0, k, STANDING_DRAWS, n_candidates) for k in range(constituency.max() + 1)])
    return spread * (standing[constituency] + gumbel)


def test_draws_of_candidates_are_nobody_elses():
    """15 candidates take 8 draws; the neighbours are those of 256 parties."""
    assert TRAIT_DRAWS < CANDIDATE_LOT_DRAWS < CANDIDATE_DRAWS < CANDIDATE_DRAWS + 8 <= POSITION_DRAWS
    assert LOCAL_DRAWS + 16 + 128 <= STANDING_DRAWS < STANDING_DRAWS + 8 <= SWING_DRAWS


@pytest.mark.slow
@pytest.mark.parametrize("candidates", [2, [3, 1, 2]])
def test_sincere_ballots_are_what_candidates_are_worth(candidates):
    n, spread = 4_096, 0.3
    party_of = np.repeat(np.arange(3), candidates)
    given = {"n_voters": n, "n_constituencies": 2, "temperature": 0.0, "candidate_spread": spread}
    ballots, rows = read(6, **{**TWO, "candidates_per_party": candidates}, **given)
    rankings, approvals, scores = (ballots[kind].reshape(-1, 6)[:n] for kind in ("rankings", "approvals", "scores"))
    constituency = np.arange(n) // (n // 2)
    assert (rows.reshape(-1)[:n] == constituency).all()  # whole rows: no voter is between
    voters = draw_electorate((np.uint32(0), np.uint32(0)), np.arange(n, dtype=np.uint32))
    place = np.stack([voters.x, voters.y], axis=-1).astype(float)
    position = np.array([[p.position_x, p.position_y] for p in PARTIES])
    of_party = -np.linalg.norm(place[:, None] - position, axis=-1) + 0.01 * np.array([p.valence for p in PARTIES])
    beside = appeal(n, constituency, 6, spread)
    worth = of_party[:, party_of] + beside
    own = party_of == of_party.argmax(axis=1)[:, None]
    first = np.where(own, beside, -np.inf).argmax(axis=1)
    at_front = np.where(np.arange(6) == first[:, None], np.inf, worth)
    lifted = np.where(np.arange(6) == first[:, None], worth.max(axis=1, keepdims=True), worth)
    worst, best = lifted.min(axis=1, keepdims=True), lifted.max(axis=1, keepdims=True)
    exact = 5 * (lifted - worst) / (best - worst)
    gap = np.diff(np.sort(np.concatenate([worth, worth.mean(axis=1, keepdims=True)], axis=1), axis=1), axis=1)
    gap_of_parties = np.diff(np.sort(of_party, axis=1), axis=1)
    clear = (gap.min(axis=1) > 1e-4) & (gap_of_parties.min(axis=1) > 1e-4)
    clear &= np.abs(exact - np.floor(exact) - 0.5).min(axis=1) > 1e-3
    sure = clear & (rankings[:, 0] >= 0)
    assert sure.sum() > 0.5 * n
    assert (worth.argmax(axis=1) != first)[sure].any()  # another party's candidate is worth more to somebody
    assert (rankings[sure] == np.argsort(-at_front, axis=1)[sure]).all()
    assert (approvals[sure] == (worth > worth.mean(axis=1, keepdims=True))[sure]).all()
    assert (scores[sure] == np.floor(exact[sure] + 0.5)).all()


THREE = {
    "parties": PARTIES[:2], "candidates_per_party": 3, "electoral_system": "STV", "n_voters": 40_000,
    "n_constituencies": 2,
}  # fmt: skip


def orders_within(ballots, party):
    """How often each order of a party's three candidates occurs."""
    own = ballots[ballots // 3 == party].reshape(-1, 3) - 3 * party
    return Counter(map(tuple, own.tolist()))


def whole_ballots(**given):
    ballots, constituency = read(6, ("rankings",), **THREE, **given)
    voted = ballots["rankings"][..., 0] >= 0
    cast = ballots["rankings"][voted]
    assert len(cast) > 10_000
    assert (np.sort(cast, axis=1) == np.arange(6)).all()  # everybody ranks all
    return cast, constituency[voted]


def test_candidates_of_a_party_follow_plackett_and_luce():
    cast, constituency = whole_ballots(candidate_spread=0.4)
    assert (cast[:, 0] // 3 != cast[:, 1] // 3).any()
    for k in range(2):
        weight = np.exp(normals(0, k, STANDING_DRAWS, 6))
        for party in range(2):
            w, found = weight[3 * party : 3 * party + 3], orders_within(cast[constituency == k], party)
            orders = [*permutations(range(3))]
            p = np.array([w[a] / w.sum() * w[b] / (w[b] + w[c]) for a, b, c in orders])
            assert stats.chisquare([found[o] for o in orders], p * found.total()).pvalue > FALSE_ALARM


def test_without_spread_parties_are_blocks_whose_orders_are_equally_likely():
    cast, _ = whole_ballots(candidate_spread=0.0)
    assert (cast[:, :3] // 3 == cast[:, :1] // 3).all()
    for party in range(2):
        found = orders_within(cast, party)
        assert len(found) == 6
        assert stats.chisquare([*found.values()]).pvalue > FALSE_ALARM


ELECTION = {**TWO, "n_voters": 4_000, "n_constituencies": 4, "temperature": 0.3, "include_nota": True}
WHOLE = {"STV": {**ELECTION, "district_magnitude": 4}, "IRV": {**ELECTION, "electoral_system": "IRV"}}


@lru_cache
def held():
    """Seats and votes by party of each constituency, of each system with seed 0, held by one program."""
    parameters = [read_parameters(given) for given in WHOLE.values()]
    load = make_cutter(parameters).load((Span(0, 0, 1), Span(1, 0, 1)))
    plan = make_plan(parameters, program_for(parameters[0]), jax.local_devices(), load)
    outcome = jax.device_get(plan.simulate(np.arange(2), np.zeros(2, np.uint64)))
    votes = outcome.constituency_votes[:8].reshape(2, 4, 4)
    return dict(zip(WHOLE, zip(outcome.seats[:2].tolist(), votes, strict=True), strict=True))


@lru_cache
def cast_in_election():
    """Of each kind the ballots of those with a first preference, and the constituency of each."""
    ballots, constituency = read(8, **ELECTION)
    some = ballots["rankings"][..., 0] >= 0
    assert not any(ballots[kind][~some].any() for kind in ("approvals", "scores"))
    return {kind: each[some] for kind, each in ballots.items()}, constituency[some]


@pytest.mark.slow
@pytest.mark.parametrize("system", WHOLE)
def test_seats_are_those_of_plain_counts_by_party(system):
    ballots, constituency = cast_in_election()
    seats, most = Counter(), 0
    for k in range(4):
        cast = ballots["rankings"][constituency == k].tolist()
        papers = Counter(tuple(NAMES[c] for c in ballot if c >= 0) for ballot in cast)
        profile = Profile.of(dict(papers), candidates=NAMES)
        n_seats, digits = (4, {"decimals": 5}) if system == "STV" else (None, {})
        count = count_ballots(profile, system, n_seats, **digits)
        assert not count.ties  # which lots would decide
        of_party = Counter(name[0] for name in count.elected)
        most = max(most, *of_party.values())
        seats.update(of_party)
    assert held()[system][0] == [*(seats[party.name] for party in PARTIES), 0]
    assert most == (2 if system == "STV" else 1)  # a party may have two seats of a constituency


def test_parties_may_have_different_numbers_of_candidates():
    given = {**ELECTION, "candidates_per_party": [3, 1, 2], "district_magnitude": 4}
    names, party_of = ("A1", "A2", "A3", "B1", "C1", "C2"), np.array([0, 0, 0, 1, 2, 2])
    ballots, constituency = read(7, ("rankings",), **given)  # none of the above has one place
    cast = ballots["rankings"][ballots["rankings"][..., 0] >= 0]
    constituency = constituency[ballots["rankings"][..., 0] >= 0]
    assert {*cast.ravel().tolist()} == {*range(-1, 6)}
    result = ElectionModel(**given, seed=0).run_election()
    seats, most = Counter(), Counter()
    for k in range(4):
        papers = Counter(tuple(names[c] for c in ballot if c >= 0) for ballot in cast[constituency == k].tolist())
        count = count_ballots(Profile.of(dict(papers), candidates=names), "STV", 4, decimals=5)
        assert not count.ties  # which lots would decide
        of_party = Counter(name[0] for name in count.elected)
        seats, most = seats + of_party, most | of_party
        first = np.bincount(party_of[cast[constituency == k][:, 0]], minlength=3)
        assert result.constituency_votes[k, :3].tolist() == first.tolist()
    assert result.seats.tolist() == [*(seats[party.name] for party in PARTIES), 0]
    assert most["B"] == 1 < most["A"]


def test_numbers_of_candidates_can_be_swept():
    fixed = {"parties": PARTIES, "electoral_system": "SNTV", "district_magnitude": 2, "n_voters": 300}
    sweep = ParameterSweep({"candidates_per_party": [1, [2, 2, 2], [2, 1, 1]]}, {**fixed, "n_constituencies": 2})

    def run(**options):
        runner = BatchRunner(ElectionModel, sweep, n_runs_per_config=2, seed=5, verbose=False, **options)
        return runner.run(), runner.party_results()

    results, parties = run(common_random_numbers=True)
    assert results["candidates_per_party"].unique(maintain_order=True).to_list() == [[1], [2, 2, 2], [2, 1, 1]]
    alone = run(common_random_numbers=True, chunk_size=1)
    assert all(a.equals(b) for a, b in zip(alone, (results, parties), strict=True))
    votes = parties.sort("config_idx", "run_idx", "party")["votes"].to_numpy().reshape(3, -1)
    assert (votes == votes[0]).all()  # whoever stands


def test_first_places_are_the_votes_by_party():
    """None of the above too: who votes for it ranks nobody."""
    ballots, constituency = cast_in_election()
    party = ballots["rankings"][:, 0] // 2
    counted = [[((party == j) & (constituency == k)).sum() for j in range(3)] for k in range(4)]
    plurality = ElectionModel(**{**ELECTION, "electoral_system": "FPTP"}, seed=0).run_election().constituency_votes
    assert plurality[:, :3].tolist() == counted
    for system in WHOLE:
        assert held()[system][1].tolist() == plurality.tolist()


def test_ballots_of_one_voter_agree_and_end_before_none_of_the_above():
    """With noise: scores fall along the ranking, from 5; who is behind none of the above is not ranked and has 0."""
    ballots, _ = cast_in_election()
    rankings, approvals, scores = (ballots[kind] for kind in ("rankings", "approvals", "scores"))
    assert (rankings < 6).all()
    assert not approvals[:, 6:].any()
    assert not scores[:, 6:].any()
    length = (rankings >= 0).sum(axis=1)
    assert {*length.tolist()} == {*range(1, 7)}
    along = np.where(rankings >= 0, np.take_along_axis(scores, np.maximum(rankings, 0), axis=1), 0)
    assert (along[:, 0] == 5).all()
    assert (np.diff(along, axis=1) <= 0).all()
    assert (along.sum(axis=1) == scores.sum(axis=1)).all()
    approved = np.take_along_axis(approvals, np.maximum(rankings, 0), axis=1) & (rankings >= 0)
    assert (approved.sum(axis=1) == approvals.sum(axis=1)).all()


@pytest.mark.slow
def test_rows_replay_and_chunks_change_nothing():
    fixed = {
        "n_voters": 700, "n_constituencies": 2, "district_magnitude": 2, "electoral_system": "SNTV",
        "candidates_per_party": 2,
    }  # fmt: skip
    sweep = ParameterSweep({"candidate_spread": [0.0, 0.5], "parties": [PARTIES, PARTIES[:2]]}, fixed)

    def run(**options):
        runner = BatchRunner(
            ElectionModel, sweep, n_runs_per_config=2, seed=5, verbose=False, common_random_numbers=True, **options
        )
        return runner.run(), runner.party_results()

    results, parties = run()
    assert all(a.equals(b) for a, b in zip(run(chunk_size=1), (results, parties), strict=True))
    votes = parties.sort("config_idx", "run_idx", "party")["votes"].to_numpy().reshape(2, -1)
    assert (votes[0] == votes[1]).all()  # whatever candidates are worth
    row = results.row(-1, named=True)  # of two parties, among which surplus places stood for a third
    given = {name: row[name] for name in ("candidate_spread", "seed")}
    again = ElectionModel(**fixed, **given, parties=PARTIES[:2]).run_election()
    assert (again.gallagher, again.enp_seats) == (row["gallagher"], row["enp_seats"])


def test_what_is_refused():
    for given, sentence in (
        ({"district_magnitude": 7}, "3 parties, each of which has 2 candidates"),
        ({"candidates_per_party": 6}, "room for 15 candidates"),
        ({"candidates_per_party": 5, "include_nota": True}, "room for 15 candidates"),
        ({"candidates_per_party": [2, 1]}, "2 numbers for 3 parties"),
        ({"candidates_per_party": [1, 1]}, "2 numbers for 3 parties"),
        ({"candidates_per_party": [2, 2]}, "2 numbers for 3 parties"),
        ({"candidates_per_party": [2, 1, 1], "district_magnitude": 5}, r"3 parties, which have \(2, 1, 1\) candidates"),
        ({"candidates_per_party": [5, 5, 5], "include_nota": True}, "room for 15 candidates"),
        ({"candidates_per_party": [8, 7, 0]}, "one a party"),
        ({"engine": "limit"}, "draws rankings of parties only"),
        ({"electoral_system": "IRV", "engine": "multinomial"}, "draws rankings of parties only"),
    ):
        with pytest.raises(InputError, match=sentence):
            ElectionModel(**{**TWO, **given})
    ElectionModel(**{**TWO, "candidates_per_party": [4, 5, 5], "include_nota": True})  # which takes one place
    ElectionModel(**{**TWO, "candidates_per_party": [4, 4, 4], "include_nota": True})
    with pytest.raises(InputError, match="one candidate each"):
        ElectionModel(**TWO).run_election(metrics=["condorcet_winner"])
    for others in ("FPTP", "PR"):  # systems that ignore it
        ElectionModel(candidates_per_party=15, electoral_system=others, engine="limit")
