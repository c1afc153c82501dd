"""How far the engine is from the machine's ceilings, on one core."""

from collections.abc import Iterator
from statistics import median

from machine import cores
from sweeps import Sweep
from tables import Row, Table
from workers import Settings, ask_script, our_worker


def measure(settings: Settings) -> Iterator[Table]:
    rows: list[Row] = ask_script("ceilings.py", "--json", "--seconds", "0.2" if settings.quick else "3")
    speeds = {row["part"]: row["M voters/s"] for row in rows if row["a voter"] is None}
    sweep = Sweep({"temperature": [0.5]}, {"n_voters": 1_000_000}, settings.cut(100))
    with our_worker(cores=cores()[:1]) as ours:
        times = ours.time(sweep, settings.repeats)
    speeds["the runner, from a sweep's definition to its frame, best"] = sweep.voters / min(times) / 1e6
    speeds["the runner, median"] = sweep.voters / median(times) / 1e6
    yield Table("ceilings", "What a voter costs (3 parties) and the ceiling of each part, on one core", rows)
    bound = speeds["bound: these parts alone"]
    yield Table(
        "distance",
        "How far from the ceiling, on one core",
        [{"what": name, "M voters/s": speed, "of the bound": speed / bound} for name, speed in speeds.items()],
    )
