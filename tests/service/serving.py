"""A real service process on a free port of the loopback address, for tests."""

import os
import signal
import socket
import subprocess
import sys
import time
from typing import Any

import httpx2


class Service:
    """`python -m service` in a process of its own.

    Args:
        database_url: as SERVICE_DATABASE_URL.
        settings: further settings, without the prefix: `llm_timeout=2` is SERVICE_LLM_TIMEOUT.
    """

    def __init__(self, database_url: str, **settings: object) -> None:
        self.settings = {"database_url": database_url, "port": _free_port(), **settings}
        self.http = httpx2.Client(base_url=f"http://127.0.0.1:{self.settings['port']}", timeout=60)
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Service":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.http.close()

    def start(self) -> "Service":
        """Starts, and waits until requests are answered."""
        plain = {name: value for name, value in os.environ.items() if not name.startswith("SERVICE_")}
        chosen = {f"SERVICE_{name.upper()}": str(value) for name, value in self.settings.items()}
        self.process = subprocess.Popen([sys.executable, "-m", "service"], env={**plain, **chosen})
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the service ended with status {self.process.returncode}")
            try:
                if self.http.get("/readyz").status_code == 200:
                    return self
            except httpx2.TransportError:
                time.sleep(0.05)
        raise TimeoutError("the service did not start")

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Asks the process to end."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    def get(self, path: str, status: int = 200) -> Any:
        """The data of an answer with the expected status; its message, where that is an error."""
        return _content(self.http.get(path), status)

    def post(self, path: str, body: object = None, status: int = 200) -> Any:
        """Likewise."""
        return _content(self.http.post(path, json=body), status)

    def delete(self, path: str, status: int = 200) -> Any:
        """Likewise."""
        return _content(self.http.delete(path), status)

    def make_entities(self, *names: str) -> list[str]:
        """Entities with these names; their ids."""
        return [self.post("/api/entities", {"name": name}, 201)["id"] for name in names]

    def make_batch(self, entity_ids: list[str], **fields: object) -> str:
        """A batch of pairs, with the seed 1 unless told otherwise; its id."""
        body = {
            "name": "Test", "context": "A panel", "entity_ids": entity_ids, "interaction_size": 2,
            "num_simulations": 1, "seed": 1, **fields,
        }  # fmt: skip
        return str(self.post("/api/batch-simulations", body, 201)["id"])

    def batch(self, batch_id: str) -> dict[str, Any]:
        """A batch with its simulations."""
        data: dict[str, Any] = self.get(f"/api/batch-simulations/{batch_id}")
        return data

    def wait_for(self, batch_id: str, *statuses: str, timeout: float = 60) -> dict[str, Any]:
        """Waits until the batch has one of the statuses, by default a final one."""
        wanted = statuses or ("completed", "partial", "failed", "cancelled")
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            data: dict[str, Any] = self.get(f"/api/batch-simulations/{batch_id}?include_simulations=false")
            if data["status"] in wanted:
                return self.batch(batch_id)
            time.sleep(0.05)
        raise TimeoutError(f"{batch_id} is {data['status']}, {data['counts']}")


def _content(response: httpx2.Response, status: int) -> Any:
    assert response.status_code == status, response.text
    body = response.json()
    assert body["status"] == ("success" if status < 400 else "error")
    return body["data"] if status < 400 else body["message"]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
