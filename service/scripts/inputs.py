"""What the command is given: entities and a context, in its arguments or in files."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from esim_jax.errors import InputError
from esim_jax.kinds import nearest
from esim_jax.results.export import check_writable

FORMATS = ("json", "csv", "jsonl", "parquet")
_KINDS = {".json": "application/json", ".csv": "text/csv"}
_LONGEST_NAME = 60


class Entities(NamedTuple):
    """Ids of entities, or a file that has them still to be imported."""

    ids: list[str]
    content: bytes = b""
    kind: str = ""


def read_entities(text: str) -> Entities:
    """The entities that --entities names.

    >>> read_entities("entity-1, entity-2").ids
    ['entity-1', 'entity-2']

    Raises:
        InputError: there are none, or the file can't be read.
    """
    path = file_named(text, ".json", ".csv")
    if path is None:
        return Entities(_some([part.strip() for part in text.split(",") if part.strip()], "--entities"))
    kind = _KINDS.get(path.suffix.lower(), _KINDS[".json"])
    content = _text(path)
    if kind == _KINDS[".json"] and (ids := _ids(content, path)) is not None:
        return Entities(_some(ids, repr(str(path))))
    return Entities([], content.encode(), kind)


def read_context(text: str) -> str:
    """The context that --context is or names.

    Raises:
        InputError: it is empty, or the file can't be read.
    """
    path = file_named(text, ".txt", ".md")
    context = text if path is None else _text(path).strip()
    if not context.strip():
        raise InputError("The context is empty: say what the dialogues are about.")
    return context


def default_name(context: str) -> str:
    """A name for a batch that was given none.

    >>> default_name("  Who should\\nrule? ")
    'Who should rule?'
    """
    name = " ".join(context.split())
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1].rstrip() + "…"


def read_destination(text: str, inputs: Sequence[str]) -> tuple[Path, str]:
    """The path and the format of --output, once it is sure that a file can be written there.

    Raises:
        InputError: the extension is unknown, the file can't be written, or it is one of the inputs.
    """
    path = Path(text)
    known = path.suffix.lower().removeprefix(".")
    if known not in FORMATS:
        hint = nearest(known, FORMATS)
        raise InputError(f"The extension {path.suffix!r} of {text!r} is unknown: use {', '.join(FORMATS)}.{hint}")
    check_writable(path)
    if any((other := file_named(given)) and path.exists() and path.samefile(other) for given in inputs):
        raise InputError(f"--output {text!r} is a file that is read: name another one.")
    return path, known


def file_named(text: str, *extensions: str) -> Path | None:
    """The file of this name; None where the text is meant as it is.

    Raises:
        InputError: the text ends like the name of a file, and there is none.
    """
    try:
        path = Path(text)
        if path.is_file():
            return path
    except (OSError, ValueError):  # too long for a name, for one
        return None
    if path.suffix.lower() in extensions and len(text.split()) == 1:
        raise InputError(f"The file {text!r} does not exist.")
    return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InputError(f"The file {str(path)!r} can't be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"The file {str(path)!r} can't be read: it is not UTF-8 text.") from error


def _ids(content: str, path: Path) -> list[str] | None:
    """The ids that a JSON file lists; None where it does not list ids."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"The file {str(path)!r} is not JSON: {error}.") from error
    if isinstance(found, dict) and found.keys() == {"entity_ids"}:
        found = found["entity_ids"]
    return found if isinstance(found, list) and all(isinstance(item, str) for item in found) else None


def _some(ids: list[str], source: str) -> list[str]:
    if not ids:
        raise InputError(f"{source} names no entity: give ids separated by commas, or a file with them.")
    return ids
