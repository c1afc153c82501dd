"""Ballots that give each candidate a score, and the rules that count them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from numbers import Rational

from esim_jax.counts.count import Count, Stage, Tie
from esim_jax.counts.lots import Lots
from esim_jax.errors import InputError


@dataclass(frozen=True)
class ScoreBallots:
    """Score ballots with counts. Make them with `ScoreBallots.of`.

    Attributes:
        candidates: in the order in which tables show them.
        ballots: scores by candidate, with how many voters gave them. Who is missing has a score of 0.
    """

    candidates: tuple[str, ...]
    ballots: tuple[tuple[Mapping[str, Fraction], Fraction], ...]

    @classmethod
    def of(
        cls,
        ballots: Iterable[tuple[Mapping[str, Rational | int], Rational | int]],
        candidates: Sequence[str] | None = None,
    ) -> "ScoreBallots":
        """Score ballots from mappings of candidates to scores, and their counts.

        Args:
            ballots: pairs of scores and count. Scores and counts are whole numbers or fractions of at least 0.
            candidates: all who stand; by default those scored somewhere, in the order of first mention.

        Raises:
            InputError: a score or a count is negative or no exact number, a name is unknown or stands twice, or there
                is no candidate.

        >>> ScoreBallots.of([({"Ann": 5, "Bob": 3}, 2), ({"Bob": 4}, 1)]).candidates
        ('Ann', 'Bob')
        """
        named = dict.fromkeys(candidates or ())
        read = []
        for scores, count in ballots:
            for what, number in (("count", count), *((f"score of {name!r}", score) for name, score in scores.items())):
                if isinstance(number, bool) or not isinstance(number, Rational) or number < 0:
                    raise InputError(f"{what} = {number!r} is not allowed: give a whole number or a Fraction of at "
                                     "least 0.")  # fmt: skip
            strangers = [name for name in scores if candidates is not None and name not in named]
            if strangers and candidates is not None:
                raise InputError(f"A ballot scores {strangers[0]!r}, who is not a candidate: candidates are "
                                 f"{', '.join(map(repr, candidates))}.")  # fmt: skip
            named |= dict.fromkeys(scores)
            if count:
                read.append(({name: Fraction(score) for name, score in scores.items()}, Fraction(count)))
        if not named:
            raise InputError("There is no candidate: name them in the ballots or in `candidates`.")
        if candidates is not None and len(named) < len(candidates):
            raise InputError(f"candidates = {list(candidates)!r} is not allowed: a name stands there twice.")
        return cls(tuple(named), tuple(read))

    @property
    def totals(self) -> dict[str, Fraction]:
        """The sum of the scores of each candidate."""
        return {
            name: sum((scores.get(name, Fraction(0)) * count for scores, count in self.ballots), Fraction(0))
            for name in self.candidates
        }


def score(ballots: ScoreBallots, lots: Lots, n_seats: int = 1) -> Count:
    """Score voting: the largest sum of scores. Ties are broken by lot. Who has only scores of 0 gets no seat.

    Args:
        ballots: the scores.
        lots: that break ties.
        n_seats: to be filled.

    Source: Smith (2000), Range Voting.

    >>> ballots = ScoreBallots.of([({"Ann": 5, "Bob": 3}, 2), ({"Bob": 5}, 2)])
    >>> score(ballots, Lots(ballots.candidates, seed=0)).winner
    'Bob'
    """
    totals = ballots.totals
    elected, ties = lots.best({name: total for name, total in totals.items() if total}, n_seats)
    return Count("score", ballots.candidates, elected, (Stage("sum of scores", totals, elected, ties=ties),), n_seats)


def star(ballots: ScoreBallots, lots: Lots) -> Count:
    """STAR (score then automatic runoff): of the two with the largest sums, who more voters score higher wins.

    A tie for the runoff is broken by lot. A tie in the runoff goes to the larger sum, and then by lot.

    Args:
        ballots: the scores.
        lots: that break ties.

    Source: Equal Vote Coalition (2014), STAR voting; Wolk, Quinn and Ogren (2023).

    >>> ballots = ScoreBallots.of([({"Ann": 5, "Bob": 4}, 3), ({"Bob": 5}, 2), ({"Cem": 3}, 1)])
    >>> print(star(ballots, Lots(ballots.candidates, seed=0)))
    STAR: elected Ann
          1   2
    Ann  15   3*
    Bob  22   2
    Cem   3-
    1: sum of scores
    2: runoff: ballots that score the one higher
    """
    totals = ballots.totals
    top, ties = lots.best({name: total for name, total in totals.items() if total}, 2, "who goes on, by lot")
    if len(top) < 2:
        return Count("STAR", ballots.candidates, top, (Stage("sum of scores", totals, top),))
    a, b = (name for name in ballots.candidates if name in top)
    runoff = {a: Fraction(0), b: Fraction(0)}
    for scores, count in ballots.ballots:
        lead = scores.get(a, Fraction(0)) - scores.get(b, Fraction(0))
        if lead:
            runoff[a if lead > 0 else b] += count
    winner, why = _settle(runoff, totals, lots)
    out = tuple(name for name in ballots.candidates if name not in top)
    stages = (
        Stage("sum of scores", totals, (), out, ties=ties),
        Stage(
            "runoff: ballots that score the one higher",
            runoff,
            (winner,),
            ties=(Tie((a, b), (winner,), why),) if why else (),
        ),
    )
    return Count("STAR", ballots.candidates, (winner,), stages)


def _settle(runoff: Mapping[str, Fraction], totals: Mapping[str, Fraction], lots: Lots) -> tuple[str, str]:
    """The winner, and how a tie was broken, if there was one."""
    order = sorted(lots.order(runoff), key=lambda name: (-runoff[name], -totals[name]))
    if len(set(runoff.values())) == 2:
        return order[0], ""
    return order[0], "who is elected, by the sum of scores" if totals[order[0]] > totals[order[1]] else (
        "who is elected, by lot"
    )
