"""Exports: every format is read back by the tools that users have, whatever was said."""

import csv
import io
import json
import random
import runpy
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import polars as pl
import pyarrow
import pytest
import sqlalchemy as sa

from service.batches import export as module
from service.batches import store
from service.batches.export import FORMATS, Format, export
from service.batches.tables import Batch, BatchEntity, Simulation, Utterance
from service.db import Database
from service.dialogue.messages import utterance_text

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "read_transcripts.py"
START = datetime(2025, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)

NASTY = [
    'commas, "quotes", ""doubled""',
    "lines\nof\r\nevery\rkind",
    "👩‍👩‍👧 emoji and \U0001f600",
    "مرحبا بالعالم \u202eright to left\u202c",
    "separators \u2028 and \u2029 and \x85 and ; and \t",
    "'; DROP TABLE utterances; --",
    '{"json": [1, "\\u0041"]}',
    "\ufeffbyte order",
    "",
    "007",
    "null",
]
FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "   =1",
    "\u00a0=1",
    "\n  -1",
    "＝1",
    "＋1",
    "－1",
    " ＠SUM(A1)",
    "=HYPERLINK(\"http://example.org?\"&A1,\"click\")",
    "=cmd|' /C calc'!A0",
]  # fmt: skip
HARMLESS = ["a=b", "1-1", "mail@example.org", " no", "'=1", "«=1»"]

COLUMNS = [
    "batch_id", "simulation_id", "sequence_number", "replicate", "round", "turn", "position", "entity_id", "name",
    "thought", "speech", "prompt_tokens", "completion_tokens", "latency", "model", "finish_reason", "attempts",
    "timestamp", "status",
]  # fmt: skip
TURN_COLUMNS = COLUMNS[4:-2]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/x.db")
    database.migrate()
    yield database
    database.close()


def a_batch(**fields: Any) -> Batch:
    return Batch(
        **{
            "id": "batch-1", "name": "Looms", "description": "", "context": "A salon", "details": {"tags": ["ψ"]},
            "interaction_type": "dyadic", "interaction_size": 2, "n_turns": 2, "simulation_rounds": 1,
            "language": None, "seed": 2**53 - 1, "model": "a-model", "temperature": 0.5, "max_tokens": 512,
            "use_cache": False, "prompt_version": "1", "created_at": START, **fields,
        }
    )  # fmt: skip


def an_entity(number: int, name: str, batch_id: str = "batch-1") -> BatchEntity:
    return BatchEntity(
        batch_id=batch_id, entity_id=f"entity-{number}", position=number, name=name, description=f"The {number}th",
        attributes={"born": 1800 + number},
    )  # fmt: skip


def a_simulation(number: int, **fields: Any) -> Simulation:
    return Simulation(
        **{
            "id": f"sim-{number}", "batch_id": "batch-1", "sequence_number": number, "replicate": 0,
            "entity_ids": ["entity-0", "entity-1"], "status": "completed", "turns_done": 2, "calls": 4,
            "prompt_tokens": 40, "completion_tokens": 20, "created_at": START, "started_at": START, **fields,
        }
    )  # fmt: skip


def an_utterance(simulation: int, position: int, thought: str, speech: str) -> Utterance:
    return Utterance(
        simulation_id=f"sim-{simulation}", position=position, round=1, turn=position // 2 + 1,
        entity_id=f"entity-{position % 2}", thought=thought, speech=speech, prompt_tokens=10, completion_tokens=5,
        latency=0.25, model="a-model", finish_reason="stop", attempts=1,
        created_at=START + timedelta(seconds=position),
    )  # fmt: skip


def fill(database: Database, texts: list[str], names: tuple[str, str] = ("Ada", "Mary"), **fields: Any) -> None:
    """A batch in which every text is thought and said in a simulation of its own."""
    with database.transaction() as session:
        session.add(a_batch(**fields))
        session.flush()
        session.add_all(an_entity(number, name) for number, name in enumerate(names))
        session.add_all(
            a_simulation(number, content="\n\n".join(utterance_text(name, text, text) for name in names * 2))
            for number, text in enumerate(texts, start=1)
        )
        session.flush()
        for number, text in enumerate(texts, start=1):
            session.add_all(an_utterance(number, position, text, text) for position in range(4))


def exported(database: Database, format: str, batch_id: str = "batch-1") -> bytes:
    return b"".join(export(database, batch_id, format))


def csv_rows(content: bytes) -> list[dict[str, str]]:
    rows = list(csv.reader(io.StringIO(content.decode(), newline=""), strict=True))
    assert all(len(row) == len(rows[0]) for row in rows)
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def said(name: str, text: str) -> str:
    return f'{name}: *{text}*\n"{text}"' if text else f'{name}:\n"{text}"'


def delete_batch(database: Database) -> None:
    with database.transaction() as session:
        store.delete(session, "batch-1")


def test_every_format_has_a_media_type() -> None:
    assert get_args(Format) == tuple(FORMATS)
    with pytest.raises(KeyError):
        export(None, "batch-1", "xlsx")  # type: ignore[arg-type]


def test_json(database: Database) -> None:
    fill(database, NASTY)
    content = exported(database, "json").decode()
    assert "👩‍👩‍👧" in content
    batch = json.loads(content)
    assert list(batch) == [
        "id", "name", "timestamp", "description", "context", "status", "metadata", "counts", "usage", "parameters",
        "entities", "simulations",
    ]  # fmt: skip
    assert (batch["id"], batch["name"], batch["metadata"]) == ("batch-1", "Looms", {"tags": ["ψ"]})
    assert batch["timestamp"] == "2025-03-01T12:30:15.123456Z"
    assert batch["parameters"]["seed"] == 2**53 - 1
    assert batch["usage"] == {
        "calls": 4 * len(NASTY), "prompt_tokens": 40 * len(NASTY), "completion_tokens": 20 * len(NASTY),
    }  # fmt: skip
    ada, mary = (
        {"id": f"entity-{n}", "name": name, "description": f"The {n}th", "attributes": {"born": 1800 + n}}
        for n, name in enumerate(("Ada", "Mary"))
    )
    assert batch["entities"] == [ada, mary]
    assert [simulation["sequence_number"] for simulation in batch["simulations"]] == [*range(1, len(NASTY) + 1)]
    for simulation, text in zip(batch["simulations"], NASTY, strict=True):
        assert simulation["entities"] == [ada, mary]
        assert simulation["content"] == "\n\n".join(said(name, text) for name in ("Ada", "Mary") * 2)
        assert [list(turn) for turn in simulation["turns"]] == [TURN_COLUMNS] * 4
        assert [turn["position"] for turn in simulation["turns"]] == [0, 1, 2, 3]
        assert [turn["turn"] for turn in simulation["turns"]] == [1, 1, 2, 2]
        assert {turn["thought"] for turn in simulation["turns"]} == {text}
        assert {turn["speech"] for turn in simulation["turns"]} == {text}


def test_a_simulation_has_its_own_entities_in_its_order(database: Database) -> None:
    with database.transaction() as session:
        session.add(a_batch(interaction_size=2))
        session.flush()
        session.add_all(an_entity(number, f"Name {number}") for number in range(4))
        session.add(a_simulation(1, entity_ids=["entity-3", "entity-1"]))
    batch = json.loads(exported(database, "json"))
    assert len(batch["entities"]) == 4
    assert [entity["name"] for entity in batch["simulations"][0]["entities"]] == ["Name 3", "Name 1"]
    (row,) = csv_rows(exported(database, "csv"))
    assert json.loads(row["entity_names"]) == ["Name 3", "Name 1"]
    assert json.loads(row["entity_ids"]) == ["entity-3", "entity-1"]


def test_csv_is_strict(database: Database) -> None:
    names = ('Ada "A", the; first', "مريم\n=1")
    fill(database, NASTY, names, context='One, two;\n"three"')
    content = exported(database, "csv")
    assert content.startswith(b"id,sequence_number,interaction_type,")
    rows = csv_rows(content)
    assert list(rows[0]) == [
        "id", "sequence_number", "interaction_type", "entity_ids", "entity_names", "context", "content", "status",
        "error", "timestamp", "prompt_tokens", "completion_tokens", "calls", "replicate", "final_turn_number",
    ]  # fmt: skip
    for number, (row, text) in enumerate(zip(rows, NASTY, strict=True), start=1):
        assert row["id"] == f"sim-{number}"
        assert row["sequence_number"] == str(number)
        assert json.loads(row["entity_names"]) == list(names)
        assert row["context"] == 'One, two;\n"three"'
        assert row["content"] == "\n\n".join(said(name, text) for name in names * 2)
        assert row["timestamp"] == "2025-03-01T12:30:15.123456Z"
        assert row["final_turn_number"] == "2"


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_in_csv_are_text(database: Database, text: str) -> None:
    fill(database, ["x"], (text, "Mary"), context=text)
    (row,) = csv_rows(exported(database, "csv"))
    assert row["context"] == "'" + text
    assert row["content"].startswith("'" + text)
    assert row["content"].count("'" + text) == 1  # further lines of a cell are no cells
    assert json.loads(row["entity_names"]) == [text, "Mary"]
    batch = json.loads(exported(database, "json"))
    assert batch["context"] == text


@pytest.mark.parametrize("text", HARMLESS)
def test_other_texts_in_csv_are_left_alone(database: Database, text: str) -> None:
    fill(database, ["x"], context=text)
    assert csv_rows(exported(database, "csv"))[0]["context"] == text


def test_polars_reads_csv(database: Database) -> None:
    fill(database, NASTY)
    frame = pl.read_csv(exported(database, "csv"))
    assert frame.height == len(NASTY)
    for column in ("sequence_number", "prompt_tokens", "completion_tokens", "calls", "replicate", "final_turn_number"):
        assert frame[column].dtype == pl.Int64, column
    assert frame["content"].to_list() == ["\n\n".join(said(n, text) for n in ("Ada", "Mary") * 2) for text in NASTY]
    assert frame["error"].null_count() == frame.height


def test_jsonl(database: Database) -> None:
    fill(database, NASTY)
    content = exported(database, "jsonl").decode()
    lines = [json.loads(line) for line in content.splitlines()]
    assert len(lines) == 4 * len(NASTY)
    assert all(list(line) == COLUMNS for line in lines)
    assert [line["speech"] for line in lines[::4]] == NASTY
    assert lines[1] == {
        "batch_id": "batch-1", "simulation_id": "sim-1", "sequence_number": 1, "replicate": 0, "round": 1, "turn": 1,
        "position": 1, "entity_id": "entity-1", "name": "Mary", "thought": NASTY[0], "speech": NASTY[0],
        "prompt_tokens": 10, "completion_tokens": 5, "latency": 0.25, "model": "a-model", "finish_reason": "stop",
        "attempts": 1, "timestamp": "2025-03-01T12:30:16.123456Z", "status": "completed",
    }  # fmt: skip
    assert pl.read_ndjson(content.encode())["speech"].to_list() == [text for text in NASTY for _ in range(4)]


def test_polars_reads_parquet(database: Database) -> None:
    fill(database, NASTY)
    frame = pl.read_parquet(io.BytesIO(exported(database, "parquet")))
    assert frame.columns == COLUMNS
    assert frame["speech"].to_list() == frame["thought"].to_list() == [text for text in NASTY for _ in range(4)]
    assert frame["timestamp"].dtype == pl.Datetime("us", "UTC")
    assert frame["timestamp"][1] == START + timedelta(seconds=1)
    assert frame["latency"].dtype == pl.Float64
    lines = pl.read_ndjson(exported(database, "jsonl"))
    assert frame.drop("timestamp").equals(lines.drop("timestamp"))


def test_a_failed_simulation(database: Database) -> None:
    with database.transaction() as session:
        session.add(a_batch())
        session.flush()
        session.add_all([an_entity(0, "Ada"), an_entity(1, "Mary")])
        session.add(
            a_simulation(
                1, status="failed", error='-the, "model"\nrefused', turns_done=0, started_at=None, content='Ada:\n"Hm."'
            )
        )
        session.flush()
        session.add(an_utterance(1, 0, "", "Hm."))
    batch = json.loads(exported(database, "json"))
    assert batch["status"] == batch["simulations"][0]["status"] == "failed"
    assert batch["counts"]["failed"] == 1
    assert batch["simulations"][0]["error"] == '-the, "model"\nrefused'
    assert [turn["speech"] for turn in batch["simulations"][0]["turns"]] == ["Hm."]
    (row,) = csv_rows(exported(database, "csv"))
    assert (row["status"], row["error"], row["content"]) == ("failed", '\'-the, "model"\nrefused', 'Ada:\n"Hm."')
    assert json.loads(exported(database, "jsonl"))["status"] == "failed"
    assert pl.read_parquet(io.BytesIO(exported(database, "parquet")))["status"].to_list() == ["failed"]


def test_nothing_was_said_yet(database: Database) -> None:
    with database.transaction() as session:
        session.add(a_batch())
        session.flush()
        session.add_all([an_entity(0, "Ada"), an_entity(1, "Mary")])
        session.add(a_simulation(1, status="pending", turns_done=0))
    assert json.loads(exported(database, "json"))["simulations"][0]["turns"] == []
    assert csv_rows(exported(database, "csv"))[0]["content"] == ""
    assert exported(database, "jsonl") == b""
    frame = pl.read_parquet(io.BytesIO(exported(database, "parquet")))
    assert (frame.columns, frame.height, frame["position"].dtype) == (COLUMNS, 0, pl.Int64)


def test_a_batch_that_is_gone_ends_properly(database: Database) -> None:
    assert json.loads(exported(database, "json")) is None
    assert csv_rows(exported(database, "csv")) == []
    assert pl.read_csv(exported(database, "csv")).height == 0
    assert exported(database, "jsonl") == b""
    assert pl.read_parquet(io.BytesIO(exported(database, "parquet"))).height == 0


READERS: dict[str, Callable[[bytes], int]] = {
    "json": lambda content: sum(len(simulation["turns"]) for simulation in json.loads(content)["simulations"]),
    "csv": lambda content: 4 * len(csv_rows(content)),
    "jsonl": lambda content: pl.read_ndjson(content).height,
    "parquet": lambda content: pl.read_parquet(io.BytesIO(content)).height,
}


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("page", [1, 8, 11, 1000])
def test_no_simulation_is_lost_between_pages(
    database: Database, format: str, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database, NASTY)
    whole = exported(database, "jsonl")
    monkeypatch.setattr(module, "_PAGE", page)
    monkeypatch.setattr(module, "_PIECE", 10)
    assert READERS[format](exported(database, format)) == 4 * len(NASTY)
    assert exported(database, "jsonl") == whole


@pytest.mark.parametrize("format", FORMATS)
def test_a_batch_deleted_meanwhile_gives_a_whole_file(
    database: Database, format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database, NASTY)
    monkeypatch.setattr(module, "_PAGE", 4)
    monkeypatch.setattr(module, "_PIECE", 1)
    pieces = export(database, "batch-1", format)
    begun = [next(pieces), next(pieces)]
    delete_batch(database)
    assert 0 < READERS[format](b"".join([*begun, *pieces])) < 4 * len(NASTY)


@pytest.mark.parametrize("format", FORMATS)
def test_no_connection_is_held_between_pieces(database: Database, format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(database, NASTY)
    monkeypatch.setattr(module, "_PAGE", 4)
    monkeypatch.setattr(module, "_PIECE", 1)
    for _ in export(database, "batch-1", format):
        assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def columns(row: Simulation | Utterance) -> dict[str, Any]:
    return {name: value for name, value in vars(row).items() if not name.startswith("_")}


def fill_in_bulk(database: Database, simulations: int, utterances: int) -> None:
    words = random.Random(0)
    row = columns(an_utterance(1, 0, "a loom", ""))
    with database.transaction() as session:
        session.add(a_batch(n_turns=utterances // 2, context="A salon. " * 100))
        session.flush()
        session.add_all([an_entity(0, "Ada"), an_entity(1, "Mary")])
        for number in range(1, simulations + 1):
            speeches = [words.randbytes(300).hex() for _ in range(utterances)]
            content = "\n\n".join(
                utterance_text(("Ada", "Mary")[position % 2], "a loom", speech)
                for position, speech in enumerate(speeches)
            )
            session.execute(sa.insert(Simulation), columns(a_simulation(number, content=content)))
            varying = [
                {"simulation_id": f"sim-{number}", "position": position, "speech": speech}
                for position, speech in enumerate(speeches)
            ]
            session.execute(sa.insert(Utterance), [row | changes for changes in varying])


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database with a batch of 100,000 utterances."""
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('large')}/large.db")
    database.migrate()
    fill_in_bulk(database, simulations=2_000, utterances=50)
    yield database
    database.close()


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS)
def test_100_000_utterances_are_exported_in_bounded_memory(large: Database, format: str) -> None:
    pieces = export(large, "batch-1", format)
    next(pieces)  # what is imported and compiled once is not the export's
    tracemalloc.start()
    try:
        size = sum(len(piece) for piece in pieces)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert size > 25e6
    assert peak < 20e6
    assert pyarrow.default_memory_pool().max_memory() < 20e6


# the example


def run_example(*arguments: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), *map(str, arguments)])
    runpy.run_path(str(EXAMPLE), run_name="__main__")


def test_the_example_reads_downloads(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(database, ["one two three"], ("Ada; Countess", "Mary"))
    paths = [tmp_path / name for name in ("batch-1.csv", "batch-1.parquet")]
    for path in paths:
        path.write_bytes(exported(database, path.suffix[1:]))
    run_example(*paths, tmp_path / "notes.txt", monkeypatch=monkeypatch)
    out, err = capsys.readouterr()
    assert out.index("batch-1.csv") < out.index("batch-1.parquet")
    names = runpy.run_path(str(EXAMPLE))
    assert names["took_part"](paths[0]).rows() == [("Ada; Countess", 1, 1, 20), ("Mary", 1, 1, 20)]
    assert names["spoke"](paths[1]).rows() == [("Ada; Countess", 2, 6, 6, 3.0), ("Mary", 2, 6, 6, 3.0)]
    assert err == f"{tmp_path / 'notes.txt'} is left out: it is neither a .csv nor a .parquet file.\n"


@pytest.mark.parametrize("format", ["csv", "parquet"])
def test_the_example_reads_an_empty_batch(
    database: Database,
    tmp_path: Path,
    format: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / f"empty.{format}"
    path.write_bytes(exported(database, format))
    run_example(path, monkeypatch=monkeypatch)
    assert "shape: (0, " in capsys.readouterr().out


def test_the_example_reads_its_samples(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run_example(monkeypatch=monkeypatch)
    out = capsys.readouterr().out
    assert "transcripts.csv:" in out
    assert "transcripts.parquet:" in out
    assert "Ada Lovelace" in out


def test_the_samples_are_as_the_service_exports_them(database: Database) -> None:
    fill(database, ["x"])
    sample = EXAMPLE.with_name("transcripts")
    theirs, ours = pl.read_csv(sample.with_suffix(".csv")), pl.read_csv(exported(database, "csv"))
    assert theirs.schema == ours.schema
    assert len(csv_rows(sample.with_suffix(".csv").read_bytes())) == theirs.height
    spoken = pl.read_parquet(sample.with_suffix(".parquet"))
    assert spoken.schema == pl.read_parquet(io.BytesIO(exported(database, "parquet"))).schema
    assert set(spoken["simulation_id"]) <= set(theirs["id"])


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("missing.csv", None, "can't be read: there is no such file."),
        ("missing.parquet", None, "can't be read: there is no such file."),
        ("empty.csv", b"", "is not an export of the service"),
        ("other.csv", b"a,b\n1,2\n", "is not an export of the service"),
        ("broken.parquet", b"PAR1 and no more", "is not an export of the service"),
    ],
)
def test_the_example_says_what_is_wrong(
    tmp_path: Path, name: str, content: bytes | None, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(SystemExit, match=problem) as caught:
        run_example(tmp_path / name, monkeypatch=monkeypatch)
    assert name in str(caught.value)
