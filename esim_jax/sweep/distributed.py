"""Several processes, on one host or many, that share one sweep.

JAX brings them together (`jax.distributed`): it tells each its number, and how many they are, from what it is given or
from the cluster. Then they leave JAX's service again, before they compute: from now on each sees its own devices only,
and none can take another down with it. What they still have to say to each other goes through the run directory, see
`esim_jax.sweep.session`.
"""

import hashlib
import itertools
import os
import secrets
import threading
from typing import Any

import jax

from esim_jax.errors import InputError

COORDINATOR, PROCESSES, PROCESS_ID = "ESIM_JAX_COORDINATOR", "ESIM_JAX_PROCESSES", "ESIM_JAX_PROCESS_ID"
"""Variables that stand in for the arguments of `join`."""

_MOST = 2**16
_KEY = "esim_jax/team"
_BY_HAND = f"--coordinator HOST:PORT, --processes N and --process-id I ({COORDINATOR}, {PROCESSES}, {PROCESS_ID})"

_joined: "Processes | None" = None


class Processes:
    """The processes that share a sweep, as one of them sees them; `join` makes it.

    Args:
        number: of this process, from 0.
        count: of all.
        team: a name that these processes have in common with no others.
    """

    def __init__(self, number: int, count: int, team: str) -> None:
        self.number, self.count, self.team = number, count, team
        self._sweeps = itertools.count()

    def __repr__(self) -> str:
        return f"Processes({self.number} of {self.count})"

    @property
    def first(self) -> bool:
        """Whether this is the one that merges, exports and reports."""
        return self.number == 0

    def name_sweep(self) -> str:
        """A name for the next sweep, the same in all processes: they run the same sweeps in the same order."""
        return f"{self.team}-{next(self._sweeps)}"


def common_seed(sweep: str) -> int:
    """The seed of a sweep that was given none, below 2^53; the same in all processes, for its name is.

    >>> common_seed("a-0") == common_seed("a-0") != common_seed("a-1")
    True
    """
    return int.from_bytes(hashlib.blake2b(sweep.encode(), digest_size=8).digest()) >> 11


def join(
    coordinator: str | None = None,
    processes: int | str | None = None,
    process_id: int | str | None = None,
    *,
    timeout: float = 300.0,
) -> Processes:
    """Meets the other processes. Call it once in each of them, before anything is computed.

    What is not given is taken from the variables ESIM_JAX_COORDINATOR, ESIM_JAX_PROCESSES and ESIM_JAX_PROCESS_ID; what
    is not there either is found by JAX, which knows SLURM, Open MPI, Kubernetes and Cloud TPU.

    Args:
        coordinator: "HOST:PORT", an address of the first process that all others reach, and a port that is free there.
        processes: how many there are.
        process_id: this one's number, from 0; 0 is the first.
        timeout: seconds to wait for the others.

    Returns:
        To be given to `BatchRunner(..., distributed=)`.

    Raises:
        InputError: an argument is not allowed, there is no cluster, or the others did not come in time.
    """
    global _joined
    if _joined is None:
        _joined = _join(
            _read_address("coordinator", coordinator or os.environ.get(COORDINATOR) or None),
            _read_number("processes", processes, PROCESSES, 1),
            _read_number("process_id", process_id, PROCESS_ID, 0),
            timeout,
        )
    return _joined


def _read_address(name: str, given: str | None) -> str | None:
    if given is None:
        return None
    host, _, port = given.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 2**16:
        raise InputError(f"{name} = {given!r} is not allowed: it must be HOST:PORT, such as 'node1:5678'.")
    return given


def _read_number(name: str, given: int | str | None, variable: str, low: int) -> int | None:
    if given is None and not (given := os.environ.get(variable)):
        return None
    try:
        number = int(given) if isinstance(given, str) else given
    except ValueError:
        number = low - 1
    if not isinstance(number, int) or isinstance(number, bool) or not low <= number < _MOST:
        raise InputError(f"{name} = {given!r} is not allowed: it must be a whole number from {low} to {_MOST - 1}.")
    return number


def _join(coordinator: str | None, processes: int | None, process_id: int | None, timeout: float) -> Processes:
    if processes is not None and process_id is not None and process_id >= processes:
        raise InputError(
            f"process_id = {process_id} is not allowed with processes = {processes}: it must be from 0 to "
            f"{processes - 1}."
        )
    if processes == 1 and not jax.distributed.is_initialized():
        return Processes(0, 1, secrets.token_hex(8))
    from jax._src.distributed import global_state  # the number is wanted before JAX looks for its devices

    ours = not jax.distributed.is_initialized()  # a script may have called JAX itself; then it also ends it
    if ours:
        _initialise(coordinator, processes, process_id, timeout)
    client: Any = global_state.client
    number, n = global_state.process_id, global_state.num_processes
    if number == 0:
        client.key_value_set(_KEY, secrets.token_hex(8))
    team = client.blocking_key_value_get(_KEY, int(timeout * 1000))
    if ours:
        jax.distributed.shutdown()  # waits until all have come so far
    return Processes(number, n, team)


def _initialise(coordinator: str | None, processes: int | None, process_id: int | None, timeout: float) -> None:
    """Lets JAX do it, in a thread: it would abort the whole process where the others don't come."""
    outcome: list[Exception | None] = []

    def initialise() -> None:
        try:
            jax.distributed.initialize(coordinator, processes, process_id, initialization_timeout=int(timeout) + 3600)
        except Exception as error:
            outcome.append(error)
        else:
            outcome.append(None)

    thread = threading.Thread(target=initialise, daemon=True)
    thread.start()
    thread.join(timeout)
    if not outcome:
        raise InputError(
            f"Not all processes met at {coordinator or 'the coordinator'} within {timeout:g} seconds: start as many as "
            "--processes says, each with its own --process-id, and see that all reach the first."
        )
    error = outcome[0]
    if isinstance(error, ValueError):
        raise InputError(f"JAX finds no cluster here to join: give {_BY_HAND}.") from error
    if error is not None:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise InputError(
            f"The processes can't be brought together: {reason}; join them before anything is computed, at a port "
            "that is free on the first process's host."
        ) from error
