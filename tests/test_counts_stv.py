"""Single transferable vote: official stages, stages counted by others, and what a count must always be."""

import json
from fractions import Fraction
from pathlib import Path
from random import Random

import pytest
from test_counts import REAL, indexed, random_profile

from esim_jax.counts.ballots import count_ballots
from esim_jax.counts.profile import Profile
from esim_jax.errors import InputError

REFERENCE = Path(__file__).parent / "reference"
SCOTTISH = json.loads((REFERENCE / "stv_scottish_official_stages.json").read_text())["cases"]
ELSEWHERE = {c["id"]: c for c in json.loads((REFERENCE / "stv_counted_elsewhere.json").read_text())["cases"]}


def exact(figures):
    return {name: Fraction(str(figure)) for name, figure in figures.items()}


def last_name(name):
    """As the official reports have it; two candidates of ward 19 are Gowans."""
    return name.upper() if name.endswith("Gowans") else name.split()[-1].upper()


# --- official and other people's figures -----------------------------------------------------------------------------


@pytest.mark.parametrize("case", SCOTTISH, ids=lambda case: case["id"])
def test_scottish_wards(case):
    profile, official, recount = indexed(case), case["official"], case["our_count"]
    count = count_ballots(profile, "STV", decimals=5)
    assert profile.n_ballots == official["valid"]
    assert {stage.quota for stage in count.stages} == {official["quota"]}
    # The official reports show the first stages, and not all candidates in each.
    for stage, published in zip(count.stages, official["stages"], strict=False):
        tally = {last_name(name): votes for name, votes in stage.tally.items()}
        figures = {k: v for k, v in published.items() if k not in ("action", "non_transferable")}
        assert {name: tally[name] for name in figures} == exact(figures)
        if "non_transferable" in published:
            assert stage.exhausted == Fraction(str(published["non_transferable"]))
    # All stages, as recounted elsewhere by the same rules
    assert [dict(stage.tally) for stage in count.stages] == [exact(stage["tally"]) for stage in recount["stages"]]
    assert [set(stage.elected) for stage in count.stages] == [set(stage["elected"]) for stage in recount["stages"]]
    assert list(count.elected) == recount["elected"]
    assert count.ties == ()
    for stage, following in zip(recount["stages"], count.stages[1:], strict=False):
        name = stage["next"].removeprefix("surplus of ").removeprefix("exclusion of ")
        surplus = stage["next"].startswith("surplus")
        assert following.what == (f"surplus of {name} transferred" if surplus else f"votes of {name} transferred")


def test_albany_2022():
    """The quota falls with the votes that still count, and a paper's value has six decimals."""
    case = REAL["albany_ca_2022_council"]
    count = count_ballots(indexed(case), "STV", quota="droop_each_stage", decimals=6)
    assert [stage.quota for stage in count.stages] == case["official_thresholds"]
    for stage, published in zip(count.stages, case["official_rounds"], strict=True):
        assert {name: stage.tally[name] for name in published} == exact(published)
    # The official last round leaves out Miki, who keeps the quota at which he was elected.
    assert count.stages[3].tally["JOHN ANTHONY MIKI"] == 2355
    assert list(count.elected) == case["official_winners"]
    # Other rules of transfer elect the same two, though not with these figures.
    for system, options in (("STV", {}), ("STV", {"decimals": 5}), ("STV_Meek", {})):
        assert list(count_ballots(indexed(case), system, **options).elected) == case["official_winners"]


def distinct(tallies):
    """Without stages that change no vote: the order in which candidates without votes go is the lot's."""
    tallies = [{name: votes for name, votes in tally.items() if votes} for tally in tallies]
    return [tally for tally, before in zip(tallies, [None, *tallies], strict=False) if tally != before]


@pytest.mark.parametrize("seed", range(3))
def test_scottish_rules_on_the_ballots_of_the_us_greens(seed):
    case = ELSEWHERE["gpus_2005"]
    count = count_ballots(indexed(case), "STV", decimals=5, seed=seed)
    assert distinct(stage.tally for stage in count.stages) == distinct(exact(each) for each in case["scottish_stages"])
    assert list(count.elected) == case["scottish_elected"]


@pytest.mark.parametrize("seed", range(3))
def test_meek_on_the_ballots_of_the_us_greens(seed):
    """Every vote and quota of the reference implementation, to the last of nine decimals."""
    case = ELSEWHERE["gpus_2005"]
    count = count_ballots(indexed(case), "STV_Meek", seed=seed)
    assert distinct(s.tally for s in count.stages) == distinct(exact(tally) for _, tally in case["meek_stages"])
    quotas = [str(float(stage.quota)) for stage in count.stages]
    assert list(dict.fromkeys(quotas)) == list(dict.fromkeys(quota for quota, _ in case["meek_stages"]))
    assert list(count.elected) == case["meek_elected"]


def test_meek_on_the_example_of_voting_matters():
    """X, Y and Z tie within the surplus; the reference eliminates X, the first of its list."""
    case = ELSEWHERE["voting_matters_12"]
    eliminated = set()
    for seed in range(30):
        count = count_ballots(indexed(case), "STV_Meek", seed=seed)
        (tie,) = count.ties
        assert (tie.between, tie.chosen) == (("X", "Y", "Z"), count.stages[1].eliminated)
        eliminated |= set(tie.chosen)
        if tie.chosen == ("X",):
            expected = [(Fraction(quota), exact(tally)) for quota, tally in case["meek_stages"]]
            assert [(stage.quota, stage.tally) for stage in count.stages] == expected
            assert sorted(count.elected) == case["meek_elected"]
    assert eliminated == {"X", "Y", "Z"}


# --- by hand ---------------------------------------------------------------------------------------------------------


def test_a_surplus_by_hand():
    """7 votes and a quota of 5: each of the 7 papers goes on at 2/7; cut to one decimal that is 0.2."""
    profile = Profile.of({("A", "B"): 4, ("A", "C"): 2, ("A",): 1, ("B",): 3, ("C",): 4}, n_seats=2)
    count = count_ballots(profile, "STV")
    assert count.stages[0].elected == ("A",)
    assert count.stages[1].tally == {"A": 5, "B": 3 + Fraction(8, 7), "C": 4 + Fraction(4, 7)}
    assert (count.stages[1].exhausted, count.elected) == (Fraction(2, 7), ("A", "C"))
    assert count.stages[1].transfers == {"A": -2, "B": Fraction(8, 7), "C": Fraction(4, 7)}
    assert (count.stages[0].transfers, count.stages[1].transfer_value) == ({}, Fraction(2, 7))
    assert "surplus of A transferred at 0.28571: A -2, B +1.14285, C +0.57142, exhausted +0.28571" in str(count)
    cut = count_ballots(profile, "STV", decimals=1)
    assert cut.stages[1].tally == {"A": 5, "B": Fraction(38, 10), "C": Fraction(44, 10)}
    assert cut.stages[1].exhausted == Fraction(8, 10)
    hare = count_ballots(profile, "STV", quota="hare")
    assert (hare.stages[0].quota, hare.elected) == (7, ("A", "C"))


def test_meek_tells_who_received_a_surplus():
    """7 votes and a quota of 4: A keeps 4/7 of each, to within rounding."""
    profile = Profile.of({("A", "B"): 4, ("A", "C"): 2, ("A",): 1, ("B",): 3}, n_seats=2)
    stage = count_ballots(profile, "STV_Meek").stages[1]
    assert list(stage.transfers) == ["A", "B", "C"]
    assert (stage.transfers["B"], stage.transfer_value) == (2 * stage.transfers["C"], None)
    assert -stage.transfers["A"] == pytest.approx(3.5, abs=0.2)  # the quota falls with the vote that is exhausted


def test_an_earlier_stage_breaks_a_tie_before_the_lot():
    """B and C have 4 votes once D is gone, but B had 3 before and C had 4."""
    profile = Profile.of({("A",): 6, ("B",): 3, ("C",): 4, ("D", "B"): 1})
    for seed in range(10):
        count = count_ballots(profile, "STV", seed=seed)
        assert count.stages[1].eliminated == ("B",)
        (tie,) = count.ties
        assert (tie.between, tie.chosen, tie.why) == (("B", "C"), ("B",), "who is eliminated, by an earlier stage")


def test_equal_surpluses_go_in_the_order_of_the_lot():
    profile = Profile.of({("A", "C"): 5, ("B", "D"): 5, ("C",): 1, ("D",): 1}, n_seats=3)
    first = set()
    for seed in range(20):
        count = count_ballots(profile, "STV", seed=seed)
        tie = count.ties[0]
        assert (tie.between, tie.why) == (("A", "B"), "who goes first, by lot")
        assert count.stages[1].what == f"surplus of {tie.chosen[0]} transferred"
        first |= set(tie.chosen)
    assert first == {"A", "B"}


def test_too_many_strict_orders():
    profile = Profile.of({(tuple("ABCDEFGH"),): 1})
    assert count_ballots(profile, "STV").winner in "ABCDEFGH"
    with pytest.raises(InputError, match="40,320 strict orders"):
        count_ballots(profile, "STV_Meek")


# --- properties ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("system", "options"),
    [
        ("STV", {}),
        ("STV", {"decimals": 5}),
        ("STV", {"quota": "hare"}),
        ("STV", {"quota": "droop_each_stage"}),
        ("STV_Meek", {}),
    ],
    ids=str,
)
def test_what_a_count_must_be(system, options):
    random = Random(1)
    for trial in range(60):
        profile = random_profile(random, random.randint(1, 6), equal=trial % 2 == 1, most=30)
        seats = random.randint(1, 4)
        count = count_ballots(profile, system, seats, seed=trial, **options)
        assert len(set(count.elected)) == len(count.elected) == min(seats, len(profile.ranked))
        assert set(count.elected) <= set(profile.ranked)
        assert list(count.elected) == [name for stage in count.stages for name in stage.elected]
        gone = [name for stage in count.stages for name in stage.eliminated]
        assert not set(gone) & set(count.elected)
        for stage in count.stages:
            assert sum(stage.tally.values()) + stage.exhausted == profile.n_ballots
            assert min(stage.tally.values()) >= 0
            if options == {}:
                assert stage.exhausted >= 0
        exhausted = [stage.exhausted for stage in count.stages]
        assert exhausted == sorted(exhausted) or system == "STV_Meek"


@pytest.mark.parametrize("system", ["STV", "STV_Meek"])
def test_a_coalition_of_two_quotas_gets_two_seats(system):
    """Droop proportionality for solid coalitions (Woodall 1994)."""
    random = Random(2)
    for trial in range(40):
        inside = [(tuple(random.sample("ABC", 3)), random.randint(1, 9)) for _ in range(5)]
        size = sum(number for _, number in inside)
        # two of Droop's quotas for three seats
        outside = [(tuple(random.sample("DEFG", 4)), 1) for _ in range(size - 3)]
        count = count_ballots(Profile.of([*inside, *outside]), system, 3, seed=trial)
        assert len(set(count.elected) & set("ABC")) >= 2


def test_one_seat_is_irv():
    """With one seat Droop's quota is a majority: the same winner, but for lots against earlier stages in ties."""
    random = Random(3)
    for trial in range(60):
        profile = random_profile(random, 4, most=50)
        irv = count_ballots(profile, "IRV", seed=trial)
        for system in ("STV", "STV_Meek"):
            count = count_ballots(profile, system, 1, seed=trial)
            if not count.ties and not irv.ties:
                assert count.elected == irv.elected


def test_meek_comes_close_to_equal_shares():
    """When somebody is eliminated, those elected before hold less than a millionth above their quotas in all."""
    random = Random(4)
    for trial in range(30):
        profile = random_profile(random, 6, truncated=False, most=40)
        count = count_ballots(profile, "STV_Meek", 3, seed=trial)
        held = set()
        for stage in count.stages:
            if stage.eliminated:
                surplus = sum(stage.tally[name] - stage.quota for name in held)
                assert surplus < Fraction(1, 10**6)
            held |= set(stage.elected)
