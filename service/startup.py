"""Starting under uvicorn, with a sentence where that fails."""

from typing import Any

from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp, Receive, Scope, Send

from service.envelope import ServiceError
from service.settings import Settings


class StartError(Exception):
    """The service can't start; the sentence says why."""


def read_settings(**own: Any) -> Settings:
    """The settings of the environment, and those given here before them.

    Raises:
        StartError: one of them is not allowed.
    """
    try:
        return Settings(**own)
    except ValidationError as error:
        raise StartError(" ".join(_sentence(problem) for problem in error.errors())) from None


def _sentence(problem: Any) -> str:
    if problem["type"] == "value_error":  # raised by the settings themselves, as whole sentences
        return str(problem["ctx"]["error"])
    return f"SERVICE_{'_'.join(map(str, problem['loc'])).upper()}: {problem['msg']}."


class Remembering:
    """An application whose failure to start can be told; uvicorn itself only logs it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.error: BaseException | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application's answer."""
        try:
            await self._app(scope, receive, send)
        except BaseException as error:
            if scope["type"] == "lifespan":
                self.error = error
            raise

    @property
    def reason(self) -> str:
        """Why it did not start."""
        if isinstance(self.error, ServiceError):
            return self.error.message
        first = (str(getattr(self.error, "orig", None) or self.error).splitlines() or [""])[0].rstrip(".")
        if isinstance(self.error, SQLAlchemyError | OSError):
            return f"The database can't be used: {first}; check SERVICE_DATABASE_URL."
        return f"The service did not start: {type(self.error).__name__}: {first}."
