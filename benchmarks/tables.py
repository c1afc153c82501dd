"""Tables: rows with the same keys, printed for people and kept for the file."""

from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """What one measurement gives.

    Attributes:
        name: its key in the file.
        title: what is printed above it.
        rows: with the same keys each.
        asked: verdicts, for the table "Asked for".
    """

    name: str
    title: str
    rows: list[Row]
    asked: list[Row] = field(default_factory=list)

    def print(self) -> None:
        """The rows under their keys, numbers to the right."""
        cells = [list(self.rows[0]), *([show(value) for value in row.values()] for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        print(f"\n{self.title}\n")
        for line in cells:
            aligned = [
                cell.ljust(width) if isinstance(value, str) else cell.rjust(width)
                for cell, width, value in zip(line, widths, self.rows[0].values(), strict=True)
            ]
            print("  ".join(aligned).rstrip(), flush=True)


def show(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:#.3g}" if abs(value) < 100 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def at_least(name: str, measured: float, wanted: float) -> Row:
    return _verdict(name, measured, f"at least {wanted:g}", measured >= wanted)


def at_most(name: str, measured: float, wanted: float) -> Row:
    return _verdict(name, measured, f"at most {wanted:g}", measured <= wanted)


def about(name: str, measured: float, low: float, high: float) -> Row:
    return _verdict(name, measured, f"{low:g} to {high:g}", low <= measured <= high)


def _verdict(name: str, measured: float, wanted: str, met: bool) -> Row:
    return {"what": name, "measured": measured, "wanted": wanted, "met": "yes" if met else "NO"}
