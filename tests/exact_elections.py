"""Whole elections on lists in plain Python: thresholds, constituencies, levelling, mixed systems, bonuses, and lots.

Built on the exact counts of `esim_jax.counts`, which share no code with the engine.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import oracle
import pytest

from esim_jax.counts import mixed as exact_mixed
from esim_jax.counts.apportion import allocate
from esim_jax.counts.lots import Lots
from esim_jax.errors import InputError

Outcome = tuple[dict[str, int], int, bool]
"""Seats of each party, seats by which the house grew, and whether a threshold was waived."""


class GivenLots(Lots):
    """Lots that are known beforehand."""

    def __init__(self, lots: Mapping[str, int]) -> None:
        self._lot = dict(lots)


def _named(names: Sequence[str], values: Iterable[int]) -> dict[str, int]:
    return dict(zip(names, map(int, values), strict=False))  # options beyond the parties are left out


def exact_election(p: Mapping[str, Any], constituency_votes: np.ndarray, lots: Callable[[int], Lots]) -> Outcome:
    """The seats of an election whose votes are counted.

    Args:
        p: a full set of parameters.
        constituency_votes: of each option in each constituency; the parties come first.
        lots: of the parties in a contest: in a constituency, by its number, or in the nation, `oracle.NATION`.
    """
    names = [party.name for party in p["parties"]]
    exempt = {party.name for party in p["parties"] if party.threshold_exempt}
    system, method = p["electoral_system"], p["allocation_method"]
    magnitude = p["district_magnitude"]
    magnitude = [magnitude] * p["n_constituencies"] if isinstance(magnitude, int) else magnitude
    national = _named(names, constituency_votes.sum(axis=0))

    def over(votes, row, threshold, also=()):
        needed = Fraction(str(threshold)) * (int(row.sum()) if p["threshold_base"] == "all" else sum(votes.values()))
        return {name for name, n in votes.items() if n and (n >= needed or name in exempt or name in also)}

    def let_in(votes, row, threshold, also=(), among=names):
        found = over(votes, row, threshold, also) & set(among)
        everybody = {name for name in among if votes[name]}
        return (found, False) if found or not everybody else (everybody, True)

    def share(votes, n_seats, how, taking_part, contest, minimum=()):
        if not any(votes[name] for name in taking_part):
            return dict.fromkeys(names, 0)
        return dict(allocate(votes, n_seats, how, taking_part, dict(minimum), lots(contest)).seats)

    def in_constituencies(how, taking_part_in):
        won = dict.fromkeys(names, 0)
        for c, row in enumerate(constituency_votes):
            votes = _named(names, row)
            seats = share(votes, magnitude[c], how, taking_part_in(votes, row), c)
            won = {name: won[name] + seats[name] for name in names}
        return won

    nation = constituency_votes.sum(axis=0)
    everybody, waived = let_in(national, nation, p["threshold"])
    total = sum(magnitude)
    if system == "PR":
        return share(national, total, method, everybody, oracle.NATION), 0, waived
    if system == "majority_bonus":
        first = share(national, p["bonus_seats"], "plurality", everybody, oracle.NATION)
        rest = share(national, total - p["bonus_seats"], method, everybody, oracle.NATION)
        return {name: first[name] + rest[name] for name in names}, 0, waived
    if system == "district_PR":
        somewhere = []

        def local(votes, row):
            found = over(votes, row, p["district_threshold"]) & everybody
            somewhere.append(not found and any(votes.values()))
            return found or [name for name in names if votes[name]]

        won = in_constituencies(method, local)
        waived = waived or any(somewhere)
        if p["levelling_seats"]:
            enough = [name for name in names if won[name] >= p["waiver_seats"] > 0]
            levelled, none = let_in(national, nation, p["levelling_threshold"], enough, everybody)
            waived = waived or none
            won = share(national, sum(won.values()) + p["levelling_seats"], method, levelled, oracle.NATION, won)
        return won, 0, waived
    plurality = in_constituencies("plurality", lambda votes, _: [name for name in names if votes[name]])
    if system in ("FPTP", "party_block", "electoral_college"):
        return plurality, 0, False
    if system == "parallel":
        lists = share(national, p["list_seats"], method, everybody, oracle.NATION)
        return {name: plurality[name] + lists[name] for name in names}, 0, waived
    enough = [name for name in names if plurality[name] >= p["waiver_seats"] > 0]
    taking_part, waived = let_in(national, nation, p["threshold"], enough)
    house = sum(plurality.values()) + p["list_seats"]
    running = {name: votes if name in taking_part else 0 for name, votes in national.items()}
    if not any(running.values()):
        return plurality, 0, waived
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exact_mixed, "draw_lots", lambda *_: lots(oracle.NATION))
        result = _mixed_member_proportional(running, plurality, house, method, p["overhang"])
    return dict(result.seats), result.house_size - house, waived


def _mixed_member_proportional(
    votes: Mapping[str, int], won: Mapping[str, int], house: int, method: str, overhang: str
) -> exact_mixed.MixedApportionment:
    """As the exact count, which refuses a house of more than ten times its seats: it then stops growing."""
    try:
        return exact_mixed.mixed_member_proportional(votes, won, house, method, overhang=overhang)
    except InputError:
        size, beyond = house, 0
        while size + beyond <= 10 * house:
            size += beyond
            result = exact_mixed.mixed_member_proportional(votes, won, size, method, overhang="keep")
            beyond = sum(result.overhang.values()) if method in exact_mixed.DIVISORS else 1
        return result
