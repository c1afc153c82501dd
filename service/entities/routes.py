"""Routes of entities and their types."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy.orm import Session

from service.db import Database
from service.entities import store
from service.entities.importing import at_row, read_entities
from service.entities.schemas import (
    ChangesOfEntity,
    ChangesOfType,
    EntityIn,
    EntityOut,
    EntityTypeIn,
    EntityTypeOut,
    Imported,
    Note,
    oversize,
)
from service.entities.tables import Entity, EntityType
from service.envelope import ERRORS, Failure, Page, ServiceError, Success, SuccessPage
from service.requests import TheDatabase, ThePage, TheSettings
from service.settings import Settings
from service.texts import MAX_NAME, shown

NameFilter = Annotated[str | None, Query(max_length=MAX_NAME, description="Only those with this in their name")]
TypeFilter = Annotated[str | None, Query(description="Only entities of this type")]

Draft = TypeVar("Draft", EntityTypeIn, EntityIn)

type_routes = APIRouter(prefix="/entity-types", tags=["entity types"])
entity_routes = APIRouter(prefix="/entities", tags=["entities"])


@type_routes.post("", status_code=201)
def create_entity_type(draft: EntityTypeIn, database: TheDatabase, settings: TheSettings) -> Success[EntityTypeOut]:
    """Creates an entity type."""
    _demand_size(draft, settings)
    with database.transaction() as session:
        (row,) = store.create(session, EntityType, [draft])
    return Success(data=EntityTypeOut.model_validate(row))


@type_routes.get("")
def list_entity_types(
    database: TheDatabase, page: ThePage, name: NameFilter = None
) -> SuccessPage[list[EntityTypeOut]]:
    """Lists entity types, the oldest first."""
    filters = [] if name is None else [store.name_contains(EntityType, name)]
    with database.transaction() as session:
        rows, total = store.get_page(session, EntityType, filters, page.offset, page.limit)
    return SuccessPage(
        data=[EntityTypeOut.model_validate(row) for row in rows],
        page=Page(offset=page.offset, limit=page.limit, total=total),
    )


@type_routes.get("/{type_id}")
def get_entity_type(type_id: str, database: TheDatabase) -> Success[EntityTypeOut]:
    """Reads an entity type."""
    with database.transaction() as session:
        row = store.get(session, EntityType, type_id)
    return Success(data=EntityTypeOut.model_validate(row))


@type_routes.put("/{type_id}")
def replace_entity_type(
    type_id: str, draft: EntityTypeIn, database: TheDatabase, settings: TheSettings
) -> Success[EntityTypeOut]:
    """Replaces all fields of an entity type; those left out get their defaults."""
    return _change_type(database, settings, type_id, draft.model_dump())


@type_routes.patch("/{type_id}")
def change_entity_type(
    type_id: str, changes: ChangesOfType, database: TheDatabase, settings: TheSettings
) -> Success[EntityTypeOut]:
    """Changes the given fields of an entity type; the others stay."""
    return _change_type(database, settings, type_id, changes)


@type_routes.delete("/{type_id}")
def delete_entity_type(type_id: str, database: TheDatabase) -> Success[Note]:
    """Deletes an entity type; its entities stay, without a type."""
    with database.transaction() as session:
        store.delete(session, EntityType, type_id)
    return Success(data=Note(message=f"Entity type {type_id} deleted successfully"))


@entity_routes.post("", status_code=201)
def create_entity(draft: EntityIn, database: TheDatabase, settings: TheSettings) -> Success[EntityOut]:
    """Creates an entity."""
    _demand_size(draft, settings)
    with database.transaction() as session:
        _demand_type(session, draft)
        (row,) = store.create(session, Entity, [draft])
    return Success(data=EntityOut.model_validate(row))


async def _whole_body(request: Request) -> bytes:
    return await request.body()


@entity_routes.post(
    "/import",
    status_code=201,
    responses={415: {"model": Failure, "description": "The file is neither JSON nor CSV"}},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"type": "array", "items": {"$ref": "#/components/schemas/EntityIn"}},
                    "example": [{"name": "Ada Lovelace", "attributes": {"born": 1815}}],
                },
                "text/csv": {
                    "schema": {"type": "string"},
                    "example": 'name,description,born\nAda Lovelace,"English mathematician, writer",1815\n',
                },
            },
        }
    },
)
def import_entities(
    request: Request, body: Annotated[bytes, Depends(_whole_body)], database: TheDatabase, settings: TheSettings
) -> Success[Imported]:
    """Creates all entities of a JSON or CSV file, or none where a row is not allowed.

    JSON is a list of entities, or an object with such a list as `entities`. CSV is UTF-8 with commas and a header: the
    column `name` is required, `description` and `entity_type_id` are optional, and every other column is an attribute,
    whose values are texts. Empty cells are left out. Rows count from 1, without the header.
    """
    drafts = read_entities(
        request.headers.get("content-type", ""),
        body,
        max_rows=10 * settings.max_entities_per_batch,
        max_text_length=settings.max_text_length,
    )
    with database.transaction() as session:
        index = store.index_of_unknown_type(session, drafts)
        if index is not None:
            raise ServiceError(422, at_row(index, _unknown_type(drafts[index])))
        ids = [row.id for row in store.create(session, Entity, drafts)]
    return Success(data=Imported(ids=ids, count=len(ids)))


@entity_routes.get("")
def list_entities(
    database: TheDatabase, page: ThePage, entity_type_id: TypeFilter = None, name: NameFilter = None
) -> SuccessPage[list[EntityOut]]:
    """Lists entities, the oldest first."""
    filters = [] if name is None else [store.name_contains(Entity, name)]
    filters += [] if entity_type_id is None else [store.has_type(entity_type_id)]
    with database.transaction() as session:
        rows, total = store.get_page(session, Entity, filters, page.offset, page.limit)
    return SuccessPage(
        data=[EntityOut.model_validate(row) for row in rows],
        page=Page(offset=page.offset, limit=page.limit, total=total),
    )


@entity_routes.get("/{entity_id}")
def get_entity(entity_id: str, database: TheDatabase) -> Success[EntityOut]:
    """Reads an entity."""
    with database.transaction() as session:
        row = store.get(session, Entity, entity_id)
    return Success(data=EntityOut.model_validate(row))


@entity_routes.put("/{entity_id}")
def replace_entity(entity_id: str, draft: EntityIn, database: TheDatabase, settings: TheSettings) -> Success[EntityOut]:
    """Replaces all fields of an entity; those left out get their defaults."""
    return _change_entity(database, settings, entity_id, draft.model_dump())


@entity_routes.patch("/{entity_id}")
def change_entity(
    entity_id: str, changes: ChangesOfEntity, database: TheDatabase, settings: TheSettings
) -> Success[EntityOut]:
    """Changes the given fields of an entity, `attributes` as a whole; the others stay."""
    return _change_entity(database, settings, entity_id, changes)


@entity_routes.delete("/{entity_id}")
def delete_entity(entity_id: str, database: TheDatabase) -> Success[Note]:
    """Deletes an entity."""
    with database.transaction() as session:
        store.delete(session, Entity, entity_id)
    return Success(data=Note(message=f"Entity {entity_id} deleted successfully"))


router = APIRouter(prefix="/api", responses=ERRORS)
router.include_router(type_routes)
router.include_router(entity_routes)


def _change_type(
    database: Database, settings: Settings, type_id: str, changes: Mapping[str, Any]
) -> Success[EntityTypeOut]:
    with database.transaction() as session:
        row = store.lock(session, EntityType, type_id)
        draft = _changed(EntityTypeIn, row, changes)
        _demand_size(draft, settings)
        store.change(session, row, draft)
    return Success(data=EntityTypeOut.model_validate(row))


def _change_entity(
    database: Database, settings: Settings, entity_id: str, changes: Mapping[str, Any]
) -> Success[EntityOut]:
    with database.transaction() as session:
        row = store.lock(session, Entity, entity_id)
        draft = _changed(EntityIn, row, changes)
        _demand_size(draft, settings)
        _demand_type(session, draft)
        store.change(session, row, draft)
    return Success(data=EntityOut.model_validate(row))


def _changed(draft: type[Draft], row: EntityType | Entity, changes: Mapping[str, Any]) -> Draft:
    return draft.model_validate({name: getattr(row, name) for name in draft.model_fields} | dict(changes))


def _demand_size(draft: store.Draft, settings: Settings) -> None:
    if problem := oversize(draft, settings.max_text_length):
        raise ServiceError(422, problem)


def _demand_type(session: Session, draft: EntityIn) -> None:
    if store.index_of_unknown_type(session, [draft]) is not None:
        raise ServiceError(422, _unknown_type(draft))


def _unknown_type(draft: EntityIn) -> str:
    return f"entity_type_id = {shown(draft.entity_type_id)} is not the id of an entity type."
