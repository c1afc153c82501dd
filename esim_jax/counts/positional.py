"""Rules that add up points of ranks, or approvals."""

from fractions import Fraction

from esim_jax.counts.count import Count
from esim_jax.counts.lots import Lots
from esim_jax.counts.plurality import most_votes, read_places
from esim_jax.counts.profile import Profile


def borda(profile: Profile, lots: Lots, n_seats: int = 1) -> Count:
    """Borda: of m candidates the first on a ballot gets m - 1 points, the next m - 2, and the last none.

    Candidates ranked equal share the points of their places equally. Those left out are ranked equal in the last
    places, so that each ballot that ranks anybody gives the same points in all. Ties are broken by lot.

    Args:
        profile: the ballots.
        lots: that break ties.
        n_seats: to be filled, by those with the most points.

    Source: Borda (1781), Memoire sur les elections au scrutin; equal ranks as in Black (1958), The Theory of Committees
    and Elections.

    >>> profile = Profile.of({("Ann", "Cem"): 4, ("Bob", "Cem"): 3, ("Cem", "Bob"): 2})
    >>> print(borda(profile, Lots(profile.candidates, seed=0)))
    Borda: elected Cem
          1
    Ann   8
    Cem  11*
    Bob   8
    1: points
    """
    return most_votes("Borda", "points", profile, borda_points(profile), n_seats, lots, among=profile.ranked)


def borda_points(profile: Profile) -> dict[str, Fraction]:
    """Points of each candidate; see `borda`.

    >>> borda_points(Profile.of({("Ann",): 1}, candidates=["Ann", "Bob", "Cem"]))
    {'Ann': Fraction(2, 1), 'Bob': Fraction(1, 2), 'Cem': Fraction(1, 2)}
    """
    tally = dict.fromkeys(profile.candidates, Fraction(0))
    for ranking, count in profile:
        named = {name for place in ranking for name in place}
        if not named:
            continue
        better = 0
        for place in (*ranking, tuple(name for name in profile.candidates if name not in named)):
            # The mean of the points of these places: from m - 1 - better down to m - better - len(place).
            mean = len(profile.candidates) - better - Fraction(len(place) + 1, 2)
            for candidate in place:
                tally[candidate] += count * mean
            better += len(place)
    return tally


def approval(profile: Profile, lots: Lots, n_seats: int = 1, *, approve: int | None = None) -> Count:
    """Approval voting: a ballot approves of whom it ranks; most approvals win.

    Ties are broken by lot. Who is approved of by nobody gets no seat.

    Args:
        profile: the ballots.
        lots: that break ties.
        n_seats: to be filled.
        approve: count the first places only, so many; candidates ranked equal share theirs. By default all ranked.

    Raises:
        InputError: `approve` is no whole number of at least 1.

    Source: Brams and Fishburn (1978), Approval Voting.

    >>> profile = Profile.of({("Ann",): 4, ("Bob", "Cem"): 3, ("Cem", "Bob"): 2})
    >>> approval(profile, Lots(profile.candidates, seed=0), n_seats=2).stages[0].tally["Bob"]
    Fraction(5, 1)
    """
    places = len(profile.candidates) if approve is None else read_places("approve", approve)
    return most_votes("approval", "approvals", profile, profile.top_places(places), n_seats, lots)
