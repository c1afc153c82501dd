"""Tallies: the voters of a chunk, drawn, asked and added up.

The only part whose cost grows with voters. Rows are walked in blocks; in a block everything from the random words to
the sums is one fused loop, so that no array of rows x voters exists. Sums are integers (votes, and utility in fixed
point), so they depend neither on the order of rows nor on the number of devices.
"""

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Float, Int, UInt

from esim_jax.model.ballots import cast_plurality_ballots
from esim_jax.model.electorate import draw_electorate
from esim_jax.model.scenario import Scenario
from esim_jax.model.utility import incumbency_effect, party_utility
from esim_jax.rows import ROW_WIDTH, Rows

BLOCK_ROWS = {"cpu": 128, "gpu": 8192, "tpu": 1024}
"""Rows a block by platform: small for a CPU's cache, large for a GPU's launches. It can't change a result."""


def tally_block(scenario: Scenario, n_voters: Int[Array, " row"], first_voter: UInt[Array, " row"]) -> tuple[
    Int[Array, "row party"], Int[Array, "row party"]
]:  # fmt: skip
    """Votes and welfare of each row of a block, int32.

    Args:
        scenario: of each row.
        n_voters: int32 voters from the row's first place on; surplus lanes take no part. Not above 0 for an empty row.
        first_voter: uint32 index within the simulation of the row's first voter.

    Returns:
        Votes of each party, and the sum of its utility over all voters in units of 1 / welfare_scale.
    """
    lane = jnp.arange(ROW_WIDTH, dtype=jnp.int32)[None, :]
    s = Scenario(*(jnp.expand_dims(field, 1) for field in scenario))
    n_parties = scenario.weight.shape[-1]
    parties = range(n_parties)

    key = (s.key_high, s.key_low)
    voters, word = draw_electorate(key, first_voter[:, None] + lane.astype(jnp.uint32))
    effect = incumbency_effect(s.economic_growth, s.national_mood, s.anti_incumbency)
    # the appeal is computed once a row, before the loop over voters
    appeal = lax.optimization_barrier(np.float32(0.01) * s.valence + s.incumbent * effect[..., None])
    utility = [
        party_utility(voters.x, voters.y, s.position_x[..., j], s.position_y[..., j], appeal[..., j]) for j in parties
    ]
    ballots = cast_plurality_ballots(
        word,
        utility,
        [s.weight[..., j] for j in parties],
        voters.turnout,
        s.temperature,
        s.alienation_threshold,
        s.indifference_threshold,
    )
    present = lane < n_voters[:, None]
    up_to = [(present & ballot).astype(jnp.int32) for ballot in ballots.up_to]
    welfare = [jnp.where(present, _fixed_point(u, s.welfare_scale), 0) for u in utility]
    sums = lax.reduce(
        (*up_to, *welfare),
        (np.int32(0),) * (2 * n_parties),
        lambda a, b: tuple(x + y for x, y in zip(a, b, strict=True)),
        (1,),
    )
    running = jnp.stack(sums[:n_parties], axis=-1)
    return jnp.diff(running, axis=-1, prepend=np.int32(0)), jnp.stack(sums[n_parties:], axis=-1)


def _fixed_point(utility: Float[Array, "..."], scale: Float[Array, "..."]) -> Int[Array, "..."]:
    return jnp.round(utility * scale).astype(jnp.int32)


def tally_rows(
    scenarios: Scenario, rows: Rows, block_rows: int, first_block: Int[Array, ""] | int, n_devices: int
) -> tuple[Int[Array, "constituency party"], Int[Array, "simulation party"]]:
    """Votes by constituency and welfare by simulation, int64, over every n_devices-th block.

    Args:
        scenarios: of each simulation of the chunk.
        rows: the chunk's row table.
        block_rows: rows a block; divides the table's capacity.
        first_block: the first block to add up: the device's number.
        n_devices: the step from block to block.
    """
    n_simulations, n_parties = scenarios.weight.shape
    n_blocks = (rows.n_rows + np.int32(block_rows - 1)) // np.int32(block_rows)
    mine = (n_blocks - first_block + np.int32(n_devices - 1)) // np.int32(n_devices)

    def add_block(step: Int[Array, ""], tally: tuple[Array, Array]) -> tuple[Array, Array]:
        start = (first_block + step * np.int32(n_devices)) * np.int32(block_rows)
        constituency = lax.dynamic_slice_in_dim(rows.constituency, start, block_rows)
        row = start + jnp.arange(block_rows, dtype=jnp.int32)
        skipped = (row - rows.first_row[constituency]) * np.int32(ROW_WIDTH)
        simulation = rows.simulation[constituency]
        gathered = (
            Scenario(*(field[simulation] for field in scenarios)),
            # an empty constituency stays empty, even where the product above has overflowed
            jnp.where(rows.n_voters[constituency] > 0, rows.n_voters[constituency] - skipped, 0),
            rows.first_voter[constituency] + skipped.astype(jnp.uint32),
        )
        votes, welfare = tally_block(*lax.optimization_barrier(gathered))
        return (
            tally[0].at[constituency].add(votes.astype(jnp.int64)),
            tally[1].at[simulation].add(welfare.astype(jnp.int64)),
        )

    empty = (
        jnp.zeros((rows.simulation.shape[0], n_parties), jnp.int64),
        jnp.zeros((n_simulations, n_parties), jnp.int64),
    )
    return lax.fori_loop(np.int32(0), mine, add_block, empty)
