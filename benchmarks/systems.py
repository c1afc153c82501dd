"""Electoral systems beside FPTP: what it costs to keep every voter's ballot, and to count it."""

from collections.abc import Iterator
from statistics import median

from sweeps import Sweep, sized
from tables import Row, Table, at_least
from workers import Settings, our_worker

VOTERS, PARTIES, SEATS = 100_000, 8, 4
WANTED = {"IRV": 0.1, "STV": 0.1, "STV_Meek": 0.1}
SYSTEMS = (
    "FPTP", "two_round", "IRV", "Coombs", "Bucklin", "Borda", "approval", "score", "STAR", "Schulze", "STV", "STV_Meek",
)  # fmt: skip
OF_SEVERAL_SEATS = {"STV", "STV_Meek"}


def measure(settings: Settings) -> Iterator[Table]:
    sweeps = {system: _sweep(system, settings.cut(40)) for system in SYSTEMS}
    times: dict[str, list[float]] = {system: [] for system in SYSTEMS}
    with our_worker() as ours:
        for turn in range(settings.repeats + 1):
            for system, sweep in sweeps.items():
                seconds = ours.run(sweep)["seconds"]
                if turn:  # the first one compiles
                    times[system].append(seconds)
    medians = {system: median(seconds) for system, seconds in times.items()}
    rows: list[Row] = [
        {
            "system": system,
            "median s": medians[system],
            "best s": min(times[system]),
            "M voters/s": sweep.voters / medians[system] / 1e6,
            "of FPTP's": medians["FPTP"] / medians[system],
        }
        for system, sweep in sweeps.items()
    ]
    asked = [
        at_least(f"voters a second with {system}: share of FPTP's", medians["FPTP"] / medians[system], wanted)
        for system, wanted in WANTED.items()
    ]
    yield Table(
        "systems",
        f"{sweeps['FPTP'].simulations} elections of {VOTERS:,} voters in 10 constituencies, {PARTIES} parties"
        f" ({SEATS} seats with STV); warm, in turns",
        rows,
        asked,
    )


def _sweep(system: str, simulations: int) -> Sweep:
    seats = SEATS if system in OF_SEVERAL_SEATS else 1
    return sized(simulations, VOTERS, PARTIES, electoral_system=system, district_magnitude=seats)
