"""What became of a batch, as text for a terminal."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any
from unicodedata import combining, east_asian_width
from urllib.parse import quote

from service.scripts.client import Client, RefusedError

_ROWS = 20
_PAGE = 100
_NAMES = 3
_LONGEST_NAME = 30
_HEADER = ("#", "entities", "status", "turns", "tokens")
_RIGHT = (True, False, False, True, True)


def summary(client: Client, batch: dict[str, Any]) -> str:
    """A table of the first simulations, then why some failed, then the totals."""
    counts, usage = batch["counts"], batch["usage"]
    first: list[dict[str, Any]] = []
    errors: Counter[str] = Counter()
    for simulation in _simulations(client, batch["id"]):
        first += [simulation] if len(first) < _ROWS else []
        errors.update([simulation["error"]] if simulation["error"] else [])
        if len(first) == min(_ROWS, counts["total"]) and errors.total() == counts["failed"]:
            break
    names = _Names(client)
    lines = table(_HEADER, [_row(simulation, names) for simulation in first])
    if counts["total"] > len(first):
        lines.append(f"... and {counts['total'] - len(first):,} more")
    lines += ["", *(f"{number:,} failed: {error}" for error, number in errors.most_common())]
    tokens = usage["prompt_tokens"] + usage["completion_tokens"]
    lines.append(
        f"{batch['status']}: {counts['completed']:,} of {counts['total']:,} simulations, {usage['calls']:,} calls, "
        f"{tokens:,} tokens ({usage['prompt_tokens']:,} asked, {usage['completion_tokens']:,} answered)"
    )
    return "\n".join(lines)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines with columns of equal width.

    >>> table(("#", "entities", "status", "turns", "tokens"), [("1", "孔子", "failed", "0", "12")])
    ['#  entities  status  turns  tokens', '1  孔子      failed      0      12']
    """
    everything = [header, *rows]
    widths = [max(map(_width, column)) for column in zip(*everything, strict=True)]
    return ["  ".join(map(_padded, row, widths, _RIGHT)).rstrip() for row in everything]


class _Names:
    """Names of entities by id, each asked for once; an entity that is gone is called by its id."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[str, str] = {}

    def __call__(self, entity_id: str) -> str:
        if entity_id not in self._known:
            try:
                name = self._client.get(f"/api/entities/{quote(entity_id, safe='')}")["name"]
            except RefusedError:
                name = entity_id
            self._known[entity_id] = _cut(name)
        return self._known[entity_id]


def _row(simulation: dict[str, Any], names: _Names) -> tuple[str, ...]:
    ids, usage = simulation["entity_ids"], simulation["usage"]
    shown = ", ".join(map(names, ids[:_NAMES]))
    more = f" and {len(ids) - _NAMES} more" if len(ids) > _NAMES else ""
    return (
        str(simulation["sequence_number"]),
        shown + more,
        simulation["status"],
        str(simulation["metadata"]["final_turn_number"]),
        f"{usage['prompt_tokens'] + usage['completion_tokens']:,}",
    )


def _simulations(client: Client, batch_id: str) -> Iterator[dict[str, Any]]:
    offset = 0
    while page := client.get(f"/api/batch-simulations/{batch_id}", limit=_PAGE, offset=offset)["simulations"]:
        yield from page
        offset += _PAGE


def _cut(name: str) -> str:
    plain = "".join(character if character.isprintable() else " " for character in name)  # no orders to the terminal
    return plain if len(plain) <= _LONGEST_NAME else plain[: _LONGEST_NAME - 1] + "…"


def _width(text: str) -> int:
    return sum(0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text)


def _padded(text: str, width: int, right: bool) -> str:
    space = " " * (width - _width(text))
    return space + text if right else text + space
