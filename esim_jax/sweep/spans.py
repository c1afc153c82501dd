"""Spans of runs: which rows are there, which are missing, and which should be computed together."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import groupby, pairwise

import numpy as np

from esim_jax.chunks import Span


def find_spans(configuration: np.ndarray, run: np.ndarray) -> list[Span]:
    """The spans that rows in order of configuration, then run, make up.

    >>> [tuple(span) for span in find_spans(np.array([0, 0, 0, 2]), np.array([0, 1, 5, 6]))]
    [(0, 0, 2), (0, 5, 6), (2, 6, 7)]
    """
    breaks = np.flatnonzero((np.diff(configuration) != 0) | (np.diff(run) != 1)) + 1
    first, last = np.append(0, breaks), np.append(breaks, len(run)) - 1
    return [
        Span(int(c), int(low), int(high) + 1)
        for c, low, high in zip(configuration[first], run[first], run[last], strict=True)
    ]


def missing_spans(held: Iterable[Span], n_configurations: int, n_runs: int) -> list[Span]:
    """What is not held of all runs of all configurations, in order.

    Args:
        held: in order of configuration, then run; they don't overlap.
        n_configurations: of the sweep.
        n_runs: of every configuration.

    >>> [tuple(span) for span in missing_spans([Span(0, 1, 3), Span(1, 0, 4)], n_configurations=3, n_runs=4)]
    [(0, 0, 1), (0, 3, 4), (2, 0, 4)]
    """
    by_configuration = {c: list(spans) for c, spans in groupby(held, lambda span: span.configuration)}
    missing = []
    for configuration in range(n_configurations):
        run = 0
        for _, first, stop in by_configuration.get(configuration, []):
            if run < first:
                missing.append(Span(configuration, run, first))
            run = stop
        if run < n_runs:
            missing.append(Span(configuration, run, n_runs))
    return missing


def align_runs(
    spans: Sequence[Span], group_of: Callable[[int], Hashable], runs_together: Callable[[Iterable[int]], int]
) -> Iterator[list[Span]]:
    """The same simulations, group by group, runs outermost: a list holds one range of runs of a whole group.

    With common random numbers simulations of equal size and run share an electorate; it is drawn once where they are
    computed together.

    Args:
        spans: in order of configuration, then run.
        group_of: what configurations must have in common to share an electorate.
        runs_together: how many runs of some configurations fit into one chunk.

    >>> spans = [Span(0, 0, 3), Span(1, 0, 3)]
    >>> [[tuple(span) for span in together] for together in align_runs(spans, lambda _: 0, lambda _: 2)]
    [[(0, 0, 2), (1, 0, 2)], [(0, 2, 3), (1, 2, 3)]]
    """
    groups: dict[Hashable, list[Span]] = {}
    for span in spans:
        groups.setdefault(group_of(span.configuration), []).append(span)
    for group in groups.values():
        edges = sorted({edge for _, first, stop in group for edge in (first, stop)})
        for low, high in pairwise(edges):
            members = [c for c, first, stop in group if first <= low < stop]
            if not members:  # all of them have a hole here
                continue
            step = runs_together(members)
            for first in range(low, high, step):
                yield [Span(c, first, min(first + step, high)) for c in members]


def share(spans: Sequence[Span], number: int, count: int, aligned: bool = False) -> list[Span]:
    """What one of several processes computes; all of them together compute everything once.

    Each gets many small pieces from everywhere, for some configurations take longer than others. Which is whose looks
    like chance, so that no regular pattern of configurations puts all large ones into one share.

    Args:
        spans: in order of configuration, then run.
        number: of the process, from 0.
        count: of all processes.
        aligned: whether a run goes to the same process in all configurations, so that they can share an electorate.

    >>> [tuple(span) for n in (0, 1) for span in share([Span(0, 0, 3), Span(1, 5, 6)], n, 2)]
    [(0, 0, 1), (1, 5, 6), (0, 1, 2), (0, 2, 3)]
    """
    if not spans:
        return []
    n_runs = max(span.stop_run for span in spans)
    total = n_runs if aligned else sum(span.stop_run - span.first_run for span in spans)
    length = max(1, total // (_PIECES * count))
    pieces = [
        Span(c, low, min(low - low % length + length, stop))
        for c, first, stop in spans
        for low in (first, *range(first - first % length + length, stop, length))
    ]
    place = np.array([piece.first_run // length for piece in pieces]) if aligned else np.arange(len(pieces))
    owner = _deal(int(place.max()) + 1, count)[place]
    return [pieces[k] for k in np.flatnonzero(owner == number)]


_PIECES = 64  # of each process, at least, where there are so many simulations


def _deal(n: int, count: int) -> np.ndarray:
    """An owner for each of n things: of every `count` in a row each gets one, in an order that is mixed anew."""
    place = np.arange(n, dtype=np.uint64)
    mixed = (place + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(29)
    owner = np.empty(n, np.int64)
    owner[np.lexsort((mixed, place // np.uint64(count)))] = np.arange(n) % count
    return owner
