"""How the service treats a model server: what is asked again, what is not, and how fast."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from scripted import ScriptedModel

from service.llm.model import Answer, Call, LanguageModel, ModelError
from service.settings import Settings

CALL = Call("m", [{"role": "user", "content": "Speak."}], 0.5, 50, 7)


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedModel]:
    with ScriptedModel() as server:
        yield server


@pytest.fixture(autouse=True)
def _as_new(server: ScriptedModel) -> None:
    server.reset()


def ask(server: ScriptedModel, call: Call = CALL, **settings: object) -> Answer:
    model = LanguageModel(Settings(**{"llm_max_retries": 3, "llm_timeout": 5, **settings}), server.base_url, "key", "m")
    try:
        return model.ask(call)
    finally:
        model.close()


def test_an_answer(server):
    answer = ask(server)
    (request,) = server.requests()
    assert (request["model"], request["temperature"], request["max_tokens"], request["seed"]) == ("m", 0.5, 50, 7)
    assert request["authorization"] == "Bearer key"
    assert request["messages_hash"] in answer.text
    assert (answer.model, answer.finish_reason, answer.attempts) == ("m", "stop", 1)
    assert answer.prompt_tokens > 0
    assert answer.completion_tokens > 0


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
def test_what_may_succeed_later_is_asked_again(server, status):
    server.control(behaviours=[{"kind": "status", "status": status}])
    assert ask(server).attempts == server.calls() == 2


@pytest.mark.parametrize("kind", ["refuse", "cut"])
def test_a_lost_connection_is_asked_again(server, kind):
    server.control(behaviours=[{"kind": kind}])
    assert ask(server).attempts == server.calls() == 2


def test_retry_after_is_honoured(server):
    server.control(behaviours=[{"kind": "status", "status": 429, "retry_after": "2"}])
    start = time.monotonic()
    assert ask(server).attempts == 2
    assert 2 <= time.monotonic() - start < 4


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_what_cannot_succeed_is_not(server, status):
    server.control(behaviours=[{"kind": "status", "status": status}])
    with pytest.raises(ModelError, match=f"answered {status}") as failed:
        ask(server)
    assert failed.value.attempts == server.calls() == 1


def test_giving_up_tells_how_often_it_was_tried(server):
    server.control(behaviours=[{"kind": "status", "status": 503}] * 3)
    with pytest.raises(ModelError, match="answered 503") as failed:
        ask(server, llm_max_retries=1)
    assert failed.value.attempts == server.calls() == 2


@pytest.mark.parametrize(
    ("behaviour", "sentence"),
    [
        ({"kind": "malformed"}, "can't be read"),
        ({"kind": "empty"}, "without any text"),
        ({"kind": "text", "content": "  "}, "without any text"),
    ],
)
def test_an_answer_that_is_none(server, behaviour, sentence):
    server.control(behaviours=[behaviour])
    with pytest.raises(ModelError, match=sentence):
        ask(server)
    assert server.calls() == 1


def test_a_silent_server_is_left(server):
    server.control(behaviours=[{"kind": "slow", "seconds": 30}])
    start = time.monotonic()
    with pytest.raises(ModelError, match="did not answer in time"):
        ask(server, llm_timeout=0.5, llm_max_retries=0)
    assert time.monotonic() - start < 5


def test_an_unreachable_server():
    model = LanguageModel(Settings(llm_max_retries=0), "http://127.0.0.1:9/v1", None, "m")
    with pytest.raises(ModelError, match="can't be reached"):
        model.ask(CALL)
    model.close()


def test_a_truncated_answer_is_kept(server):
    server.control(behaviours=[{"kind": "length"}])
    assert ask(server).finish_reason == "length"


def ask_thrice(model: LanguageModel) -> None:
    with suppress(ModelError):  # the last call waits until after the server's end
        for _ in range(3):
            model.ask(CALL)


@pytest.mark.parametrize(
    ("limits", "at_once"),
    [
        ({"llm_requests_per_minute": 2}, 2),
        ({"llm_tokens_per_minute": 100}, 1),  # 50 for the answer and some for the question: two do not fit
    ],
)
def test_a_minute_has_so_many(server, limits, at_once):
    """What does not fit into this minute waits for the next one; here it is left waiting."""
    model = LanguageModel(Settings(**limits), server.base_url, "key", "m")
    thread = threading.Thread(target=ask_thrice, args=(model,), daemon=True)
    thread.start()
    thread.join(1.5)
    assert thread.is_alive()
    assert server.calls() == at_once


def test_calls_in_flight(server):
    server.control(latency=0.1)
    model = LanguageModel(Settings(llm_max_in_flight=3), server.base_url, "key", "m")
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: model.ask(CALL), range(12)))
    model.close()
    assert len(answers) == server.calls() == 12
    assert server.max_in_flight() == 3
