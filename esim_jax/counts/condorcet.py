"""Rules on pairwise majorities. Candidates ranked equal on a ballot are no preference between them.

Candidates left out of a ballot count as ranked equal in the last place, as in most of the literature, unless
`unranked="silent"` says that the ballot tells nothing of them.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from fractions import Fraction

from esim_jax.counts.count import Count, Stage, Tie
from esim_jax.counts.elimination import nobody
from esim_jax.counts.lots import Lots
from esim_jax.counts.positional import borda_points
from esim_jax.counts.profile import Profile
from esim_jax.errors import InputError

Pairs = Mapping[tuple[str, str], Fraction]
"""Of each ordered pair of candidates: a number about the first against the second."""


UNRANKED = ("last", "silent")


def pairwise(profile: Profile, *, unranked: str = "last") -> dict[tuple[str, str], Fraction]:
    """The pairwise matrix: how many ballots rank the first of a pair above the second.

    Args:
        profile: the ballots.
        unranked: candidates left out of a ballot are below all it ranks ("last"), or the ballot says nothing of any
            pair with them ("silent").

    Raises:
        InputError: `unranked` is neither.

    >>> pairwise(Profile.of({("Ann", "Bob"): 3, ("Bob",): 2}))
    {('Ann', 'Bob'): Fraction(3, 1), ('Bob', 'Ann'): Fraction(2, 1)}
    """
    if unranked not in UNRANKED:
        raise InputError(f"unranked = {unranked!r} is not allowed: it is one of {', '.join(map(repr, UNRANKED))}.")
    names = profile.candidates
    votes = {(a, b): Fraction(0) for a in names for b in names if a != b}
    for ranking, count in profile:
        below = set(names) if unranked == "last" else {name for place in ranking for name in place}
        for place in ranking:
            below -= set(place)
            for winner in place:
                for loser in below:
                    votes[winner, loser] += count
    return votes


def condorcet_winner(profile: Profile, *, unranked: str = "last") -> Count:
    """Who beats everybody else in pairs; often nobody, and then `elected` is empty. The tally is of pairs won.

    Args:
        profile: the ballots.
        unranked: "last" or "silent"; see `pairwise`.

    Raises:
        InputError: `unranked` is neither.

    Source: Condorcet (1785), Essai sur l'application de l'analyse.

    >>> profile = Profile.of({("Ann", "Cem"): 4, ("Bob", "Cem"): 3, ("Cem", "Bob"): 2})
    >>> condorcet_winner(profile).winner
    'Cem'
    """
    wins = _pairs_won(pairwise(profile, unranked=unranked), profile.candidates)
    elected = tuple(name for name in profile.ranked if wins[name] == len(wins) - 1)
    return Count("condorcet_winner", profile.candidates, elected, (Stage("pairs won", wins, elected),))


def condorcet_loser(profile: Profile, *, unranked: str = "last") -> str | None:
    """Who is beaten by everybody else in pairs, if anybody is.

    Args:
        profile: the ballots.
        unranked: "last" or "silent"; see `pairwise`.

    Raises:
        InputError: `unranked` is neither.

    Source: Condorcet (1785); Fishburn (1977), Condorcet Social Choice Functions.

    >>> condorcet_loser(Profile.of({("Ann", "Cem"): 4, ("Bob", "Cem"): 3, ("Cem", "Bob"): 2}))
    'Ann'
    """
    votes = pairwise(profile, unranked=unranked)
    losses = _pairs_won({(b, a): number for (a, b), number in votes.items()}, profile.candidates)
    return next((name for name in losses if losses[name] == len(losses) - 1 > 0), None)


def smith_set(profile: Profile, *, unranked: str = "last") -> tuple[str, ...]:
    """The smallest set whose members all beat everybody outside it, in the order of the candidates.

    Args:
        profile: the ballots.
        unranked: "last" or "silent"; see `pairwise`.

    Raises:
        InputError: `unranked` is neither.

    Source: Smith (1973), Aggregation of Preferences with Variable Electorate; Good (1971).

    >>> smith_set(Profile.of({("Ann", "Bob", "Cem"): 1, ("Bob", "Cem", "Ann"): 1, ("Cem", "Ann", "Bob"): 1}))
    ('Ann', 'Bob', 'Cem')
    """
    return _undominated(profile, pairwise(profile, unranked=unranked), lambda forth, back: forth >= back)


def schwartz_set(profile: Profile, *, unranked: str = "last") -> tuple[str, ...]:
    """The union of the smallest sets that nobody outside beats, in the order of the candidates.

    Args:
        profile: the ballots.
        unranked: "last" or "silent"; see `pairwise`.

    Raises:
        InputError: `unranked` is neither.

    Source: Schwartz (1972), Rationality and the Myth of the Maximum.

    >>> schwartz_set(Profile.of({("Ann", "Bob"): 1, ("Bob", "Cem"): 1}))
    ('Ann', 'Bob')
    """
    return _undominated(profile, pairwise(profile, unranked=unranked), lambda forth, back: forth > back)


def copeland(profile: Profile, lots: Lots, *, unranked: str = "last") -> Count:
    """Copeland: the most pairs won, with half a point for a pair tied. Ties are broken by lot.

    Args:
        profile: the ballots.
        lots: that break ties.
        unranked: "last" or "silent"; see `pairwise`.

    Raises:
        InputError: `unranked` is neither.

    Source: Copeland (1951), A reasonable social welfare function; half points as in Saari and Merlin (1996).

    >>> profile = Profile.of({("Ann", "Cem"): 4, ("Bob", "Cem"): 3, ("Cem", "Bob"): 2})
    >>> copeland(profile, Lots(profile.candidates, seed=0)).winner
    'Cem'
    """
    wins = _pairs_won(pairwise(profile, unranked=unranked), profile.candidates, tied=Fraction(1, 2))
    best = _extreme(wins, profile.ranked, max)
    return _elect("Copeland", "pairs won, tied ones by half", profile, wins, best, lots)


def minimax(profile: Profile, lots: Lots, *, strength: str = "margins", unranked: str = "last") -> Count:
    """Minimax: the smallest worst defeat. The tally is of each candidate's worst defeat. Ties are broken by lot.

    Args:
        profile: the ballots.
        lots: that break ties.
        strength: of a defeat: "margins" (votes against less votes for, below 0 where all pairs are won),
            "winning_votes" (votes against, where they are the more; else 0) or "opposition" (votes against in any pair;
            this one may pass over a Condorcet winner).
        unranked: "last" or "silent"; see `pairwise`.

    Raises:
        InputError: an option is unknown.

    Source: Simpson (1969); Kramer (1977); Young (1977).

    >>> profile = Profile.of({("Ann", "Cem"): 4, ("Bob", "Cem"): 3, ("Cem", "Bob"): 2})
    >>> minimax(profile, Lots(profile.candidates, seed=0)).winner
    'Cem'
    """
    votes = _measured(pairwise(profile, unranked=unranked), strength, ("margins", "winning_votes", "opposition"))
    worst = {
        name: max((votes[rival, name] for rival in profile.candidates if rival != name), default=Fraction(0))
        for name in profile.candidates
    }
    best = _extreme(worst, profile.ranked, min)
    return _elect("minimax", f"worst defeat ({strength})", profile, worst, best, lots)


def schulze(profile: Profile, lots: Lots, *, strength: str = "winning_votes", unranked: str = "last") -> Count:
    """Schulze: who is beaten by nobody when chains of pairwise victories count too.

    A chain is as strong as its weakest victory. Ann beats Bob where the strongest chain from her to him is stronger
    than the strongest one back. The tally is of how many rivals have no stronger chain; who is elected has them all.
    Ties are broken by lot.

    Args:
        profile: the ballots.
        lots: that break ties.
        strength: of a victory: "winning_votes" or "margins".
        unranked: "last" or "silent"; see `pairwise`.

    Raises:
        InputError: an option is unknown.

    Source: Schulze (2011), A new monotonic, clone-independent, reversal symmetric, and Condorcet-consistent
    single-winner election method.

    >>> profile = Profile.of({("Ann", "Cem"): 4, ("Bob", "Cem"): 3, ("Cem", "Bob"): 2})
    >>> schulze(profile, Lots(profile.candidates, seed=0)).winner
    'Cem'
    """
    names = profile.candidates
    measured = _measured(pairwise(profile, unranked=unranked), strength, ("winning_votes", "margins"))
    # Only victories make chains: a strength of 0 is no chain at all.
    chain = {pair: max(number, Fraction(0)) for pair, number in measured.items()}
    for via in names:
        for a in names:
            for b in names:
                if len({a, b, via}) == 3:
                    chain[a, b] = max(chain[a, b], min(chain[a, via], chain[via, b]))
    unbeaten = {a: Fraction(sum(chain[a, b] >= chain[b, a] for b in names if b != a)) for a in names}
    best = _extreme(unbeaten, profile.ranked, max)
    return _elect("Schulze", "rivals without a stronger chain", profile, unbeaten, best, lots)


def ranked_pairs(profile: Profile, lots: Lots, *, strength: str = "margins", unranked: str = "last") -> Count:
    """Ranked pairs: lock victories in, the strongest first, unless a victory would close a circle.

    Who is then beaten by nobody wins. Equal victories are locked in in the order of the lots: the one whose winner is
    luckier first, then the one whose loser is less lucky. The tie names everybody who wins when the lots put one
    candidate in front; to find all who could win is a hard problem (Brill and Fischer 2012). The tally is of rivals
    beaten by a chain of locked victories.

    Args:
        profile: the ballots.
        lots: that break ties.
        strength: of a victory: "margins" or "winning_votes".
        unranked: "last" or "silent"; see `pairwise`.

    Raises:
        InputError: an option is unknown.

    Source: Tideman (1987), Independence of clones as a criterion for voting rules; ties as in Zavist and Tideman
    (1989).

    >>> profile = Profile.of({("Ann", "Cem"): 4, ("Bob", "Cem"): 3, ("Cem", "Bob"): 2})
    >>> ranked_pairs(profile, Lots(profile.candidates, seed=0)).winner
    'Cem'
    """
    if not profile.ranked:
        return nobody("ranked_pairs", profile)
    measured = _measured(pairwise(profile, unranked=unranked), strength, ("margins", "winning_votes"))
    victories = {pair: number for pair, number in measured.items() if number > 0}
    order = list(lots.order(profile.ranked))
    below = _lock_in(victories, order)
    winner = _first_unbeaten(below, order)
    beaten = {name: Fraction(len(below.get(name, ()))) for name in profile.candidates}
    in_front = ([name, *(other for other in order if other != name)] for name in order)
    could_win = {winner, *(_first_unbeaten(_lock_in(victories, each), each) for each in in_front)}
    tied = [name for name in profile.ranked if name in could_win]
    return _elect("ranked_pairs", "rivals beaten by locked victories", profile, beaten, tied, lots, winner)


def black(profile: Profile, lots: Lots) -> Count:
    """Black: the Condorcet winner, and where there is none, the most Borda points. Ties are broken by lot.

    Args:
        profile: the ballots.
        lots: that break ties.

    Source: Black (1958), The Theory of Committees and Elections.

    >>> profile = Profile.of({("Ann", "Bob", "Cem"): 4, ("Bob", "Cem", "Ann"): 3, ("Cem", "Ann", "Bob"): 2})
    >>> print(black(profile, Lots(profile.candidates, seed=0)))
    Black: elected Ann
         1    2
    Ann  1   10*
    Bob  1   10
    Cem  1    7
    1: pairs won
    2: no Condorcet winner: Borda points
    tie between Ann, Bob: Ann (who is elected, by lot)
    """
    first = condorcet_winner(profile)
    if first.elected:
        return Count("Black", profile.candidates, first.elected, first.stages)
    points = borda_points(profile)
    best = _extreme(points, profile.ranked, max)
    what = "no Condorcet winner: Borda points"
    return _elect("Black", what, profile, points, best, lots, before=first.stages)


def _pairs_won(votes: Pairs, names: Iterable[str], tied: Fraction = Fraction(0)) -> dict[str, Fraction]:
    won = dict.fromkeys(names, Fraction(0))
    for (a, b), number in votes.items():
        won[a] += 1 if number > votes[b, a] else tied if number == votes[b, a] else 0
    return won


def _measured(votes: Pairs, strength: str, allowed: tuple[str, ...]) -> dict[tuple[str, str], Fraction]:
    """How strongly the first of each pair beats the second."""
    if strength not in allowed:
        raise InputError(f"strength = {strength!r} is not allowed: it is one of {', '.join(map(repr, allowed))}.")
    if strength == "margins":
        return {(a, b): number - votes[b, a] for (a, b), number in votes.items()}
    if strength == "winning_votes":
        return {(a, b): number if number > votes[b, a] else Fraction(0) for (a, b), number in votes.items()}
    return dict(votes)


def _extreme(
    tally: Mapping[str, Fraction], among: Collection[str], choose: Callable[[Iterable[Fraction]], Fraction]
) -> list[str]:
    return [name for name in among if tally[name] == choose(tally[other] for other in among)]


def _elect(
    system: str,
    what: str,
    profile: Profile,
    tally: Mapping[str, Fraction],
    tied: list[str],
    lots: Lots,
    winner: str | None = None,
    before: tuple[Stage, ...] = (),
) -> Count:
    """The last stage: one of those who tie, the luckiest unless the rule has chosen the winner itself."""
    if not tied:
        return nobody(system, profile)
    luckiest, ties = lots.draw(tied)
    if winner is not None and ties:
        ties = (Tie(ties[0].between, (winner,), "equal victories, by lot"),)
    elected = (winner or luckiest,)
    return Count(system, profile.candidates, elected, (*before, Stage(what, tally, elected, ties=ties)))


def _undominated(profile: Profile, votes: Pairs, reaches: Callable[[Fraction, Fraction], bool]) -> tuple[str, ...]:
    """Those who reach, in any number of steps, everybody who reaches them."""
    names = profile.ranked
    reach = {a: {b for b in names if b != a and reaches(votes[a, b], votes[b, a])} for a in names}
    for via in names:
        for a in names:
            if via in reach[a]:
                reach[a] |= reach[via]
    return tuple(a for a in names if all(b in reach[a] for b in names if a in reach[b]))


def _lock_in(victories: Pairs, order: list[str]) -> dict[str, set[str]]:
    """Of each candidate: everybody below, once all victories are locked in that close no circle."""
    luck = {name: -place for place, name in enumerate(order)}
    pairs = [(a, b) for a, b in victories if a in luck and b in luck]
    below = {name: set[str]() for name in order}
    for winner, loser in sorted(pairs, key=lambda pair: (-victories[pair], -luck[pair[0]], luck[pair[1]])):
        if winner not in below[loser]:
            for name in order:
                if name == winner or winner in below[name]:
                    below[name] |= {loser, *below[loser]}
    return below


def _first_unbeaten(below: Mapping[str, set[str]], order: list[str]) -> str:
    return next(name for name in order if not any(name in lower for lower in below.values()))
