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
        transfers: votes that each candidate received in this stage from others, or gave up (below 0), in rules that
            transfer votes. What is missing to a sum of 0 is exhausted, or lost to rounding.
        transfer_value: the part of its value that each paper kept which moved: 1 from who is eliminated, and surplus /
            votes from who is elected, before rounding. None where nothing moved, and in Meek's method, which moves
            parts of the votes of all who are elected.
    """

    what: str
    tally: Mapping[str, Fraction]
    elected: tuple[str, ...] = ()
    eliminated: tuple[str, ...] = ()
    quota: Fraction | None = None
    exhausted: Fraction | None = None
    ties: tuple[Tie, ...] = ()
    transfers: Mapping[str, Fraction] = field(default_factory=dict)
    transfer_value: Fraction | None = None


@dataclass(frozen=True)
class Count:
    """A count from its first stage to its last; `print` shows it as a table.

    Attributes:
        system: the name of the rule.
        candidates: in the order of the table.
        elected: in the order of their election; fewer than there are seats only where too few have a vote or, in rules
            that need more than one preference, where too few are ranked by anybody.
        stages: in order.
        n_seats: to be filled.
    """

    system: str
    candidates: tuple[str, ...]
    elected: tuple[str, ...]
    stages: tuple[Stage, ...] = field(repr=False)
    n_seats: int = 1

    @property
    def winner(self) -> str | None:
        """Who is elected first; None where nobody is."""
        return self.elected[0] if self.elected else None

    @property
    def vacant(self) -> int:
        """Seats that nobody fills."""
        return self.n_seats - len(self.elected)

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
        stages = [f"{number}: {stage.what}{_moved(stage)}" for number, stage in enumerate(self.stages, 1)]
        ties = [f"tie between {', '.join(tie.between)}: {', '.join(tie.chosen)} ({tie.why})" for tie in self.ties]
        elected = ", ".join(self.elected) or "nobody"
        vacant = f"; vacant seats: {self.vacant}" if self.vacant else ""
        return "\n".join([f"{self.system}: elected {elected}{vacant}", *table, *stages, *ties])


def _cell(stage: Stage, candidate: str) -> str:
    mark = "*" if candidate in stage.elected else "-" if candidate in stage.eliminated else " "
    return "" if candidate not in stage.tally else as_text(stage.tally[candidate]) + mark


def _moved(stage: Stage) -> str:
    """Who gave up and received how many votes, at which value where it is not their whole one."""
    if not stage.transfers:
        return ""
    lost = -sum(stage.transfers.values())
    amounts = {**stage.transfers, **({"exhausted": lost} if lost else {})}
    signed = (f"{name} {'+' if amount > 0 else ''}{as_text(amount)}" for name, amount in amounts.items())
    value = "" if stage.transfer_value in (None, 1) else f" at {as_text(stage.transfer_value)}"
    return f"{value}: {', '.join(signed)}"


def transferred(before: Mapping[str, Fraction], after: Mapping[str, Fraction]) -> dict[str, Fraction]:
    """What each candidate received from one tally to the next, or gave up; who is in neither has nothing.

    >>> transferred({"Ann": Fraction(7), "Bob": Fraction(2)}, {"Ann": Fraction(9)})
    {'Ann': Fraction(2, 1), 'Bob': Fraction(-2, 1)}
    """
    nothing = Fraction(0)
    changes = {name: after.get(name, nothing) - before.get(name, nothing) for name in {**before, **after}}
    return {name: change for name, change in changes.items() if change}


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
