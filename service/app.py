"""The application: settings in, an ASGI application out."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from structlog import get_logger

from esim_jax import __version__
from service import __doc__ as summary
from service.batches.completed import CompletedTexts
from service.batches.durable import Engine
from service.batches.routes import router as batches
from service.db import Database
from service.entities.routes import router as entities
from service.envelope import install_handlers
from service.guard import Guard
from service.health import router as health
from service.llm.choose import choose_model
from service.logs import configure_logs
from service.settings import Settings
from service.slot import Slot

log = get_logger()


def create_app(settings: Settings | None = None) -> FastAPI:
    """The service as an ASGI application.

    Args:
        settings: by default from the environment, see `Settings`.

    Raises:
        pydantic.ValidationError: a setting is not allowed.

    Example: `uvicorn --factory service.app:create_app`.
    """
    settings = settings or Settings()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        configure_logs(settings.log_level)
        resources = ExitStack()
        try:
            await run_in_threadpool(_start, app, settings, resources)
            yield
        finally:
            await run_in_threadpool(resources.close)

    app = FastAPI(
        title="Dialogues between entities",
        description=summary or "",
        version=__version__,
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.settings = settings
    app.add_middleware(Guard, settings=settings)
    install_handlers(app)
    for router in (entities, batches, health):
        app.include_router(router)
    return app


def _start(app: FastAPI, settings: Settings, resources: ExitStack) -> None:
    """Opens everything in order; `resources` closes it in the opposite one."""
    in_progress = 2 * settings.llm_max_in_flight  # so that a call is ready whenever one ends
    database = Database(settings.database_url, pool_size=settings.database_connections)
    resources.callback(database.close)
    slot = Slot(database)
    resources.callback(slot.release)
    database.migrate()
    choice = choose_model(settings, resources)
    engine = Engine(database, slot, choice.model, in_progress)
    engine.start()
    resources.callback(engine.stop, settings.shutdown_grace)
    app.state.completed = CompletedTexts()
    app.state.database, app.state.choice, app.state.engine = database, choice, engine
    log.info("started", worker=slot.number, model=choice.model.name if choice.model else None, why_not=choice.why_not)
