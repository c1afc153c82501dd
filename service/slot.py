"""Who works: the number of a worker process, held by a lock."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from filelock import FileLock, Timeout
from sqlalchemy.exc import DBAPIError

from service.db import LOCK_SPACE, Database
from service.envelope import ServiceError

MAX_WORKERS = 256


class Slot:
    """The number under which a worker process runs simulations; its lock ends with the process, however it ends.

    Work that a killed process leaves behind is taken up again by whoever gets its number next, and by a living
    worker that finds the number free (`taken_from_dead`).
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._guard = threading.Lock()
        self._held = True
        self._file: FileLock | None = None
        self._connection: sa.Connection | None = None
        if database.is_sqlite:
            self.number = self._lock_file()
        else:
            self._connection = self._connect()
            self.number = next(number for number in range(MAX_WORKERS) if self._try(number))

    def _lock_file(self) -> int:
        path = f"{self._database.url.database}.lock"
        self._file = FileLock(path)
        try:
            self._file.acquire(blocking=False)
        except Timeout:
            raise ServiceError(
                503,
                f"Another process works on the database {self._database.url.database}: stop it, use its HTTP address "
                "(--server), or choose another SERVICE_DATABASE_URL (PostgreSQL takes any number of processes).",
            ) from None
        return 0

    def _connect(self) -> sa.Connection:
        connection = self._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        connection.detach()  # kept for the whole life of the process, outside the pool
        return connection

    def hold(self) -> None:
        """Takes the number again, if the connection whose end gives it back was lost while the process lives.

        Raises:
            sqlalchemy.exc.DBAPIError: the database is still away.
        """
        if self._connection is None:
            return
        with self._guard:
            try:
                self._connection.execute(sa.select(1))
            except DBAPIError:
                self._connection.invalidate()
                self._connection, self._held = self._connect(), False
            if not self._held:
                self._held = self._try(self.number)

    def _try(self, number: int) -> bool:
        assert self._connection is not None  # noqa: S101 - PostgreSQL only
        return bool(self._connection.scalar(sa.select(sa.func.pg_try_advisory_lock(LOCK_SPACE, number))))

    @contextmanager
    def taken_from_dead(self, number: int) -> Iterator[bool]:
        """Whether another worker's number was free; it is held while the block runs."""
        if self._connection is None or number == self.number:
            yield False
            return
        with self._guard:
            free = self._try(number)
            try:
                yield free
            finally:
                if free:
                    self._connection.execute(sa.select(sa.func.pg_advisory_unlock(LOCK_SPACE, number)))

    def release(self) -> None:
        """Gives the number back."""
        if self._file is not None:
            self._file.release()
        if self._connection is not None:
            self._connection.close()
