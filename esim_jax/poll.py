"""The poll: the ranked ballots of a chunk's voters, drawn and kept.

A rule that eliminates parties looks at the ballots again and again. So one word a voter is kept here (two for more than
8 parties), unlike in `esim_jax.tally`. The first places are the votes that `tally_rows` adds up.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jaxtyping import Bool, Float, Int, UInt

from esim_jax.ask import appeal_of, ask_voters, draw_surroundings, draw_voters, prepare
from esim_jax.model.preferences import draw_lots, order_parties, put_first
from esim_jax.model.scenario import Scenario
from esim_jax.model.voters import VoterModel
from esim_jax.rows import ROW_WIDTH, Constituencies, Rows
from esim_jax.systems.rankings import Ranking, rank_parties, words_for
from esim_jax.systems.staged import RankedContest, StagedRule, count_rows
from esim_jax.tally import look_up_rows


class RankedBallots(NamedTuple):
    """One ballot a voter, in rows of the row table; an empty ballot for who isn't there or does not vote."""

    rankings: tuple[UInt[Any, "row lane"], ...]
    constituency: Int[Any, " row"]

    def seats_by(self, rule: StagedRule, contests: RankedContest) -> Int[Any, "constituency party"]:
        """Seats of each party in each constituency, int64."""
        return count_rows(rule, contests, self.rankings, self.constituency)


def no_ballots(n_rows: int, n_parties: int) -> RankedBallots:
    """As many empty ballots as a row table may have voters."""
    words = (np.zeros((n_rows, ROW_WIDTH), np.uint32),) * words_for(n_parties)
    return RankedBallots(words, np.zeros(n_rows, np.int32))


def constituency_of_rows(constituencies: Constituencies, rows: Rows) -> Int[Array, " row"]:
    """The constituency that each row of the table lies in, where no two simulations share an electorate."""
    electorate = rows.electorate[rows.place]
    simulation = rows.member[rows.first_member[electorate]]
    return constituencies.first[simulation] + rows.number[rows.place].astype(jnp.int32)


def poll_rows(
    scenarios: Scenario,
    rows: Rows,
    block_rows: int,
    first_block: Int[Array, ""] | int,
    n_devices: int,
    model: VoterModel,
    outlook: Float[Array, "row party"] | None = None,
) -> Ranking:
    """The rankings of the voters in every n_devices-th block, words of shape (row, lane); 0 elsewhere.

    Args:
        scenarios: of each simulation of the chunk.
        rows: the chunk's row table; no two simulations share an electorate.
        block_rows: rows a block; divides the table's capacity.
        first_block: the first block to ask: the device's number.
        n_devices: the step from block to block.
        model: of the voters.
        outlook: log of each party's viability in each row's constituency, for strategic voters.
    """
    scenarios = prepare(scenarios, model)
    n_blocks = (rows.n_rows + np.int32(block_rows - 1)) // np.int32(block_rows)
    mine = (n_blocks - first_block + np.int32(n_devices - 1)) // np.int32(n_devices)

    def ask_block(step: Int[Array, ""], kept: Ranking) -> Ranking:
        start = (first_block + step * np.int32(n_devices)) * np.int32(block_rows)
        block = look_up_rows(scenarios, rows, start, block_rows)
        simulation = rows.member[rows.first_member[block.electorate]]
        s = lax.optimization_barrier(Scenario(*(field[simulation][:, None] for field in scenarios)))
        key = (s.key_high, s.key_low)
        voters, index, _ = draw_voters(s, model, block.key, block.n_voters, block.first_voter, rows.table)
        number = rows.number[block.place].astype(jnp.uint32) if model.local else None
        beside = draw_surroundings(s, model, block.key, number, block.key, index)
        if outlook is not None:
            beside = beside._replace(outlook=lax.dynamic_slice_in_dim(outlook, start, block_rows)[:, None])
        _, utility, ballots = ask_voters(s, model, voters, appeal_of(s, model, beside), beside)
        if model.sincere:
            order, lots = put_first(ballots, utility), draw_lots(key, index, len(utility))
        else:
            order, lots = order_parties(key, index, ballots, utility, s.temperature), None
        length = jnp.where(ballots.up_to[-1], s.ballot_length, 0)
        words = rank_parties(order, length, _ranked(s, order, utility), lots)
        return tuple(lax.dynamic_update_slice_in_dim(k, w, start, 0) for k, w in zip(kept, words, strict=True))

    empty = jnp.zeros((rows.place.shape[0], ROW_WIDTH), jnp.uint32)
    return lax.fori_loop(np.int32(0), mine, ask_block, (empty,) * words_for(scenarios.weight.shape[-1]))


def _ranked(
    scenario: Scenario, order: list[Float[Array, "..."]], utility: list[Float[Array, "..."]]
) -> list[Bool[Array, "..."]]:
    """Which parties a ballot of any length has room for.

    It ends at none of the above, where that is an option; and a ballot for approval voting has the parties that are
    worth more to the voter than the parties' mean, as is best where all pairs are as likely to be in the lead (Weber,
    R. J., 1978, Comparison of Voting Systems).
    """
    none, total, n = jnp.full_like(order[0], -np.inf), jnp.zeros_like(utility[0]), jnp.zeros_like(utility[0])
    for j, value in enumerate(order):
        eligible = scenario.eligible[..., j]
        none = jnp.where((scenario.weight[..., j] > 0) & ~eligible, value, none)
        total, n = total + jnp.where(eligible, utility[j], 0), n + eligible
    mean = jnp.where(scenario.approves, total / n, -np.inf)
    return [scenario.eligible[..., j] & (value > none) & (utility[j] > mean) for j, value in enumerate(order)]
