"""PrefLib's files of orders: .soc, .soi, .toc and .toi, of the present format and of the one before 2022.

The present format begins with lines `# KEY: value`, of which NUMBER ALTERNATIVES and ALTERNATIVE NAME 1, 2, ... are
needed; then each line has a count, a colon and the order, such as `3: 1,{2,4},5`. The older format begins with the
number of candidates, a line `1,name` for each, and a line with the numbers of voters, of ballots and of orders; then
each line has a count, a comma and the order. (https://preflib.github.io/PrefLib-Jekyll/format; Mattei, N. & Walsh, T.,
2013, "PrefLib: a library for preferences", Algorithmic Decision Theory, 259-270.)

What the head says of the numbers of ballots and orders must be so. In .soc and .toc every ballot ranks everybody, and
only .toc and .toi have ties.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from esim_jax.counts.profile import Profile
from esim_jax.readers._text import MAX_CANDIDATES, MAX_COUNT, NUMBERS, new_name, opened, whole, wrong

_TIED = r"\{\s*[0-9]{1,9}(?:\s*,\s*[0-9]{1,9})*\s*\}"
_PLACE = rf"(?:[0-9]{{1,9}}|{_TIED})"
_ORDER = re.compile(rf"{_PLACE}(?:\s*,\s*{_PLACE})*")

_Lines = Iterator[tuple[int, str]]


@dataclass
class _Head:
    """What stands before the ballots. Of a number that the ballots must come to, its line as well."""

    names: dict[int, str] = field(default_factory=dict)
    n_candidates: int = 0
    n_ballots: tuple[int, int] | None = None
    n_orders: tuple[int, int] | None = None
    title: str = ""


def read_preflib(path: Path) -> Profile:
    """The profile in a file of orders.

    Raises:
        InputError: the file can't be read, or is not in either format.
    """
    with opened(path) as file:
        lines = ((number, line.strip()) for number, line in enumerate(file, 1) if line.strip())
        number, first = next(lines, (1, ""))
        if first.startswith("#"):
            separator, (head, ballots) = ":", _present_head(path, number, first, lines)
        else:
            separator, head, ballots = ",", _older_head(path, number, first, lines), lines
        orders = [_read_order(path, number, line, separator, head.n_candidates) for number, line in ballots]
    for declared, found, what in (
        (head.n_ballots, sum(count for _, count in orders), "ballots"),
        (head.n_orders, len(orders), "orders"),
    ):
        if declared and declared[1] != found:
            raise wrong(path, declared[0], f"{declared[1]} {what} are announced, but there are {found}; "
                                           "the two must be equal")  # fmt: skip
    names = [head.names[place] for place in range(1, head.n_candidates + 1)]
    named = ((tuple(tuple(names[place - 1] for place in tied) for tied in order), count) for order, count in orders)
    return Profile.of(named, names, title=head.title)


def _present_head(path: Path, number: int, line: str, lines: _Lines) -> tuple[_Head, _Lines]:
    """The head, and the lines from the first ballot on."""
    head = _Head()
    while line.startswith("#"):
        key, _, value = (part.strip() for part in line[1:].partition(":"))
        if key == "TITLE":
            head.title = value
        elif key == "NUMBER ALTERNATIVES":
            head.n_candidates = _candidates(path, number, value)
        elif key == "NUMBER VOTERS":
            head.n_ballots = (number, _number(path, number, value))
        elif key == "NUMBER UNIQUE ORDERS":
            head.n_orders = (number, _number(path, number, value))
        elif key.startswith("ALTERNATIVE NAME"):
            place = whole(key.removeprefix("ALTERNATIVE NAME").strip(), 1, MAX_CANDIDATES)
            if place is None or place in head.names:
                raise wrong(path, number, f"{key!r} is not allowed: candidates are numbered 1, 2, 3, ..., each once")
            head.names[place] = new_name(path, number, value, head.names.values())
        number, line = next(lines, (number, ""))
    if head.n_candidates == 0:
        raise wrong(path, number, "no line '# NUMBER ALTERNATIVES: ...' stands before the ballots; add one")
    if head.names.keys() != set(range(1, head.n_candidates + 1)):
        raise wrong(path, number, f"lines '# ALTERNATIVE NAME 1: ...' to {head.n_candidates} must stand before the "
                                  f"ballots, but there are those of {sorted(head.names) or 'nobody'}")  # fmt: skip

    def ballots() -> _Lines:
        if line:
            yield number, line
        yield from lines

    return head, ballots()


def _older_head(path: Path, number: int, line: str, lines: _Lines) -> _Head:
    head = _Head(n_candidates=_candidates(path, number, line))
    for place in range(1, head.n_candidates + 1):
        number, line = next(lines, (number, ""))
        written, comma, name = line.partition(",")
        if not comma or written.strip() != str(place):
            raise wrong(path, number, f"{line!r} is not allowed: the name of candidate {place} must stand here, "
                                      f"as '{place},name'")  # fmt: skip
        quoted = re.fullmatch(r'\s*"(.*)"\s*', name)
        head.names[place] = new_name(path, number, quoted[1] if quoted else name, head.names.values())
    number, line = next(lines, (number, ""))
    numbers = line.split(",")
    if len(numbers) != 3:
        raise wrong(path, number, f"{line!r} is not allowed: three numbers must stand here, of voters, of ballots and "
                                  "of different orders, as '475,475,31'")  # fmt: skip
    _, n_ballots, n_orders = (_number(path, number, text.strip()) for text in numbers)
    head.n_ballots, head.n_orders = (number, n_ballots), (number, n_orders)
    return head


def _candidates(path: Path, number: int, text: str) -> int:
    n_candidates = whole(text, 1, MAX_CANDIDATES)
    if n_candidates is None:
        raise wrong(path, number, f"the number of candidates is {text!r}; a whole number from 1 to {MAX_CANDIDATES:,} "
                                  "is allowed")  # fmt: skip
    return n_candidates


def _number(path: Path, number: int, text: str) -> int:
    value = whole(text, 0, MAX_COUNT)
    if value is None:
        raise wrong(path, number, f"{text!r} is not allowed: it must be a whole number from 0 to {MAX_COUNT:,}")
    return value


def _read_order(path: Path, number: int, line: str, separator: str, n_candidates: int) -> tuple[list[list[int]], int]:
    """The numbers of the candidates from the best place down, and the count."""
    kind = path.suffix[1:].lower()
    counted, found, order = (part.strip() for part in line.partition(separator))
    count = whole(counted, 1, MAX_COUNT)
    if not found or count is None:
        raise wrong(path, number, f"ballot {line!r} must begin with its count, {NUMBERS}, and {separator!r}")
    if not _ORDER.fullmatch(order):
        raise wrong(path, number, f"order {order!r} is not allowed: write numbers of candidates from the best down, "
                                  "as '3,{1,2},4'")  # fmt: skip
    places = [[int(text) for text in re.findall("[0-9]+", place)] for place in re.findall(_PLACE, order)]
    ranked = [candidate for place in places for candidate in place]
    if not all(1 <= candidate <= n_candidates for candidate in ranked):
        raise wrong(path, number, f"order {order!r} is not allowed: candidates are numbered from 1 to {n_candidates}")
    if len(set(ranked)) < len(ranked):
        raise wrong(path, number, f"order {order!r} is not allowed: each candidate may stand on it once")
    if kind[0] == "s" and len(places) < len(ranked):
        raise wrong(path, number, f"order {order!r} has a tie; ties are allowed in .toc and .toi, not in .{kind}")
    if kind[2] == "c" and len(ranked) < n_candidates:
        raise wrong(path, number, f"order {order!r} leaves out {n_candidates - len(ranked)} of the {n_candidates} "
                                  f"candidates; that is allowed in .soi and .toi, not in .{kind}")  # fmt: skip
    return places, count
