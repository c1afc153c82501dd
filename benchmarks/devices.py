"""Devices: two CPU devices on two cores against one on one core.

One CPU device already uses all cores, through XLA's own threads. So a device is given one core, before JAX starts, to
see what a second device on a second core adds.
"""

from collections.abc import Iterator
from statistics import median

from machine import cores
from sweeps import sized
from tables import Row, Table, at_least
from workers import TWO_DEVICES, Settings, our_worker

WANTED = 1.7


def measure(settings: Settings) -> Iterator[Table]:
    available = cores()
    if len(available) < 2:
        print("No comparison of devices: it takes two cores and a system that can pin processes to them.")
        return
    sweep = sized(settings.cut(100), 1_000_000)
    two = available[:2]
    with (
        our_worker(cores=two[:1]) as pinned,
        our_worker(cores=two) as one,
        our_worker(TWO_DEVICES, two) as both,
    ):
        tools = (
            ("1 device, 1 core", pinned, sweep.with_options(devices=1)),
            ("1 device, 2 cores", one, sweep.with_options(devices=1)),
            ("2 devices, 2 cores", both, sweep.with_options(devices=2)),
        )
        times: dict[str, list[float]] = {name: [] for name, _, _ in tools}
        for index in range(settings.repeats + 1):
            for name, worker, job in tools:
                seconds = worker.run(job)["seconds"]
                if index > 0:
                    times[name].append(seconds)
    alone = median(times["1 device, 1 core"])
    rows: list[Row] = [
        {
            "devices": name,
            "median s": median(s),
            "best s": min(s),
            "median M/s": sweep.voters / median(s) / 1e6,
            "times 1 device, 1 core": alone / median(s),
        }
        for name, s in times.items()
    ]
    yield Table(
        "devices",
        f"CPU devices: {sweep.simulations} simulations of 1,000,000 voters, warm, in turns",
        rows,
        [at_least("2 devices on 2 cores, times 1 on 1", rows[-1]["times 1 device, 1 core"], WANTED)],
    )
