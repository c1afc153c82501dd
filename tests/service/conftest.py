"""What tests of the service share."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from dbos import DBOS, DBOSConfig
from fastapi.testclient import TestClient
from postgres import Postgres

from service.app import create_app
from service.settings import Settings


@pytest.fixture(autouse=True, scope="session")
def _soon_ended() -> Iterator[None]:
    """DBOS in this process looks for notifications, of which there are none, more often: its end awaits a last look."""
    begin = DBOS.__init__

    def hasten(self: DBOS, *, config: DBOSConfig, **more: Any) -> None:
        begin(self, config={**config, "notification_listener_polling_interval_sec": 0.02}, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DBOS, "__init__", hasten)
        yield


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """A client on this machine, of a service with an empty database."""
    settings = Settings(
        database_url=f"sqlite:///{tmp_path}/test.db", llm_base_url="http://127.0.0.1:9/v1", llm_model="m"
    )
    app = create_app(settings)
    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 5000)) as client:
        yield client


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[Callable[[], str]]:
    """Makes empty PostgreSQL databases; each call gives the URL of another one."""
    if os.environ.get("TESTS_WITHOUT_POSTGRES"):
        pytest.skip("TESTS_WITHOUT_POSTGRES is set")
    with Postgres() as server:
        yield server.new_database
