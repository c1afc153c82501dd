"""Chunks: how the simulations of a sweep are cut into calls of the compiled program."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int

from esim_jax.rows import count_rows


class Span(NamedTuple):
    """Consecutive runs of one configuration; `stop_run` is not among them."""

    configuration: int
    first_run: int
    stop_run: int


Chunk = tuple[Span, ...]
"""The simulations of one call of the compiled program."""


class Load(NamedTuple):
    """What simulations take up in a chunk."""

    simulations: int
    constituencies: int
    rows: int


BOUNDS = {
    "voters": Load(1024, 2**16, 2**17),
    "multinomial": Load(2**14, 2**18, 2**14),
    "limit": Load(2**14, 2**18, 2**14),
}
"""Bounds on a chunk by engine: a fraction of a second, and some megabytes whatever the size of the sweep (2^17 rows
are 16.8 million voters). A simulation that is larger than a chunk is a chunk of its own."""


@dataclass(frozen=True)
class Cutter:
    """Cuts spans into chunks, without ever holding one entry a simulation.

    Attributes:
        constituencies: of one simulation of each configuration.
        rows: likewise; 1 where no voter is drawn.
        engines: each configuration's engine; a chunk never mixes them.
        chunk_size: simulations a chunk; None for as many as the bounds above allow.
    """

    constituencies: Sequence[int]
    rows: Sequence[int]
    engines: Sequence[str]
    chunk_size: int | None

    def cut(self, spans: Iterable[Span]) -> Iterator[Chunk]:
        """Chunks of consecutive simulations, as large as the bounds allow."""
        chunk: list[Span] = []
        used = Load(0, 0, 0)
        for configuration, run, stop in spans:
            one = self.load((Span(configuration, 0, 1),))
            while run < stop:
                if chunk and self.engines[chunk[-1].configuration] != self.engines[configuration]:
                    n = 0
                else:
                    n = max(min(stop - run, self._room(used, one, self.engines[configuration])), 0 if chunk else 1)
                if n == 0:
                    yield tuple(chunk)
                    chunk, used = [], Load(0, 0, 0)
                    continue
                chunk.append(Span(configuration, run, run + n))
                used = Load(*(have + n * more for have, more in zip(used, one, strict=True)))
                run += n
        if chunk:
            yield tuple(chunk)

    def runs_together(self, configurations: Iterable[int]) -> int:
        """How many runs of all these configurations one chunk holds; at least 1."""
        spans = tuple(Span(c, 0, 1) for c in configurations)
        return max(1, self._room(Load(0, 0, 0), self.load(spans), self.engines[spans[0].configuration]))

    def load(self, chunk: Chunk) -> Load:
        """What a chunk takes up."""
        runs = [(c, stop - first) for c, first, stop in chunk]
        return Load(
            sum(n for _, n in runs),
            sum(n * self.constituencies[c] for c, n in runs),
            sum(n * self.rows[c] for c, n in runs),
        )

    def largest(self, chunks: Iterable[Chunk]) -> Load:
        """A load that none of these chunks exceeds."""
        most = Load(1, 1, 1)
        for chunk in chunks:
            most = Load(*map(max, zip(most, self.load(chunk), strict=True)))
        return most

    def _room(self, used: Load, one: Load, engine: str) -> int:
        """How many more of such simulations fit."""
        if self.chunk_size is not None:
            return (self.chunk_size - used.simulations) // one.simulations
        return min((bound - have) // more for bound, have, more in zip(BOUNDS[engine], used, one, strict=True))


def make_cutter(parameters: Sequence[Mapping[str, Any]], chunk_size: int | None = None) -> Cutter:
    """The cutter for configurations.

    Args:
        parameters: full parameter sets, as `esim_jax.config.read_parameters` returns them; one a configuration.
        chunk_size: simulations a chunk; by default as many as the bounds allow.

    >>> cutter = make_cutter([{"n_voters": 1_000, "n_constituencies": 1, "engine": "voters"}] * 2, chunk_size=4)
    >>> [[tuple(span) for span in chunk] for chunk in cutter.cut([Span(0, 0, 5), Span(1, 0, 2)])]
    [[(0, 0, 4)], [(0, 4, 5), (1, 0, 2)]]
    """
    return Cutter(
        [p["n_constituencies"] for p in parameters],
        [count_rows(p["n_voters"], p["n_constituencies"]) if p["engine"] == "voters" else 1 for p in parameters],
        [p["engine"] for p in parameters],
        chunk_size,
    )


def spread(chunk: Iterable[Span]) -> tuple[Int[np.ndarray, " simulation"], Int[np.ndarray, " simulation"]]:
    """The configuration and the run of each simulation.

    >>> [numbers.tolist() for numbers in spread([Span(3, 5, 7), Span(4, 0, 1)])]
    [[3, 3, 4], [5, 6, 0]]
    """
    configuration, first, stop = np.array([*chunk], np.int64).reshape(-1, 3).T
    length = stop - first
    place = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    return np.repeat(configuration, length), place + np.repeat(first, length)
