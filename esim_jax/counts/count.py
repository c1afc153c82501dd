"""What a count comes to: its stages, who is elected, and the ties that lots decided; printable as a table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction


@dataclass(frozen=True)
class Tie:
    """A tie that was broken.

    Attributes:
        between: the candidates or parties.
        chosen: those that the tie-break put first: elected, given a seat or, in an elimination, eliminated.
        why: what was to be decided, and how it was ("lot", "earlier stage").
    """

    between: tuple[str, ...]
    chosen: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Stage:
    """One stage of a count.

    Attributes:
        what: what the numbers are and what was done, in a few words ("first preferences", "surplus of Ann").
        tally: of each candidate still of interest: votes, points, wins or defeats, exact.
        elected: in this stage.
        eliminated: in this stage.
        quota: that elects, where the rule has one.
        exhausted: votes that no longer count for anybody, with those lost to rounding where the rule rounds.
        ties: broken in this stage.
    """

    what: str
    tally: Mapping[str, Fraction]
    elected: tuple[str, ...] = ()
    eliminated: tuple[str, ...] = ()
    quota: Fraction | None = None
    exhausted: Fraction | None = None
    ties: tuple[Tie, ...] = ()


@dataclass(frozen=True)
class Count:
    """A count from its first stage to its last; `print` shows it as a table.

    Attributes:
        system: the name of the rule.
        candidates: in the order of the table.
        elected: in the order of their election; fewer than there are seats only where too few have a vote or, in rules
            that need more than one preference, where too few are ranked by anybody.
        stages: in order.
    """

    system: str
    candidates: tuple[str, ...]
    elected: tuple[str, ...]
    stages: tuple[Stage, ...] = field(repr=False)

    @property
    def winner(self) -> str | None:
        """Who is elected first; None where nobody is."""
        return self.elected[0] if self.elected else None

    @property
    def ties(self) -> tuple[Tie, ...]:
        """Of all stages."""
        return tuple(tie for stage in self.stages for tie in stage.ties)

    def __str__(self) -> str:
        """The table: candidates down, stages across; `*` marks who is elected in a stage, `-` who is eliminated."""
        # Every number is followed by a mark or a blank.
        rows = [["", *(f"{number} " for number in range(1, len(self.stages) + 1))]]
        rows += [[candidate, *(_cell(stage, candidate) for stage in self.stages)] for candidate in self.candidates]
        for label, values in (
            ("exhausted", [s.exhausted for s in self.stages]),
            ("quota", [s.quota for s in self.stages]),
        ):
            if any(value is not None for value in values):
                rows.append([label, *("" if value is None else as_text(value) + " " for value in values)])
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        table = [
            "  ".join(
                [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
            ).rstrip()
            for row in rows
        ]
        stages = [f"{number}: {stage.what}" for number, stage in enumerate(self.stages, 1)]
        ties = [f"tie between {', '.join(tie.between)}: {', '.join(tie.chosen)} ({tie.why})" for tie in self.ties]
        elected = ", ".join(self.elected) or "nobody"
        return "\n".join([f"{self.system}: elected {elected}", *table, *stages, *ties])


def _cell(stage: Stage, candidate: str) -> str:
    mark = "*" if candidate in stage.elected else "-" if candidate in stage.eliminated else " "
    return "" if candidate not in stage.tally else as_text(stage.tally[candidate]) + mark


def as_text(value: Fraction) -> str:
    """A whole number as it is, a fraction with five decimals (rounded down where it is not exact).

    >>> as_text(Fraction(3)), as_text(Fraction(1, 3))
    ('3', '0.33333')
    """
    if value.denominator == 1:
        return str(value.numerator)
    sign, size = ("-", -value) if value < 0 else ("", value)
    units = size.numerator * 10**5 // size.denominator
    return f"{sign}{units // 10**5}.{units % 10**5:05d}"
