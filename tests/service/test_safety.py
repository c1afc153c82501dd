"""Who may ask, how much may be sent, and what is never told."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from scripted import ScriptedModel
from serving import Service

from service.app import create_app
from service.llm import local
from service.llm.choose import NO_MODEL
from service.settings import Settings

BATCHES = "/api/batch-simulations"
PREVIEW = f"{BATCHES}/preview"
KEY = "correct-horse-battery"
OPEN = ("/healthz", "/readyz")
CLOSED = (BATCHES, "/api/entities", "/metrics", "/docs", "/redoc", "/openapi.json", "/nowhere")
NOBODY = "http://127.0.0.1:9/v1"  # nothing listens there

LIMITS: dict[str, Any] = {
    "max_body_bytes": 50_000,
    "max_text_length": 1_000,
    "max_entities_per_batch": 5,
    "max_simulations_per_batch": 8,
    "max_utterances_per_simulation": 20,
    "max_page_size": 10,
}


def client_of(tmp_path: Path, host: str = "localhost", address: str = "127.0.0.1", **settings: Any) -> TestClient:
    """A client of a service in this process, whose model is never reached."""
    given = {"llm_base_url": NOBODY, "llm_model": "m", "llm_max_retries": 0, **settings}
    app = create_app(Settings(database_url=f"sqlite:///{tmp_path}/test.db", **given))
    return TestClient(app, base_url=f"http://{host}", client=(address, 5000))


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    settings = {"api_key": KEY, "llm_base_url": NOBODY, "llm_model": "m"}
    with Service(f"sqlite:///{tmp_path_factory.mktemp('keyed')}/service.db", **settings) as service:
        yield service


@pytest.fixture(scope="module")
def bounded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    settings = {"llm_base_url": NOBODY, "llm_model": "m", "llm_max_retries": 0, **LIMITS}
    with Service(f"sqlite:///{tmp_path_factory.mktemp('bounded')}/service.db", **settings) as service:
        yield service


@pytest.fixture(scope="module")
def ids(bounded: Service) -> list[str]:
    return bounded.make_entities(*"abcdef")


@pytest.fixture
def new(ids: Sequence[str]) -> dict[str, Any]:
    return {"name": "n", "context": "c", "entity_ids": ids[:3], "interaction_size": 2, "num_simulations": 1}


def post_raw(service: Service, path: str, body: str | bytes) -> Any:
    return service.http.post(path, content=body, headers={"Content-Type": "application/json"})


def refused(answer: Any, *allowed: int) -> str:
    """The sentence of an error in its envelope."""
    assert answer.status_code in (allowed or (422,)), answer.text
    body = answer.json()
    assert body.keys() == {"status", "message"}
    assert body["status"] == "error"
    assert body["message"].endswith(".")
    return str(body["message"])


# who may ask


@pytest.mark.parametrize("path", CLOSED)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Bearer {KEY}x"},
        {"Authorization": f"Bearer {KEY[:-1]}"},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": "Bearer"},
        {"Authorization": KEY},
        {"X-API-Key": "wrong"},
        {"X-API-Key": ""},
        {"X-API-Key": "Bearer " + KEY},
        {"Authorization": "Bearer wrong", "X-API-Key": KEY},
        {b"X-API-Key": b"\xff\xe9"},
        {"Cookie": f"api_key={KEY}"},
    ],
)
def test_without_the_key_nothing_is_told(keyed: Service, path: str, headers: Any) -> None:
    answer = keyed.http.get(path, headers=headers)
    assert "API key" in refused(answer, 401)
    assert answer.headers["www-authenticate"] == "Bearer"
    assert "API key" in refused(keyed.http.get(f"{path}?api_key={KEY}", headers=headers), 401)
    assert "API key" in refused(keyed.http.post(path, headers=headers, json={}), 401)


@pytest.mark.parametrize("path", [path for path in CLOSED if path != "/nowhere"])
@pytest.mark.parametrize(
    "headers", [{"Authorization": f"Bearer {KEY}"}, {"authorization": f"bearer  {KEY}"}, {"X-API-Key": KEY}]
)
def test_with_the_key_all_is_told(keyed: Service, path: str, headers: dict[str, str]) -> None:
    assert keyed.http.get(path, headers=headers).status_code == 200


@pytest.mark.parametrize("path", OPEN)
def test_probes_need_no_key(keyed: Service, path: str) -> None:
    assert keyed.http.get(path).status_code == 200
    assert KEY not in keyed.http.get(path).text
    for variant in (f"{path}/", f"/{path}", f"{path}/..{BATCHES}", f"{path}%2f..", path.upper()):
        assert keyed.http.get(variant).status_code == 401


def test_with_a_key_the_service_answers_to_any_name(tmp_path: Path) -> None:
    with client_of(tmp_path, "dialogues.example", "192.0.2.7", api_key=KEY) as client:
        refused(client.get(BATCHES), 401)
        assert client.get(BATCHES, headers={"X-API-Key": KEY}).status_code == 200


@pytest.mark.slow
@pytest.mark.parametrize(
    ("host", "key"), [("0.0.0.0", None), ("0.0.0.0", ""), ("::", None), ("a.example", None), ("", None)]
)
def test_without_a_key_it_does_not_start_for_others(tmp_path: Path, host: str, key: str | None) -> None:
    settings = {"SERVICE_HOST": host, "SERVICE_DATABASE_URL": f"sqlite:///{tmp_path}/test.db"}
    ended = start_and_wait(settings if key is None else {**settings, "SERVICE_API_KEY": key})
    assert ended.returncode == 2
    assert ended.stdout == ""
    (sentence,) = ended.stderr.splitlines()
    assert sentence.startswith(f"SERVICE_HOST = '{host}' can be reached from other machines: set SERVICE_API_KEY")
    assert list(tmp_path.iterdir()) == []


def test_a_bad_setting_is_a_sentence_without_its_secrets(tmp_path: Path) -> None:
    ended = start_and_wait({"SERVICE_PORT": "http", "SERVICE_API_KEY": KEY, "SERVICE_LLM_API_KEY": "sk-secret"})
    assert (ended.returncode, ended.stdout) == (2, "")
    (sentence,) = ended.stderr.splitlines()
    assert sentence.startswith("SERVICE_PORT: ")


def start_and_wait(settings: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    plain = {name: value for name, value in os.environ.items() if not name.startswith("SERVICE_")}
    command = [sys.executable, "-m", "service"]
    return subprocess.run(command, env={**plain, **settings}, capture_output=True, text=True, timeout=60, check=False)


def status_and_message(service: Service, method: str, path: str, headers: dict[str, str], body: Any = None) -> Any:
    """Over a connection that adds no headers of its own."""
    connection = HTTPConnection("127.0.0.1", int(str(service.settings["port"])), timeout=30)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read()).get("message", "")
    finally:
        connection.close()


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "192.0.2.7", "localhost.evil.example:8000", "0.0.0.0", "", "[::"]
)
def test_pages_of_other_sites_get_no_answer(bounded: Service, host: str) -> None:
    """DNS rebinding: the address is ours, the name is not."""
    for path in CLOSED:
        status, message = status_and_message(bounded, "GET", path, {"Host": host})
        assert (status, "loopback" in message) == (403, True)


@pytest.mark.parametrize("host", ["localhost", "LocalHost:1", "127.0.0.1", "127.1.2.3:80", "[::1]", "[::1]:8000"])
def test_this_machine_gets_answers(bounded: Service, host: str) -> None:
    assert status_and_message(bounded, "GET", BATCHES, {"Host": host}) == (200, "")


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_forms_of_other_sites_make_nothing(bounded: Service, content_type: str) -> None:
    """What browsers send to other sites without asking them first is not taken for JSON."""
    body = json.dumps({"name": "n"}).encode()
    headers = {"Host": "localhost", "Content-Length": str(len(body)), "Origin": "http://evil.example"}
    if content_type:
        headers["Content-Type"] = content_type
    status, _ = status_and_message(bounded, "POST", "/api/entity-types", headers, body)
    assert status == 422
    assert bounded.get("/api/entity-types") == []


@pytest.mark.parametrize("address", ["192.0.2.7", "10.0.0.1", "2001:db8::1", "testclient", ""])
def test_other_machines_get_no_answer(tmp_path: Path, address: str) -> None:
    with client_of(tmp_path, address=address) as client:
        for path in CLOSED:
            assert "loopback" in refused(client.get(path), 403)
        assert client.get("/healthz").status_code == 200


# how much may be sent


def test_large_bodies_are_refused(bounded: Service) -> None:
    for size, statuses in ((LIMITS["max_body_bytes"], (400, 422)), (LIMITS["max_body_bytes"] + 1, (413,))):
        body = b"[" + b" " * (size - 2) + b"]"
        for path in (BATCHES, PREVIEW, "/api/entities", "/api/entities/import"):
            refused(post_raw(bounded, path, body), *statuses)
    assert "SERVICE_MAX_BODY_BYTES" in refused(post_raw(bounded, BATCHES, b" " * 60_000), 413)
    # refused by what is announced, before anything of it is read
    headers = {"Host": "localhost", "Content-Length": "1" + "0" * 15, "Content-Type": "application/json"}
    assert status_and_message(bounded, "POST", BATCHES, headers)[0] == 413


@pytest.mark.parametrize("path", [BATCHES, PREVIEW, "/api/entities", "/api/entities/import"])
def test_large_bodies_without_a_length_are_refused(bounded: Service, path: str) -> None:
    def pieces(number: int) -> Iterator[bytes]:
        for _ in range(number):
            yield b" " * 10_000
            time.sleep(0.01)

    headers = {"Content-Type": "application/json"}
    refused(bounded.http.post(path, content=pieces(5), headers=headers), 422)
    message = refused(bounded.http.post(path, content=pieces(6), headers=headers), 413)
    assert message == "The body is larger than 50000 bytes (SERVICE_MAX_BODY_BYTES)."


@pytest.mark.parametrize("path", [BATCHES, PREVIEW])
@pytest.mark.parametrize(
    ("changes", "setting"),
    [
        ({"context": "x" * 1_001}, "context has a size of 1001; allowed are 1000 at most (SERVICE_MAX_TEXT_LENGTH)"),
        ({"description": "x" * 1_001}, "SERVICE_MAX_TEXT_LENGTH"),
        ({"metadata": {"x": "x" * 1_000}}, "SERVICE_MAX_TEXT_LENGTH"),
        ({"num_simulations": 9, "on_excess": "replicate"}, "num_simulations has a size of 9; allowed are 8"),
        ({"num_simulations": 10**300, "on_excess": "replicate"}, "SERVICE_MAX_SIMULATIONS_PER_BATCH"),
        ({"n_turns": 11}, "= 22 utterances in a simulation; allowed are 20 at most"),
        ({"n_turns": 4, "simulation_rounds": 3}, "SERVICE_MAX_UTTERANCES_PER_SIMULATION"),
        ({"n_turns": 10_001}, "n_turns = 10001: input should be less than or equal to 10000"),
        ({"name": "x" * 201}, "name = 'xxx"),
        ({"language": "x" * 201}, "language = 'xxx"),
        ({"model": "x" * 201}, "model = 'xxx"),
        ({"interaction_size": 10**300}, "is more than the 3 entities"),
        ({"seed": 2**53}, "seed = 9007199254740992: input should be less than"),
        ({"seed": -1}, "seed = -1"),
        ({"max_tokens": 10**9}, "max_tokens = 1000000000"),
        ({"temperature": 2.1}, "temperature = 2.1"),
        ({"budget": {"max_calls": 2**31}}, "budget.max_calls = 2147483648"),
        ({"budget": {"max_tokens": 10**300}}, "budget.max_tokens = 1000"),
        ({"budget": {"max_calls": 0}}, "budget.max_calls = 0"),
        ({"entity_ids": ["e" * 10_000]}, "entity_ids.0 = 'eee"),
        ({"entity_ids": [""]}, "entity_ids.0 = ''"),
        ({"entity_ids": []}, "entity_ids = []"),
        ({"entity_ids": ["a", "b", "a", "b"]}, "entity_ids names ['a', 'b'] more than once: name every entity once."),
        ({"entity_ids": ["a", "A", "b "]}, "unknown entities: 'a', 'A', 'b '"),
        ({"x" * 10_000: 1}, "... is not a known field."),
    ],
)
def test_sizes_are_bounded(
    bounded: Service, new: dict[str, Any], path: str, changes: dict[str, Any], setting: str
) -> None:
    message = bounded.post(path, {**new, **changes}, 422)
    assert setting in message
    assert len(message) < 1_000
    assert bounded.get(BATCHES) == []


def test_entities_of_a_batch_are_bounded(bounded: Service, new: dict[str, Any], ids: list[str]) -> None:
    message = "entity_ids has a size of 6; allowed are 5 at most (SERVICE_MAX_ENTITIES_PER_BATCH)."
    for path in (BATCHES, PREVIEW):
        assert bounded.post(path, {**new, "entity_ids": ids}, 422) == message


def test_what_is_within_the_bounds_is_taken(bounded: Service, new: dict[str, Any], ids: list[str]) -> None:
    most = {"context": "x" * 1_000, "description": "é" * 1_000, "name": "🙂" * 200, "n_turns": 10}
    most |= {"entity_ids": ids[:5], "num_simulations": 8, "seed": 2**53 - 1, "temperature": 2}
    assert bounded.post(PREVIEW, {**new, **most})["model_calls"] == 160


@pytest.mark.parametrize(
    "limit", ["0", "-1", "11", "1" + "0" * 12, "9" * 5_000, "x", "", "NaN"], ids=lambda limit: limit[:9]
)
def test_pages_are_bounded(bounded: Service, limit: str) -> None:
    for path in (BATCHES, "/api/entities", "/api/entity-types"):
        assert "limit" in bounded.get(f"{path}?limit={limit}", 422)
    assert "offset" in bounded.get(f"{BATCHES}?offset={2**63}", 422)
    assert "offset" in bounded.get(f"{BATCHES}?offset=-1", 422)
    assert len(bounded.http.get("/api/entities?limit=2&offset=1").json()["data"]) == 2


@pytest.mark.parametrize("number", [2_000, 10_000])
def test_many_entities_are_refused_quickly(tmp_path: Path, number: int) -> None:
    body = {"name": "n", "context": "c", "interaction_size": number // 2, "num_simulations": 10**6}
    with client_of(tmp_path) as client:
        for ids in ([f"e{i}" for i in range(number)], ["e"] * number):
            start = time.perf_counter()
            refused(client.post(PREVIEW, json={**body, "entity_ids": ids}))
            assert time.perf_counter() - start < 2
        refused(client.post(PREVIEW, json={**body, "entity_ids": [str(i) for i in range(10_001)]}))


# what may be in it


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800", "\udc00\ud800"], ids=ascii)
@pytest.mark.parametrize(
    "place",
    [
        {"name": "?"}, {"context": "?"}, {"description": "?"}, {"language": "?"}, {"model": "?"},
        {"entity_ids": ["?"]}, {"metadata": {"x": "?"}}, {"metadata": {"?": 1}}, {"metadata": {"x": [{"?": 1}]}},
        {"metadata": {"x": [["?"]]}}, {"interaction_type": "?"}, {"on_excess": "?"}, {"?": 1}, {"budget": {"?": 1}},
        {"seed": "?"},
    ],
)  # fmt: skip
def test_texts_that_cannot_be_stored(bounded: Service, new: dict[str, Any], place: Any, text: str) -> None:
    changes = json.loads(json.dumps(place).replace("?", json.dumps(text)[1:-1]))
    for path in (BATCHES, PREVIEW):
        assert "\0" not in refused(post_raw(bounded, path, json.dumps({**new, **changes})))
    assert bounded.get(BATCHES) == []


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "-1e400"])
@pytest.mark.parametrize(
    "field",
    [
        "seed", "temperature", "interaction_size", "num_simulations", "n_turns", "simulation_rounds", "max_tokens",
        "metadata", "budget", "name", "cache", "entity_ids",
    ],
)  # fmt: skip
def test_numbers_that_are_none(bounded: Service, new: dict[str, Any], field: str, number: str) -> None:
    places = {"metadata": f'{{"x": [{number}]}}', "budget": f'{{"max_calls": {number}}}', "entity_ids": f"[{number}]"}
    rest = {name: value for name, value in new.items() if name != field}
    body = f'{json.dumps(rest)[:-1]}, "{field}": {places.get(field, number)}}}'
    for path in (BATCHES, PREVIEW):
        assert field in refused(post_raw(bounded, path, body))


@pytest.mark.parametrize("depth", [33, 100, 300, 900, 950, 1_000, 5_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_deep_bodies_are_refused(bounded: Service, new: dict[str, Any], opening: str, closing: str, depth: int) -> None:
    deep = f"{opening * depth}1{closing * depth}"
    for field in ("metadata", "name", "entity_ids", "budget", "unknown"):
        value = f'{{"x": {deep}}}' if field == "metadata" else deep
        for path in (BATCHES, PREVIEW):
            refused(post_raw(bounded, path, f'{json.dumps(new)[:-1]}, "{field}": {value}}}'), 400, 422)
    for path in (BATCHES, PREVIEW, f"{BATCHES}/x/retry", "/api/entities", "/api/entities/import"):
        refused(post_raw(bounded, path, deep), 400, 422)
    assert bounded.http.get(f"{BATCHES}?include_simulations=true").status_code == 200


def test_long_numbers_are_refused(bounded: Service, new: dict[str, Any]) -> None:
    body = f'{json.dumps(new)[:-1]}, "metadata": {{"x": {"9" * 5_000}}}}}'
    assert refused(post_raw(bounded, BATCHES, body), 400).startswith(
        "The body can't be read as JSON: Exceeds the limit"
    )
    assert "seed" in refused(post_raw(bounded, BATCHES, f'{json.dumps(new)[:-1]}, "seed": {"9" * 4_000}}}'))


def test_whatever_metadata_may_be_is_given_back(tmp_path: Path) -> None:
    deep: Any = "end"
    for _ in range(30):
        deep = [deep]
    metadata = {
        "deep": deep, "huge": 10**300, "tiny": -1e-300, "null": None, "": {}, "🙂": ["\u2028", "مريم", "\x7f", True],
        "__proto__": {"x": 1}, "a" * 500: "b" * 500,
    }  # fmt: skip
    with client_of(tmp_path) as client:
        ids = [client.post("/api/entities", json={"name": name}).json()["data"]["id"] for name in "ab"]
        new = {"name": "n", "context": "c", "entity_ids": ids, "interaction_size": 2, "num_simulations": 1}
        batch_id = client.post(BATCHES, json={**new, "metadata": metadata}).json()["data"]["id"]
        assert client.get(f"{BATCHES}/{batch_id}").json()["data"]["metadata"] == metadata
        assert client.get(BATCHES).json()["data"][0]["metadata"] == metadata
        assert client.get(f"{BATCHES}/{batch_id}/export").json()["metadata"] == metadata


@pytest.mark.parametrize(
    "batch_id", ["%00", "a%00b", "%ED%A0%80", "%FF", "🙂", "x" * 5_000, "..%2f..", "'; DROP--", "%"]
)
def test_any_path_is_answered(bounded: Service, batch_id: str) -> None:
    for path in (f"{BATCHES}/{batch_id}", f"{BATCHES}/{batch_id}/export", f"{BATCHES}/{batch_id}/events"):
        refused(bounded.http.get(path), 404, 422)
    refused(bounded.http.get(f"{BATCHES}/{batch_id}/simulations/{batch_id}"), 404, 422)
    refused(bounded.http.delete(f"{BATCHES}/{batch_id}"), 404, 422)
    for verb in ("cancel", "retry"):
        refused(bounded.http.post(f"{BATCHES}/{batch_id}/{verb}"), 404, 422)


# what is never told


def test_logs_have_no_keys_and_no_dialogues(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    words = {
        name: f"{name}-zyzzyva" for name in ("key", "llm-key", "name", "persona", "trait", "context", "said", "tag")
    }
    behaviour = {"kind": "text", "content": f'*{words["said"]}*\n"{words["said"]}"'}
    with ScriptedModel() as model:
        settings = {"api_key": words["key"], "llm_api_key": words["llm-key"], "llm_base_url": model.base_url}
        settings |= {"llm_model": "scripted", "llm_max_retries": 1}
        with Service(f"sqlite:///{tmp_path}/service.db", **settings) as service:
            service.http.headers["X-API-Key"] = words["key"]
            entity = {"description": words["persona"], "attributes": {"x": words["trait"]}}
            ids = [
                service.post("/api/entities", {"name": f"{words['name']} {number}", **entity}, 201)["id"]
                for number in range(2)
            ]
            texts = {"context": words["context"], "metadata": {"x": words["tag"]}, "description": words["tag"]}
            model.control(rules=[{"match": "zyzzyva", "behaviour": behaviour}])
            assert service.wait_for(service.make_batch(ids, **texts))["status"] == "completed"
            for wrong in (
                {"kind": "status", "status": 400},
                {"kind": "malformed"},
                {"kind": "empty"},
                {"kind": "refuse"},
            ):
                model.control(rules=[{"match": "zyzzyva", "behaviour": wrong}])
                failed = service.wait_for(service.make_batch(ids, **texts, interaction_size=1))
                assert failed["status"] == "failed"
                assert words["llm-key"] not in json.dumps(failed)
            service.post(BATCHES, {"name": words["name"], **texts}, 422)
            service.http.get(f"/{words['key']}", headers={"X-API-Key": words["said"]})
        assert f"Bearer {words['llm-key']}" in {request["authorization"] for request in model.requests()}
    output = capfd.readouterr()
    assert "simulation completed" in output.err
    assert "simulation failed" in output.err
    assert "zyzzyva" not in output.err + output.out
    for line in output.err.splitlines():
        json.loads(line)


class _Gossip(BaseHTTPRequestHandler):
    """A model server whose error tells all that it was sent."""

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
        body = json.dumps({"error": {"message": f"{self.headers['Authorization']} {sent}"}}).encode()
        self.send_response(401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keeps still."""


def test_a_gossiping_model_server_is_not_quoted(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Gossip) as gossip:
        threading.Thread(target=gossip.serve_forever, daemon=True).start()
        settings = {
            "llm_base_url": f"http://127.0.0.1:{gossip.server_port}",
            "llm_model": "m",
            "llm_api_key": "zyzzyva",
        }
        with Service(f"sqlite:///{tmp_path}/service.db", **settings) as service:
            failed = service.wait_for(service.make_batch(service.make_entities("a", "b"), context="zyzzyva"))
        gossip.shutdown()
    assert "401" in failed["simulations"][0]["error"]
    assert "zyzzyva" not in failed["simulations"][0]["error"]
    assert "zyzzyva" not in capfd.readouterr().err


def test_an_error_of_the_database_does_not_quote_what_was_stored(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = {"llm_base_url": NOBODY, "llm_model": "m"}
    with Service(f"sqlite:///{tmp_path}/service.db", **settings) as service:
        ids = service.make_entities("a", "b")
        with closing(sqlite3.connect(tmp_path / "service.db")) as connection:
            connection.execute("CREATE TRIGGER t BEFORE INSERT ON batches BEGIN SELECT RAISE(ABORT, 'full'); END")
        new = {"name": "n", "context": "zyzzyva", "entity_ids": ids, "interaction_size": 2, "num_simulations": 1}
        assert "zyzzyva" not in service.post(BATCHES, new, 500)
    output = capfd.readouterr().err
    assert "request failed" in output
    assert "zyzzyva" not in output


def test_without_a_model_all_but_running_works(tmp_path: Path) -> None:
    """Here the model is not named, so that the local one, if it is installed, is not taken either."""
    with Service(f"sqlite:///{tmp_path}/service.db", llm_base_url=NOBODY) as service:
        sentence = "SERVICE_LLM_BASE_URL is set and SERVICE_LLM_MODEL is not: set both."
        assert service.get("/healthz") == {"model": None, "message": sentence}
        assert service.http.get("/readyz").status_code == 200
        ids = service.make_entities("a", "b", "c")
        new = {"name": "n", "context": "c", "entity_ids": ids, "interaction_size": 2, "num_simulations": 3}
        assert service.post(BATCHES, new, 503) == sentence
        assert service.post(f"{BATCHES}/batch-0/retry", {}, 503) == sentence
        assert service.get(BATCHES) == []
        assert service.post(PREVIEW, new)["combinations"] == 3


@pytest.mark.slow
def test_without_any_installed_model_it_is_said_how_to_get_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "weights", lambda: None)
    with client_of(tmp_path, llm_base_url=None, llm_model=None) as client:
        assert client.get("/healthz").json()["data"] == {"model": None, "message": NO_MODEL}
        ids = [client.post("/api/entities", json={"name": name}).json()["data"]["id"] for name in "ab"]
        new = {"name": "n", "context": "c", "entity_ids": ids, "interaction_size": 2, "num_simulations": 1}
        assert refused(client.post(BATCHES, json=new), 503) == NO_MODEL
        assert client.post(PREVIEW, json=new).status_code == 200
