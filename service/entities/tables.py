"""Tables of entities and their types."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, Time


class EntityType(Base):
    """What entities of a kind have in common."""

    __tablename__ = "entity_types"

    id: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    name: Mapped[str] = mapped_column(sa.Text)
    description: Mapped[str] = mapped_column(sa.Text)
    dimensions: Mapped[list[Any]] = mapped_column(sa.JSON)
    created_at: Mapped[datetime] = mapped_column(Time)
    updated_at: Mapped[datetime] = mapped_column(Time)


class Entity(Base):
    """A persona."""

    __tablename__ = "entities"

    id: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    entity_type_id: Mapped[str | None] = mapped_column(
        sa.ForeignKey("entity_types.id", ondelete="SET NULL"), index=True
    )
    name: Mapped[str] = mapped_column(sa.Text)
    description: Mapped[str] = mapped_column(sa.Text)
    attributes: Mapped[dict[str, Any]] = mapped_column(sa.JSON)
    created_at: Mapped[datetime] = mapped_column(Time, index=True)
    updated_at: Mapped[datetime] = mapped_column(Time)
