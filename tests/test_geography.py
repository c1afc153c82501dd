"""Geography: sizes, effects of constituencies, party identification; seats of votes after the cube law."""

import json
import math
import runpy
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import place_oracle
import pytest
from scipy.special import ndtri

import esim_jax.plan
from esim_jax import BatchRunner, ElectionModel, InputError, ParameterSweep, Party
from esim_jax.chunks import Span, make_cutter, program_for
from esim_jax.config import read_parameters
from esim_jax.model.geography import draw_local_effects
from esim_jax.model.scenario import stack_scenarios
from esim_jax.parties import party_mappings
from esim_jax.rows import count_rows
from esim_jax.sizes import share_out, unequal_sizes
from esim_jax.sweep.identity import model_identity

ROOT = Path(__file__).parent.parent
K = 5.0
"""Standard errors allowed; a right program fails one of the about 120 comparisons of this file with a probability
below 1e-4, once and for all, since seeds are fixed."""


# --- sizes -----------------------------------------------------------------------------------------------------------


def plain_sizes(n_voters, weights):
    """In exact fractions: one voter for those whose share is below one, largest remainders for the others."""
    weights = [Fraction(w) for w in weights]
    small = set()
    while True:
        rest = n_voters - len(small)
        whole = sum(w for k, w in enumerate(weights) if k not in small)
        quota = {k: rest * w / whole for k, w in enumerate(weights) if k not in small}
        more = {k for k, q in quota.items() if q < 1}
        if not more:
            break
        small |= more
    voters = [1 if k in small else math.floor(quota[k]) for k in range(len(weights))]
    last = sorted(quota, key=lambda k: (voters[k] - quota[k], k))[: n_voters - sum(voters)]
    return [v + (k in last) for k, v in enumerate(voters)]


def test_sizes_are_the_largest_remainders():
    rng = np.random.default_rng(1)
    for _ in range(300):
        n = int(rng.integers(1, 30))
        weights = np.ldexp(rng.integers(1, 2**20, n).astype(float), rng.integers(-20, 5, n))
        n_voters = n + int(rng.integers(0, 500))
        found = share_out(n_voters, weights)
        assert found.tolist() == plain_sizes(n_voters, weights), (n_voters, weights)
        assert found.sum() == n_voters
        assert found.min() >= 1


def test_sizes_follow_the_lognormal_law():
    p = read_parameters({"n_voters": 10**9, "n_constituencies": 2_000, "size_spread": 0.4})
    sizes = unequal_sizes(p)
    z = ndtri((np.arange(2_000) + 0.5) / 2_000)
    np.testing.assert_allclose(np.log(sizes / sizes.mean()), 0.4 * z - np.log(np.exp(0.4 * z).mean()), atol=1e-4)
    assert np.log(sizes).std() == pytest.approx(0.4, rel=2e-3)
    assert count_rows(10**9, 2_000, sizes) == sum(-(-int(size) // 128) for size in sizes)
    equal = {"n_voters": 1_003, "n_constituencies": 10}
    assert unequal_sizes(read_parameters(equal | {"size_spread": 0.0})) is None
    assert read_parameters(equal | {"constituency_sizes": [3] * 10})["constituency_sizes"] == 1.0
    listed = read_parameters(equal | {"constituency_sizes": range(1, 11), "size_spread": 2.0})
    assert unequal_sizes(listed).tolist() == plain_sizes(1_003, range(1, 11))


# --- effects ---------------------------------------------------------------------------------------------------------


def test_effects_are_independent_standard_normal_numbers():
    n = 40_000
    key = (jnp.full(n, 7, jnp.uint32), jnp.arange(n, dtype=jnp.uint32) // 10)
    effects = jax.jit(draw_local_effects, static_argnums=(2, 3))(key, jnp.arange(n, dtype=jnp.uint32) % 10, 5, 3)
    drawn = np.concatenate([effects.shift, effects.appeal, effects.turnout[:, None]], axis=1).astype(float)
    assert np.abs(drawn.mean(axis=0)).max() < K / math.sqrt(n)
    assert np.abs(drawn.var(axis=0) - 1).max() < K * math.sqrt(2 / n)
    of_constituencies = drawn.reshape(-1, 10, 9)
    together = np.concatenate([of_constituencies[:, 0], of_constituencies[:, 1]], axis=1)  # of two constituencies
    correlation = np.corrcoef(together.T) - np.eye(18)
    assert np.abs(correlation).max() < K / math.sqrt(n / 10)


PARTIES = [Party("A", -0.3, 0.1, incumbent=True), Party("B", 0.3, -0.1), Party("C", 0.0, 0.3, 45.0)]
EVERYTHING = {
    "n_voters": 9_000, "n_constituencies": 12, "size_spread": 0.8, "include_nota": True, "parties": PARTIES,
    "constituency_shift": 0.25, "local_appeal": 0.4, "turnout_spread": 0.2, "national_mood": 0.1,
    "identification_strength": 0.7, "identified_share": 0.6,
}  # fmt: skip


def uneven(*unevenness):
    """The parties, each with its unevenness."""
    return [replace(party, unevenness=u) for party, u in zip(PARTIES, unevenness, strict=True)]


def compare_with_oracle(given, seed):
    """Votes by constituency; a voter at the margin may flip by rounding, as in test_election_oracle."""
    result = ElectionModel(**given, seed=seed).run_election()
    votes, welfare = place_oracle.hold_election(given, seed, unequal_sizes(read_parameters(given)))
    assert np.abs(result.constituency_votes - votes).sum() <= 4
    eligible = [True] * 3 + [False]
    assert result.vse == pytest.approx(oracle.vse(welfare, result.seats.tolist(), eligible), abs=1e-4)
    return votes


@pytest.mark.slow
@pytest.mark.parametrize("seed", [3, 2**60 + 1])
def test_votes_are_the_oracles(seed):
    votes = compare_with_oracle(EVERYTHING, seed)
    for name in ("constituency_shift", "local_appeal", "turnout_spread", "identification_strength"):
        other = ElectionModel(**EVERYTHING, seed=seed).run_election(**{name: EVERYTHING[name] / 2})
        assert np.abs(other.constituency_votes - votes).sum() > 100, name  # the comparison would notice


def test_votes_of_parties_with_uneven_support_are_the_oracles():
    """With an unevenness of 100 utilities exceed 80, and welfare is counted in larger units."""
    for unevenness in ((0.0, 2.5, 0.7), (1.0, 100.0, 1.0)):
        compare_with_oracle(EVERYTHING | {"parties": uneven(*unevenness)}, 3)
    votes = compare_with_oracle(EVERYTHING, 3)
    for unevenness in ((0.7, 1.0, 1.0), (1.0, 1.3, 1.0), (1.0, 1.0, 0.7)):
        other = ElectionModel(**EVERYTHING, seed=3).run_election(parties=uneven(*unevenness))
        assert np.abs(other.constituency_votes - votes).sum() > 100, unevenness  # the comparison would notice


def test_utilities_stay_below_their_bound():
    """However uneven the support of one party is: the sums of fixed-point welfare must not overflow."""
    for most in (1.0, 100.0):
        given = read_parameters({"local_appeal": 2.0, "parties": uneven(1.0, most, 0.0)})
        scale = stack_scenarios([given], [0], 3).welfare_scale[0]
        assert 2**21 < scale * (2.5 + 5.42 * 2.0 * most) < 2**23  # what a voter's distance and valence add is 2 to 3


def test_who_does_not_use_unevenness_has_the_seeds_and_votes_of_before():
    """As they were in the version before there was any; to be changed by a new major version alone."""
    seeds = [8834009143995221, 1858209691797862, 4597296607973466, 8457446559791395]
    votes = [759, 717, 646, 308, 776, 691, 654, 277, 608, 956, 599, 243, 827, 553, 697, 307]
    fixed = {"n_voters": 3_000, "n_constituencies": 7, "include_nota": True}
    for parties in (PARTIES, uneven(1.0, 1.0, 1.0)):
        sweep = ParameterSweep({"local_appeal": [0.0, 0.3]}, fixed | {"parties": parties})
        runner = BatchRunner(ElectionModel, sweep, n_runs_per_config=2, seed=4, verbose=False)
        assert runner.run()["seed"].to_list() == seeds
        assert np.abs(runner.party_results()["votes"].to_numpy() - votes).sum() <= 4  # as with the oracle
        assert "unevenness" not in party_mappings(parties)[0]
    assert "unevenness" in model_identity(read_parameters(fixed | {"parties": uneven(1.0, 1.0, 1.1)}))


def test_nothing_that_is_off_costs_a_program_or_changes_a_vote():
    off = {"constituency_shift": 0, "local_appeal": 0, "turnout_spread": 0, "identified_share": 0.4, "undecided": 0.3}
    off |= {"identification_strength": 0, "strategic_sensitivity": 0, "polling_error": 1.0, "viability": "previous"}
    assert program_for(read_parameters(off)) == program_for(read_parameters({}))
    plain, named = (ElectionModel(n_voters=9_000, seed=5, **given).run_election() for given in ({}, off))
    assert np.array_equal(plain.constituency_votes, named.constituency_votes)


def test_voters_of_a_spatial_model_move_and_every_voter_is_somewhere():
    """Voters all at one point between two parties: they move together, by the shift of their constituency."""
    given = {
        "voter_model": "spatial_normal", "dimensions": 1, "voter_spread": 1e-6, "temperature": 0.0, "n_voters": 4_000,
        "n_constituencies": 40, "parties": [Party("A", -1.0), Party("B", 1.0)], "constituency_shift": 0.3,
    }  # fmt: skip
    for sizes in (1.0, [1, 5] * 20):
        result = ElectionModel(**given, constituency_sizes=sizes, seed=9).run_election()
        shift = [place_oracle.normals(9, c, place_oracle.LOCAL_DRAWS + 1, 2)[0] for c in range(40)]
        each = [100] * 40 if sizes == 1.0 else plain_sizes(4_000, sizes)
        assert result.constituency_votes[:, 1].tolist() == [n * (z > 0) for n, z in zip(each, shift, strict=True)]
        assert result.constituency_votes.sum(axis=1).tolist() == each


class StoppedError(Exception):
    """Raised where an engine would begin."""


def test_the_multinomial_engine_knows_sizes(monkeypatch):
    def stop(engine, scenarios, constituencies, *_):
        raise StoppedError(constituencies.n_voters)

    p = read_parameters({"engine": "multinomial", "n_voters": 10**6, "constituency_sizes": range(1, 11)})
    monkeypatch.setattr(esim_jax.plan, "simulate_law", stop)
    monkeypatch.setattr(esim_jax.plan.Laws, "of", lambda *_: (None, None))  # it takes seconds, and is not looked at
    plan = esim_jax.plan.make_plan([p], program_for(p), jax.devices(), make_cutter([p]).load((Span(0, 0, 1),)))
    with pytest.raises(StoppedError) as stopped:
        plan.simulate(np.zeros(1, int), np.zeros(1, np.uint64))
    assert stopped.value.args[0][:10].tolist() == plain_sizes(10**6, range(1, 11))


# --- sweeps ----------------------------------------------------------------------------------------------------------

SWEEP = ParameterSweep(
    {"constituency_sizes": [1.0, [1, 1, 2, 3, 5, 8, 13]], "local_appeal": [0.1, 0.2], "size_spread": [0.0, 0.9]},
    {"n_voters": 3_000, "n_constituencies": 7},
)


def test_rows_replay_and_chunks_change_nothing():
    """Elections that share voters, but not the sizes of constituencies nor the strength of effects."""
    given = {"n_runs_per_config": 2, "seed": 4, "verbose": False, "common_random_numbers": True}
    runner, other = (BatchRunner(ElectionModel, SWEEP, **given, **more) for more in ({}, {"chunk_size": 5}))
    results, parties = runner.run(), runner.party_results()
    assert other.run().equals(results)
    assert other.party_results().equals(parties)
    for row in results.iter_rows(named=True):
        votes = parties.filter(config_idx=row["config_idx"], run_idx=row["run_idx"])["votes"].to_list()
        given = {name: row[name] for name in (*SWEEP.parameters, *SWEEP.fixed_params, "seed")}
        replay = ElectionModel(**given).run_election()
        assert replay.vote_counts.tolist() == votes
        assert replay.vse == row["vse"]


@pytest.mark.slow
def test_unevenness_is_swept_by_one_program_and_rows_replay():
    """Lists of different length too, so that some have surplus places; first preferences are as in other ballots."""
    lists = [PARTIES, uneven(0.0, 3.0, 1.0), uneven(3.0, 0.0, 1.0)[:2]]
    fixed = {"n_voters": 3_000, "n_constituencies": 7, "local_appeal": 0.4}
    assert len({program_for(read_parameters(fixed | {"parties": parties})) for parties in lists}) == 1
    sweep = ParameterSweep({"parties": lists, "electoral_system": ["FPTP", "IRV"]}, fixed)
    runner = BatchRunner(ElectionModel, sweep, n_runs_per_config=1, seed=4, verbose=False, common_random_numbers=True)
    results, held = runner.run(), runner.party_results()
    votes = [held.filter(config_idx=c)["votes"].to_list() for c in range(6)]
    assert votes[::2] == votes[1::2]
    assert len({*map(tuple, votes)}) == 3
    for row in results.filter(electoral_system="FPTP").iter_rows(named=True):
        names = (*sweep.parameters, *sweep.fixed_params, "seed")
        replay = ElectionModel(**{name: row[name] for name in names}).run_election()
        assert replay.vote_counts.tolist() == votes[row["config_idx"]]
        assert replay.vse == row["vse"]


# --- the cube law ----------------------------------------------------------------------------------------------------


def test_seats_of_votes_follow_the_cube_law():
    """The normal law within K standard errors; the cube's table within these and the gap between the two."""
    n = 20 * 1_000  # constituencies a point
    curve = runpy.run_path(str(ROOT / "examples" / "cube_law.py"))["seats_of_votes"](n_runs=20)
    table = json.loads((ROOT / "tests" / "reference" / "cube_law.json").read_text(encoding="utf-8"))["table"]
    assert curve.height == 11
    for row in curve.iter_rows(named=True):
        error = math.sqrt(row["normal"] * (1 - row["normal"]) / n)
        assert row["cube"] == pytest.approx(table[f"{row['expected']:.2f}"], abs=1e-12)
        assert abs(row["normal"] - row["cube"]) < 0.0045
        assert abs(row["votes"] - row["expected"]) < K * 0.137 / math.sqrt(n)
        assert abs(row["seats"] - row["normal"]) < K * error
        assert abs(row["seats"] - row["cube"]) < 0.0045 + K * error
    middle = curve.filter((curve["expected"] - 0.5).abs() < 0.03)
    slope = np.polyfit(middle["votes"], middle["seats"], 1)[0]
    assert 2.7 < slope < 3.1  # the normal law's is 2.9, the cube's 3


# --- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"constituency_sizes": [1, 2]}, "2 numbers for n_constituencies = 10"),
        ({"constituency_sizes": []}, "is an empty list"),
        ({"constituency_sizes": [1, 0]}, "numbers above 0"),
        ({"constituency_sizes": "big"}, "numbers above 0"),
        ({"local_appeal": -0.1}, "of at least 0"),
        ({"local_appeal": 0.1, "engine": "multinomial"}, "choose voters, or leave it at 0"),
        ({"strategic_sensitivity": 0.1, "engine": "limit"}, "choose voters, or leave it at 0"),
        ({"size_spread": 0.1, "engine": "limit"}, "whose constituencies are all alike"),
    ],
)
def test_bad_input(given, message):
    with pytest.raises(InputError, match=message):
        read_parameters(given)
