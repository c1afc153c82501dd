"""The preference profile: ranked ballots with counts."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from numbers import Rational

from esim_jax.errors import InputError

Ranking = tuple[tuple[str, ...], ...]
"""Candidates from the best down; those in one inner tuple are ranked equal. Who is missing is not ranked."""


@dataclass(frozen=True)
class Profile:
    """Ranked ballots with counts. Make one with `Profile.of` or `esim_jax.readers.read_profile`.

    Attributes:
        candidates: in the order in which tables show them.
        ballots: each ranking once, with how many voters cast it, above 0; whole numbers or fractions.
        n_seats: how many are to be elected, where the source says so.
        title: of the election, where the source says so.
    """

    candidates: tuple[str, ...]
    ballots: tuple[tuple[Ranking, Fraction], ...]
    n_seats: int | None = None
    title: str = ""

    @classmethod
    def of(
        cls,
        ballots: Mapping[Sequence[str | Sequence[str]], Rational | int]
        | Iterable[tuple[Sequence[str | Sequence[str]], Rational | int]],
        candidates: Sequence[str] | None = None,
        n_seats: int | None = None,
        title: str = "",
    ) -> "Profile":
        """A profile from rankings and their counts.

        Args:
            ballots: a mapping from rankings to counts, or pairs of them. A ranking lists candidates from the best
                down; a sequence of names in place of a name ranks these equal; who is left out is not ranked.
            candidates: all who stand; by default those ranked somewhere, in the order of first mention.
            n_seats: how many are to be elected.
            title: of the election.

        Raises:
            InputError: a name is unknown or stands twice on a ballot, a count is negative or no exact number, or there
                is no candidate.

        >>> profile = Profile.of({("Ann", "Bob"): 3, ("Bob",): 2})
        >>> profile.candidates, profile.n_ballots
        (('Ann', 'Bob'), Fraction(5, 1))
        """
        pairs = ballots.items() if isinstance(ballots, Mapping) else ballots
        counted: dict[Ranking, Fraction] = {}
        named: dict[str, None] = dict.fromkeys(candidates or ())
        for names, count in pairs:
            if isinstance(names, str):
                raise InputError(f"ballot {names!r} is not allowed: give a tuple of names, such as ({names!r},).")
            ranking = tuple((place,) if isinstance(place, str) else tuple(place) for place in names)
            ranked = [name for place in ranking for name in place]
            if len(set(ranked)) < len(ranked):
                raise InputError(f"ballot {ranking!r} is not allowed: a candidate stands on it twice.")
            if isinstance(count, bool) or not isinstance(count, Rational) or count < 0:
                raise InputError(f"count {count!r} of ballot {ranking!r} is not allowed: give a whole number or a "
                                 "Fraction of at least 0.")  # fmt: skip
            if candidates is not None and not named.keys() >= set(ranked):
                stranger = next(name for name in ranked if name not in named)
                raise InputError(f"ballot {ranking!r} names {stranger!r}, who is not a candidate: candidates are "
                                 f"{', '.join(map(repr, candidates))}.")  # fmt: skip
            named |= dict.fromkeys(ranked)
            if count:
                counted[ranking] = counted.get(ranking, Fraction(0)) + Fraction(count)
        if not named:
            raise InputError("There is no candidate: name them in the ballots or in `candidates`.")
        if candidates is not None and len(named) < len(candidates):
            raise InputError(f"candidates = {list(candidates)!r} is not allowed: a name stands there twice.")
        return cls(tuple(named), tuple(counted.items()), n_seats, title)

    @property
    def n_ballots(self) -> Fraction:
        """All ballots, empty ones included."""
        return sum((count for _, count in self.ballots), Fraction(0))

    @property
    def ranked(self) -> tuple[str, ...]:
        """Candidates whom some ballot ranks. Nobody else is ever elected."""
        named = {name for ranking, _ in self.ballots for place in ranking for name in place}
        return tuple(candidate for candidate in self.candidates if candidate in named)

    def first_preferences(self, among: Collection[str] | None = None) -> dict[str, Fraction]:
        """One vote a ballot, for the candidate ranked best; candidates ranked equal share it equally.

        Args:
            among: the candidates still of interest; a ballot that ranks none of them counts for nobody.

        >>> Profile.of({("Ann", "Bob"): 3, (("Bob", "Cem"),): 1}).first_preferences(("Bob", "Cem"))
        {'Bob': Fraction(7, 2), 'Cem': Fraction(1, 2)}
        """
        standing = dict.fromkeys(self.candidates if among is None else among)
        tally = dict.fromkeys(standing, Fraction(0))
        for ranking, count in self.ballots:
            best = best_place(ranking, standing)
            for candidate in best:
                tally[candidate] += count / len(best)
        return tally

    def top_places(self, n_places: int) -> dict[str, Fraction]:
        """One vote a ballot for each of the first places; candidates ranked equal share theirs equally.

        Args:
            n_places: how many votes a ballot has; it casts fewer where it ranks fewer.

        >>> Profile.of({("Ann", ("Bob", "Cem")): 1}).top_places(2)
        {'Ann': Fraction(1, 1), 'Bob': Fraction(1, 2), 'Cem': Fraction(1, 2)}
        """
        tally = dict.fromkeys(self.candidates, Fraction(0))
        for ranking, count in self.ballots:
            left = n_places
            for place in ranking:
                if not left:
                    break
                for candidate in place:
                    tally[candidate] += count * Fraction(min(left, len(place)), len(place))
                left -= min(left, len(place))
        return tally

    def __iter__(self) -> Iterator[tuple[Ranking, Fraction]]:
        """Rankings with their counts."""
        return iter(self.ballots)


def best_place(ranking: Ranking, standing: Collection[str]) -> tuple[str, ...]:
    """Those in the best place that holds anybody who stands; empty where the ballot ranks none of them.

    >>> best_place((("Ann",), ("Bob", "Cem", "Dan")), {"Bob", "Cem"})
    ('Bob', 'Cem')
    """
    places = (tuple(name for name in place if name in standing) for place in ranking)
    return next((place for place in places if place), ())
