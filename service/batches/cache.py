"""Answers to calls that may be repeated word by word."""

import hashlib
import json
from contextlib import suppress

from sqlalchemy.exc import IntegrityError

from service.batches.tables import CachedAnswer
from service.db import Database, now
from service.llm.model import Answer, Call


def key_of(call: Call, replicate: int) -> str:
    """Equal for equal calls of equal replicates: model, messages, parameters."""
    return hashlib.sha256(json.dumps([*call, replicate], sort_keys=True).encode()).hexdigest()


def find(database: Database, key: str) -> Answer | None:
    """An earlier answer, which costs nothing now."""
    with database.transaction() as session:
        cached = session.get(CachedAnswer, key)
        return Answer(cached.text, cached.model, cached.finish_reason, 0, 0, 0.0, 0) if cached else None


def remember(database: Database, key: str, answer: Answer) -> None:
    """Keeps an answer for equal calls."""
    with suppress(IntegrityError), database.transaction() as session:  # an equal call may have been quicker
        session.add(
            CachedAnswer(
                key=key,
                text=answer.text,
                model=answer.model,
                finish_reason=answer.finish_reason,
                created_at=now(),
            )
        )
