"""Batches over HTTP, from a real process and a scripted model server."""

import json
import time
from collections.abc import Iterator
from itertools import combinations

import pytest
from scripted import ScriptedModel
from serving import Service


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedModel]:
    with ScriptedModel() as model:
        yield model


@pytest.fixture(scope="module")
def service(model: ScriptedModel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    database = f"sqlite:///{tmp_path_factory.mktemp('service')}/test.db"
    with Service(database, llm_base_url=model.base_url, llm_model="scripted", llm_max_retries=0) as service:
        yield service


@pytest.fixture(autouse=True)
def _as_new(model: ScriptedModel) -> None:
    model.reset()


@pytest.fixture(scope="module")
def ids(service: Service) -> list[str]:
    return service.make_entities("Ada", "Boole", "Cantor", "Dedekind")


def prompts(model: ScriptedModel) -> list[tuple[str, str]]:
    """System and user message of each call, in order."""
    return [tuple(message["content"] for message in request["messages"]) for request in model.requests()]


def test_everybody_speaks_once_a_turn(service, model, ids):
    batch = service.wait_for(
        service.make_batch(ids[:3], interaction_size=3, n_turns=2, simulation_rounds=2, language="Latin")
    )
    (simulation,) = batch["simulations"]
    names = [block.split(":")[0] for block in simulation["content"].split("\n\n")]
    assert names == ["Ada", "Boole", "Cantor"] * 4
    assert simulation["metadata"] == {"n_turns": 2, "simulation_rounds": 2, "final_turn_number": 4}
    assert simulation["interaction_type"] == "group"
    assert batch["counts"]["completed"] == batch["counts"]["total"] == 1
    assert batch["usage"]["calls"] == model.calls() == 12

    system, first = prompts(model)[0]
    assert "You are Ada." in system
    assert "A panel" in system
    assert "Latin" in system
    assert "begin" in first
    requests = model.requests()
    for number, (system, user) in enumerate(prompts(model)[1:], start=1):
        assert f"You are {names[number]}." in system
        for earlier in range(number):  # what was said before, all of it, in order; thoughts only one's own
            said, thought = (f"{word} {requests[earlier]['messages_hash'][:12]}" for word in ("I say", "I think of"))
            assert said in user
            assert (thought in user) == (names[earlier] == names[number])
    seeds = [request["seed"] for request in requests]
    assert len(set(seeds)) == 12


def test_parameters_reach_the_model_and_are_kept(service, model, ids):
    batch_id = service.make_batch(ids, model="other", temperature=0.25, max_tokens=33, metadata={"tags": ["é", 1]})
    batch = service.wait_for(batch_id)
    for request in model.requests():
        assert (request["model"], request["temperature"], request["max_tokens"]) == ("other", 0.25, 33)
    assert batch["metadata"] == {"tags": ["é", 1]}
    parameters = batch["parameters"]
    assert (parameters["model"], parameters["temperature"], parameters["max_tokens"]) == ("other", 0.25, 33)
    assert (parameters["seed"], parameters["prompt_version"], parameters["entity_ids"]) == (1, "v1", ids)


def test_the_same_seed_gives_the_same_dialogues(service, model, ids):
    first, second, other = (
        service.wait_for(service.make_batch(ids, num_simulations=5, seed=seed)) for seed in (7, 7, 8)
    )
    pairs = [[s["entity_ids"] for s in batch["simulations"]] for batch in (first, second, other)]
    assert pairs[0] == pairs[1] != pairs[2]
    assert len({tuple(pair) for pair in pairs[0]}) == 5
    requests = [(r["messages_hash"], r["seed"]) for r in model.requests()]
    assert sorted(requests[:10]) == sorted(requests[10:20])


def test_every_combination_then_replicates(service, ids):
    batch_id = service.make_batch(ids, num_simulations=14, on_excess="replicate")
    simulations = service.wait_for(batch_id)["simulations"]
    drawn = [(tuple(s["entity_ids"]), s["replicate"]) for s in simulations]
    assert {pair for pair, replicate in drawn[:6]} == set(combinations(ids, 2))
    assert [replicate for _, replicate in drawn] == [0] * 6 + [1] * 6 + [2] * 2
    message = service.post(
        "/api/batch-simulations",
        {"name": "x", "context": "x", "entity_ids": ids, "interaction_size": 2, "num_simulations": 7},
        422,
    )
    assert "6 combinations" in message


def test_preview(service, model, ids):
    body = {
        "name": "x", "context": "x" * 400, "entity_ids": ids, "interaction_size": 3, "num_simulations": 4,
        "n_turns": 2, "seed": 5,
    }  # fmt: skip
    preview = service.post("/api/batch-simulations/preview", body)
    assert (preview["combinations"], preview["model_calls"]) == (4, 4 * 3 * 2)
    assert model.calls() == 0
    simulations = service.wait_for(service.post("/api/batch-simulations", body, 201)["id"])["simulations"]
    assert [c["entity_ids"] for c in preview["first_combinations"]] == [s["entity_ids"] for s in simulations]
    # 100 tokens of context and some more for the rest, 6 times a simulation, and the transcripts
    assert 4 * (6 * 100 + 15 * 200) < preview["estimated_prompt_tokens"] < 4 * (6 * 350 + 15 * 200)
    assert preview["estimated_completion_tokens"] == 24 * 200


def test_unknown_entities_are_named(service, model, ids):
    body = {"name": "x", "context": "x", "entity_ids": [ids[0], "nobody"], "interaction_size": 1, "num_simulations": 1}
    assert "'nobody'" in service.post("/api/batch-simulations", body, 422)
    assert "'nobody'" in service.post("/api/batch-simulations/preview", body, 422)


def test_a_deleted_entity_stays_in_the_transcript(service, model):
    gone, stays = service.make_entities("Gödel", "Hilbert")
    batch_id = service.make_batch([gone, stays])
    before = service.wait_for(batch_id)
    service.delete(f"/api/entities/{gone}")
    assert service.batch(batch_id) == before
    assert "Gödel: *" in before["simulations"][0]["content"]


def test_a_failed_simulation_keeps_its_turns_and_says_why(service, model, ids):
    model.control(rules=[{"match": "You are Boole", "behaviour": {"kind": "status", "status": 400}}])
    batch = service.wait_for(service.make_batch(ids[:3], num_simulations=3))
    assert batch["status"] == "partial"
    assert (batch["counts"]["completed"], batch["counts"]["failed"]) == (1, 2)
    for simulation in batch["simulations"]:
        if ids[1] in simulation["entity_ids"]:
            assert simulation["status"] == "failed"
            assert "400" in simulation["error"]
            assert simulation["content"].count("Ada: ") == simulation["entity_ids"].count(ids[0])
        else:
            assert simulation["status"] == "completed"
            assert simulation["error"] is None


def test_all_failed(service, model, ids):
    model.control(rules=[{"match": "You are", "behaviour": {"kind": "status", "status": 401}}])
    batch = service.wait_for(service.make_batch(ids, num_simulations=3))
    assert batch["status"] == "failed"
    assert batch["usage"]["calls"] == model.calls() == 3


def test_retry_runs_only_what_failed(service, model, ids):
    model.control(rules=[{"match": "You are Boole", "behaviour": {"kind": "status", "status": 400}}])
    batch_id = service.make_batch(ids, num_simulations=6)
    before = service.wait_for(batch_id)
    assert before["status"] == "partial"
    missing = sum(2 - simulation["content"].count('"I say') for simulation in before["simulations"])
    model.reset()
    assert "3 simulations" in service.post(f"/api/batch-simulations/{batch_id}/retry")["message"]
    after = service.wait_for(batch_id)
    assert after["status"] == "completed"
    assert model.calls() == missing
    for old, new in zip(before["simulations"], after["simulations"], strict=True):
        assert new["content"].startswith(old["content"])
        assert new["error"] is None
    assert "no failed" in service.post(f"/api/batch-simulations/{batch_id}/retry", status=409)


def test_cancel_stops_within_a_turn(service, model, ids):
    model.control(latency=0.3)
    batch_id = service.make_batch(ids, num_simulations=6, n_turns=50)
    service.wait_for(batch_id, "in_progress")
    while model.calls() < 6:
        time.sleep(0.02)
    service.post(f"/api/batch-simulations/{batch_id}/cancel")
    at_cancel = model.calls()
    batch = service.batch(batch_id)
    assert batch["status"] == "cancelled"
    assert batch["counts"]["cancelled"] == 6
    time.sleep(1.0)
    assert model.calls() - at_cancel <= 6  # what was just about to be asked, once a simulation
    settled = model.calls()
    time.sleep(0.7)
    assert model.calls() == settled
    assert "no unfinished" in service.post(f"/api/batch-simulations/{batch_id}/cancel", status=409)
    kept = service.batch(batch_id)["simulations"]
    assert sum(s["content"].count('"I say') for s in kept) == settled

    model.control(latency=0.0)
    service.post(f"/api/batch-simulations/{batch_id}/retry")
    assert service.wait_for(batch_id)["status"] == "completed"
    assert model.calls() == 6 * 2 * 50


def test_a_running_batch_can_be_deleted(service, model, ids):
    model.control(latency=0.3)
    batch_id = service.make_batch(ids, num_simulations=6, n_turns=50)
    while model.calls() < 3:
        time.sleep(0.02)
    service.delete(f"/api/batch-simulations/{batch_id}")
    assert batch_id in service.get(f"/api/batch-simulations/{batch_id}", 404)
    time.sleep(0.7)
    settled = model.calls()
    time.sleep(0.7)
    assert model.calls() == settled
    assert service.delete(f"/api/batch-simulations/{batch_id}", 404)


def test_a_budget_of_calls_stops_cleanly(service, model, ids):
    batch_id = service.make_batch(ids, num_simulations=6, n_turns=2, budget={"max_calls": 11})
    batch = service.wait_for(batch_id)
    assert model.calls() == 11
    assert batch["status"] == "partial"
    assert batch["counts"]["failed"] >= 1
    assert all("budget" in s["error"] for s in batch["simulations"] if s["status"] == "failed")
    service.post(f"/api/batch-simulations/{batch_id}/retry", {"budget": {"max_calls": 24}})
    assert service.wait_for(batch_id)["status"] == "completed"
    assert model.calls() == 24


def test_a_budget_too_small_for_anything_is_partial_too(service, model, ids):
    batch = service.wait_for(service.make_batch(ids, n_turns=2, budget={"max_calls": 1}))
    assert batch["status"] == "partial"
    assert model.calls() == 1


def test_a_budget_of_tokens_stops_cleanly(service, model, ids):
    batch_id = service.make_batch(ids, num_simulations=6, n_turns=40, budget={"max_tokens": 5000})
    batch = service.wait_for(batch_id)
    used = batch["usage"]["prompt_tokens"] + batch["usage"]["completion_tokens"]
    assert batch["status"] == "partial"
    assert 5000 <= used < 5000 + 8 * 700  # calls in flight are finished
    assert "budget of tokens" in batch["simulations"][0]["error"]


def test_the_cache_answers_equal_calls(service, model, ids):
    plain = [service.wait_for(service.make_batch(ids, num_simulations=2, seed=99)) for _ in range(2)]
    assert model.calls() == 8
    cached = [service.wait_for(service.make_batch(ids, num_simulations=2, seed=99, cache=True)) for _ in range(2)]
    assert model.calls() == 12
    assert len({json.dumps([s["content"] for s in b["simulations"]]) for b in (*plain, *cached)}) == 1
    assert [batch["usage"]["calls"] for batch in cached] == [4, 0]


def test_the_cache_never_answers_across_replicates(service, model, ids):
    batch_id = service.make_batch(ids[:2], num_simulations=3, seed=98, cache=True, on_excess="replicate")
    service.wait_for(batch_id)
    assert model.calls() == 6


def test_what_happens_is_told_while_it_runs(service, model, ids):
    model.control(latency=0.2)
    batch_id = service.make_batch(ids, num_simulations=3, n_turns=3)
    told: list[tuple[str, dict]] = []
    url = f"/api/batch-simulations/{batch_id}/events"
    with service.http.stream("GET", url) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        kind = ""
        for line in answer.iter_lines():
            if line.startswith("event:"):
                kind = line.removeprefix("event:").strip()
            elif line.startswith("data:"):
                told.append((kind, json.loads(line.removeprefix("data:"))))
    assert told[-1] == ("status", {"batch_id": batch_id, "status": "completed"})
    assert [data["status"] for kind, data in told if kind == "status"][-2:] == ["in_progress", "completed"]
    done = [data["simulation_id"] for kind, data in told if kind == "simulation" and data["status"] == "completed"]
    assert len(done) == len(set(done)) == 3
    turns = [(data["simulation_id"], data["turns_done"]) for kind, data in told if kind == "turn"]
    assert len(turns) == len(set(turns)) >= 6
    assert {number for _, number in turns} >= {3}


def test_one_simulation_and_a_page_of_them(service, ids):
    batch_id = service.make_batch(ids, num_simulations=5)
    batch = service.wait_for(batch_id)
    page = service.get(f"/api/batch-simulations/{batch_id}?limit=2&offset=3")["simulations"]
    assert page == batch["simulations"][3:]
    one = batch["simulations"][0]
    assert service.get(f"/api/batch-simulations/{batch_id}/simulations/{one['id']}") == one
    assert "'nothing'" in service.get(f"/api/batch-simulations/{batch_id}/simulations/nothing", 404)


def test_metrics(service, ids):
    def count(name: str) -> float:
        lines = service.http.get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name))

    before = {name: count(name) for name in ("esim_utterances_total", "esim_model_requests_total")}
    service.wait_for(service.make_batch(ids, num_simulations=2))
    assert count("esim_utterances_total") - before["esim_utterances_total"] == 4
    assert count("esim_model_requests_total") - before["esim_model_requests_total"] == 4


def test_a_thousand_entities_in_tens_cost_nothing(service, model):
    rows = [{"name": f"Entity {number}"} for number in range(1000)]
    ids = service.post("/api/entities/import", rows, 201)["ids"]
    body = {"name": "x", "context": "x", "entity_ids": ids, "interaction_size": 10, "num_simulations": 500, "seed": 1}
    start = time.monotonic()
    preview = service.post("/api/batch-simulations/preview", body)
    assert preview["combinations"] == 263409560461970212832400
    batch_id = service.make_batch(ids, interaction_size=10, num_simulations=500)
    assert time.monotonic() - start < 5
    service.post(f"/api/batch-simulations/{batch_id}/cancel")
    drawn = [tuple(s["entity_ids"]) for s in service.batch(batch_id)["simulations"]]
    assert len(set(drawn)) == 500
    assert len(set(drawn[0])) == 10


@pytest.mark.slow
def test_a_model_server_that_is_away(tmp_path):
    with Service(
        f"sqlite:///{tmp_path}/test.db", llm_base_url="http://127.0.0.1:9/v1", llm_model="m", llm_max_retries=0
    ) as service:
        pair = service.make_entities("Ada", "Boole")
        batch = service.wait_for(service.make_batch(pair))
    assert batch["status"] == "failed"
    assert "can't be reached" in batch["simulations"][0]["error"]
