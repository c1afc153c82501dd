"""Metrics against published values, hand values and the plain oracle."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esim_jax.metrics import effective_number_of_parties, gallagher_index, shares, voter_satisfaction_efficiency

REFERENCE = Path(__file__).parent / "reference"
PUBLISHED = json.loads((REFERENCE / "gallagher_published.json").read_text(encoding="utf-8"))["cases"]
EXAMPLES = json.loads((REFERENCE / "metrics_examples.json").read_text(encoding="utf-8"))["cases"]

counts = st.lists(st.integers(0, 2**31), min_size=1, max_size=12)


def test_gallagher_of_published_elections():
    """Published from unrounded votes, recomputed here from shares of two decimals or fewer: hence 0.055."""
    assert len(PUBLISHED) == 91
    for case in PUBLISHED:
        votes = [party["vote_share"] for party in case["parties"]]
        seats = [party["seats"] for party in case["parties"]]
        # small parties without seats are not listed; each adds next to nothing to the sum of squares
        assert sum(seats) == case["seats_total"]
        unlisted = max(100 - sum(votes), 0)
        votes, seats = [*votes, *[unlisted / 1000] * 1000], [*seats, *[0] * 1000]
        published = case["published_gallagher_lsq"]
        assert gallagher_index(votes, seats) == pytest.approx(published, abs=0.055), (case["country"], case["year"])


def test_gallagher_of_worked_examples():
    cases = [case for case in EXAMPLES if case["metric"] == "gallagher"]
    assert [case["id"] for case in cases] == ["ca_2015", "nz_2011"]
    for case in cases:
        votes, seats = case["votes"], case["seats"]
        if isinstance(votes, dict):
            votes, seats = list(votes.values()), [seats.get(party, 0) for party in votes]
        assert gallagher_index(votes, seats) == pytest.approx(case["expected"], abs=case["tol"])


@pytest.mark.parametrize(
    ("votes", "seats", "expected"),
    [
        ([1, 1], [1, 1], 0.0),
        ([1, 0], [0, 1], 100.0),
        ([60, 40], [100, 0], 40.0),
        ([50, 30, 20], [70, 30, 0], 20.0),
        ([0.5, 0.5], [3, 1], 25.0),  # shares and counts alike
    ],
)
def test_gallagher_by_hand(votes, seats, expected):
    assert gallagher_index(votes, seats) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([7], 1.0),
        ([50, 50], 2.0),
        ([1, 1, 1, 1], 4.0),
        ([0.5, 0.25, 0.25], 8 / 3),
        ([60, 40, 0], 1 / 0.52),
        ([4, 3, 3], 100 / 34),
        ([2**31, 2**31, 2**31], 3.0),
    ],
)
def test_effective_number_by_hand(numbers, expected):
    assert effective_number_of_parties(numbers) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("welfare", "seats", "eligible", "expected"),
    [
        ([3, 1, 2], [1, 0, 0], [True] * 3, 1.0),
        ([3, 1, 2], [0, 1, 0], [True] * 3, -1.0),
        ([3, 1, 2], [0, 0, 1], [True] * 3, 0.0),
        ([3, 1, 2], [1, 1, 1], [True] * 3, 0.0),
        ([3, 1, 2], [4, 3, 3], [True] * 3, 0.1),
        ([-1, -2, -6], [1, 1, 0], [True] * 3, 0.75),  # mean -3, best gain 2, actual gain 1.5
        ([4, 2, 9], [1, 0, 0], [True, True, False], 1.0),  # NOTA is worth more to all and does not count
        ([4, 2, 9], [1, 1, 0], [True, True, False], 0.0),
    ],
)
def test_vse_by_hand(welfare, seats, eligible, expected):
    assert voter_satisfaction_efficiency(welfare, seats, eligible) == pytest.approx(expected, abs=1e-14)


def test_defined_where_nothing_was_cast():
    assert gallagher_index([0, 0], [1, 2]) == 0.0
    assert gallagher_index([1, 2], [0, 0]) == 0.0
    assert gallagher_index([0, 0], [0, 0]) == 0.0
    assert effective_number_of_parties([0, 0, 0]) == 0.0
    assert voter_satisfaction_efficiency([1.0, 2.0], [0, 0], [True, True]) == 0.0
    assert voter_satisfaction_efficiency([2.0, 2.0], [1, 0], [True, True]) == 0.0
    assert voter_satisfaction_efficiency([5.0], [3], [True]) == 0.0
    np.testing.assert_array_equal(shares([0, 0]), [0.0, 0.0])


def test_zeros_among_a_stack_touch_only_themselves():
    votes, seats = np.array([[0, 0], [60, 40]]), np.array([[1, 0], [1, 0]])
    np.testing.assert_allclose(gallagher_index(votes, seats), [0.0, 40.0])
    np.testing.assert_allclose(effective_number_of_parties(votes), [0.0, 1 / 0.52])


def random_stack():
    rng = np.random.default_rng(3)
    votes = rng.integers(0, 2**31, (4, 5, 6))
    seats = rng.integers(0, 9, (4, 5, 6))
    votes[0, 0] = seats[1, 1] = 0
    welfare = rng.normal(size=(4, 5, 6)) * 1e5
    eligible = rng.random((4, 5, 6)) < 0.8
    eligible[..., 0] = True
    return votes, np.where(eligible, seats, 0), welfare, eligible


def every_metric(votes, seats, welfare, eligible):
    return (
        gallagher_index(votes, seats),
        effective_number_of_parties(votes),
        effective_number_of_parties(seats),
        voter_satisfaction_efficiency(welfare, seats, eligible),
    )


def test_a_stack_over_leading_axes_is_a_loop():
    stack = random_stack()
    for stacked, *single in zip(
        every_metric(*stack),
        *[every_metric(*(x[i, j] for x in stack)) for i in range(4) for j in range(5)],
        strict=True,
    ):
        assert all(isinstance(value, float) for value in single)
        np.testing.assert_array_equal(stacked, np.reshape(single, (4, 5)))


def test_jax_gives_what_numpy_gives():
    stack = random_stack()
    with jax.enable_x64(True):
        for wrap in (lambda f: f, jax.jit):
            ours = wrap(every_metric)(*(jnp.asarray(x) for x in stack))
            for mine, expected in zip(ours, every_metric(*stack), strict=True):
                assert mine.dtype == jnp.float64
                np.testing.assert_allclose(mine, expected, rtol=1e-12, atol=1e-12)


def test_lists_tuples_and_arrays_are_alike():
    assert gallagher_index([48, 32, 20], (60, 40, 0)) == gallagher_index(np.array([48, 32, 20]), np.array([60, 40, 0]))
    assert effective_number_of_parties((3, 2)) == effective_number_of_parties(np.array([3.0, 2.0]))
    assert voter_satisfaction_efficiency((3, 1), [1, 0], (True, True)) == 1.0


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.data())
def test_metrics_agree_with_the_oracle(data):
    votes = data.draw(counts)
    seats = data.draw(st.lists(st.integers(0, 1000), min_size=len(votes), max_size=len(votes)))
    welfare = data.draw(st.lists(st.integers(-(2**20), 2**20), min_size=len(votes), max_size=len(votes)))
    eligible = [True, *data.draw(st.lists(st.booleans(), min_size=len(votes) - 1, max_size=len(votes) - 1))]
    seats = [s if e else 0 for s, e in zip(seats, eligible, strict=True)]
    assert gallagher_index(votes, seats) == pytest.approx(oracle.gallagher(votes, seats), abs=1e-11)
    assert effective_number_of_parties(votes) == pytest.approx(oracle.effective_number(votes), rel=1e-13)
    assert 0 <= gallagher_index(votes, seats) <= 100 + 1e-12
    efficiency = voter_satisfaction_efficiency(welfare, seats, eligible)
    assert efficiency == pytest.approx(oracle.vse(welfare, seats, eligible), rel=1e-6, abs=1e-6)
    assert efficiency <= 1 + 1e-12
