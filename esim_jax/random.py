"""Random words: a pure function of (seed, what is drawn, who draws).

The cipher is Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror & Shaw 2011, "Parallel random numbers:
as easy as 1, 2, 3", SC '11), the one behind `jax.random`. It is written out here, unrolled, so that the
compiler fuses it with the arithmetic that consumes its words; a test holds it to `jax.random`'s own bits.

A simulation's key is its 64-bit seed. The counter of a word is (index, draw): the index of the voter or
constituency, and a number that says what is drawn. Nothing depends on the order of execution.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Float, Int, UInt

Key = tuple[UInt[Array, "..."], UInt[Array, "..."]]
"""The high and the low 32 bits of the seed; any shapes that broadcast against the index."""

VOTER_DRAWS = 0
"""Draws 0, 1, 2, ... of a voter: see `esim_jax.model.electorate` and `esim_jax.model.ballots`."""

PREFERENCE_DRAWS = 1 << 8
"""Draw PREFERENCE_DRAWS + j of a voter: for the second and further preferences, two parties a draw."""

SCORE_DRAWS = 3 << 8
"""Draw SCORE_DRAWS of a voter: how much the first preference is worth, for scores."""

TRAIT_DRAWS = 1 << 10
"""Draw of a voter: whether the voter decides late, and whether the voter identifies with a party."""

CANDIDATE_LOT_DRAWS = 3 << 9
"""Draw CANDIDATE_LOT_DRAWS of a voter: lots for candidates that are worth the same."""

CANDIDATE_DRAWS = 1 << 11
"""Draw CANDIDATE_DRAWS + k of a voter: what candidates are worth beside their parties, two a draw."""

POSITION_DRAWS = 1 << 12
"""Draw POSITION_DRAWS + k of index j: coordinates of party j, where positions are drawn, two a draw."""

PROFILE_DRAWS = 1 << 13
"""Draw PROFILE_DRAWS of index k: the weights of rankings 2k and 2k + 1, where an election draws how likely they are."""

LOCAL_DRAWS = 1 << 14
"""First draw of a constituency's effects on its voters; see `esim_jax.model.geography`."""

STANDING_DRAWS = (1 << 14) + (1 << 13)
"""Draw STANDING_DRAWS + k of a constituency: its candidates' standing, two a draw."""

SWING_DRAWS = 1 << 15
"""Draw SWING_DRAWS + k of a constituency, or of the nation: its late swing to parties, two a draw."""

PREVIOUS_DRAWS = (1 << 15) + (1 << 14)
"""Draw PREVIOUS_DRAWS of index 0: the key of the previous election's voters."""

LOT_DRAWS = 1 << 16
"""Draw LOT_DRAWS + j is party j's lot, which breaks its ties."""

WELFARE_DRAWS = 1 << 20
"""Draw WELFARE_DRAWS of index k: the k-th normal number behind the welfare of an electorate drawn as a whole."""

BINOMIAL_DRAWS = 1 << 24
"""First draw of a constituency whose votes are drawn as a whole; see `esim_jax.model.binomial`."""

ORDER_DRAWS = 1 << 25
"""First draw of a constituency whose ballots' further places are drawn as a whole; see `esim_jax.multinomial`."""

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = np.uint32(0x1BD11BDA)


def seed_words(seeds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The high and the low 32 bits of uint64 seeds.

    >>> [int(word) for word in seed_words(as_uint64(2**32 + 5))]
    [1, 5]
    """
    high, low = seeds >> np.uint64(32), seeds & np.uint64(0xFFFF_FFFF)
    return np.asarray(high, np.uint32), np.asarray(low, np.uint32)


def as_uint64(seed: int) -> np.ndarray:
    """A 64-bit seed as an unsigned number; a negative one stands for seed + 2^64."""
    return np.array(seed % 2**64, np.uint64)


def random_words(
    key: Key, index: UInt[Array, "..."], draw: int | UInt[Array, "..."]
) -> tuple[UInt[Array, "..."], UInt[Array, "..."]]:
    """Two independent uniform 32-bit words for each index.

    Args:
        key: of the simulation.
        index: uint32; who draws.
        draw: below 2^32; what is drawn.
    """
    return _threefry(*key, index, jnp.asarray(draw, jnp.uint32))


@jax.jit  # traced and lowered once for each shape: the cipher is a hundred operations long
def _threefry(
    k0: UInt[Array, "..."], k1: UInt[Array, "..."], index: UInt[Array, "..."], draw: UInt[Array, "..."]
) -> tuple[UInt[Array, "..."], UInt[Array, "..."]]:
    schedule = (k0, k1, k0 ^ k1 ^ _PARITY)
    x0 = index + k0
    x1 = draw + k1
    for group in range(5):
        for rotation in _ROTATIONS[group % 2]:
            x0 = x0 + x1
            x1 = ((x1 << np.uint32(rotation)) | (x1 >> np.uint32(32 - rotation))) ^ x0
        x0 = x0 + schedule[(group + 1) % 3]
        x1 = x1 + schedule[(group + 2) % 3] + np.uint32(group + 1)
    return x0, x1


def uniform23(word: UInt[Array, "..."]) -> Float[Array, "..."]:
    """float32 in (0, 1): the midpoint of one of 2^23 equal cells, from the word's high bits; exact."""
    return ((word >> np.uint32(9)).astype(jnp.int32).astype(jnp.float32) + np.float32(0.5)) * np.float32(2**-23)


def uniform24(word: UInt[Array, "..."]) -> Float[Array, "..."]:
    """float32 in [0, 1): a multiple of 2^-24, from the word's high bits; exact."""
    return (word >> np.uint32(8)).astype(jnp.int32).astype(jnp.float32) * np.float32(2**-24)


def centred24(word: UInt[Array, "..."]) -> Float[Array, "..."]:
    """float32 in (-1/2, 1/2): the midpoint of one of 2^24 equal cells, from the word's high bits."""
    return _midpoint(_signed(word) >> 8, 24)


def centred16(word: UInt[Array, "..."]) -> Float[Array, "..."]:
    """float32 in (-1/2, 1/2): the midpoint of one of 2^16 equal cells, from the word's high bits; exact."""
    return _midpoint(_signed(word) >> 16, 16)


def _signed(word: UInt[Array, "..."]) -> Int[Array, "..."]:
    return lax.bitcast_convert_type(word, jnp.int32)


def _midpoint(cell: Int[Array, "..."], bits: int) -> Float[Array, "..."]:
    return (cell.astype(jnp.float32) + np.float32(0.5)) * np.float32(2.0**-bits)
