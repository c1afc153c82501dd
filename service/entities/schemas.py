"""What is sent and answered about entities and their types."""

import json
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from typing_extensions import TypedDict

from service.texts import Content, Name, demand_storable


def oversize(draft: "EntityIn | EntityTypeIn", max_length: int) -> str | None:
    """Why the draft is too long, in a sentence; None where it is not."""
    lengths = {name: len(json.dumps(value, ensure_ascii=False)) for name, value in draft.model_dump().items()}
    total = sum(lengths.values())
    if total <= max_length:
        return None
    longest = max(lengths, key=lengths.__getitem__)
    return (
        f"{longest} is too long: it has {lengths[longest]} of {total} characters, and at most {max_length} are allowed "
        "for all fields together (SERVICE_MAX_TEXT_LENGTH)."
    )


Attributes = Annotated[dict[str, Any], Field(description="Any JSON object; the language model is told all of it")]
TypeId = Annotated[str | None, Field(description="The entity's type, if it has one")]


class Dimension(BaseModel):
    """One respect in which entities of a type differ."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    description: str = ""
    values: Annotated[list[str], Field(description="Those that are usual; none means that any is")] = []


_TYPE_EXAMPLE: dict[str, Any] = {
    "name": "Voter",
    "description": "Somebody who may vote in the municipal election.",
    "dimensions": [
        {"name": "district", "description": "Where they live", "values": ["North", "South"]},
        {"name": "age", "description": "In years", "values": []},
    ],
}
_ENTITY_EXAMPLE: dict[str, Any] = {
    "name": "Ada Lovelace",
    "description": "English mathematician who wrote about Babbage's Analytical Engine.",
    "entity_type_id": None,
    "attributes": {"born": 1815, "languages": ["English", "French"]},
}
_STORED_EXAMPLE = {"created_at": "2030-01-01T12:00:00Z", "updated_at": "2030-01-01T12:00:00Z"}


class EntityTypeIn(Content):
    """A type as it is created or replaced."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TYPE_EXAMPLE]})

    name: Name
    description: str = ""
    dimensions: Annotated[list[Dimension], Field(default_factory=list)]


class EntityIn(Content):
    """An entity as it is created, replaced or imported."""

    model_config = ConfigDict(json_schema_extra={"examples": [_ENTITY_EXAMPLE]})

    name: Name
    description: str = ""
    entity_type_id: TypeId = None
    attributes: Annotated[Attributes, Field(default_factory=dict)]


class EntityTypeChanges(TypedDict, total=False):
    """The fields of a type that change; each replaces the old one."""

    __pydantic_config__ = ConfigDict(  # type: ignore[misc]
        extra="forbid", json_schema_extra={"examples": [{"description": "Somebody who voted."}]}
    )

    name: Name
    description: str
    dimensions: list[Dimension]


class EntityChanges(TypedDict, total=False):
    """The fields of an entity that change; each replaces the old one, `attributes` as a whole."""

    __pydantic_config__ = ConfigDict(  # type: ignore[misc]
        extra="forbid", json_schema_extra={"examples": [{"attributes": {"born": 1815, "died": 1852}}]}
    )

    name: Name
    description: str
    entity_type_id: TypeId
    attributes: Attributes


ChangesOfType = Annotated[EntityTypeChanges, BeforeValidator(demand_storable)]
ChangesOfEntity = Annotated[EntityChanges, BeforeValidator(demand_storable)]


class EntityTypeOut(BaseModel):
    """A type as it is stored."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={"examples": [{"id": "type-3f0c", **_TYPE_EXAMPLE, **_STORED_EXAMPLE}]},
    )

    id: str
    name: str
    description: str
    dimensions: list[Dimension]
    created_at: datetime
    updated_at: datetime


class EntityOut(BaseModel):
    """An entity as it is stored."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={"examples": [{"id": "entity-8d1a", **_ENTITY_EXAMPLE, **_STORED_EXAMPLE}]},
    )

    id: str
    entity_type_id: str | None
    name: str
    description: str
    attributes: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class Imported(BaseModel):
    """What an import created, in the order of its rows."""

    ids: list[str]
    count: int


class Note(BaseModel):
    """What was done."""

    message: str
