"""Simulations of a user's own model, in a pool of processes."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from numbers import Real
from typing import Any, NamedTuple

import numpy as np


class Task(NamedTuple):
    """One simulation: its place in the sweep, its configuration and its seed."""

    place: int
    config: Mapping[str, Any]
    seed: int


class Answer(NamedTuple):
    """What a simulation gave: metrics, or the sentence that says why there are none."""

    place: int
    metrics: Mapping[str, float]
    error: str | None


def run_tasks(
    model_class: type, tasks: Iterable[Task], election_kwargs: Mapping[str, Any], n_jobs: int
) -> Iterator[Answer]:
    """Answers to all tasks, in the order in which they finish; one process runs them one after the other.

    A worker that dies takes down only the simulation that killed it: those that were running with it are run again,
    each in a process of its own. Tasks are taken as they are needed. Where the answers are no longer wanted, or the
    user interrupts, the workers are killed.
    """
    if n_jobs == 1:
        yield from (run_task(model_class, task, election_kwargs) for task in tasks)
        return
    from loky import ProcessPoolExecutor  # imported here, for the built-in model never needs it

    @contextmanager
    def executor(workers: int) -> Iterator[Any]:
        pool = ProcessPoolExecutor(max_workers=workers)
        try:
            yield pool
        except BaseException:  # the user interrupts, or nobody asks for more
            pool.shutdown(kill_workers=True)
            raise
        pool.shutdown()

    waiting = iter(tasks)
    exhausted = False
    while not exhausted:
        suspects: list[Task] = []
        running: dict[Future[Answer], Task] = {}
        with executor(n_jobs) as pool:
            while not suspects:
                for task in islice(waiting, 2 * n_jobs - len(running)):
                    running[pool.submit(run_task, model_class, task, election_kwargs)] = task
                if not running:
                    exhausted = True
                    break
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    task = running.pop(future)
                    answer = _collect(future, task)
                    if answer is None:
                        suspects = [task, *running.values()]
                        break
                    yield answer
        for task in suspects:
            with executor(1) as alone:
                answer = _collect(alone.submit(run_task, model_class, task, election_kwargs), task)
            yield answer or Answer(task.place, {}, "the worker process died")


def _collect(future: "Future[Answer]", task: Task) -> Answer | None:
    """The future's answer, or None where its worker died."""
    try:
        return future.result()
    except BrokenProcessPool:
        return None
    except Exception as error:  # such as a model or a value that can't be sent to another process
        return Answer(task.place, {}, _sentence(error))


def run_task(model_class: Callable[..., Any], task: Task, election_kwargs: Mapping[str, Any]) -> Answer:
    """Holds one election; whatever the user's model raises becomes part of the answer."""
    try:
        result = model_class(**task.config, seed=task.seed).run_election(**election_kwargs)
        if not isinstance(result, Mapping):
            return Answer(task.place, {}, f"run_election returned {type(result).__name__}; it must return a mapping")
        return Answer(task.place, dict(_numbers(result)), None)
    except Exception as error:  # the model is the user's: anything may come
        return Answer(task.place, {}, _sentence(error))


def _numbers(result: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """The entries that are single numbers."""
    for name, value in result.items():
        scalar = value.item() if isinstance(value, np.generic | np.ndarray) and np.ndim(value) == 0 else value
        if isinstance(scalar, Real):
            yield name, float(scalar)


def _sentence(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
