"""Durable execution: every simulation is a workflow of DBOS, which queues it and, after a crash, runs it again.

What a workflow knows and stores is in the service's own tables, utterance by utterance: whenever it is run again, it
goes on where the tables end. DBOS itself records no more than that there is something to do.
"""

import contextvars
import logging
import threading
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from dbos import DBOS, DBOSConfig, SetWorkflowID, WorkflowSerializationFormat
from structlog import get_logger

from service.batches.converse import converse
from service.batches.progress import fail
from service.batches.store import UNFINISHED
from service.batches.tables import Batch, Simulation
from service.db import DATABASE_AWAY, Database, chunks
from service.llm.model import LanguageModel
from service.slot import MAX_WORKERS, Slot

log = get_logger()

VERSION = "1"
"""Grows only when what a workflow is given changes; work of another version would wait for a worker of that version."""

QUEUE = "simulations"
_POLL = 0.2  # seconds
_PATROL = 5.0  # seconds between looks for work that nobody does
_ENDED = ["SUCCESS", "ERROR", "CANCELLED"]
_TIDIED = 2_000  # workflows in one look
_LOOK_EVERY = 100  # simulations, while they are put into the queue
_PAUSE = 1.0  # seconds between attempts while the database is away
_TAKEN_AWAY = ("DBOSAwaitedWorkflowCancelledError", "DBOSNonExistentWorkflowError")


class Stopping(BaseException):
    """Leaves a workflow as it is, to be taken up at the next start; no exception that would be its result."""


class _Running:
    """How many simulations are running in this process."""

    def __init__(self) -> None:
        self._number = 0
        self._changed = threading.Condition()

    def __enter__(self) -> None:
        with self._changed:
            self._number += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._number -= 1
            self._changed.notify_all()

    def wait_until_none(self, timeout: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._number == 0, timeout)


class Engine:
    """Runs the simulations of all batches, a number of them at a time.

    Args:
        database: migrated.
        slot: the number of this worker process.
        model: None where there is no language model: simulations then wait for a start that has one.
        at_a_time: simulations in this process.
    """

    def __init__(self, database: Database, slot: Slot, model: LanguageModel | None, at_a_time: int) -> None:
        self._database, self._slot, self._model = database, slot, model
        self._at_a_time = at_a_time
        self._stopping = threading.Event()
        self._running = _Running()
        self._patrol = threading.Thread(target=self._look_after_others, daemon=True)

    def start(self) -> None:
        """Starts to work, first of all on what an earlier process left."""
        config: DBOSConfig = {
            "name": "esim-service",
            "system_database_url": self._database.url.render_as_string(hide_password=False),
            "system_database_engine": self._database.engine,
            "application_version": VERSION,
            "executor_id": _executor(self._slot.number),
            "log_level": "ERROR",
        }
        DBOS(config=config)
        logging.getLogger("dbos").addFilter(self._is_news)
        self._register()
        if self._model is None:
            DBOS.listen_queues([])
        DBOS.launch()
        DBOS.register_queue(QUEUE, worker_concurrency=self._at_a_time, polling_interval_sec=_POLL)
        self._run_unfinished()
        self._patrol.start()

    def _register(self) -> None:
        """Names the workflows, under which their records are found again."""
        portable = WorkflowSerializationFormat.PORTABLE  # JSON: readable by any later version

        @DBOS.workflow(name="enqueue", max_recovery_attempts=None, serialization_type=portable)
        def enqueue(batch_id: str, attempt: int) -> str:
            return self._enqueue_batch(batch_id, attempt)

        @DBOS.workflow(name="simulate", max_recovery_attempts=None, serialization_type=portable)
        def simulate(simulation_id: str) -> str:
            return self._run_simulation(simulation_id)

        self._enqueue, self._simulate = enqueue, simulate

    def stop(self, grace: float) -> None:
        """Lets calls in flight end, for so many seconds at most; what is undone is done after the next start."""
        self._stopping.set()
        self._running.wait_until_none(grace)
        DBOS.destroy(workflow_completion_timeout_sec=0, destroy_registry=True)
        logging.getLogger("dbos").removeFilter(self._is_news)

    def _is_news(self, record: logging.LogRecord) -> bool:
        """Whether a line of DBOS's log tells of trouble: not while we stop, nor of what was taken away just begun."""
        error = record.exc_info[0] if record.exc_info else None
        return not self._stopping.is_set() and (error is None or error.__name__ not in _TAKEN_AWAY)

    def run_batch(self, batch_id: str, attempt: int) -> None:
        """Sees to it that the pending simulations of a batch are run; asking twice changes nothing."""
        with SetWorkflowID(_enqueueing(batch_id, attempt)):
            DBOS.start_workflow(self._enqueue, batch_id, attempt)

    def drop(self, simulation_ids: Sequence[str], attempt: int) -> None:
        """Takes cancelled simulations that have not begun out of the queue; running ones end by themselves."""
        for chunk in chunks([f"{simulation_id}.{attempt}" for simulation_id in simulation_ids]):
            DBOS.cancel_workflows(chunk)

    def _enqueue_batch(self, batch_id: str, attempt: int) -> str:
        # in a context of its own, so that DBOS keeps no account of children: enqueueing one twice changes nothing
        return contextvars.Context().run(self._put_into_queue, batch_id, attempt)

    def _put_into_queue(self, batch_id: str, attempt: int) -> str:
        for number, simulation_id in enumerate(self._waiting(batch_id)):
            if self._stopping.is_set():
                raise Stopping
            if number % _LOOK_EVERY == 0 and not self._is_wanted(batch_id, attempt):
                return "not wanted any more"
            with SetWorkflowID(f"{simulation_id}.{attempt}"):
                DBOS.enqueue_workflow(QUEUE, self._simulate, simulation_id)
        return "enqueued"

    def _waiting(self, batch_id: str) -> list[str]:
        with self._database.transaction() as session:
            in_order = sa.select(Simulation.id).order_by(Simulation.sequence_number)
            mine = Simulation.batch_id == batch_id, Simulation.status.in_(UNFINISHED)
            return list(session.scalars(in_order.where(*mine)))

    def _is_wanted(self, batch_id: str, attempt: int) -> bool:
        with self._database.transaction() as session:
            batch = session.get(Batch, batch_id)
            return batch is not None and batch.cancelled_at is None and batch.attempt == attempt

    def _run_simulation(self, simulation_id: str) -> str:
        assert self._model is not None  # noqa: S101 - without a model no queue is listened to
        with self._running:
            while not self._stopping.is_set():
                try:
                    if converse(self._database, self._model, simulation_id, self._stopping.is_set):
                        return "done"
                except DATABASE_AWAY as error:
                    log.warning("database away", simulation_id=simulation_id, error=type(error).__name__)
                    self._stopping.wait(_PAUSE)
                except Exception as error:
                    log.exception("simulation failed", simulation_id=simulation_id)
                    fail(self._database, simulation_id, f"The service failed: {type(error).__name__}.")
                    return "failed"
            raise Stopping

    def _unfinished(self) -> Sequence[Any]:
        with self._database.transaction() as session:
            return session.execute(
                sa.select(Batch.id, Batch.attempt).where(
                    Batch.cancelled_at.is_(None),
                    sa.exists().where(Simulation.batch_id == Batch.id, Simulation.status == "pending"),
                )
            ).all()

    def _run_unfinished(self) -> None:
        """Also what a worker stored, and had no time to start before it died."""
        for batch_id, attempt in self._unfinished():
            self.run_batch(batch_id, attempt)

    def _look_after_others(self) -> None:
        while not self._stopping.wait(_PATROL):
            try:
                self._slot.hold()
                self._take_over()
                self._run_unfinished()
                self._tidy()
            except Exception as error:  # the next round may succeed
                log.warning("patrol failed", error=type(error).__name__)

    def _take_over(self) -> None:
        """Puts the work of workers that died, and did not come back, into the queue again."""
        others = {workflow.executor_id for workflow in _pending()} - {_executor(self._slot.number)}
        for number in range(MAX_WORKERS):
            if _executor(number) not in others:
                continue
            with self._slot.taken_from_dead(number) as free:
                # looked up again: until the number was ours, its owner may have come back and have lost work to others
                left = [workflow.workflow_id for workflow in _pending(_executor(number))] if free else []
                if left:
                    DBOS.resume_workflows(left, queue_name=QUEUE)
                    log.info("took over", worker=number, simulations=len(left))

    def _tidy(self) -> None:
        """Deletes the records of workflows that ended: what came of them stands in the service's own tables."""
        ended = DBOS.list_workflows(status=_ENDED, limit=_TIDIED, load_input=False, load_output=False)
        # by its record a batch is known to be in the queue; without one it is put there again
        queued = {_enqueueing(batch_id, attempt) for batch_id, attempt in self._unfinished()}
        if names := [w.workflow_id for w in ended if w.status != "SUCCESS" or w.workflow_id not in queued]:
            DBOS.delete_workflows(names)


def _executor(number: int) -> str:
    return f"worker-{number}"


def _enqueueing(batch_id: str, attempt: int) -> str:
    return f"{batch_id}.{attempt}"


def _pending(executor: str | None = None) -> Sequence[Any]:
    return DBOS.list_workflows(status="PENDING", executor_id=executor, load_input=False, load_output=False)
