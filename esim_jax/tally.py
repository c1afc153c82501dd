"""Tallies: the voters of a chunk, drawn, asked and added up.

The only part whose cost grows with voters. Rows are walked in blocks; in a block everything from the random words to
the sums is one fused loop, so that no array of rows x voters exists. A voter once drawn is asked in several simulations
that share the electorate. Sums are integers (votes, and utility in fixed point), so they depend neither on the order of
rows nor on the number of devices.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Float, Int, UInt

from esim_jax.ask import appeal_of, ask_voters, draw_surroundings, draw_voters, prepare, voters_key, welfare_of
from esim_jax.model.frame import VoterTable
from esim_jax.model.scenario import Scenario
from esim_jax.model.voters import VoterModel
from esim_jax.random import Key
from esim_jax.rows import ROW_WIDTH, Constituencies, Rows, power_of_two

BLOCK_ROWS = {"cpu": (256, 1024), "gpu": (8192, 8192), "tpu": (1024, 1024)}
"""Fewest and most rows a block by platform: what fits a CPU's cache, large for a GPU's launches."""

_BLOCKS_A_DEVICE = 4  # at least, so that all devices have about as many rows

_SUMS_AT_ONCE = 48  # a loop that adds up more of them spills its registers and compiles for long


_SEEN = (
    "temperature", "alienation_threshold", "indifference_threshold", "economic_growth", "national_mood",
    "anti_incumbency", "welfare_scale", "position_x", "position_y", "further", "valence",
    "incumbent", "weight", "numbers",
)  # fmt: skip
"""Fields of a scenario that voters see, float32."""


def seen_by(model: VoterModel) -> tuple[str, ...]:
    """Fields of a scenario that the model's voters see."""
    seen = (*_SEEN, "eligible") if model.local or model.identified else _SEEN
    return (*seen, "unevenness") if model.geography else seen


def rows_at_once(platform: str, n_rows: int, n_devices: int, at_once: int) -> int:
    """Rows a block. It can't change a result.

    A block is shared out among a CPU's cores anew each time, so that few and large ones cost less; measured 1.1 to 1.2
    times as fast on two cores. Where several simulations are asked, a large block leaves the cache between them.

    Args:
        platform: of the devices.
        n_rows: capacity of the row table, a power of two.
        n_devices: among which the blocks are dealt.
        at_once: simulations asked in one pass.

    >>> [rows_at_once("cpu", n_rows, 1, 1) for n_rows in (256, 2048, 2**17)], rows_at_once("cpu", 2**17, 1, 7)
    ([256, 512, 1024], 256)
    """
    fewest, most = BLOCK_ROWS[platform]
    if platform == "cpu" and n_devices > 1:
        most *= 4  # devices that share threads take longer turns; measured 1.05 times as fast for two
    return fewest if at_once > 1 else min(most, max(fewest, n_rows // power_of_two(_BLOCKS_A_DEVICE * n_devices)))


def members_at_once(most_members: int, n_parties: int) -> int:
    """Simulations that a block asks in one pass: in as few passes as possible, and as evenly.

    >>> members_at_once(1, n_parties=3), members_at_once(8, n_parties=3), members_at_once(25, n_parties=3)
    (1, 8, 7)
    """
    passes = -(-most_members // max(1, _SUMS_AT_ONCE // (2 * n_parties)))
    return -(-most_members // passes)


def tally_block(
    scenario: Scenario,
    model: VoterModel,
    key: Key,
    n_voters: Int[Array, " row"],
    first_voter: UInt[Array, " row"],
    table: VoterTable | None = None,
    constituency: UInt[Array, " row"] | None = None,
    outlook: Float[Array, "row member party"] | None = None,
    *,
    surveyed: bool = False,
) -> tuple[Int[Array, "row member party"], Int[Array, "row member party"]]:
    """Votes and welfare of each row of a block in each of some simulations, int32.

    Args:
        scenario: of each row's simulations: what voters see has the shape (row, member, ...).
        model: of the voters.
        key: of each row's electorate.
        n_voters: int32 voters from the row's first place on; surplus lanes take no part. Not above 0 for an empty row.
        first_voter: uint32 index within the electorate of the row's first voter.
        table: of voters who are given.
        constituency: uint32 number of each row's constituency, for models whose voters it matters to.
        outlook: log of each party's viability, for strategic voters.
        surveyed: whether voters are asked before the election, see `esim_jax.ask.Surroundings`.

    Returns:
        Votes of each party, and the sum of its utility over all voters in units of 1 / welfare_scale; 0 in a survey.
    """
    _, n_members, n_parties = scenario.weight.shape
    of_voters = voters_key(model, key, surveyed)
    voters, index, present = draw_voters(scenario, model, of_voters, n_voters, first_voter, table)
    beside = draw_surroundings(scenario, model, key, constituency, of_voters, index)

    appeal = appeal_of(scenario, model, beside)
    votes, welfare = [], []
    for m in range(n_members):
        s = scenario._replace(**{name: getattr(scenario, name)[:, m, None] for name in seen_by(model)})
        beside = beside._replace(outlook=None if outlook is None else outlook[:, m, None], surveyed=surveyed)
        asked = ask_voters(s, model, voters, appeal[:, m, None], beside)
        votes += [ballot.astype(jnp.int32) for ballot in asked.ballots.up_to]
        if not surveyed:
            welfare += [jnp.where(present, w, 0) for w in welfare_of(model, asked.utility, s.welfare_scale)]
    sums = lax.reduce(
        (*votes, *welfare),
        (np.int32(0),) * (len(votes) + len(welfare)),
        lambda a, b: tuple(x + y for x, y in zip(a, b, strict=True)),
        (1,),
    )

    def of_members(sums: Sequence[Array]) -> Array:
        return jnp.stack(sums, axis=-1).reshape(-1, n_members, n_parties)

    running = of_members(sums[: len(votes)])
    total = jnp.zeros_like(running) if surveyed else of_members(sums[len(votes) :])
    return jnp.diff(running, axis=-1, prepend=np.int32(0)), total


class Block(NamedTuple):
    """Some rows of the table, as the kernel reads them."""

    place: Int[Array, " row"]  # in the table of the electorates' constituencies
    electorate: Int[Array, " row"]
    key: Key  # of the electorate
    n_voters: Int[Array, " row"]  # from the row's first place on; not above 0 for an empty row
    first_voter: UInt[Array, " row"]  # index within the electorate


def look_up_rows(scenarios: Scenario, rows: Rows, start: Int[Array, ""], block_rows: int) -> Block:
    """The rows from `start` on."""
    place = lax.dynamic_slice_in_dim(rows.place, start, block_rows)
    row = start + jnp.arange(block_rows, dtype=jnp.int32)
    skipped = (row - rows.first_row[place]) * np.int32(ROW_WIDTH)
    # an empty constituency stays empty, even where the product above has overflowed
    n_voters = jnp.where(rows.n_voters[place] > 0, rows.n_voters[place] - skipped, 0)
    electorate = rows.electorate[place]
    owner = rows.member[rows.first_member[electorate]]
    key = (scenarios.key_high[owner], scenarios.key_low[owner])
    return Block(place, electorate, key, n_voters, rows.first_voter[place] + skipped.astype(jnp.uint32))


def pack_seen(scenarios: Scenario, seen: tuple[str, ...]) -> Float[Array, "simulation number"]:
    """What voters see of each scenario, side by side: a row of the table looks it up once, not field by field."""
    n = len(scenarios.weight)
    fields = [getattr(scenarios, name) for name in seen]
    return jnp.concatenate([field.reshape(n, math.prod(field.shape[1:])) for field in fields], axis=-1)


def unpack_seen(numbers: Float[Array, "row member number"], scenarios: Scenario, seen: tuple[str, ...]) -> Scenario:
    """The scenarios that were looked up; fields that voters don't see stay those of the chunk."""
    fields, start = {}, 0
    for name in seen:
        shape = getattr(scenarios, name).shape[1:]
        width = math.prod(shape)
        fields[name] = numbers[..., start : start + width].reshape(numbers.shape[:-1] + shape)
        start += width
    return scenarios._replace(**fields)


def tally_rows(
    scenarios: Scenario,
    constituencies: Constituencies,
    rows: Rows,
    block_rows: int,
    at_once: int,
    first_block: Int[Array, ""] | int,
    n_devices: int,
    model: VoterModel,
    outlook: Float[Array, "constituency party"] | None = None,
    surveyed: bool = False,
) -> tuple[Int[Array, "constituency party"], Int[Array, "simulation party"]]:
    """Votes by constituency and welfare by simulation, int64, over every n_devices-th block.

    Args:
        scenarios: of each simulation of the chunk.
        constituencies: of all simulations.
        rows: the chunk's row table.
        block_rows: rows a block; divides the table's capacity.
        at_once: simulations asked in one pass over a block; it can't change a result.
        first_block: the first block to add up: the device's number.
        n_devices: the step from block to block.
        model: of the voters.
        outlook: log of each party's viability, for strategic voters.
        surveyed: whether voters are asked before the election; welfare is then 0.
    """
    scenarios = prepare(scenarios, model)
    n_blocks = (rows.n_rows + np.int32(block_rows - 1)) // np.int32(block_rows)
    mine = (n_blocks - first_block + np.int32(n_devices - 1)) // np.int32(n_devices)

    def add_block(step: Int[Array, ""], tally: Array) -> Array:
        start = (first_block + step * np.int32(n_devices)) * np.int32(block_rows)
        block = look_up_rows(scenarios, rows, start, block_rows)
        n_members = jnp.where(block.n_voters > 0, rows.n_members[block.electorate], 0)

        def add_members(turn: Int[Array, ""], tally: Array) -> Array:
            index = turn * np.int32(at_once) + jnp.arange(at_once, dtype=jnp.int32)
            takes_part = (index < n_members[:, None])[..., None]
            simulation = rows.member[rows.first_member[block.electorate][:, None] + index]
            number, chances = None, None
            if model.local:
                number = rows.number[block.place].astype(jnp.uint32)
            if outlook is not None:
                chances = outlook[constituencies.first[simulation] + rows.number[block.place][:, None]]
            behaviour, key, n_voters, first_voter, number, chances = lax.optimization_barrier(
                (numbers[simulation], block.key, block.n_voters, block.first_voter, number, chances)
            )
            asked = unpack_seen(behaviour, scenarios, seen)
            of_rows = key, n_voters, first_voter, rows.table, number, chances
            votes, welfare = tally_block(asked, model, *of_rows, surveyed=surveyed)
            constituency = constituencies.first[simulation] + rows.number[block.place][:, None]
            both = jnp.concatenate([votes, welfare], axis=-1)  # scattered together, which no second core helps with
            return tally.at[constituency].add(jnp.where(takes_part, both, 0).astype(jnp.int64))

        turns = (rows.most_members + np.int32(at_once - 1)) // np.int32(at_once)
        return lax.fori_loop(np.int32(0), turns, add_members, tally)

    n_simulations, n_parties = scenarios.weight.shape
    seen = seen_by(model)
    numbers = pack_seen(scenarios, seen)
    empty = jnp.zeros((constituencies.simulation.shape[0], 2 * n_parties), jnp.int64)
    tally = lax.fori_loop(np.int32(0), mine, add_block, empty)
    votes, welfare = tally[:, :n_parties], tally[:, n_parties:]
    return votes, jax.ops.segment_sum(welfare, constituencies.simulation, n_simulations)
