"""The command `electoral-sim`: arguments only; the work is done by the library.

Exit status: 0 done; 1 a row that was replayed is not bit-equal; 2 bad input, with one sentence on standard error and
nothing written; 130 interrupted.
"""

import argparse
import json
import shlex
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from esim_jax import __version__
from esim_jax.config import PARAMETERS
from esim_jax.errors import EsimError, InputError
from esim_jax.kinds import Choice, nearest

if TYPE_CHECKING:
    from esim_jax.sweep.distributed import Processes

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

_RUN_FLAGS = {
    "--voters": "n_voters",
    "--constituencies": "n_constituencies",
    "--system": "electoral_system",
    "--allocation": "allocation_method",
    "--threshold": "threshold",
    "--temperature": "temperature",
    "--behaviour": "behaviour",
    "--voter-frame": "voters",
}

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

_BY_HAND = ("--coordinator", "--processes", "--process-id")

_REPLAY_EXAMPLES = """examples:
  electoral-sim replay results.parquet --row 17
"""


class _Interrupted(KeyboardInterrupt):
    """Says what is kept, and how to go on."""


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
        options.arguments = sys.argv[1:] if arguments is None else arguments
        command = _COMMANDS[options.command]
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            return command(options)
    except EsimError as error:
        print(f"electoral-sim: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as interrupt:
        print(f"electoral-sim: interrupted; {interrupt or 'nothing was written.'}", file=sys.stderr)
        return 130


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
    run.add_argument("--preset", metavar="NAME", help="a real country's house, which the options above change")
    run.add_argument("--seed", type=_number, help="any 64-bit integer; by default a fresh one, which is shown")
    run.add_argument("--output", metavar="FILE", help="also write the result: .json, or the parties as .csv, .parquet")
    run.add_argument("--quiet", action="store_true", help="show nothing")

    batch = commands.add_parser(
        "batch", help="run a parameter sweep", epilog=_BATCH_EXAMPLES, formatter_class=plain, allow_abbrev=False
    )
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

    presets = commands.add_parser(
        "list-presets",
        help="show the presets of real countries' lower houses",
        epilog=_PRESET_EXAMPLES,
        formatter_class=plain,
        allow_abbrev=False,
    )
    presets.add_argument("names", nargs="*", metavar="NAME", help="show all of this preset, with its sources")

    systems = commands.add_parser(
        "list-systems",
        help="show the electoral systems and allocation methods",
        epilog=_SYSTEM_EXAMPLES,
        formatter_class=plain,
        allow_abbrev=False,
    )
    systems.add_argument("names", nargs="*", metavar="NAME", help="show the rule, ties, source and an example of this")

    replay = commands.add_parser(
        "replay",
        help="run a row of exported results again, and say whether it is bit-equal",
        epilog=_REPLAY_EXAMPLES,
        formatter_class=plain,
        allow_abbrev=False,
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


def _run(options: argparse.Namespace) -> int:
    """Holds one election and shows it."""
    from esim_jax.config import read_parameters, read_seed
    from esim_jax.results.export import check_destination

    given = _preset_parameters(options)
    given |= {name: getattr(options, name) for name in _RUN_FLAGS.values() if getattr(options, name) is not None}
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
    return 0


def _batch(options: argparse.Namespace) -> int:
    """Runs a sweep and writes its files."""
    if not options.output and not options.run_dir:
        raise InputError("Neither --output nor --run-dir is given: name a file for the results.")
    processes = _join(options)
    config = _fill_in(read_config(Path(options.config)), _preset_parameters(options))
    from esim_jax.results.export import check_destination

    destinations = [check_destination(path)[0] for path in (options.output, options.summary) if path]
    if len({path.resolve() for path in destinations}) < len(destinations):
        raise InputError(f"--output and --summary both name {options.output!r}; give two files.")

    from esim_jax.sweep.replay import make_runner
    from esim_jax.sweep.session import LostProcessError

    if processes is not None and not processes.first:
        options.quiet, options.output, options.summary = True, None, None
    asked = {"n_jobs": options.jobs, "seed": options.seed, "chunk_size": options.chunk_size}
    asked["common_random_numbers"] = options.common_random_numbers or None
    asked["metrics"] = None if options.metrics is None else options.metrics.replace(" ", "").split(",")
    runner = make_runner(
        config,
        run_dir=options.run_dir,
        resume=options.resume,
        distributed=processes,
        verbose=not options.quiet,
        **{name: value for name, value in asked.items() if value is not None},
    )
    n_simulations = len(runner.parameter_sweep) * runner.n_runs_per_config
    if not options.quiet:
        print(
            f"{len(runner.parameter_sweep)} configurations x {runner.n_runs_per_config} runs = "
            f"{n_simulations:,} simulations, seed {runner.seed}"
        )
    try:
        if options.run_dir:
            runner.stream()
        else:
            runner.run()
    except KeyboardInterrupt as interrupt:
        if not options.run_dir:
            raise
        raise _Interrupted(
            f"{runner.n_kept:,} of {n_simulations:,} simulations are kept in {options.run_dir}. "
            f"Resume with: {_resume_command(options)}"
        ) from interrupt
    except LostProcessError as error:
        raise LostProcessError(f"{error} Resume with: {_resume_command(options)}") from error
    if options.output:
        runner.export_results(options.output)
    if options.summary:
        runner.export_summary(options.summary)
    if not options.quiet:
        from esim_jax.results.report import show_frame

        print(show_frame(runner.get_summary_stats()))
        if options.run_dir:
            print(f"{runner.reused:,} of {n_simulations:,} simulations were reused from {options.run_dir}")
        for path, what in ((options.output, "Results"), (options.summary, "Summary")):
            if path:
                print(f"{what} written to {path}")
    return 0


def _list_presets(options: argparse.Namespace) -> int:
    """Shows the presets, or all of some."""
    from esim_jax.presets import list_presets, read_preset
    from esim_jax.presets.showing import show_preset, show_presets

    presets = [read_preset(name) for name in options.names or list_presets()]
    print("\n\n".join(map(show_preset, presets)) if options.names else show_presets(presets))
    return 0


def _list_systems(options: argparse.Namespace) -> int:
    """Shows the systems and methods, or all of some."""
    from esim_jax.systems.describing import show_system, show_systems

    print("\n\n".join(map(show_system, options.names)) if options.names else show_systems())
    return 0


def _preset_parameters(options: argparse.Namespace) -> dict[str, Any]:
    """Those of --preset, if it is given."""
    if options.preset is None:
        return {}
    from esim_jax.presets import read_preset

    return dict(read_preset(options.preset).parameters)


def _fill_in(config: dict[str, Any], preset: Mapping[str, Any]) -> dict[str, Any]:
    """A sweep with the preset's parameters, where the configuration does not name them itself."""
    given = {key: config.get(key) for key in ("parameters", "fixed_params", "election_kwargs")}
    parts = [part for part in given.values() if part is not None]
    if not preset or not all(isinstance(part, Mapping) for part in parts):  # what is no mapping is refused later
        return config
    own = {name: value for name, value in preset.items() if not any(name in part for part in parts)}
    return config | {"fixed_params": own | dict(given["fixed_params"] or {})}


def _join(options: argparse.Namespace) -> "Processes | None":
    """Meets the other processes, if any, before JAX computes anything."""
    if not options.distributed:
        for flag in _BY_HAND:
            if getattr(options, flag[2:].replace("-", "_")) is not None:
                raise InputError(f"{flag} means nothing without --distributed; add it.")
        return None
    if not options.run_dir:
        raise InputError("--distributed needs --run-dir: name a directory that all processes see.")
    from esim_jax.sweep.distributed import join

    return join(options.coordinator, options.processes, options.process_id)


def _resume_command(options: argparse.Namespace) -> str:
    """What goes on with the sweep, in one process."""
    arguments, kept = iter(options.arguments), []
    for argument in arguments:
        if argument in _BY_HAND:
            next(arguments)
        elif argument != "--distributed" and argument.partition("=")[0] not in _BY_HAND:
            kept.append(argument)
    return shlex.join(["electoral-sim", *kept, *([] if options.resume else ["--resume"])])


def _replay(options: argparse.Namespace) -> int:
    """Runs a row of a file again and compares."""
    if not isinstance(options.row, int):
        raise InputError(f"--row {options.row} is not allowed: it must be a whole number from 0.")
    from esim_jax.sweep.replay import replay_row

    replay = replay_row(Path(options.file), options.row)
    if not options.quiet:
        from esim_jax.results.report import show_replay

        print(show_replay(options.row, replay.config_idx, replay.run_idx, replay.values, replay.versions))
    return 1 if replay.differing else 0


def read_config(path: Path) -> dict[str, Any]:
    """The keys and values of a sweep's JSON file, or of the sweep that a file of results comes from.

    Raises:
        InputError: the file can't be read, is not JSON, or has an unknown or a repeated key.
    """
    if (sweep := _read_origin(path)) is not None:
        return sweep
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


def _read_origin(path: Path) -> dict[str, Any] | None:
    """The sweep that a file of results comes from, or None where it is something else."""
    if not path.is_file():
        return None
    from esim_jax.results.provenance import BUILT_IN, read_provenance

    provenance = read_provenance(path)
    if provenance is None:
        return None
    if provenance["model"] != BUILT_IN:
        raise InputError(
            f"{str(path)!r} is of the class {provenance['model']}, which the command line can't run: "
            f"run it in Python: {provenance.get('command')}"
        )
    return dict(provenance["sweep"])


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    for key in keys:
        if keys.count(key) > 1:
            raise InputError(f"The configuration has the key {key!r} twice; give it once.")
    return dict(pairs)


_COMMANDS = {
    "run": _run,
    "batch": _batch,
    "list-presets": _list_presets,
    "list-systems": _list_systems,
    "replay": _replay,
}


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"electoral-sim: warning: {message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
