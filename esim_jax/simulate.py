"""The compiled programs: a chunk of elections from its scenarios to its tallies, one program an engine, and from the
tallies to the outcome, one program for all.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from threading import Thread
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Bool, Float, Int

from esim_jax.allot import allot_seats
from esim_jax.ballot_box import BallotBox, TypedBox
from esim_jax.laws import VoterLaw
from esim_jax.limit import ELECTORATE, WELFARE_UNIT, expected_ballots, expected_tallies
from esim_jax.measure import measure
from esim_jax.metrics.registry import DEFAULT_METRICS, METRICS
from esim_jax.model.candidates import count_candidates
from esim_jax.model.law import CellLaw
from esim_jax.model.scenario import Scenario
from esim_jax.model.voters import DEMOGRAPHIC, VoterModel
from esim_jax.multinomial import draw_ballots, draw_tallies
from esim_jax.outlook import log_viability_known
from esim_jax.packing import Ballots, no_ballots
from esim_jax.poll import Polls, constituency_of_rows, poll_rows
from esim_jax.programs import CompiledFunction
from esim_jax.ranking_types import RankingLaw, TypedBallots
from esim_jax.rows import Constituencies, Rows
from esim_jax.seats import PerParty
from esim_jax.systems import System
from esim_jax.systems.rankings import number_at, one_vote
from esim_jax.systems.staged import sum_lanes
from esim_jax.tally import members_at_once, rows_at_once, tally_rows


class Outcome(NamedTuple):
    """What a chunk of elections comes to. Counts are int64, metrics float64."""

    votes: Int[Any, "simulation party"]
    seats: Int[Any, "simulation party"]
    metrics: dict[str, Float[Any, " simulation"]]  # those that are asked for, see `esim_jax.metrics.registry`
    vacant_seats: Int[Any, " simulation"]  # seats for which nobody voted
    threshold_waived: Bool[Any, " simulation"]  # no party reached the threshold, so it was not applied
    constituency_votes: Int[Any, "constituency party"]


def simulate_voters(
    scenarios: Scenario,
    constituencies: Constituencies,
    rows: Rows,
    systems: tuple[System, ...],
    devices: Sequence[jax.Device],
    model: VoterModel = DEMOGRAPHIC,
    metrics: tuple[str, ...] = DEFAULT_METRICS,
    polls: Polls | None = None,
) -> Outcome:
    """Holds all elections of a chunk, voter by voter; returns at once, with arrays that are still being computed.

    Args:
        scenarios: stacked over the chunk's simulations, NumPy arrays.
        constituencies: of all simulations.
        rows: the row table of the chunk's polls; surplus rows lie in an empty constituency.
        systems: those in use; a scenario's `system` points into it.
        devices: over which the rows are shared out. Their number does not change the outcome.
        model: of the voters.
        metrics: names of those to compute.
        polls: who is asked once for which simulations; by default each simulation has a poll of its own.
    """
    if polls is None:
        polls = Polls(scenarios, constituencies, np.arange(len(scenarios.weight), dtype=np.int32))
    at_once = members_at_once(int(rows.most_members), scenarios.weight.shape[-1])
    mesh = _mesh(tuple(devices))
    block_rows = rows_at_once(devices[0].platform, len(rows.place), len(devices), at_once)
    kinds = _kinds_of_ballots(systems, metrics)
    decide_compiled = _compile_beside(scenarios, constituencies, polls, rows, systems, mesh, metrics, model.candidates)
    with jax.enable_x64(True):  # 64-bit integers for counts, double precision for metrics; voters stay in 32 bits
        asked = polls.scenarios, polls.constituencies, rows, mesh
        outlook = _survey_voters(*asked, block_rows, at_once, model) if model.strategic else None
        ballots = _poll_voters(*asked, model, kinds, outlook) if kinds else None
        if ballots is not None and _say_all(polls.scenarios, kinds, metrics, model):
            tally = _tally_first_places(polls.scenarios, polls.constituencies, ballots, kinds)
        else:
            tally = _tally_voters(*asked, block_rows, at_once, model, outlook)
        decide_compiled.join()
        return _decide(scenarios, constituencies, systems, *tally, metrics, ballots, polls, model.candidates)


def simulate_law(
    engine: str,
    scenarios: Scenario,
    constituencies: Constituencies,
    law: VoterLaw,
    place: Int[Any, " simulation"],
    systems: tuple[System, ...],
    device: jax.Device,
    metrics: tuple[str, ...] = DEFAULT_METRICS,
) -> Outcome:
    """Holds all elections of a chunk from the law of a voter; returns like `simulate_voters`.

    Args:
        engine: "multinomial" or "limit".
        scenarios: stacked over the chunk's simulations, NumPy arrays.
        constituencies: of all simulations.
        law: stacked over configurations.
        place: of each simulation's law.
        systems: those in use; a scenario's `system` points into it.
        device: which computes it. It does not change the outcome.
        metrics: names of those to compute.
    """
    with jax.enable_x64(True):
        scenarios, constituencies, law, place = jax.device_put((scenarios, constituencies, law, place), device)
        tally = _tally_law(engine, scenarios, constituencies, law.choice, place)
        ranking = law.ranking
        ballots = None if ranking is None else _rank_law(engine, scenarios, constituencies, tally[0], ranking, place)
        if engine == "limit":
            unit = scenarios.welfare_scale * np.float32(WELFARE_UNIT / ELECTORATE)
            scenarios = scenarios._replace(n_voters=np.full(place.shape, ELECTORATE), welfare_scale=unit)
        return _decide(scenarios, constituencies, systems, *tally, metrics, ballots)


@lru_cache
def _mesh(devices: tuple[jax.Device, ...]) -> Mesh:
    return Mesh(np.array(devices), ("device",))


def put_everywhere(arrays: Any, devices: Sequence[jax.Device]) -> Any:
    """The arrays on each of the devices."""
    return jax.device_put(arrays, NamedSharding(_mesh(tuple(devices)), PartitionSpec()))


_compiling: dict[tuple[Any, ...], Thread] = {}


def _compile_beside(
    scenarios: Scenario,
    constituencies: Constituencies,
    polls: Polls,
    rows: Rows,
    systems: tuple[System, ...],
    mesh: Mesh,
    metrics: tuple[str, ...],
    candidates: PerParty,
) -> Thread:
    """Compiles what decides such a chunk in a thread, once, while the caller compiles the tally on another core."""
    n_polls, n_parties = polls.scenarios.weight.shape
    n_constituencies = len(polls.constituencies.number)
    n_rows, kinds = len(rows.place), _kinds_of_ballots(systems, metrics)
    sizes = n_polls, n_constituencies, len(scenarios.weight), len(constituencies.number)
    key = *sizes, n_parties, n_rows if kinds else 0, systems, mesh, metrics, candidates
    if key not in _compiling:
        with jax.enable_x64(True):
            shapes = (n_constituencies, n_parties), (n_polls, n_parties)
            everywhere = NamedSharding(mesh, PartitionSpec())
            tally = jax.device_put([np.zeros(s, np.int64) for s in shapes], everywhere)
            n_options = count_candidates(n_parties, candidates)
            ballots = jax.device_put(no_ballots(kinds, n_rows, n_options), everywhere) if kinds else None
            finish = _decide.prepare(scenarios, constituencies, systems, *tally, metrics, ballots, polls, candidates)
        _compiling[key] = Thread(target=finish)
        _compiling[key].start()
    return _compiling[key]


def _compiled(static: tuple[int, ...]) -> Callable[[Callable[..., Any]], CompiledFunction]:
    return partial(CompiledFunction, static=static)


def _on_all_devices(share: Callable[..., Any], mesh: Mesh, *given: Any) -> Any:
    """What the devices of a mesh make together of arguments that all of them have."""
    everywhere = PartitionSpec()
    return jax.shard_map(share, mesh=mesh, in_specs=(everywhere,) * len(given), out_specs=everywhere, check_vma=False)(
        *given
    )


@_compiled(static=(3, 4, 5, 6))
def _tally_voters(
    scenarios: Scenario,
    constituencies: Constituencies,
    rows: Rows,
    mesh: Mesh,
    block_rows: int,
    at_once: int,
    model: VoterModel,
    outlook: Float[Array, "constituency party"] | None = None,
) -> tuple[Int[Array, "constituency party"], Int[Array, "simulation party"]]:
    def tally_share(
        scenarios: Scenario, constituencies: Constituencies, rows: Rows, outlook: Array | None = None
    ) -> tuple[Array, Array]:
        first = lax.axis_index("device").astype(jnp.int32)
        tally = tally_rows(scenarios, constituencies, rows, block_rows, at_once, first, mesh.size, model, outlook)
        return lax.psum(tally, "device")

    given = (scenarios, constituencies, rows, *(() if outlook is None else (outlook,)))
    return _on_all_devices(tally_share, mesh, *given)


@_compiled(static=(3, 4, 5, 6))
def _survey_voters(
    scenarios: Scenario,
    constituencies: Constituencies,
    rows: Rows,
    mesh: Mesh,
    block_rows: int,
    at_once: int,
    model: VoterModel,
) -> Float[Array, "constituency party"]:
    """What strategic voters learn of the parties' chances: a pass over the voters, or over others of the same law."""

    def survey_share(scenarios: Scenario, constituencies: Constituencies, rows: Rows) -> Array:
        first = lax.axis_index("device").astype(jnp.int32)
        step = block_rows, at_once, first, mesh.size
        votes, _ = tally_rows(scenarios, constituencies, rows, *step, model, surveyed=True)
        return log_viability_known(scenarios, constituencies, lax.psum(votes, "device"), model)

    return _on_all_devices(survey_share, mesh, scenarios, constituencies, rows)


def _kinds_of_ballots(systems: tuple[System, ...], metrics: tuple[str, ...]) -> tuple[str, ...]:
    """What must be kept of each voter's ballot besides the votes."""
    kinds = {system.ballots for system in systems} - {"votes"}
    return tuple(sorted(kinds | {"rankings" for name in metrics if METRICS[name].pairwise}))


def _say_all(scenarios: Scenario, kinds: tuple[str, ...], metrics: tuple[str, ...], model: VoterModel) -> bool:
    """Whether the ballots that are kept tell the votes, and nothing else of a voter counts.

    A ranking doesn't say that a vote was for none of the above, nor from which party a candidate is.
    """
    any_nota = bool((np.asarray(scenarios.weight > 0) & ~np.asarray(scenarios.eligible)).any())
    welfare = any(METRICS[name].welfare for name in metrics)
    return "rankings" in kinds and not model.several_candidates and not any_nota and not welfare


@_compiled(static=(3,))
def _tally_first_places(
    scenarios: Scenario, constituencies: Constituencies, ballots: Ballots, kinds: tuple[str, ...]
) -> tuple[Int[Array, "constituency party"], Int[Array, "simulation party"]]:
    """The votes that `_tally_voters` would find, from rankings that are kept anyway; no welfare."""
    n_parties = scenarios.weight.shape[-1]
    first = number_at(ballots.words(kinds, n_parties)["rankings"], 0)
    of_rows = sum_lanes(one_vote(first, n_parties))
    votes = jax.ops.segment_sum(of_rows, ballots.constituency, constituencies.simulation.shape[0])
    return votes, jnp.zeros(scenarios.weight.shape, jnp.int64)


@_compiled(static=(3, 4, 5))
def _poll_voters(
    scenarios: Scenario,
    constituencies: Constituencies,
    rows: Rows,
    mesh: Mesh,
    model: VoterModel,
    kinds: tuple[str, ...],
    outlook: Float[Array, "constituency party"] | None = None,
) -> Ballots:
    def poll_share(
        scenarios: Scenario, constituencies: Constituencies, rows: Rows, outlook: Array | None = None
    ) -> Ballots:
        n_rows = rows.place.shape[0] // mesh.size
        first_row = lax.axis_index("device").astype(jnp.int32) * np.int32(n_rows)
        of_rows = None if outlook is None else outlook[constituency_of_rows(constituencies, rows)]
        share = poll_rows(scenarios, rows, first_row, n_rows, model, kinds, of_rows)
        return Ballots(lax.all_gather(share, "device", tiled=True), constituency_of_rows(constituencies, rows))

    given = (scenarios, constituencies, rows, *(() if outlook is None else (outlook,)))
    return _on_all_devices(poll_share, mesh, *given)


@_compiled(static=(0,))
def _tally_law(
    engine: str, scenarios: Scenario, constituencies: Constituencies, law: CellLaw, place: Int[Array, " simulation"]
) -> tuple[Int[Array, "constituency party"], Int[Array, "simulation party"]]:
    draw = draw_tallies if engine == "multinomial" else expected_tallies
    where = constituencies.simulation, constituencies.number, constituencies.n_voters
    return draw(scenarios, *where, law, place)


@_compiled(static=(0,))
def _rank_law(
    engine: str,
    scenarios: Scenario,
    constituencies: Constituencies,
    votes: Int[Array, "constituency party"],
    law: RankingLaw,
    place: Int[Array, " simulation"],
) -> TypedBallots:
    if engine == "limit":
        return expected_ballots(constituencies.simulation, votes, law, place)
    return draw_ballots(scenarios, constituencies.simulation, constituencies.number, votes, law, place)


@_compiled(static=(2, 5, 8))
def _decide(
    scenarios: Scenario,
    constituencies: Constituencies,
    systems: tuple[System, ...],
    constituency_votes: Int[Array, "constituency party"],
    welfare: Int[Array, "simulation party"],
    metrics: tuple[str, ...] = DEFAULT_METRICS,
    ballots: Ballots | TypedBallots | None = None,
    polls: Polls | None = None,
    candidates: PerParty = 1,
) -> Outcome:
    """The outcome of elections whose votes are counted.

    Args:
        scenarios: of the simulations.
        constituencies: of the simulations.
        systems: those in use.
        constituency_votes: of the polls; of the simulations where there are none.
        welfare: likewise.
        metrics: names of those to compute.
        ballots: theirs, or of the simulations where there are none; where more is counted than first places.
        polls: who was asked.
        candidates: of the parties, on the ballots.
    """
    box: BallotBox | TypedBox | None = None
    if isinstance(ballots, TypedBallots):
        box = TypedBox(scenarios, constituencies, ballots)
    if polls is not None:
        of_poll = polls.constituencies.first[polls.of[constituencies.simulation]] + constituencies.number
        in_use = constituencies.n_voters > 0
        constituency_votes = jnp.where(in_use[:, None], constituency_votes[of_poll], 0)
        welfare = welfare[polls.of]
        if isinstance(ballots, Ballots):
            n_options = count_candidates(constituency_votes.shape[-1], candidates)
            words = ballots.words(_kinds_of_ballots(systems, metrics), n_options)
            box = BallotBox(polls, words, ballots.constituency, of_poll, in_use, candidates)
    votes = jax.ops.segment_sum(constituency_votes, constituencies.simulation, scenarios.weight.shape[0])
    seats = allot_seats(scenarios, constituencies, systems, constituency_votes, votes, box)
    return Outcome(
        votes=votes,
        seats=seats.seats,
        metrics=measure(metrics, scenarios, constituencies, systems, constituency_votes, votes, seats, welfare, box),
        vacant_seats=seats.vacant,
        threshold_waived=seats.threshold_waived,
        constituency_votes=constituency_votes,
    )
