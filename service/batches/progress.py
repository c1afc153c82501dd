"""The progress of a simulation in the database: read, and moved on by one utterance.

These statements run for every utterance of every simulation, so they are built once and sent without an ORM session.
"""

from typing import NamedTuple, cast

import sqlalchemy as sa
from structlog import get_logger

from service.batches.store import UNFINISHED
from service.batches.tables import Batch, BatchEntity, Simulation, Utterance
from service.db import Database, now
from service.dialogue.messages import Persona, Scene, Spoken, utterance_text
from service.llm.model import Answer
from service.measures import SIMULATIONS

log = get_logger()


_SIMULATIONS = cast("sa.Table", Simulation.__table__)


class Rules(NamedTuple):
    """What a batch lays down for all of its simulations."""

    context: str
    language: str | None
    prompt_version: str
    model: str
    temperature: float | None
    max_tokens: int | None
    max_calls: int | None
    max_total_tokens: int | None
    use_cache: bool
    seed: int
    n_turns: int
    simulation_rounds: int


class Dialogue(NamedTuple):
    """What stays the same while a simulation runs."""

    simulation_id: str
    batch_id: str
    replicate: int
    scene: Scene
    rules: Rules

    @property
    def length(self) -> int:
        """Utterances of the whole simulation."""
        return len(self.scene.cast) * self.rules.n_turns * self.rules.simulation_rounds


_simulation = sa.select(Simulation.batch_id, Simulation.status, Simulation.entity_ids, Simulation.replicate).where(
    Simulation.id == sa.bindparam("id")
)

_begin = (
    sa.update(_SIMULATIONS)
    .where(Simulation.id == sa.bindparam("simulation_id"), Simulation.status == "pending")
    .values(status="in_progress", started_at=sa.bindparam("at"))
)

_rules = sa.select(*(getattr(Batch, name) for name in Rules._fields)).where(Batch.id == sa.bindparam("id"))

_cast = sa.select(BatchEntity.entity_id, BatchEntity.name, BatchEntity.description, BatchEntity.attributes).where(
    BatchEntity.batch_id == sa.bindparam("id"), BatchEntity.entity_id.in_(sa.bindparam("entity_ids", expanding=True))
)

_said = (
    sa.select(Utterance.entity_id, Utterance.thought, Utterance.speech)
    .where(Utterance.simulation_id == sa.bindparam("id"))
    .order_by(Utterance.position)
)

_insert = sa.insert(cast("sa.Table", Utterance.__table__))

_move_on = (
    sa.update(_SIMULATIONS)
    .where(Simulation.id == sa.bindparam("simulation_id"))
    .values(
        calls=Simulation.calls + sa.bindparam("add_calls"),
        prompt_tokens=Simulation.prompt_tokens + sa.bindparam("add_prompt"),
        completion_tokens=Simulation.completion_tokens + sa.bindparam("add_completion"),
        turns_done=sa.bindparam("turns"),
        content=Simulation.content.concat(sa.bindparam("add_content")),
    )
    .returning(Simulation.status)
)

_complete = (
    sa.update(_SIMULATIONS)
    .where(Simulation.id == sa.bindparam("simulation_id"), Simulation.status == "in_progress")
    .values(status="completed", finished_at=sa.bindparam("at"))
    .returning(Simulation.batch_id)
)


def load(database: Database, simulation_id: str) -> tuple[Dialogue, list[Spoken]] | None:
    """A simulation and what was said in it; it is in progress from now on.

    None where there is nothing (more) to do: it is at its end, cancelled, or deleted.
    """
    with database.engine.begin() as connection:
        simulation = connection.execute(_simulation, {"id": simulation_id}).one_or_none()
        if simulation is None or simulation.status not in UNFINISHED:
            return None
        if simulation.status == "pending":
            begun = connection.execute(_begin, {"simulation_id": simulation_id, "at": now()})
            if not begun.rowcount:  # stopped since it was read
                return None
        said = connection.execute(_said, {"id": simulation_id}).all()
        laid_down = connection.execute(_rules, {"id": simulation.batch_id}).one_or_none()
        entities = {
            row.entity_id: Persona(*row)
            for row in connection.execute(_cast, {"id": simulation.batch_id, "entity_ids": simulation.entity_ids})
        }
    if laid_down is None or len(entities) < len(simulation.entity_ids):  # deleted since the simulation was read
        return None
    rules = Rules(*laid_down)
    personas = [entities[entity_id] for entity_id in simulation.entity_ids]
    scene = Scene(rules.context, personas, rules.language, rules.prompt_version)
    dialogue = Dialogue(simulation_id, simulation.batch_id, simulation.replicate, scene, rules)
    return dialogue, [Spoken(*row) for row in said]


def store(database: Database, dialogue: Dialogue, position: int, spoken: Spoken, answer: Answer) -> str | None:
    """Stores an utterance and counts it, in one transaction.

    Returns:
        The status of the simulation, which may have been cancelled meanwhile.

    Raises:
        sqlalchemy.exc.IntegrityError: the utterance is there already, or the simulation is not any more.
    """
    speaker = next(persona for persona in dialogue.scene.cast if persona.id == spoken.entity_id)
    block = utterance_text(speaker.name, spoken.thought, spoken.speech)
    turn, place = divmod(position, len(dialogue.scene.cast))
    at = now()
    with database.engine.begin() as connection:
        connection.execute(
            _insert,
            {
                "simulation_id": dialogue.simulation_id,
                "position": position,
                "round": turn // dialogue.rules.n_turns + 1,
                "turn": turn + 1,
                **spoken._asdict(),
                "prompt_tokens": answer.prompt_tokens,
                "completion_tokens": answer.completion_tokens,
                "latency": answer.latency,
                "model": answer.model,
                "finish_reason": answer.finish_reason,
                "attempts": answer.attempts,
                "created_at": at,
            },
        )
        status: str | None = connection.execute(
            _move_on,
            {
                "simulation_id": dialogue.simulation_id,
                "add_calls": answer.attempts,
                "add_prompt": answer.prompt_tokens,
                "add_completion": answer.completion_tokens,
                "add_content": f"\n\n{block}" if position else block,
                "turns": turn + (place == len(dialogue.scene.cast) - 1),
            },
        ).scalar_one_or_none()
        if position + 1 == dialogue.length:
            _note_completion(connection, dialogue.simulation_id)
    return status


def complete(database: Database, simulation_id: str) -> None:
    """Completes a simulation whose utterances are all there, such as one that was cancelled in its last turn."""
    with database.engine.begin() as connection:
        _note_completion(connection, simulation_id)


def _note_completion(connection: sa.Connection, simulation_id: str) -> None:
    # one that was cancelled in its last turn stays cancelled
    batch_id = connection.execute(_complete, {"simulation_id": simulation_id, "at": now()}).scalar_one_or_none()
    if batch_id is not None:
        SIMULATIONS.labels("completed").inc()
        log.info("simulation completed", batch_id=batch_id, simulation_id=simulation_id)


def fail(database: Database, simulation_id: str, error: str, *, attempts: int = 0, budget_spent: bool = False) -> None:
    """Ends a simulation with the reason; the turns it has are kept."""
    with database.transaction() as session:
        simulation = session.get(Simulation, simulation_id)
        if simulation is None:
            return
        simulation.calls += attempts
        if simulation.status in UNFINISHED:
            simulation.status, simulation.error, simulation.finished_at = "failed", storable(error), now()
            SIMULATIONS.labels("failed").inc()
            log.warning("simulation failed", batch_id=simulation.batch_id, simulation_id=simulation_id, error=error)
        if budget_spent:
            session.execute(sa.update(Batch).where(Batch.id == simulation.batch_id).values(budget_spent=True))


def tokens_used(database: Database, batch_id: str) -> int:
    """Tokens of all answered calls of a batch."""
    used = sa.func.sum(Simulation.prompt_tokens + Simulation.completion_tokens)
    with database.engine.connect() as connection:
        return int(connection.scalar(sa.select(used).where(Simulation.batch_id == batch_id)) or 0)


def reserve_call(database: Database, batch_id: str) -> bool:
    """Takes one call from the budget, if there is one; a call that is asked again after a crash takes another."""
    with database.engine.begin() as connection:
        granted = connection.execute(
            sa.update(Batch)
            .where(Batch.id == batch_id, Batch.reserved_calls < Batch.max_calls)
            .values(reserved_calls=Batch.reserved_calls + 1)
        )
        return bool(granted.rowcount)


def storable(text: str) -> str:
    """What a model server said, without characters that a database can't hold."""
    return text.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
