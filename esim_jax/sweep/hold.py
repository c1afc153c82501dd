"""Holding the elections of a sweep that are missing: alone, or as one of several processes that share it."""

import warnings
from collections.abc import Callable, Sequence

from esim_jax.chunks import Span
from esim_jax.errors import EsimError
from esim_jax.sweep.compiled import CompiledSweep
from esim_jax.sweep.kept import MemoryRows
from esim_jax.sweep.own import OwnModelSweep
from esim_jax.sweep.progress import progress_bar
from esim_jax.sweep.run_dir import RunDirectory
from esim_jax.sweep.session import LostProcessError, Session
from esim_jax.sweep.spans import share

Sweep = CompiledSweep | OwnModelSweep


def hold(sweep: Sweep, kept: MemoryRows | RunDirectory, show: bool) -> int:
    """Holds what `kept` does not have, and keeps it there.

    Args:
        sweep: all elections.
        kept: those that were held; a run directory is open, and is closed.
        show: whether to show a progress bar.

    Returns:
        How many simulations were there already.
    """
    missing, n = kept.missing(), len(sweep.design)
    reused = n - _count(missing)
    try:
        _compute(sweep, kept, missing, n, reused, show)
    finally:
        kept.finish()
    return reused


def hold_share(
    sweep: Sweep, directory: RunDirectory, session: Session, open_first: Callable[[], None], common: bool, show: bool
) -> int:
    """Holds this process's share; the first then waits for the others and reads what they have written.

    Args:
        sweep: all elections.
        directory: shared by the processes.
        session: of the processes, for this one time.
        open_first: opens the directory, which the first process does.
        common: whether the runs of a number go to one process, for they have the same electorates.
        show: whether to show a progress bar, and to tell which process was lost.

    Returns:
        How many simulations were there already.

    Raises:
        LostProcessError: a process was lost, and what it should have computed is missing.
    """
    processes = session.processes
    with session:
        if processes.first:
            try:
                open_first()
            except EsimError as error:
                session.refuse(error)
                raise
            session.begin(directory.describe())
        else:
            directory.take_part(session.await_begin())
        missing = directory.missing()
        mine = share(missing, processes.number, processes.count, common)
        try:
            _compute(sweep, directory, mine, _count(mine), 0, show, session)
            directory.flush()
            if processes.first:
                _merge(directory, session, len(sweep.design))
        finally:
            directory.finish()
        if not processes.first:
            session.done(directory.names)
    return len(sweep.design) - _count(missing)


def _compute(
    sweep: Sweep,
    kept: MemoryRows | RunDirectory,
    spans: Sequence[Span],
    total: int,
    done: int,
    show: bool,
    session: Session | None = None,
) -> None:
    """Holds these elections, under a bar that shows how many of how many are done."""
    with progress_bar(total, show, done) as progress:
        for rows in sweep.compute(spans) if spans else ():
            kept.add(rows)
            progress(rows.height)
            if session is not None:
                _tell_lost(session)


def _merge(directory: RunDirectory, session: Session, n: int) -> None:
    """Waits for the other processes, and reads what they have written."""
    directory.look_again(session.await_others())
    _tell_lost(session)
    if directory.missing():
        raise LostProcessError(
            f"The sweep is not complete, for it lost {_list(sorted(session.lost))} of {session.processes.count}; "
            f"{directory.n_kept:,} of {n:,} simulations are kept in {str(directory.path)!r}: continue with --resume "
            "(in Python resume=True), in any number of processes."
        )


def _tell_lost(session: Session) -> None:
    """Told at once: there may be hours to go."""
    for sentence in session.news():
        warnings.warn(f"{sentence} What it has finished is kept.", RuntimeWarning, stacklevel=6)


def _count(spans: Sequence[Span]) -> int:
    """Simulations."""
    return sum(span.stop_run - span.first_run for span in spans)


def _list(numbers: Sequence[int]) -> str:
    """Processes by their numbers.

    >>> _list([1]), _list([1, 4])
    ('process 1', 'processes 1, 4')
    """
    return f"process{'es' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
