"""A scripted OpenAI-compatible model on loopback, for tests and load benchmarks.

python tests/service/scripted_model.py --port 0 [--latency 0.5]

A bare asyncio protocol rather than a web framework: under load the server shares the processor with what is measured.

POST /v1/chat/completions   an answer that depends on the messages alone, unless scripted otherwise
GET  /v1/models
GET  /control               what was received; ?requests=false leaves the list of requests out
POST /control               scripts the next answers; each key replaces what was set before:
    {"reset": true}             forgets counts, requests, behaviours and rules (done before the other keys)
    {"latency": 0.5}            seconds before every answer
    {"behaviours": [...]}       a queue, one for each request; normal answers follow
    {"rules": [{"match": "substring of a message", "behaviour": {...}}, ...]}
                                the first rule that matches wins, also over the queue, which it leaves as it is

Behaviours:
    {"kind": "status", "status": 429, "retry_after": "1"}   an error; retry_after may be left out
    {"kind": "text", "content": "..."}
    {"kind": "slow", "seconds": 30}                         a normal answer after so long, whatever the latency
    {"kind": "length"}                                      half of the content, finish_reason "length"
    {"kind": "empty"}                                       no choices
    {"kind": "malformed"}                                   status 200, but not JSON
    {"kind": "cut"}                                         half of the body, then the connection is closed
    {"kind": "refuse"}                                      the connection is closed without an answer
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import time
from collections import deque
from http import HTTPStatus
from typing import Any, cast

REMEMBERED = 5000

# The kinds of behaviour, and the key that each one cannot do without.
KINDS = {
    "status": "status",
    "text": "content",
    "slow": "seconds",
    "length": None,
    "empty": None,
    "malformed": None,
    "cut": None,
    "refuse": None,
}
NORMAL = {"kind": "normal"}


def text_of(messages: list[dict[str, Any]]) -> str:
    """All that the messages say; content in parts (a list) is taken as its JSON."""
    contents = (message.get("content") or "" for message in messages)
    return "\n".join(content if isinstance(content, str) else json.dumps(content) for content in contents)


def checked(behaviour: dict[str, Any]) -> dict[str, Any]:
    """A misspelt behaviour would make a test pass for the wrong reason, so it is refused."""
    kind = behaviour.get("kind")
    if kind not in KINDS:
        raise ValueError(f"unknown kind of behaviour: {kind!r}")
    needed = KINDS[kind]
    if needed is not None and needed not in behaviour:
        raise ValueError(f"behaviour {kind!r} needs {needed!r}")
    return behaviour


class Script:
    """What to answer, and what was asked."""

    def __init__(self, latency: float) -> None:
        self.latency = latency
        self.in_flight = 0
        self.reset()

    def reset(self) -> None:
        self.calls = 0
        self.max_in_flight = self.in_flight  # calls that are still open are not forgotten
        self.requests: deque[dict[str, Any]] = deque(maxlen=REMEMBERED)
        self.behaviours: deque[dict[str, Any]] = deque()
        self.rules: list[tuple[str, dict[str, Any]]] = []

    def control(self, order: dict[str, Any]) -> None:
        unknown = order.keys() - {"reset", "latency", "behaviours", "rules"}
        if unknown:
            raise ValueError(f"unknown keys: {sorted(unknown)}")
        # Everything is checked before anything is changed.
        behaviours = deque(checked(behaviour) for behaviour in order.get("behaviours", ()))
        rules = [(str(rule["match"]), checked(rule["behaviour"])) for rule in order.get("rules", ())]
        latency = float(order.get("latency", self.latency))
        if order.get("reset"):
            self.reset()
        self.latency = latency
        if "behaviours" in order:
            self.behaviours = behaviours
        if "rules" in order:
            self.rules = rules

    def state(self, with_requests: bool) -> dict[str, Any]:
        state: dict[str, Any] = {
            "calls": self.calls,
            "in_flight": self.in_flight,
            "max_in_flight": self.max_in_flight,
        }
        if with_requests:
            state["requests"] = list(self.requests)
        return state

    def received(self, request: dict[str, Any], authorization: str | None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Remember a call and choose what to do about it; the caller answers, then counts it out of flight."""
        messages = request["messages"]
        text = text_of(messages)
        digest = hashlib.sha256(json.dumps(messages, sort_keys=True).encode()).hexdigest()[:12]
        self.calls += 1
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        self.requests.append(
            {
                "time": time.time(),
                "model": request.get("model"),
                "messages": messages,
                "temperature": request.get("temperature"),
                "max_tokens": request.get("max_tokens"),
                "seed": request.get("seed"),
                "authorization": authorization,
                "messages_hash": digest,
            }
        )
        behaviour = next((behaviour for match, behaviour in self.rules if match in text), None)
        if behaviour is None:
            behaviour = self.behaviours.popleft() if self.behaviours else NORMAL
        return behaviour, self.completion(request.get("model"), text, digest, behaviour)

    def completion(self, model: str | None, text: str, digest: str, behaviour: dict[str, Any]) -> dict[str, Any]:
        content = f'*I think of {digest}*\n"I say {digest}"'
        finish_reason = "stop"
        if behaviour["kind"] == "text":
            content = behaviour["content"]
        elif behaviour["kind"] == "length":
            content = content[: len(content) // 2]
            finish_reason = "length"
        message = {"role": "assistant", "content": content}
        choice = {"index": 0, "message": message, "finish_reason": finish_reason, "logprobs": None}
        prompt_tokens, completion_tokens = len(text) // 4, len(content) // 4
        return {
            "id": f"chatcmpl-{self.calls}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": model,
            "choices": [] if behaviour["kind"] == "empty" else [choice],
            "usage": {
                "prompt_tokens": prompt_tokens,
                "completion_tokens": completion_tokens,
                "total_tokens": prompt_tokens + completion_tokens,
            },
        }


def error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "scripted_error", "param": None, "code": None}}


class Connection(asyncio.Protocol):
    """HTTP/1.1 as far as clients of JSON interfaces use it: keep-alive, and bodies with a Content-Length."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.buffer = bytearray()
        self.timer: asyncio.TimerHandle | None = None  # set while a call is in flight
        self.keep_alive = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        # A client that gave up does not wait any more, so its call must not count as in flight.
        if self.timer is not None:
            self.timer.cancel()
            self.done()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        self.read_requests()

    def read_requests(self) -> None:
        while self.timer is None and not self.transport.is_closing():
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            first, *lines = self.buffer[:end].decode("latin-1").split("\r\n")
            method, target, _ = first.split(" ")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            body_end = end + 4 + int(headers.get("content-length", 0))
            if len(self.buffer) < body_end:
                return
            body = bytes(self.buffer[end + 4 : body_end])
            del self.buffer[:body_end]
            self.keep_alive = headers.get("connection", "").lower() != "close"
            if "transfer-encoding" in headers:
                self.keep_alive = False  # where the body ends is unknown, so nothing after it can be read
                self.send(411, error("a Content-Length is needed"))
            else:
                self.route(method, target, headers, body)

    def route(self, method: str, target: str, headers: dict[str, str], body: bytes) -> None:
        path, _, query = target.partition("?")
        match method, path:
            case "POST", "/v1/chat/completions":
                self.chat(headers, body)
            case "GET", "/v1/models":
                model = {"id": "scripted", "object": "model", "created": 0, "owned_by": "tests"}
                self.send(200, {"object": "list", "data": [model]})
            case "GET", "/control":
                self.send(200, self.script.state(with_requests=query != "requests=false"))
            case "POST", "/control":
                try:
                    self.script.control(json.loads(body))
                except (ValueError, TypeError, KeyError, AttributeError) as problem:
                    self.send(400, error(f"{type(problem).__name__}: {problem}"))
                else:
                    self.send(200, self.script.state(with_requests=False))
            case _:
                self.send(404, error(f"no such endpoint: {method} {path}"))

    def chat(self, headers: dict[str, str], body: bytes) -> None:
        try:
            request = json.loads(body)
            if request.get("stream"):
                raise ValueError("streaming is not offered")
            behaviour, completion = self.script.received(request, headers.get("authorization"))
        except (ValueError, TypeError, KeyError, AttributeError) as problem:
            self.send(400, error(f"{type(problem).__name__}: {problem}"))
            return
        delay = behaviour["seconds"] if behaviour["kind"] == "slow" else self.script.latency
        self.timer = asyncio.get_running_loop().call_later(delay, self.answer, behaviour, completion)

    def answer(self, behaviour: dict[str, Any], completion: dict[str, Any]) -> None:
        self.done()
        match behaviour["kind"]:
            case "status":
                retry_after = behaviour.get("retry_after")
                extra = "" if retry_after is None else f"Retry-After: {retry_after}\r\n"
                self.send(behaviour["status"], error("scripted status"), extra)
            case "malformed":
                self.send_bytes(200, b'{"id": "chatcmpl-malformed", "choices": [')
            case "cut":
                body = json.dumps(completion).encode()
                self.transport.write(self.head(200, len(body)) + body[: len(body) // 2])
                self.transport.close()
            case "refuse":
                self.transport.close()
            case _:
                self.send(200, completion)
        self.read_requests()

    def done(self) -> None:
        self.timer = None
        self.script.in_flight -= 1

    def head(self, status: int, length: int, extra: str = "") -> bytes:
        try:
            phrase = HTTPStatus(status).phrase
        except ValueError:  # servers do send codes that no standard names
            phrase = "Scripted"
        connection = "" if self.keep_alive else "Connection: close\r\n"
        return (
            f"HTTP/1.1 {status} {phrase}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {length}\r\n{connection}{extra}\r\n"
        ).encode("latin-1")

    def send(self, status: int, document: dict[str, Any], extra: str = "") -> None:
        self.send_bytes(status, json.dumps(document).encode(), extra)

    def send_bytes(self, status: int, body: bytes, extra: str = "") -> None:
        self.transport.write(self.head(status, len(body), extra) + body)
        if not self.keep_alive:
            self.transport.close()


async def serve(port: int, latency: float) -> None:
    script = Script(latency)
    loop = asyncio.get_running_loop()
    # The usual backlog of 100 is short when a load test opens all its connections at once.
    server = await loop.create_server(lambda: Connection(script), "127.0.0.1", port, backlog=2048)
    print(f"listening on http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description="A scripted OpenAI-compatible model on loopback.")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before every answer")
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.port, arguments.latency))


if __name__ == "__main__":
    main()
