"""Routes of batches."""

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy.orm import Session
from sse_starlette import EventSourceResponse

from service.batches import store
from service.batches.completed import CompletedTexts
from service.batches.durable import Engine
from service.batches.events import batch_events
from service.batches.export import FORMATS, Format, export
from service.batches.present import batch_data, simulation_data
from service.batches.preview import preview
from service.batches.schemas import BatchData, Message, NewBatch, Preview, Retry, SimulationData, Started
from service.batches.tables import Batch
from service.dialogue.messages import Persona
from service.entities.store import find_entities
from service.entities.tables import Entity
from service.envelope import ERRORS, Page, ServiceError, Success, SuccessPage
from service.llm.choose import Choice
from service.requests import TheDatabase, ThePage, TheSettings
from service.settings import Settings

router = APIRouter(prefix="/api/batch-simulations", tags=["batch simulations"], responses=ERRORS)
BatchId = Annotated[str, Path(max_length=64)]


@router.post("", status_code=201)
def create(new: NewBatch, request: Request, database: TheDatabase, settings: TheSettings) -> Success[Started]:
    """Makes a batch and starts it."""
    choice: Choice = request.app.state.choice
    if choice.model is None:
        raise ServiceError(503, choice.why_not or "There is no language model.")
    if new.model and choice.only_name and new.model != choice.only_name:
        raise ServiceError(422, f"model = {new.model!r} is not there; the local model is {choice.only_name!r}.")
    _check_bounds(new, settings)
    seed = store.chosen_seed(new)
    drawn = store.draw_combinations(new, seed)
    with database.transaction() as session:
        batch = store.make_batch(session, new, _entities(session, new), drawn, seed, choice.model.name)
    _engine(request).run_batch(batch.id, batch.attempt)
    return Success(data=Started(id=batch.id, message="Batch simulation started"))


@router.post("/preview")
def look_ahead(new: NewBatch, database: TheDatabase, settings: TheSettings) -> Success[Preview]:
    """Tells what a batch would be and cost; nothing is made."""
    _check_bounds(new, settings)
    with database.transaction() as session:
        entities = _entities(session, new)
        return Success(data=preview(new, [Persona(e.id, e.name, e.description, e.attributes) for e in entities]))


@router.get("")
def list_all(
    database: TheDatabase,
    page: ThePage,
    include_simulations: Annotated[bool, Query(description="Whether to include all simulations of each batch")] = False,
) -> SuccessPage[list[BatchData]]:
    """Batches, the newest first."""
    with database.transaction() as session:
        batches, total = store.list_batches(session, page.limit, page.offset)
        ids = [batch.id for batch in batches]
        tallies, entity_ids = store.tallies(session, ids), store.entity_ids_of(session, ids)
        data = []
        for batch in batches:
            simulations = _simulations(session, batch) if include_simulations else None
            data.append(batch_data(batch, tallies[batch.id], entity_ids[batch.id], simulations))
    return SuccessPage(data=data, page=Page(offset=page.offset, limit=page.limit, total=total))


@router.get("/{batch_id}", response_model=Success[BatchData])
def get(
    batch_id: BatchId,
    request: Request,
    database: TheDatabase,
    include_simulations: Annotated[bool, Query(description="Whether to include the simulations")] = True,
    limit: Annotated[int | None, Query(ge=1, le=2**31, description="Simulations at most; by default all")] = None,
    offset: Annotated[int, Query(ge=0, le=2**31, description="Simulations to leave out first")] = 0,
) -> Response:
    """A batch with its simulations, as far as they are."""
    with database.transaction() as session:
        batch = _batch(session, batch_id)
        texts: CompletedTexts = request.app.state.completed
        simulations = texts.simulations(session, batch, limit, offset) if include_simulations else None
        tally = store.tallies(session, [batch_id])[batch_id]
        entity_ids = store.entity_ids_of(session, [batch_id])[batch_id]
        data = batch_data(batch, tally, entity_ids, None).model_dump_json()
    if simulations is not None:
        data = f'{data[:-1]},"simulations":[{",".join(simulations)}]}}'
    return Response(f'{{"status":"success","data":{data}}}', media_type="application/json")


@router.get("/{batch_id}/simulations/{simulation_id}")
def get_simulation(batch_id: BatchId, simulation_id: BatchId, database: TheDatabase) -> Success[SimulationData]:
    """One simulation."""
    with database.transaction() as session:
        batch = _batch(session, batch_id)
        simulation = store.simulation_of(session, batch_id, simulation_id)
        if simulation is None:
            raise ServiceError(404, f"There is no simulation {simulation_id!r} in the batch {batch_id!r}.")
        return Success(data=simulation_data(batch, simulation))


@router.delete("/{batch_id}")
def delete(batch_id: BatchId, request: Request, database: TheDatabase) -> Success[Message]:
    """Deletes a batch with all that was said in it; a running one is cancelled first."""
    with database.transaction() as session:
        batch = _batch(session, batch_id)
        attempt = batch.attempt
        stopped = store.cancel(session, batch)
        store.delete(session, batch_id)
    _engine(request).drop(stopped.waiting, attempt)
    return Success(data=Message(message=f"Batch simulation {batch_id} deleted successfully"))


@router.post("/{batch_id}/cancel")
def cancel(batch_id: BatchId, request: Request, database: TheDatabase) -> Success[Message]:
    """Stops a batch within one turn; what was said is kept."""
    with database.transaction() as session:
        batch = _batch(session, batch_id)
        stopped = store.cancel(session, batch)
        if not stopped.total:
            raise ServiceError(409, f"The batch {batch_id!r} has no unfinished simulation that could be cancelled.")
        attempt = batch.attempt
    _engine(request).drop(stopped.waiting, attempt)
    return Success(data=Message(message=f"Batch simulation {batch_id} cancelled; {stopped.total} simulations stopped"))


@router.post("/{batch_id}/retry")
def retry(
    batch_id: BatchId,
    request: Request,
    database: TheDatabase,
    changes: Annotated[Retry, Body()] = Retry(),  # noqa: B008 - a constant
) -> Success[Message]:
    """Runs the simulations again that failed or were cancelled, from where they stopped."""
    choice: Choice = request.app.state.choice
    if choice.model is None:
        raise ServiceError(503, choice.why_not or "There is no language model.")
    with database.transaction() as session:
        batch = _batch(session, batch_id)
        if store.has_unfinished(session, batch_id):
            raise ServiceError(409, f"The batch {batch_id!r} is still running: wait for its end, or cancel it first.")
        if changes.budget is not None:
            batch.max_calls, batch.max_total_tokens = changes.budget.max_calls, changes.budget.max_tokens
        number = store.reset_failed(session, batch)
        if number == 0:
            raise ServiceError(409, f"The batch {batch_id!r} has no failed or cancelled simulation to run again.")
        attempt = batch.attempt
    _engine(request).run_batch(batch_id, attempt)
    return Success(data=Message(message=f"Batch simulation {batch_id} runs {number} simulations again"))


@router.get(
    "/{batch_id}/events",
    response_class=EventSourceResponse,
    responses={200: {"content": {"text/event-stream": {}}}},
)
def events(batch_id: BatchId, database: TheDatabase) -> EventSourceResponse:
    """Server-sent events while the batch runs: `turn`, `simulation`, `status`, `deleted`."""
    with database.transaction() as session:
        _batch(session, batch_id)
    return EventSourceResponse(batch_events(database, batch_id))


@router.get(
    "/{batch_id}/export",
    response_class=StreamingResponse,
    responses={200: {"content": {kind.partition(";")[0]: {} for kind in FORMATS.values()}}},
)
def download(
    batch_id: BatchId,
    database: TheDatabase,
    format: Annotated[Format, Query(description="json, csv: by simulation; jsonl, parquet: by utterance")] = "json",
) -> StreamingResponse:
    """The batch as a file."""
    with database.transaction() as session:
        _batch(session, batch_id)
    return StreamingResponse(
        export(database, batch_id, format),
        media_type=FORMATS[format],
        headers={"Content-Disposition": f'attachment; filename="{batch_id}.{format}"'},
    )


def _engine(request: Request) -> Engine:
    return request.app.state.engine


def _batch(session: Session, batch_id: str) -> Batch:
    batch = session.get(Batch, batch_id) if "\0" not in batch_id else None
    if batch is None:
        raise ServiceError(404, f"There is no batch {batch_id!r}.")
    return batch


def _simulations(session: Session, batch: Batch) -> list[SimulationData]:
    return [simulation_data(batch, found) for found in store.simulations_of(session, batch.id)]


def _entities(session: Session, new: NewBatch) -> list[Entity]:
    found = find_entities(session, new.entity_ids)
    missing = [entity_id for entity_id in new.entity_ids if entity_id not in found]
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        names = ", ".join(repr(entity_id) for entity_id in missing[:5])
        raise ServiceError(422, f"entity_ids names unknown entities: {names}{more}. Create them first.")
    return [found[entity_id] for entity_id in new.entity_ids]


def _check_bounds(new: NewBatch, settings: Settings) -> None:
    utterances = new.interaction_size * new.n_turns * new.simulation_rounds
    bounds: list[tuple[str, int, int, str]] = [
        ("entity_ids", len(new.entity_ids), settings.max_entities_per_batch, "SERVICE_MAX_ENTITIES_PER_BATCH"),
        (
            "num_simulations",
            new.num_simulations,
            settings.max_simulations_per_batch,
            "SERVICE_MAX_SIMULATIONS_PER_BATCH",
        ),
        ("context", len(new.context), settings.max_text_length, "SERVICE_MAX_TEXT_LENGTH"),
        ("description", len(new.description), settings.max_text_length, "SERVICE_MAX_TEXT_LENGTH"),
        ("metadata", len(str(new.metadata)), settings.max_text_length, "SERVICE_MAX_TEXT_LENGTH"),
    ]
    for field, size, bound, setting in bounds:
        if size > bound:
            raise ServiceError(422, f"{field} has a size of {size}; allowed are {bound} at most ({setting}).")
    if utterances > settings.max_utterances_per_simulation:
        raise ServiceError(
            422,
            f"interaction_size x n_turns x simulation_rounds = {utterances} utterances in a simulation; allowed are "
            f"{settings.max_utterances_per_simulation} at most (SERVICE_MAX_UTTERANCES_PER_SIMULATION).",
        )
