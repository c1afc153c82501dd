"""The scripted model as a process of its own, for tests."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any, Self

SERVER = Path(__file__).with_name("scripted_model.py")

# A proxy named in the environment must not get in between: the server is on loopback.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ScriptedModel:
    """Start a scripted model, talk to its /control, and kill it at the end; scripted_model.py says what can be set."""

    def __init__(self, latency: float = 0.0) -> None:
        self.latency = latency

    def __enter__(self) -> Self:
        command = [sys.executable, str(SERVER), "--port", "0", "--latency", str(self.latency)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line.startswith("listening on "):
            self.__exit__()
            raise RuntimeError(f"the scripted model did not start; it said {line!r}")
        self.url = line.removeprefix("listening on ").strip()
        self.base_url = f"{self.url}/v1"
        return self

    def __exit__(self, *exc: object) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def control(self, **order: Any) -> dict[str, Any]:
        """Script the answers: latency=, behaviours=, rules=, reset=."""
        return self._call("/control", json.dumps(order).encode())

    def calls(self) -> int:
        return self._call("/control?requests=false")["calls"]

    def requests(self) -> list[dict[str, Any]]:
        return self._call("/control")["requests"]

    def in_flight(self) -> int:
        return self._call("/control?requests=false")["in_flight"]

    def max_in_flight(self) -> int:
        return self._call("/control?requests=false")["max_in_flight"]

    def reset(self) -> None:
        """As new: the latency, too, is again the one it was started with."""
        self.control(reset=True, latency=self.latency)

    def _call(self, path: str, body: bytes | None = None) -> dict[str, Any]:
        with _opener.open(urllib.request.Request(self.url + path, data=body), timeout=30) as answer:
            return json.load(answer)
