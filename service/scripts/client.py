"""The service over HTTP: its data, or one sentence that says why there are none."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

from esim_jax.errors import InputError
from service.settings import is_loopback

_READ_TIMEOUT = 300.0  # seconds; a batch of ten thousand simulations takes a while to be made
_AWAY = (502, 503, 504)


class RefusedError(Exception):
    """The service answered that it won't; the message is its sentence."""


class UnreachableError(Exception):
    """The service did not answer."""


class Client:
    """A connection to the service.

    Args:
        url: http://... or https://..., with or without a path.
        api_key: None where the service needs none.

    Raises:
        InputError: the address or the key is not one.
    """

    def __init__(self, url: str, api_key: str | None) -> None:
        self.url = read_url(url)
        if api_key and not (api_key.isascii() and api_key.isprintable()):
            raise InputError("The API key has characters that can't be sent: give it as it was made.")
        self._http = httpx2.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=httpx2.Timeout(10.0, read=_READ_TIMEOUT),
            trust_env=not is_loopback(self.url.host),  # no proxy leads to this machine
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def get(self, path: str, **query: str | int | bool) -> Any:
        """What is at a path."""
        return self._data(self._http.build_request("GET", path, params=query))

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """What comes of sending an object."""
        # as ASCII, so that even half of a surrogate pair arrives and is refused in a sentence
        return self.post_file(path, json.dumps(body).encode(), "application/json")

    def post_file(self, path: str, content: bytes, kind: str) -> Any:
        """What comes of sending a file of a media type."""
        return self._data(self._http.build_request("POST", path, content=content, headers={"Content-Type": kind}))

    def delete(self, path: str) -> Any:
        """What comes of deleting what is at a path."""
        return self._data(self._http.build_request("DELETE", path))

    def download(self, path: str, destination: Path, **query: str) -> None:
        """Writes what is at a path into a file."""
        with (
            self._answer(self._http.build_request("GET", path, params=query)) as answer,
            destination.open("wb") as file,
        ):
            for piece in answer.iter_bytes():
                file.write(piece)

    def _data(self, request: httpx2.Request) -> Any:
        with self._answer(request) as answer:
            try:
                return json.loads(answer.read())["data"]
            except (ValueError, KeyError, TypeError):
                raise RefusedError(self._strange(answer)) from None

    @contextmanager
    def _answer(self, request: httpx2.Request) -> Iterator[httpx2.Response]:
        try:
            answer = self._http.send(request, stream=True)
            try:
                if not answer.is_success:
                    raise self._problem(answer)
                yield answer
            finally:
                answer.close()
        except httpx2.HTTPError as error:
            raise UnreachableError(f"{self.shown} does not answer ({error or type(error).__name__}).") from error

    def _problem(self, answer: httpx2.Response) -> Exception:
        try:
            return RefusedError(str(json.loads(answer.read())["message"]))
        except (ValueError, KeyError, TypeError):
            return (UnreachableError if answer.status_code in _AWAY else RefusedError)(self._strange(answer))

    def _strange(self, answer: httpx2.Response) -> str:
        return (
            f"{self.shown} answers {answer.request.url.path} with status {answer.status_code} and not as the service "
            "does: check the address."
        )

    @property
    def shown(self) -> str:
        """The address as it may be shown: without user and password."""
        return f"{self.url.scheme}://{self.url.netloc.decode()}"


def read_url(text: str) -> httpx2.URL:
    """The address of a server.

    >>> read_url("http://localhost:8000/api")
    URL('http://localhost:8000/api')

    Raises:
        InputError: it is none.
    """
    try:
        url = httpx2.URL(text)
    except httpx2.InvalidURL:
        url = httpx2.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        raise InputError("--server is not an address: give it like http://127.0.0.1:8000.")
    return url
