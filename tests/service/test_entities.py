"""Entities and their types: created, read, changed, deleted, listed, imported."""

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.entities import store
from service.entities.importing import read_entities
from service.entities.tables import Entity
from service.settings import Settings

FIGURES = Path(__file__).parents[2] / "examples" / "historical_figures.json"
ADA = {"name": "Ada Lovelace", "description": "Mathematician.", "attributes": {"born": 1815}}
KINDS = ("/api/entity-types", "/api/entities")


def create(client: TestClient, path: str, **fields: Any) -> dict[str, Any]:
    answer = client.post(path, json=fields)
    assert answer.status_code == 201, answer.text
    assert answer.json()["status"] == "success"
    return answer.json()["data"]


def refusal(answer: Any, status: int = 422) -> str:
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body.keys() == {"status", "message"}
    assert body["status"] == "error"
    assert body["message"].endswith(".")
    return body["message"]


def listed(client: TestClient, path: str = "/api/entities", **query: Any) -> list[str]:
    answer = client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return [row["name"] for row in answer.json()["data"]]


def import_csv(client: TestClient, text: str | bytes) -> Any:
    return client.post("/api/entities/import", content=text, headers={"Content-Type": "text/csv; charset=utf-8"})


def import_json(client: TestClient, content: Any) -> Any:
    return client.post("/api/entities/import", json=content)


def post_raw(client: TestClient, path: str, body: str) -> Any:
    return client.post(path, content=body, headers={"Content-Type": "application/json"})


def test_an_entity_is_created_read_and_deleted(client: TestClient) -> None:
    created = create(client, "/api/entities", **ADA)
    assert {name: created[name] for name in ADA} == ADA
    assert created["id"].startswith("entity-")
    assert created["entity_type_id"] is None
    assert created["created_at"] == created["updated_at"]
    assert created["created_at"].endswith("Z")
    path = f"/api/entities/{created['id']}"
    assert client.get(path).json() == {"status": "success", "data": created}

    deleted = client.delete(path)
    assert deleted.status_code == 200
    message = f"Entity {created['id']} deleted successfully"
    assert deleted.json() == {"status": "success", "data": {"message": message}}
    assert refusal(client.get(path), 404) == f"There is no entity with the id '{created['id']}'."
    assert created["id"] in refusal(client.delete(path), 404)


def test_a_type_is_created_read_and_deleted(client: TestClient) -> None:
    dimensions = [{"name": "age"}, {"name": "district", "description": "Home", "values": ["North", "South"]}]
    created = create(client, "/api/entity-types", name="Voter", dimensions=dimensions)
    assert created["description"] == ""
    assert created["dimensions"] == [{"name": "age", "description": "", "values": []}, dimensions[1]]
    path = f"/api/entity-types/{created['id']}"
    assert client.get(path).json() == {"status": "success", "data": created}
    message = f"Entity type {created['id']} deleted successfully"
    assert client.delete(path).json()["data"] == {"message": message}
    assert refusal(client.get(path), 404) == f"There is no entity type with the id '{created['id']}'."


def test_put_replaces_and_patch_changes(client: TestClient) -> None:
    voter = create(client, "/api/entity-types", name="Voter")
    ada = create(client, "/api/entities", **ADA, entity_type_id=voter["id"])
    path = f"/api/entities/{ada['id']}"

    patched = client.patch(path, json={"attributes": {"died": 1852}}).json()["data"]
    assert patched == {**ada, "attributes": {"died": 1852}, "updated_at": patched["updated_at"]}
    assert patched["updated_at"] > ada["updated_at"]
    assert client.get(path).json()["data"] == patched
    assert client.patch(path, json={"entity_type_id": None}).json()["data"]["entity_type_id"] is None

    replaced = client.put(path, json={"name": "Countess of Lovelace"}).json()["data"]
    assert (replaced["name"], replaced["description"], replaced["attributes"]) == ("Countess of Lovelace", "", {})
    assert (replaced["id"], replaced["created_at"]) == (ada["id"], ada["created_at"])
    assert client.get(path).json()["data"] == replaced


def test_a_type_can_be_replaced_and_changed(client: TestClient) -> None:
    path = f"/api/entity-types/{create(client, '/api/entity-types', name='Voter', description='Votes.')['id']}"
    patched = client.patch(path, json={"dimensions": [{"name": "age"}]}).json()["data"]
    assert (patched["name"], patched["description"]) == ("Voter", "Votes.")
    assert patched["dimensions"] == [{"name": "age", "description": "", "values": []}]
    assert client.put(path, json={"name": "Elector"}).json()["data"]["dimensions"] == []
    assert client.get(path).json()["data"]["name"] == "Elector"


@pytest.mark.parametrize("path", KINDS)
def test_a_refused_change_changes_nothing(client: TestClient, path: str) -> None:
    created = create(client, path, name="Before")
    place = f"{path}/{created['id']}"
    assert "name" in refusal(client.patch(place, json={"name": None}))
    assert "'  '" in refusal(client.patch(place, json={"name": "  "}))
    assert refusal(client.patch(place, json={"age": 3})) == "age is not a known field."
    assert refusal(client.put(place, json={"description": "x"})) == "name is required and missing."
    assert "description is too long" in refusal(client.patch(place, json={"description": "x" * 100_001}))
    assert client.get(place).json()["data"] == created


@pytest.mark.parametrize("path", KINDS)
def test_unknown_ids_are_not_found(client: TestClient, path: str) -> None:
    for row_id in ("nobody", "%00", "a%00b", "x" * 5_000, "%ED%A0%80", "🙂"):
        for answer in (
            client.get(f"{path}/{row_id}"),
            client.put(f"{path}/{row_id}", json={"name": "x"}),
            client.patch(f"{path}/{row_id}", json={"name": "x"}),
            client.delete(f"{path}/{row_id}"),
        ):
            assert len(refusal(answer, 404)) < 200
    assert "'nobody'" in refusal(client.get(f"{path}/nobody"), 404)


def test_a_deleted_type_leaves_its_entities(client: TestClient) -> None:
    voter = create(client, "/api/entity-types", name="Voter")
    ada = create(client, "/api/entities", **ADA, entity_type_id=voter["id"])
    assert ada["entity_type_id"] == voter["id"]
    client.delete(f"/api/entity-types/{voter['id']}")
    assert client.get(f"/api/entities/{ada['id']}").json()["data"]["entity_type_id"] is None


def test_unknown_types_are_refused(client: TestClient) -> None:
    expected = "entity_type_id = 'type-0' is not the id of an entity type."
    assert refusal(client.post("/api/entities", json={**ADA, "entity_type_id": "type-0"})) == expected
    path = f"/api/entities/{create(client, '/api/entities', **ADA)['id']}"
    assert refusal(client.patch(path, json={"entity_type_id": "type-0"})) == expected
    assert refusal(client.put(path, json={**ADA, "entity_type_id": "type-0"})) == expected
    assert refusal(import_json(client, [ADA, {**ADA, "entity_type_id": "type-0"}])) == f"Row 2: {expected}"
    assert refusal(import_csv(client, "name,entity_type_id\nA,type-0\n")) == f"Row 1: {expected}"
    assert listed(client) == ["Ada Lovelace"]


@pytest.mark.parametrize("path", KINDS)
def test_lists_come_in_pages(client: TestClient, path: str) -> None:
    names = [f"n{i}" for i in range(5)]
    for name in names:
        create(client, path, name=name)
    answer = client.get(path, params={"limit": 2, "offset": 2}).json()
    assert answer["status"] == "success"
    assert answer["page"] == {"offset": 2, "limit": 2, "total": 5}
    assert [row["name"] for row in answer["data"]] == names[2:4]
    assert listed(client, path) == names
    assert client.get(path, params={"offset": 9}).json()["data"] == []
    assert "limit" in refusal(client.get(path, params={"limit": 0}))
    assert "501" in refusal(client.get(path, params={"limit": 501}))
    assert "offset" in refusal(client.get(path, params={"offset": -1}))


def test_lists_can_be_filtered(client: TestClient) -> None:
    voter = create(client, "/api/entity-types", name="Voter")
    for name in ("100% Ann", "Anna", "Bo"):
        create(client, "/api/entities", name=name)
    create(client, "/api/entities", name="Annika", entity_type_id=voter["id"])
    assert listed(client, name="ann") == ["100% Ann", "Anna", "Annika"]
    assert listed(client, name="%") == ["100% Ann"]
    assert listed(client, name="_") == []
    assert listed(client, entity_type_id=voter["id"]) == ["Annika"]
    assert listed(client, entity_type_id=voter["id"], name="Bo") == []
    assert listed(client, entity_type_id="nothing") == []
    assert listed(client, name="\0") == listed(client, entity_type_id="\0") == []
    assert listed(client, "/api/entity-types", name="VOT") == ["Voter"]
    assert client.get("/api/entities", params={"name": "Ann", "limit": 1}).json()["page"]["total"] == 3
    assert "name" in refusal(client.get("/api/entities", params={"name": "x" * 60_000}))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "name is required and missing."),
        ({"name": ""}, "name = '': string should have at least 1 character."),
        ({"name": " \n\u00a0"}, "name = ' \\n\\xa0': string should have at least 1 character."),
        ({"name": 5}, "name = 5: input should be a valid string."),
        ({"name": "x", "attributes": []}, "attributes = []: input should be a valid dictionary."),
        ({"name": "x", "description": None}, "description = None: input should be a valid string."),
        ({"name": "x", "id": "mine"}, "id is not a known field."),
        ({"name": "a\0"}, "name = 'a\\x00' has the character U+0000, which can't be stored."),
        ({"name": "x", "description": "\ud800"}, "description = '\\ud800' has the character U+D800,"),
        ({"name": "x", "attributes": {"a": [1, "\0"]}}, "attributes.a.1 = '\\x00' has the character U+0000,"),
        ({"name": "x", "attributes": {"a\0": 1}}, "attributes has a field 'a\\x00', whose name can't be stored."),
        ({"name": "x", "attributes": {"\udfff": 1}}, "attributes has a field '\\udfff', whose name can't be stored."),
        ({"name": "x", "\ud800": 1}, "The body has a field '\\ud800', whose name can't be stored."),
        ({"name": "x", "attributes": {"a": float("nan")}}, "attributes.a = nan is not allowed: numbers must be fin"),
        ({"name": "x", "attributes": {"a": float("-inf")}}, "attributes.a = -inf is not allowed"),
    ],
)
def test_what_is_not_allowed_is_named(client: TestClient, fields: dict[str, Any], message: str) -> None:
    assert refusal(post_raw(client, "/api/entities", json.dumps(fields))).startswith(message)
    at_row = refusal(post_raw(client, "/api/entities/import", json.dumps([ADA, fields])))
    assert at_row.startswith(f"Row 2: {message}")
    assert listed(client) == []


@pytest.mark.parametrize(
    ("dimensions", "place"),
    [
        ("age", "dimensions = 'age'"),
        ([{}], "dimensions.0.name is required"),
        ([{"name": "x", "values": [1]}], "dimensions.0.values.0 = 1"),
        ([{"name": "x", "values": ["\0"]}], "dimensions.0.values.0 = '\\x00'"),
        ([{"name": "x", "unit": "m"}], "dimensions.0.unit is not a known field."),
    ],
)
def test_dimensions_are_typed(client: TestClient, dimensions: Any, place: str) -> None:
    body = {"name": "Voter", "dimensions": dimensions}
    assert refusal(client.post("/api/entity-types", json=body)).startswith(place)
    assert listed(client, "/api/entity-types") == []


def test_extreme_json_is_answered(client: TestClient) -> None:
    for value in ("[" * 500 + "]" * 500, "[" * 50_000 + "]" * 50_000, "1e999", "9" * 5_000, "NaN"):
        entity = f'{{"name": "x", "attributes": {{"a": {value}}}}}'
        for path in KINDS:
            assert post_raw(client, path, entity).status_code in (400, 422)
            assert post_raw(client, path, value).status_code in (400, 422)
        refusal(post_raw(client, "/api/entities/import", f"[{entity}]"))
        refusal(post_raw(client, "/api/entities/import", value))
    assert listed(client) == []
    big = create(client, "/api/entities", name="big", attributes={"a": 10**300, "b": -0.5, "c": [None, True, {}]})
    assert client.get(f"/api/entities/{big['id']}").json()["data"]["attributes"]["a"] == 10**300


def test_sizes_are_bounded(client: TestClient) -> None:
    create(client, "/api/entities", name="é" * 200)
    assert "name" in refusal(client.post("/api/entities", json={"name": "é" * 201}))
    create(client, "/api/entities", name="x", description="é" * 99_000)
    message = refusal(client.post("/api/entities", json={"name": "x", "attributes": {"a": ["é"] * 30_000}}))
    assert message.startswith("attributes is too long: ")
    assert "100000" in message
    assert "Row 1: description" in refusal(import_json(client, [{"name": "x", "description": "y" * 100_001}]))


def test_every_script_survives(client: TestClient) -> None:
    texts = ["مريم العربية", "‏עברית ABC", "Zoë 🙂👩‍👩‍👧", "日本語", "e\u0301 vs é", '"q"\\ \'\n\ttab', "\ufeffbom", "𝕏"]
    for text in texts:
        fields = {"name": f"<{text}>", "description": text, "attributes": {text: [text, {"deep": text}]}}
        created = create(client, "/api/entities", **fields)
        read = client.get(f"/api/entities/{created['id']}").json()["data"]
        assert {name: read[name] for name in fields} == fields
        assert listed(client, name=text) == [f"<{text}>"]


def test_names_are_stripped(client: TestClient) -> None:
    assert create(client, "/api/entities", name="  Ada ")["name"] == "Ada"


def test_the_historical_figures_can_be_imported(client: TestClient) -> None:
    figures = json.loads(FIGURES.read_text(encoding="utf-8"))
    answer = client.post(
        "/api/entities/import", content=FIGURES.read_bytes(), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 201
    data = answer.json()["data"]
    assert data["count"] == len(data["ids"]) == len(figures) >= 14
    assert listed(client) == [figure["name"] for figure in figures]
    read = client.get(f"/api/entities/{data['ids'][5]}").json()["data"]
    assert {name: read[name] for name in figures[5]} == figures[5]


def test_json_may_be_wrapped(client: TestClient) -> None:
    assert import_json(client, {"entities": [ADA, ADA]}).json()["data"]["count"] == 2
    for content in ({"entities": ADA}, {"entities": [], "more": 1}, ADA, "x", None, {}):
        assert refusal(post_raw(client, "/api/entities/import", json.dumps(content))).startswith(
            "The file must be a list of entities"
        )
    assert refusal(import_json(client, [])).startswith("There is nothing to import")
    assert refusal(import_json(client, [5])).startswith("Row 1 = 5: input should be")
    assert refusal(post_raw(client, "/api/entities/import", "[{]")).startswith("The file is not JSON: ")
    assert len(listed(client)) == 2


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_csv_with_quotes_and_line_ends(client: TestClient, mark: bytes) -> None:
    voter = create(client, "/api/entity-types", name="Voter")["id"]
    text = (
        "name, description ,entity_type_id,born,motto\r\n"
        f'"Lovelace, Ada","She said ""yes"".\r\nThen\nmore.",{voter},1815,🙂\r\n'
        "\r\n"
        "مريم,,,,\r\n"
        ",,,,\r\n"
    )
    answer = import_csv(client, mark + text.encode())
    assert answer.status_code == 201, answer.text
    assert answer.json()["data"]["count"] == 2
    ada, maryam = (client.get(f"/api/entities/{row_id}").json()["data"] for row_id in answer.json()["data"]["ids"])
    assert ada["name"] == "Lovelace, Ada"
    assert ada["description"] == 'She said "yes".\r\nThen\nmore.'
    assert ada["entity_type_id"] == voter
    assert ada["attributes"] == {"born": "1815", "motto": "🙂"}
    assert (maryam["name"], maryam["description"], maryam["attributes"]) == ("مريم", "", {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "There is nothing to import"),
        ("name,description\n", "There is nothing to import"),
        ("name\nA\n\n \n", "Row 2: name = ' '"),
        ("name,born\nA,1\n,2\n", "Row 2: name = ''"),
        ("name,born\nA,1\nB\n", "Row 2: it has 1 cells, but the header has 2."),
        ("name,born\nA,1,2\n", "Row 1: it has 3 cells, but the header has 2."),
        ('name,born\nA,1\n"B"x,1\n', "Row 2: this is not CSV: "),
        ('name,born\nA,1\n"B,1\n', "Row 2: this is not CSV: "),
        ("name,born\nA,1\nB,x\0y\n", "Row 2: attributes.born = 'x\\x00y' has the character U+0000,"),
        ("name;born\nA;1\n", "The header has no column name; it has ['name;born']."),
        ("description\nA\n", "The header has no column name; it has ['description']."),
        ("name,,born\nA,1,2\n", "Column 2 has no name in the header."),
        ("name,born,born\nA,1,2\n", "The header has the column 'born' twice."),
        ("name\n" + "x" * 201, "Row 1: name = "),
        ("name,description\nA," + "x" * 200_000, "Row 1: description is too long"),
    ],
)
def test_bad_csv_imports_nothing(client: TestClient, text: str, message: str) -> None:
    assert refusal(import_csv(client, text)).startswith(message)
    assert listed(client) == []


def test_a_file_must_be_utf8_and_of_a_known_type(client: TestClient) -> None:
    assert refusal(import_csv(client, "name\nZoë\n".encode("latin-1"))).startswith("The file is not UTF-8: byte 7 ")
    answer = client.post("/api/entities/import", content=b"x", headers={"Content-Type": "application/xml"})
    assert "'application/xml'" in refusal(answer, 415)
    refusal(client.post("/api/entities/import", content=b"x"), 415)


def test_an_import_is_bounded_and_keeps_its_order(tmp_path: Path) -> None:
    settings = Settings(database_url=f"sqlite:///{tmp_path}/test.db", max_entities_per_batch=150)
    with TestClient(create_app(settings), base_url="http://localhost", client=("127.0.0.1", 5000)) as client:
        rows = [{"name": f"n{i}"} for i in range(1_501)]
        message = refusal(import_json(client, rows))
        assert "more than 1500 entities" in message
        assert "SERVICE_MAX_ENTITIES_PER_BATCH" in message
        assert "more than 1500" in refusal(import_csv(client, "name\n" + "x\n" * 1_501))
        assert listed(client) == []

        ids = import_json(client, rows[:1_500]).json()["data"]["ids"]
        assert listed(client, limit=500, offset=500) == [f"n{i}" for i in range(500, 1_000)]
        with client.app.state.database.transaction() as session:  # type: ignore[attr-defined]
            found = store.find_entities(session, [*reversed(ids), "nobody", "\0", ids[0]])
        assert list(found) == ids[::-1]
        assert found[ids[7]].name == "n7"


def test_a_type_deleted_meanwhile_is_refused(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "index_of_unknown_type", lambda *_: None)
    assert "deleted" in refusal(client.post("/api/entities", json={**ADA, "entity_type_id": "type-0"}), 409)
    assert listed(client) == []


def test_a_failed_change_is_undone(client: TestClient) -> None:
    ada = create(client, "/api/entities", **ADA)
    client.patch(f"/api/entities/{ada['id']}", json={"name": "B", "entity_type_id": "type-0"})
    with client.app.state.database.transaction() as session:  # type: ignore[attr-defined]
        row = store.get(session, Entity, ada["id"])
    assert row.name == "Ada Lovelace"
    assert row.updated_at == row.created_at


def test_files_are_read_without_a_service() -> None:
    (draft,) = read_entities("TEXT/CSV", b"name,code\nA,007\n", max_rows=1, max_text_length=1_000)
    assert draft.attributes == {"code": "007"}


def test_documentation_shows_the_imports_and_examples(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    body = document["paths"]["/api/entities/import"]["post"]["requestBody"]["content"]
    assert body.keys() == {"application/json", "text/csv"}
    schemas = document["components"]["schemas"]
    for name in ("EntityIn", "EntityChanges", "EntityOut", "EntityTypeIn", "EntityTypeChanges", "EntityTypeOut"):
        assert schemas[name]["examples"]
    assert "required" not in schemas["EntityChanges"]
    for path, methods in document["paths"].items():
        for operation in methods.values() if path.startswith("/api/entit") else ():
            assert "404" in operation["responses"]
