"""Lots: how ties are broken where a rule does not say."""

from collections.abc import Iterable, Sequence
from random import Random


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
