"""Single transferable vote: weighted inclusive Gregory transfers, and Meek's method.

Candidates whom no ballot ranks take no part.
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import permutations, product
from math import factorial, lcm, prod

from esim_jax.counts.count import Count, Stage, Tie, transferred
from esim_jax.counts.elimination import nobody
from esim_jax.counts.lots import Lots
from esim_jax.counts.profile import Profile, Ranking, best_place
from esim_jax.errors import InputError

QUOTAS = ("droop", "hare", "droop_each_stage")

Papers = list[tuple[Ranking, Fraction, Fraction]]
"""Bundles of ballots in a candidate's hands: their ranking, what each is worth, and how many there are."""

UNIT = 10**9
"""Meek's method counts in integers: billionths of a vote."""

OMEGA = 10**3
"""Surpluses in Meek's method count as handed on when they come to less than a millionth of a vote in all."""

MOST_ORDERS = 5040
"""Strict orders that one ballot with equal rankings may stand for in Meek's method."""


def stv(profile: Profile, lots: Lots, n_seats: int = 1, *, quota: str = "droop", decimals: int | None = None) -> Count:
    """Single transferable vote with weighted inclusive Gregory transfers.

    Whoever reaches the quota is elected. A surplus goes on to the next preferences among those neither elected nor
    eliminated: every paper goes on, worth its value times surplus / votes. Surpluses go one at a time, the largest
    first. When none is left, the candidate with the fewest votes is eliminated, and the papers go on at the value
    they have. When no more are left than seats, they are elected without a quota. Papers that rank candidates equal
    are shared out equally among those of them who can take them.

    Of surpluses or smallest votes that tie, the most recent stage where they differed decides, and then the lot.

    Count an election of Scottish councils with `decimals=5`, and one of Albany, California, with `decimals=6` and
    `quota="droop_each_stage"`.

    Args:
        profile: the ballots.
        lots: that break ties.
        n_seats: to be filled.
        quota: "droop" is floor(votes / (n_seats + 1)) + 1, "hare" is votes / n_seats, and "droop_each_stage" is
            Droop's quota of the votes that still count in the stage.
        decimals: of a paper's value, the rest of which is cut off and lost; None is exact.

    Raises:
        InputError: the quota is unknown, or `decimals` is no whole number of at least 0.

    Source: Scottish Local Government Elections Order 2007 (SSI 2007/42), Schedule 1, rules 45 to 52.

    >>> profile = Profile.of({("Ann", "Bob"): 7, ("Bob",): 2, ("Cem",): 3})
    >>> print(stv(profile, Lots(profile.candidates, seed=0), n_seats=2))
    STV: elected Ann, Bob
               1   2   3
    Ann        7*  5   5
    Bob        2   4   4*
    Cem        3   3-
    exhausted  0   0   3
    quota      5   5   5
    1: first preferences
    2: surplus of Ann transferred at 0.28571: Ann -2, Bob +2
    3: votes of Cem transferred: Cem -3, exhausted +3
    """
    if quota not in QUOTAS:
        raise InputError(f"quota = {quota!r} is not allowed: it is one of {', '.join(map(repr, QUOTAS))}.")
    if decimals is not None and (isinstance(decimals, bool) or not isinstance(decimals, int) or decimals < 0):
        raise InputError(f"decimals = {decimals!r} is not allowed: give a whole number of at least 0, or None.")
    if not profile.ranked:
        return nobody("STV", profile, n_seats)

    hopeful, elected, surpluses = list(profile.ranked), list[str](), list[str]()
    hands: dict[str, Papers] = {name: [] for name in hopeful}
    tally = dict.fromkeys(hopeful, Fraction(0))
    _hand_on([(ranking, Fraction(1), count) for ranking, count in profile], hopeful, hands, tally)
    needed = _quota(quota, tally, n_seats)
    what, stages = "first preferences", list[Stage]()
    moved, value = dict[str, Fraction](), None
    while True:
        if quota == "droop_each_stage":
            needed = _quota(quota, tally, n_seats)
        newly = _elected(tally, hopeful, needed, n_seats - len(elected), lots)
        hopeful = [name for name in hopeful if name not in newly]
        elected += newly
        surpluses += [name for name in newly if tally[name] > needed]
        now, out, ties = dict(tally), "", tuple[Tie, ...]()
        history = [*(stage.tally for stage in stages), now]
        over = not hopeful or len(elected) == n_seats
        if surpluses and not over:
            most = max(tally[name] for name in surpluses)
            tied = [name for name in profile.ranked if name in surpluses and tally[name] == most]
            giver, ties = _decide(tied, history, lots, "goes first")
        elif not over:
            fewest = min(tally[name] for name in hopeful)
            tied = [name for name in hopeful if tally[name] == fewest]
            out, ties = _decide(tied, history, lots, "is eliminated")
        exhausted = profile.n_ballots - sum(tally.values())
        stages.append(Stage(what, now, tuple(newly), (out,) if out else (), needed, exhausted, ties, moved, value))
        if over:
            return Count("STV", profile.candidates, tuple(elected), tuple(stages), n_seats)
        if out:
            value = Fraction(1)
            hopeful.remove(out)
            del tally[out]
            _hand_on(hands.pop(out), hopeful, hands, tally)
            what = f"votes of {out} transferred"
        else:
            surpluses.remove(giver)
            value = (tally[giver] - needed) / tally[giver]
            tally[giver] = needed
            papers = [(ranking, _cut(worth * value, decimals), count) for ranking, worth, count in hands.pop(giver)]
            _hand_on(papers, hopeful, hands, tally)
            what = f"surplus of {giver} transferred"
        moved = transferred(now, tally)


def stv_meek(profile: Profile, lots: Lots, n_seats: int = 1) -> Count:
    """Single transferable vote by Meek's method: the elected keep just the share of each vote that they need.

    Each candidate keeps a share of every vote that comes along and passes on the rest: all of it while hopeful, none
    of it once eliminated, and the share that leaves a quota once elected. Shares are found by iteration. The quota
    falls as votes are exhausted. When all surpluses together are below a millionth of a vote, the candidate with the
    fewest votes is eliminated; who has no more than that surplus above the fewest ties with them. Ties are broken by
    lot.

    Exact shares would need ever longer fractions. So votes and shares are integers of a billionth, rounded up, as in
    the source: its figures are met to the last decimal. A ballot that ranks candidates equal is counted as all its
    strict orders in equal parts.

    Args:
        profile: the ballots.
        lots: that break ties.
        n_seats: to be filled.

    Raises:
        InputError: equal rankings on one ballot stand for more than 5,040 strict orders.

    Source: Meek (1969); Hill, Wichmann and Woodall (1987), Algorithm 123, The Computer Journal 30(3); rounding and ties
    as in the Reference Meek Rule of the Proportional Representation Foundation (2010), close to that of New Zealand
    (Local Electoral Regulations 2001, Schedule 1A).

    >>> profile = Profile.of({("Ann", "Bob"): 7, ("Bob",): 2, ("Cem",): 3})
    >>> stv_meek(profile, Lots(profile.candidates, seed=0), n_seats=2).elected
    ('Ann', 'Bob')
    """
    if not profile.ranked:
        return nobody("STV_Meek", profile, n_seats)
    ballots = [(order, count) for ranking, count in profile for order, count in _strict(ranking, count)]
    # Votes are summed up as integers, and divided by this in the end: sums of fractions are slow.
    parts = lcm(*(count.denominator for _, count in ballots))
    whole = [(order, int(count * parts)) for order, count in ballots]
    keep = dict.fromkeys(profile.ranked, UNIT)
    hopeful, elected, stages = list(profile.ranked), list[str](), list[Stage]()
    what = "first preferences"
    while True:
        votes, needed, surplus = _iterate(whole, parts, keep, hopeful, elected, n_seats)
        newly = _elected(votes, hopeful, needed, n_seats - len(elected), lots)
        hopeful = [name for name in hopeful if name not in newly]
        elected += newly
        out, ties = "", tuple[Tie, ...]()
        over = not hopeful or len(elected) == n_seats
        if not over and not newly:
            fewest = min(votes[name] for name in hopeful)
            out, ties = lots.worst({name: fewest for name in hopeful if votes[name] <= fewest + surplus})
        tally = {name: number / UNIT for name, number in votes.items()}
        exhausted = profile.n_ballots - sum(tally.values())
        moved = transferred(stages[-1].tally, tally) if stages else {}
        stages.append(Stage(what, tally, tuple(newly), (out,) if out else (), needed / UNIT, exhausted, ties, moved))
        if over:
            return Count("STV_Meek", profile.candidates, tuple(elected), tuple(stages), n_seats)
        if out:
            hopeful.remove(out)
            del keep[out]
        what = f"votes of {out} transferred" if out else f"surplus of {', '.join(newly)} transferred"


def _quota(kind: str, tally: Mapping[str, Fraction], n_seats: int) -> Fraction:
    votes = sum(tally.values(), Fraction(0))
    return votes / n_seats if kind == "hare" else Fraction(votes // (n_seats + 1) + 1)


def _elected(
    tally: Mapping[str, Fraction], hopeful: Sequence[str], needed: Fraction, vacancies: int, lots: Lots
) -> list[str]:
    """Who reaches the quota, the most votes first; all, if those who don't are no more than the seats left."""
    order = sorted(lots.order(hopeful), key=lambda name: -tally[name])
    reached = [name for name in order if tally[name] >= needed]
    return order if len(order) <= vacancies else reached


def _decide(
    tied: Sequence[str], history: Sequence[Mapping[str, Fraction]], lots: Lots, what: str
) -> tuple[str, tuple[Tie, ...]]:
    """Whose surplus goes first (who had more) or who is eliminated (who had less), by the latest stage that tells."""
    choose = min if what == "is eliminated" else max
    left = list(tied)
    for tally in reversed(history):
        edge = choose(tally[name] for name in left)
        left = [name for name in left if tally[name] == edge]
    first = lots.order(left)[-1 if what == "is eliminated" else 0]
    how = "by lot" if len(left) > 1 else "by an earlier stage"
    return first, (Tie(tuple(tied), (first,), f"who {what}, {how}"),) if len(tied) > 1 else ()


def _hand_on(papers: Papers, hopeful: Sequence[str], hands: dict[str, Papers], tally: dict[str, Fraction]) -> None:
    """Adds papers to the hands and the tally of the next preferences."""
    for ranking, value, count in papers:
        takers = best_place(ranking, hopeful)
        for name in takers:
            hands[name].append((ranking, value, count / len(takers)))
            tally[name] += value * count / len(takers)


def _cut(value: Fraction, decimals: int | None) -> Fraction:
    return value if decimals is None else Fraction(value * 10**decimals // 1, 10**decimals)


def _strict(ranking: Ranking, count: Fraction) -> Iterator[tuple[tuple[str, ...], Fraction]]:
    """The strict orders that a ranking stands for, with equal parts of the count."""
    orders = prod(factorial(len(place)) for place in ranking)
    if orders > MOST_ORDERS:
        raise InputError(f"ballot {ranking!r} is not allowed in STV_Meek: its equal rankings stand for {orders:,} "
                         f"strict orders, and {MOST_ORDERS:,} are the most.")  # fmt: skip
    for places in product(*(permutations(place) for place in ranking)):
        yield tuple(name for place in places for name in place), count / orders


def _iterate(
    ballots: Sequence[tuple[tuple[str, ...], int]],
    parts: int,
    keep: dict[str, int],
    hopeful: Sequence[str],
    elected: Sequence[str],
    n_seats: int,
) -> tuple[dict[str, Fraction], Fraction, Fraction]:
    """Adapts what the elected keep until their surpluses are gone or somebody else reaches the quota.

    Returns votes, quota and surplus, all in billionths.
    """
    before: Fraction | None = None
    while True:
        votes = _distribute(ballots, parts, keep)
        needed = Fraction(sum(votes.values()) // (n_seats + 1) + 1)
        surplus = max(Fraction(0), sum((votes[name] - needed for name in elected), Fraction(0)))
        settled = surplus < OMEGA or (before is not None and surplus >= before)
        if settled or any(votes[name] >= needed for name in hopeful):
            return votes, needed, surplus
        before = surplus
        for name in elected:
            keep[name] = _divide_up(_divide_up(keep[name] * needed, UNIT) * UNIT, votes[name])


def _distribute(
    ballots: Sequence[tuple[tuple[str, ...], int]], parts: int, keep: dict[str, int]
) -> dict[str, Fraction]:
    votes = dict.fromkeys(keep, 0)
    for order, count in ballots:
        weight = UNIT
        for name in order:
            if name in keep:
                kept = _divide_up(weight * keep[name], UNIT)
                votes[name] += kept * count
                weight -= kept
                if not weight:
                    break
    return {name: Fraction(number, parts) for name, number in votes.items()}


def _divide_up(number: int | Fraction, by: int | Fraction) -> int:
    return -(-number // by)
