"""The OpenAPI document: what it promises is what is answered, whatever is asked."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from scripted import ScriptedModel
from serving import Service

from service.app import create_app
from service.settings import Settings

schemathesis = pytest.importorskip("schemathesis")
from schemathesis import GenerationMode  # noqa: E402
from schemathesis.checks import not_a_server_error  # noqa: E402
from schemathesis.specs.openapi.checks import (  # noqa: E402
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

# not whether bad data are refused: numbers in quotes are taken for numbers, and what goes together no schema can say
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]

PLACES = {"type_id", "entity_id", "batch_id", "simulation_id"}
METHODS = {"get", "post", "put", "patch", "delete"}
REPEATABLY = settings(
    max_examples=8, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
DOCUMENT = create_app(Settings()).openapi()
OPERATIONS = [found.ok() for found in schemathesis.openapi.from_dict(DOCUMENT).get_all_operations()]
ABOUT_SOMETHING = [
    operation for operation in OPERATIONS if "{" in operation.path and operation.method in ("get", "put", "patch")
]


def is_fallible(operation: Any) -> bool:
    """Whether a request can be wrong at all: any text may be in a path, but for its length."""
    definition = DOCUMENT["paths"][operation.path][operation.method]
    bounded = (
        parameter["in"] == "query" or "maxLength" in parameter["schema"]
        for parameter in definition.get("parameters", ())
    )
    return "requestBody" in definition or any(bounded)


FALLIBLE = [operation for operation in OPERATIONS if is_fallible(operation)]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """With bounds so small that no batch takes long."""
    bounds = {"max_simulations_per_batch": 4, "max_utterances_per_simulation": 4, "max_body_bytes": 100_000}
    with ScriptedModel() as model:
        chosen = {"llm_base_url": model.base_url, "llm_model": "scripted", **bounds}
        with Service(f"sqlite:///{tmp_path_factory.mktemp('openapi')}/service.db", **chosen) as service:
            yield service


@pytest.fixture(scope="module")
def document(service: Service) -> dict[str, Any]:
    answer = service.http.get("/openapi.json")
    assert answer.status_code == 200
    document: dict[str, Any] = answer.json()
    return document


@pytest.fixture(scope="module")
def there(service: Service) -> dict[str, str]:
    """Ids of what there is, one of a kind."""
    ids = service.make_entities("Ada", "Alan")
    batch_id = service.make_batch(ids)
    (simulation,) = service.wait_for(batch_id)["simulations"]
    type_id = service.post("/api/entity-types", {"name": "Voter"}, 201)["id"]
    return {"type_id": type_id, "entity_id": ids[0], "batch_id": batch_id, "simulation_id": simulation["id"]}


def answer_all(service: Service, cases: Any) -> None:
    @REPEATABLY
    @given(cases)
    def ask(case: Any) -> None:
        case.call_and_validate(base_url=str(service.http.base_url), checks=CHECKS)

    ask()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
def test_answers_to_what_is_allowed_are_as_documented(service: Service, operation: Any) -> None:
    answer_all(service, operation.as_strategy())


@pytest.mark.parametrize("operation", FALLIBLE, ids=lambda operation: operation.label)
def test_answers_to_what_is_not_allowed_are_as_documented(service: Service, operation: Any) -> None:
    answer_all(service, operation.as_strategy(generation_mode=GenerationMode.NEGATIVE))


@pytest.mark.parametrize("operation", ABOUT_SOMETHING, ids=lambda operation: operation.label)
def test_answers_about_what_there_is_are_as_documented(service: Service, operation: Any, there: dict[str, str]) -> None:
    def about_it(case: Any) -> Any:
        case.path_parameters = {name: there[name] for name in case.path_parameters}
        return case

    answer_all(service, operation.as_strategy().map(about_it))


def test_other_methods_are_refused(service: Service, document: dict[str, Any]) -> None:
    for path, methods in document["paths"].items():
        if path.endswith(("/preview", "/import")):  # by other methods these are ids
            continue
        for method in METHODS - methods.keys():
            answer = service.http.request(method, path.replace("{", "").replace("}", ""))
            assert answer.status_code == 405
            assert set(answer.headers["allow"].lower().split(", ")) == methods.keys() & METHODS


def test_the_pages_are_there(service: Service, document: dict[str, Any]) -> None:
    for path in ("/docs", "/redoc"):
        answer = service.http.get(path)
        assert answer.status_code == 200
        assert "/openapi.json" in answer.text
    assert document["openapi"].startswith("3.")
    assert document["info"]["title"]
    assert document["info"]["description"]


def test_every_operation_is_described(document: dict[str, Any]) -> None:
    operations = [
        (path, method, found) for path, methods in document["paths"].items() for method, found in methods.items()
    ]
    assert len(operations) >= 20
    ids = [operation["operationId"] for _, _, operation in operations]
    assert len(set(ids)) == len(ids)
    for path, method, operation in operations:
        assert method in METHODS
        assert operation["summary"], (path, method)
        assert operation["description"], (path, method)
        assert operation["tags"], (path, method)
        assert {parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "path"} == {
            name for name in PLACES if f"{{{name}}}" in path
        }
        for status, answer in operation["responses"].items():
            assert answer["content"], (path, method, status)
            assert answer["description"]
            if int(status) >= 400:
                content = answer["content"]["application/json"]
                assert content["schema"] == {"$ref": "#/components/schemas/Failure"}


def test_creation_has_an_example_that_works(service: Service, document: dict[str, Any]) -> None:
    (example,) = document["components"]["schemas"]["NewBatch"]["examples"]
    body = document["paths"]["/api/batch-simulations"]["post"]["requestBody"]["content"]["application/json"]
    assert body["schema"] == {"$ref": "#/components/schemas/NewBatch"}
    ids = service.make_entities(*"abcd")
    batch_id = service.post("/api/batch-simulations", {**example, "entity_ids": ids}, 201)["id"]
    assert service.wait_for(batch_id)["status"] == "completed"
