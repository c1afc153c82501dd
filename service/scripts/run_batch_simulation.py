"""The command `run-batch-simulation`: runs a batch of dialogues, with a server of the service or without one.

Exit status: 0 all simulations completed; 1 the batch was run, but not all of it completed, or its output could not be
had; 2 nothing was run, with one sentence on standard error; 130 interrupted.
"""

import argparse
import io
import math
import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

if not __package__:  # run as a file: the folder of the file is in the path, and not that of the packages
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from esim_jax.errors import InputError
from esim_jax.results.export import write_file
from esim_jax.sweep.progress import progress_bar
from service.scripts.client import Client, RefusedError, UnreachableError
from service.scripts.inputs import FORMATS, Entities, default_name, read_context, read_destination, read_entities
from service.scripts.summary import summary

_NAME = "run-batch-simulation"
_BATCHES = "/api/batch-simulations"
_LOOK = 0.5  # seconds between looks at a running batch
_PATIENCE = 60.0  # seconds for which a server may be away, to be started again for example
_ENDED = ("completed", "partial", "failed", "cancelled")
_FIELDS = (
    "description",
    "interaction_size",
    "num_simulations",
    "n_turns",
    "simulation_rounds",
    "interaction_type",
    "language",
    "model",
    "temperature",
    "max_tokens",
    "seed",
    "on_excess",
)

_EPILOG = """Without --server the service runs inside of this command, as its environment variables say
(SERVICE_LLM_BASE_URL and others, see docs/service.md). Stopping the command loses nothing: its batch goes on when a
service, or this command, is next started with the same database.

exit status:
  0 all simulations completed; 1 the batch was run, but not all of it completed, or its output could not be had;
  2 nothing was run (bad input, no language model, no server); 130 interrupted

examples:
  run-batch-simulation --entities examples/historical_figures.json --context "Discuss the ethics of AI" \\
      --interaction-size 2 --num-simulations 20 --n-turns 2 --output ethics.json
  run-batch-simulation --entities entity_ids.json --context context.txt --interaction-size 2 --num-simulations 3 \\
      --name "Climate Change Discussions" --server http://127.0.0.1:8000
"""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence."""

    def error(self, message: str) -> NoReturn:
        """Leaves with status 2."""
        raise InputError(f"{message[:1].upper()}{message[1:].rstrip('.')}; see {self.prog} --help.")


class _Service(NamedTuple):
    """A service to talk to, and where a batch is found again once this command has ended."""

    client: Client
    home: str
    goes_on: str


def main() -> int:
    """Runs the command with the arguments of the process; the exit status is returned."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names that the terminal can't show are no reason to fail
    status = run(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    if any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
        os._exit(status)  # threads with calls in flight could take minutes; the calls are made again at the next start
    return status


def run(arguments: Sequence[str]) -> int:
    """Runs the command.

    Args:
        arguments: those after the command's name.

    Returns:
        The exit status.
    """
    try:
        return _run(_parser().parse_args(arguments))
    except (InputError, RefusedError, UnreachableError) as error:
        _say(str(error))
        return 2
    except KeyboardInterrupt:
        _say("interrupted.")
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=_NAME,
        description="Run a batch of dialogues between entities, show its progress, and keep its transcripts.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "--entities",
        required=True,
        metavar="IDS|FILE",
        help="ids separated by commas; or a JSON file with a list of ids; or a JSON or CSV file of entities, which are "
        "created first",
    )
    add("--context", required=True, metavar="TEXT|FILE", help="what the dialogues are about, or a text file with it")
    add("--interaction-size", required=True, type=int, metavar="N", help="entities in a dialogue (1 solo, 2 dyadic)")
    add("--num-simulations", required=True, type=int, metavar="N", help="dialogues to run")
    add("--name", metavar="TEXT", help="of the batch; by default the beginning of the context")
    add("--description", metavar="TEXT", help="of the batch")
    add("--n-turns", type=int, metavar="N", help="turns a round, in which everybody speaks once; default: 1")
    add("--simulation-rounds", type=int, metavar="N", help="rounds; default: 1")
    add("--interaction-type", metavar="TYPE", help="solo, dyadic or group; if given it must agree with the size")
    add("--output", metavar="FILE", help=f"also write the batch as a file: {', '.join(FORMATS)} by its extension")
    add("--seed", type=int, metavar="N", help="of who meets whom, and of the model; by default a fresh one, shown")
    add("--on-excess", metavar="WHAT", help="with more simulations than combinations: reject (default) or replicate")
    add("--language", metavar="NAME", help="in which to speak, such as Spanish")
    add("--model", metavar="NAME", help="by default the service's own")
    add("--temperature", type=_finite, metavar="T", help="0 to 2; by default the model's own")
    add("--max-tokens", type=int, metavar="N", help="of one answer; default: 512")
    add("--max-calls", type=int, metavar="N", help="budget: the batch stops after so many calls of the model")
    add("--max-total-tokens", type=int, metavar="N", help="budget: the batch stops after so many tokens")
    add("--server", metavar="URL", help="use the service that runs there")
    add("--api-key", metavar="KEY", help="of that service; SERVICE_API_KEY in the environment is the safer place")
    add(
        "--database", metavar="URL", help="without --server, instead of SERVICE_DATABASE_URL; sqlite:///esim-service.db"
    )
    add("--quiet", action="store_true", help="show nothing but the id of the batch")
    return parser


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError
    return number


def _run(options: argparse.Namespace) -> int:
    """Runs the batch, and writes and shows what came of it."""
    destination = read_destination(options.output, (options.entities, options.context)) if options.output else None
    entities, body = read_entities(options.entities), read_body(options)
    with _service(options) as service:
        batch_id = _start(service.client, entities, body)
        try:
            batch = _follow(service.client, batch_id, options.quiet)
            if destination:
                path, known = destination
                write_file(
                    path,
                    lambda temporary: service.client.download(f"{_BATCHES}/{batch_id}/export", temporary, format=known),
                )
            if not options.quiet:
                print(summary(service.client, batch))
                print(f"Written to {path}" if destination else f"Kept as {batch_id} in {service.home}")
        except KeyboardInterrupt:
            _say(f"interrupted; the batch {batch_id} {service.goes_on}.")
            return 130
        except (InputError, RefusedError, UnreachableError) as error:
            _say(f"{error} The batch is {batch_id} in {service.home}.")
            return 1
    return 0 if batch["status"] == "completed" else 1


def read_body(options: argparse.Namespace) -> dict[str, Any]:
    """The batch to be made, without its entities.

    Raises:
        InputError: the context is empty or can't be read.
    """
    context = read_context(options.context)
    budget = {"max_calls": options.max_calls, "max_tokens": options.max_total_tokens}
    given = {field: getattr(options, field) for field in _FIELDS if getattr(options, field) is not None}
    name = default_name(context) if options.name is None else options.name
    return {"name": name, "context": context, "budget": budget, **given}


@contextmanager
def _service(options: argparse.Namespace) -> Iterator[_Service]:
    """The service that the options name, or one of this command's own."""
    if options.server is not None:
        if options.database is not None:
            raise InputError("--database goes without --server: the server has its own.")
        with Client(options.server, options.api_key or os.environ.get("SERVICE_API_KEY")) as client:
            yield _Service(client, client.shown, f"goes on at {client.shown}")
        return
    if options.api_key is not None:
        raise InputError("--api-key goes with --server.")
    from service.scripts.embedded import embedded_service  # imported here, for --server need not wait for it

    with embedded_service(options.database) as own, Client(own.url, own.api_key) as client:
        yield _Service(client, own.database, f"goes on when a service is next started with {own.database}")


def _start(client: Client, entities: Entities, body: dict[str, Any]) -> str:
    """Makes the batch, and before it the entities that do not exist yet; none of them stays without it."""
    new: list[str] = []
    if entities.content:
        new = client.post_file("/api/entities/import", entities.content, entities.kind)["ids"]
    try:
        batch_id: str = client.post(_BATCHES, {**body, "entity_ids": entities.ids or new})["id"]
    except RefusedError:
        with suppress(RefusedError, UnreachableError):
            for entity_id in new:
                client.delete(f"/api/entities/{entity_id}")
        raise
    return batch_id


def _follow(client: Client, batch_id: str, quiet: bool) -> dict[str, Any]:
    """Shows the progress of a batch to its end.

    Returns:
        The batch at its end, without its simulations.
    """
    batch = _look(client, batch_id)
    print(batch_id if quiet else _headline(batch), flush=True)
    done = 0
    with progress_bar(batch["counts"]["total"], verbose=not quiet) as progress:
        while True:
            counts = batch["counts"]
            ended = counts["completed"] + counts["failed"] + counts["cancelled"]
            progress(ended - done)
            done = ended
            if batch["status"] in _ENDED:
                return batch
            time.sleep(_LOOK)
            batch = _look(client, batch_id)


def _look(client: Client, batch_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            batch: dict[str, Any] = client.get(f"{_BATCHES}/{batch_id}", include_simulations=False)
        except UnreachableError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_LOOK)
        else:
            return batch


def _headline(batch: dict[str, Any]) -> str:
    parameters = batch["parameters"]
    return (
        f"{batch['id']}: {parameters['num_simulations']:,} simulations of {parameters['interaction_size']:,} out of "
        f"{len(parameters['entity_ids']):,} entities, model {parameters['model']}, seed {parameters['seed']}"
    )


def _say(message: str) -> None:
    print(f"{_NAME}: {message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
