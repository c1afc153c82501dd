"""Speed and memory, as tables: `python benchmarks/run.py`. See README.md beside this file."""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import beside_packages
import beside_peer
import cold
import common_numbers
import devices
import distance
import memory
import million
import scaling
import systems
from machine import describe_machine, load
from peer import NoPeerError, find_peer
from tables import Row, Table
from workers import Settings

MEASURES: dict[str, Callable[[Settings], Iterator[Table]]] = {
    "peer": beside_peer.measure,
    "packages": beside_packages.measure,
    "cold": cold.measure,
    "systems": systems.measure,
    "scaling": scaling.measure,
    "devices": devices.measure,
    "memory": memory.measure,
    "million": million.measure,
    "common": common_numbers.measure,
    "ceilings": distance.measure,
}
WITH_PEER = {"peer", "cold"}


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Prints tables of speed and memory, electoral-sim alongside.")
    parser.add_argument("--peer-python", metavar="PATH", help="an interpreter that has electoral-sim 0.2.1")
    parser.add_argument("--python312", metavar="PATH", help="a Python, 3.12 or newer, to install electoral-sim with")
    parser.add_argument("--tables", nargs="+", choices=MEASURES, default=[*MEASURES], help="all by default")
    parser.add_argument("--rounds", type=int, default=2, metavar="N", help="rounds of each comparison (default 2)")
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="warm repeats of each size (default 5)")
    parser.add_argument("--quick", action="store_true", help="small sizes, only to see that all tables come out")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures here")
    return parser.parse_args(arguments)


def main() -> None:
    """Measures, prints, and writes the file where one is named."""
    args = parse_arguments()
    peer: str | None = None
    if WITH_PEER & set(args.tables):
        try:
            peer = find_peer(args.peer_python, args.python312)
        except NoPeerError as error:
            print(error)
    settings = Settings(peer, args.rounds, args.repeats, args.quick)
    machine = Table("machine", "Machine", describe_machine(peer))
    machine.print()
    figures: dict[str, list[Row]] = {machine.name: machine.rows, "asked": []}
    asked = figures["asked"]
    for name, measure in MEASURES.items():
        if name in args.tables:
            for table in measure(settings):
                table.print()
                figures[table.name] = table.rows
                asked += table.asked
                write(args.json, figures)  # so that a long run which breaks off has not been for nothing
    if asked and not args.quick:
        Table("asked", "Asked for", asked).print()
    machine.rows.append({"": "load after", "is": load()})
    print(f"\nLoad average before {machine.rows[0]['is']}, after {machine.rows[-1]['is']}")
    write(args.json, figures)


def write(file: Path | None, figures: dict[str, list[Row]]) -> None:
    if file is not None:
        file.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
