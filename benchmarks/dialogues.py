"""Load on the dialogue service: calls a second against the limit in flight, memory, and answers meanwhile.

    python benchmarks/dialogues.py [--in-flight 64] [--simulations 1000] [--latency 0.5] [--no-postgres]

Runs a batch of pairs against the scripted model server of the tests, which takes `latency` seconds a call, on a fresh
SQLite file and on a PostgreSQL of its own, unless there is none. The ideal is in-flight / latency calls a second.
"""

import argparse
import os
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "service"))

import httpx2
from postgres import Postgres
from scripted import ScriptedModel
from serving import Service

GET_EVERY = 1.0  # seconds between looks at the list and at the batch


def main() -> None:
    """Measures each database and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--simulations", type=int, default=1000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--latency", type=float, default=0.5)
    parser.add_argument("--no-postgres", action="store_true")
    arguments = parser.parse_args()
    print(
        "database    calls/s  of ideal  max in flight   list ms  status ms    get ms  "
        "MiB at 25%  at the end  CPU ms a call"
    )
    with tempfile.TemporaryDirectory() as folder:
        print(f"{'SQLite':<11}", measure(f"sqlite:///{folder}/load.db", arguments), flush=True)
    if not arguments.no_postgres:
        with Postgres() as server:
            print(f"{'PostgreSQL':<11}", measure(server.new_database(), arguments), flush=True)


def measure(database_url: str, arguments: argparse.Namespace) -> str:
    """One row of the table."""
    ideal = arguments.in_flight / arguments.latency
    with (
        ScriptedModel(arguments.latency) as model,
        Service(
            database_url, llm_base_url=model.base_url, llm_model="scripted", llm_max_in_flight=arguments.in_flight
        ) as service,
    ):
        ids = service.make_entities(*(f"Entity {number}" for number in range(50)))
        watch = Watch(service)
        cpu_before = cpu_seconds(service)
        start = time.monotonic()
        batch_id = service.make_batch(ids, num_simulations=arguments.simulations, n_turns=arguments.turns)
        calls = arguments.simulations * 2 * arguments.turns
        watch.begin(batch_id)
        memory = {}
        while (done := model.calls()) < calls:
            if "quarter" not in memory and done >= calls / 4:
                memory["quarter"] = resident_mib(service)
            time.sleep(0.1)
        service.wait_for(batch_id, "completed")
        seconds = time.monotonic() - start
        watch.end()
        memory["end"] = resident_mib(service)
        rate = calls / seconds
        return (
            f"{rate:7.1f}  {rate / ideal:8.1%}  {model.max_in_flight():13d}  {watch.median('list'):8.1f}  "
            f"{watch.median('status'):9.1f}  "
            f"{watch.median('get'):8.1f}  {memory['quarter']:10.0f}  {memory['end']:10.0f}  "
            f"{1000 * (cpu_seconds(service) - cpu_before) / calls:13.2f}"
        )


class Watch:
    """A client that looks at the service while it works."""

    def __init__(self, service: Service) -> None:
        self._base_url = str(service.http.base_url)
        self._milliseconds: dict[str, list[float]] = {"list": [], "get": [], "status": []}
        self._over = threading.Event()

    def begin(self, batch_id: str) -> None:
        """Starts to look."""
        batch = f"/api/batch-simulations/{batch_id}"
        paths = {"list": "/api/batch-simulations", "get": batch, "status": f"{batch}?include_simulations=false"}
        self._thread = threading.Thread(target=self._look, args=(paths,), daemon=True)
        self._thread.start()

    def _look(self, paths: dict[str, str]) -> None:
        with httpx2.Client(base_url=self._base_url, timeout=60) as http:
            while not self._over.wait(GET_EVERY):
                for name, path in paths.items():
                    start = time.monotonic()
                    http.get(path).raise_for_status()
                    self._milliseconds[name].append(1000 * (time.monotonic() - start))

    def end(self) -> None:
        """Stops."""
        self._over.set()
        self._thread.join()

    def median(self, name: str) -> float:
        """Of the answers' times, milliseconds."""
        return statistics.median(self._milliseconds[name])


def resident_mib(service: Service) -> float:
    """Resident memory of the service's process (Linux)."""
    assert service.process is not None
    status = Path(f"/proc/{service.process.pid}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def cpu_seconds(service: Service) -> float:
    """CPU time of the service's process so far (Linux)."""
    assert service.process is not None
    fields = Path(f"/proc/{service.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
