"""A million simulations of a million voters, drawn as whole tallies and streamed to Parquet."""

from collections.abc import Iterator

from memory import peak
from sweeps import sized
from tables import Table, at_most
from workers import Settings

WANTED_S = 120


def measure(settings: Settings) -> Iterator[Table]:
    rows = [
        peak(
            system,
            sized(settings.cut(1_000_000), 1_000_000, engine="multinomial", electoral_system=system),
            stream=True,
        )
        for system in ("FPTP", "PR")
    ]
    together = sum(row["seconds, cold"] for row in rows)
    yield Table(
        "million",
        "Engine multinomial, 10 constituencies, 3 parties, into a run directory; each in a fresh process",
        rows,
        [at_most("seconds, FPTP and PR together", together, WANTED_S)],
    )
