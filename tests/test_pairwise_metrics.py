"""Metrics of ranked ballots, against plain counts of the ballots that were kept."""

from collections import Counter
from functools import lru_cache
from itertools import combinations

import numpy as np
import polars as pl
import pytest
from kept_ballots import keep, keep_types, rankings_of
from test_ranked_elections import PARTIES

from esim_jax import BatchRunner, ElectionModel, InputError, ParameterSweep, Party
from esim_jax.counts.ballots import count_ballots
from esim_jax.counts.profile import Profile

NAMES = "ABCD"
N_RUNS = 150
GIVEN = {
    "parties": PARTIES[:4], "n_constituencies": 1, "voter_model": "impartial_culture", "temperature": 0.0,
    "participation": 0.8,
}  # fmt: skip
METRICS = [
    "condorcet_winner", "condorcet_cycle", "condorcet_winner_elected", "condorcet_loser_elected",
    "majority_loser_elected", "welfare_gain", "best_welfare_gain", "vse",
]  # fmt: skip


def plain(ballots):
    """Winner, loser, whether there is a top cycle, and majority loser of the parties 0 to 3: of rankings by number."""
    parties = range(4)

    def margin(a, b):
        places = [[list(x).index(p) if p in x else 9 for p in (a, b)] for x in ballots]
        return sum(int(np.sign(j - i)) * n for (i, j), n in zip(places, ballots.values(), strict=True))

    beats = {(a, b): margin(a, b) > 0 for a in parties for b in parties if a != b}
    rivals = {a: [b for b in parties if b != a] for a in parties}
    winner = [a for a in parties if all(beats[a, b] for b in rivals[a])]
    loser = [a for a in parties if all(beats[b, a] for b in rivals[a])]
    cycle = all(any(beats[b, a] for b in rivals[a]) for a in parties)
    cast = {b: n for b, n in ballots.items() if b}
    last = Counter(dict.fromkeys(parties, 0))
    for ballot, n in cast.items():
        left_out = [a for a in parties if a not in ballot]
        if len(left_out) < 2:
            last[left_out[0] if left_out else ballot[-1]] += n
    majority = [a for a in parties if 2 * last[a] > sum(cast.values())]
    return winner, loser, cycle, majority


@lru_cache
def elections(**options):
    sweep = ParameterSweep({"electoral_system": ["FPTP", "IRV", "Coombs", "Borda"]}, {**GIVEN, **options})
    runner = BatchRunner(
        ElectionModel, sweep, N_RUNS, seed=8, verbose=False, common_random_numbers=True, metrics=METRICS
    )
    results, parties = runner.run(), runner.party_results()
    words, constituency = keep(("rankings",), results["seed"][:N_RUNS].to_list(), **{**GIVEN, **options})
    read = rankings_of(words["rankings"])
    per = options.get("n_constituencies", 1)
    ballots = [
        [
            Counter(tuple(p for p in b if p >= 0) for b in read[constituency == run * per + k].tolist())
            for k in range(per)
        ]
        for run in range(N_RUNS)
    ]
    return results, parties, ballots


def assert_plain(results, parties, ballots):
    """Of elections in one constituency, with the ballots of each run; gives how often each metric was above 0."""
    seats = parties["seats"].to_numpy().reshape(-1, 4)
    seen = Counter()
    for row, elected in zip(results.iter_rows(named=True), seats, strict=True):
        winner, loser, cycle, majority = plain(ballots[row["run_idx"]])
        expected = {
            "condorcet_winner": bool(winner),
            "condorcet_cycle": cycle,
            "condorcet_winner_elected": any(elected[a] for a in winner),
            "condorcet_loser_elected": any(elected[a] for a in loser),
            "majority_loser_elected": any(elected[a] for a in majority),
        }
        assert {name: row[name] for name in expected} == expected
        seen.update(name for name, value in expected.items() if value)
    return seen


@pytest.mark.slow
@pytest.mark.parametrize(("n_voters", "ballot_length"), [(9, 15), (10, 2)])
def test_against_plain_counts(n_voters, ballot_length):
    results, parties, ballots = elections(n_voters=n_voters, ballot_length=ballot_length)
    seen = assert_plain(results, parties, [of_run[0] for of_run in ballots])
    if ballot_length == 15:
        assert all(seen[name] for name in METRICS[:5])  # everything happens
        assert seen["condorcet_winner"] < len(results)


@pytest.mark.slow
def test_shares_of_constituencies():
    results, _, ballots = elections(n_voters=300, n_constituencies=3, ballot_length=15)
    checked = 0
    for row in results.iter_rows(named=True):
        if row["electoral_system"] not in ("IRV", "Coombs"):
            continue
        cast = ballots[row["run_idx"]]
        found = [plain(b) for b in cast]
        assert row["condorcet_winner"] == sum(bool(winner) for winner, *_ in found) / 3
        assert row["condorcet_cycle"] == sum(cycle for _, _, cycle, _ in found) / 3
        profiles = [
            Profile.of({tuple(NAMES[p] for p in b): n for b, n in mine.items()}, candidates=NAMES) for mine in cast
        ]
        counts = [count_ballots(profile, row["electoral_system"]) for profile in profiles]
        if not any(count.ties for count in counts):
            who = [NAMES.index(count.winner) for count in counts]
            assert row["condorcet_winner_elected"] == sum(w in f[0] for w, f in zip(who, found, strict=True)) / 3
            assert row["condorcet_loser_elected"] == sum(w in f[1] for w, f in zip(who, found, strict=True)) / 3
            checked += 1
    assert checked > 100


def test_welfare_gains():
    """Their quotient is VSE, and they are utilities: of the impartial culture, between 0 and 1."""
    results, _parties, _ = elections(n_voters=9, ballot_length=15)
    assert np.allclose(results["welfare_gain"], results["vse"] * results["best_welfare_gain"], rtol=1e-12, atol=1e-15)
    assert results["best_welfare_gain"].min() > 0
    assert results["best_welfare_gain"].max() < 1
    # by hand: every voter of one place is worth the distances themselves
    ends = [Party("A", 0.0, 0.0, 50), Party("B", 0.0, 0.0, 80), Party("C", 0.0, 0.0, 20)]
    result = ElectionModel(parties=ends, n_voters=500, n_constituencies=1, seed=3).run_election(metrics=METRICS[5:])
    assert result.metrics["best_welfare_gain"] == pytest.approx(0.3, abs=1e-4)
    gain = dict(zip("ABC", (0.0, 0.3, -0.3), strict=True))
    elected = result.party_names[int(result.seats.argmax())]
    assert result.metrics["welfare_gain"] == pytest.approx(gain[elected], abs=1e-4)
    limit = ElectionModel(parties=ends, engine="limit", seed=3).run_election(metrics=METRICS[5:])
    assert limit.metrics["best_welfare_gain"] == pytest.approx(0.3, abs=1e-4)


@pytest.mark.slow
def test_black_never_fails_the_winner_and_the_rest_are_ordered():
    """Who follows the majorities elects every Condorcet winner."""
    sweep = ParameterSweep({"electoral_system": ["Schulze", "Copeland"]}, {**GIVEN, "n_voters": 9})
    names = [*METRICS[:4], "best_is_condorcet_winner", "welfare_gain", "best_welfare_gain"]
    results = BatchRunner(ElectionModel, sweep, 60, seed=8, verbose=False, metrics=names).run()
    assert results["condorcet_winner_elected"].equals(results["condorcet_winner"], check_names=False)
    assert results["condorcet_loser_elected"].max() == 0.0
    best_is_elected = results["welfare_gain"] == results["best_welfare_gain"]
    expected = best_is_elected & (results["condorcet_winner"] == 1)
    assert (results["best_is_condorcet_winner"] == 1).equals(expected, check_names=False)
    assert 0 < expected.sum() < best_is_elected.sum()
    for a, b in combinations(names[:2], 2):
        assert (results[a] + results[b]).max() <= 1.0


# --- engines that draw no voters -------------------------------------------------------------------------------------


def run(swept, n_runs, metrics=tuple(METRICS[:5]), **options):
    sweep = ParameterSweep(swept, {"n_constituencies": 1, **options})
    runner = BatchRunner(ElectionModel, sweep, n_runs, seed=8, verbose=False, metrics=metrics)
    return runner.run(), runner.party_results()


@pytest.mark.slow
def test_ballots_by_type_against_plain_counts():
    """Few voters of high temperature, so that all happens, whose ballots end with NOTA or after three parties."""
    options = {
        "engine": "multinomial", "n_voters": 11, "temperature": 5.0, "ballot_length": 3, "include_nota": True,
        "parties": PARTIES[:4], "n_constituencies": 1,
    }  # fmt: skip
    results, parties = run({"electoral_system": ["FPTP"]}, 1_000, **options)
    ballots = [of_run for [of_run] in keep_types(results["seed"].to_list(), **options)]
    assert all(0 < sum(of_run.values()) <= options["n_voters"] for of_run in ballots)
    seen = assert_plain(results, parties.filter(pl.col("party") != "NOTA"), ballots)
    assert all(seen[name] for name in METRICS[:5])
    assert {len(ballot) for of_run in ballots for ballot, n in of_run.items() if n} == {0, 1, 2, 3}


@pytest.mark.slow
def test_the_infinite_electorate_against_plain_counts():
    options = {"engine": "limit", "temperature": 0.1}
    lists = [
        [*(Party(f"P{k}", x, 0.0, 50 + 3 * k) for k, x in enumerate(line)), Party("Q", 0.0, 0.4, 45)]
        for line in ([0.0, 0.15, 0.3], [0.1, 0.1, 0.1], [-0.5, 0.5, 0.02])
    ]
    results, parties = run({"parties": lists, "electoral_system": ["FPTP", "Schulze"]}, 1, **options)
    for number, parties_of in enumerate(lists):
        [[ballots]] = keep_types([1], parties=parties_of, n_constituencies=1, **options)
        mine = pl.col("config_idx") // 2 == number
        seen = assert_plain(results.filter(mine), parties.filter(mine), [ballots])
        assert seen["condorcet_winner"] == 2
    assert 0 < results.filter(electoral_system="FPTP")["condorcet_winner_elected"].sum() < len(lists)


@pytest.mark.slow
def test_engines_have_one_law():
    """Means over 1,000 elections: a right program fails one of the six comparisons with probability below 1e-5."""
    names = [*METRICS[:4], "upward_monotonicity_failure", "downward_monotonicity_failure"]
    options = {"electoral_system": "IRV", "temperature": 2.0, "n_voters": 300, "n_constituencies": 5}
    results, _ = run({"engine": ["voters", "multinomial"]}, 1_000, names, parties=PARTIES[:3], **options)
    voters, types = (results.filter(engine=engine)[names].to_numpy() for engine in ("voters", "multinomial"))
    error = ((voters.var(axis=0, ddof=1) + types.var(axis=0, ddof=1)) / 1_000) ** 0.5
    assert (np.abs(voters.mean(axis=0) - types.mean(axis=0)) <= 5 * error).all()
    assert (types.mean(axis=0) > 0).tolist() == [True, True, True, False, True, True]  # IRV elects no Condorcet loser
    row = results.row(1_999, named=True)
    again = ElectionModel(engine="multinomial", parties=PARTIES[:3], seed=row["seed"], **options)
    assert again.run_election(metrics=names).metrics == {name: row[name] for name in names}


def test_what_is_refused():
    many = [Party(f"P{k}", 0.01 * k) for k in range(16)]
    for metric, given, sentence in (
        ("condorcet_winner", {"engine": "multinomial", "parties": many[:7]}, "has for up to 6 options; there are 7"),
        ("condorcet_winner", {"engine": "limit", "electoral_system": "approval"}, "only the sets of approved parties"),
        ("best_is_condorcet_winner", {"engine": "multinomial"}, "draws ballots and utility apart"),
        ("condorcet_winner", {"parties": many}, "have room for 15 parties"),
        ("condorcet_winner_elected", {"electoral_system": "PR"}, "PR gives all seats to the nation's votes"),
    ):
        with pytest.raises(InputError, match=sentence):
            ElectionModel(n_voters=500, **given).run_election(metrics=[metric])
        sweep = ParameterSweep({"n_voters": [500]}, given)
        with pytest.raises(InputError, match=sentence):
            BatchRunner(ElectionModel, sweep, metrics=[metric])
    result = ElectionModel(n_voters=500, electoral_system="PR", seed=1).run_election(metrics=["condorcet_winner"])
    assert 0 <= result.metrics["condorcet_winner"] <= 1
