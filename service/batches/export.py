"""Batches as files: JSON and CSV by simulation, JSON lines and Parquet by utterance.

Every format is streamed: however large a batch is, one page of it at a time is in memory, and no connection to the
database is held while a client is slow. What a running batch says meanwhile may or may not be in the file.
"""

import io
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa

from service.batches import store
from service.batches.present import batch_data, simulation_data
from service.batches.tables import Batch, Simulation, Utterance
from service.db import Database
from service.dialogue.messages import Persona

Format = Literal["json", "csv", "jsonl", "parquet"]
FORMATS: dict[str, str] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/x-ndjson",
    "parquet": "application/vnd.apache.parquet",
}
"""Media types."""

_PAGE = 2_000  # utterances, and so also simulations, at most; a longer simulation is a page of its own
_PIECE = 256 * 1024  # characters


class _Dialogue(NamedTuple):
    """A simulation with all that its export needs."""

    batch: Batch
    simulation: Simulation
    said: list[Utterance]
    personas: dict[str, Persona]


def export(database: Database, batch_id: str, format: str) -> Iterator[bytes]:
    """A batch as a file, piece by piece.

    A batch that is deleted meanwhile ends early, as a file that is whole in itself; as JSON, a batch that never was
    is `null`.

    Args:
        database: read page by page, each in a transaction of its own.
        batch_id: of the batch.
        format: one of `FORMATS`.

    Raises:
        KeyError: there is no such format.
    """
    return _EXPORTERS[format](database, batch_id)


def _pages(database: Database, batch_id: str) -> Iterator[list[_Dialogue]]:
    with database.transaction() as session:
        batch = session.get(Batch, batch_id)
        personas = store.personas_of(session, batch_id)
    if batch is None:
        return
    size = max(1, _PAGE // (batch.interaction_size * batch.n_turns * batch.simulation_rounds))
    last = 0
    while page := _page(database, batch, personas, last, size):
        yield page
        last = page[-1].simulation.sequence_number


def _page(database: Database, batch: Batch, personas: dict[str, Persona], last: int, size: int) -> list[_Dialogue]:
    """The simulations that follow the one with the number `last`."""
    following = (
        sa.select(Simulation)
        .where(Simulation.batch_id == batch.id, Simulation.sequence_number > last)
        .order_by(Simulation.sequence_number)
        .limit(size)
    )
    with database.transaction() as session:
        simulations = session.scalars(following).all()
        said = store.utterances_of(session, [simulation.id for simulation in simulations])
    return [_Dialogue(batch, simulation, said[simulation.id], personas) for simulation in simulations]


def _gathered(texts: Iterable[str]) -> Iterator[bytes]:
    """The texts as UTF-8, in pieces that are worth a step through the server each."""
    buffer = io.StringIO()
    for text in texts:
        buffer.write(text)
        if buffer.tell() >= _PIECE:
            yield buffer.getvalue().encode()
            buffer = io.StringIO()
    yield buffer.getvalue().encode()


def _turn(utterance: Utterance, personas: dict[str, Persona]) -> dict[str, Any]:
    return {
        "round": utterance.round,
        "turn": utterance.turn,
        "position": utterance.position,
        "entity_id": utterance.entity_id,
        "name": personas[utterance.entity_id].name,
        "thought": utterance.thought,
        "speech": utterance.speech,
        "prompt_tokens": utterance.prompt_tokens,
        "completion_tokens": utterance.completion_tokens,
        "latency": utterance.latency,
        "model": utterance.model,
        "finish_reason": utterance.finish_reason,
        "attempts": utterance.attempts,
    }


def _rows(dialogue: _Dialogue) -> Iterator[dict[str, Any]]:
    """The utterances of a simulation, each with all that it takes to know where it was made."""
    batch, simulation, said, personas = dialogue
    for utterance in said:
        yield {
            "batch_id": batch.id,
            "simulation_id": simulation.id,
            "sequence_number": simulation.sequence_number,
            "replicate": simulation.replicate,
            **_turn(utterance, personas),
            "timestamp": utterance.created_at,
            "status": simulation.status,
        }


_JSON = json.JSONEncoder(ensure_ascii=False)  # made once: json.dumps would make one a row


def _dumps(value: Any) -> str:
    r"""JSON on one line, also for those who take Unicode's other line ends for one.

    >>> _dumps({"name": "Ψ", "thought": "one\u2028line"})
    '{"name": "Ψ", "thought": "one\\u2028line"}'
    """
    text = _JSON.encode(value)
    return text.replace("\u2028", r"\u2028").replace("\u2029", r"\u2029").replace("\x85", r"\u0085")


# JSON


def _json(database: Database, batch_id: str) -> Iterator[str]:
    head = _json_head(database, batch_id)
    if head is None:
        yield "null\n"
        return
    yield _dumps(head).removesuffix("}") + ', "simulations": ['
    separator = "\n"
    for page in _pages(database, batch_id):
        for dialogue in page:
            yield separator + _dumps(_json_simulation(dialogue))
            separator = ",\n"
    yield "\n]}\n"


def _json_head(database: Database, batch_id: str) -> dict[str, Any] | None:
    with database.transaction() as session:
        batch = session.get(Batch, batch_id)
        if batch is None:
            return None
        personas = store.personas_of(session, batch_id)
        tally = store.tallies(session, [batch_id])[batch_id]
    data = batch_data(batch, tally, list(personas), None).model_dump(mode="json")
    data.pop("simulations", None)
    return {**data, "entities": _snapshots(personas.values())}


def _json_simulation(dialogue: _Dialogue) -> dict[str, Any]:
    return {
        **simulation_data(dialogue.batch, dialogue.simulation).model_dump(mode="json"),
        "turns": [_turn(utterance, dialogue.personas) for utterance in dialogue.said],
        "entities": _snapshots(dialogue.personas[entity_id] for entity_id in dialogue.simulation.entity_ids),
    }


def _snapshots(personas: Iterable[Persona]) -> list[dict[str, Any]]:
    return [persona._asdict() for persona in personas]


# CSV

_CSV_COLUMNS = (
    "id", "sequence_number", "interaction_type", "entity_ids", "entity_names", "context", "content", "status", "error",
    "timestamp", "prompt_tokens", "completion_tokens", "calls", "replicate", "final_turn_number",
)  # fmt: skip

# with the full-width signs, which spreadsheets in East Asian languages take for the others
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")


def _csv(database: Database, batch_id: str) -> Iterator[str]:
    yield ",".join(_CSV_COLUMNS) + "\r\n"
    for page in _pages(database, batch_id):
        for dialogue in page:
            cells = _csv_simulation(dialogue)
            yield ",".join(_cell(cells[column]) for column in _CSV_COLUMNS) + "\r\n"


def _csv_simulation(dialogue: _Dialogue) -> dict[str, str | int | None]:
    data = simulation_data(dialogue.batch, dialogue.simulation).model_dump(mode="json")
    return {
        **data,
        **data["usage"],
        **data["metadata"],
        # as JSON, since a name may have any separator in it
        "entity_ids": _dumps(data["entity_ids"]),
        "entity_names": _dumps([dialogue.personas[entity_id].name for entity_id in data["entity_ids"]]),
        "context": dialogue.batch.context,
    }


def _cell(value: str | int | None) -> str:
    """A cell by RFC 4180: texts are quoted, numbers bare, and nothing is nothing.

    A text that a spreadsheet would run as a formula gets an apostrophe, as OWASP advises.

    >>> print(_cell('a "loom" of'), _cell(3), _cell(None), _cell("=1+1"), sep=",")
    "a ""loom"" of",3,,"'=1+1"
    """
    if value is None:
        return ""
    if isinstance(value, int):
        return str(value)
    apostrophe = "'" if _FORMULA.match(value) else ""
    return '"' + apostrophe + value.replace('"', '""') + '"'


# by utterance


def _jsonl(database: Database, batch_id: str) -> Iterator[str]:
    for page in _pages(database, batch_id):
        for dialogue in page:
            for row in _rows(dialogue):
                yield _dumps({**row, "timestamp": row["timestamp"].isoformat().replace("+00:00", "Z")}) + "\n"


class _Sink(io.RawIOBase):
    """A file that is handed on as it is written."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._written += data
        return len(data)

    def drain(self) -> bytes:
        """What was written since the last time."""
        written = bytes(self._written)
        self._written.clear()
        return written


def _parquet(database: Database, batch_id: str) -> Iterator[bytes]:
    # here, as it takes long and most who start the service export nothing
    import pyarrow as pa
    from pyarrow import parquet

    text, whole = pa.string(), pa.int64()
    types = {
        "batch_id": text, "simulation_id": text, "sequence_number": whole, "replicate": whole, "round": whole,
        "turn": whole, "position": whole, "entity_id": text, "name": text, "thought": text, "speech": text,
        "prompt_tokens": whole, "completion_tokens": whole, "latency": pa.float64(), "model": text,
        "finish_reason": text, "attempts": whole, "timestamp": pa.timestamp("us", tz="UTC"), "status": text,
    }  # fmt: skip
    schema = pa.schema([pa.field(name, kind, nullable=False) for name, kind in types.items()])
    sink = _Sink()
    # the least and the greatest speech of each row group help nobody and would pile up in memory until the end
    measured = [name for name in types if name not in ("thought", "speech")]
    with parquet.ParquetWriter(sink, schema, compression="zstd", write_statistics=measured) as writer:
        for page in _pages(database, batch_id):
            if rows := [row for dialogue in page for row in _rows(dialogue)]:
                writer.write_table(pa.Table.from_pylist(rows, schema))
                yield sink.drain()
    yield sink.drain()


_EXPORTERS: dict[str, Callable[[Database, str], Iterator[bytes]]] = {
    "json": lambda database, batch_id: _gathered(_json(database, batch_id)),
    "csv": lambda database, batch_id: _gathered(_csv(database, batch_id)),
    "jsonl": lambda database, batch_id: _gathered(_jsonl(database, batch_id)),
    "parquet": _parquet,
}
