"""Ballots of several kinds in few numbers: what goes in comes out, and small ballots share 32 bits."""

import jax
import numpy as np
import pytest

from esim_jax.packing import Ballots, no_ballots, pack_words
from esim_jax.systems.rankings import widths_of_rankings
from esim_jax.systems.scores import widths_of_scores

KINDS = [("rankings",), ("approvals", "rankings"), ("approvals", "rankings", "scores")]
WIDTHS = {"approvals": lambda n: (n + 1,), "rankings": widths_of_rankings, "scores": widths_of_scores}


@pytest.mark.parametrize("kinds", KINDS)
@pytest.mark.parametrize("n_parties", [1, 5, 6, 7, 8, 9, 15])
def test_words_come_out_as_they_went_in(kinds, n_parties):
    rng = np.random.default_rng(n_parties)
    words = [[rng.integers(0, 2**bits, (3, 128), np.uint32) for bits in WIDTHS[kind](n_parties)] for kind in kinds]
    with jax.enable_x64(True):
        packed = tuple(pack_words(words, kinds, n_parties))
        found = Ballots(packed, np.zeros(3, np.int32)).words(kinds, n_parties)
        empty = no_ballots(kinds, 3, n_parties)
    assert [*found] == [*kinds]
    for kind, expected in zip(kinds, words, strict=True):
        assert len(found[kind]) == len(expected)
        for one, other in zip(found[kind], expected, strict=True):
            assert (np.asarray(one) == other).all()
    assert [(number.shape, number.dtype) for number in empty.packed] == [(n.shape, n.dtype) for n in packed]


@pytest.mark.parametrize(
    ("kinds", "n_parties", "expected"),
    [
        (("rankings",), 8, ["uint32"]),
        (("rankings",), 9, ["uint64"]),
        (("approvals", "rankings"), 6, ["uint32"]),
        (("approvals", "rankings"), 7, ["uint64"]),
        (("approvals", "rankings", "scores"), 15, ["uint64", "uint64"]),
    ],
)
def test_a_voter_takes_few_numbers(kinds, n_parties, expected):
    assert [str(number.dtype) for number in no_ballots(kinds, 1, n_parties).packed] == expected
