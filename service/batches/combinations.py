"""Combinations of entities, in a seeded order, each reached by its number."""

import math
from bisect import bisect_right
from collections.abc import Iterator
from hashlib import shake_128

_ROUNDS = 8


def unrank(rank: int, size: int) -> tuple[int, ...]:
    """The combination with the given number, in the combinatorial number system.

    Args:
        rank: from 0 to C(n, size) - 1 for the combinations of n things; the order does not depend on n.
        size: how many things.

    Returns:
        Places, ascending from 0.

    >>> [unrank(rank, 2) for rank in range(6)]
    [(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)]
    """
    high = size
    while math.comb(high, size) <= rank:
        high *= 2
    # the largest place with C(place, k) <= rank (Lehmer, D. H., 1964, "The machine tools of combinatorics")
    place = bisect_right(range(high), rank, key=lambda c: math.comb(c, size)) - 1
    count = math.comb(place, size)
    places = []
    for k in range(size, 0, -1):
        while count > rank:
            count = count * (place - k) // place  # C(place - 1, k)
            place -= 1
        places.append(place)
        rank -= count
        count = count * k // max(1, place)  # C(place - 1, k - 1)
        place -= 1
    return tuple(reversed(places))


def shuffled_rank(index: int, count: int, seed: int) -> int:
    """Where a seeded permutation of the numbers below `count` sends `index`.

    A keyed Feistel network over the next power of four, walked until it falls below `count` (Black, J. & Rogaway, P.,
    2002, "Ciphers with arbitrary finite domains"): no number comes twice, none is kept in memory, and a longer list
    begins like a shorter one.

    >>> sorted(shuffled_rank(index, 10, seed=1) for index in range(10)) == list(range(10))
    True
    """
    half = max(1, ((count - 1).bit_length() + 1) // 2)
    mask = (1 << half) - 1
    while True:
        left, right = index >> half, index & mask
        for number in range(_ROUNDS):
            left, right = right, left ^ (_mix(seed, number, right, half) & mask)
        index = left << half | right
        if index < count:
            return index


def _mix(seed: int, number: int, value: int, bits: int) -> int:
    text = f"{seed} {number} {value:x}".encode()
    return int.from_bytes(shake_128(text).digest(bits // 8 + 1))


def draw(n: int, size: int, how_many: int, seed: int) -> Iterator[tuple[tuple[int, ...], int]]:
    """Combinations of `size` out of `n` places, without replacement until all are used.

    Yields:
        The places of a combination, ascending, and its replicate: 0 the first time, 1 in the second pass, ...

    >>> [places for places, replicate in draw(3, 3, 2, seed=0)]
    [(0, 1, 2), (0, 1, 2)]
    """
    count = math.comb(n, size)
    for number in range(how_many):
        yield unrank(shuffled_rank(number % count, count, seed), size), number // count
