"""Rules that go on until somebody has a majority: by eliminating candidates, or by counting further preferences.

Candidates whom no ballot ranks take no part.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from fractions import Fraction

from esim_jax.counts.count import Count, Stage, transferred
from esim_jax.counts.lots import Lots
from esim_jax.counts.profile import Profile, Ranking, best_place


def irv(profile: Profile, lots: Lots) -> Count:
    """Instant-runoff voting: eliminate who has the fewest votes until somebody has a majority.

    One candidate goes at a time, and the votes go on to the next preference. The majority is of the votes that still
    count. Candidates ranked equal share the vote equally among those still standing. Ties are broken by lot; where
    earlier stages are to break them, count one seat by `stv`.

    Args:
        profile: the ballots.
        lots: that break ties.

    Source: Ware (1871), as described in Hoag and Hallett (1926), Proportional Representation; equal rankings as
    "split-IRV" in Delemazure and Peters (2024).

    >>> profile = Profile.of({("Ann", "Cem"): 4, ("Bob", "Cem"): 3, ("Cem", "Bob"): 2})
    >>> print(irv(profile, Lots(profile.candidates, seed=0)))
    IRV: elected Bob
               1   2
    Ann        4   4
    Cem        2-
    Bob        3   5*
    exhausted  0   0
    1: first preferences
    2: votes of Cem transferred: Cem -2, Bob +2
    """
    standing, what, stages = list(profile.ranked), "first preferences", list[Stage]()
    while standing:
        stage = _stage(what, profile, standing, stages[-1].tally if stages else None)
        leader = _majority(stage.tally)
        if leader is not None:
            stages.append(replace(stage, elected=(leader,)))
            return Count("IRV", profile.candidates, (leader,), tuple(stages))
        out, ties = lots.worst(stage.tally)
        stages.append(replace(stage, eliminated=(out,), ties=ties))
        standing.remove(out)
        what = f"votes of {out} transferred"
    return nobody("IRV", profile)


def coombs(profile: Profile, lots: Lots) -> Count:
    """Coombs: eliminate who has the most last places until somebody has a majority of first preferences.

    A last place is one vote against, from each ballot that still counts for anybody. Where a ballot leaves out
    candidates who stand, they share its last place equally; where it ranks all who stand, those in its last place do.
    First preferences are shared likewise. The majority is of the votes that still count. Ties are broken by lot.
    First preferences and last places are stages of their own.

    Args:
        profile: the ballots.
        lots: that break ties.

    Source: Coombs (1964), A Theory of Data; Grofman and Feld (2004).

    >>> profile = Profile.of({("Ann", "Cem", "Bob"): 4, ("Bob", "Cem", "Ann"): 3, ("Cem", "Bob", "Ann"): 2})
    >>> coombs(profile, Lots(profile.candidates, seed=0)).winner
    'Cem'
    """
    standing, what, stages = list(profile.ranked), "first preferences", list[Stage]()
    while standing:
        # the stage before counted last places, and the one before that first preferences
        stage = _stage(what, profile, standing, stages[-2].tally if stages else None)
        leader = _majority(stage.tally)
        if leader is not None:
            stages.append(replace(stage, elected=(leader,)))
            return Count("Coombs", profile.candidates, (leader,), tuple(stages))
        stages.append(stage)
        against = _last_places(profile, standing)
        out, ties = lots.worst({candidate: -votes for candidate, votes in against.items()})
        stages.append(Stage("last places", against, (), (out,), ties=ties))
        standing.remove(out)
        what = f"first preferences without {out}"
    return nobody("Coombs", profile)


def bucklin(profile: Profile, lots: Lots) -> Count:
    """Bucklin: count first preferences, then add second ones and so on, until somebody has a majority.

    In round k a ballot has one vote for each of its first k places. As soon as anybody's votes are more than half the
    ballots that rank somebody, the most votes win; so they do when all places are counted. Candidates ranked equal
    share the votes of their places. Ties are broken by lot.

    Args:
        profile: the ballots.
        lots: that break ties.

    Source: Hoag and Hallett (1926), Proportional Representation (the Grand Junction system, 1909).

    >>> profile = Profile.of({("Ann", "Cem"): 4, ("Bob", "Cem"): 3, ("Cem", "Bob"): 2})
    >>> bucklin(profile, Lots(profile.candidates, seed=0)).winner
    'Cem'
    """
    half = sum(profile.first_preferences().values()) / Fraction(2)
    stages = list[Stage]()
    for place in range(1, len(profile.ranked) + 1):
        tally = profile.top_places(place)
        what = "first preferences" if place == 1 else f"first {place} places"
        if max(tally.values()) > half or place == len(profile.ranked):
            elected, ties = lots.best({name: tally[name] for name in profile.ranked}, 1)
            stages.append(Stage(what, tally, elected, ties=ties))
            return Count("Bucklin", profile.candidates, elected, tuple(stages))
        stages.append(Stage(what, tally))
    return nobody("Bucklin", profile)


def nobody(system: str, profile: Profile, n_seats: int = 1) -> Count:
    """The count where no ballot ranks anybody.

    >>> print(nobody("IRV", Profile.of([], candidates=["Ann"])))
    IRV: elected nobody; vacant seats: 1
         1
    Ann  0
    1: no ballot ranks anybody
    """
    zeros = dict.fromkeys(profile.candidates, Fraction(0))
    return Count(system, profile.candidates, (), (Stage("no ballot ranks anybody", zeros),), n_seats)


def _stage(what: str, profile: Profile, standing: Collection[str], before: Mapping[str, Fraction] | None) -> Stage:
    """First preferences among those who stand, and what they received since the tally before, if there is one."""
    tally = profile.first_preferences(standing)
    moved = {} if before is None else transferred(before, tally)
    exhausted = profile.n_ballots - sum(tally.values())
    return Stage(what, tally, exhausted=exhausted, transfers=moved, transfer_value=Fraction(1) if moved else None)


def _majority(tally: Mapping[str, Fraction]) -> str | None:
    """Who has more than half the votes, if anybody."""
    leader = max(tally, key=lambda candidate: tally[candidate])
    return leader if 2 * tally[leader] > sum(tally.values()) else None


def _last_places(profile: Profile, standing: list[str]) -> dict[str, Fraction]:
    tally = dict.fromkeys(standing, Fraction(0))
    for ranking, count in profile:
        last = _last_place(ranking, standing)
        for candidate in last:
            tally[candidate] += count / len(last)
    return tally


def _last_place(ranking: Ranking, standing: Collection[str]) -> tuple[str, ...]:
    """Those a ballot puts last; nobody where it ranks none of those who stand."""
    if not best_place(ranking, standing):
        return ()
    ranked = {name for place in ranking for name in place}
    return tuple(name for name in standing if name not in ranked) or best_place(ranking[::-1], standing)
