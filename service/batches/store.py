"""Batches in the database: made, read, changed."""

import random
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from service.batches.combinations import draw
from service.batches.schemas import NewBatch, interaction_type
from service.batches.tables import Batch, BatchEntity, BatchStatus, Simulation, SimulationStatus, Utterance
from service.db import chunks, new_id, now
from service.dialogue.messages import Persona
from service.dialogue.prompts import LATEST
from service.entities.tables import Entity

UNFINISHED: Sequence[SimulationStatus] = ("pending", "in_progress")
RETRIED: Sequence[SimulationStatus] = ("failed", "cancelled")


class Tally(NamedTuple):
    """Simulations of a batch by status, and what they used."""

    counts: Mapping[str, int]
    calls: int
    prompt_tokens: int
    completion_tokens: int

    @property
    def total(self) -> int:
        """All simulations."""
        return sum(self.counts.values())


def draw_combinations(new: NewBatch, seed: int) -> list[tuple[list[str], int]]:
    """Who speaks in each simulation, and which replicate it is; may take seconds for very large interactions."""
    drawn = draw(len(new.entity_ids), new.interaction_size, new.num_simulations, seed)
    return [([new.entity_ids[place] for place in places], replicate) for places, replicate in drawn]


def make_batch(
    session: Session,
    new: NewBatch,
    entities: Sequence[Entity],
    drawn: Sequence[tuple[list[str], int]],
    seed: int,
    model: str,
) -> Batch:
    """A batch with its simulations, all pending, and its entities as they are now."""
    batch = Batch(
        id=new_id("batch"),
        name=new.name,
        description=new.description,
        context=new.context,
        details=new.metadata,
        interaction_type=interaction_type(new.interaction_size),
        interaction_size=new.interaction_size,
        n_turns=new.n_turns,
        simulation_rounds=new.simulation_rounds,
        language=new.language,
        seed=seed,
        model=new.model or model,
        temperature=new.temperature,
        max_tokens=new.max_tokens,
        use_cache=new.cache,
        prompt_version=LATEST,
        max_calls=new.budget.max_calls,
        max_total_tokens=new.budget.max_tokens,
        reserved_calls=0,
        budget_spent=False,
        attempt=1,
        created_at=now(),
        cancelled_at=None,
    )
    session.add(batch)
    session.flush()
    session.execute(
        sa.insert(BatchEntity),
        [
            {
                "batch_id": batch.id,
                "entity_id": entity.id,
                "position": position,
                "name": entity.name,
                "description": entity.description,
                "attributes": entity.attributes,
            }
            for position, entity in enumerate(entities)
        ],
    )
    session.execute(
        sa.insert(Simulation),
        [
            {
                "id": new_id("sim"),
                "batch_id": batch.id,
                "sequence_number": number,
                "replicate": replicate,
                "entity_ids": cast,
                "status": "pending",
                "created_at": batch.created_at,
            }
            for number, (cast, replicate) in enumerate(drawn, start=1)
        ],
    )
    return batch


def chosen_seed(new: NewBatch) -> int:
    """The seed that was given, else a fresh one, which the batch then records."""
    return random.SystemRandom().getrandbits(53) if new.seed is None else new.seed


def list_batches(session: Session, limit: int, offset: int) -> tuple[Sequence[Batch], int]:
    """Batches, the newest first, and how many there are."""
    newest_first = sa.select(Batch).order_by(Batch.created_at.desc(), Batch.id).limit(limit).offset(offset)
    total = session.scalar(sa.select(sa.func.count()).select_from(Batch)) or 0
    return session.scalars(newest_first).all(), total


def tallies(session: Session, batch_ids: Sequence[str]) -> dict[str, Tally]:
    """What has become of the simulations of each batch."""
    rows = session.execute(
        sa.select(
            Simulation.batch_id,
            Simulation.status,
            sa.func.count(),
            sa.func.sum(Simulation.calls),
            sa.func.sum(Simulation.prompt_tokens),
            sa.func.sum(Simulation.completion_tokens),
        )
        .where(Simulation.batch_id.in_(batch_ids))
        .group_by(Simulation.batch_id, Simulation.status)
    ).all()
    of_batch: dict[str, list[Any]] = {batch_id: [] for batch_id in batch_ids}
    for row in rows:
        of_batch[row[0]].append(row[1:])
    return {
        batch_id: Tally(
            {status: count for status, count, *_ in found},
            sum(int(row[2]) for row in found),
            sum(int(row[3]) for row in found),
            sum(int(row[4]) for row in found),
        )
        for batch_id, found in of_batch.items()
    }


def status_of(batch: Batch, counts: Mapping[str, int]) -> BatchStatus:
    """The status of a batch, which follows from its simulations.

    `cancelled` and a spent budget count only where they left something undone.
    """
    total = sum(counts.values())
    completed = counts.get("completed", 0)
    if completed == total:
        return "completed"
    if batch.cancelled_at is not None:
        return "cancelled"
    if counts.get("pending", 0) == total:
        return "pending"
    if any(counts.get(status, 0) for status in UNFINISHED):
        return "in_progress"
    return "partial" if completed or batch.budget_spent else "failed"


def simulations_of(session: Session, batch_id: str) -> Sequence[sa.Row[Any]]:
    """Simulations of a batch in order, as plain rows with the columns of their table: there may be thousands."""
    return session.execute(
        sa.select(*Simulation.__table__.columns)
        .where(Simulation.batch_id == batch_id)
        .order_by(Simulation.sequence_number)
    ).all()


def simulation_of(session: Session, batch_id: str, simulation_id: str) -> Simulation | None:
    """A simulation, if it belongs to the batch."""
    simulation = session.get(Simulation, simulation_id) if "\0" not in simulation_id else None
    return simulation if simulation is not None and simulation.batch_id == batch_id else None


def has_unfinished(session: Session, batch_id: str) -> bool:
    """Whether something of a batch is still to be run."""
    mine = sa.exists().where(Simulation.batch_id == batch_id, Simulation.status.in_(UNFINISHED))
    return bool(session.scalar(sa.select(mine)))


def utterances_of(session: Session, simulation_ids: Sequence[str]) -> dict[str, list[Utterance]]:
    """What was said in each simulation, in order."""
    said: dict[str, list[Utterance]] = {simulation_id: [] for simulation_id in simulation_ids}
    for chunk in chunks(simulation_ids):
        for utterance in session.scalars(
            sa.select(Utterance)
            .where(Utterance.simulation_id.in_(chunk))
            .order_by(Utterance.simulation_id, Utterance.position)
        ):
            said[utterance.simulation_id].append(utterance)
    return said


def entity_ids_of(session: Session, batch_ids: Sequence[str]) -> dict[str, list[str]]:
    """The ids of each batch's entities, in the order in which they were chosen."""
    of_batch: dict[str, list[str]] = {batch_id: [] for batch_id in batch_ids}
    for batch_id, entity_id in session.execute(
        sa.select(BatchEntity.batch_id, BatchEntity.entity_id)
        .where(BatchEntity.batch_id.in_(batch_ids))
        .order_by(BatchEntity.batch_id, BatchEntity.position)
    ):
        of_batch[batch_id].append(entity_id)
    return of_batch


def personas_of(session: Session, batch_id: str) -> dict[str, Persona]:
    """The entities of a batch as they were, in the order in which they were chosen."""
    columns = (BatchEntity.entity_id, BatchEntity.name, BatchEntity.description, BatchEntity.attributes)
    query = sa.select(*columns).where(BatchEntity.batch_id == batch_id).order_by(BatchEntity.position)
    return {row.entity_id: Persona(*row) for row in session.execute(query)}


class Stopped(NamedTuple):
    """What a cancellation stopped."""

    waiting: list[str]  # simulations that had not begun
    running: int

    @property
    def total(self) -> int:
        """Simulations."""
        return len(self.waiting) + self.running


def cancel(session: Session, batch: Batch) -> Stopped:
    """Stops what is not finished: nothing of it will begin another utterance."""
    waiting = list(session.scalars(sa.select(Simulation.id).where(_has_status(batch, "pending"))))
    running = session.scalar(sa.select(sa.func.count()).where(_has_status(batch, "in_progress"))) or 0
    stopped = Stopped(waiting, running)
    if stopped.total:
        at = now()
        # simulations before their batch, as everywhere: two transactions never wait for each other
        session.execute(
            sa.update(Simulation).where(_has_status(batch, *UNFINISHED)).values(status="cancelled", finished_at=at)
        )
        batch.cancelled_at = at
    return stopped


def delete(session: Session, batch_id: str) -> None:
    """Deletes a batch and all that belongs to it."""
    session.execute(sa.delete(Batch).where(Batch.id == batch_id))


def reset_failed(session: Session, batch: Batch) -> int:
    """Makes the simulations that failed or were cancelled pending again, what they have said kept; says how many."""
    result = session.execute(
        sa.update(Simulation).where(_has_status(batch, *RETRIED)).values(status="pending", error=None, finished_at=None)
    )
    batch.attempt += 1
    batch.cancelled_at = None
    batch.budget_spent = False
    return int(result.rowcount)  # type: ignore[attr-defined]


def _has_status(batch: Batch, *statuses: SimulationStatus) -> sa.ColumnElement[bool]:
    return sa.and_(Simulation.batch_id == batch.id, Simulation.status.in_(statuses))
