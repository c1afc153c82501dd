"""The command `electoral-sim`: what its arguments ask for; the work is done by the library.

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
from typing import TYPE_CHECKING, Any

from esim_jax.arguments import CONFIG_KEYS, RUN_FLAGS, make_parser
from esim_jax.errors import EsimError, InputError
from esim_jax.garbage import made_to_last
from esim_jax.kinds import nearest

if TYPE_CHECKING:
    from esim_jax.sweep.distributed import Processes

_BY_HAND = ("--coordinator", "--processes", "--process-id")


class _Interrupted(KeyboardInterrupt):
    """Says what is kept, and how to go on."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: those after the command's name; by default the process's own.

    Returns:
        The exit status.
    """
    try:
        options = make_parser().parse_args(arguments)
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


def _run(options: argparse.Namespace) -> int:
    """Holds one election and shows it."""
    from esim_jax.config import read_parameters, read_seed
    from esim_jax.results.export import check_destination

    given = _preset_parameters(options)
    given |= {name: getattr(options, name) for name in RUN_FLAGS.values() if getattr(options, name) is not None}
    read_parameters(given)
    seed = None if options.seed is None else read_seed(options.seed)
    if options.output:
        check_destination(options.output)

    with made_to_last():
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

    with made_to_last():
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
    with made_to_last():
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
