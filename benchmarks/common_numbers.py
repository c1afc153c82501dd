"""Common random numbers: what sharing electorates saves, and what comparing on the same ones gains."""

from collections.abc import Iterator
from statistics import median

from sweeps import SENSITIVITY, Sweep
from tables import Row, Table
from workers import Settings, Worker, ask_script, our_worker

EIGHT = Sweep({"temperature": [0.1 * n for n in range(1, 9)]}, SENSITIVITY.fixed_params)
"""As many configurations as one pass over a block asks, with three parties."""


def measure(settings: Settings) -> Iterator[Table]:
    few, many = settings.cut(20), settings.cut(200)
    with our_worker() as ours:
        rows = [
            _row(ours, sweep, settings.repeats)
            for sweep in (SENSITIVITY.runs(few), SENSITIVITY.runs(many), EIGHT.runs(2 * many))
        ]
    yield Table(
        "common random numbers",
        "Sweeps of 50,000 voters with common random numbers, warm, medians in turns; one more: what one more\n"
        "configuration on the same electorates costs, as a share of an independent one",
        rows,
    )
    yield Table(
        "paired variances",
        "Variance of the difference of two configurations, run by run: 50,000 voters, PR",
        ask_script("variances.py", str(settings.cut(1_000) + 1)),
    )


def _row(ours: Worker, many: Sweep, repeats: int) -> Row:
    runs = many.n_runs_per_config
    sweeps = {
        "one": Sweep({"temperature": [0.5]}, SENSITIVITY.fixed_params, runs),
        "independent": many,
        "common": many.with_options(common_random_numbers=True),
    }
    times: dict[str, list[float]] = {name: [] for name in sweeps}
    for index in range(repeats + 1):
        for name, sweep in sweeps.items():
            seconds = ours.run(sweep)["seconds"]
            if index > 0:
                times[name].append(seconds)
    one, independent, common = (median(s) for s in times.values())
    n = many.simulations // runs
    return {
        "configurations": n,
        "runs of each": runs,
        "one alone s": one,
        "independent s": independent,
        "common s": common,
        "common / independent": common / independent,
        "common / one": common / one,
        "one more": (common - one) / (n - 1) / (independent / n),
    }
