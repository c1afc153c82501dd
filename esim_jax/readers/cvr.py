"""Cast vote records: a CSV table with a row for each ballot, and candidates' names in columns of ranks.

The first row names the columns. Ranks are called rank1, "Rank 1", "choice 1", "preference 1", "1st choice", "1st" or
the like, in any case, numbered 1, 2, 3, ... without a gap; an optional column `count` says how many ballots a row
stands for. Other columns are ignored. Read as most laws read a ballot:

- an empty cell, "skipped" or "undervote" is a rank left empty: the next one moves up;
- "overvote" ends the ballot: nothing at or below it counts;
- a candidate who stands on the ballot again counts at the first place only.

A ballot without a name stays in the profile, as an empty ranking.
"""

import csv
import re
from collections import Counter
from pathlib import Path

from esim_jax.counts.profile import Profile
from esim_jax.errors import InputError
from esim_jax.readers._text import MAX_CANDIDATES, MAX_COUNT, NUMBERS, opened, whole, wrong

_RANK = re.compile(
    r"(?:rank|choice|preference)[ _-]?(?P<after>[0-9]{1,4})"
    r"|(?P<before>[0-9]{1,4})(?:st|nd|rd|th)(?:[ _-](?:rank|choice|preference))?"
)
_SKIPPED = ("", "skipped", "undervote")
_OVERVOTE = "overvote"


def read_cvr(path: Path) -> Profile:
    """The profile in a cast vote record.

    Raises:
        InputError: the file can't be read, or a row is not what the format allows.
    """
    counted: Counter[tuple[str, ...]] = Counter()
    names: dict[str, None] = {}
    with opened(path, newline="") as file:
        rows = csv.reader(file, strict=True)
        try:
            header = next(rows, [])
            ranks, count_column = _read_header(path, header)
            for row in rows:
                if not row:
                    continue
                if len(row) != len(header):
                    raise wrong(path, rows.line_num, f"the row has {len(row)} cells; it must have {len(header)}, as "
                                                     "many as the first row")  # fmt: skip
                count = 1 if count_column is None else whole(row[count_column].strip(), 1, MAX_COUNT)
                if count is None:
                    raise wrong(path, rows.line_num, f"the count is {row[count_column or 0]!r}; {NUMBERS} is allowed")
                ranking = _read_ranking([row[column] for column in ranks])
                names |= dict.fromkeys(ranking)
                if len(names) > MAX_CANDIDATES:
                    raise wrong(path, rows.line_num, f"there are more than {MAX_CANDIDATES:,} different names; that "
                                                     "many candidates are allowed")  # fmt: skip
                counted[ranking] += count
        except csv.Error as error:
            what = f"it is not CSV ({error}); separate cells by commas and close every quote"
            raise wrong(path, rows.line_num, what) from error
    if not names:
        raise InputError(f"{str(path)!r} has no candidate: at least one ballot must rank somebody.")
    return Profile.of(counted.items(), tuple(names))


def _read_header(path: Path, header: list[str]) -> tuple[list[int], int | None]:
    """The columns of the ranks from the first down, and the column of the counts."""
    found: dict[int, int] = {}
    counts = [column for column, name in enumerate(header) if name.strip().lower() == "count"]
    for column, name in enumerate(header):
        if match := _RANK.fullmatch(name.strip().lower()):
            rank = int(match["after"] or match["before"])
            if rank in found:
                raise wrong(path, 1, f"rank {rank} has the two columns {header[found[rank]]!r} and {name!r}; "
                                     "one is allowed")  # fmt: skip
            found[rank] = column
    if not found or sorted(found) != list(range(1, len(found) + 1)):
        raise wrong(path, 1, f"the columns {header!r} rank {sorted(found) or 'nobody'}; columns rank1, rank2, ... "
                             "without a gap must be there, separated by commas")  # fmt: skip
    if len(counts) > 1:
        raise wrong(path, 1, "two columns are called 'count'; one is allowed")
    return [found[rank] for rank in sorted(found)], counts[0] if counts else None


def _read_ranking(cells: list[str]) -> tuple[str, ...]:
    ranking: dict[str, None] = {}
    for cell in cells:
        name = cell.strip()
        if name.lower() == _OVERVOTE:
            break
        if name.lower() not in _SKIPPED:
            ranking[name] = None
    return tuple(ranking)
