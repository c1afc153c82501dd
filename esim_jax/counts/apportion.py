"""Seats for parties from their votes, exact: divisor methods, largest remainders and the quota method.

Balinski, M. L. & Young, H. P. (2001), Fair Representation, 2nd ed., and Pukelsheim, F. (2017), Proportional
Representation, 2nd ed., chs. 4 and 5, give the methods.
"""

from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from numbers import Integral
from typing import Any

from esim_jax.counts.count import Tie, as_text
from esim_jax.counts.lots import Lots
from esim_jax.errors import InputError

Share = int | float | str | Decimal | Fraction
"""A share of votes. A float is read as the decimal that it prints as, so that 0.05 is exactly 1/20."""

DIVISORS: dict[str, Callable[[int], Fraction | int]] = {
    "dhondt": lambda held: held + 1,
    "sainte_lague": lambda held: 2 * held + 1,
    "modified_sainte_lague": lambda held: 2 * held + 1 if held else Fraction(7, 5),
    "modified_sainte_lague_1_2": lambda held: 2 * held + 1 if held else Fraction(6, 5),
    "danish": lambda held: 3 * held + 1,
    "imperiali": lambda held: held + 2,
    "adams": lambda held: held,
    "dean": lambda held: Fraction(2 * held * (held + 1), 2 * held + 1),
    "huntington_hill": lambda held: held * (held + 1),  # of the squares: its divisors are roots
}
"""Divisor methods: the divisor of a party's votes that it claims its next seat with, given how many it holds."""

QUOTAS: dict[str, Callable[[int, int], Iterator[Fraction]]] = {
    "hare": lambda votes, seats: iter([Fraction(votes, seats)]),
    "droop": lambda votes, seats: iter([Fraction(votes // (seats + 1) + 1)]),
    "hagenbach_bischoff": lambda votes, seats: (Fraction(votes, seats + extra) for extra in (1, 0)),
    "hagenbach_bischoff_rounded": lambda votes, seats: (
        Fraction((2 * votes + seats + 1) // (2 * (seats + 1)) + extra) for extra in (0, 1)
    ),
    "imperiali_quota": lambda votes, seats: (Fraction(votes, seats + extra) for extra in (2, 1, 0)),
}
"""Largest remainders: quotas from all votes and seats, those to fall back on where the first gives too many seats."""

METHODS = (*DIVISORS, *QUOTAS, "quota", "plurality")
"""Every method of `apportion`."""


@dataclass(frozen=True)
class Quotient:
    """A claim to a seat in a divisor method.

    Attributes:
        party: that claims it.
        seat: the first, second, ... of the party.
        value: votes over the divisor; of Huntington-Hill its square; None where the divisor is 0.
    """

    party: str
    seat: int
    value: Fraction | None

    def __str__(self) -> str:
        value = "" if self.value is None else f" ({as_text(self.value)})"
        return f"{self.party}, seat {self.seat}{value}"


@dataclass(frozen=True)
class Apportionment:
    """Seats of parties, and how they came about; `print` shows them as a table.

    Attributes:
        method: its name.
        votes: of each party.
        seats: of each party, in the order of the votes.
        quota: of votes for a seat, in a method that has one.
        full_quotas: how many each party that took part has.
        remainders: votes beyond the full quotas.
        last_given: the smallest quotient that won a seat, in a divisor method.
        first_not_given: the largest quotient that won none.
        below_threshold: parties with votes that took no part.
        kept: parties that hold the `minimum` that they were given, not a share of the votes.
        ties: broken by lot.
    """

    method: str
    votes: Mapping[str, int]
    seats: Mapping[str, int]
    quota: Fraction | None = None
    full_quotas: Mapping[str, int] | None = None
    remainders: Mapping[str, Fraction] | None = None
    last_given: Quotient | None = None
    first_not_given: Quotient | None = None
    below_threshold: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    ties: tuple[Tie, ...] = ()

    def __str__(self) -> str:
        """Parties down; votes, full quotas and remainders where there are any, and seats across."""
        columns: dict[str, Mapping[str, Fraction | int]] = {"votes": self.votes}
        if self.full_quotas is not None and self.remainders is not None:
            columns |= {"full quotas": self.full_quotas, "remainder": self.remainders}
        title = f"{self.method}, seats: {sum(self.seats.values())}"
        notes = (
            ("quota", self.quota and as_text(self.quota)),
            ("last quotient given", self.last_given),
            ("first not given", self.first_not_given),
            ("below the threshold", ", ".join(self.below_threshold)),
            ("kept their minimum", ", ".join(self.kept)),
        )
        noted = [f"{label}: {value}" for label, value in notes if value]
        return "\n".join([title, *as_table(columns | {"seats": self.seats}), *noted, *as_lines(self.ties)])


def apportion(
    votes: Mapping[str, int] | Sequence[int],
    n_seats: int,
    method: str = "dhondt",
    *,
    threshold: Share | Mapping[str, Share] = 0,
    valid_votes: int | None = None,
    exempt: Collection[str] = (),
    minimum: Mapping[str, int] | None = None,
    seed: int = 0,
) -> Apportionment:
    """Seats of each party from its votes.

    In a divisor method seats go one by one to the largest quotient of votes and the next divisor:

    | method | divisors | by |
    |---|---|---|
    | "dhondt" | 1, 2, 3, ... | Jefferson 1792, D'Hondt 1882 |
    | "sainte_lague" | 1, 3, 5, ... | Webster 1832, Sainte-Laguë 1910 |
    | "modified_sainte_lague" | 1.4, 3, 5, ... | Norway, Sweden until 2014 |
    | "modified_sainte_lague_1_2" | 1.2, 3, 5, ... | Sweden since 2018 |
    | "danish" | 1, 4, 7, ... | Denmark, within provinces |
    | "imperiali" | 2, 3, 4, ... | Belgium's municipalities |
    | "adams" | 0, 1, 2, ... | Adams 1832 |
    | "dean" | 0, 4/3, 12/5, ... (harmonic means) | Dean 1832 |
    | "huntington_hill" | 0, sqrt 2, sqrt 6, ... (geometric means) | Huntington 1921, the United States since 1941 |

    With a first divisor of 0 every party with votes claims its first seat before all others; where seats are fewer
    than parties, the largest have them. A method of largest remainders gives a seat for each full quota that a party
    has of the votes V for the S seats, and the seats that remain to the largest remainders:

    | method | quota | by |
    |---|---|---|
    | "hare" | V / S | Hamilton 1792, Hare 1859 |
    | "droop" | floor(V / (S + 1)) + 1 | Droop 1881 |
    | "hagenbach_bischoff" | V / (S + 1) | Hagenbach-Bischoff 1888 |
    | "hagenbach_bischoff_rounded" | V / (S + 1), rounded, halves up | Slovakia |
    | "imperiali_quota" | V / (S + 2) | Italy until 1993 |

    The last three can have more full quotas than seats. The count is then done again with a quota that has one seat
    less in its divisor, as Italy's laws say (decree 361/1957, art. 77, until 1993, and that of South Tyrol's council;
    both round the quota down, which is not done here), and with a rounded quota one vote larger (Slovakia's law takes
    the seat back from the smallest remainder instead). Where more seats remain than parties, each first gets an equal
    number of them.

    "quota" is the method of Balinski and Young (1975, The quota method of apportionment, American Mathematical
    Monthly 82): D'Hondt's quotients, of parties that one more seat leaves within their upper quota for the house so
    far. "plurality" gives all seats to the party with the most votes. Parties without votes get no seat. Ties are
    broken by lot.

    Args:
        votes: whole numbers by party, or in a list, whose parties are called "1", "2", ...
        n_seats: at least 0.
        method: one of `METHODS`.
        threshold: smallest share of the valid votes with which a party takes part, in [0, 1]; one for all, or a
            mapping of parties, where those left out have none.
        valid_votes: denominator of the threshold, where more count than those for the parties, such as blank ones.
        exempt: parties without a threshold.
        minimum: seats that parties have in any case, such as those won in districts. Whoever would get fewer keeps
            its minimum, and the others share the rest; in a divisor method, seats then go on from the minimum.
        seed: of the lots; any integer.

    Raises:
        InputError: an argument is not allowed, there are no votes, or no party reaches the threshold.

    >>> result = apportion({"A": 340_000, "B": 280_000, "C": 160_000, "D": 60_000}, 7, "sainte_lague")
    >>> print(result)
    sainte_lague, seats: 7
        votes  seats
    A  340000      3
    B  280000      2
    C  160000      1
    D   60000      1
    last quotient given: D, seat 1 (60000)
    first not given: B, seat 3 (56000)
    """
    counts = read_votes("votes", votes)
    taking_part = passing(counts, threshold, valid_votes, exempt)
    return allocate(
        counts,
        read_whole("n_seats", n_seats),
        read_method("method", method),
        taking_part,
        read_seats("minimum", minimum or {}, counts),
        draw_lots(counts, seed),
    )


def allocate(
    votes: Mapping[str, int],
    n_seats: int,
    method: str,
    taking_part: Collection[str],
    minimum: Mapping[str, int],
    lots: Lots,
) -> Apportionment:
    """Seats for the parties that take part, on arguments that were read; see `apportion`.

    Who would get less than its minimum is set aside with it, until nobody does. For a divisor method this comes to
    the same as giving the remaining seats one by one.
    """
    if not any(votes.values()):
        raise InputError("votes are all 0: seats can't be allocated without votes.")
    running = {party: count for party, count in votes.items() if party in taking_part and count}
    if not running:
        raise InputError("threshold is reached by no party with votes: lower it, or name parties in `exempt`.")
    if sum(minimum.values()) > n_seats:
        raise InputError(f"n_seats = {n_seats} is not allowed: the minimum of all parties is already "
                         f"{sum(minimum.values())}.")  # fmt: skip
    kept = {party: seats for party, seats in minimum.items() if seats and party not in running}
    while True:
        sharing = {party: count for party, count in running.items() if party not in kept}
        outcome = _share(sharing, n_seats - sum(kept.values()), method, lots)
        short = {party: minimum[party] for party in sharing if outcome.seats[party] < minimum.get(party, 0)}
        if not short:
            break
        kept |= short
    seats = {**outcome.seats, **kept}
    return replace(
        outcome,
        votes=votes,
        seats={party: seats.get(party, 0) for party in votes},
        below_threshold=tuple(party for party, count in votes.items() if count and party not in running),
        kept=tuple(party for party in votes if party in kept),
    )


# --- the methods -----------------------------------------------------------------------------------------------------


def _share(votes: Mapping[str, int], n_seats: int, method: str, lots: Lots) -> Apportionment:
    """Seats for parties that all have votes."""
    if not n_seats or not votes:
        return Apportionment(method, votes, dict.fromkeys(votes, 0))
    if method in DIVISORS:
        return _highest_quotients(votes, n_seats, method, lots)
    if method in QUOTAS:
        return _largest_remainders(votes, n_seats, method, lots)
    if method == "quota":
        return _quota_method(votes, n_seats, lots)
    first, ties = lots.best({party: Fraction(count) for party, count in votes.items()}, 1, "all seats, by lot")
    return Apportionment(method, votes, {party: n_seats * (party in first) for party in votes}, ties=ties)


def claim(method: str, votes: int, held: int) -> tuple[bool, Fraction]:
    """How strong a party's claim to its next seat is: what divides by 0 comes first, the largest party before.

    >>> claim("sainte_lague", votes=600, held=1)
    (False, Fraction(200, 1))
    """
    divisor = DIVISORS[method](held)
    power = 2 if method == "huntington_hill" else 1  # squares compare as the roots do
    return divisor == 0, Fraction(votes) ** power / (divisor or 1)


def _highest_quotients(votes: Mapping[str, int], n_seats: int, method: str, lots: Lots) -> Apportionment:
    seats = dict.fromkeys(votes, 0)
    claims = {party: claim(method, count, 0) for party, count in votes.items()}

    def quotient(party: str, seat: int, strength: tuple[bool, Fraction]) -> Quotient:
        return Quotient(party, seat, None if strength[0] else strength[1])

    last_given: Quotient | None = None
    ties: tuple[Tie, ...] = ()
    left = n_seats
    while left:
        strongest = max(claims.values())
        tied = {party: strength[1] for party, strength in claims.items() if strength == strongest}
        given, ties = lots.best(tied, left, _last_seats(left))
        for party in given:
            seats[party] += 1
            claims[party] = claim(method, votes[party], seats[party])
        last_given = quotient(given[-1], seats[given[-1]], strongest)
        left -= len(given)
    runner_up = max(claims, key=lambda party: claims[party])
    return Apportionment(
        method,
        votes,
        seats,
        last_given=last_given,
        first_not_given=quotient(runner_up, seats[runner_up] + 1, claims[runner_up]),
        ties=ties,
    )


def _largest_remainders(votes: Mapping[str, int], n_seats: int, method: str, lots: Lots) -> Apportionment:
    quotas = QUOTAS[method](sum(votes.values()), n_seats)
    quota = next(q for q in quotas if q and sum(count // q for count in votes.values()) <= n_seats)
    full = {party: count // quota for party, count in votes.items()}
    remainders = {party: votes[party] - full[party] * quota for party in votes}
    each, left = divmod(n_seats - sum(full.values()), len(votes))
    given, ties = lots.best(remainders, left, _last_seats(left))
    seats = {party: full[party] + each + (party in given) for party in votes}
    return Apportionment(method, votes, seats, quota, full, remainders, ties=ties)


def _quota_method(votes: Mapping[str, int], n_seats: int, lots: Lots) -> Apportionment:
    total = sum(votes.values())
    seats = dict.fromkeys(votes, 0)
    ties: list[tuple[Tie, dict[str, int]]] = []
    for house in range(1, n_seats + 1):
        claims = {p: Fraction(v, seats[p] + 1) for p, v in votes.items() if seats[p] * total < v * house}
        (party,), tie = lots.best(claims, 1, f"seat {house}, by lot")
        ties += [(one, {p: seats[p] + 1 for p in one.between}) for one in tie]
        seats[party] += 1
    mattered = (tie for tie, claimed in ties if any(seats[p] < claimed[p] for p in tie.between))
    return Apportionment("quota", votes, seats, ties=tuple(mattered))


def _last_seats(n: int) -> str:
    return f"the last {'seat' if n == 1 else f'{n} seats'}, by lot"


# --- thresholds ------------------------------------------------------------------------------------------------------


def passing(
    votes: Mapping[str, int],
    threshold: Share | Mapping[str, Share] = 0,
    valid_votes: int | None = None,
    exempt: Collection[str] = (),
    name: str = "threshold",
) -> tuple[str, ...]:
    """Parties with at least the threshold's share of all valid votes, and the exempt; exact.

    >>> passing({"A": 95, "B": 5}, 0.05)
    ('A', 'B')
    >>> passing({"A": 95, "B": 5}, 0.05, valid_votes=101)
    ('A',)
    """
    total = sum(votes.values())
    if valid_votes is not None:
        if read_whole("valid_votes", valid_votes) < total:
            raise InputError(f"valid_votes = {valid_votes!r} is not allowed: the votes for the parties alone are "
                             f"{total}; count these too.")  # fmt: skip
        total = valid_votes
    read_parties("exempt", exempt, votes)
    if isinstance(threshold, Mapping):
        read_parties(name, threshold, votes)
        shares = {party: read_share(name, share) for party, share in threshold.items()}
    else:
        shares = dict.fromkeys(votes, read_share(name, threshold))
    return tuple(p for p, count in votes.items() if p in exempt or count >= shares.get(p, 0) * total)


def exempted(exempt: Collection[str], won: Mapping[str, int], waiver_seats: int | None) -> tuple[str, ...]:
    """The exempt, and who has won as many seats as waive the threshold.

    >>> exempted(["A"], {"A": 0, "B": 3, "C": 2}, waiver_seats=3)
    ('A', 'B')
    """
    read_parties("exempt", exempt, won)
    enough = None if waiver_seats is None else read_whole("waiver_seats", waiver_seats)
    return tuple(party for party, seats in won.items() if party in exempt or (enough is not None and seats >= enough))


# --- arguments -------------------------------------------------------------------------------------------------------


def read_whole(name: str, value: Any) -> int:
    """A whole number of at least 0."""
    if isinstance(value, bool) or not isinstance(value, Integral) or value < 0:
        raise InputError(f"{name} = {value!r} is not allowed: give a whole number of at least 0.")
    return int(value)


def draw_lots(parties: Collection[str], seed: Any, place: int = 0) -> Lots:
    """Lots from the user's seed, different ones for each place that has its own contest."""
    if isinstance(seed, bool) or not isinstance(seed, Integral):
        raise InputError(f"seed = {seed!r} is not allowed: give a whole number.")
    return Lots(parties, (int(seed) << 32) + place)


def read_votes(name: str, votes: Any) -> dict[str, int]:
    """Votes by party; the parties of a list are called "1", "2", ..."""
    if not isinstance(votes, Mapping):
        if isinstance(votes, str) or not hasattr(votes, "__iter__"):
            raise InputError(f"{name} = {votes!r} is not allowed: give a mapping from parties to votes, or a list.")
        votes = {str(place): count for place, count in enumerate(votes, 1)}
    if not votes:
        raise InputError(f"{name} is empty: give the votes of at least one party.")
    for party in votes:
        if not isinstance(party, str):
            raise InputError(f"{name} has a party {party!r}: names of parties are strings.")
    return {party: read_whole(f"{name}[{party!r}]", count) for party, count in votes.items()}


def read_seats(name: str, seats: Mapping[str, int], votes: Mapping[str, int]) -> dict[str, int]:
    """Seats of parties that all stand in the votes."""
    if not isinstance(seats, Mapping):
        raise InputError(f"{name} = {seats!r} is not allowed: give a mapping from parties to seats.")
    read_parties(name, seats, votes)
    return {party: read_whole(f"{name}[{party!r}]", held) for party, held in seats.items()}


def read_parties(name: str, parties: Collection[str], votes: Mapping[str, Any]) -> None:
    """Refuses names that don't stand in the votes."""
    for party in [parties] if isinstance(parties, str) else parties:
        if isinstance(parties, str) or party not in votes:
            raise InputError(f"{name} names {party!r}, which is not allowed: give a collection of parties that stand "
                             "in the votes (with 0 votes where they have none).")  # fmt: skip


def read_share(name: str, value: Any) -> Fraction:
    """A share in [0, 1]; a float is the decimal that it prints as.

    >>> read_share("threshold", 0.05)
    Fraction(1, 20)
    """
    try:
        share = value if isinstance(value, Fraction) else Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        share = Fraction(-1)
    if isinstance(value, bool) or not 0 <= share <= 1:
        raise InputError(f"{name} = {value!r} is not allowed: give a share from 0 to 1, such as 0.05 for 5 %.")
    return share


def read_method(name: str, method: Any, also: Collection[str] = ()) -> str:
    """A name of a method."""
    allowed = (*also, *METHODS)
    if not isinstance(method, Hashable) or method not in allowed:
        raise InputError(f"{name} = {method!r} is not allowed: give one of {', '.join(allowed)}.")
    return str(method)


# --- tables ----------------------------------------------------------------------------------------------------------


def as_table(columns: Mapping[str, Mapping[str, Fraction | int]]) -> list[str]:
    """Lines of a table: a row for each key of the first column, blank where another column lacks it.

    >>> as_table({"votes": {"A": 12, "B": 3}, "seats": {"A": 1}})
    ['   votes  seats', 'A     12      1', 'B      3']
    """
    rows = [["", *columns]]
    for key in next(iter(columns.values())):
        rows.append([key, *(as_text(Fraction(c[key])) if key in c else "" for c in columns.values())])  # noqa: PERF401
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()  # the rest are numbers
        for row in rows
    ]


def as_lines(ties: Collection[Tie]) -> list[str]:
    """A line for each tie."""
    return [f"tie between {', '.join(tie.between)}: {', '.join(tie.chosen)} ({tie.why})" for tie in ties]
