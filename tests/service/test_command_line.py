"""The command run-batch-simulation, with a server and without one; the language model is a scripted one."""

import csv
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import polars as pl
import pytest
from scripted import ScriptedModel

from service.scripts.run_batch_simulation import run
from service.startup import StartError, read_settings

ROOT = Path(__file__).parents[2]
SCRIPT = "service/scripts/run_batch_simulation.py"
FIGURES = str(ROOT / "examples" / "historical_figures.json")
KEY = "open-sesame"
BATCH_ID = re.compile(r"batch-[0-9a-f]{32}")

Status = int
Command = Callable[..., tuple[Status, str, str]]


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedModel]:
    with ScriptedModel() as model:
        yield model


@pytest.fixture(autouse=True)
def _fresh(model: ScriptedModel) -> Iterator[None]:
    yield
    model.reset()


class Server:
    """The service as a process of its own, which demands an API key."""

    def __init__(self, model: ScriptedModel, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.database = f"sqlite:///{folder}/server.db"
        self.url = f"http://127.0.0.1:{port}"
        environment = environment_of(model, self.database, SERVICE_PORT=str(port), SERVICE_API_KEY=KEY)
        self.log = (folder / "server.log").open("w+")
        self.process = subprocess.Popen([sys.executable, "-m", "service"], cwd=ROOT, env=environment, stderr=self.log)
        self.http = httpx2.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {KEY}"}, trust_env=False, timeout=60
        )

    def wait(self) -> None:
        for _ in range(600):
            try:
                if self.http.get("/readyz").is_success:
                    return
            except httpx2.TransportError:
                time.sleep(0.1)
        self.log.seek(0)
        raise RuntimeError(f"the service did not start: {self.log.read()}")

    def data(self, path: str, **query: Any) -> Any:
        return self.http.get(f"/api{path}", params=query).raise_for_status().json()["data"]

    def stop(self) -> None:
        self.http.close()
        self.process.terminate()
        self.process.wait(20)
        self.log.close()


@pytest.fixture(scope="module")
def server(model: ScriptedModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(model, tmp_path_factory.mktemp("server"))
    try:
        server.wait()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def ids(server: Server) -> list[str]:
    names = ("Ada", "孔子", "Zenobia", "Ὑπατία")
    answer = server.http.post("/api/entities/import", json=[{"name": name} for name in names])
    return answer.json()["data"]["ids"]


@pytest.fixture
def command(server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command against the server, in this process."""
    monkeypatch.setenv("SERVICE_API_KEY", KEY)
    monkeypatch.setattr("service.scripts.run_batch_simulation._LOOK", 0.05)

    def run_it(*arguments: str, url: str = server.url) -> tuple[Status, str, str]:
        capsys.readouterr()
        status = run(["--server", url, *arguments])
        return status, *capsys.readouterr()

    return run_it


def environment_of(model: ScriptedModel | None, database: str, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SERVICE_")}
    settings = {"SERVICE_DATABASE_URL": database, **more}
    if model:
        settings |= {"SERVICE_LLM_BASE_URL": model.base_url, "SERVICE_LLM_MODEL": "m", "SERVICE_LLM_MAX_RETRIES": "0"}
    return {**kept, **settings, "PYTHONUTF8": "1"}


def start_script(environment: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, SCRIPT, *arguments],
        cwd=ROOT, env=environment, text=True, encoding="utf-8", stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def batch(entities: str, size: int = 2, number: int = 3, context: str = "Who should rule?") -> list[str]:
    return [
        "--entities", entities, "--context", context, "--interaction-size", str(size), "--num-simulations", str(number),
    ]  # fmt: skip


def id_in(text: str) -> str:
    found = BATCH_ID.search(text)
    assert found, text
    return found[0]


def refusal(result: tuple[Status, str, str]) -> str:
    status, out, err = result
    assert (status, out) == (2, "")
    assert err.startswith("run-batch-simulation: ")
    assert err.endswith((".\n", "?\n"))
    assert err.count("\n") == 1
    return err.removeprefix("run-batch-simulation: ").rstrip()


def test_without_a_server_entities_of_a_file_are_imported(model: ScriptedModel, tmp_path: Path) -> None:
    context, output = tmp_path / "context.txt", tmp_path / "result.json"
    context.write_text("\ufeffWas soll mit künstlicher Intelligenz geschehen?\n", encoding="utf-8")
    environment = environment_of(model, f"sqlite:///{tmp_path}/first.db")
    script = start_script(
        environment, *batch(FIGURES, number=5, context=str(context)), "--n-turns", "2", "--output", str(output)
    )
    out, err = script.communicate(timeout=60)
    assert script.returncode == 0, err
    content = json.loads(output.read_text(encoding="utf-8"))
    assert content["context"] == "Was soll mit künstlicher Intelligenz geschehen?"
    assert content["name"] == content["context"]
    assert [simulation["status"] for simulation in content["simulations"]] == ["completed"] * 5
    assert model.calls() == 20
    assert f"{content['id']}: 5 simulations of 2 out of 16 entities, model m, seed" in out
    assert "completed: 5 of 5 simulations, 20 calls," in out
    assert out.endswith(f"Written to {output}\n")
    assert "5/5" in err
    assert "Traceback" not in err
    assert '"event"' not in err
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith("first.db")) == [
        "context.txt",
        "result.json",
    ]


def test_quiet_shows_the_id_alone(command: Command, server: Server, ids: list[str], tmp_path: Path) -> None:
    entities = tmp_path / "ids.json"
    entities.write_text(json.dumps(ids))
    context = "  Who  should\nrule? " + "日本" * 40
    status, out, err = command(*batch(str(entities), size=1, context=context), "--quiet")
    assert (status, err) == (0, "")
    assert BATCH_ID.fullmatch(out.strip())
    made = server.data(f"/batch-simulations/{out.strip()}")
    assert made["context"] == context
    assert made["name"] == ("Who should rule? " + "日本" * 40)[:59] + "…"


def test_all_options_arrive(command: Command, server: Server, ids: list[str], tmp_path: Path) -> None:
    entities = tmp_path / "entity_ids.json"
    entities.write_text(json.dumps({"entity_ids": ids}))
    status, out, _ = command(
        *batch(str(entities), number=7),
        "--name", "Rule", "--description", "Of many?", "--n-turns", "2", "--simulation-rounds", "3", "--seed", "11",
        "--interaction-type", "dyadic", "--language", "Greek", "--model", "other", "--temperature", "0.5",
        "--max-tokens", "99", "--on-excess", "replicate", "--max-calls", "500", "--max-total-tokens", "1000000",
    )  # fmt: skip
    assert status == 0
    made = server.data(f"/batch-simulations/{id_in(out)}")
    assert (made["name"], made["description"], made["context"]) == ("Rule", "Of many?", "Who should rule?")
    expected = {
        "entity_ids": ids, "interaction_type": "dyadic", "interaction_size": 2, "num_simulations": 7, "n_turns": 2,
        "simulation_rounds": 3, "language": "Greek", "model": "other", "temperature": 0.5, "max_tokens": 99, "seed": 11,
        "budget": {"max_calls": 500, "max_tokens": 1000000},
    }  # fmt: skip
    assert {name: made["parameters"][name] for name in expected} == expected
    assert {simulation["replicate"] for simulation in made["simulations"]} == {0, 1}
    assert f"Kept as {made['id']} in {server.url}" in out


@pytest.mark.parametrize("known", ["json", "csv", "jsonl", "PARQUET"])
def test_the_output_is_the_export(command: Command, server: Server, ids: list[str], tmp_path: Path, known: str) -> None:
    path = tmp_path / f"out.{known}"
    status, out, err = command(*batch(", ".join(ids)), "--output", str(path))
    assert status == 0, err
    assert [child.name for child in tmp_path.iterdir()] == [path.name]
    export = f"{server.url}/api/batch-simulations/{id_in(out)}/export"
    assert path.read_bytes() == server.http.get(export, params={"format": known.lower()}).content
    readers: dict[str, Callable[[], int]] = {
        "json": lambda: len(json.loads(path.read_text())["simulations"]),
        "csv": lambda: len(list(csv.DictReader(path.read_text().splitlines()))),
        "jsonl": lambda: len(path.read_text().splitlines()) // 2,
        "parquet": lambda: len(pl.read_parquet(path)) // 2,
    }
    assert readers[known.lower()]() == 3


def test_a_batch_that_is_not_whole_ends_with_1(
    command: Command, model: ScriptedModel, ids: list[str], tmp_path: Path
) -> None:
    output = tmp_path / "out.json"
    model.control(rules=[{"match": "Zenobia", "behaviour": {"kind": "status", "status": 400}}])
    status, out, _ = command(*batch(",".join(ids), number=6), "--output", str(output))
    assert status == 1
    assert "partial: 3 of 6 simulations" in out
    assert "3 failed: " in out
    assert "400" in out
    assert json.loads(output.read_text())["status"] == "partial"
    rows = out.splitlines()[1:8]
    assert rows[0].split() == ["#", "entities", "status", "turns", "tokens"]
    assert [("Zenobia" in row, "failed" in row) for row in rows[1:]].count((True, True)) == 3

    model.control(reset=True)
    status, out, _ = command(*batch(",".join(ids), number=6), "--max-calls", "5")
    assert status == 1
    assert model.calls() == 5
    assert "budget of model calls is spent" in out


def test_long_batches_are_cut_short_in_the_summary(command: Command, server: Server, ids: list[str]) -> None:
    long = "\x1b[31mA name that goes on and on and on"
    new = server.http.post("/api/entities", json={"name": long}).json()["data"]["id"]
    status, out, _ = command(*batch(",".join([new, *ids]), size=5, number=23), "--on-excess", "replicate")
    assert status == 0
    assert "... and 3 more" in out
    assert " and 2 more  completed" in out
    assert "\x1b" not in out


BAD = {
    "an unknown entity": (
        batch("entity-1,entity-2", number=1),
        "entity_ids names unknown entities: 'entity-1', 'entity-2'",
    ),
    "no entity": (batch(" , "), "--entities names no entity"),
    "a missing file": (batch("nobody.json"), "The file 'nobody.json' does not exist."),
    "a missing context": (batch("a,b", context="context.txt"), "The file 'context.txt' does not exist."),
    "an empty context": (batch("a,b", context=" "), "The context is empty"),
    "a large interaction": (batch("a,b", size=3), "interaction_size = 3 is more than the 2 entities"),
    "too many simulations": (batch("a,b"), "num_simulations = 3 is more than the 1 combinations"),
    "no number": ([*batch("a,b"), "--n-turns", "x"], "Argument --n-turns: invalid int value: 'x'"),
    "no turns": ([*batch("a,b", number=1), "--n-turns", "0"], "n_turns = 0"),
    "not finite": ([*batch("a,b"), "--temperature", "nan"], "--temperature: invalid"),
    "a wrong type": ([*batch("a,b", number=1), "--interaction-type", "solo"], "interaction_type = 'solo'"),
    "half a character": (batch("a,b", number=1, context="\udce4"), "can't be stored"),
    "a long text as entities": (batch("x" * 5000, size=1, number=1), "entity_ids"),
    "nothing": ([], "The following arguments are required: --entities"),
    "an unknown option": ([*batch("a,b"), "--turns", "2"], "Unrecognized arguments: --turns 2"),
    "another database": ([*batch("a,b"), "--database", "sqlite:///x.db"], "--database goes without --server"),
    "an unknown extension": ([*batch("a,b"), "--output", "out.jsn"], "Did you mean 'json'?"),
    "no extension": ([*batch("a,b"), "--output", "out"], "The extension '' of 'out' is unknown"),
    "no folder": ([*batch("a,b"), "--output", "none/out.csv"], "the folder 'none' does not exist"),
    "its own input": ([*batch("own.json"), "--output", "own.json"], "is a file that is read"),
    "not JSON": (batch("own.json"), "The file 'own.json' is not JSON"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_sentence(
    command: Command, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.json").write_text("no JSON")
    before = server.http.get("/api/batch-simulations").json()["page"]["total"]
    arguments, sentence = BAD[case]
    assert sentence in refusal(command(*arguments))
    assert server.http.get("/api/batch-simulations").json()["page"]["total"] == before
    assert [path.name for path in tmp_path.iterdir()] == ["own.json"]
    assert Path("own.json").read_text() == "no JSON"


def test_entities_of_a_refused_batch_do_not_stay(command: Command, server: Server, tmp_path: Path) -> None:
    before = server.http.get("/api/entities").json()["page"]["total"]
    assert "num_simulations = 121 is more than the 120" in refusal(command(*batch(FIGURES, number=121)))
    rows = tmp_path / "entities.csv"
    rows.write_text("name,born\nAda,1815\n,1816\n")
    assert "Row 2" in refusal(command(*batch(str(rows))))
    assert server.http.get("/api/entities").json()["page"]["total"] == before


def test_a_server_must_be_one(command: Command, server: Server, model: ScriptedModel) -> None:
    for url in ("127.0.0.1:8000", "ftp://127.0.0.1", "http://", "", "http://[::"):
        assert "--server is not an address" in refusal(command(*batch("a,b"), url=url))
    assert "does not answer" in refusal(command(*batch("a,b"), url="http://127.0.0.1:1"))
    assert "not as the service does: check the address." in refusal(command(*batch("a,b"), url=model.url))
    secret = "not-for-your-eyes"
    said = refusal(command(*batch("a,b"), "--api-key", secret))
    assert "The API key is missing or wrong" in said
    assert secret not in said
    assert "characters that can't be sent" in refusal(command(*batch("a,b"), "--api-key", "a\nb"))
    hidden = server.url.replace("//", f"//somebody:{secret}@").replace("127", "127.0.0.1:1/?")
    assert secret not in refusal(command(*batch("a,b"), url=hidden))


def test_without_a_server_it_says_why_it_can_not_run(model: ScriptedModel, tmp_path: Path) -> None:
    environment = environment_of(None, f"sqlite:///{tmp_path}/fresh.db", SERVICE_LLM_BASE_URL=model.base_url)
    script = start_script(environment, *batch(FIGURES))
    out, err = script.communicate(timeout=60)
    sentence = "SERVICE_LLM_BASE_URL is set and SERVICE_LLM_MODEL is not: set both."
    assert refusal((script.returncode, out, err)) == sentence


def test_a_database_that_can_not_be_used_is_told_of(
    server: Server, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.db"
    broken.write_text("This is no database, and long enough to be told from an empty one. " * 20)
    cases = {server.database: "Another process works on", f"sqlite:///{broken}": "file is not a database; check"}
    for database, sentence in cases.items():
        assert run([*batch(FIGURES), "--database", database]) == 2
        out, err = capfd.readouterr()
        assert sentence in refusal((2, out, err))


def test_a_setting_that_is_not_allowed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_LLM_TIMEOUT", "-1")
    with pytest.raises(StartError, match="SERVICE_LLM_TIMEOUT: Input should be greater than 0"):
        read_settings()
    monkeypatch.delenv("SERVICE_LLM_TIMEOUT")
    with pytest.raises(StartError, match="begins with 'mysql'"):
        read_settings(database_url="mysql://localhost/x")


@pytest.mark.slow
@pytest.mark.parametrize("where", ["embedded", "server"])
def test_an_interrupted_batch_goes_on(
    server: Server, model: ScriptedModel, ids: list[str], tmp_path: Path, where: str
) -> None:
    model.control(latency=1.0)
    database = f"sqlite:///{tmp_path}/own.db"
    output = tmp_path / "out.json"
    environment = environment_of(model, database, SERVICE_API_KEY=KEY, SERVICE_SHUTDOWN_GRACE="0")
    arguments = batch(FIGURES) if where == "embedded" else [*batch(",".join(ids)), "--server", server.url]
    script = start_script(environment, *arguments, "--output", str(output))
    assert script.stdout is not None
    batch_id = id_in(script.stdout.readline())
    script.send_signal(signal.SIGINT)
    start = time.monotonic()
    _, err = script.communicate(timeout=60)
    assert time.monotonic() - start < 5
    assert script.returncode == 130
    home = f"when a service is next started with {database}" if where == "embedded" else f"at {server.url}"
    assert f"interrupted; the batch {batch_id} goes on {home}." in err.replace("\n", "")
    assert "Traceback" not in err
    assert not output.exists()
    if where == "server":
        model.control(latency=0)
        deadline = time.monotonic() + 30
        while server.data(f"/batch-simulations/{batch_id}")["status"] != "completed":
            assert time.monotonic() < deadline
            time.sleep(0.1)
