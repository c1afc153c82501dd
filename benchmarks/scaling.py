"""How the time of a warm sweep grows with its size."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from statistics import fmean, median

from sweeps import Sweep, sized
from tables import Row, Table, about
from workers import Settings, Worker, our_worker

UPPER = 3  # points that an exponent is fitted to: the largest


def measure(settings: Settings) -> Iterator[Table]:
    cut = settings.cut
    drawn = partial(sized, engine="multinomial")
    few, many = cut(30), cut(10_000)
    series: tuple[tuple[str, str, Callable[[int], Sweep], Sequence[int], tuple[float, float] | None], ...] = (
        ("voters", "voters", lambda n: sized(few, n), [10**3, 10**4, 10**5, *_top(cut(10**7))], (0.9, 1.1)),
        ("voters", "simulations", lambda n: sized(n, 50_000), [10, 100, *_top(cut(10_000))], (0.9, 1.1)),
        ("voters", "parties", lambda n: sized(few, cut(10**6), n_parties=n), [2, 3, 6, 12, 17, 32], None),
        (
            "voters",
            "constituencies",
            lambda n: sized(few, 10**6, n_constituencies=n),
            [1, 10, 100, 543, 1_000, 10_000],
            None,
        ),
        ("multinomial", "voters", lambda n: drawn(many, n), [10**3, 10**5, 10**7, 10**9], (-0.1, 0.1)),
        ("multinomial", "simulations", lambda n: drawn(n, 10**6), [100, 1_000, *_top(cut(1_000_000))], (0.9, 1.1)),
    )
    rows, fits, asked = [], [], []
    with our_worker() as ours:
        for engine, what, make, sizes, wanted in series:
            mine = [_row(ours, engine, what, make(size), size, settings.repeats) for size in sizes]
            rows += mine
            if wanted:
                exponent = fit_exponent(sizes[-UPPER:], [row["best s"] for row in mine[-UPPER:]])
                span = f"{sizes[-UPPER]:,} to {sizes[-1]:,}"
                fits.append({"engine": engine, "time grows with": what, "from": span, "exponent": exponent})
                asked.append(about(f"exponent of {engine} in {what}", exponent, *wanted))
    yield Table(
        "scaling",
        f"Warm sweeps of one configuration, median and best of {settings.repeats}, of 3 where they are long;\n"
        "M/s: million voters a second",
        rows,
    )
    yield Table("exponents", f"Exponents: time ~ size^exponent, fitted to the best times of the {UPPER} largest sizes",
                fits, asked)  # fmt: skip


def _top(largest: int) -> list[int]:
    """The largest three sizes, half a decade apart."""
    return [max(1, largest // 10), max(1, 3 * largest // 10), largest]


def _row(ours: Worker, engine: str, what: str, sweep: Sweep, size: int, repeats: int) -> Row:
    times = ours.time(sweep, repeats)
    return {
        "engine": engine,
        "varied": what,
        "size": size,
        "simulations": sweep.simulations,
        "voters": sweep.fixed_params["n_voters"],
        "median s": median(times),
        "best s": min(times),
        "median M/s": sweep.voters / median(times) / 1e6,
        "microseconds a simulation": 1e6 * median(times) / sweep.simulations,
    }


def fit_exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """The slope of log time over log size, by least squares."""
    x, y = [math.log(size) for size in sizes], [math.log(s) for s in seconds]
    mean_x, mean_y = fmean(x), fmean(y)
    return sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / sum((a - mean_x) ** 2 for a in x)
