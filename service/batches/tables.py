"""Tables of batches, the entities as they were, simulations, and what was said."""

from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, Time

InteractionType = Literal["solo", "dyadic", "group"]
SimulationStatus = Literal["pending", "in_progress", "completed", "failed", "cancelled"]
BatchStatus = Literal["pending", "in_progress", "completed", "partial", "failed", "cancelled"]


class Batch(Base):
    """A batch: one context, many simulations."""

    __tablename__ = "batches"

    id: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    name: Mapped[str] = mapped_column(sa.Text)
    description: Mapped[str] = mapped_column(sa.Text)
    context: Mapped[str] = mapped_column(sa.Text)
    details: Mapped[dict[str, Any]] = mapped_column("metadata", sa.JSON)
    interaction_type: Mapped[InteractionType] = mapped_column(sa.String(16))
    interaction_size: Mapped[int]
    n_turns: Mapped[int]
    simulation_rounds: Mapped[int]
    language: Mapped[str | None] = mapped_column(sa.Text)
    seed: Mapped[int] = mapped_column(sa.BigInteger)
    model: Mapped[str] = mapped_column(sa.Text)
    temperature: Mapped[float | None]
    max_tokens: Mapped[int | None]
    use_cache: Mapped[bool]
    prompt_version: Mapped[str] = mapped_column(sa.String(32))
    max_calls: Mapped[int | None]  # the budget
    max_total_tokens: Mapped[int | None]
    reserved_calls: Mapped[int] = mapped_column(default=0)  # granted from the budget, answered or not
    budget_spent: Mapped[bool] = mapped_column(default=False)
    attempt: Mapped[int] = mapped_column(default=1)  # grows with each retry
    created_at: Mapped[datetime] = mapped_column(Time, index=True)
    cancelled_at: Mapped[datetime | None] = mapped_column(Time)


class BatchEntity(Base):
    """An entity as it was when the batch was made."""

    __tablename__ = "batch_entities"

    batch_id: Mapped[str] = mapped_column(sa.ForeignKey("batches.id", ondelete="CASCADE"), primary_key=True)
    entity_id: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    position: Mapped[int]
    name: Mapped[str] = mapped_column(sa.Text)
    description: Mapped[str] = mapped_column(sa.Text)
    attributes: Mapped[dict[str, Any]] = mapped_column(sa.JSON)


class Simulation(Base):
    """One dialogue."""

    __tablename__ = "simulations"
    __table_args__ = (
        sa.Index("ix_simulations_batch_status", "batch_id", "status"),
        sa.Index("ix_simulations_batch_sequence", "batch_id", "sequence_number", unique=True),
    )

    id: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    batch_id: Mapped[str] = mapped_column(sa.ForeignKey("batches.id", ondelete="CASCADE"))
    sequence_number: Mapped[int]
    replicate: Mapped[int]
    entity_ids: Mapped[list[str]] = mapped_column(sa.JSON)
    status: Mapped[SimulationStatus] = mapped_column(sa.String(16))
    error: Mapped[str | None] = mapped_column(sa.Text)
    turns_done: Mapped[int] = mapped_column(default=0)  # over all rounds
    content: Mapped[str] = mapped_column(sa.Text, default="")  # the transcript as one text, which grows with it
    calls: Mapped[int] = mapped_column(default=0)
    prompt_tokens: Mapped[int] = mapped_column(default=0)
    completion_tokens: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(Time)
    started_at: Mapped[datetime | None] = mapped_column(Time)
    finished_at: Mapped[datetime | None] = mapped_column(Time)


class Utterance(Base):
    """What one entity thought and said in one turn: the unit of durable work."""

    __tablename__ = "utterances"

    simulation_id: Mapped[str] = mapped_column(sa.ForeignKey("simulations.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)  # counts from 0 over all turns
    round: Mapped[int]  # counts from 1
    turn: Mapped[int]  # counts from 1 over all rounds
    entity_id: Mapped[str] = mapped_column(sa.String(64))
    thought: Mapped[str] = mapped_column(sa.Text)
    speech: Mapped[str] = mapped_column(sa.Text)
    prompt_tokens: Mapped[int]
    completion_tokens: Mapped[int]
    latency: Mapped[float]  # seconds, waits between attempts included
    model: Mapped[str] = mapped_column(sa.Text)
    finish_reason: Mapped[str] = mapped_column(sa.String(64))
    attempts: Mapped[int]  # requests to the model server; 0 when answered from the cache
    created_at: Mapped[datetime] = mapped_column(Time)


class CachedAnswer(Base):
    """A model's answer to a call that may be repeated word by word."""

    __tablename__ = "cached_answers"

    key: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    text: Mapped[str] = mapped_column(sa.Text)
    model: Mapped[str] = mapped_column(sa.Text)
    finish_reason: Mapped[str] = mapped_column(sa.String(64))
    created_at: Mapped[datetime] = mapped_column(Time)
