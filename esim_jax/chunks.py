"""Chunks: how the simulations of a sweep are cut into calls of the compiled program."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int

from esim_jax.electors import Electors
from esim_jax.metrics.registry import DEFAULT_METRICS, METRICS
from esim_jax.model.voters import DEMOGRAPHIC, VoterModel, find_voter_model
from esim_jax.names import COUNTING, MOST_TYPED
from esim_jax.parties import NOTA
from esim_jax.ranking_types import types_for
from esim_jax.rows import ROW_WIDTH, count_rows
from esim_jax.sizes import unequal_sizes
from esim_jax.systems import find_system
from esim_jax.systems.rankings import words_for
from esim_jax.systems.scores import score_words_for


class Span(NamedTuple):
    """Consecutive runs of one configuration; `stop_run` is not among them."""

    configuration: int
    first_run: int
    stop_run: int


Chunk = tuple[Span, ...]
"""The simulations of one call of the compiled program."""


class Load(NamedTuple):
    """What simulations take up in a chunk; voters are asked once a poll, see `esim_jax.poll.Polls`."""

    simulations: int
    constituencies: int
    rows: int  # of the polls
    polls: int = 1
    polled: int = 1  # constituencies of the polls


BOUNDS = {
    "voters": Load(1024, 2**16, 2**17, 1024, 2**16),
    "voters, ranked": Load(2**13, 2**16, 2**14, 2**11, 2**16),
    "multinomial": Load(2**14, 2**18, 2**14, 2**14, 2**18),
    "limit": Load(2**14, 2**18, 2**14, 2**14, 2**18),
    "multinomial, ranked": Load(2**12, 2**13, 2**14, 2**12, 2**13),
    "limit, ranked": Load(2**12, 2**13, 2**14, 2**12, 2**13),
}
"""Bounds on a chunk by kind of program, see `Program`: a fraction of a second, and some megabytes whatever the size of
the sweep (2^17 rows are 16.8 million voters). A simulation that is larger than a chunk is a chunk of its own."""

_ACCELERATOR = 16
"""An accelerator's chunks may be so many times as large: it is faster, and each call costs it more."""

_RANKED = ", ranked"

_SHARE = 1 / 16
"""A chunk may take up so much of the memory; several are in flight, and others use the machine too."""


class Program(NamedTuple):
    """What is constant in a compiled program.

    Attributes:
        engine: how votes come about.
        ranked: whether its ballots say more than one name.
        voters: their model.
        electors: who they are, where they are given; the program has their table as an argument.
    """

    engine: str
    ranked: bool = False
    voters: VoterModel = DEMOGRAPHIC
    electors: Electors | None = None

    @property
    def kind(self) -> str:
        """A key of BOUNDS.

        >>> Program("limit").kind, Program("voters", ranked=True).kind
        ('limit', 'voters, ranked')
        """
        return self.engine + (_RANKED if self.ranked else "")


def program_for(parameters: Mapping[str, Any], metrics: Sequence[str] = DEFAULT_METRICS) -> Program:
    """The compiled program that holds a configuration's elections, and computes these metrics."""
    ranked = find_system(parameters).ranked or any(METRICS[name].pairwise for name in metrics)
    electors = None
    if parameters["voters"] is not None:
        ballot = (*(party.name for party in parameters["parties"]), *([NOTA] if parameters["include_nota"] else []))
        electors = Electors(parameters["voters"], parameters["n_voters"], parameters["n_constituencies"], ballot)
    return Program(parameters["engine"], ranked, find_voter_model(parameters), electors)


def chunk_bytes(load: Load, n_options: int, kind: str = "voters") -> int:
    """What a chunk with this capacity takes up in memory, from above: tables, results and what is between.

    Measured on compiled programs (a test compares), with capacities rounded up to powers of two.
    """
    per_simulation, per_constituency, per_row = 300 + 140 * n_options, 60 + 45 * n_options, 4
    simulations, constituencies = load.simulations + load.polls, load.constituencies + load.polled
    if kind == "voters, ranked":
        per_row += 4 * ROW_WIDTH * (words_for(n_options) + 1 + score_words_for(n_options))
        constituencies += load.polled * n_options  # the pairwise matrices
    elif kind.endswith(_RANKED):
        per_constituency += 16 * types_for(min(n_options, MOST_TYPED))
    return 2 * (simulations * per_simulation + constituencies * per_constituency + load.rows * per_row)


def fit_bounds(kind: str, n_options: int, memory: int, platform: str) -> Load:
    """The bounds for a device: halved until a chunk fits its share of the memory.

    Args:
        kind: a key of BOUNDS.
        n_options: on the longest ballot.
        memory: of the device, in bytes.
        platform: "cpu", "gpu" or "tpu".

    >>> fit_bounds("voters", 3, memory=2**34, platform="cpu") == BOUNDS["voters"]
    True
    >>> fit_bounds("voters", 256, memory=2**31, platform="cpu")
    Load(simulations=32, constituencies=2048, rows=4096, polls=32, polled=2048)
    """
    scale = 1 if platform == "cpu" else _ACCELERATOR
    bounds = Load(*(bound * scale for bound in BOUNDS[kind]))
    while chunk_bytes(bounds, n_options, kind) > memory * _SHARE and bounds.simulations > 1:
        bounds = Load(*(max(1, bound // 2) for bound in bounds))
    return bounds


@dataclass(frozen=True)
class Cutter:
    """Cuts spans into chunks, without ever holding one entry a simulation.

    Attributes:
        constituencies: of one simulation of each configuration.
        rows: likewise; 1 where no voter is drawn.
        programs: of each configuration, see `program_for`; a chunk never mixes them.
        electorates: of each configuration, a number; those that share it, see the same and draw the same seeds, have
            one poll a run.
        chunk_size: simulations a chunk; None for as many as the bounds allow.
        bounds: by kind of program.
    """

    constituencies: Sequence[int]
    rows: Sequence[int]
    programs: Sequence[Program]
    electorates: Sequence[int]
    chunk_size: int | None
    bounds: Mapping[str, Load] = field(default_factory=lambda: BOUNDS)

    def cut(self, spans: Iterable[Span]) -> Iterator[Chunk]:
        """Chunks of consecutive simulations, as large as the bounds allow."""
        chunk: list[Span] = []
        used = _NOTHING
        for configuration, run, stop in spans:
            one = self.load((Span(configuration, 0, 1),))
            while run < stop:
                if chunk and self.programs[chunk[-1].configuration] != self.programs[configuration]:
                    n = 0
                else:
                    n = max(min(stop - run, self._room(used, one, self.programs[configuration])), 0 if chunk else 1)
                if n == 0:
                    yield tuple(chunk)
                    chunk, used = [], _NOTHING
                    continue
                chunk.append(Span(configuration, run, run + n))
                used = Load(*(have + n * more for have, more in zip(used, one, strict=True)))
                run += n
        if chunk:
            yield tuple(chunk)

    def runs_together(self, configurations: Iterable[int]) -> int:
        """How many runs of all these configurations one chunk holds; at least 1."""
        spans = tuple(Span(c, 0, 1) for c in configurations)
        return max(1, self._room(_NOTHING, self.load(spans), self.programs[spans[0].configuration]))

    def cut_together(self, spans: Sequence[Span]) -> Iterator[Chunk]:
        """One chunk of the same runs of some configurations, of one program, or several where it would be too large."""
        if self._room(_NOTHING, self.load(spans), self.programs[spans[0].configuration]) > 0:
            yield tuple(spans)
        else:
            yield from self.cut(spans)

    def load(self, chunk: Sequence[Span]) -> Load:
        """What a chunk takes up."""
        runs = [(c, stop - first) for c, first, stop in chunk]
        polls = [(spans[0].configuration, count_runs(spans)) for spans in self._by_electorate(chunk)]
        return Load(
            sum(n for _, n in runs),
            sum(n * self.constituencies[c] for c, n in runs),
            sum(n * self.rows[c] for c, n in polls),
            sum(n for _, n in polls),
            sum(n * self.constituencies[c] for c, n in polls),
        )

    def _by_electorate(self, chunk: Sequence[Span]) -> Iterable[list[Span]]:
        alike: dict[int, list[Span]] = {}
        for span in chunk:
            alike.setdefault(self.electorates[span.configuration], []).append(span)
        return alike.values()

    def largest(self, chunks: Iterable[Chunk]) -> Load:
        """A load that none of these chunks exceeds."""
        most = Load(1, 1, 1)
        for chunk in chunks:
            most = Load(*map(max, zip(most, self.load(chunk), strict=True)))
        return most

    def _room(self, used: Load, one: Load, program: Program) -> int:
        """How many more of such simulations fit."""
        if self.chunk_size is not None:
            return (self.chunk_size - used.simulations) // one.simulations
        return min(
            (bound - have) // more for bound, have, more in zip(self.bounds[program.kind], used, one, strict=True)
        )


_NOTHING = Load(0, 0, 0, 0, 0)


def count_runs(spans: Iterable[Span]) -> int:
    """How many runs there are in any of some spans.

    >>> count_runs([Span(0, 0, 5), Span(1, 3, 8), Span(2, 9, 10)])
    9
    """
    found, reached = 0, 0
    for first, stop in sorted((span.first_run, span.stop_run) for span in spans):
        found += max(0, stop - max(first, reached))
        reached = max(reached, stop)
    return found


def number_electorates(parameters: Sequence[Mapping[str, Any]]) -> list[int]:
    """A number for each configuration that those share in which voters see the same.

    Args:
        parameters: full parameter sets, all in one order; one a configuration.

    >>> number_electorates([{"temperature": 0.5, "threshold": t, "electoral_system": "PR"} for t in (0.0, 0.05)])
    [0, 0]
    """
    numbers: dict[Any, int] = {}
    seen = (tuple(value for name, value in p.items() if name not in COUNTING) for p in parameters)
    return [numbers.setdefault(one, len(numbers)) for one in seen]


def make_cutter(
    parameters: Sequence[Mapping[str, Any]],
    chunk_size: int | None = None,
    metrics: Sequence[str] = DEFAULT_METRICS,
    common: bool = False,
) -> Cutter:
    """The cutter for configurations.

    Args:
        parameters: full parameter sets, as `esim_jax.config.read_parameters` returns them; one a configuration.
        chunk_size: simulations a chunk; by default as many as the bounds allow.
        metrics: names of those that will be computed.
        common: whether a run has the same seed in all configurations.

    >>> from esim_jax.config import read_parameters
    >>> cutter = make_cutter([read_parameters({"n_voters": 1_000})] * 2, chunk_size=4)
    >>> [[tuple(span) for span in chunk] for chunk in cutter.cut([Span(0, 0, 5), Span(1, 0, 2)])]
    [[(0, 0, 4)], [(0, 4, 5), (1, 0, 2)]]
    """
    return Cutter(
        [p["n_constituencies"] for p in parameters],
        [_rows_of(p) if p["engine"] == "voters" else 1 for p in parameters],
        [program_for(p, metrics) for p in parameters],
        number_electorates(parameters) if common else range(len(parameters)),
        chunk_size,
    )


def _rows_of(parameters: Mapping[str, Any]) -> int:
    return count_rows(parameters["n_voters"], parameters["n_constituencies"], unequal_sizes(parameters))


def spread(chunk: Iterable[Span]) -> tuple[Int[np.ndarray, " simulation"], Int[np.ndarray, " simulation"]]:
    """The configuration and the run of each simulation.

    >>> [numbers.tolist() for numbers in spread([Span(3, 5, 7), Span(4, 0, 1)])]
    [[3, 3, 4], [5, 6, 0]]
    """
    configuration, first, stop = np.array([*chunk], np.int64).reshape(-1, 3).T
    return np.repeat(configuration, stop - first), ranges(first, stop - first)


def ranges(first: Int[np.ndarray, " range"], length: Int[np.ndarray, " range"]) -> Int[np.ndarray, " number"]:
    """first, first + 1, ... of each length, one after the other.

    >>> ranges(np.array([5, 0]), np.array([2, 1])).tolist()
    [5, 6, 0]
    """
    place = np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)
    return place + np.repeat(first, length)
