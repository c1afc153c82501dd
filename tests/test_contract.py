"""What every electoral system must do: all rules of the registry, against exact counts and by what they have in common.

A rule that is added to a registry is tested here by itself; one without an exact count is named by the first test.
"""

import math
from itertools import permutations
from typing import get_args, get_type_hints

import jax.numpy as jnp
import numpy as np
import pytest
from contract import (
    APPROVED,
    BALLOTS,
    CONTESTS,
    EVERY_RULE,
    KINDS,
    PARTIES,
    SYSTEMS_OF,
    WIDE,
    Batch,
    Rule,
    World,
    describe,
    draw,
    election_of,
    find_wrong,
    plain_cases,
    shrink,
    take,
)
from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st

from esim_jax.random import LOT_DRAWS, random_words
from esim_jax.systems import RANKED, System

FEW, MANY = World(seed=1, most_votes=3, short=0.5), World(seed=2, most_votes=10**6, short=0.5)
MORE_PARTIES = World(seed=7, most_votes=3, short=0.5, standing=WIDE, parties=WIDE)

every_rule = pytest.mark.parametrize("rule", EVERY_RULE, ids=str)
on_ballots = pytest.mark.parametrize("rule", [rule for rule in EVERY_RULE if not rule.on_lists], ids=str)
worlds = st.builds(
    World,
    seed=st.integers(0, 2**32 - 1),
    most_votes=st.sampled_from([1, 2, 3, 20, 10**6]),
    short=st.sampled_from([0.0, 0.3, 0.9]),
    standing=st.sampled_from([2, 3, PARTIES]),
    parties=st.just(PARTIES),
)


def liking(rule, batch):
    """How much each ballot likes each party, 0 for not at all; contest x ballot x party."""
    if rule.kind == "scores":
        return batch.scores > APPROVED if rule.name == "approval_sets" else batch.scores
    place = np.argmax(batch.rankings[..., None] == np.arange(PARTIES), axis=2)
    ranked = (batch.rankings[..., None] == np.arange(PARTIES)).any(axis=2)
    return ranked if rule.name == "approval" else ranked * (PARTIES - place)


def could_win(rule, batch):
    """Who has a vote that counts, from the first preferences or as many places as a ballot has votes."""
    places = {"SNTV": 1, "block_vote": batch.n_seats, "limited_vote": np.maximum(batch.n_seats - 1, 1)}
    most = 1 if rule.on_lists else places.get(rule.name, PARTIES)
    if rule.kind == "scores":
        counts = liking(rule, batch) > 0
    else:
        first = np.arange(PARTIES) < np.reshape(most, (-1, 1, 1))
        counts = (np.where(first, batch.rankings, -1)[..., None] == np.arange(PARTIES)).any(axis=2)
    return (counts & (batch.counts > 0)[..., None]).any(axis=1)


# --- exact counts ----------------------------------------------------------------------------------------------------


@every_rule
def test_there_is_an_exact_count(rule):
    known = KINDS[rule.kind].exact_rules
    assert rule.name in known, f"{rule} has no exact count to be held to: see docs/adding-a-system.md"


@every_rule
@seed(1)  # the same contests for every rule
@settings(deadline=None, max_examples=8, phases=[Phase.generate], database=None)
@given(world=worlds)
def test_agrees_with_the_exact_count(rule, world):
    """8 x 256 contests; what goes wrong is shown as small as it can be."""
    batch = draw(world)
    wrong = find_wrong(rule, batch, plain_cases(world), rule.exact)
    if wrong:
        pytest.fail(describe(rule, shrink(rule, take(batch, wrong[0]), rule.exact), rule.exact))


@every_rule
def test_billions_of_voters_do_not_overflow(rule):
    world = World(seed=6, most_votes=2**31 // BALLOTS, short=0.5)
    batch = draw(world)
    assert batch.counts.sum(axis=1).max() > 10**9
    seats = rule.seats(batch).tolist()
    for k, case in enumerate(plain_cases(world)[:100]):
        assert seats[k] == rule.exact(case)


@every_rule
def test_lots_decide_some_of_these_contests(rule):
    batch = draw(FEW)
    turned_round = batch._replace(lots=(PARTIES - 1 - batch.lots).astype(np.uint32))
    assert (rule.seats(batch) != rule.seats(turned_round)).any(axis=1).sum() > CONTESTS / 50


@pytest.mark.parametrize(
    ("rule", "other", "shown"),
    [
        (Rule("votes", "dhondt"), Rule("votes", "hare"), "votes: D 6, E 2\ncounted: D 3, E 0\nexactly: D 2, E 1"),
        (Rule("rankings", "SNTV"), Rule("rankings", "block_vote"), "1 x C > D\ncounted: C 1, D 0\nexactly: C 1, D 1"),
        (Rule("scores", "score"), Rule("scores", "approval_sets"), "1 x D 1\ncounted: D 1\nexactly: D 0"),
        (
            Rule("composed", "MMP_keep"),
            Rule("composed", "MMP_none"),
            "1 seats: B 0, C 2\n2 seats: B 1, C 0\ncounted: B 2, C 3\nexactly: B 2, C 2",
        ),
    ],
    ids=["votes", "rankings", "scores", "composed"],
)
def test_a_wrong_rule_is_noticed_and_shown_by_a_small_contest(rule, other, shown):
    batch = draw(FEW)
    wrong = find_wrong(rule, batch, plain_cases(FEW), other.exact)
    assert len(wrong) > CONTESTS / 10
    assert describe(rule, shrink(rule, take(batch, wrong[0]), other.exact), other.exact).endswith(shown)


# --- how it is computed ----------------------------------------------------------------------------------------------


@pytest.mark.slow
@every_rule
def test_mapped_over_contests_is_a_loop(rule):
    for world in (FEW, MANY):
        batch = draw(world)
        stacked = rule.seats(batch)
        assert stacked.dtype == np.int64
        for k in range(10):
            assert rule.seats_of_one(take(batch, k)) == stacked[k].tolist()


@pytest.mark.slow
@every_rule
def test_compiled_is_plain_execution(rule):
    some = [(FEW, 0), (MANY, 1)]  # operation by operation is slow
    for world, k in some[:1] if rule.kind == "composed" else some:
        one = take(draw(world), k)
        assert rule.seats_without_compilation(one) == rule.seats_of_one(one)


@pytest.mark.slow
@on_ballots
def test_rows_of_voters_are_counted_as_ballots_with_counts_are(rule):
    """With so many parties that a ranking takes two words."""
    seats = rule.seats_in_rows(draw(MORE_PARTIES)).tolist()
    for k, case in enumerate(plain_cases(MORE_PARTIES)):
        assert seats[k] == rule.exact(case), k


def test_a_block_may_have_more_rows_than_there_are():
    rule, batch = Rule("rankings", "SNTV"), draw(FEW)
    np.testing.assert_array_equal(rule.seats_in_rows(batch, block_rows=2000), rule.seats(batch))


# --- who can win -----------------------------------------------------------------------------------------------------


@every_rule
def test_as_many_seats_are_filled_as_there_are(rule):
    """All of them, but where somebody has votes; one seat each can fill no more than there are such parties."""
    for world in (FEW, MANY):
        batch = draw(world)
        seats, n_able = rule.seats(batch), could_win(rule, batch).sum(axis=1)
        one_each = not rule.on_lists and not rule.winner_takes_all
        most = n_able if one_each else np.where(n_able, rule.to_fill(batch), 0)
        filled = seats.sum(axis=1) - np.minimum(rule.to_fill(batch), most)
        assert (filled >= 0).all()
        assert (filled > 0).any() == (rule.name in ("MMP_keep", "MMP_level"))  # their houses grow
        assert (seats >= 0).all()
        assert not one_each or (seats <= 1).all()


@every_rule
def test_who_has_no_votes_wins_nothing(rule):
    """Neither who stands and is left out by all, nor who does not stand; even where seats stay vacant."""
    batch = draw(FEW)
    left_out = batch.lots.argmax(axis=1)[:, None] == np.arange(PARTIES)  # the luckiest
    left_out &= batch.stands.sum(axis=1, keepdims=True) > 1
    gone = np.take_along_axis(left_out[:, None], np.maximum(batch.rankings, 0), axis=2) & (batch.rankings >= 0)
    closed_up = np.argsort(gone, axis=2, kind="stable")
    rankings = np.take_along_axis(np.where(gone, -1, batch.rankings), closed_up, axis=2)
    batch = batch._replace(rankings=rankings, scores=batch.scores * ~left_out[:, None])
    able = could_win(rule, batch)
    assert (batch.stands & ~able).sum() > CONTESTS / 2
    seats = rule.seats(batch)
    assert not seats[~able].any()
    assert not seats[left_out].any()
    assert seats[able].any()


@every_rule
def test_without_votes_all_seats_stay_vacant(rule):
    """Without ballots, and with ballots that say nothing."""
    batch = draw(FEW)
    without = batch._replace(counts=batch.counts * 0)
    silent = batch._replace(rankings=batch.rankings * 0 - 1, scores=batch.scores * 0)
    for odd in (without, silent):
        assert not rule.seats(odd).any()


@every_rule
def test_one_party_wins_what_there_is(rule):
    batch = draw(FEW)
    alone = batch.lots == batch.lots.min(axis=1, keepdims=True)  # the unluckiest
    party = np.argmax(alone, axis=1)
    first = (batch.rankings[..., :1] >= 0) & (np.arange(PARTIES) == 0)  # some ballots rank nobody
    scores = np.broadcast_to(batch.scores.max(axis=2, keepdims=True), batch.scores.shape) * alone[:, None]
    rankings = np.where(first, party[:, None, None], -1).astype(np.int32)
    batch = batch._replace(stands=alone, rankings=rankings, scores=scores)
    all_seats = rule.to_fill(batch) if rule.winner_takes_all or rule.on_lists else 1
    able = could_win(rule, batch)
    assert 0 < able.sum() < CONTESTS
    np.testing.assert_array_equal(rule.seats(batch), able * np.reshape(all_seats, (-1, 1)))


@every_rule
def test_one_voter_decides(rule):
    """The favourite wins, and where several are liked best the luckiest of them."""
    batch = draw(FEW)
    batch = batch._replace(counts=np.tile(np.arange(BALLOTS) == 0, (CONTESTS, 1)).astype(np.int64))
    likes = liking(rule, batch)[:, 0].astype(int)
    order = likes * PARTIES + batch.lots
    favourite = (order == order.max(axis=1, keepdims=True)) & (likes > 0)
    seats = rule.seats(batch)
    assert (seats[favourite] > 0).all()
    np.testing.assert_array_equal(seats.any(axis=1), favourite.any(axis=1))
    assert 0 < favourite.sum() < CONTESTS
    if rule.winner_takes_all or rule.on_lists:
        assert not seats[~favourite].any()


# --- names and lots --------------------------------------------------------------------------------------------------


@every_rule
def test_the_order_of_the_parties_does_not_matter(rule):
    rng = np.random.default_rng(3)
    for world in (FEW, MANY):
        batch = draw(world)
        order = rng.permuted(np.tile(np.arange(PARTIES), (CONTESTS, 1)), axis=1)  # new place -> old
        place = np.argsort(order, axis=1)  # old -> new
        renamed = np.take_along_axis(place[:, None], np.maximum(batch.rankings, 0), axis=2)
        permuted = batch._replace(
            lots=np.take_along_axis(batch.lots, order, axis=1),
            stands=np.take_along_axis(batch.stands, order, axis=1),
            rankings=np.where(batch.rankings >= 0, renamed, -1).astype(np.int32),
            scores=np.take_along_axis(batch.scores, order[:, None], axis=2),
        )
        np.testing.assert_array_equal(rule.seats(permuted), np.take_along_axis(rule.seats(batch), order, axis=1))


TIED = [0, 1, 3]


def tie_of_three(lots, n_seats):
    """Three parties that every order of them is cast for alike, in two constituencies too; two others stand."""
    orders = np.array([*permutations(TIED)])
    rankings = np.full((BALLOTS, PARTIES), -1, np.int32)
    rankings[: len(orders), :3] = orders
    scores = np.zeros((BALLOTS, PARTIES), np.int32)
    scores[np.arange(len(orders))[:, None], orders] = [5, 3, 1]
    batch = Batch(n_seats, n_seats, lots, True, rankings, scores, np.where(np.arange(BALLOTS) < len(orders), 3, 0))
    one = draw(FEW)
    return Batch(
        *(np.broadcast_to(field, same.shape).astype(same.dtype) for field, same in zip(batch, one, strict=True))
    )


def engine_lots(number):
    """Lots of 256 contests as an election draws them."""
    contest, party = jnp.indices((CONTESTS, PARTIES), jnp.uint32)
    return np.asarray(random_words((jnp.uint32(0), jnp.uint32(number)), contest, LOT_DRAWS + party)[0])


@every_rule
def test_ties_are_broken_by_lot_without_favour(rule):
    """The luckiest win, and each of three that tie wins a third of 2,048 contests, within 4 standard errors.

    The lots are the same for every rule: fair ones would fail with a probability of 3 x 6e-5, and are fixed.
    """
    wins = np.zeros(PARTIES)
    for number in range(8):
        lots = engine_lots(number)
        luck = (lots[:, TIED, None] < lots[:, None, TIED]).sum(axis=2)  # how many of the others are luckier
        for n_seats in (1, 2):
            batch = tie_of_three(lots, n_seats)
            seats = rule.seats(batch)
            if rule.kind == "composed":  # what each has depends on the luck alone, and the luckier has no less
                of_luck = [seats[0, TIED][luck[0] == n_luckier].item() for n_luckier in range(3)]
                assert of_luck == sorted(of_luck, reverse=True)
                assert of_luck[0] > of_luck[2]
                assert sum(of_luck) >= rule.to_fill(batch)[0]
                expected = np.array(of_luck)[luck]
            else:
                expected = (luck == 0) * n_seats if rule.winner_takes_all else luck < n_seats
                assert seats.sum() == n_seats * CONTESTS
            np.testing.assert_array_equal(seats[:, TIED], expected)
            assert seats[:, TIED].sum() == seats.sum()
        wins += np.bincount(np.array(TIED)[luck.argmin(axis=1)], minlength=PARTIES)  # the luckiest, as was just seen
    n = wins.sum()
    assert np.abs(wins[TIED] - n / 3).max() < 4 * math.sqrt(n * (1 / 3) * (2 / 3))


@pytest.mark.parametrize("rule", [rule for rule in EVERY_RULE if rule.kind == "composed"], ids=str)
def test_thresholds_exceptions_and_waivers_decide_some_elections(rule):
    """And nothing where the system has none: the plain count of the same elections then has a say in each."""
    elections = election_of(draw(World(seed=8, most_votes=10**6, short=0.5)), rule.name)
    seats = rule.seats_of_elections(elections)

    def decides(number):
        without = elections._replace(**{number: np.zeros_like(getattr(elections, number))})
        return (rule.seats_of_elections(without) != seats).any(axis=1).sum() > CONTESTS / 50

    has_thresholds = rule.name != "electoral_college"
    assert decides("thresholds") == decides("exempt") == has_thresholds
    assert decides("waiver") == (rule.name in ("levelled", "MMP_keep", "MMP_none", "MMP_level"))


def test_every_rule_of_the_registry_is_here():
    """Those that count sets and scores are rules of `esim_jax.systems.scores`, and every level is that of a rule."""
    others = [rule for name, rule in RANKED.items() if name not in KINDS["rankings"].rules]
    assert others
    assert all(rule in KINDS["scores"].rules.values() for rule in others)
    assert {system.level for system in SYSTEMS_OF} | {"rankings"} == set(get_args(get_type_hints(System)["level"]))
