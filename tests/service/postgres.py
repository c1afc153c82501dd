"""A PostgreSQL server on loopback with throw-away data, for tests."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Self

import psycopg

MISSING = (
    "PostgreSQL's initdb is neither on PATH nor under /usr/lib/postgresql: install it (apt-get install postgresql), or "
    "set TESTS_WITHOUT_POSTGRES=1 to skip the tests that need it."
)


class Postgres:
    """Start a server with an empty cluster, make databases in it, and remove all of it at the end."""

    def __enter__(self) -> Self:
        programs = _programs()
        self._folder = Path(tempfile.mkdtemp(prefix="postgres-"))
        self._as_user = _user_for(self._folder)
        data = str(self._folder / "data")
        with (self._folder / "log").open("wb") as log:
            self._output: dict[str, Any] = {"stdout": log, "stderr": log, "cwd": self._folder, **self._as_user}
            initdb = [programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"]
            subprocess.run([*initdb, "--no-locale", "--no-sync"], check=True, **self._output)
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self._port = free.getsockname()[1]
            # -F: what a crash of the machine would lose is of no interest here
            server = [programs / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(self._port), "-k", "", "-F"]
            self._process = subprocess.Popen(server, **self._output)
        self._databases = 0
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.send_signal(signal.SIGQUIT)  # at once, whoever is connected
        self._process.wait()
        shutil.rmtree(self._folder)

    def new_database(self) -> str:
        """The URL of an empty database."""
        self._databases += 1
        name = f"test_{self._databases}"
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[call-overload]
        return self._url(name)

    def _url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self._port}/{database}"

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(self._url("postgres")).close()
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"PostgreSQL did not start: {(self._folder / 'log').read_text()}") from None
                time.sleep(0.05)
            else:
                return


def _programs() -> Path:
    """Where the programs are; the newest version, where Debian has several."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    if not found:
        raise RuntimeError(MISSING)
    return found[-1].parent


def _user_for(folder: Path) -> dict[str, Any]:
    """How to run the programs, which refuse to run as root."""
    if os.getuid() != 0:
        return {}
    shutil.chown(folder, "postgres", "postgres")
    return {"user": "postgres", "group": "postgres", "extra_groups": []}
