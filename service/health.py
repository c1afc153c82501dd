"""Routes for those who run the service: is it alive, is it ready, what has it done."""

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from service.envelope import ERRORS, ServiceError, Success
from service.llm.choose import Choice
from service.requests import TheDatabase

router = APIRouter(tags=["health"], responses=ERRORS)


class Health(BaseModel):
    """The state of this process."""

    model: str | None
    message: str


@router.get("/healthz")
def healthz(request: Request) -> Success[Health]:
    """Whether the process lives, and which language model it has."""
    choice: Choice = request.app.state.choice
    if choice.model is None:
        return Success(data=Health(model=None, message=choice.why_not or "There is no language model."))
    return Success(data=Health(model=choice.model.name, message="All is well."))


@router.get("/readyz")
def readyz(database: TheDatabase) -> Success[Health]:
    """Whether requests can be answered: the database is there."""
    try:
        with database.engine.connect() as connection:
            connection.execute(select(1))
    except SQLAlchemyError as error:
        raise ServiceError(503, f"The database does not answer: {type(error).__name__}.") from error
    return Success(data=Health(model=None, message="Ready."))


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics() -> Response:
    """Prometheus metrics of this worker process."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
