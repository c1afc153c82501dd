"""What routes ask of a request: the database, the settings, a page."""

from typing import Annotated

from fastapi import Depends, Query, Request

from service.db import Database
from service.envelope import ServiceError
from service.settings import Settings


def _settings(request: Request) -> Settings:
    return request.app.state.settings


def _database(request: Request) -> Database:
    return request.app.state.database


TheSettings = Annotated[Settings, Depends(_settings)]
TheDatabase = Annotated[Database, Depends(_database)]


_DEFAULT = 100


class PageRequest:
    """Which part of a list is asked for."""

    def __init__(
        self,
        settings: TheSettings,
        limit: Annotated[
            int | None,
            Query(ge=1, description=f"How many at most; by default {_DEFAULT}, or fewer where less is allowed"),
        ] = None,
        offset: Annotated[int, Query(ge=0, le=2**31, description="How many to leave out first")] = 0,
    ) -> None:
        if limit is not None and limit > settings.max_page_size:
            raise ServiceError(
                422, f"limit = {limit} is more than {settings.max_page_size}: ask for several pages with offset."
            )
        self.limit = min(_DEFAULT, settings.max_page_size) if limit is None else limit
        self.offset = offset


ThePage = Annotated[PageRequest, Depends()]
