"""The envelope of every answer: status and data, or status and message."""

from typing import Any, Generic, Literal, TypeVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Match
from structlog import get_logger

from service.db import DATABASE_AWAY
from service.texts import shown

T = TypeVar("T")
log = get_logger()


class Page(BaseModel):
    """Which part of a list was answered."""

    offset: int
    limit: int
    total: int


class Success(BaseModel, Generic[T]):
    """What was asked for."""

    status: Literal["success"] = "success"
    data: T


class SuccessPage(Success[T], Generic[T]):
    """One page of what was asked for."""

    page: Page


class Failure(BaseModel):
    """Why it can't be had: one sentence, and what to do."""

    status: Literal["error"] = "error"
    message: str


class ServiceError(Exception):
    """A request that can't be met, with the HTTP status and the sentence of its answer."""

    def __init__(self, status_code: int, message: str) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.message = message


def failure(status_code: int, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """An error in its envelope."""
    return JSONResponse(Failure(message=message).model_dump(), status_code, headers)


def install_handlers(app: FastAPI) -> None:
    """Puts every error into the envelope: those of the service, of routing, of validation, and of its own bugs."""

    @app.exception_handler(ServiceError)
    def refuse(_: Request, error: ServiceError) -> JSONResponse:
        return failure(error.status_code, error.message)

    @app.exception_handler(HTTPException)
    def refuse_route(request: Request, error: HTTPException) -> JSONResponse:
        message = str(error.detail)
        if error.status_code == 404:
            message = f"There is nothing at {request.url.path}; /docs lists what there is."
        elif error.status_code == 405:
            allowed = ", ".join(_methods_at(request))
            return failure(
                405, f"{request.method} is not allowed at {request.url.path}; allowed: {allowed}.", {"Allow": allowed}
            )
        elif error.status_code == 400 and error.__cause__ is not None:
            message = _unreadable(error.__cause__)
        return failure(error.status_code, message, dict(error.headers) if error.headers else None)

    @app.exception_handler(RequestValidationError)
    def refuse_content(_: Request, error: RequestValidationError) -> JSONResponse:
        return failure(422, " ".join(_sentence(problem) for problem in error.errors()[:5]))

    def wait_for_database(request: Request, error: Exception) -> JSONResponse:
        log.warning("database away", path=request.url.path, error=type(error).__name__)
        return failure(503, "The database does not answer: try again in a moment.", {"Retry-After": "1"})

    for away in DATABASE_AWAY:
        app.add_exception_handler(away, wait_for_database)

    @app.exception_handler(Exception)
    def admit(request: Request, error: Exception) -> JSONResponse:
        log.error("request failed", path=request.url.path, error=type(error).__name__, exc_info=error)
        return failure(500, "The service failed to answer; its log says why.")


def _methods_at(request: Request) -> list[str]:
    """What is allowed at a path by all routes together; the router itself tells of the first one only."""
    found = set()
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        scope = {**request.scope, "method": method}
        if any(route.matches(scope)[0] == Match.FULL for route in request.app.routes):
            found.add(method)
    return sorted(found)


def _unreadable(error: BaseException) -> str:
    """Why a body could not even be parsed."""
    if isinstance(error, RecursionError):
        return "The body can't be read: it is nested too deeply."
    return f"The body can't be read as JSON: {str(error).partition(';')[0]}."


def _sentence(problem: dict[str, Any]) -> str:
    """One validation problem, with the field, the value and what is allowed."""
    place = _escaped(".".join(str(part) for part in problem["loc"][1:]) or str(problem["loc"][0]))
    if problem["type"] == "json_invalid":
        return f"The body is not JSON: {problem['ctx']['error']} (at character {problem['loc'][-1]})."
    if problem["type"] == "missing":
        return f"{place} is required and missing."
    if problem["type"] == "extra_forbidden":
        return f"{place} is not a known field."
    if problem["type"] == "value_error":  # raised by the schemas themselves, as whole sentences
        return str(problem["ctx"]["error"])
    return f"{place} = {shown(problem.get('input'))}: {problem['msg'][:1].lower()}{problem['msg'][1:]}."


def _escaped(name: str) -> str:
    """A name that a client chose, without what can't be sent back, and not too long."""
    text = name.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
    return text if len(text) <= 200 else text[:197] + "..."


ERRORS: dict[int | str, dict[str, Any]] = {
    code: {"model": Failure, "description": description}
    for code, description in {
        400: "The request can't be met as it is",
        401: "The API key is missing or wrong",
        403: "Without an API key the service answers on the loopback address only",
        404: "There is no such thing",
        405: "The method is not allowed here",
        409: "The state of the thing does not allow it",
        413: "The body is too large",
        422: "A field is missing or not allowed",
        500: "The service failed",
        503: "No language model, or the database does not answer",
    }.items()
}
"""For OpenAPI: answers that any route may give."""
