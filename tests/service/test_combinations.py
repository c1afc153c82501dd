"""Combinations: all of them, each once, in an order that the seed decides."""

import math
import time
from collections import Counter
from itertools import combinations, islice

import pytest
from pydantic import ValidationError

from service.batches.combinations import draw, shuffled_rank, unrank
from service.batches.schemas import NewBatch


def new_batch(entities: int, size: int, simulations: int, **fields: object) -> NewBatch:
    ids = [f"entity-{number}" for number in range(entities)]
    given = {"name": "n", "context": "c", "entity_ids": ids, "interaction_size": size, "num_simulations": simulations}
    return NewBatch.model_validate({**given, **fields})


@pytest.mark.parametrize("n", range(1, 13))
def test_ranks_are_combinations_one_to_one(n: int) -> None:
    for size in range(1, n + 1):
        ranked = [unrank(rank, size) for rank in range(math.comb(n, size))]
        assert sorted(ranked) == list(combinations(range(n), size))
        assert ranked == sorted(ranked, key=lambda places: places[::-1])  # the order that does not depend on n


@pytest.mark.parametrize(("n", "size"), [(1_000, 10), (1_000, 500), (1_000, 999), (10**6, 3), (10**12, 2)])
def test_large_ranks_are_those_of_the_number_system(n: int, size: int) -> None:
    count = math.comb(n, size)
    for rank in (0, 1, count // 3, count - 1) if n <= 1_000 else (0, 1, 10**6):
        places = unrank(rank, size)
        assert len(set(places)) == size
        assert list(places) == sorted(places)
        assert set(places) <= set(range(n)) if n <= 1_000 else places[-1] < n
        assert sum(math.comb(place, k) for k, place in enumerate(places, start=1)) == rank


@pytest.mark.parametrize("count", range(1, 301))
def test_every_number_comes_once(count: int) -> None:
    assert sorted(shuffled_rank(index, count, seed=count) for index in range(count)) == list(range(count))


def test_a_longer_batch_begins_like_a_shorter_one() -> None:
    for n, size in ((7, 3), (10, 2), (40, 4)):
        longest = list(draw(n, size, 200, seed=5))
        for how_many in (1, 2, 33, 199):
            assert list(draw(n, size, how_many, seed=5)) == longest[:how_many]


def test_nothing_comes_twice_before_everything_came() -> None:
    for n, size in ((10, 1), (10, 2), (10, 3), (6, 6)):
        count = math.comb(n, size)
        drawn = list(draw(n, size, 2 * count + 1, seed=8))
        assert sorted(places for places, _ in drawn[:count]) == list(combinations(range(n), size))
        assert [replicate for _, replicate in drawn] == [0] * count + [1] * count + [2]
        assert [places for places, _ in drawn[count : 2 * count]] == [places for places, _ in drawn[:count]]


def test_the_order_is_always_the_same() -> None:
    """Batches are made again from their seeds: these values may never change."""
    assert [places for places, _ in draw(10, 2, 5, seed=1)] == [(0, 3), (4, 5), (0, 8), (1, 8), (2, 7)]
    assert [places for places, _ in draw(1_000, 3, 3, seed=2**53 - 1)] == [
        (100, 255, 526),
        (25, 690, 747),
        (114, 262, 322),
    ]
    assert [shuffled_rank(index, 10, seed=0) for index in range(10)] == [0, 4, 1, 6, 7, 2, 5, 3, 8, 9]


def test_seeds_differ() -> None:
    orders = {tuple(draw(10, 2, 10, seed)) for seed in range(500)}
    assert len(orders) == 500


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6, 10, 45, 100, 120])
@pytest.mark.parametrize("index", [0, 1])
def test_every_combination_is_as_likely(count: int, index: int) -> None:
    """Chi-square of one draw over seeds; a fair order exceeds the bound once in about 10,000 cases.

    The bound is that of Wilson and Hilferty's normal approximation with z = 3.72. The seeds are fixed, so the test
    either always passes or never.
    """
    expected = 100
    found = Counter(shuffled_rank(index, count, seed) for seed in range(expected * count))
    chi_square = sum((found[rank] - expected) ** 2 / expected for rank in range(count))
    freedom = count - 1
    bound = freedom * (1 - 2 / (9 * freedom) + 3.72 * math.sqrt(2 / (9 * freedom))) ** 3
    assert chi_square < bound


def test_all_orders_of_three_are_as_likely() -> None:
    """Likewise, with five degrees of freedom: 25.75 is exceeded once in 10,000 cases."""
    found = Counter(tuple(shuffled_rank(index, 3, seed) for index in range(3)) for seed in range(6_000))
    assert len(found) == 6
    assert sum((number - 1_000) ** 2 / 1_000 for number in found.values()) < 25.75


@pytest.mark.parametrize(("n", "size"), [(1_000, 500), (2_000, 1_000)])
def test_huge_choices_are_spread_over_all_entities(n: int, size: int) -> None:
    """Every place is chosen in about half of the draws.

    5 standard deviations are exceeded somewhere among 3,000 places by one seed in about 1,800; the seed is fixed.
    """
    draws = 100
    chosen = Counter(place for places, _ in draw(n, size, draws, seed=3) for place in places)
    assert all(abs(chosen[place] - draws / 2) <= 5 * math.sqrt(draws) / 2 for place in range(n))


def test_many_are_drawn_quickly() -> None:
    start = time.perf_counter()
    drawn = [places for places, _ in islice(draw(1_000, 10, 10**6, seed=1), 1_000)]
    assert time.perf_counter() - start < 1
    assert len(set(drawn)) == 1_000


@pytest.mark.parametrize(("size", "count"), [(1, 10), (2, 45), (3, 120)])
def test_the_table_of_the_specification(size: int, count: int) -> None:
    assert new_batch(10, size, count).num_simulations == count
    with pytest.raises(ValidationError, match=f"more than the {count} combinations of {size} out of 10"):
        new_batch(10, size, count + 1)
    assert new_batch(10, size, count + 1, on_excess="replicate").num_simulations == count + 1


def test_what_does_not_go_together_is_refused() -> None:
    assert new_batch(3, 3, 1, interaction_type="group").interaction_type == "group"
    with pytest.raises(ValidationError, match="does not go with interaction_size = 3, which is 'group'"):
        new_batch(3, 3, 1, interaction_type="dyadic")
    with pytest.raises(ValidationError, match="interaction_size = 4 is more than the 3 entities"):
        new_batch(3, 4, 1)
    with pytest.raises(ValidationError, match="names \\['a'\\] more than once"):
        new_batch(3, 1, 1, entity_ids=["a", "b", "a"])
    with pytest.raises(ValidationError, match="on_excess"):
        new_batch(3, 1, 1, on_excess="ignore")
