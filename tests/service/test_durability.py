"""Batches survive what becomes of their processes: nothing is lost, nothing is said twice, nothing is left behind."""

import math
import os
import random
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from scripted import ScriptedModel
from serving import Service

from service.batches.schemas import NewBatch
from service.batches.store import make_batch
from service.batches.tables import BatchEntity, Simulation, Utterance
from service.db import Database
from service.entities.tables import Entity

IN_FLIGHT = 4
AT_A_TIME = 2 * IN_FLIGHT  # simulations that a worker runs at a time, each with one call at most
NAMES = [f"Entity {number}" for number in range(10)]  # 45 pairs
DBOS_TABLES = ("workflow_status", "operation_outputs", "workflow_input", "workflow_output")


class Worker(Service):
    """A service that can be told from others by the key with which it asks the model."""

    def __init__(self, database_url: str, model: ScriptedModel, key: str = "worker", **settings: object) -> None:
        super().__init__(
            database_url,
            llm_base_url=model.base_url,
            llm_model="scripted",
            llm_api_key=key,
            **{"llm_max_in_flight": IN_FLIGHT, **settings},
        )
        self.url, self.model, self.key = database_url, model, key
        self.started_at = self.killed_at = 0.0

    def start(self) -> "Worker":
        self.started_at = time.time()
        super().start()
        return self

    def kill(self) -> None:
        super().kill()
        self.killed_at = time.time()

    def start_and_kill(self, seconds: float) -> None:
        """kill -9 so long after the process came into being, ready or not."""
        previous = self.process
        starting = threading.Thread(target=self._start_in_vain)
        starting.start()
        while self.process is previous:
            time.sleep(0.01)
        time.sleep(seconds)
        self.kill()
        starting.join()

    def _start_in_vain(self) -> None:
        with suppress(RuntimeError):
            self.start()

    def asked(self) -> set[str]:
        """Digests of the questions that this process has asked."""
        bearer = f"Bearer {self.key}"
        return {
            request["messages_hash"]
            for request in self.model.requests()
            if request["authorization"] == bearer and request["time"] >= self.started_at
        }


class Record:
    """What the tables of a service hold, read behind its back."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)

    def close(self) -> None:
        self.database.close()

    def spoken(self, batch_id: str) -> dict[str, list[tuple[int, str, float]]]:
        """By simulation: positions of utterances, the digests of the questions that they answer, and when."""
        chosen = sa.select(Simulation.id, Utterance.position, Utterance.speech, Utterance.created_at)
        chosen = chosen.join_from(Simulation, Utterance).where(Simulation.batch_id == batch_id)
        with self.database.transaction() as session:
            rows = session.execute(chosen.order_by(Utterance.position)).all()
        by_simulation: dict[str, list[tuple[int, str, float]]] = {}
        for simulation_id, position, speech, at in rows:
            by_simulation.setdefault(simulation_id, []).append((position, digests(speech)[0], at.timestamp()))
        return by_simulation

    def answered(self, batch_id: str, until: float = math.inf) -> set[str]:
        """Digests of the questions whose answers were stored until then."""
        spoken = self.spoken(batch_id).values()
        return {digest for utterances in spoken for _, digest, at in utterances if at <= until}

    def left_of_batch(self) -> dict[str, int]:
        """Rows, in a database whose only batch was deleted; the workflows of DBOS included."""
        tables: list[Any] = [Simulation.__table__, Utterance.__table__, BatchEntity.__table__]
        schema = None if self.database.is_sqlite else "dbos"
        tables += [sa.table(name, schema=schema) for name in DBOS_TABLES]
        with self.database.transaction() as session:
            counts = {table.name: session.scalar(sa.select(sa.func.count()).select_from(table)) for table in tables}
        return {name: count for name, count in counts.items() if count}


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    with ScriptedModel(latency=0.1) as model:
        yield model


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def new_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], str]:
    """Makes empty databases of one kind and then of the other."""
    if request.param == "sqlite":
        return lambda: f"sqlite:///{tmp_path_factory.mktemp('database')}/test.db"
    make: Callable[[], str] = request.getfixturevalue("postgres_url")
    return make


@pytest.fixture
def url(new_url: Callable[[], str]) -> str:
    """An empty database of each kind in turn."""
    return new_url()


@pytest.fixture(scope="module")
def shared_worker(new_url: Callable[[], str]) -> Iterator[Worker]:
    with ScriptedModel() as model, Worker(new_url(), model) as worker:
        yield worker


@pytest.fixture
def shared(shared_worker: Worker) -> Worker:
    """A worker for tests that need none of their own; its model is as new."""
    shared_worker.model.reset()
    return shared_worker


@pytest.fixture
def record(shared: Worker) -> Iterator[Record]:
    with closing(Record(shared.url)) as record:
        yield record


def digests(text: str) -> list[str]:
    return re.findall(r"I say (\w+)", text)


def check_whole(batch: dict[str, Any], record: Record, utterances: int) -> None:
    """Every simulation is completed and has each of its utterances once, in the API's answer as in the tables."""
    assert batch["status"] == "completed"
    spoken = record.spoken(batch["id"])
    for simulation in batch["simulations"]:
        positions, said, _ = zip(*spoken[simulation["id"]], strict=True)
        assert positions == tuple(range(utterances))
        assert digests(simulation["content"]) == list(said)
        assert simulation["status"] == "completed"
    assert len(record.answered(batch["id"])) == utterances * len(batch["simulations"])  # all differ


def check_calls(model: ScriptedModel, answered: set[str], lost: Counter[str]) -> None:
    """Every question is asked once, and once more for each kill at which its answer was not stored."""
    asked = Counter(request["messages_hash"] for request in model.requests())
    assert set(asked) == answered  # what is asked again is asked in the same words
    assert {digest: times for digest, times in asked.items() if times > 1 + lost[digest]} == {}
    assert model.calls() <= len(answered) + lost.total()
    print(f"{model.calls()} calls, {len(answered)} utterances, {lost.total()} calls in flight at the kills")


def lost_by_kill(worker: Worker, record: Record, batch_id: str) -> Counter[str]:
    """The calls that were in flight when the worker was killed: asked, and not stored."""
    lost = worker.asked() - record.answered(batch_id, until=worker.killed_at)
    assert len(lost) <= AT_A_TIME
    return Counter(lost)


@pytest.mark.slow
def test_twenty_kills_on_sqlite_strand_nothing(tmp_path: Path, model: ScriptedModel) -> None:
    dice = random.Random(20)
    lost: Counter[str] = Counter()
    with Worker(f"sqlite:///{tmp_path}/test.db", model) as worker, closing(Record(worker.url)) as record:
        startup = time.time() - worker.started_at
        batch_id = worker.make_batch(worker.make_entities(*NAMES), num_simulations=45, n_turns=5)
        for number in range(20):
            if number % 3 == 2:
                worker.start_and_kill(dice.uniform(0, startup))
            else:
                if number > 0:
                    worker.start()
                time.sleep(dice.uniform(0, 0.8))
                worker.kill()
            lost += lost_by_kill(worker, record, batch_id)
        finish(model, record, worker, batch_id, 10, lost)


@pytest.mark.slow
def test_kills_of_two_workers_on_postgres_strand_nothing(postgres_url: Callable[[], str], model: ScriptedModel) -> None:
    dice = random.Random(8)
    url = postgres_url()
    model.control(latency=0.5)  # one goes on while the other starts, and there is to be work for both
    lost: Counter[str] = Counter()
    with Worker(url, model, "a") as one, Worker(url, model, "b") as other, closing(Record(url)) as record:
        batch_id = one.make_batch(one.make_entities(*NAMES), num_simulations=45, n_turns=7)
        for _ in range(8):
            time.sleep(dice.uniform(0, 0.8))
            victims = dice.choice([[one], [other], [one, other]])
            for worker in victims:
                worker.kill()
            for worker in victims:
                lost += lost_by_kill(worker, record, batch_id)
            in_parallel(*(worker.start for worker in victims))
        finish(model, record, other, batch_id, 14, lost)


def finish(
    model: ScriptedModel, record: Record, worker: Worker, batch_id: str, utterances: int, lost: Counter[str]
) -> None:
    """Lets the rest of a batch run quickly, and looks at the whole."""
    assert len(record.answered(batch_id)) < 45 * utterances, "all was said before the last kill"
    model.control(latency=0)
    if worker.process is None or worker.process.poll() is not None:
        worker.start()
    check_whole(worker.wait_for(batch_id), record, utterances)
    check_calls(model, record.answered(batch_id), lost)


def in_parallel(*tasks: Callable[[], object]) -> None:
    with ThreadPoolExecutor() as pool:
        for running in [pool.submit(task) for task in tasks]:
            running.result()


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0, 0.7])
def test_another_worker_takes_over_from_one_that_does_not_come_back(
    postgres_url: Callable[[], str], model: ScriptedModel, seconds: float
) -> None:
    url = postgres_url()
    with Worker(url, model, "a") as one, Worker(url, model, "b") as other, closing(Record(url)) as record:
        batch_id = one.make_batch(one.make_entities(*NAMES), num_simulations=45)
        time.sleep(seconds)
        one.kill()
        lost = lost_by_kill(one, record, batch_id)
        check_whole(other.wait_for(batch_id, timeout=30), record, utterances=2)
        check_calls(model, record.answered(batch_id), lost)


@pytest.mark.slow
def test_a_batch_whose_worker_died_before_it_was_queued_is_run_by_another(shared: Worker, record: Record) -> None:
    ids = shared.make_entities("Ada", "Ben")
    with record.database.transaction() as session:  # what POST does first
        entities = [session.get_one(Entity, entity_id) for entity_id in ids]
        new = NewBatch(name="Test", context="A panel", entity_ids=ids, interaction_size=2, num_simulations=1)
        batch_id = make_batch(session, new, entities, [(ids, 0)], seed=1, model="scripted").id
    check_whole(shared.wait_for(batch_id, timeout=15), record, utterances=2)


@pytest.mark.slow
def test_termination_lets_calls_in_flight_end(url: str, model: ScriptedModel) -> None:
    with Worker(url, model) as worker, closing(Record(url)) as record:
        batch_id = worker.make_batch(worker.make_entities(*NAMES), num_simulations=12, n_turns=2)
        wait_until(lambda: model.calls() > 12)
        worker.stop()
        assert len(record.answered(batch_id)) == model.calls() < 48
        worker.start()
        check_whole(worker.wait_for(batch_id), record, utterances=4)
        assert model.calls() == 48


@pytest.mark.slow
def test_termination_that_does_not_wait_fails_nothing(
    url: str, model: ScriptedModel, capfd: pytest.CaptureFixture[str]
) -> None:
    model.control(latency=3)
    with Worker(url, model, shutdown_grace=0.1, llm_max_retries=0) as worker, closing(Record(url)) as record:
        batch_id = worker.make_batch(worker.make_entities(*NAMES), num_simulations=6)
        wait_until(lambda: model.in_flight() == IN_FLIGHT)
        worker.stop()
        lost = Counter(worker.asked())
        model.control(latency=0)
        worker.start()
        check_whole(worker.wait_for(batch_id), record, utterances=2)
        check_calls(model, record.answered(batch_id), lost)
    assert "Traceback" not in capfd.readouterr().err


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.mark.slow
def test_a_second_process_on_the_same_file_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/test.db"
    with Service(url):
        environment = {**os.environ, "SERVICE_DATABASE_URL": url, "SERVICE_PORT": "0"}
        second = subprocess.run(
            [sys.executable, "-m", "service"], env=environment, capture_output=True, text=True, timeout=60
        )
    assert second.returncode != 0
    assert f"Another process works on the database {tmp_path}/test.db" in second.stderr


def test_cancel_stops_within_one_turn(shared: Worker, record: Record) -> None:
    model = shared.model
    model.control(latency=0.1)
    batch_id = shared.make_batch(shared.make_entities(*NAMES), num_simulations=20, n_turns=5)
    wait_until(lambda: model.calls() > 10)
    shared.post(f"/api/batch-simulations/{batch_id}/cancel")
    calls = model.calls()
    batch = shared.batch(batch_id)
    assert batch["status"] == "cancelled"
    assert batch["counts"]["pending"] == batch["counts"]["in_progress"] == 0
    time.sleep(1)
    assert model.in_flight() == 0
    assert model.calls() <= calls + AT_A_TIME
    check_kept(shared.batch(batch_id), record, model)
    shared.post(f"/api/batch-simulations/{batch_id}/cancel", status=409)
    model.control(latency=0)
    shared.post(f"/api/batch-simulations/{batch_id}/retry")
    check_whole(shared.wait_for(batch_id), record, utterances=10)
    assert model.calls() == 200


def check_kept(batch: dict[str, Any], record: Record, model: ScriptedModel) -> None:
    """What was said until then, calls in flight included, is kept."""
    assert batch["status"] == "cancelled"
    assert len(record.answered(batch["id"])) == model.calls() == batch["usage"]["calls"]


def test_what_was_cancelled_in_its_last_call_is_completed_by_a_retry(shared: Worker, record: Record) -> None:
    model = shared.model
    model.control(latency=1)
    batch_id = shared.make_batch(shared.make_entities("Ada"), interaction_size=1)
    wait_until(lambda: model.in_flight() == 1)
    shared.post(f"/api/batch-simulations/{batch_id}/cancel")
    wait_until(lambda: len(record.answered(batch_id)) == 1)
    assert shared.batch(batch_id)["status"] == "cancelled"
    shared.post(f"/api/batch-simulations/{batch_id}/retry")
    check_whole(shared.wait_for(batch_id, timeout=10), record, utterances=1)
    assert model.calls() == 1


@pytest.mark.slow
def test_deletion_of_a_running_batch_leaves_nothing(
    url: str, model: ScriptedModel, capfd: pytest.CaptureFixture[str]
) -> None:
    with Worker(url, model) as worker, closing(Record(url)) as record:
        entities = worker.make_entities(*NAMES)
        batch_id = worker.make_batch(entities, num_simulations=400, n_turns=5, on_excess="replicate")
        wait_until(lambda: model.in_flight() == IN_FLIGHT)
        worker.delete(f"/api/batch-simulations/{batch_id}")
        worker.get(f"/api/batch-simulations/{batch_id}", status=404)
        calls = model.calls()
        wait_until(lambda: record.left_of_batch() == {})  # of its workflows, too
        assert model.in_flight() == 0
        assert model.calls() <= calls + AT_A_TIME
        again = worker.make_batch(entities, num_simulations=12)
        check_whole(worker.wait_for(again), record, utterances=2)
    assert "Traceback" not in capfd.readouterr().err


def test_retry_runs_only_what_failed(shared: Worker, record: Record) -> None:
    model = shared.model
    model.control(rules=[{"match": "stubborn", "behaviour": {"kind": "status", "status": 400}}])
    stubborn = shared.post("/api/entities", {"name": "Zoe", "description": "stubborn"}, 201)["id"]
    entities = [*shared.make_entities("Ada", "Ben", "Cleo"), stubborn]
    batch_id = shared.make_batch(entities, num_simulations=6, n_turns=2)
    batch = shared.wait_for(batch_id)
    assert batch["status"] == "partial"
    failed = {simulation["id"] for simulation in batch["simulations"] if stubborn in simulation["entity_ids"]}
    assert {simulation["id"] for simulation in batch["simulations"] if simulation["status"] == "failed"} == failed
    kept = record.answered(batch_id)
    assert len(kept) == 3 * 4 + 3  # whole simulations, and what was said to Zoe
    model.control(reset=True)
    shared.post(f"/api/batch-simulations/{batch_id}/retry")
    check_whole(shared.wait_for(batch_id), record, utterances=4)
    asked = Counter(request["messages_hash"] for request in model.requests())
    assert set(asked) == record.answered(batch_id) - kept
    assert asked.total() == 3 * 3
    shared.post(f"/api/batch-simulations/{batch_id}/retry", status=409)


def test_answers_that_cannot_be_stored_strand_nothing(shared: Worker) -> None:
    said = ["NUL \0 in it", "half \ud800 of a pair"]
    shared.model.control(behaviours=[{"kind": "text", "content": content} for content in said])
    batch_id = shared.make_batch(shared.make_entities("Ada", "Ben"))
    batch = shared.wait_for(batch_id, timeout=10)
    assert batch["simulations"][0]["content"] == 'Ada:\n"NUL \ufffd in it"\n\nBen:\n"half \ufffd of a pair"'
    assert shared.model.calls() == 2
