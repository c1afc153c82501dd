"""Completed simulations as JSON texts: they never change again, and clients ask for them over and over."""

from collections.abc import Sequence
from threading import Lock

import sqlalchemy as sa
from cachetools import LRUCache
from sqlalchemy.orm import Session

from service.batches.present import simulation_data
from service.batches.tables import Batch, Simulation
from service.db import chunks

_MAX_CHARACTERS = 64 * 1024 * 1024


class CompletedTexts:
    """Makes the JSON texts of simulations, and keeps those of completed ones, the lately used first."""

    def __init__(self) -> None:
        self._texts: LRUCache[str, str] = LRUCache(_MAX_CHARACTERS, getsizeof=len)
        self._guard = Lock()

    def simulations(self, session: Session, batch: Batch, limit: int | None, offset: int) -> list[str]:
        """Simulations of a batch in order, each as the JSON text of its `SimulationData`."""
        ids = session.scalars(
            sa.select(Simulation.id)
            .where(Simulation.batch_id == batch.id)
            .order_by(Simulation.sequence_number)
            .limit(limit)
            .offset(offset)
        ).all()
        with self._guard:
            known = {simulation_id: text for simulation_id in ids if (text := self._texts.get(simulation_id))}
        known |= self._make(session, batch, [simulation_id for simulation_id in ids if simulation_id not in known])
        return [known[simulation_id] for simulation_id in ids if simulation_id in known]

    def _make(self, session: Session, batch: Batch, simulation_ids: Sequence[str]) -> dict[str, str]:
        made = {}
        for chunk in chunks(simulation_ids):
            for row in session.execute(sa.select(*Simulation.__table__.columns).where(Simulation.id.in_(chunk))):
                made[row.id] = simulation_data(batch, row).model_dump_json()
                if row.status == "completed":
                    with self._guard:
                        self._texts[row.id] = made[row.id]
        return made
