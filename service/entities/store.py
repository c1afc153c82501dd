"""Entities and their types in the database: functions of a session."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from service.db import chunks, new_id, now
from service.entities.schemas import EntityIn, EntityTypeIn
from service.entities.tables import Entity, EntityType
from service.envelope import ServiceError
from service.texts import is_storable, shown

Row = TypeVar("Row", EntityType, Entity)
Draft = EntityTypeIn | EntityIn

NOUNS: Mapping[type, str] = {EntityType: "entity type", Entity: "entity"}
_PREFIXES: Mapping[type, str] = {EntityType: "type", Entity: "entity"}


def create(session: Session, table: type[Row], drafts: Sequence[Draft]) -> list[Row]:
    """Stores all drafts; lists show them in this order."""
    start = now()
    # a microsecond apart, because lists are sorted by time and ids are random
    times = [start + timedelta(microseconds=i) for i in range(len(drafts))]
    rows = [
        table(id=new_id(_PREFIXES[table]), created_at=time, updated_at=time, **draft.model_dump())
        for time, draft in zip(times, drafts, strict=True)
    ]
    session.add_all(rows)
    _flush(session)
    return rows


def find(session: Session, table: type[Row], ids: Sequence[str]) -> dict[str, Row]:
    """Those that there are, by id, in the order of `ids`; what is missing is left out."""
    possible = [row_id for row_id in dict.fromkeys(ids) if is_storable(row_id)]
    rows: dict[str, Row] = {}
    for chunk in chunks(possible):
        rows.update((row.id, row) for row in session.scalars(sa.select(table).where(table.id.in_(chunk))))
    return {row_id: rows[row_id] for row_id in possible if row_id in rows}


def find_entities(session: Session, ids: Sequence[str]) -> dict[str, Entity]:
    """The entities that there are, by id, in the order of `ids`; what is missing is left out."""
    return find(session, Entity, ids)


def get(session: Session, table: type[Row], row_id: str) -> Row:
    """One of them.

    Raises:
        ServiceError: 404, there is no such id.
    """
    return _existing(find(session, table, [row_id]).get(row_id), table, row_id)


def get_page(
    session: Session, table: type[Row], filters: Sequence[sa.ColumnElement[bool]], offset: int, limit: int
) -> tuple[list[Row], int]:
    """One page, the oldest first, and how many there are in all."""
    rows = session.scalars(
        sa.select(table).where(*filters).order_by(table.created_at, table.id).offset(offset).limit(limit)
    )
    total = session.scalar(sa.select(sa.func.count()).select_from(table).where(*filters))
    return list(rows), total or 0


def name_contains(table: type[Row], text: str) -> sa.ColumnElement[bool]:
    """Whether a name has the text somewhere, in upper or lower case."""
    return table.name.icontains(text, autoescape=True) if is_storable(text) else sa.false()


def has_type(type_id: str) -> sa.ColumnElement[bool]:
    """Whether an entity is of the type."""
    return Entity.entity_type_id == type_id if is_storable(type_id) else sa.false()


def lock(session: Session, table: type[Row], row_id: str) -> Row:
    """One of them as it is now; it counts as updated, and nobody else changes it before the transaction ends.

    Raises:
        ServiceError: 404, there is no such id.
    """
    # an UPDATE, because SQLite has no SELECT FOR UPDATE
    update = sa.update(table).where(table.id == row_id).values(updated_at=now()).returning(table)
    return _existing(session.scalar(update) if is_storable(row_id) else None, table, row_id)


def change(session: Session, row: Row, draft: Draft) -> None:
    """Gives a locked row the fields of the draft."""
    for name, value in draft.model_dump().items():
        setattr(row, name, value)
    _flush(session)


def delete(session: Session, table: type[Row], row_id: str) -> None:
    """Deletes one of them; the entities of a deleted type have no type any more.

    Raises:
        ServiceError: 404, there is no such id.
    """
    deletion = sa.delete(table).where(table.id == row_id).returning(table.id)
    _existing(session.scalar(deletion) if is_storable(row_id) else None, table, row_id)


def index_of_unknown_type(session: Session, drafts: Sequence[EntityIn]) -> int | None:
    """Which draft is the first whose type does not exist."""
    types = [draft.entity_type_id for draft in drafts]
    known = find(session, EntityType, [type_id for type_id in types if type_id is not None])
    return next((i for i, type_id in enumerate(types) if type_id is not None and type_id not in known), None)


Found = TypeVar("Found")


def _existing(found: Found | None, table: type[Any], row_id: str) -> Found:
    if found is None:
        raise ServiceError(404, f"There is no {NOUNS[table]} with the id {shown(row_id)}.")
    return found


def _flush(session: Session) -> None:
    try:
        session.flush()
    except IntegrityError:  # ids are new, so only the reference to the type can break
        raise ServiceError(
            409, "entity_type_id names a type that was deleted at this moment: choose another."
        ) from None
