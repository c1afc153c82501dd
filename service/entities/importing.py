"""Many entities from one JSON or CSV file."""

import codecs
import csv
import io
import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter, ValidationError

from service.entities.schemas import EntityIn, oversize
from service.envelope import ServiceError
from service.texts import shown

OWN_COLUMNS = ("name", "description", "entity_type_id")
_drafts = TypeAdapter(list[EntityIn])

csv.field_size_limit(2**31 - 1)  # the body is bounded already, and our own bound names the row and the field


def read_entities(content_type: str, body: bytes, max_rows: int, max_text_length: int) -> list[EntityIn]:
    """The entities of a file, in its order.

    Args:
        content_type: of the file; application/json or text/csv.
        body: the file, in UTF-8 with or without a byte order mark.
        max_rows: entities at most.
        max_text_length: characters of one entity at most.

    Raises:
        ServiceError, RequestValidationError: the file is not allowed; the sentence says in which row and field. Rows
            count from 1, without the header.
    """
    readers = {"application/json": _json_rows, "text/csv": _csv_rows}
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in readers:
        raise ServiceError(415, f"Content-Type = {shown(kind)} can't be imported; allowed are {' and '.join(readers)}.")
    rows = list(islice(readers[kind](_text(body)), max_rows + 1))
    if not rows:
        raise ServiceError(422, "There is nothing to import: the file has no entities.")
    if len(rows) > max_rows:
        raise ServiceError(
            422,
            f"The file has more than {max_rows} entities (ten times SERVICE_MAX_ENTITIES_PER_BATCH): import it in "
            "several parts.",
        )
    drafts = _validated(rows)
    for i, draft in enumerate(drafts):
        if problem := oversize(draft, max_text_length):
            raise ServiceError(422, at_row(i, problem))
    return drafts


def at_row(index: int, problem: str = "") -> str:
    """A problem with the row that it is in."""
    return f"Row {index + 1}: {problem}" if problem else f"Row {index + 1}"


def _text(body: bytes) -> str:
    try:
        return body.removeprefix(codecs.BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        raise ServiceError(
            422, f"The file is not UTF-8: byte {error.start} is {body[error.start]:#04x}; save it as UTF-8."
        ) from None


def _json_rows(text: str) -> Iterator[Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ServiceError(422, f"The file is not JSON: {error}.") from None
    if isinstance(content, dict) and content.keys() == {"entities"}:
        content = content["entities"]
    if not isinstance(content, list):
        raise ServiceError(422, 'The file must be a list of entities, or {"entities": [...]} and nothing else.')
    return iter(content)


def _csv_rows(text: str) -> Iterator[dict[str, Any]]:
    # newline="": line ends inside of quotes stay as they are
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    index = 0
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise ServiceError(422, at_row(index, f"this is not CSV: {error} (line {reader.line_num}).")) from None
        if not any(cells):  # spreadsheets write such rows at the end
            continue
        if header is None:
            header = _header(cells)
            continue
        if len(cells) != len(header):
            raise ServiceError(422, at_row(index, f"it has {len(cells)} cells, but the header has {len(header)}."))
        yield _entity(dict(zip(header, cells, strict=True)))
        index += 1


def _header(cells: Sequence[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    if "name" not in names:
        raise ServiceError(
            422, f"The header has no column name; it has {shown(names)}. Columns are separated by commas."
        )
    if "" in names:
        raise ServiceError(422, f"Column {names.index('') + 1} has no name in the header.")
    if twice := next((name for i, name in enumerate(names) if name in names[:i]), None):
        raise ServiceError(422, f"The header has the column {shown(twice)} twice.")
    return names


def _entity(cells: dict[str, str]) -> dict[str, Any]:
    """Columns of its own, and the others as attributes; an empty cell says nothing."""
    given = {name: cell for name, cell in cells.items() if cell or name == "name"}
    own = {name: cell for name, cell in given.items() if name in OWN_COLUMNS}
    return own | {"attributes": {name: cell for name, cell in given.items() if name not in OWN_COLUMNS}}


def _validated(rows: list[Any]) -> list[EntityIn]:
    try:
        return _drafts.validate_python(rows)
    except ValidationError as error:
        raise RequestValidationError([_problem_at_row(error.errors(include_url=False)[0])]) from None


def _problem_at_row(problem: Any) -> dict[str, Any]:
    """The problem so that the sentence about it begins with the row."""
    index, *field = problem["loc"]
    located = {**problem, "loc": ("body", at_row(index, ".".join(map(str, field))))}
    if problem["type"] == "value_error":
        located["ctx"] = {"error": at_row(index, str(problem["ctx"]["error"]))}
    return located
