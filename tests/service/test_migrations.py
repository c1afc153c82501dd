"""The tables: what migrations make of them, and what becomes of the data in them."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from serving import Service

from service.batches import tables as _batches  # noqa: F401 - every table must be known
from service.db import MIGRATIONS, Base, Database
from service.entities import tables as _entities  # noqa: F401


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Each kind of database in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/test.db"
    make: Callable[[], str] = request.getfixturevalue("postgres_url")
    return make()


def migrate_to(database: Database, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def differences(database: Database) -> list[Any]:
    """Between the tables and their models; of other tables nothing is said, as DBOS has its own."""
    names = Base.metadata.tables.keys()

    def ours(item: object, name: str | None, kind: str, reflected: bool, compared: object) -> bool:
        return kind != "table" or name in names

    # FLOAT and DOUBLE are the same to SQLite
    options = {"include_object": ours, "compare_type": not database.is_sqlite, "compare_server_default": True}
    with database.engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata))


def test_migrations_make_the_tables_of_the_models(url: str) -> None:
    with closing(Database(url)) as database:
        database.migrate()
        assert differences(database) == []
        database.migrate()  # nothing is left to do


@pytest.mark.slow
def test_an_old_database_is_upgraded_at_start_and_keeps_its_data(url: str) -> None:
    at = "2025-01-02 03:04:05"
    kind = {"id": "type-1", "name": "Voter", "description": "", "dimensions": "[]", "created_at": at, "updated_at": at}
    ada = {
        "id": "entity-1", "entity_type_id": None, "name": "Ada", "description": "a voter", "attributes": '{"age": 36}',
        "created_at": at, "updated_at": at,
    }  # fmt: skip
    with closing(Database(url)) as database:
        migrate_to(database, "0001")
        with database.engine.begin() as connection:
            for table, row in (("entity_types", kind), ("entities", ada)):
                values = ", ".join(f":{name}" for name in row)
                connection.execute(sa.text(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({values})"), row)
        with Service(url) as service:
            [entity] = service.get("/api/entities")
            assert (entity["id"], entity["name"], entity["attributes"]) == ("entity-1", "Ada", {"age": 36})
            assert [kind["id"] for kind in service.get("/api/entity-types")] == ["type-1"]
            assert service.get("/api/batch-simulations") == []
        assert differences(database) == []
