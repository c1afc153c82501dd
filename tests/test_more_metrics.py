"""The further metrics against published values, hand values and plain oracles in exact fractions."""

import itertools
import json
import math
from fractions import Fraction
from pathlib import Path
from statistics import median

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest

from esim_jax import metrics
from esim_jax.errors import InputError

REFERENCE = Path(__file__).parent / "reference"
PUBLISHED = json.loads((REFERENCE / "gallagher_published.json").read_text(encoding="utf-8"))["cases"]
EXAMPLES = json.loads((REFERENCE / "metrics_examples.json").read_text(encoding="utf-8"))["cases"]

# --- oracles: one election in exact fractions ------------------------------------------------------------------------


def shares(counts):
    return [Fraction(int(count), int(sum(counts))) for count in counts]


def party_oracles(votes, seats):
    """The metrics of votes and seats; the two without votes or seats are defined elsewhere."""
    v, s = shares(votes), shares(seats)
    large = [i for i, share in enumerate(v) if share >= Fraction("0.005")]
    ratios = [a / b for a, b in zip(s, v, strict=True) if b]
    return {
        "loosemore_hanby_index": 100 * sum(abs(a - b) for a, b in zip(v, s, strict=True)) / 2,
        "rae_index": 100 * sum(abs(v[i] - s[i]) for i in large) / len(large),
        "sainte_lague_index": 100 * sum((b - a) ** 2 / a for a, b in zip(v, s, strict=True) if a)
        if not any(b and not a for a, b in zip(v, s, strict=True))
        else math.inf,
        "dhondt_index": max(ratios) if not any(b and not a for a, b in zip(v, s, strict=True)) else math.inf,
        "manufactured_majority": any(b > Fraction(1, 2) and a <= Fraction(1, 2) for a, b in zip(v, s, strict=True)),
        "wrong_winner": not any(a == max(v) and b == max(s) for a, b in zip(v, s, strict=True)),
    }


def count_oracles(counts):
    p = shares(counts)
    return {
        "golosov_number_of_parties": sum(x / (x + max(p) ** 2 - x**2) for x in p if x),
        "herfindahl_hirschman_index": sum(x**2 for x in p),
        "largest_share": max(p),
    }


def won(local, seats=None):
    """Each party's part of the constituency's seats."""
    if seats is None:
        seats = [int(vote == max(local) and vote > 0) for vote in local]
    return [Fraction(int(seat), int(sum(seats))) for seat in seats] if sum(seats) else None


def efficiency_oracle(votes, seats, party):
    gap, cast = Fraction(0), 0
    for local, local_seats in zip(votes, seats, strict=True):
        parts = won(local, local_seats)
        if parts is None:
            continue
        own, others, half = int(local[party]), int(sum(local) - local[party]), Fraction(int(sum(local)), 2)
        wasted_if_won, wasted_if_lost = (others - (own - half)), ((others - half) - own)
        gap += parts[party] * wasted_if_won + (1 - parts[party]) * wasted_if_lost
        cast += int(sum(local))
    return gap / cast if cast else 0


def curve_oracle(votes, at):
    v = [shares(local)[0] for local in votes if sum(local)]
    if not v:
        return 0
    swing = at - sum(v) / len(v)
    return sum(Fraction((x + swing > Fraction(1, 2)) * 2 + (x + swing == Fraction(1, 2)), 2) for x in v) / len(v)


def difference_oracle(votes, party):
    v = [shares(local)[party] for local in votes if sum(local)]
    return median(v) - sum(v) / len(v) if v else 0


# --- published -------------------------------------------------------------------------------------------------------


def test_every_published_example():
    functions = {
        "gallagher": metrics.gallagher_index,
        "loosemore_hanby": lambda votes, seats: metrics.loosemore_hanby_index(votes, seats) / 100,
        "d_hondt_index": metrics.dhondt_index,
    }
    assert len(EXAMPLES) == 4
    for case in EXAMPLES:
        votes, seats = case["votes"], case["seats"]
        if isinstance(votes, dict):
            votes, seats = list(votes.values()), [seats.get(party, 0) for party in votes]
        value = functions[case["metric"]](votes, seats)
        assert value == pytest.approx(case["expected"], abs=case["tol"]), case["id"]


def test_published_elections():
    """What was recomputed from the shares as they are printed; here those not listed are one more party each."""
    for case in PUBLISHED:
        votes = [party["vote_share"] for party in case["parties"]]
        seats = [party["seats"] for party in case["parties"]]
        unlisted = max(100 - sum(votes), 0)
        index = metrics.loosemore_hanby_index([*votes, unlisted], [*seats, 0])
        excess = max(sum(votes) - 100, 0)
        expected = case["recomputed_loosemore_hanby"] + unlisted / 2
        assert index == pytest.approx(expected, abs=1e-4 + excess), (case["country"], case["year"])
        # Gallagher's index is at most the distortion, as no difference is larger than that
        assert metrics.gallagher_index([*votes, unlisted], [*seats, 0]) <= index + 1e-9


@pytest.mark.parametrize(
    ("shares_in_percent", "laakso_taagepera", "golosov"),
    [
        ([75, 25], 1.60, 1.33),
        ([75, 10, *[1] * 15], 1.74, 1.42),
        ([55, 45], 1.98, 1.82),
        ([55, *[10] * 3, *[1] * 15], 2.99, 2.24),
        ([35, 35, 30], 2.99, 2.90),
        ([35, *[10] * 5, *[1] * 15], 5.75, 4.49),
        ([15, *[15] * 5, 10], 6.90, 6.89),
        ([15, *[10] * 7, *[1] * 15], 10.64, 11.85),
    ],
)
def test_effective_numbers_that_golosov_published(shares_in_percent, laakso_taagepera, golosov):
    """Golosov (2010), the hypothetical constellations of its comparison."""
    assert sum(shares_in_percent) == 100
    assert metrics.effective_number_of_parties(shares_in_percent) == pytest.approx(laakso_taagepera, abs=0.005)
    assert metrics.golosov_number_of_parties(shares_in_percent) == pytest.approx(golosov, abs=0.005)


def test_efficiency_gap_that_its_authors_published():
    """Stephanopoulos and McGhee (2015): ten districts of 100 votes, 55 % of them for a party that wins eight."""
    first = [70, 70, 70, 54, 54, 54, 54, 54, 35, 35]
    assert metrics.efficiency_gap([[votes, 100 - votes] for votes in first]) == 0.2


@pytest.mark.parametrize(("magnitude", "percent"), [(1, 37.5), (2, 25.0), (4, 15.0), (5, 12.5), (14, 5.0), (149, 0.5)])
def test_effective_thresholds(magnitude, percent):
    assert 100 * metrics.effective_threshold(magnitude) == pytest.approx(percent, rel=1e-14)
    assert metrics.nationwide_threshold(magnitude, 1) == metrics.effective_threshold(magnitude)
    assert 100 * metrics.nationwide_threshold(magnitude, 100) == pytest.approx(percent / 10, rel=1e-14)


@pytest.mark.parametrize(("magnitude", "legal", "effective"), [(150, 1 / 150, 1 / 150), (10, 0.05, 0.75 / 11)])
def test_the_higher_of_a_legal_threshold_and_that_of_the_magnitude(magnitude, legal, effective):
    """Lijphart (1994), chapter 2."""
    assert metrics.effective_threshold(magnitude, legal) == effective
    both = metrics.effective_threshold(np.array([magnitude, 0]), np.array([legal, legal]))
    assert both.tolist() == [effective, 1.0]


# --- by hand ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("votes", "seats", "made", "wrong"),
    [
        ([51, 49], [60, 40], False, False),
        ([50, 50], [60, 40], True, False),  # half of the votes are no majority, and a tie has no wrong winner
        ([45, 40, 15], [50, 30, 20], False, False),  # half of the seats are none either
        ([45, 40, 15], [51, 30, 19], True, False),
        ([45, 40, 15], [30, 51, 19], True, True),
        ([45, 40, 15], [40, 40, 20], False, False),  # the most votes share the most seats
        ([45, 45, 10], [40, 60, 0], True, False),  # one of those with the most votes
        ([45, 45, 10], [10, 40, 50], False, True),
        ([60, 40], [40, 60], True, True),
        ([3, 2], [0, 0], False, False),
        ([0, 0], [3, 2], False, False),
        ([5], [2], False, False),
    ],
)
def test_majorities_by_hand(votes, seats, made, wrong):
    assert metrics.manufactured_majority(votes, seats) is made
    assert metrics.wrong_winner(votes, seats) is wrong


def test_rae_leaves_out_very_small_parties():
    votes, seats = [600, 396, 4], [6, 4, 0]
    assert metrics.rae_index(votes, seats) == pytest.approx(100 * 0.004 / 2, abs=1e-12)
    assert metrics.rae_index(votes, seats, smallest_share=0.0) == pytest.approx(100 * 0.008 / 3, abs=1e-12)
    assert metrics.rae_index([199, 1], [1, 0]) == pytest.approx(0.5)  # exactly 0.5 % is counted


def test_seats_without_votes_are_infinitely_favoured():
    assert metrics.sainte_lague_index([10, 0], [1, 1]) == math.inf
    assert metrics.dhondt_index([10, 0], [1, 1]) == math.inf
    assert metrics.sainte_lague_index([10, 0], [2, 0]) == 0.0
    assert metrics.dhondt_index([10, 0], [2, 0]) == 1.0


def test_wasted_votes_by_hand():
    votes = [[50, 30, 20], [10, 10, 80], [0, 0, 0]]
    assert metrics.wasted_votes(votes, [[2, 1, 0], [0, 0, 3], [1, 0, 0]]) == (20 + 20) / 200
    assert metrics.wasted_votes(votes, np.zeros((3, 3))) == 1.0
    assert metrics.wasted_votes(votes, np.ones((3, 3))) == 0.0


def test_efficiency_gaps_by_hand():
    votes = [[60, 40], [45, 55]]
    assert metrics.efficiency_gap(votes) == pytest.approx((40 + 5 - (10 + 45)) / 200)
    assert metrics.efficiency_gap(votes, [[0, 1], [0, 1]]) == pytest.approx((-10 + 5 - (60 + 45)) / 200)
    assert metrics.efficiency_gap([[50, 50], [0, 0]]) == 0.0  # both take half of it
    # (s - 1/2) - 2 (v - 1/2) of each party where constituencies are of equal size
    v, s = np.array([95, 120, 85]) / 300, np.array([1, 2, 0]) / 3
    gaps = metrics.efficiency_gaps([[45, 35, 20], [30, 45, 25], [20, 40, 40]], [[1, 0, 0], [0, 1, 0], [0, 1, 0]])
    np.testing.assert_allclose(gaps, (s - 1 / 2) - 2 * (v - 1 / 2), atol=1e-15)


def test_swing_by_hand():
    votes = [[60, 40], [60, 40], [30, 70], [0, 0]]
    np.testing.assert_allclose(metrics.mean_median_difference(votes), [0.1, -0.1], atol=1e-15)
    # moved by -.1, 0 and +.1 from its mean of .5
    np.testing.assert_array_equal(metrics.seats_votes_curve(votes, [0.4, 0.5, 0.6, 0.7, 0.75]), [1 / 3] + [2 / 3] * 2
                                  + [2.5 / 3, 1])  # fmt: skip
    assert metrics.partisan_bias(votes) == pytest.approx(2 / 3 - 1 / 2)
    assert metrics.responsiveness(votes, 0.35, 0.65) == pytest.approx((2 / 3 - 0) / 0.3)
    # the same votes in all constituencies: winner takes all
    assert metrics.seats_votes_curve([[3, 7]] * 3, [0.3, 0.5, 0.50001]).tolist() == [0.0, 0.5, 1.0]
    assert metrics.responsiveness([[3, 7]] * 3) == pytest.approx(10)


@pytest.mark.parametrize(("magnitude", "n_parties", "n_votes"), [(2, 3, 60), (3, 2, 12), (1, 3, 6), (1, 2, 12)])
@pytest.mark.parametrize("method", ["dhondt", "sainte_lague", "hare"])
def test_natural_thresholds_are_those_of_every_possible_vote(method, magnitude, n_parties, n_votes):
    """The fewest votes that win a seat with luck in ties, and the most that win none without it."""
    least, most = n_votes, 0
    for votes in itertools.product(range(n_votes + 1), repeat=n_parties - 1):
        own = n_votes - sum(votes)
        if own <= 0 or list(votes) != sorted(votes):
            continue
        lots = list(range(1, n_parties))
        if oracle.RULES[method]([own, *votes], magnitude, [n_parties, *lots])[0]:
            least = min(least, own)
        if not oracle.RULES[method]([own, *votes], magnitude, [0, *lots])[0]:
            most = max(most, own)
    inclusion = metrics.inclusion_threshold(magnitude, n_parties, method)
    exclusion = metrics.exclusion_threshold(magnitude, n_parties, method)
    assert (least, most) == (pytest.approx(inclusion * n_votes), pytest.approx(exclusion * n_votes))


# --- oracles, stacks, JAX --------------------------------------------------------------------------------------------


def random_elections(seed, shape, n_constituencies=7, n_parties=5, high=40):
    """Votes in constituencies and seats there; small numbers, so that there are ties, and some empty places."""
    rng = np.random.default_rng(seed)
    votes = rng.integers(0, high, (*shape, n_constituencies, n_parties)) * rng.integers(0, 2, (*shape, 1, n_parties))
    votes[..., 0] += rng.integers(0, 2, (*shape, n_constituencies))
    votes *= rng.random((*shape, n_constituencies, 1)) < 0.9
    seats = rng.integers(0, 3, votes.shape) * (rng.random(votes.shape) < 0.5)
    seats[..., 0, 0] += 1
    return votes, seats


def every_metric(votes, seats):
    """The metrics by name, of constituencies' votes and seats."""
    two, total, total_seats = votes[..., :2], votes.sum(axis=-2), seats.sum(axis=-2)
    values = {
        name: getattr(metrics, name)(total, total_seats)
        for name in (
            "loosemore_hanby_index", "rae_index", "sainte_lague_index", "dhondt_index", "manufactured_majority",
            "wrong_winner",
        )
    }  # fmt: skip
    for name in ("golosov_number_of_parties", "herfindahl_hirschman_index", "largest_share"):
        values[name] = getattr(metrics, name)(total)
    at = np.array([0.25, 0.5, 0.7])
    return values | {
        "wasted_votes": metrics.wasted_votes(votes, seats),
        "efficiency_gap": metrics.efficiency_gap(two),
        "efficiency_gap of seats": metrics.efficiency_gap(two, seats[..., :2]),
        "efficiency_gaps": metrics.efficiency_gaps(votes),
        "efficiency_gaps of seats": metrics.efficiency_gaps(votes, seats),
        "mean_median_difference": metrics.mean_median_difference(votes),
        "seats_votes_curve": metrics.seats_votes_curve(two, at),
        "partisan_bias": metrics.partisan_bias(two),
        "responsiveness": metrics.responsiveness(two, 0.375, 0.625),
    }


def every_oracle(votes, seats):
    two, total, total_seats = votes[..., :2], votes.sum(axis=-2), seats.sum(axis=-2)
    parties = range(votes.shape[-1])
    wasted = sum(int(v) for v, s in zip(votes.flat, seats.flat, strict=True) if not s)
    curve = {at: curve_oracle(two, Fraction(at)) for at in ("0.25", "0.375", "0.5", "0.625", "0.7")}
    none = [None] * len(votes)
    return {
        **party_oracles(total, total_seats),
        **count_oracles(total),
        "wasted_votes": Fraction(wasted, int(total.sum())),
        "efficiency_gap": efficiency_oracle(two, none, 0),
        "efficiency_gap of seats": efficiency_oracle(two, seats[:, :2], 0),
        "efficiency_gaps": [efficiency_oracle(votes, none, party) for party in parties],
        "efficiency_gaps of seats": [efficiency_oracle(votes, seats, party) for party in parties],
        "mean_median_difference": [difference_oracle(votes, party) for party in parties],
        "seats_votes_curve": [curve["0.25"], curve["0.5"], curve["0.7"]],
        "partisan_bias": curve["0.5"] - Fraction(1, 2) if two.sum() else 0,
        "responsiveness": (curve["0.625"] - curve["0.375"]) * 4,
    }


def test_metrics_agree_with_the_oracles():
    votes, seats = random_elections(5, (150,))
    votes[:, 0, 0] += 1  # somebody voted
    for v, s in zip(votes, seats, strict=True):
        values, expected = every_metric(v, s), every_oracle(v, s)
        assert values.keys() == expected.keys()
        for name, value in values.items():
            exact = np.array(expected[name], float)
            np.testing.assert_allclose(np.asarray(value, float), exact, rtol=1e-12, atol=1e-13, err_msg=name)


@pytest.mark.slow
def test_a_stack_over_leading_axes_is_a_loop_to_the_bit():
    votes, seats = random_elections(6, (4, 5))
    votes[1, 2] = 0
    seats[2, 3] = 0
    stacked = every_metric(votes, seats)
    compiled = jax.jit(every_metric)
    with jax.enable_x64(True):
        on_jax = compiled(jnp.asarray(votes), jnp.asarray(seats))
        for place in np.ndindex(4, 5):
            single = every_metric(votes[place], seats[place])
            single_on_jax = compiled(jnp.asarray(votes[place]), jnp.asarray(seats[place]))
            for name, value in single.items():
                np.testing.assert_array_equal(stacked[name][place], value, err_msg=name)
                np.testing.assert_array_equal(on_jax[name][place], single_on_jax[name], err_msg=name)


@pytest.mark.slow
def test_jax_gives_what_numpy_gives():
    votes, seats = random_elections(7, (6, 3), n_constituencies=12)
    votes[1, 2], seats[3, 0] = 0, 0
    expected = every_metric(votes, seats)
    for double, tolerance in ((True, 1e-13), (False, 1e-5)):
        with jax.enable_x64(double):
            ours = jax.jit(every_metric)(jnp.asarray(votes), jnp.asarray(seats))
        for name, value in ours.items():
            if value.dtype != bool:
                assert value.dtype == (jnp.float64 if double else jnp.float32), name
            np.testing.assert_allclose(value, expected[name], rtol=10 * tolerance, atol=tolerance, err_msg=name)


def test_thresholds_of_arrays():
    magnitudes, n_parties = np.array([1, 3, 0, 150]), np.array([2, 6, 4, 12])
    with jax.enable_x64(True):
        for function in (
            lambda m, n: metrics.effective_threshold(m),
            metrics.nationwide_threshold,
            *(
                lambda m, n, f=f, method=method: f(m, n, method)
                for f in (metrics.inclusion_threshold, metrics.exclusion_threshold)
                for method in ("dhondt", "sainte_lague", "hare")
            ),
        ):
            loop = [function(int(m), int(n)) for m, n in zip(magnitudes, n_parties, strict=True)]
            assert all(isinstance(value, float) and 0 < value <= 1 for value in loop)
            np.testing.assert_array_equal(function(magnitudes, n_parties), loop)
            np.testing.assert_allclose(jax.jit(function)(magnitudes, n_parties), loop, rtol=1e-15)
    assert metrics.exclusion_threshold(3, 1, "hare") == 0.0  # who stands alone wins with any votes


# --- where nothing was cast ------------------------------------------------------------------------------------------


def test_defined_where_nothing_was_cast():
    none, some = np.zeros((3, 2)), np.ones((3, 2))
    for votes, seats in ((none, some), (none, none), (some, none)):
        for name, value in every_metric(votes, seats).items():
            assert np.isfinite(value).all(), name
    for name, value in every_metric(none, some).items():
        assert not np.any(value), name
    for name in ("loosemore_hanby_index", "rae_index", "sainte_lague_index", "dhondt_index"):
        assert getattr(metrics, name)([1, 2], [0, 0]) == 0.0


def test_one_party():
    for name in ("loosemore_hanby_index", "rae_index", "sainte_lague_index"):
        assert getattr(metrics, name)([7], [3]) == 0.0
    for name in ("golosov_number_of_parties", "herfindahl_hirschman_index", "largest_share"):
        assert getattr(metrics, name)([7]) == 1.0
    assert metrics.dhondt_index([7], [3]) == 1.0
    assert metrics.wasted_votes([[7]], [[1]]) == 0.0
    assert metrics.efficiency_gaps([[7]]).tolist() == [-0.5]  # s - 1/2 - 2 (v - 1/2)
    assert metrics.mean_median_difference([[7], [3]]).tolist() == [0.0]


def test_bad_arguments():
    for function in (metrics.efficiency_gap, metrics.partisan_bias, metrics.responsiveness):
        with pytest.raises(InputError, match="3 parties are not allowed here"):
            function([[1, 2, 3]])
    with pytest.raises(InputError, match=r"low = 0\.6 and high = 0\.5 are not allowed"):
        metrics.responsiveness([[1, 2]], 0.6, 0.5)
    for function in (metrics.inclusion_threshold, metrics.exclusion_threshold):
        with pytest.raises(InputError, match="method = 'droop' is unknown: it must be one of dhondt, sainte_lague"):
            function(3, 4, "droop")
