"""Ranked systems without voters: the law of a ranking, ballots drawn by type, and the elections that they make."""

from collections import Counter
from functools import lru_cache
from itertools import permutations

import jax
import numpy as np
import polars as pl
import pytest
from kept_ballots import approvals_of, keep, rankings_of
from scipy import stats
from test_promises import METRICS

from esim_jax import BatchRunner, ElectionModel, InputError, ParameterSweep, Party, simulate
from esim_jax.chunks import Span, chunk_bytes, make_cutter, program_for
from esim_jax.config import read_parameters
from esim_jax.counts.ballots import count_ballots
from esim_jax.counts.profile import Profile
from esim_jax.limit import expected_ballots
from esim_jax.model.grid import voter_grid
from esim_jax.model.law import cell_laws
from esim_jax.model.ranking_law import order_law
from esim_jax.model.scenario import Scenario, options, seed_scenarios, stack_scenarios
from esim_jax.multinomial import draw_ballots
from esim_jax.names import ONE_WINNER, SEVERAL_WINNERS
from esim_jax.plan import make_plan
from esim_jax.ranking_types import Rules, ballot_types, ranking_law, rules_of, types_for
from esim_jax.rows import tabulate_constituencies

FALSE_ALARM = 1e-3 / 200
"""A right program fails any of the file's comparisons (fewer than 200) with probability below 1e-3, once and for all,
since seeds are fixed."""
K = float(stats.norm.isf(FALSE_ALARM / 2))

PARTIES = [
    Party("A", -0.3, 0.1, 50, incumbent=True), Party("B", 0.35, -0.1, 50), Party("C", 0.0, 0.3, 45),
    Party("D", 0.1, -0.4, 47), Party("E", -0.2, -0.2, 40), Party("F", 0.5, 0.4, 44), Party("G", 0.0, 0.0, 30),
]  # fmt: skip
FOUR = {"parties": PARTIES[:4], "temperature": 0.2, "indifference_threshold": 0.35, "alienation_threshold": 0.0}


def stacked(**given):
    parameters = read_parameters(given)
    return stack_scenarios([parameters], [0], len(options(parameters)))


def scenario(**given):
    return Scenario(*(field[0] for field in stacked(**given)))


# --- the law ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "n_approved"),
    [
        ({**FOUR, "include_nota": True}, 0),
        ({**FOUR, "include_nota": True}, 4),
        ({"parties": PARTIES[:6]}, 0),
    ],
)
def test_first_places_add_up_to_the_law_of_a_vote(given, n_approved):
    law = np.asarray(order_law(scenario(**given), n_approved))
    votes = jax.device_get(cell_laws(stacked(**given))).probability[0]
    n = len(votes)
    orders = [*permutations(range(n))]
    assert law.dtype == np.float64
    assert law.shape == (1 << n_approved, len(orders))
    assert law.min() >= 0
    first = [law[:, [order[0] == j for order in orders]].sum() for j in range(n)]
    np.testing.assert_allclose(first, votes, rtol=0, atol=1e-13)


@pytest.mark.slow
def test_near_temperature_zero():
    """Where the law is extrapolated: at whole temperatures against a grid twice as fine, and by first places."""
    given = {**FOUR, "temperature": 1e-4}
    votes = jax.device_get(cell_laws(stacked(**given))).probability[0]
    with jax.enable_x64(True):
        fine = jax.tree.map(jax.numpy.asarray, voter_grid(1024))
        usual, fine = (np.asarray(order_law(scenario(**given), 0, *grid))[0] for grid in ((), (fine,)))
    assert np.abs(usual - fine).max() < 5e-5
    np.testing.assert_allclose(usual.reshape(4, 6).sum(axis=1), votes, rtol=0, atol=5e-5)


def test_probabilities_of_orders_at_every_node():
    """A plain sum over the nodes of a coarse grid, where nobody is alienated or indifferent."""
    given = {"parties": PARTIES[:5], "temperature": 0.4, "indifference_threshold": -1, "alienation_threshold": -100}
    s, grid = scenario(**given), voter_grid(8)
    expected = Counter()
    for x, row in zip(grid.node, grid.turnout[0], strict=True):
        for y, weight in zip(grid.node, row, strict=True):
            distance = np.hypot(x - s.position_x.astype(float), y - s.position_y.astype(float))
            strength = np.exp((0.01 * s.valence.astype(float) - distance) / float(s.temperature))
            for order in permutations(range(5)):
                left, chance = strength.sum(), weight
                for option in order:
                    chance, left = chance * strength[option] / left, left - strength[option]
                expected[order] += chance
    with jax.enable_x64(True):
        law = np.asarray(order_law(s, grid=jax.tree.map(jax.numpy.asarray, grid)))[0]
    np.testing.assert_allclose(law, [expected[order] for order in permutations(range(5))], rtol=0, atol=1e-12)


def test_whom_two_parties_voters_approve_of():
    """The better one, who changes at x = 0: an edge of cells, and inside of them on a grid of odd size.

    The second has the error of h^2 / 24 times the slope of the density, at a cell's width h four times the usual.
    """
    given = {"parties": [Party("Left", -0.5), Party("Right", 0.5)], "indifference_threshold": -1.0}
    even, odd = (voter_grid(cells) for cells in (128, 129))
    share = even.turnout[0][even.node < 0].sum()
    with jax.enable_x64(True):
        for grid, error in ((even, 1e-7), (odd, 2e-5)):
            law = np.asarray(order_law(scenario(**given), 2, jax.tree.map(jax.numpy.asarray, grid))).sum(axis=1)
            np.testing.assert_allclose(law, [0, share, law.sum() - share, 0], rtol=0, atol=error)


def test_ballots_are_what_is_left_of_an_order():
    ballots, place = ballot_types(Rules(4, 3, 2, False))  # option 3 is none of the above
    orders = [*permutations(range(4))]

    def ballot(order):
        first, number = divmod(int(place[0, orders.index(order)]), 128)
        assert first == order[0]
        return ballots[first][number]

    assert ballot((2, 0, 1, 3)) == (2, 0)
    assert ballot((2, 3, 0, 1)) == (2,)
    assert ballot((3, 2, 0, 1)) == ()
    assert [len(of) for of in ballots] == [3, 3, 3, 1]
    sets, place = ballot_types(Rules(4, 3, 2, True))
    first, number = divmod(int(place[0b110, orders.index((2, 0, 1, 3))]), 128)
    assert sets[first][number] == (1, 2)
    first, number = divmod(int(place[0b111, orders.index((0, 3, 1, 2))]), 128)
    assert sets[first][number] == (0,)
    assert max(len(of) for n in range(1, 7) for of in ballot_types(Rules(n, n, 15, True))[0]) <= 128
    assert types_for(6) == sum(len(of) for of in ballot_types(Rules(6, 6, 15, False))[0])


@lru_cache
def law_of_ballots(system, **given):
    """The probability of each ballot, whatever the first preference; that of the empty one with abstention."""
    given = {**FOUR, "include_nota": True, "electoral_system": system, **given}
    s = scenario(**given)
    law, ballots = ranking_law(s), ballot_types(rules_of(s))[0]
    votes = jax.device_get(cell_laws(stacked(**given))).probability[0]
    np.testing.assert_allclose(law.share.sum(axis=1), 1, rtol=0, atol=1e-14)
    total = Counter({(): 1 - votes.sum()})
    for j, mine in enumerate(ballots):
        assert np.all(law.share[j, len(mine) :] == 0)
        for number, ballot in enumerate(mine):
            total[ballot] += votes[j] * law.share[j, number]
    return total


@pytest.mark.parametrize(
    ("system", "ballot_length", "approval_count"),
    [("IRV", 15, 0), ("IRV", 2, 3), ("approval", 15, 0), ("approval", 2, 0), ("approval", 15, 2), ("approval", 1, 2)],
)
def test_voters_cast_such_ballots(system, ballot_length, approval_count):
    """50,000 voters of the engine that draws them, one constituency."""
    beside = {"ballot_length": ballot_length, "approval_count": approval_count}
    law = law_of_ballots(system, **beside)
    if system == "approval":
        law, of_orders = Counter(), law
        for ballot, share in of_orders.items():
            law[tuple(sorted(ballot))] += share
    given = {**FOUR, "include_nota": True, "electoral_system": system, **beside}
    kind = "approvals" if system == "approval" else "rankings"
    words, _ = keep((kind,), **given, n_voters=50_000, n_constituencies=1)
    if system == "approval":
        ballots = [np.flatnonzero(of) for of in approvals_of(words[kind], 5).reshape(-1, 5)[:50_000]]
    else:
        ballots = [of[of >= 0] for of in rankings_of(words[kind]).reshape(-1, 8)[:50_000]]
    cast = Counter(tuple(ballot.tolist()) for ballot in ballots)
    assert {*cast} <= {*law}
    assert as_expected([cast[ballot] for ballot in law], 50_000 * np.array([*law.values()])) > FALSE_ALARM


def as_expected(counts, expected):
    """p-value of a chi-square; cells in which fewer than five are expected are one."""
    counts, rare = np.array(counts), expected < 5
    pooled = np.append(expected[~rare], expected[rare].sum())
    found = np.append(counts[~rare], counts[rare].sum())
    return stats.chisquare(found[pooled > 0], pooled[pooled > 0]).pvalue


# --- ballots by type -------------------------------------------------------------------------------------------------


@lru_cache
def drawn():
    """Ballots of 64 constituencies in each of two configurations, some of them large and some empty."""
    given = [{**FOUR, "include_nota": True, "n_voters": 1_000}, {"parties": PARTIES[:5], "temperature": 0.05}]
    laws = [ranking_law(scenario(**one)) for one in given]
    law = type(laws[0])(*(np.stack([one[:5, :24] for one in fields]) for fields in zip(*laws, strict=True)))
    scenarios = stack_scenarios([read_parameters(one) for one in given], [0, 0], 5)._replace(
        key_high=np.uint32([3, 3]), key_low=np.uint32([1, 2])
    )
    simulation, number = np.repeat(np.arange(2), 64), np.tile(np.arange(64, dtype=np.uint32), 2)
    votes = np.random.default_rng(4).integers(0, 40_000, (128, 5))
    votes[::5, 0], votes[3] = 400_000_000, 0
    place = np.arange(2)
    with jax.enable_x64(True):
        ballots = jax.device_get(jax.jit(draw_ballots)(scenarios, simulation, number, votes, law, place))
        expected = jax.device_get(jax.jit(expected_ballots)(simulation, votes, law, place))
    return law, votes, ballots, expected


def test_types_sum_to_the_first_preferences():
    law, votes, ballots, expected = drawn()
    counts = ballots.counts.reshape(128, 5, 24)
    assert counts.dtype == np.int64
    assert counts.min() >= 0
    np.testing.assert_array_equal(counts.sum(axis=2), votes)
    assert not counts[np.repeat(law.share, 64, axis=0) == 0].any()
    np.testing.assert_array_equal(ballots.rankings[0].reshape(128, 5, 24), np.repeat(law.ballot, 64, axis=0))
    assert np.abs(4 * expected.counts.reshape(128, 5, 24).sum(axis=2) - votes).max() <= 4 * 24 / 2


def test_types_are_multinomial():
    """In sum over constituencies, and in the spread between them."""
    law, votes, ballots, _ = drawn()
    counts, votes = ballots.counts.reshape(2, 64, 5, 24), votes.reshape(2, 64, 5)
    for c in range(2):
        for j in range(5):
            if (law.share[c, j] > 0).sum() == 1:
                continue  # who likes none of the above best
            total = as_expected(counts[c, :, j].sum(axis=0), votes[c, :, j].sum() * law.share[c, j])
            assert total > FALSE_ALARM
            of_each = [
                as_expected(*pair)
                for pair in zip(counts[c, :, j], votes[c, :, j, None] * law.share[c, j], strict=True)
                if pair[1].sum() > 1_000
            ]
            assert len(of_each) > 50
            assert stats.kstest(of_each, "uniform").pvalue > FALSE_ALARM


# --- elections -------------------------------------------------------------------------------------------------------


def run(swept, fixed, n_runs, **options):
    options = {"seed": 11, "verbose": False, **options}
    runner = BatchRunner(ElectionModel, ParameterSweep(swept, fixed), n_runs_per_config=n_runs, **options)
    return runner.run(), runner.party_results()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("systems", "given"),
    [
        (["IRV", "approval"], {**FOUR, "include_nota": True}),
        (["approval"], {**FOUR, "approval_count": 2}),
        (["STV"], {**FOUR, "district_magnitude": 2, "ballot_length": 3}),
    ],
)
def test_elections_are_those_of_voters(systems, given):
    """Means and spreads of seats, votes and metrics over 600 elections of 1,500 voters in three constituencies."""
    n_runs, fixed = 600, {**given, "n_voters": 1_500, "n_constituencies": 3}
    results, by_party = run({"engine": ["voters", "multinomial"], "electoral_system": systems}, fixed, n_runs)
    for system in systems:
        results_of, parties_of = (
            [frame.filter(pl.col("engine") == engine, pl.col("electoral_system") == system) for engine in ENGINES]
            for frame in (results, by_party.join(results.select("config_idx", "run_idx", *SWEPT), KEYS))
        )
        numbers = [[frame[name].to_numpy() for frame in results_of] for name in METRICS]
        for party in by_party["party"].unique(maintain_order=True):
            mine = [frame.filter(pl.col("party") == party) for frame in parties_of]
            numbers += [[frame[column].to_numpy().astype(float) for frame in mine] for column in ("seats", "votes")]
        for voters, types in numbers:
            assert len(voters) == len(types) == n_runs
            for a, b in ((voters, types), ((voters - voters.mean()) ** 2, (types - types.mean()) ** 2)):
                error = ((a.var(ddof=1) + b.var(ddof=1)) / n_runs) ** 0.5
                assert abs(a.mean() - b.mean()) <= K * error


ENGINES, SWEPT, KEYS = ("voters", "multinomial"), ("engine", "electoral_system"), ["config_idx", "run_idx"]


@lru_cache
def of_many_systems():
    """An infinite electorate, and the largest there is, in one constituency."""
    fixed = {"parties": PARTIES[:4], "n_voters": 2**31 - 1, "n_constituencies": 1, "temperature": 0.2}
    one = run(
        {"engine": ["limit", "multinomial"], "electoral_system": ["IRV", "approval", "Schulze", "Borda"]}, fixed, 2
    )
    fixed = {**fixed, "district_magnitude": 2}
    # two sizes, so that there are as many elections and laws as above: the same programs draw the ballots
    sizes = {"n_voters": [10**9, fixed.pop("n_voters")]}
    several = run({"engine": ["limit", "multinomial"], "electoral_system": ["STV", "STV_Meek"], **sizes}, fixed, 2)
    return one, several


@pytest.mark.slow
def test_infinite_and_huge_electorates_do_what_the_law_says():
    """The plain rules count ten million ballots in the law's proportions."""
    for (_, by_party), n_seats in zip(of_many_systems(), (None, 2), strict=True):
        systems = ["STV", "STV_Meek"] if n_seats else ["IRV", "approval", "Schulze", "Borda"]
        for number, system in enumerate(systems):
            law = law_of_ballots(
                system,
                parties=tuple(PARTIES[:4]),
                include_nota=False,
                indifference_threshold=0.3,
                alienation_threshold=-2.0,
            )
            profile = Profile.of(
                {tuple("ABCD"[p] for p in ballot): round(1e7 * share) for ballot, share in law.items() if ballot},
                candidates="ABCD",
            )
            elected = count_ballots(profile, system, n_seats).elected
            for engine in range(2):
                place = pl.col("config_idx") * len(systems) // 4
                mine = by_party.filter(place == engine * len(systems) + number, pl.col("seats") > 0)
                assert mine["seats"].sum() == 8 // len(systems) * (n_seats or 1)
                assert {name[0] for name in mine["party"]} == {*elected}, (system, engine)


@pytest.mark.slow
def test_rows_replay_and_chunks_change_nothing():
    """Lists of three and five parties share a program; a row with three held again has one of its own."""
    swept = {"parties": [PARTIES[:3], PARTIES[:5]], "n_voters": [20_000, 300]}
    fixed = {"engine": "multinomial", "electoral_system": "IRV", "n_constituencies": 3}
    results, by_party = run(swept, fixed, 2)
    cut = run(swept, fixed, 2, chunk_size=6)  # the same room, and count, as of the whole
    assert results.equals(cut[0])
    assert by_party.equals(cut[1])
    of_row = by_party.partition_by("config_idx", "run_idx", as_dict=True)
    for row in results.filter(pl.col("config_idx") < 2).iter_rows(named=True):
        again = ElectionModel(**fixed, **{name: row[name] for name in (*swept, "seed")}).run_election()
        mine = of_row[row["config_idx"], row["run_idx"]]
        assert again.vote_counts.tolist() == mine["votes"].to_list()
        assert again.seats.tolist() == mine["seats"].to_list()
        assert again.vse == row["vse"]


def test_first_preferences_are_the_same_under_every_system():
    given = {"parties": PARTIES[:3], "n_constituencies": 3, "n_voters": 20_000, "engine": "multinomial", "seed": 9}
    given |= {"ballot_length": 1}  # so that the seats are the same, too
    plurality, ranked = (ElectionModel(electoral_system=system, **given).run_election() for system in ("FPTP", "IRV"))
    np.testing.assert_array_equal(plurality.constituency_votes, ranked.constituency_votes)
    np.testing.assert_array_equal(plurality.seats, ranked.seats)


@pytest.mark.slow
def test_the_estimate_of_memory_is_from_above():
    """Of both programs of a chunk: what draws the ballots by type, and what counts them."""
    p = read_parameters({"parties": PARTIES[:5], "electoral_system": "STV", "engine": "multinomial"})
    load, one = make_cutter([p]).load((Span(0, 0, 64),)), np.zeros(64, int)
    plan = make_plan([p], program_for(p), jax.devices(), load)
    size = plan.capacity.simulations
    scenarios = seed_scenarios(plan.scenarios, one, np.arange(64, dtype=np.uint64), size)
    constituencies = tabulate_constituencies(
        plan.scenarios.n_voters[one], plan.scenarios.n_constituencies[one], plan.capacity, plan.magnitudes.of(one)
    )
    law, place = plan.laws.of(one, size)
    tally = np.zeros((plan.capacity.constituencies, 5), np.int64), np.zeros((size, 5), np.int64)
    with jax.enable_x64(True):
        rank = simulate._rank_law.jitted.trace("multinomial", scenarios, constituencies, tally[0], law.ranking, place)
        ballots = jax.tree.map(lambda out: np.zeros(out.shape, out.dtype), rank.out_info)
        decide = simulate._decide.jitted.trace(scenarios, constituencies, plan.systems, *tally, plan.metrics, ballots)
        rank, decide = (program.lower().compile().memory_analysis() for program in (rank, decide))
    used = max(rank.temp_size_in_bytes, decide.temp_size_in_bytes) + rank.argument_size_in_bytes
    used += rank.output_size_in_bytes + decide.output_size_in_bytes
    assert used < chunk_bytes(load, 5, program_for(p).kind) < 16 * used


@pytest.mark.parametrize("engine", ["multinomial", "limit"])
def test_more_than_six_options_are_refused(engine):
    for parties, nota, n in ((PARTIES, False, 7), (PARTIES[:6], True, 7)):
        for system in (*ONE_WINNER, *SEVERAL_WINNERS):
            with pytest.raises(
                InputError, match=f"engine = '{engine}' draws rankings of up to 6 options; there are {n}: "
            ):
                read_parameters(
                    {"parties": parties, "include_nota": nota, "electoral_system": system, "engine": engine}
                )
        read_parameters({"parties": parties, "include_nota": nota, "engine": engine})
    read_parameters({"parties": PARTIES[:6], "electoral_system": "IRV", "engine": engine})
    read_parameters({"parties": PARTIES[:5], "include_nota": True, "electoral_system": "IRV", "engine": engine})
