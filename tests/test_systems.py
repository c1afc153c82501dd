"""Allocation rules: official results, worked examples, the exact oracle, and the properties of each method.

What every rule must do is tested in `test_contract.py`; here are large votes and houses.
"""

import json
import math
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import jax
import numpy as np
import oracle
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from esim_jax.errors import InputError
from esim_jax.systems import RULES, Contest, allocate_seats
from esim_jax.systems.divisor import DIVISOR_METHODS

REFERENCE = Path(__file__).parent / "reference"
OFFICIAL = json.loads((REFERENCE / "apportionment_single_district.json").read_text(encoding="utf-8"))["cases"]
TEXTBOOK = json.loads((REFERENCE / "apportionment_textbook.json").read_text(encoding="utf-8"))["cases"]
METHODS = {
    "dhondt": "dhondt",
    "sainte_lague": "sainte_lague",
    "modified_sainte_lague:1.4": "modified_sainte_lague",
    "modified_sainte_lague:1.2": "modified_sainte_lague_1_2",
    "imperiali_divisor": "imperiali",
    "adams": "adams",
    "huntington_hill": "huntington_hill",
    "lr_hare": "hare",
    "lr_droop": "droop",
}
NOT_OFFERED = {"dean", "lr_hagenbach_bischoff_rounded", "quota"}
PARTIES = 8  # of the contests below: one shape, one compilation a rule

every_rule = pytest.mark.parametrize("rule", list(RULES))
proportional = pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "plurality"])
plain = settings(derandomize=True, deadline=None, max_examples=80)


@lru_cache
def compiled(rule):
    return jax.jit(lambda votes, n_seats, lots: RULES[rule](Contest(votes, n_seats, lots)))


def apply_rule(rule, votes, n_seats, lots):
    """The package's own rule, compiled once, on Python integers."""
    padded = [*votes, *[0] * (PARTIES - len(votes))]
    lots = [*lots, *[0] * (PARTIES - len(lots))]
    with jax.enable_x64(True):
        seats = compiled(rule)(np.array(padded, np.int64), np.int64(n_seats), np.array(lots, np.uint32))
    assert not any(seats[len(votes) :])
    return [int(s) for s in seats[: len(votes)]]


@st.composite
def contests(draw, max_seats=60):
    """Votes, seats and lots; votes and lots are often equal, so that ties are common."""
    size = draw(st.integers(1, PARTIES))
    large = draw(st.integers(1, 2**31))
    one_vote = st.one_of(
        st.integers(0, 12),
        st.integers(0, 2**31),
        st.sampled_from([large, max(large - 1, 0), min(large + 1, 2**31), large // 2, large // 3]),
    )
    votes = draw(st.lists(one_vote, min_size=size, max_size=size))
    lots = draw(st.lists(st.one_of(st.integers(0, 3), st.integers(0, 2**32 - 1)), min_size=size, max_size=size))
    return votes, draw(st.integers(1, max_seats)), lots


# --- outside results -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", [c for c in OFFICIAL if c["method"] in METHODS], ids=lambda case: case["id"])
def test_official_seats(case):
    parties = list(case["votes"])
    votes = [case["votes"][party] for party in parties]
    threshold = (case["threshold"] or {}).get("share", 0.0)
    blank = (case["threshold"] or {}).get("denominator_votes", sum(votes)) - sum(votes)
    # Spain's local threshold counts blank ballots in its denominator: parties below it are taken out beforehand
    running = [v if v >= Fraction(str(threshold)) * (sum(votes) + blank) else 0 for v in votes]
    seats = allocate_seats(running if blank else votes, case["seats"], METHODS[case["method"]], threshold)
    assert dict(zip(parties, seats.tolist(), strict=True)) == {p: case["official_seats"].get(p, 0) for p in parties}


def test_official_cases_are_all_accounted_for():
    assert {case["method"] for case in OFFICIAL} <= set(METHODS) | NOT_OFFERED
    assert sum(case["method"] in METHODS for case in OFFICIAL) == 15
    assert sum(case["method"] in METHODS and case["threshold"] is not None for case in OFFICIAL) == 7


def test_worked_examples_of_the_literature():
    checked = 0
    for case in TEXTBOOK:
        assert set(case["expected"]) <= set(METHODS) | NOT_OFFERED
        for method, expected in case["expected"].items():
            if method in METHODS:
                assert allocate_seats(case["votes"], case["seats"], METHODS[method]).tolist() == expected, case["id"]
                checked += 1
    assert checked == 19


# --- the exact oracle ------------------------------------------------------------------------------------------------


@pytest.mark.slow
@every_rule
def test_agrees_with_the_exact_oracle(rule):
    @plain
    @given(contests())
    @example(([0, 0, 0], 4, [1, 2, 3]))
    @example(([1], 60, [0]))
    @example(([2**31, 2**31 - 1], 1, [0, 1]))
    @example(([3, 3, 3], 2, [5, 5, 5]))  # equal lots: told apart by place
    @example(([1, 2], 50, [7, 9]))  # more seats than votes
    def check(contest):
        assert apply_rule(rule, *contest) == oracle.RULES[rule](*contest)

    check()


@every_rule
def test_agrees_with_the_exact_oracle_for_a_large_house(rule):
    rng = np.random.default_rng(7)
    for _ in range(5):
        votes = [int(v) for v in rng.integers(0, 2**31, PARTIES)]
        lots = [int(v) for v in rng.integers(0, 2**32, PARTIES)]
        assert apply_rule(rule, votes, 2000, lots) == oracle.RULES[rule](votes, 2000, lots)


@every_rule
def test_the_largest_counts_do_not_overflow(rule):
    votes = [2**32, 2**31, 2**31 - 1, 1]  # 2^33 together, a million seats
    seats = allocate_seats(votes, 1_000_000, rule, seed=3)
    assert seats.sum() == 1_000_000
    if rule not in DIVISOR_METHODS:  # the oracle is quick for these
        assert seats.tolist() == oracle.RULES[rule](votes, 1_000_000, [0] * 4)
    else:
        quota = [Fraction(v * 1_000_000, 2**33) for v in votes]
        assert all(abs(int(s) - q) <= 2 for s, q in zip(seats, quota, strict=True))


@pytest.mark.parametrize(
    ("rule", "votes", "n_seats", "expected"),
    [
        # the leads below are 1 in 2^31; single precision sees ties, and the lots would then decide the other way
        ("plurality", [2**31 - 1, 2**31], 1, [0, 1]),
        ("dhondt", [2**31 - 1, 2**30], 2, [1, 1]),  # (2^31 - 1) / 2 < 2^30
        ("dhondt", [2**31, 2**30 - 1], 2, [2, 0]),
        ("sainte_lague", [3 * 2**29 + 1, 2**29], 2, [2, 0]),
        ("sainte_lague", [3 * 2**29 - 1, 2**29], 2, [1, 1]),
        ("hare", [2**31 - 1, 2**31 - 2], 1, [1, 0]),
        ("droop", [2**31 - 2, 2**31 - 1], 1, [0, 1]),
    ],
)
def test_a_lead_of_one_vote_in_two_billion_decides(rule, votes, n_seats, expected):
    for lots in ([0, 9], [9, 0]):
        assert apply_rule(rule, votes, n_seats, lots) == expected == oracle.RULES[rule](votes, n_seats, lots)


# --- properties ------------------------------------------------------------------------------------------------------


@every_rule
def test_seats_sum_to_the_house_only_votes_win_and_more_never_mean_fewer_seats(rule):
    @plain
    @given(contests(max_seats=2000))
    def check(contest):
        votes, n_seats, _ = contest
        seats = apply_rule(rule, *contest)
        assert sum(seats) == (n_seats if any(votes) else 0)
        assert all(s >= 0 and (s == 0 or v > 0) for s, v in zip(seats, votes, strict=True))
        for v, s in zip(votes, seats, strict=True):
            assert all(s >= s2 for v2, s2 in zip(votes, seats, strict=True) if v > v2)

    check()


@pytest.mark.parametrize("rule", ["plurality", *sorted(DIVISOR_METHODS)])
def test_house_monotonicity(rule):
    """One seat more never costs a party a seat: the Alabama paradox, which quota methods do have."""

    @plain
    @given(contests())
    def check(contest):
        votes, n_seats, lots = contest
        lots = [8 * (lot // 8) + place for place, lot in enumerate(lots)]  # distinct
        smaller, larger = apply_rule(rule, votes, n_seats, lots), apply_rule(rule, votes, n_seats + 1, lots)
        assert all(a <= b for a, b in zip(smaller, larger, strict=True))

    check()


def test_hare_has_the_alabama_paradox():
    """As published for 10 and 11 seats: so the property above tells the methods apart."""
    assert allocate_seats([6, 6, 2], 10, "hare").tolist() == [4, 4, 2]
    assert allocate_seats([6, 6, 2], 11, "hare").tolist() == [5, 5, 1]


@plain
@given(contests(max_seats=2000))
def test_hare_stays_within_the_quota(contest):
    votes, n_seats, _ = contest
    for v, s in zip(votes, apply_rule("hare", *contest), strict=True):
        quota = Fraction(v * n_seats, max(sum(votes), 1))
        assert math.floor(quota) <= s <= math.ceil(quota)


@plain
@given(contests(max_seats=2000))
def test_dhondt_gives_at_least_the_lower_quota(contest):
    votes, n_seats, _ = contest
    for v, s in zip(votes, apply_rule("dhondt", *contest), strict=True):
        assert s >= v * n_seats // max(sum(votes), 1)


@pytest.mark.slow
@every_rule
def test_parties_without_votes_change_nothing(rule):
    rng = np.random.default_rng(5)
    for width in (7, 16, 17):  # both sides of the padding to a multiple of 16
        votes = np.zeros(width, np.int64)
        votes[:3] = rng.integers(1, 2**31, 3)
        seats = allocate_seats(votes, 37, rule, seed=11)
        assert seats.shape == (width,)
        assert seats[:3].tolist() == allocate_seats(votes[:3], 37, rule, seed=11).tolist()
        assert not seats[3:].any()


# --- thresholds ------------------------------------------------------------------------------------------------------


@proportional
@pytest.mark.parametrize(
    ("votes", "threshold", "passes"),
    [
        ([95, 5], 0.05, True),  # exactly 5 % passes
        ([95_000_001, 5_000_000], 0.05, False),  # one vote in 100 million short
        ([9, 1], 0.1, True),  # 0.1 in binary is a little more than 1/10
        ([7, 3], 0.3, True),
        ([93, 7], 0.07, True),
        ([2**33 - 1 - 2**32, 2**32], 0.5, True),
        ([2**32, 2**32 - 1], 0.5, False),
        ([10**9 - 1, 1], 1e-9, True),
        ([5, 1], 0.166666667, False),  # nine digits are kept: 1/6 is below
        ([5, 1], 0.166666666, True),
    ],
)
def test_the_threshold_is_an_exact_decimal(rule, votes, threshold, passes):
    # so many seats that whoever takes part wins one
    n_seats = 1_000_000 if threshold > 1e-6 else 5
    assert oracle.passes_threshold(votes, threshold)[1] == passes
    if threshold > 1e-6:
        assert (allocate_seats(votes, n_seats, rule, threshold)[1] > 0) == passes
    else:
        assert allocate_seats(votes, n_seats, rule, threshold).sum() == n_seats


@plain
@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=PARTIES).filter(any), st.integers(0, 99))
def test_thresholds_agree_with_the_exact_oracle(votes, percent):
    passing = oracle.passes_threshold(votes, percent / 100)
    running = [v if ok else 0 for v, ok in zip(votes, passing, strict=True)]
    if not any(passing):
        with pytest.raises(InputError, match="reached by no party"):
            allocate_seats(votes, 3, "plurality", percent / 100)
        return
    seats = allocate_seats(votes, 10_000, "sainte_lague", percent / 100)
    assert seats.tolist() == allocate_seats(running, 10_000, "sainte_lague").tolist()


# --- lots ------------------------------------------------------------------------------------------------------------


def test_lots_of_seeds_favour_nobody():
    """Three parties tie for one seat over 4,000 seeds. The contract suite has every rule follow the lots.

    Three shares within 4 standard errors of 1/3: a fair lot fails one of them with probability 3 x 6e-5 = 2e-4, and
    the seeds are fixed.
    """
    n = 4000
    wins = sum(allocate_seats([5, 5, 0, 5], 1, "dhondt", seed=seed) for seed in range(n))
    assert wins.sum() == n
    assert wins[2] == 0
    standard_error = math.sqrt(n * (1 / 3) * (2 / 3))
    assert np.abs(wins[[0, 1, 3]] - n / 3).max() < 4 * standard_error


@every_rule
def test_the_larger_lot_wins_a_tie(rule):
    for lots in ([1, 2, 3], [3, 1, 2], [0, 2**32 - 1, 2**31]):
        assert apply_rule(rule, [4, 4, 4], 1, lots) == [int(lot == max(lots)) for lot in lots]


@every_rule
def test_the_seed_decides_ties_and_nothing_else(rule):
    assert len({tuple(allocate_seats([4, 4], 1, rule, seed=s)) for s in range(20)}) == 2
    assert len({tuple(allocate_seats([9, 4, 2], 5, rule, seed=s)) for s in range(20)}) == 1
    assert allocate_seats([4, 4], 1, rule, seed=-1).tolist() == allocate_seats([4, 4], 1, rule, seed=2**64 - 1).tolist()


def test_every_rule_has_an_oracle():
    assert set(RULES) == set(oracle.RULES)
