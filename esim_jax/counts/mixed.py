"""Mixed systems: constituency and list seats together, bonuses for the first party, electoral colleges."""

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
    draw_lots,
    exempted,
    passing,
    read_method,
    read_seats,
    read_votes,
    read_whole,
)
from esim_jax.counts.count import Tie
from esim_jax.counts.districts import apportion_districts
from esim_jax.errors import InputError

OVERHANG = ("keep", "none", "level")
"""What may become of constituency seats beyond a party's share; see `mixed_member_proportional`."""

_LARGEST_HOUSE = 10  # times the seats there are; a house that needs more to be levelled is refused


@dataclass(frozen=True)
class MixedApportionment:
    """Constituency seats and list seats of parties; `print` shows them as a table.

    Attributes:
        system: the name of the rule.
        constituency_seats: of each party.
        seats: of each party, all.
        overhang: constituency seats beyond the share, of parties that keep them on top of the house.
        apportionment: of the votes: to shares of the house, or in a parallel system to list seats.
    """

    system: str
    constituency_seats: Mapping[str, int]
    seats: Mapping[str, int]
    overhang: Mapping[str, int]
    apportionment: Apportionment

    @property
    def list_seats(self) -> dict[str, int]:
        """Of each party, beyond its constituency seats."""
        return {party: seats - self.constituency_seats[party] for party, seats in self.seats.items()}

    @property
    def house_size(self) -> int:
        """All seats, those by which the house grew among them."""
        return sum(self.seats.values())

    @property
    def ties(self) -> tuple[Tie, ...]:
        """Of the apportionment."""
        return self.apportionment.ties

    def __str__(self) -> str:
        """Parties down; votes, constituency seats, list seats and all seats across."""
        columns = {
            "votes": self.apportionment.votes,
            "constituencies": self.constituency_seats,
            "lists": self.list_seats,
            "seats": self.seats,
        }
        notes = [f"overhang: {', '.join(f'{p} {n}' for p, n in self.overhang.items())}"] if self.overhang else []
        return "\n".join([f"{self.system}, seats: {self.house_size}", *as_table(columns), *notes, *as_lines(self.ties)])


def mixed_member_proportional(
    party_votes: Mapping[str, int],
    constituency_seats: Mapping[str, int],
    n_seats: int,
    method: str = "sainte_lague",
    *,
    threshold: Share | Mapping[str, Share] = 0,
    valid_votes: int | None = None,
    exempt: Collection[str] = (),
    waiver_seats: int | None = None,
    overhang: str = "keep",
    seed: int = 0,
) -> MixedApportionment:
    """Total seats in proportion to the party votes, the constituency seats counted in.

    A party's list seats fill its constituency seats up to its share of the house. Where it has won more than its
    share ("overhang"):

    - "keep": it keeps them and the house grows by as many, as in New Zealand (Electoral Act 1993, ss. 191 and 192).
    - "none": it keeps them, the others share the rest, and the house stays as it is; in a divisor method, list seats
      then go on from the constituency seats, as in Scotland and Wales (Scotland Act 1998, ss. 7 and 8).
    - "level": the house grows to the smallest size at which nobody has more than its share. Germany did so from 2013
      to 2020 (Federal Elections Act, s. 6), but for seats guaranteed by a first apportionment to its states: give
      these as the constituency seats, and of the result only the totals are then meant.

    Constituency seats of parties that take no part in the apportionment, and of independents, are taken out of the
    house beforehand. Ties are broken by lot. See Shugart, M. S. & Wattenberg, M. P., eds. (2001), Mixed-Member
    Electoral Systems.

    Args:
        party_votes: by party; 0 for an independent who won a constituency.
        constituency_seats: by party; those without any may be left out.
        n_seats: of the whole house, constituencies among them.
        method: one of `esim_jax.counts.apportion.METHODS`.
        threshold: smallest share of the valid party votes with which a party takes part, in [0, 1]; one for all, or a
            mapping of parties, where those left out have none.
        valid_votes: denominator of the threshold, where more count than those for the parties.
        exempt: parties without a threshold.
        waiver_seats: constituency seats with which a party needs no threshold; by default there is no such waiver.
        overhang: "keep", "none" or "level".
        seed: of the lots; any integer.

    Raises:
        InputError: an argument is not allowed, nobody takes part, there are more constituency seats than seats, or
            to level the house would take more than ten times its seats.

    >>> votes = {"A": 500_000, "B": 300_000, "C": 200_000}
    >>> print(mixed_member_proportional(votes, {"A": 4, "B": 1}, 10))
    mixed-member proportional, seats: 10
        votes  constituencies  lists  seats
    A  500000               4      1      5
    B  300000               1      2      3
    C  200000               0      2      2
    """
    votes = read_votes("party_votes", party_votes)
    won = dict.fromkeys(votes, 0) | read_seats("constituency_seats", constituency_seats, votes)
    method = read_method("method", method)
    if read_whole("n_seats", n_seats) < sum(won.values()):
        raise InputError(f"n_seats = {n_seats!r} is not allowed: it counts the constituency seats in, which are "
                         f"{sum(won.values())} already.")  # fmt: skip
    if overhang not in OVERHANG:
        raise InputError(f"overhang = {overhang!r} is not allowed: give one of {', '.join(OVERHANG)}.")
    free = exempted(exempt, won, waiver_seats)
    taking_part = [party for party in passing(votes, threshold, valid_votes, free) if votes[party]]
    outside = {party: seats for party, seats in won.items() if party not in taking_part}
    lots = draw_lots(votes, seed)

    def in_house_of(size: int) -> Apportionment:
        minimum = won if overhang == "none" else outside
        return allocate(votes, size, method, taking_part, minimum, lots)

    size = n_seats
    result = in_house_of(size)
    while overhang == "level" and (short := sum(max(won[p] - result.seats[p], 0) for p in votes)):
        # a divisor method takes no seat back as the house grows: so many more are needed at the least
        size += short if method in DIVISORS else 1
        if size > _LARGEST_HOUSE * n_seats:
            raise InputError(f"overhang = 'level' would take more than {_LARGEST_HOUSE} times the {n_seats} seats of "
                             "the house: give overhang = 'keep' or 'none'.")  # fmt: skip
        result = in_house_of(size)
    seats = {party: max(share, won[party]) for party, share in result.seats.items()}
    beyond = {party: seats[party] - share for party, share in result.seats.items() if seats[party] > share}
    return MixedApportionment("mixed-member proportional", won, seats, beyond, result)


def parallel(
    party_votes: Mapping[str, int],
    constituency_seats: Mapping[str, int],
    n_list_seats: int,
    method: str = "dhondt",
    *,
    threshold: Share | Mapping[str, Share] = 0,
    valid_votes: int | None = None,
    exempt: Collection[str] = (),
    seed: int = 0,
) -> MixedApportionment:
    """List seats in proportion to the party votes, beside the constituency seats and without regard to them.

    As in Japan since 1994 (there in blocs). Ties are broken by lot. See Shugart, M. S. & Wattenberg, M. P., eds.
    (2001), Mixed-Member Electoral Systems.

    Args:
        party_votes: by party; 0 for an independent who won a constituency.
        constituency_seats: by party; those without any may be left out.
        n_list_seats: beside the constituencies.
        method: one of `esim_jax.counts.apportion.METHODS`.
        threshold: smallest share of the valid party votes with which a party takes part, in [0, 1]; one for all, or a
            mapping of parties, where those left out have none.
        valid_votes: denominator of the threshold, where more count than those for the parties.
        exempt: parties without a threshold.
        seed: of the lots; any integer.

    Raises:
        InputError: an argument is not allowed, or nobody takes part.

    >>> parallel({"A": 600, "B": 400}, {"A": 4, "B": 1}, 5).seats
    {'A': 7, 'B': 3}
    """
    votes = read_votes("party_votes", party_votes)
    won = dict.fromkeys(votes, 0) | read_seats("constituency_seats", constituency_seats, votes)
    taking_part = passing(votes, threshold, valid_votes, exempt)
    n_list_seats = read_whole("n_list_seats", n_list_seats)
    lists = allocate(votes, n_list_seats, read_method("method", method), taking_part, {}, draw_lots(votes, seed))
    seats = {party: won[party] + lists.seats[party] for party in votes}
    return MixedApportionment("parallel", won, seats, {}, lists)


@dataclass(frozen=True)
class BonusApportionment:
    """Seats with a bonus for the first party; `print` shows them as a table.

    Attributes:
        first: the party with the most votes.
        seats: of each party, all.
        without_bonus: the seats of each party, had there been no bonus.
        apportionment: of the seats that are shared.
        ties: broken by lot.
    """

    first: str
    seats: Mapping[str, int]
    without_bonus: Mapping[str, int]
    apportionment: Apportionment
    ties: tuple[Tie, ...] = ()

    def __str__(self) -> str:
        """Parties down; votes, seats without the bonus and seats across."""
        columns = {"votes": self.apportionment.votes, "without bonus": self.without_bonus, "seats": self.seats}
        title = f"{self.apportionment.method} with a bonus for {self.first}, seats: {sum(self.seats.values())}"
        return "\n".join([title, *as_table(columns), *as_lines(self.ties)])


def majority_bonus(
    votes: Mapping[str, int],
    n_seats: int,
    method: str = "hare",
    *,
    bonus: int | None = None,
    assured: int | None = None,
    threshold: Share | Mapping[str, Share] = 0,
    valid_votes: int | None = None,
    exempt: Collection[str] = (),
    seed: int = 0,
) -> BonusApportionment:
    """A bonus in seats for the party with the most votes, in one of two ways.

    With `bonus`, so many of the seats go to the first party beforehand and all parties share the others, as in Greece
    (50 of 300 seats, law 3636/2008). With `assured`, the first party gets at least so many: where its share is less it
    gets them, and the others share the rest, as in Italy from 2005 to 2013 (340 of 617 seats, law 270/2005).
    A tie for the first place is broken by lot, as all ties are. See Bedock, C. & Sauger, N. (2014), Electoral systems
    with a majority bonus as unconventional mixed systems, Representation 50(1).

    Args:
        votes: by party, or by coalition where the law looks at these.
        n_seats: all seats, the bonus among them.
        method: one of `esim_jax.counts.apportion.METHODS`.
        bonus: seats set aside for the first party.
        assured: seats that the first party gets at least.
        threshold: smallest share of the valid votes with which a party takes part, in [0, 1]; one for all, or a
            mapping of parties, where those left out have none.
        valid_votes: denominator of the threshold, where more count than those for the parties.
        exempt: parties without a threshold.
        seed: of the lots; any integer.

    Raises:
        InputError: an argument is not allowed, nobody takes part, or not exactly one of `bonus` and `assured` is given.

    >>> majority_bonus({"A": 450, "B": 400, "C": 150}, 100, bonus=20).seats
    {'A': 56, 'B': 32, 'C': 12}
    >>> majority_bonus({"A": 450, "B": 400, "C": 150}, 100, assured=55).seats
    {'A': 55, 'B': 33, 'C': 12}
    """
    counts = read_votes("votes", votes)
    n_seats = read_whole("n_seats", n_seats)
    method = read_method("method", method)
    if (bonus is None) == (assured is None):
        raise InputError(f"bonus = {bonus!r} with assured = {assured!r} is not allowed: give exactly one of the two.")
    extra, least = read_whole("bonus", bonus or 0), read_whole("assured", assured or 0)
    if max(extra, least) > n_seats:
        name, value = ("bonus", extra) if extra else ("assured", least)
        raise InputError(f"{name} = {value} is not allowed: there are only {n_seats} seats.")
    taking_part = passing(counts, threshold, valid_votes, exempt)
    lots = draw_lots(counts, seed)
    without = allocate(counts, n_seats, method, taking_part, {}, lots)
    running = {party: Fraction(counts[party]) for party in taking_part}
    (first,), first_ties = lots.best(running, 1, "the first place, by lot")
    shared = allocate(counts, n_seats - extra, method, taking_part, {first: least}, lots)
    seats = {party: number + extra * (party == first) for party, number in shared.seats.items()}
    return BonusApportionment(first, seats, without.seats, shared, first_ties + shared.ties)


@dataclass(frozen=True)
class ElectoralCollege:
    """Electors of candidates; `print` shows them as a table.

    Attributes:
        votes: of each candidate, in all districts.
        electors: of each candidate.
        districts: the apportionment of each district's electors.
        ties: broken by lot.
    """

    votes: Mapping[str, int]
    electors: Mapping[str, int]
    districts: Mapping[str, Apportionment]
    ties: tuple[Tie, ...] = ()

    @property
    def winner(self) -> str | None:
        """Who has more than half of the electors; None where nobody has."""
        return next((name for name, n in self.electors.items() if 2 * n > sum(self.electors.values())), None)

    def __str__(self) -> str:
        """Candidates down; votes and electors across."""
        title = f"electoral college: {self.winner or 'nobody'} has a majority of {sum(self.electors.values())} electors"
        return "\n".join([title, *as_table({"votes": self.votes, "electors": self.electors}), *as_lines(self.ties)])


def electoral_college(
    votes: Mapping[str, Mapping[str, int]],
    electors: Mapping[str, int],
    method: str = "winner_take_all",
    *,
    threshold: Share = 0,
    seed: int = 0,
) -> ElectoralCollege:
    """Electors of each candidate from the votes in districts, as for the president of the United States.

    All electors of a district go to the candidate with the most votes there, or they are apportioned to the votes.
    A majority of the electors elects; without one, nobody is elected here (in the United States the House of
    Representatives then decides). Ties are broken by lot. See Edwards, G. C. (2011), Why the Electoral College Is Bad
    for America, 2nd ed.

    Args:
        votes: of each candidate in each district.
        electors: of each district.
        method: "winner_take_all", or one of `esim_jax.counts.apportion.METHODS`.
        threshold: smallest share of a district's votes with which a candidate takes part there, in [0, 1].
        seed: of the lots; any integer.

    Raises:
        InputError: an argument is not allowed, or in some district there are no votes or nobody reaches the
            threshold.

    >>> votes = {"North": {"Ann": 60, "Bob": 40}, "South": {"Ann": 45, "Bob": 55}, "West": {"Ann": 20, "Bob": 80}}
    >>> result = electoral_college(votes, {"North": 10, "South": 6, "West": 3})
    >>> result.winner, result.electors
    ('Ann', {'Ann': 10, 'Bob': 9})
    """
    read_method("method", method, also=("winner_take_all",))
    how = "plurality" if method == "winner_take_all" else method
    outcome = apportion_districts(votes, electors, how, threshold=threshold, seed=seed)
    districts = {name: replace(result, method=method) for name, result in outcome.districts.items()}
    return ElectoralCollege(outcome.votes, outcome.seats, districts, outcome.ties)
