"""The command `electoral-sim`: arguments only; the work is done by the library.

Exit status: 0 done; 2 bad input, with one sentence on standard error and nothing written; 130 interrupted.
"""

import argparse
import json
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from esim_jax import __version__
from esim_jax.config import PARAMETERS, Choice, nearest
from esim_jax.errors import EsimError, InputError

CONFIG_KEYS = (
    "parameters",
    "fixed_params",
    "sweep_type",
    "n_samples",
    "n_runs_per_config",
    "n_jobs",
    "seed",
    "election_kwargs",
)
"""Keys of the file that `electoral-sim batch --config` reads."""

_RUN_FLAGS = {
    "--voters": "n_voters",
    "--constituencies": "n_constituencies",
    "--system": "electoral_system",
    "--allocation": "allocation_method",
    "--threshold": "threshold",
    "--temperature": "temperature",
}

_RUN_EXAMPLES = """examples:
  electoral-sim run
  electoral-sim run --voters 1000000 --constituencies 543 --seed 1
  electoral-sim run --system PR --allocation sainte_lague --threshold 0.05 --output result.json
"""

_BATCH_EXAMPLES = """examples:
  electoral-sim batch --config sweep.json --output results.csv --summary summary.csv
  electoral-sim batch --config sweep.json --output results.parquet --seed 42 --quiet

the file, in JSON:
  {"parameters": {"n_voters": [10000, 50000], "temperature": [0.3, 0.5, 0.7]},
   "fixed_params": {"n_constituencies": 10}, "n_runs_per_config": 5, "seed": 42}
"""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence."""

    def error(self, message: str) -> NoReturn:
        """Leaves with status 2."""
        raise InputError(f"{message[:1].upper()}{message[1:].rstrip('.')}; see {self.prog} --help.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: those after the command's name; by default the process's own.

    Returns:
        The exit status.
    """
    try:
        options = _parser().parse_args(arguments)
        command = {"run": _run, "batch": _batch}[options.command]
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            command(options)
    except EsimError as error:
        print(f"electoral-sim: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("electoral-sim: interrupted; nothing was written.", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
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

    run = commands.add_parser(
        "run", help="hold one election", epilog=_RUN_EXAMPLES, formatter_class=plain, allow_abbrev=False
    )
    for flag, name in _RUN_FLAGS.items():
        parameter = PARAMETERS[name]
        choices = f" ({', '.join(parameter.kind.names)})" if isinstance(parameter.kind, Choice) else ""
        run.add_argument(
            flag,
            dest=name,
            metavar=parameter.unit.upper().replace(" ", "_") or "NAME",
            type=str if choices else _number,
            help=f"{parameter.help.replace('%', '%%')}{choices} Default: {parameter.default}.",
        )
    run.add_argument("--seed", type=_number, help="any 64-bit integer; by default a fresh one, which is shown")
    run.add_argument("--output", metavar="FILE", help="also write the result: .json, or the parties as .csv, .parquet")
    run.add_argument("--quiet", action="store_true", help="show nothing")

    batch = commands.add_parser(
        "batch", help="run a parameter sweep", epilog=_BATCH_EXAMPLES, formatter_class=plain, allow_abbrev=False
    )
    batch.add_argument("--config", required=True, metavar="FILE", help=f"JSON file with {', '.join(CONFIG_KEYS)}")
    batch.add_argument("--output", required=True, metavar="FILE", help="results: .csv, .parquet or .json")
    batch.add_argument("--summary", metavar="FILE", help="mean and standard deviation by configuration, likewise")
    batch.add_argument("--jobs", type=_number, metavar="N", help="in the place of the file's n_jobs")
    batch.add_argument("--seed", type=_number, help="in the place of the file's seed")
    batch.add_argument("--quiet", action="store_true", help="show nothing")
    return parser


def _number(text: str) -> int | float | str:
    """A number where the text is one; anything else is refused later, by the parameter's own sentence."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _run(options: argparse.Namespace) -> None:
    """Holds one election and shows it."""
    from esim_jax.config import read_parameters, read_seed
    from esim_jax.results.export import check_destination

    given = {name: getattr(options, name) for name in _RUN_FLAGS.values() if getattr(options, name) is not None}
    read_parameters(given)
    seed = None if options.seed is None else read_seed(options.seed)
    if options.output:
        check_destination(options.output)

    from esim_jax.election import ElectionModel
    from esim_jax.results.report import export_election, show_election

    model = ElectionModel(**given, seed=seed)
    result = model.run_election()
    if options.output:
        export_election(result, model.parameters, options.output)
    if not options.quiet:
        print(show_election(result, model.parameters))
        if options.output:
            print(f"\nResult written to {options.output}")


def _batch(options: argparse.Namespace) -> None:
    """Runs a sweep and writes its files."""
    config = read_config(Path(options.config))
    from esim_jax.results.export import check_destination

    destinations = [check_destination(path)[0] for path in (options.output, options.summary) if path]
    if len({path.resolve() for path in destinations}) < len(destinations):
        raise InputError(f"--output and --summary both name {options.output!r}; give two files.")

    from esim_jax import BatchRunner, ElectionModel, ParameterSweep

    sweep = ParameterSweep(
        **{key: config[key] for key in ("parameters", "fixed_params", "sweep_type", "n_samples") if key in config}
    )
    runner = BatchRunner(
        ElectionModel,
        sweep,
        n_runs_per_config=config.get("n_runs_per_config", 1),
        n_jobs=config.get("n_jobs", 1) if options.jobs is None else options.jobs,
        election_kwargs=config.get("election_kwargs"),
        seed=config.get("seed") if options.seed is None else options.seed,
        verbose=not options.quiet,
    )
    if not options.quiet:
        print(
            f"{len(sweep)} configurations x {runner.n_runs_per_config} runs = "
            f"{len(sweep) * runner.n_runs_per_config:,} simulations, seed {runner.seed}"
        )
    runner.run()
    runner.export_results(options.output)
    if options.summary:
        runner.export_summary(options.summary)
    if not options.quiet:
        from esim_jax.results.report import show_frame

        print(show_frame(runner.get_summary_stats()))
        print(f"Results written to {options.output}")
        if options.summary:
            print(f"Summary written to {options.summary}")


def read_config(path: Path) -> dict[str, Any]:
    """The keys and values of a sweep's JSON file.

    Raises:
        InputError: the file can't be read, is not JSON, or has an unknown or a repeated key.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise InputError(f"The configuration {str(path)!r} can't be read: {reason}.") from error
    try:
        config = json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise InputError(
            f"The configuration {str(path)!r} is not JSON: line {error.lineno}, column {error.colno}: {error.msg}."
        ) from error
    if not isinstance(config, Mapping):
        raise InputError(f"The configuration {str(path)!r} must be an object with {', '.join(CONFIG_KEYS)}.")
    for key in config:
        if key not in CONFIG_KEYS:
            raise InputError(
                f"The configuration {str(path)!r} has the unknown key {key!r}.{nearest(key, CONFIG_KEYS)} "
                f"Known are {', '.join(CONFIG_KEYS)}."
            )
    if "parameters" not in config:
        raise InputError(f"The configuration {str(path)!r} has no key 'parameters': name the lists to sweep.")
    return dict(config)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    for key in keys:
        if keys.count(key) > 1:
            raise InputError(f"The configuration has the key {key!r} twice; give it once.")
    return dict(pairs)


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"electoral-sim: warning: {message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
