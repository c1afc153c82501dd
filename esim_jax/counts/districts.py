"""List elections in districts, with or without seats that level the result."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from esim_jax.counts.apportion import (
    DIVISORS,
    Apportionment,
    Share,
    allocate,
    as_lines,
    as_table,
    claim,
    draw_lots,
    exempted,
    passing,
    read_method,
    read_votes,
    read_whole,
)
from esim_jax.counts.count import Tie
from esim_jax.errors import InputError

PLACEMENTS = ("norway", "iceland")
"""Rules by which levelling seats go to districts."""


@dataclass(frozen=True)
class DistrictApportionment:
    """Seats of parties in districts; `print` shows the totals as a table.

    Attributes:
        districts: the apportionment of each district.
        levelling: the national one, whose seats are the totals; None without levelling seats.
        placed: the parties of each district's levelling seats, where these belong to districts.
        placement_ties: broken by lot when they were placed.
    """

    districts: Mapping[str, Apportionment]
    levelling: Apportionment | None = None
    placed: Mapping[str, Mapping[str, int]] | None = None
    placement_ties: tuple[Tie, ...] = ()

    @property
    def votes(self) -> dict[str, int]:
        """Of each party, in all districts."""
        return _totals({district: result.votes for district, result in self.districts.items()})

    @property
    def district_seats(self) -> dict[str, int]:
        """Of each party, won in districts."""
        return _totals({district: result.seats for district, result in self.districts.items()})

    @property
    def seats(self) -> dict[str, int]:
        """Of each party, all."""
        return self.district_seats if self.levelling is None else dict(self.levelling.seats)

    @property
    def levelling_seats(self) -> dict[str, int]:
        """Of each party, beyond those won in districts."""
        won = self.district_seats
        return {party: seats - won[party] for party, seats in self.seats.items()}

    @property
    def ties(self) -> tuple[Tie, ...]:
        """Of all districts, and of the levelling seats."""
        levels = {**self.districts} | ({} if self.levelling is None else {"levelling": self.levelling})
        return (
            *(replace(tie, why=f"{name}: {tie.why}") for name, result in levels.items() for tie in result.ties),
            *self.placement_ties,
        )

    def __str__(self) -> str:
        """Parties down; votes, district seats, levelling seats where there are any, and all seats across."""
        columns: dict[str, Mapping[str, int]] = {"votes": self.votes}
        if self.levelling is not None:
            columns |= {"in districts": self.district_seats, "levelling": self.levelling_seats}
        method = next(iter(self.districts.values())).method
        title = f"{method} in districts ({len(self.districts)}), seats: {sum(self.seats.values())}"
        return "\n".join([title, *as_table(columns | {"seats": self.seats}), *as_lines(self.ties)])


def apportion_districts(
    votes: Mapping[str, Mapping[str, int]],
    n_seats: Mapping[str, int],
    method: str = "dhondt",
    *,
    threshold: Share = 0,
    national_threshold: Share | Mapping[str, Share] = 0,
    exempt: Collection[str] = (),
    valid_votes: Mapping[str, int] | None = None,
    levelling: int | Mapping[str, int] = 0,
    levelling_method: str | None = None,
    levelling_threshold: Share | Mapping[str, Share] = 0,
    waiver_seats: int | None = None,
    placement: str = "norway",
    seed: int = 0,
) -> DistrictApportionment:
    """Seats of each party in each district, and levelling seats that bring the totals closer to the national votes.

    The districts are counted first, each by itself. With levelling seats, all seats of the country, those of the
    districts among them, are then apportioned to the national votes; who has won more in districts than its share
    keeps them, and the others share the rest: in a divisor method, the levelling seats go on from the seats won. So do
    Norway (Election Act of 2002, s. 11-6), Denmark (Parliamentary Election Act, s. 77, with Hare's quota) and Iceland
    (Act 24/2000, art. 108). Parties that take no part in the levelling keep what they won in districts.

    Where `levelling` says how many of these seats belong to each district, they are placed there too. Norway, one
    seat after another: to the party and district with the largest quotient (votes over 1, 3, 5, ... by seats won
    there) in units of the district's votes per district seat. Iceland, in the order in which parties won them: to the
    party's district with the largest quotient (its share of the votes over 1, 2, 3, ...). Ties are broken by lot,
    everywhere.

    Args:
        votes: of each party in each district.
        n_seats: of each district, without levelling seats.
        method: in the districts; one of `esim_jax.counts.apportion.METHODS`.
        threshold: smallest share of a district's valid votes with which a party takes part there, in [0, 1].
        national_threshold: smallest share of all valid votes with which a party takes part in the districts; one for
            all, or a mapping of parties, where those left out have none.
        exempt: parties without thresholds.
        valid_votes: of each district, where more count for the thresholds than those for parties, such as blank ones.
        levelling: number of levelling seats, or how many belong to each district.
        levelling_method: of the national apportionment; by default `method`.
        levelling_threshold: smallest share of all valid votes with which a party takes part in the levelling.
        waiver_seats: district seats with which a party needs none; by default there is no such waiver.
        placement: "norway" or "iceland"; matters only where levelling seats belong to districts.
        seed: of the lots; any integer.

    Raises:
        InputError: an argument is not allowed, or in some district there are no votes or nobody reaches the
            thresholds.

    >>> votes = {"North": {"A": 600, "B": 300, "C": 100}, "South": {"A": 500, "B": 400, "C": 100}}
    >>> print(apportion_districts(votes, {"North": 3, "South": 3}, levelling=3))
    dhondt in districts (2), seats: 9
       votes  in districts  levelling  seats
    A   1100             4          1      5
    B    700             2          1      3
    C    200             0          1      1
    """
    districts = _read_districts(votes)
    sizes = _read_by_district("n_seats", n_seats, districts)
    if placement not in PLACEMENTS:
        raise InputError(f"placement = {placement!r} is not allowed: give one of {', '.join(PLACEMENTS)}.")
    if valid_votes is not None:
        _read_by_district("valid_votes", valid_votes, districts)
    by_place = _read_by_district("levelling", levelling, districts) if isinstance(levelling, Mapping) else None
    n_levelling = read_whole("levelling", levelling) if by_place is None else sum(by_place.values())
    method = read_method("method", method)
    how = method if levelling_method is None else read_method("levelling_method", levelling_method)
    national = _totals(districts)
    valid = None if valid_votes is None else sum(valid_votes.values())
    over = passing(national, national_threshold, valid, exempt, "national_threshold")
    results = {}
    for place, (district, counts) in enumerate(districts.items(), 1):
        try:
            valid_here = None if valid_votes is None else valid_votes[district]
            passing_here = passing(counts, threshold, valid_here, [party for party in exempt if party in counts])
            taking_part = set(over).intersection(passing_here)
            lots = draw_lots(counts, seed, place)
            results[district] = allocate(counts, sizes[district], method, taking_part, {}, lots)
        except InputError as error:
            raise InputError(f"In district {district!r}, {error}") from None
    outcome = DistrictApportionment(results)
    if not n_levelling:
        return outcome
    won = outcome.district_seats
    levelled = passing(national, levelling_threshold, valid, exempted(exempt, won, waiver_seats), "levelling_threshold")
    total = sum(won.values()) + n_levelling
    outcome = replace(outcome, levelling=allocate(national, total, how, levelled, won, draw_lots(national, seed)))
    return outcome if by_place is None else _place(outcome, by_place, placement, valid_votes, seed)


def _totals(districts: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Sums over districts, parties in the order of first mention."""
    totals: dict[str, int] = {}
    for numbers in districts.values():
        for party, number in numbers.items():
            totals[party] = totals.get(party, 0) + number
    return totals


# --- levelling seats of districts ------------------------------------------------------------------------------------


def _place(
    outcome: DistrictApportionment,
    vacant: Mapping[str, int],
    placement: str,
    valid_votes: Mapping[str, int] | None,
    seed: int,
) -> DistrictApportionment:
    """The levelling seats of the parties, each in a district of its own that has one vacant."""
    vacant, due = dict(vacant), dict(outcome.levelling_seats)
    lists = {
        f"{party!r} in {name!r}": (party, name) for name, result in outcome.districts.items() for party in result.votes
    }
    held = {key: outcome.districts[name].seats[party] for key, (party, name) in lists.items()}
    lots = draw_lots(lists, seed)
    placed: dict[str, dict[str, int]] = {name: {} for name in outcome.districts}
    ties: tuple[Tie, ...] = ()

    def strength(key: str) -> Fraction:
        party, name = lists[key]
        result = outcome.districts[name]
        votes = sum(result.votes.values()) if valid_votes is None else valid_votes[name]
        if placement == "norway":
            return Fraction(result.votes[party] * sum(result.seats.values()), votes * (2 * held[key] + 1))
        return Fraction(result.votes[party], votes * (held[key] + 1))

    turns = _turns(outcome, seed) if placement == "iceland" else (None,) * sum(due.values())
    for turn in turns:
        open_lists = {
            key: strength(key)
            for key, (party, name) in lists.items()
            if vacant[name] and due[party] and turn in (None, party)
        }
        if not open_lists:
            raise InputError(f"levelling = {dict(vacant)!r} can't be filled: a party with seats due has no list in a "
                             "district that has one vacant; give `levelling` as a number.")  # fmt: skip
        (key,), tie = lots.best(open_lists, 1, "the place of a levelling seat, by lot")
        party, name = lists[key]
        held[key] += 1
        vacant[name] -= 1
        due[party] -= 1
        placed[name][party] = placed[name].get(party, 0) + 1
        ties += tie
    return replace(outcome, placed=placed, placement_ties=ties)


def _turns(outcome: DistrictApportionment, seed: int) -> tuple[str, ...]:
    """Parties in the order in which they won the levelling seats."""
    national = outcome.levelling
    if national is None or national.method not in DIVISORS:
        raise InputError("placement = 'iceland' is not allowed with this levelling_method: seats come in an order only "
                         f"from a divisor method, one of {', '.join(DIVISORS)}.")  # fmt: skip
    claims = [
        (claim(national.method, national.votes[party], held), party)
        for party, seats in national.seats.items()
        for held in range(outcome.district_seats[party], seats)
    ]
    order = draw_lots(national.votes, seed).order(national.votes)
    in_turn = sorted(claims, key=lambda pair: (pair[0], -order.index(pair[1])), reverse=True)
    return tuple(party for _, party in in_turn)


# --- arguments -------------------------------------------------------------------------------------------------------


def _read_districts(votes: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    if not isinstance(votes, Mapping) or not votes or not all(isinstance(v, Mapping) for v in votes.values()):
        raise InputError(f"votes = {votes!r} is not allowed: give a mapping from districts to the votes of parties.")
    return {district: read_votes(f"votes[{district!r}]", counts) for district, counts in votes.items()}


def _read_by_district(name: str, values: Mapping[str, int], votes: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    if not isinstance(values, Mapping) or values.keys() != votes.keys():
        raise InputError(f"{name} = {values!r} is not allowed: give a mapping with a number for each of the districts "
                         f"{', '.join(map(str, votes))}.")  # fmt: skip
    return {district: read_whole(f"{name}[{district!r}]", value) for district, value in values.items()}
