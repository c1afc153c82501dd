"""The service inside of this process, for commands that are given no server."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Any, NamedTuple

import uvicorn
from pydantic import SecretStr
from sqlalchemy import make_url

from esim_jax.errors import InputError
from service.app import create_app
from service.startup import Remembering, StartError, read_settings

_HOST = "127.0.0.1"
_LOOK = 0.02  # seconds between looks whether the service has started


class Embedded(NamedTuple):
    """How to reach the service, and the database it works on, shown without its password."""

    url: str
    api_key: str
    database: str


@contextmanager
def embedded_service(database_url: str | None) -> Iterator[Embedded]:
    """Runs the service on a free port of this machine for as long as the block runs.

    Args:
        database_url: instead of SERVICE_DATABASE_URL; all other settings come from the environment.

    Raises:
        InputError: it can't start; the sentence says why.
    """
    api_key = secrets.token_urlsafe()  # other users of the machine have no business here
    # simulations that fail are told of in the summary; the log must not tear the progress bar
    own: dict[str, Any] = {"host": _HOST, "port": 0, "api_key": SecretStr(api_key), "log_level": "error"}
    if database_url is not None:
        own["database_url"] = database_url
    try:
        settings = read_settings(**own)
    except StartError as error:
        raise InputError(str(error)) from None
    app = Remembering(create_app(settings))
    config = uvicorn.Config(app, _HOST, port=0, lifespan="on", log_config=None, log_level="critical", access_log=False)
    server = uvicorn.Server(config)
    thread = Thread(target=_serve, args=(server,), daemon=True)
    thread.start()
    while thread.is_alive() and not server.started:
        time.sleep(_LOOK)
    if not server.started:
        raise InputError(app.reason)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Embedded(f"http://{_HOST}:{port}", api_key, make_url(settings.database_url).render_as_string())
    finally:
        server.should_exit = True
        thread.join(settings.shutdown_grace + 5)


def _serve(server: uvicorn.Server) -> None:
    with suppress(SystemExit):  # raised where the service can't start, and of no use outside of the main thread
        server.run()
