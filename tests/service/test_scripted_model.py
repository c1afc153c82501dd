"""The scripted model does what the tests of the service rely on."""

from __future__ import annotations

import json
import time
import urllib.error
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

openai = pytest.importorskip("openai")

from scripted import ScriptedModel  # noqa: E402 (nothing here runs without openai)


@pytest.fixture(scope="module")
def process() -> Iterator[ScriptedModel]:
    with ScriptedModel() as model:
        yield model


@pytest.fixture
def model(process: ScriptedModel) -> ScriptedModel:
    process.reset()
    return process


@pytest.fixture
def client(model: ScriptedModel) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=model.base_url, api_key="a-key", max_retries=0, timeout=10) as client:
        yield client


def ask(client: openai.OpenAI, text: str = "Good evening", **settings):
    return client.chat.completions.create(model="m1", messages=[{"role": "user", "content": text}], **settings)


def test_normal_answer(client):
    answer = ask(client)
    choice = answer.choices[0]
    thought, speech = choice.message.content.split("\n")
    assert thought.startswith("*")
    assert thought.endswith("*")
    assert speech.startswith('"')
    assert speech.endswith('"')
    assert (answer.model, choice.message.role, choice.finish_reason) == ("m1", "assistant", "stop")
    assert answer.usage.prompt_tokens == len("Good evening") // 4
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert ask(client).choices[0].message.content == choice.message.content
    assert ask(client, "Good morning").choices[0].message.content != choice.message.content


def test_models(client):
    assert [model.id for model in client.models.list()] == ["scripted"]


def test_requests_are_counted_and_remembered(model, client):
    before = time.time()
    ask(client, "one", temperature=0.5, max_tokens=7, seed=3)
    answer = ask(client, "two")
    first, second = model.requests()
    assert model.calls() == 2
    assert model.in_flight() == 0
    assert before <= first["time"] <= second["time"] <= time.time()
    assert first["messages"] == [{"role": "user", "content": "one"}]
    assert [first[key] for key in ("model", "temperature", "max_tokens", "seed")] == ["m1", 0.5, 7, 3]
    assert first["authorization"] == "Bearer a-key"
    assert second["messages_hash"] in answer.choices[0].message.content
    model.reset()
    assert (model.calls(), model.requests(), model.max_in_flight()) == (0, [], 0)


def test_statuses_come_in_turn_and_then_normal_answers(model, client):
    model.control(
        behaviours=[{"kind": "status", "status": 429, "retry_after": "1"}, {"kind": "status", "status": 503}],
    )
    with pytest.raises(openai.RateLimitError) as limited:
        ask(client)
    assert limited.value.response.headers["retry-after"] == "1"
    with pytest.raises(openai.InternalServerError) as failed:
        ask(client)
    assert failed.value.status_code == 503
    assert "retry-after" not in failed.value.response.headers
    assert ask(client).choices
    assert model.calls() == 3


@pytest.mark.parametrize("kind", ["cut", "refuse"])
def test_lost_connection(model, client, kind):
    model.control(behaviours=[{"kind": kind}])
    with pytest.raises(openai.APIConnectionError):
        ask(client)
    assert ask(client).choices


def test_malformed_answer(model, client):
    model.control(behaviours=[{"kind": "malformed"}])
    raw = client.chat.completions.with_raw_response.create(model="m1", messages=[])
    assert raw.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        raw.parse()
    assert ask(client).choices


def test_contents(model, client):
    model.control(behaviours=[{"kind": "empty"}, {"kind": "text", "content": "Hm."}, {"kind": "length"}])
    assert ask(client).choices == []
    assert ask(client).choices[0].message.content == "Hm."
    short = ask(client).choices[0]
    assert short.finish_reason == "length"
    assert ask(client).choices[0].message.content.startswith(short.message.content)


def test_rules_hold_for_every_matching_request_and_leave_the_queue(model, client):
    model.control(
        rules=[
            {"match": "Anna", "behaviour": {"kind": "text", "content": "I am Anna"}},
            {"match": "Bert", "behaviour": {"kind": "text", "content": "I am Bert"}},
        ],
        behaviours=[{"kind": "text", "content": "from the queue"}],
    )
    texts = ["You are Bert", "You are Anna", "You are Bert", "You are Carla"]
    contents = [ask(client, text).choices[0].message.content for text in texts]
    assert contents == ["I am Bert", "I am Anna", "I am Bert", "from the queue"]


def test_max_in_flight(model, client):
    model.control(latency=0.5)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: ask(client, str(number)), range(8)))
    assert model.max_in_flight() == 8
    assert model.in_flight() == 0


def test_a_call_whose_client_gave_up_is_not_in_flight(model, client):
    model.control(behaviours=[{"kind": "slow", "seconds": 60}])
    with pytest.raises(openai.APITimeoutError):
        ask(client, timeout=0.2)
    deadline = time.monotonic() + 10
    while model.in_flight() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert model.in_flight() == 0


@pytest.mark.parametrize("order", [{"behaviors": []}, {"behaviours": [{"kind": "cutt"}]}, {"rules": [{"match": "x"}]}])
def test_a_misspelt_script_is_refused(model, order):
    with pytest.raises(urllib.error.HTTPError) as refused:
        model.control(**order)
    refused.value.close()
    assert refused.value.code == 400
