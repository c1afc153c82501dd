"""What the specification of batch simulations promises, example by example, over HTTP."""

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from scripted import ScriptedModel
from serving import Service
from sqlalchemy.exc import OperationalError

from service.app import create_app
from service.settings import Settings

BATCHES = "/api/batch-simulations"
EXAMPLE = {
    "name": "Climate Change Discussion",
    "description": "Simulating how different entities discuss climate change solutions",
    "context": "A panel discussion about potential solutions to climate change",
    "entity_ids": ["entity-id-1", "entity-id-2", "entity-id-3", "entity-id-4"],
    "interaction_size": 2,
    "num_simulations": 3,
    "n_turns": 2,
    "simulation_rounds": 1,
    "metadata": {"category": "climate", "tags": ["environment", "discussion"]},
}
BATCH_KEYS = {"id", "name", "timestamp", "description", "context", "status", "metadata"}
SIMULATION_KEYS = {"id", "sequence_number", "timestamp", "interaction_type", "entity_ids", "content", "metadata"}
BLOCK = re.compile(r'(?P<name>[^\n:]+): \*(?P<thought>[^*\n]+)\*\n"(?P<speech>[^"\n]+)"')


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedModel]:
    with ScriptedModel() as model:
        yield model


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, model: ScriptedModel) -> Iterator[Service]:
    database = tmp_path_factory.mktemp("contract") / "service.db"
    settings = {"llm_base_url": model.base_url, "llm_model": "scripted", "llm_max_retries": 0}
    with Service(f"sqlite:///{database}", **settings) as service:
        yield service


@pytest.fixture(autouse=True)
def _as_new(model: ScriptedModel) -> None:
    model.reset()


@pytest.fixture(scope="module")
def ids(service: Service) -> list[str]:
    return service.make_entities("Ada", "Blaise", "Carl", "Daniel")


@pytest.fixture(scope="module")
def batch(service: Service, ids: list[str]) -> dict[str, Any]:
    """The example of the specification, at its end."""
    return service.wait_for(service.post(BATCHES, {**EXAMPLE, "entity_ids": ids}, 201)["id"])


def assert_time(text: str) -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", text)
    assert abs(datetime.fromisoformat(text) - datetime.now(UTC)) < timedelta(minutes=10)


def assert_batch(data: dict[str, Any]) -> None:
    """A batch as the specification shows it; further keys may follow."""
    assert data.keys() >= BATCH_KEYS
    assert {name: data[name] for name in ("name", "description", "context", "metadata")} == {
        name: EXAMPLE[name] for name in ("name", "description", "context", "metadata")
    }
    assert data["status"] == "completed"
    assert_time(data["timestamp"])


def test_create(service: Service, ids: list[str]) -> None:
    answer = service.http.post(BATCHES, json={**EXAMPLE, "entity_ids": ids})
    assert answer.status_code == 201
    batch_id = answer.json()["data"]["id"]
    assert answer.json() == {"status": "success", "data": {"id": batch_id, "message": "Batch simulation started"}}
    assert service.wait_for(batch_id)["status"] == "completed"


def test_only_what_is_required(service: Service, ids: list[str]) -> None:
    needed = {name: EXAMPLE[name] for name in ("name", "context", "interaction_size", "num_simulations")}
    data = service.wait_for(service.post(BATCHES, {**needed, "entity_ids": ids}, 201)["id"])
    assert (data["description"], data["metadata"]) == ("", {})
    for simulation in data["simulations"]:
        assert simulation["metadata"] == {"n_turns": 1, "simulation_rounds": 1, "final_turn_number": 1}
        assert len(BLOCK.findall(simulation["content"])) == 2


def test_list(service: Service, batch: dict[str, Any]) -> None:
    answer = service.http.get(BATCHES).json()
    assert answer["status"] == "success"
    (listed,) = (data for data in answer["data"] if data["id"] == batch["id"])
    assert_batch(listed)
    assert "simulations" not in listed
    assert all("simulations" not in data for data in service.get(f"{BATCHES}?include_simulations=false"))
    times = [data["timestamp"] for data in answer["data"]]
    assert times == sorted(times, reverse=True)


def test_list_with_simulations(service: Service, batch: dict[str, Any]) -> None:
    (listed,) = (data for data in service.get(f"{BATCHES}?include_simulations=true") if data["id"] == batch["id"])
    assert listed == batch
    assert service.get(f"{BATCHES}/{batch['id']}?include_simulations=false") == {
        name: value for name, value in batch.items() if name != "simulations"
    }


def test_get(batch: dict[str, Any], ids: list[str]) -> None:
    assert_batch(batch)
    assert [simulation["sequence_number"] for simulation in batch["simulations"]] == [1, 2, 3]
    pairs = [tuple(simulation["entity_ids"]) for simulation in batch["simulations"]]
    assert len(set(pairs)) == 3
    names = dict(zip(ids, ("Ada", "Blaise", "Carl", "Daniel"), strict=True))
    for simulation in batch["simulations"]:
        assert simulation.keys() >= SIMULATION_KEYS
        assert simulation["id"]
        assert_time(simulation["timestamp"])
        assert simulation["interaction_type"] == "dyadic"
        assert simulation["metadata"] == {"n_turns": 2, "simulation_rounds": 1, "final_turn_number": 2}
        blocks = [BLOCK.fullmatch(block) for block in simulation["content"].split("\n\n")]
        assert all(blocks)
        one, two = (names[entity_id] for entity_id in simulation["entity_ids"])
        assert [block["name"] for block in blocks if block] == [one, two, one, two]


def test_two_entities_and_two_turns_are_four_calls(service: Service, model: ScriptedModel, ids: list[str]) -> None:
    chosen = {"entity_ids": ids[:2], "num_simulations": 1}
    data = service.wait_for(service.post(BATCHES, {**EXAMPLE, **chosen}, 201)["id"])
    assert model.calls() == 4
    (simulation,) = data["simulations"]
    assert simulation["entity_ids"] == ids[:2]
    said = [request["messages_hash"] for request in model.requests()]
    speakers = ("Ada", "Blaise", "Ada", "Blaise")
    assert simulation["content"] == "\n\n".join(
        f'{name}: *I think of {word}*\n"I say {word}"' for name, word in zip(speakers, said, strict=True)
    )
    assert simulation["metadata"]["final_turn_number"] == 2


def test_rounds_follow_each_other(service: Service, model: ScriptedModel, ids: list[str]) -> None:
    chosen = {"entity_ids": ids[:3], "interaction_size": 3, "num_simulations": 1, "simulation_rounds": 2}
    data = service.wait_for(service.post(BATCHES, {**EXAMPLE, **chosen}, 201)["id"])
    assert model.calls() == 12
    (simulation,) = data["simulations"]
    assert simulation["interaction_type"] == "group"
    assert simulation["metadata"] == {"n_turns": 2, "simulation_rounds": 2, "final_turn_number": 4}
    assert [name for name, *_ in BLOCK.findall(simulation["content"])] == ["Ada", "Blaise", "Carl"] * 4


def test_one_speaks_alone(service: Service, ids: list[str]) -> None:
    chosen = {"interaction_size": 1, "num_simulations": 4, "entity_ids": ids}
    data = service.wait_for(service.post(BATCHES, {**EXAMPLE, **chosen}, 201)["id"])
    assert {simulation["interaction_type"] for simulation in data["simulations"]} == {"solo"}
    assert sorted(entity for simulation in data["simulations"] for entity in simulation["entity_ids"]) == sorted(ids)


def test_delete(service: Service, ids: list[str]) -> None:
    batch_id = service.make_batch(ids)
    service.wait_for(batch_id)
    answer = service.http.delete(f"{BATCHES}/{batch_id}")
    assert answer.status_code == 200
    message = f"Batch simulation {batch_id} deleted successfully"
    assert answer.json() == {"status": "success", "data": {"message": message}}
    assert batch_id in service.get(f"{BATCHES}/{batch_id}", 404)
    assert batch_id in service.delete(f"{BATCHES}/{batch_id}", 404)
    assert batch_id not in [data["id"] for data in service.get(BATCHES)]


@pytest.mark.parametrize("query", ["", "?format=json"])
def test_export_as_json(service: Service, batch: dict[str, Any], query: str) -> None:
    answer = service.http.get(f"{BATCHES}/{batch['id']}/export{query}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == f'attachment; filename="{batch["id"]}.json"'
    exported = json.loads(answer.content)
    assert_batch(exported)
    contents = [simulation["content"] for simulation in exported["simulations"]]
    assert contents == [simulation["content"] for simulation in batch["simulations"]]


def test_export_as_csv(service: Service, batch: dict[str, Any]) -> None:
    answer = service.http.get(f"{BATCHES}/{batch['id']}/export?format=csv")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == f'attachment; filename="{batch["id"]}.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.content.decode(), newline="")))
    assert [row["id"] for row in rows] == [simulation["id"] for simulation in batch["simulations"]]
    assert [row["content"] for row in rows] == [simulation["content"] for simulation in batch["simulations"]]


@pytest.mark.parametrize(("size", "count"), [(1, 10), (2, 45), (3, 120)])
def test_combinations(service: Service, size: int, count: int) -> None:
    ids = service.make_entities(*(f"Figure {number}" for number in range(10)))
    body = {**EXAMPLE, "entity_ids": ids, "interaction_size": size, "num_simulations": count}
    preview = service.post(f"{BATCHES}/preview", body)
    assert (preview["combinations"], preview["num_simulations"]) == (count, count)
    assert preview["model_calls"] == count * size * 2
    assert f"the {count} combinations" in service.post(BATCHES, {**body, "num_simulations": count + 1}, 422)


def test_every_pair_of_ten_meets_once(service: Service) -> None:
    ids = service.make_entities(*(f"Figure {number}" for number in range(10)))
    batch_id = service.make_batch(ids, num_simulations=45)
    data = service.wait_for(batch_id)
    assert data["status"] == "completed"
    assert len({frozenset(simulation["entity_ids"]) for simulation in data["simulations"]}) == 45


def test_statuses(service: Service, model: ScriptedModel) -> None:
    ids = service.make_entities("Stubborn", "Willing", "Able")
    refusal = {"kind": "status", "status": 400}
    model.control(latency=0.3)
    batch_id = service.make_batch(ids, n_turns=2)
    assert service.batch(batch_id)["status"] in ("pending", "in_progress")
    assert service.wait_for(batch_id, "in_progress", "completed")["status"] in ("in_progress", "completed")
    assert service.wait_for(batch_id)["status"] == "completed"
    model.control(latency=0, rules=[{"match": "You are Stubborn.", "behaviour": refusal}])
    partial = service.wait_for(service.make_batch(ids, num_simulations=3))
    assert partial["status"] == "partial"
    assert sorted(simulation["status"] for simulation in partial["simulations"]) == ["completed", "failed", "failed"]
    model.control(rules=[{"match": "You are", "behaviour": refusal}])
    assert service.wait_for(service.make_batch(ids, num_simulations=3))["status"] == "failed"


def test_what_is_not_there(service: Service) -> None:
    assert "batch-0" in service.get(f"{BATCHES}/batch-0", 404)
    assert "batch-0" in service.delete(f"{BATCHES}/batch-0", 404)
    assert "batch-0" in service.get(f"{BATCHES}/batch-0/export", 404)
    assert "/nowhere" in service.get("/nowhere", 404)


def test_what_is_not_allowed_there(service: Service) -> None:
    answer = service.http.put(f"{BATCHES}/batch-0", json={})
    assert answer.status_code == 405
    assert answer.headers["allow"] == "DELETE, GET"
    assert answer.json() == {
        "status": "error",
        "message": f"PUT is not allowed at {BATCHES}/batch-0; allowed: DELETE, GET.",
    }


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": None}, "name = None: input should be a valid string."),
        ({"interaction_size": "two"}, "interaction_size = 'two': input should be a valid integer"),
        ({"n_turns": 0}, "n_turns = 0: input should be greater than or equal to 1."),
        ({"entity_ids": "entity-id-1"}, "entity_ids = 'entity-id-1': input should be a valid list."),
        ({"metadata": ["climate"]}, "metadata = ['climate']: input should be a valid dictionary."),
        ({"turns": 2}, "turns is not a known field."),
        ({"entity_ids": ["a", "b"], "num_simulations": 1}, "entity_ids names unknown entities: 'a', 'b'."),
    ],
)
def test_fields_that_are_not_allowed(service: Service, ids: list[str], changes: dict[str, Any], sentence: str) -> None:
    assert service.post(BATCHES, {**EXAMPLE, "entity_ids": ids, **changes}, 422).startswith(sentence)


@pytest.mark.parametrize("field", ["name", "context", "entity_ids", "interaction_size", "num_simulations"])
def test_missing_fields(service: Service, ids: list[str], field: str) -> None:
    body = {name: value for name, value in {**EXAMPLE, "entity_ids": ids}.items() if name != field}
    assert service.post(BATCHES, body, 422) == f"{field} is required and missing."


@pytest.mark.parametrize("body", [b"{", b"", b"\xff\xfe", b'{"name": "x",}', b"null", b"[]"])
def test_malformed_bodies(service: Service, body: bytes) -> None:
    answer = service.http.post(BATCHES, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.json().keys() == {"status", "message"}
    assert answer.json()["status"] == "error"
    assert answer.json()["message"].endswith(".")


def test_a_database_that_is_away_is_told_of(tmp_path: Path) -> None:
    app = create_app(Settings(database_url=f"sqlite:///{tmp_path}/test.db", llm_base_url="http://127.0.0.1:9"))

    @app.get("/away")
    def away() -> None:
        raise OperationalError("SELECT 1", {}, ConnectionError("gone"))

    with TestClient(app, base_url="http://localhost", client=("127.0.0.1", 5000)) as client:
        answer = client.get("/away")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.json() == {"status": "error", "message": "The database does not answer: try again in a moment."}


def test_a_slash_too_many_is_in_the_envelope(client: TestClient) -> None:
    answer = client.get("/api/entities/", follow_redirects=False)
    assert answer.status_code == 404
    assert answer.json()["status"] == "error"


def test_a_bug_is_admitted_without_details(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    app = create_app(Settings(database_url=f"sqlite:///{tmp_path}/test.db", llm_base_url="http://127.0.0.1:9"))

    @app.get("/bug")
    def bug() -> None:
        raise RuntimeError("the cause")

    with TestClient(
        app, base_url="http://localhost", client=("127.0.0.1", 5000), raise_server_exceptions=False
    ) as client:
        answer = client.get("/bug")
    assert answer.status_code == 500
    assert answer.json() == {"status": "error", "message": "The service failed to answer; its log says why."}
    (line,) = (json.loads(line) for line in capfd.readouterr().err.splitlines() if "request failed" in line)
    assert (line["path"], line["error"]) == ("/bug", "RuntimeError")
    assert "the cause" in line["exception"]
