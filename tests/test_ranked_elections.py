"""Elections on ranked ballots: the ballots' law, and the count of a whole election by the plain rules."""

from collections import Counter
from functools import lru_cache
from itertools import permutations

import jax
import numpy as np
import pytest
from kept_ballots import approvals_of, keep, rankings_of, scores_of
from scipy import stats

from esim_jax import BatchRunner, ElectionModel, InputError, ParameterSweep, Party
from esim_jax.chunks import Span, make_cutter, program_for
from esim_jax.config import read_parameters
from esim_jax.counts.ballots import count_ballots
from esim_jax.counts.lots import Lots
from esim_jax.counts.profile import Profile
from esim_jax.counts.scores import ScoreBallots, score, star
from esim_jax.model.electorate import draw_electorate
from esim_jax.plan import make_plan
from esim_jax.systems import RANKED

FALSE_ALARM = 1e-4
"""A right program fails any of the file's ten comparisons with probability below 1e-3, once and for all."""

PARTIES = [
    Party("A", -0.3, 0.1, 50, incumbent=True), Party("B", 0.3, -0.1, 50), Party("C", 0.0, 0.3, 45),
    Party("D", 0.1, -0.3, 47), Party("E", -0.1, 0.0, 40),
]  # fmt: skip


def rankings(**parameters):
    """The ballots of one election, seed 0: places, parties counted from 0; and the constituency of each."""
    words, constituency = keep(("rankings",), **parameters)
    return rankings_of(words["rankings"]), constituency


def cast(**parameters):
    """Rankings of those who voted, as tuples, and their constituencies."""
    places, constituency = rankings(**parameters)
    voted = places[..., 0] >= 0
    return [tuple(p for p in ballot if p >= 0) for ballot in places[voted].tolist()], constituency[voted]


def test_order_follows_plackett_and_luce():
    """Parties in one place differ for all voters alike: the order's law has a closed form."""
    valence = (50.0, 90.0, 20.0, 60.0)
    parties = [Party(f"P{v}", 0.1, 0.1, v) for v in valence]
    ballots, _ = cast(parties=parties, temperature=0.5, n_voters=100_000, electoral_system="IRV")
    weight = np.exp(np.array(valence) * 0.01 / 0.5)
    found = Counter(ballots)
    orders = [*permutations(range(4))]
    expected = []
    for order in orders:
        left, p = weight.sum(), 1.0
        for party in order:
            p, left = p * weight[party] / left, left - weight[party]
        expected.append(p * len(ballots))
    assert set(found) <= set(orders)
    assert stats.chisquare([found[order] for order in orders], expected).pvalue > FALSE_ALARM


@pytest.mark.slow
@pytest.mark.parametrize("include_nota", [False, True])
def test_first_places_are_the_votes(include_nota):
    given = {"parties": PARTIES, "n_voters": 6_001, "n_constituencies": 3, "include_nota": include_nota}
    ballots, constituency = cast(electoral_system="IRV", **given)
    counted = [Counter(b[0] for b, c in zip(ballots, constituency, strict=True) if c == k) for k in range(3)]
    for system in ("IRV", "FPTP"):  # with one seed first preferences are the same under every system
        votes = ElectionModel(electoral_system=system, **given, seed=0).run_election().constituency_votes
        assert [[of[j] for j in range(5)] for of in counted] == votes[:, :5].tolist()


ELECTION = {
    "parties": PARTIES, "n_voters": 6_100, "n_constituencies": 4, "temperature": 0.3, "ballot_length": 4,
}  # fmt: skip
NAMES = "ABCDE"
SEVERAL = ("STV", "STV_Meek", "SNTV", "block_vote", "limited_vote")
WHOLE = {
    system: {**ELECTION, "electoral_system": system, "district_magnitude": 2 if system in SEVERAL else 1}
    for system in RANKED
}


@pytest.fixture(scope="module")
def seats_of_whole_elections():
    """Of each system with seed 0, all held by one program."""
    parameters = [read_parameters(given) for given in WHOLE.values()]
    configuration = np.arange(len(parameters))
    load = make_cutter(parameters).load(tuple(Span(c, 0, 1) for c in configuration))
    plan = make_plan(parameters, program_for(parameters[0]), jax.local_devices(), load)
    seats = jax.device_get(plan.simulate(configuration, np.zeros(len(parameters), np.uint64))).seats
    return dict(zip(WHOLE, seats.tolist(), strict=False))


@lru_cache
def election_ballots():
    """Of each kind the ballots of those who vote, and the constituency of each."""
    words, constituency = keep(("approvals", "rankings", "scores"), **ELECTION)
    voted = words["rankings"][0] != 0
    read = {
        "rankings": rankings_of(words["rankings"]), "scores": scores_of(words["scores"], 5),
        "approvals": approvals_of(words["approvals"], 5),
    }  # fmt: skip
    assert not any(ballots[~voted].any() for kind, ballots in read.items() if kind != "rankings")
    return {kind: ballots[voted] for kind, ballots in read.items()}, constituency[voted]


def plain_count(system, ballots, n_seats):
    """The count of one constituency's ballots, by the plain rules."""
    if system in ("score", "STAR"):
        scored = Counter(map(tuple, ballots["scores"].tolist()))
        scores = ScoreBallots.of([(dict(zip(NAMES, b, strict=True)), n) for b, n in scored.items()], candidates=NAMES)
        return {"score": score, "STAR": star}[system](scores, Lots(NAMES, seed=0))
    if system == "approval":
        cast = [tuple(np.flatnonzero(b)) for b in ballots["approvals"]]
    else:
        cast = [tuple(p for p in b if p >= 0) for b in ballots["rankings"].tolist()]
    profile = Profile.of({tuple(NAMES[p] for p in b): n for b, n in Counter(cast).items()}, candidates=NAMES)
    return count_ballots(profile, system, n_seats, **({"decimals": 5} if system == "STV" else {}))


@pytest.mark.slow
@pytest.mark.parametrize("system", RANKED)
def test_whole_elections_against_the_plain_rules(system, seats_of_whole_elections):
    n_seats = 2 if system in SEVERAL else None
    ballots, constituency = election_ballots()
    seats = Counter()
    for k in range(4):
        count = plain_count(system, {kind: each[constituency == k] for kind, each in ballots.items()}, n_seats)
        assert not count.ties  # which lots would decide
        seats.update(count.elected)
    assert seats_of_whole_elections[system] == [seats[name] for name in NAMES]


def test_an_election_alone_is_that_of_many(seats_of_whole_elections):
    result = ElectionModel(**WHOLE["IRV"], seed=0).run_election()
    assert result.seats.tolist() == seats_of_whole_elections["IRV"]


def test_ballots_end_where_they_should():
    whole, _ = cast(parties=PARTIES, n_voters=5_000, electoral_system="IRV")
    short, _ = cast(parties=PARTIES, n_voters=5_000, electoral_system="IRV", ballot_length=2)
    assert [b[:2] for b in whole] == short
    nota, _ = cast(parties=PARTIES, n_voters=5_000, electoral_system="IRV", include_nota=True)
    lengths = Counter(map(len, nota))
    assert set(lengths) == {1, 2, 3, 4, 5}  # who likes none of the above best has an empty ballot
    assert all(set(b) <= set(range(5)) for b in nota)


def test_near_temperature_zero_ballots_are_the_voters_utilities():
    """Orders, and approval of whom the voter likes more than the average."""
    given = {"parties": PARTIES, "n_voters": 5_000, "n_constituencies": 1, "temperature": 1e-5}
    voters = draw_electorate((np.uint32(0), np.uint32(0)), np.arange(5_000, dtype=np.uint32))
    position = np.array([[p.position_x, p.position_y] for p in PARTIES])
    place = np.stack([voters.x, voters.y], axis=-1).astype(float)
    utility = -np.linalg.norm(place[:, None] - position, axis=-1) + 0.01 * np.array([p.valence for p in PARTIES])
    clear = np.abs(np.diff(np.sort(utility, axis=1), axis=1)).min(axis=1) > 1e-3
    clear &= np.abs(utility - utility.mean(axis=1, keepdims=True)).min(axis=1) > 1e-3
    orders = np.argsort(-utility, axis=1)
    liked = utility > utility.mean(axis=1, keepdims=True)
    words, _ = keep(("approvals", "rankings"), **given)
    places = rankings_of(words["rankings"]).reshape(-1, 8)[:5_000]
    approved = approvals_of(words["approvals"], 5).reshape(-1, 5)[:5_000]
    sure = clear & (places[:, 0] >= 0)
    assert sure.sum() > 3_000
    assert (places[sure][:, :5] == orders[sure]).all()
    assert (approved[sure] == liked[sure]).all()


@pytest.mark.slow
def test_rows_replay_and_chunks_change_nothing():
    sweep = ParameterSweep(
        {"electoral_system": ["IRV", "FPTP", "STV", "Schulze"], "n_voters": [300, 4_000]},
        {"parties": PARTIES, "n_constituencies": 4, "district_magnitude": 1},
    )

    def run(**options):
        runner = BatchRunner(ElectionModel, sweep, n_runs_per_config=2, seed=5, verbose=False, **options)
        return runner.run(), runner.party_results()

    results, parties = run()
    for options in ({"chunk_size": 1}, {"chunk_size": 9}):  # 12 and 9 elections are held by one program
        assert all(a.equals(b) for a, b in zip(run(**options), (results, parties), strict=True))
    row = results.row(1, named=True)
    again = ElectionModel(
        electoral_system=row["electoral_system"], n_voters=row["n_voters"], parties=PARTIES, n_constituencies=4,
        seed=row["seed"],
    ).run_election()  # fmt: skip
    assert again.gallagher == row["gallagher"]
    assert again.vse == row["vse"]


SEVEN = [Party(f"P{k}", 0.01 * k) for k in range(7)]


def test_what_is_refused():
    for given, sentence in (
        ({"electoral_system": "IRV", "district_magnitude": 2}, "fills one seat"),
        ({"electoral_system": "STV", "district_magnitude": 4}, "one candidate"),
        ({"electoral_system": "IRV", "engine": "limit", "parties": SEVEN}, "draws rankings of up to 6 options"),
        ({"electoral_system": "IRV", "parties": [Party(f"P{k}", 0.01 * k) for k in range(16)]}, "room for 15"),
    ):
        with pytest.raises(InputError, match=sentence):
            ElectionModel(**given)
