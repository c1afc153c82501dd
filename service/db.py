"""The database: one SQLite file or one PostgreSQL database, its sessions, its migrations."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar
from uuid import uuid4

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy import event
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.orm import DeclarativeBase, sessionmaker
from sqlalchemy.types import TypeDecorator

MIGRATIONS = Path(__file__).parent / "migrations"
LOCK_SPACE = 0x6573_696D  # "esim": keeps our advisory locks apart from those of other programs
_MIGRATION = -1  # the advisory lock of migrations; workers have theirs from 0 on


DATABASE_AWAY = (OperationalError, InterfaceError, NoConnection)
"""What is raised where the database does not answer; the same may succeed later."""


class Base(DeclarativeBase):
    """All tables of the service."""

    # float: SQLAlchemy 2.0 and 2.1 have different types for it
    type_annotation_map: ClassVar[dict[Any, Any]] = {dict[str, Any]: sa.JSON, list[str]: sa.JSON, float: sa.Double}


class Time(TypeDecorator[datetime]):
    """A point in time, kept and given in UTC; SQLite itself forgets the zone."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, _dialect: sa.Dialect) -> datetime | None:
        """With its zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def now() -> datetime:
    """The present, UTC."""
    return datetime.now(UTC)


def new_id(kind: str) -> str:
    """An id that tells what it is the id of, such as `batch-9f...`."""
    return f"{kind}-{uuid4().hex}"


def chunks(ids: Sequence[str], size: int = 500) -> Iterator[list[str]]:
    """Ids in portions that fit into one statement of every database.

    >>> list(chunks(["a", "b", "c"], 2))
    [['a', 'b'], ['c']]
    """
    return (list(ids[start : start + size]) for start in range(0, len(ids), size))


class Database:
    """The engine and its sessions.

    Args:
        url: sqlite:///file or postgresql://...; the driver is chosen here.
        pool_size: connections at most.
    """

    def __init__(self, url: str, pool_size: int = 10) -> None:
        self.url = sa.make_url(url)
        self.is_sqlite = self.url.drivername.startswith("sqlite")
        if self.is_sqlite:
            self.engine = _sqlite_engine(self.url)
        else:
            self.url = self.url.set(drivername="postgresql+psycopg")
            self.engine = sa.create_engine(self.url, pool_size=pool_size, max_overflow=0, hide_parameters=True)
        self.session = sessionmaker(self.engine, expire_on_commit=False)

    def transaction(self) -> Any:
        """A session whose work is committed at the end, or undone by an exception."""
        return self.session.begin()

    def migrate(self) -> None:
        """Brings the tables to the newest version; data are kept."""
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with self.engine.begin() as connection:
            if not self.is_sqlite:  # several workers start at once: one migrates, the others wait
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK_SPACE, _MIGRATION)))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def close(self) -> None:
        """Gives all connections back."""
        self.engine.dispose()


def _sqlite_engine(url: sa.URL) -> sa.Engine:
    # few connections: SQLite has one writer, and waiting for a connection is fairer than waiting for its lock
    engine = sa.create_engine(
        url,
        pool_size=4,
        max_overflow=0,
        pool_timeout=120,
        connect_args={"check_same_thread": False},
        hide_parameters=True,  # errors are logged, texts are not
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: Any) -> None:
        connection.isolation_level = "IMMEDIATE"
        connection.execute("PRAGMA busy_timeout=30000")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA journal_mode=WAL")  # readers don't wait for the writer
        connection.execute("PRAGMA synchronous=NORMAL")  # in WAL a killed process loses nothing

    return engine
