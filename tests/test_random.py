"""The cipher against JAX's own and against published vectors; the ranges of what is made of its words."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.random import threefry2x32_p

from esim_jax.random import (
    LOT_DRAWS,
    VOTER_DRAWS,
    as_uint64,
    centred16,
    centred24,
    random_words,
    seed_words,
    uniform23,
    uniform24,
)

WORDS = np.random.default_rng(1).integers(0, 2**32, (4, 500), np.uint32)
EXTREME = np.array(
    [0, 1, 0xFF, 0x100, 0x7FFF_7FFF, 0x7FFF_FFFF, 0x8000_0000, 0x8000_8000, 0xFFFF_0000, 0xFFFF_FFFF], np.uint32
)


def cipher(counter, key):
    x0, x1 = random_words(tuple(jnp.uint32(k) for k in key), jnp.uint32(counter[0]), jnp.uint32(counter[1]))
    return int(x0), int(x1)


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [  # Threefry-2x32 with 20 rounds, from the file kat_vectors of the Random123 library
        ((0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
        ((0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
        ((0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_published_vectors(counter, key, expected):
    assert cipher(counter, key) == expected


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["eager", "jit"])
def test_words_are_those_of_jax_cipher(wrap):
    k0, k1, index, draw = (jnp.asarray(w) for w in WORDS)
    ours = wrap(random_words)((k0, k1), index, draw)
    for mine, theirs in zip(ours, threefry2x32_p.bind(k0, k1, index, draw), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_words_are_those_of_jax_random_bits():
    """`jax.random.bits` xors the two words of the counters (0, i), for a key of the same 64 bits."""
    high, low = np.uint32(0xDEADBEEF), np.uint32(0x01234567)
    key = jax.random.wrap_key_data(jnp.array([high, low]), impl="threefry2x32")
    with jax.threefry_partitionable(True):
        theirs = jax.random.bits(key, (1000,), jnp.uint32)
    x0, x1 = random_words((jnp.asarray(high), jnp.asarray(low)), jnp.uint32(0), jnp.arange(1000, dtype=jnp.uint32))
    np.testing.assert_array_equal(x0 ^ x1, theirs)


def test_key_and_index_broadcast():
    k = jnp.arange(3, dtype=jnp.uint32)[:, None]
    index = jnp.arange(5, dtype=jnp.uint32)[None, :]
    table = random_words((k, k + 7), index, 2)
    for i in range(3):
        for j in range(5):
            assert (int(table[0][i, j]), int(table[1][i, j])) == cipher((j, 2), (i, i + 7))


def test_voters_and_lots_never_share_a_counter():
    assert VOTER_DRAWS + 4 <= LOT_DRAWS
    assert LOT_DRAWS + 257 < 2**32


@pytest.mark.parametrize("seed", [0, 1, 2**31, 2**32 + 5, 2**53, 2**63, 2**64 - 1])
def test_seed_words_hold_the_seed(seed):
    high, low = seed_words(as_uint64(seed))
    assert (int(high) << 32) + int(low) == seed


def test_a_negative_seed_is_read_modulo_two_to_the_64():
    assert as_uint64(-1) == np.uint64(2**64 - 1)
    assert as_uint64(-(2**63)) == np.uint64(2**63)


def test_uniform23_is_the_midpoint_of_its_cell_inside_the_unit_interval():
    words = np.concatenate([EXTREME, WORDS.ravel()])
    u = np.asarray(uniform23(jnp.asarray(words)), np.float64)
    np.testing.assert_array_equal(u, ((words >> 9) + 0.5) / 2**23)
    assert 0 < u.min() < u.max() < 1


def test_centred24_is_the_midpoint_of_its_cell():
    words = np.concatenate([EXTREME, WORDS.ravel()])
    cell = words.view(np.int32).astype(np.int64) >> 8
    v = centred24(jnp.asarray(words))
    assert v.dtype == jnp.float32
    np.testing.assert_array_equal(np.asarray(v, np.float64), (cell + 0.5) / 2**24)
    assert np.abs(v).max() == 0.5 - 2**-25


def test_centred16_are_the_midpoints_of_the_high_half():
    words = np.concatenate([EXTREME, WORDS.ravel()])
    v = centred16(jnp.asarray(words))
    cell = (words >> 16).astype(np.uint16).view(np.int16).astype(np.int64)
    assert v.dtype == jnp.float32
    np.testing.assert_array_equal(np.asarray(v, np.float64), (cell + 0.5) / 2**16)


def test_uniform24_are_multiples():
    words = np.concatenate([EXTREME, WORDS.ravel()])
    np.testing.assert_array_equal(np.asarray(uniform24(jnp.asarray(words)), np.float64), (words >> 8) / 2**24)
