"""Server-sent events: what changes in a batch while it runs."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import sqlalchemy as sa
from sse_starlette import ServerSentEvent
from starlette.concurrency import run_in_threadpool

from service.batches.store import status_of
from service.batches.tables import Batch, Simulation
from service.db import Database

_LOOK = 0.5  # seconds between looks: works for any number of worker processes
FINAL = ("completed", "partial", "failed", "cancelled")


class _State(NamedTuple):
    status: str
    simulations: dict[str, tuple[int, str, int]]  # id -> sequence number, status, turns done


async def batch_events(database: Database, batch_id: str) -> AsyncIterator[ServerSentEvent]:
    """Events `turn`, `simulation` and `status`, until the batch is at its end or deleted.

    A client that comes (back) late is first told the state as it is.
    """
    known = _State("", {})
    while True:
        state = await run_in_threadpool(_look, database, batch_id)
        if state is None:
            yield _event("deleted", {"batch_id": batch_id})
            return
        for simulation_id, (number, status, turns) in state.simulations.items():
            _, old_status, old_turns = known.simulations.get(simulation_id, (0, "pending", 0))
            about = {"simulation_id": simulation_id, "sequence_number": number}
            if turns != old_turns:
                yield _event("turn", {**about, "turns_done": turns})
            if status != old_status:
                yield _event("simulation", {**about, "status": status})
        if state.status != known.status:
            yield _event("status", {"batch_id": batch_id, "status": state.status})
        if state.status in FINAL:
            return
        known = state
        await asyncio.sleep(_LOOK)


def _look(database: Database, batch_id: str) -> _State | None:
    with database.transaction() as session:
        batch = session.get(Batch, batch_id)
        if batch is None:
            return None
        rows = session.execute(
            sa.select(Simulation.id, Simulation.sequence_number, Simulation.status, Simulation.turns_done)
            .where(Simulation.batch_id == batch_id)
            .order_by(Simulation.sequence_number)
        ).all()
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.status] = counts.get(row.status, 0) + 1
    return _State(status_of(batch, counts), {row.id: (row.sequence_number, row.status, row.turns_done) for row in rows})


def _event(kind: str, data: dict[str, Any]) -> ServerSentEvent:
    return ServerSentEvent(event=kind, data=json.dumps(data))
