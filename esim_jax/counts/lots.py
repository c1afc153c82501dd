"""Lots: how ties are broken where a rule does not say."""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from random import Random

from esim_jax.counts.count import Tie


class Lots:
    """One lot a candidate, drawn from a seed: of those that tie, the one with the largest lot comes first.

    Args:
        candidates: who takes part; their order matters to the draw.
        seed: any integer.
    """

    def __init__(self, candidates: Iterable[str], seed: int) -> None:
        draw = Random(seed)  # noqa: S311 (a reproducible lot, not a secret)
        self._lot = {candidate: draw.random() for candidate in candidates}

    def order(self, tied: Iterable[str]) -> Sequence[str]:
        """Those that tie, the luckiest first.

        >>> Lots("ABC", seed=1).order("ABC")
        ['B', 'C', 'A']
        """
        return sorted(tied, key=lambda candidate: -self._lot[candidate])

    def draw(self, tied: Sequence[str]) -> tuple[str, tuple[Tie, ...]]:
        """The luckiest, to be elected; with the tie, where there is more than one.

        >>> Lots("ABC", seed=1).draw("AC")
        ('C', (Tie(between=('A', 'C'), chosen=('C',), why='who is elected, by lot'),))
        """
        first = self.order(tied)[0]
        return first, (Tie(tuple(tied), (first,), "who is elected, by lot"),) if len(tied) > 1 else ()

    def best(
        self, tally: Mapping[str, Fraction], n: int, why: str = "who is elected, by lot"
    ) -> tuple[tuple[str, ...], tuple[Tie, ...]]:
        """Those with the most, in order, and the tie for the last of the n places, if there is one.

        >>> Lots("ABC", seed=1).best({"A": Fraction(5), "B": Fraction(7), "C": Fraction(5)}, n=2)
        (('B', 'C'), (Tie(between=('A', 'C'), chosen=('C',), why='who is elected, by lot'),))
        """
        order = sorted(self.order(tally), key=lambda candidate: -tally[candidate])
        chosen, others = tuple(order[:n]), order[n:]
        if not chosen or not others or tally[others[0]] < tally[chosen[-1]]:
            return chosen, ()
        tied = tuple(candidate for candidate in tally if tally[candidate] == tally[chosen[-1]])
        return chosen, (Tie(tied, tuple(name for name in chosen if name in tied), why),)

    def worst(self, tally: Mapping[str, Fraction]) -> tuple[str, tuple[Tie, ...]]:
        """Who has the fewest and is eliminated: of those that tie, the one with the smallest lot.

        >>> Lots("ABC", seed=1).worst({"A": Fraction(5), "B": Fraction(7), "C": Fraction(5)})
        ('A', (Tie(between=('A', 'C'), chosen=('A',), why='who is eliminated, by lot'),))
        """
        fewest = min(tally.values())
        tied = tuple(candidate for candidate in tally if tally[candidate] == fewest)
        last = self.order(tied)[-1]
        return last, (Tie(tied, (last,), "who is eliminated, by lot"),) if len(tied) > 1 else ()
