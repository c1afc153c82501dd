"""Alembic's entry: migrates over the connection that the service hands it."""

from alembic import context

from service.batches import tables as _batches  # noqa: F401 - every table must be known
from service.db import Base
from service.entities import tables as _entities  # noqa: F401

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
