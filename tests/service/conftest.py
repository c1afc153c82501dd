"""What tests of the service share."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from postgres import Postgres

from service.app import create_app
from service.settings import Settings


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
