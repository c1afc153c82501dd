"""A language model behind an OpenAI-compatible server."""

import re
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import httpx2
import openai
from pyrate_limiter import Duration, Limiter, Rate

from service.dialogue.messages import Message
from service.measures import IN_FLIGHT, MODEL_FAILURES, MODEL_REQUESTS, MODEL_SECONDS, TOKENS
from service.settings import Settings

CHARACTERS_PER_TOKEN = 4
"""A rule of thumb for texts in English, used where tokens are estimated before a call."""

EXPECTED_COMPLETION = 200
"""Tokens of an answer whose length is not limited, for estimates."""


_CODE = re.compile("[a-z_]{1,64}")


class Call(NamedTuple):
    """What a model is asked."""

    model: str
    messages: Sequence[Message]
    temperature: float | None
    max_tokens: int | None
    seed: int


class Answer(NamedTuple):
    """What a model said."""

    text: str
    model: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    latency: float  # seconds
    attempts: int  # requests, the retried ones included


class ModelError(Exception):
    """A call that was not answered: a sentence that says why, and how often it was tried."""

    def __init__(self, message: str, attempts: int) -> None:
        super().__init__(message)
        self.attempts = attempts


class LanguageModel:
    """A model server, with its limits.

    Calls in flight, requests and tokens per minute are limited for this process. What may succeed later (408, 409,
    429, 5xx, a lost connection, a timeout) is asked again by the `openai` client, which waits with jitter and honours
    Retry-After up to two minutes; nothing else is asked again.

    Args:
        settings: the limits and the number of retries.
        base_url: of the server, such as http://127.0.0.1:8080/v1.
        api_key: sent as a bearer token.
        name: the model that is asked where a call names none.
    """

    def __init__(self, settings: Settings, base_url: str, api_key: str | None, name: str) -> None:
        self.name = name
        self._timeout = settings.llm_timeout
        self._in_flight = threading.BoundedSemaphore(settings.llm_max_in_flight)
        self._requests = _per_minute(settings.llm_requests_per_minute)
        self._tokens = _per_minute(settings.llm_tokens_per_minute)
        self._tokens_bound = settings.llm_tokens_per_minute or 0
        self._this_thread = threading.local()
        self._client = openai.OpenAI(
            base_url=base_url,
            api_key=api_key or "none",
            timeout=settings.llm_timeout,
            max_retries=settings.llm_max_retries,
            http_client=openai.DefaultHttpxClient(
                limits=httpx2.Limits(max_connections=None, max_keepalive_connections=settings.llm_max_in_flight),
                event_hooks={"request": [self._before_request], "response": [self._before_reading]},
            ),
        )

    def ask(self, call: Call) -> Answer:
        """Asks, and waits for the answer.

        Raises:
            ModelError: there is none.
        """
        with self._in_flight, IN_FLIGHT.track_inprogress():
            self._this_thread.attempts = 0
            if self._tokens is not None:
                self._tokens.try_acquire("tokens", weight=min(estimated_tokens(call), self._tokens_bound))
            start = time.monotonic()
            try:
                # not chat.completions.create(): its types cost CPU time, and not all servers keep to them
                response = self._client.post("/chat/completions", body=_arguments(call), cast_to=httpx2.Response)
                completion = response.json()
            except (openai.OpenAIError, httpx2.HTTPError, ValueError) as error:
                MODEL_FAILURES.inc()
                raise ModelError(_sentence(error), self._this_thread.attempts) from error
            answer = _read(completion, call, time.monotonic() - start, self._this_thread.attempts)
        MODEL_SECONDS.observe(answer.latency)
        TOKENS.labels("prompt").inc(answer.prompt_tokens)
        TOKENS.labels("completion").inc(answer.completion_tokens)
        return answer

    def close(self) -> None:
        """Closes all connections."""
        self._client.close()

    def _before_request(self, _: httpx2.Request) -> None:
        if self._requests is not None:
            self._requests.try_acquire("requests")
        MODEL_REQUESTS.inc()
        self._this_thread.attempts += 1
        self._this_thread.deadline = time.monotonic() + self._timeout

    def _before_reading(self, response: httpx2.Response) -> None:
        stream: Any = response.stream
        response.stream = _Deadline(stream, self._this_thread.deadline, response.request)


class _Deadline(httpx2.SyncByteStream):
    """A body that must have arrived in time: the client's own limit is for each piece of it."""

    def __init__(self, stream: httpx2.SyncByteStream, deadline: float, request: httpx2.Request) -> None:
        self._stream, self._deadline, self._request = stream, deadline, request

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._stream:
            if time.monotonic() > self._deadline:
                raise httpx2.ReadTimeout("the answer came too slowly", request=self._request)
            yield piece

    def close(self) -> None:
        self._stream.close()


def estimated_tokens(call: Call) -> int:
    """Tokens that a call will take, estimated: its texts and the longest answer."""
    characters = sum(len(message["content"]) for message in call.messages)
    return characters // CHARACTERS_PER_TOKEN + (call.max_tokens or EXPECTED_COMPLETION)


def _per_minute(number: int | None) -> Limiter | None:
    return None if number is None else Limiter(Rate(number, Duration.MINUTE))


def _arguments(call: Call) -> dict[str, Any]:
    given = call._asdict()
    return {name: value for name, value in given.items() if value is not None}


def _read(completion: Any, call: Call, latency: float, attempts: int) -> Answer:
    """The answer, from a server that may not keep to the protocol."""
    try:
        choice = completion["choices"][0]
        text = choice["message"]["content"]
    except (KeyError, IndexError, TypeError):
        text = None
    if not isinstance(text, str) or not text.strip():
        raise ModelError("The model server answered without any text.", attempts)
    usage = completion.get("usage") or {}
    return Answer(
        text=text,
        model=str(completion.get("model") or call.model)[:200],
        finish_reason=str(choice.get("finish_reason") or "unknown")[:64],
        prompt_tokens=_count(usage, "prompt_tokens"),
        completion_tokens=_count(usage, "completion_tokens"),
        latency=latency,
        attempts=attempts,
    )


def _count(usage: Any, name: str) -> int:
    number = usage.get(name) if isinstance(usage, dict) else None
    return number if isinstance(number, int) and 0 <= number < 2**31 else 0


def _sentence(error: Exception) -> str:
    """Why a call failed, without anything of what was said."""
    match error:
        case openai.APITimeoutError():
            return "The model server did not answer in time."
        case openai.APIConnectionError():
            return f"The model server can't be reached: {type(error.__cause__ or error).__name__}."
        case openai.APIStatusError():
            # its code only, such as context_length_exceeded: its message may repeat the key or what was said
            code = error.code if error.code and _CODE.fullmatch(error.code) else error.response.reason_phrase
            return f"The model server answered {error.status_code}: {code}."
        case _:
            return f"The model server's answer can't be read: {type(error).__name__}."
