"""The most memory that a process holds, each sweep in a fresh one."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from sweeps import Sweep, sized
from tables import Row, Table, about, at_most
from workers import Settings, our_worker

WANTED_MIB = 1024


def measure(settings: Settings) -> Iterator[Table]:
    cut = settings.cut
    large = Sweep({"temperature": [0.3, 0.5, 0.7, 0.9]}, {"n_voters": 1_000_000}, cut(50))

    def drawn(simulations: int) -> Sweep:
        return sized(cut(simulations), 1_000_000, engine="multinomial")

    rows = [
        peak("voters, in memory", large),
        peak("multinomial, in memory", drawn(100_000)),
        peak("multinomial, streamed", drawn(100_000), stream=True),
        peak("multinomial, streamed", drawn(1_000_000), stream=True),
    ]
    asked = [
        *(at_most(f"peak MiB, {row['what']}, {row['simulations']:,}", row["peak MiB"], WANTED_MIB) for row in rows),
        about("peak of 1,000,000 streamed / of 100,000", rows[-1]["peak MiB"] / rows[-2]["peak MiB"], 0.8, 1.25),
    ]
    yield Table("memory", "Peak resident memory of a fresh process", rows, asked)


def peak(what: str, sweep: Sweep, stream: bool = False) -> Row:
    """One row: a fresh process that runs the sweep, or streams it into a run directory."""
    with tempfile.TemporaryDirectory() as folder, our_worker() as ours:
        answer = ours.run(sweep.with_options(run_dir=f"{folder}/run") if stream else sweep)
        size = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file())
    return {
        "what": what,
        "simulations": sweep.simulations,
        "voters": sweep.fixed_params["n_voters"],
        "seconds, cold": answer["seconds"],
        "MiB on disk": size / 2**20,
        "peak MiB after import": ours.about["peak_mib"],
        "peak MiB": answer["peak_mib"],
    }
