"""What stands before every route: who may ask, and how much may be sent."""

import hmac
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.envelope import failure
from service.settings import Settings, is_loopback

OPEN_PATHS = ("/healthz", "/readyz")
"""Answer without a key, for probes."""


class BodyTooLargeError(Exception):
    """A body went over the bound while it was read; the application may answer this as it likes, nobody hears it."""


class Guard:
    """ASGI middleware: an API key where one is set, a loopback address where none is, and a bound on bodies."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.key = settings.api_key.get_secret_value() if settings.api_key else None
        self.max_body_bytes = settings.max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers for the application where the request may not reach it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        size, started = 0, False

        async def bounded_receive() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > self.max_body_bytes:
                raise BodyTooLargeError
            return message

        async def noted_send(message: Message) -> None:
            nonlocal started
            if started or size <= self.max_body_bytes:
                started = True
                await send(message)

        with suppress(BodyTooLargeError):
            await self.app(scope, bounded_receive, noted_send)
        if not started and size > self.max_body_bytes:
            await self._too_large()(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers) -> ASGIApp | None:
        if scope["path"] not in OPEN_PATHS:
            if self.key is not None:
                if not hmac.compare_digest(_given_key(headers).encode(), self.key.encode()):
                    return failure(
                        401,
                        "The API key is missing or wrong: send it as Authorization: Bearer KEY.",
                        {"WWW-Authenticate": "Bearer"},
                    )
            elif not (is_loopback(_client(scope)) and is_loopback(_host_name(headers))):
                # the host too, which stops pages of other sites that point a name of theirs at this machine
                return failure(403, "Without an API key the service answers on the loopback address only.")
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self.max_body_bytes:
            return self._too_large()
        return None

    def _too_large(self) -> ASGIApp:
        return failure(413, f"The body is larger than {self.max_body_bytes} bytes (SERVICE_MAX_BODY_BYTES).")


def _given_key(headers: Headers) -> str:
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "")


def _client(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else "localhost"  # a Unix socket has no address


def _host_name(headers: Headers) -> str:
    host = headers.get("host", "").lower()
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
