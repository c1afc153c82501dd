"""`python -m service`: the service on one port, as the environment says."""

import os
import sys

import uvicorn

from service.app import create_app
from service.startup import Remembering, StartError, read_settings


def main() -> None:
    """Serves until it is told to stop; what keeps it from starting is one sentence and exit status 2."""
    try:
        settings = read_settings()
    except StartError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    app = Remembering(create_app(settings))
    config = uvicorn.Config(app, settings.host, settings.port, lifespan="on", log_level="critical", access_log=False)
    server = uvicorn.Server(config)
    try:
        server.run()
    except SystemExit:  # uvicorn's way to say that it did not start
        taken = f"SERVICE_HOST = {settings.host!r}, SERVICE_PORT = {settings.port} can't be bound: choose another port."
        print(app.reason if app.error else taken, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        pass
    sys.stdout.flush()
    # calls still in flight are asked again at the next start; waiting for their threads could take minutes
    os._exit(0)


if __name__ == "__main__":
    main()
