"""Rules that count votes for candidates once or twice: the most votes win."""

from collections.abc import Collection, Iterator, Mapping
from fractions import Fraction

from esim_jax.counts.count import Count, Stage, transferred
from esim_jax.counts.lots import Lots
from esim_jax.counts.profile import Profile, Ranking
from esim_jax.errors import InputError


def fptp(profile: Profile, lots: Lots) -> Count:
    """First past the post: who has the most first preferences.

    Candidates ranked equal at the top of a ballot share its vote. Ties are broken by lot.

    Args:
        profile: the ballots.
        lots: that break ties.

    Source: Duverger (1951), Les partis politiques.

    >>> profile = Profile.of({("Ann", "Cem"): 4, ("Bob", "Cem"): 3, ("Cem", "Bob"): 2})
    >>> fptp(profile, Lots(profile.candidates, seed=0)).winner
    'Ann'
    """
    return most_votes("FPTP", "first preferences", profile, profile.first_preferences(), 1, lots)


def two_round(profile: Profile, lots: Lots) -> Count:
    """Two rounds: a majority of first preferences wins; otherwise the two with the most stand again.

    The second round is counted from the same ballots: who ranks one of the two higher votes for that one, who ranks
    neither stays at home, and who ranks both equal gives half a vote to each. Ties are broken by lot.

    Args:
        profile: the ballots.
        lots: that break ties.

    Source: the rule of French presidential elections, Constitution of 1958, art. 7 (as amended in 1962).

    >>> profile = Profile.of({("Ann", "Cem"): 4, ("Bob", "Cem"): 3, ("Cem", "Bob"): 2})
    >>> print(two_round(profile, Lots(profile.candidates, seed=0)))
    two_round: elected Bob
               1   2
    Ann        4   4
    Cem        2-
    Bob        3   5*
    exhausted  0   0
    1: first preferences
    2: second round
    """
    tally = profile.first_preferences()
    finalists, ties = lots.best(_with_votes(tally), 2, "who goes on, by lot")
    if _has_majority(tally) or len(finalists) < 2:
        return most_votes("two_round", "first preferences", profile, tally, 1, lots)
    out = tuple(candidate for candidate in tally if candidate not in finalists)
    first = Stage("first preferences", tally, (), out, exhausted=_missing(profile, tally), ties=ties)
    final = profile.first_preferences([candidate for candidate in profile.candidates if candidate in finalists])
    return most_votes("two_round", "second round", profile, final, 1, lots, (first,))


def supplementary_vote(profile: Profile, lots: Lots) -> Count:
    """Supplementary vote: only the first two preferences count.

    A majority of first preferences wins. Otherwise the two with the most stay in, with all who tie for a place among
    them; a ballot for an eliminated candidate goes to its second preference where that one stayed in. Candidates
    ranked equal share the first or the second preference. A tie at the end is broken by lot.

    Args:
        profile: the ballots.
        lots: that break ties.

    Source: Greater London Authority Act 1999, Schedule 2 (Mayor of London, until 2021).

    >>> profile = Profile.of({("Ann", "Cem"): 4, ("Bob", "Cem"): 3, ("Cem", "Dan", "Bob"): 2})
    >>> supplementary_vote(profile, Lots(profile.candidates, seed=0)).winner
    'Ann'
    """
    tally = profile.first_preferences()
    voted = _with_votes(tally)
    if _has_majority(tally) or len(voted) < 2:
        return most_votes("supplementary_vote", "first preferences", profile, tally, 1, lots)
    second_most = sorted(voted.values())[-2]
    final = {candidate: votes for candidate, votes in voted.items() if votes >= second_most}
    out = tuple(candidate for candidate in tally if candidate not in final)
    first = Stage("first preferences", tally, (), out, exhausted=_missing(profile, tally))
    for ranking, count in profile:
        for best, second, share in _first_two(ranking):
            if best not in final and second in final:
                final[second] += count * share
    moved = transferred(tally, final)
    last = "with second preferences"
    return most_votes("supplementary_vote", last, profile, final, 1, lots, (first,), transfers=moved)


def sntv(profile: Profile, lots: Lots, n_seats: int = 1) -> Count:
    """Single non-transferable vote: the seats go to those with the most first preferences.

    Candidates ranked equal at the top of a ballot share its vote. Ties are broken by lot. Who has no vote gets no seat.

    Args:
        profile: the ballots.
        lots: that break ties.
        n_seats: to be filled.

    Source: Grofman, Lee, Winckler and Woodall, eds. (1999), Elections in Japan, Korea, and Taiwan under the Single
    Non-Transferable Vote.

    >>> profile = Profile.of({("Ann", "Cem"): 4, ("Bob", "Cem"): 3, ("Cem", "Bob"): 2})
    >>> sntv(profile, Lots(profile.candidates, seed=0), n_seats=2).elected
    ('Ann', 'Bob')
    """
    return most_votes("SNTV", "first preferences", profile, profile.first_preferences(), n_seats, lots)


def block_vote(profile: Profile, lots: Lots, n_seats: int = 1) -> Count:
    """Block vote: as many votes a ballot as there are seats, one for each of its first places.

    Candidates ranked equal share the votes of their places. Ties are broken by lot. Who has no vote gets no seat.

    Args:
        profile: the ballots.
        lots: that break ties.
        n_seats: to be filled.

    Source: Reynolds, Reilly and Ellis (2005), Electoral System Design: the New International IDEA Handbook.

    >>> profile = Profile.of({("Ann", "Cem"): 4, ("Bob", "Cem"): 3, ("Cem", "Bob"): 2})
    >>> block_vote(profile, Lots(profile.candidates, seed=0), n_seats=2).elected
    ('Cem', 'Bob')
    """
    return most_votes("block_vote", f"first {n_seats} places", profile, profile.top_places(n_seats), n_seats, lots)


def limited_vote(profile: Profile, lots: Lots, n_seats: int = 1, *, votes_each: int | None = None) -> Count:
    """Limited vote: fewer votes a ballot than there are seats, one for each of its first places.

    Candidates ranked equal share the votes of their places. Ties are broken by lot. Who has no vote gets no seat.

    Args:
        profile: the ballots.
        lots: that break ties.
        n_seats: to be filled.
        votes_each: votes that a ballot has; by default one fewer than there are seats, and at least one.

    Raises:
        InputError: `votes_each` is no whole number of at least 1.

    Source: Lijphart, Lopez Pintor and Sone (1986), in Grofman and Lijphart, eds., Electoral Laws and Their Political
    Consequences.

    >>> profile = Profile.of({("Ann", "Cem"): 4, ("Bob", "Cem"): 3, ("Cem", "Bob"): 2})
    >>> limited_vote(profile, Lots(profile.candidates, seed=0), n_seats=2, votes_each=1).elected
    ('Ann', 'Bob')
    """
    places = read_places("votes_each", max(1, n_seats - 1) if votes_each is None else votes_each)
    return most_votes("limited_vote", f"first {places} places", profile, profile.top_places(places), n_seats, lots)


def most_votes(
    system: str,
    what: str,
    profile: Profile,
    tally: Mapping[str, Fraction],
    n_seats: int,
    lots: Lots,
    before: tuple[Stage, ...] = (),
    among: Collection[str] | None = None,
    transfers: Mapping[str, Fraction] | None = None,
) -> Count:
    """A count whose last stage elects those with the most; a tie for the last seat is broken by lot.

    Args:
        system: the name of the rule.
        what: the numbers are.
        profile: the ballots.
        tally: the numbers.
        n_seats: to be filled.
        lots: that break ties.
        before: the earlier stages.
        among: who can be elected; by default all who have any votes.
        transfers: of whole votes, since the stage before.

    >>> profile = Profile.of({("Ann",): 4, ("Bob",): 3})
    >>> most_votes("mine", "votes", profile, profile.first_preferences(), 1, Lots(profile.candidates, 0)).elected
    ('Ann',)
    """
    eligible = _with_votes(tally) if among is None else {name: tally[name] for name in among}
    elected, ties = lots.best(eligible, n_seats)
    # Where ballots have several votes each, a vote not cast is no vote exhausted.
    exhausted = _missing(profile, tally) if before or what == "first preferences" else None
    last = Stage(
        what,
        tally,
        elected,
        exhausted=exhausted,
        ties=ties,
        transfers=transfers or {},
        transfer_value=Fraction(1) if transfers else None,
    )
    return Count(system, profile.candidates, elected, (*before, last), n_seats)


def read_places(name: str, value: object) -> int:
    """A number of places on a ballot.

    Raises:
        InputError: it is no whole number of at least 1.

    >>> read_places("approve", 2)
    2
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"{name} = {value!r} is not allowed: give a whole number of at least 1.")
    return value


def _with_votes(tally: Mapping[str, Fraction]) -> dict[str, Fraction]:
    return {candidate: votes for candidate, votes in tally.items() if votes}


def _has_majority(tally: Mapping[str, Fraction]) -> bool:
    return 2 * max(tally.values()) > sum(tally.values())


def _missing(profile: Profile, tally: Mapping[str, Fraction]) -> Fraction:
    return profile.n_ballots - sum(tally.values())


def _first_two(ranking: Ranking) -> Iterator[tuple[str, str, Fraction]]:
    """First and second preferences with their shares of the ballot; nothing where there is no second preference."""
    places = [place for place in ranking if place]
    for best in places[0] if places else ():
        rest = [name for name in places[0] if name != best] or (places[1] if len(places) > 1 else ())
        for second in rest:
            yield best, second, Fraction(1, len(places[0]) * len(rest))
