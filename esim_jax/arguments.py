"""The arguments of the command `electoral-sim`, with their help."""

import argparse
from functools import partial
from typing import NoReturn

from esim_jax import __version__
from esim_jax.config import PARAMETERS
from esim_jax.errors import InputError
from esim_jax.kinds import Choice

CONFIG_KEYS = (
    "parameters",
    "fixed_params",
    "sweep_type",
    "n_samples",
    "n_runs_per_config",
    "n_jobs",
    "seed",
    "election_kwargs",
    "common_random_numbers",
    "metrics",
)
"""Keys of the file that `electoral-sim batch --config` reads."""

RUN_FLAGS = {
    "--voters": "n_voters",
    "--constituencies": "n_constituencies",
    "--system": "electoral_system",
    "--allocation": "allocation_method",
    "--threshold": "threshold",
    "--temperature": "temperature",
    "--behaviour": "behaviour",
    "--voter-frame": "voters",
}
"""Flags of `electoral-sim run` by the parameters that they set."""

_RUN_EXAMPLES = """examples:
  electoral-sim run
  electoral-sim run --voters 1000000 --constituencies 543 --seed 1
  electoral-sim run --system PR --allocation sainte_lague --threshold 0.05 --output result.json
  electoral-sim run --preset norway --seed 1
"""

_BATCH_EXAMPLES = """examples:
  electoral-sim batch --config sweep.json --output results.csv --summary summary.csv
  electoral-sim batch --config sweep.json --output results.parquet --seed 42 --quiet
  electoral-sim batch --config sweep.json --output results.parquet --run-dir runs/sweep --resume
  electoral-sim batch --config sweep.json --output results.csv --metrics turnout,gallagher,wasted_votes
  electoral-sim batch --config results.parquet --output again.parquet
  electoral-sim batch --config sweep.json --preset spain --output results.csv
  electoral-sim batch --config sweep.json --output results.parquet --run-dir /shared/sweep --distributed \\
      --coordinator node1:5678 --processes 2 --process-id 0

the file, in JSON:
  {"parameters": {"n_voters": [10000, 50000], "temperature": [0.3, 0.5, 0.7]},
   "fixed_params": {"n_constituencies": 10}, "n_runs_per_config": 5, "seed": 42}
"""

_PRESET_EXAMPLES = """examples:
  electoral-sim list-presets
  electoral-sim list-presets norway spain
"""

_SYSTEM_EXAMPLES = """examples:
  electoral-sim list-systems
  electoral-sim list-systems STV sainte_lague
"""

_REPLAY_EXAMPLES = """examples:
  electoral-sim replay results.parquet --row 17
"""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence."""

    def error(self, message: str) -> NoReturn:
        """Leaves with status 2."""
        raise InputError(f"{message[:1].upper()}{message[1:].rstrip('.')}; see {self.prog} --help.")


def make_parser() -> argparse.ArgumentParser:
    """The parser of the command; what it can't read it refuses with InputError."""
    plain = argparse.RawDescriptionHelpFormatter
    parser = _Parser(
        prog="electoral-sim",
        description="A Monte Carlo laboratory for electoral systems.",
        epilog=f"{_RUN_EXAMPLES}\n{_BATCH_EXAMPLES}",
        formatter_class=plain,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    command = partial(commands.add_parser, formatter_class=plain, allow_abbrev=False)

    run = command("run", help="hold one election", epilog=_RUN_EXAMPLES)
    for flag, name in RUN_FLAGS.items():
        parameter = PARAMETERS[name]
        choices = f" ({', '.join(parameter.kind.names)})" if isinstance(parameter.kind, Choice) else ""
        run.add_argument(
            flag,
            dest=name,
            metavar=parameter.unit.upper().replace(" ", "_") or "NAME",
            type=str if choices else _number,
            help=f"{parameter.help.replace('%', '%%')}{choices} Default: {parameter.default}.",
        )
    run.add_argument("--preset", metavar="NAME", help="a real country's house, which the options above change")
    run.add_argument("--seed", type=_number, help="any 64-bit integer; by default a fresh one, which is shown")
    run.add_argument("--output", metavar="FILE", help="also write the result: .json, or the parties as .csv, .parquet")
    run.add_argument("--quiet", action="store_true", help="show nothing")

    batch = command("batch", help="run a parameter sweep", epilog=_BATCH_EXAMPLES)
    batch.add_argument(
        "--config", required=True, metavar="FILE",
        help=f"JSON file with {', '.join(CONFIG_KEYS)}; or a file of results, whose sweep is run again",
    )  # fmt: skip
    batch.add_argument(
        "--preset", metavar="NAME", help="a real country's house, for the parameters that the file does not name"
    )
    batch.add_argument("--output", metavar="FILE", help="results: .csv, .parquet or .json; needed without --run-dir")
    batch.add_argument("--summary", metavar="FILE", help="mean and standard deviation by configuration, likewise")
    batch.add_argument("--run-dir", metavar="DIR", help="keep finished chunks there, so that nothing is lost")
    batch.add_argument("--resume", action="store_true", help="go on with the sweep that --run-dir holds, if any")
    batch.add_argument("--chunk-size", type=_number, metavar="N", help="simulations computed at a time")
    batch.add_argument(
        "--common-random-numbers", action="store_true", help="compare configurations on the same electorates and lots"
    )
    batch.add_argument("--metrics", metavar="A,B,C", help="columns of metrics; see docs/results.md for their names")
    batch.add_argument("--jobs", type=_number, metavar="N", help="in the place of the file's n_jobs")
    batch.add_argument("--seed", type=_number, help="in the place of the file's seed")
    batch.add_argument("--distributed", action="store_true", help="share the sweep with other processes or hosts")
    batch.add_argument("--coordinator", metavar="HOST:PORT", help="address of the first process; found on a cluster")
    batch.add_argument("--processes", type=_number, metavar="N", help="how many share the sweep; likewise")
    batch.add_argument("--process-id", type=_number, metavar="I", help="which of them this is, from 0; likewise")
    batch.add_argument("--quiet", action="store_true", help="show nothing")

    presets = command("list-presets", help="show the presets of real countries' lower houses", epilog=_PRESET_EXAMPLES)
    presets.add_argument("names", nargs="*", metavar="NAME", help="show all of this preset, with its sources")

    systems = command("list-systems", help="show the electoral systems and allocation methods", epilog=_SYSTEM_EXAMPLES)
    systems.add_argument("names", nargs="*", metavar="NAME", help="show the rule, ties, source and an example of this")

    replay = command(
        "replay", help="run a row of exported results again, and say whether it is bit-equal", epilog=_REPLAY_EXAMPLES
    )
    replay.add_argument("file", metavar="FILE", help="results of a batch: .parquet, .csv or .json")
    replay.add_argument("--row", required=True, type=_number, metavar="N", help="row of the file, counted from 0")
    replay.add_argument("--quiet", action="store_true", help="show nothing; the exit status tells")
    return parser


def _number(text: str) -> int | float | str:
    """A number where the text is one; anything else is refused later, by the parameter's own sentence."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
