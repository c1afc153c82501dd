"""BLT, the format of many programs that count single transferable votes (OpenSTV, OpaVote, eSTV).

A line a thing, in this order:

    4 2                the numbers of candidates and of seats
    -2                 who withdrew, if anybody
    3 1 4 0            a ballot: its count, candidates from the best down, 0
    2 4 1=3 - 2 0      = ranks equal; - is a rank left empty, and the next one moves up
    (b17) 1 2 0        a ballot may begin with an identifier, which is ignored
    0                  the end of the ballots
    "Adam"             a name for each candidate, and the title, which may be missing
    "Title"

What follows `#` is a comment. Inside quotes, two quotes stand for one. The title needs no quotes, and up to two quoted
lines after it (a source and a comment) are ignored. Who withdrew is no candidate and leaves the ballots; the next in
line moves up. (Hill, I. D., Wichmann, B. A. & Woodall, D. R., 1987, "Algorithm 123: single transferable vote by Meek's
method", Computer Journal 30(3), 277-281; the marks =, -, # and identifiers are OpenSTV's.)
"""

import re
from collections.abc import Iterator
from pathlib import Path

from esim_jax.counts.profile import Profile
from esim_jax.readers._text import MAX_CANDIDATES, MAX_COUNT, NUMBERS, new_name, opened, whole, wrong

_QUOTED = re.compile(r'"((?:[^"]|"")*)"\s*(?:#.*)?')
_IDENTIFIER = re.compile(r"\([^()]*\)")

_Lines = Iterator[tuple[int, str]]


def read_blt(path: Path) -> Profile:
    """The profile in a BLT file.

    Raises:
        InputError: the file can't be read, or a line is not what the format allows.
    """
    with opened(path) as file:
        lines = ((number, line.strip()) for number, line in enumerate(file, 1) if not _is_empty(line))
        n_candidates, n_seats = _read_sizes(path, lines)
        withdrawn, ballots = _read_ballots(path, lines, n_candidates)
        names, title = _read_names(path, lines, n_candidates)
    running = {number: name for number, name in enumerate(names, 1) if number not in withdrawn}
    named = (
        (
            tuple(place for place in (tuple(running[c] for c in tied if c in running) for tied in ranking) if place),
            count,
        )
        for ranking, count in ballots
    )
    return Profile.of(named, tuple(running.values()), n_seats, title)


def _is_empty(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _read_sizes(path: Path, lines: _Lines) -> tuple[int, int]:
    number, line = next(lines, (1, ""))
    numbers = [whole(text, 1, MAX_CANDIDATES) for text in _tokens(line)]
    if len(numbers) != 2 or numbers[0] is None or numbers[1] is None:
        raise wrong(path, number, f"{line!r} is not allowed: the numbers of candidates and of seats must stand here, "
                                  f"as '4 2', each from 1 to {MAX_CANDIDATES:,}")  # fmt: skip
    return numbers[0], numbers[1]


def _read_ballots(
    path: Path, lines: _Lines, n_candidates: int
) -> tuple[set[int], list[tuple[tuple[tuple[int, ...], ...], int]]]:
    """Who withdrew, and the ballots with their counts."""
    withdrawn: set[int] = set()
    ballots: list[tuple[tuple[tuple[int, ...], ...], int]] = []
    number = 1
    for number, line in lines:
        tokens = _tokens(_IDENTIFIER.sub("", line, count=1) if line.startswith("(") else line)
        if tokens == ["0"]:
            if len(withdrawn) == n_candidates:
                raise wrong(path, number, "everybody withdrew; at least one candidate must stand")
            return withdrawn, ballots
        if not ballots and tokens and all(re.fullmatch("-[0-9]+", token) for token in tokens):
            withdrawn.update(_candidate(path, number, token[1:], n_candidates) for token in tokens)
        else:
            ballots.append(_read_ballot(path, number, line, tokens, n_candidates))
    raise wrong(path, number, "the file ends among the ballots; a line '0' must follow the last of them")


def _read_ballot(
    path: Path, number: int, line: str, tokens: list[str], n_candidates: int
) -> tuple[tuple[tuple[int, ...], ...], int]:
    if len(tokens) < 2 or tokens[-1] != "0":
        raise wrong(path, number, f"ballot {line!r} is not allowed: a count, numbers of candidates and 0 must stand on "
                                  "one line, as '3 1 4 0'")  # fmt: skip
    count = whole(tokens[0], 1, MAX_COUNT)
    if count is None:
        raise wrong(path, number, f"ballot {line!r} begins with {tokens[0]!r}; its count must be {NUMBERS}")
    ranking = tuple(
        tuple(_candidate(path, number, text, n_candidates) for text in place.split("="))
        for place in tokens[1:-1]
        if place != "-"
    )
    ranked = [candidate for place in ranking for candidate in place]
    if len(set(ranked)) < len(ranked):
        raise wrong(path, number, f"ballot {line!r} is not allowed: each candidate may stand on it once")
    return ranking, count


def _read_names(path: Path, lines: _Lines, n_candidates: int) -> tuple[list[str], str]:
    names: list[str] = []
    number, line = 1, ""
    for number, line in lines:
        if len(names) == n_candidates:
            break
        names.append(new_name(path, number, _quoted(path, number, line, len(names) + 1), names))
    else:
        if len(names) < n_candidates:
            raise wrong(path, number, f"the file ends after {len(names)} names; {n_candidates} must follow the ballots")
        return names, ""
    title = _QUOTED.fullmatch(line)
    rest = list(lines)
    if len(rest) > 2 or not all(_QUOTED.fullmatch(text) for _, text in rest):
        raise wrong(path, rest[0][0], f"{rest[0][1]!r} is not allowed: after the names of {n_candidates} candidates "
                                      "and the title the file must end")  # fmt: skip
    return names, (title[1].replace('""', '"') if title else line).strip()


def _quoted(path: Path, number: int, line: str, candidate: int) -> str:
    match = _QUOTED.fullmatch(line)
    if not match:
        raise wrong(path, number, f"{line!r} is not allowed: the name of candidate {candidate} must stand here, alone "
                                  "and in double quotes")  # fmt: skip
    return match[1].replace('""', '"')


def _candidate(path: Path, number: int, text: str, n_candidates: int) -> int:
    candidate = whole(text, 1, n_candidates)
    if candidate is None:
        raise wrong(path, number, f"{text!r} is no candidate: they are numbered from 1 to {n_candidates}")
    return candidate


def _tokens(line: str) -> list[str]:
    return line.partition("#")[0].split()
