"""What REST says of itself: the OpenAPI document, its examples, the page at /docs, and docs/rest.md."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from fastapi.testclient import TestClient

from server.api.app import create_app
from server.api.openapi_30 import downgrade
from tests.service.homes import MODULES, settings

ROOT = Path(__file__).resolve().parents[2]
ROUTES = """
GET /healthz
GET /readyz
GET /metrics
GET /v1/version
GET /v1/generators
GET /v1/generators/{name}
POST /v1/generators:validate
POST /v1/generators/{name}:preview
POST /v1/generators/{name}:trace
POST /v1/render-batches
GET /v1/jobs
GET /v1/jobs/{id}
POST /v1/jobs/{id}:cancel
POST /v1/jobs/{id}:retry
GET /v1/jobs/{id}/events
GET /v1/jobs/{id}/log
GET /v1/datasets
GET /v1/datasets/{name}
GET /v1/datasets/{name}/versions/{v}
PATCH /v1/datasets/{name}/versions/{v}
GET /v1/datasets/{name}/versions/{v}/stats
GET /v1/datasets/{name}/versions/{v}/stats/page
GET /v1/datasets/{name}/versions/{v}/diff
GET /v1/datasets/{name}/versions/{v}/diff/page
DELETE /v1/datasets/{name}/versions/{v}
POST /v1/datasets:collect-garbage
POST /v1/datasets/{name}/versions/{v}:erase
GET /v1/datasets/{name}/aliases
GET /v1/datasets/{name}/aliases/{alias}
PUT /v1/datasets/{name}/aliases/{alias}
DELETE /v1/datasets/{name}/aliases/{alias}
GET /v1/datasets/{name}/versions/{v}/frames
GET /v1/datasets/{name}/versions/{v}/frames/{i}/{picture}
POST /v1/datasets:import
POST /v1/datasets/{name}/versions/{v}:export
POST /v1/mixes
GET /v1/mixes
GET /v1/mixes/{name}
DELETE /v1/mixes/{name}
POST /v1/training-runs
GET /v1/training-runs
GET /v1/training-runs/{id}
GET /v1/training-runs/{id}/report
POST /v1/studies
GET /v1/studies
GET /v1/studies/{id}
GET /v1/studies/{id}/report
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with TestClient(create_app(settings(tmp_path_factory.mktemp("service") / "home"), modules=MODULES)) as client:
        yield client


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _check(document: dict[str, Any], schema: dict[str, Any], value: Any) -> None:
    whole = {**schema, "components": document["components"]}
    jsonschema.Draft202012Validator(whole).validate(value)


def test_every_route_that_others_script_against_is_there(document: dict[str, Any]) -> None:
    promised = set(ROUTES.strip().splitlines())
    assert {f"{method} {path}" for method, path, _ in _operations(document)} == promised


def test_every_body_and_answer_has_an_example_that_holds(document: dict[str, Any]) -> None:
    bodies = answers = 0
    for method, path, operation in _operations(document):
        where = f"{method} {path}"
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if body is not None:
            assert body["examples"], where
            for example in body["examples"].values():
                _check(document, body["schema"], example["value"])
                bodies += 1
        for status, response in operation["responses"].items():
            for kind, content in response.get("content", {}).items():
                if kind.endswith("json") and path.startswith("/v1") and path != "/v1/version":
                    assert "example" in content, f"{where} {status}"
                    _check(document, content["schema"], content["example"])
                    answers += 1
    assert bodies >= 6
    assert answers >= 30


def test_every_operation_says_how_it_refuses(document: dict[str, Any]) -> None:
    for method, path, operation in _operations(document):
        assert operation["summary"], (method, path)
        assert "422" not in operation["responses"], "validation errors are problem documents too"
        if path.startswith("/v1"):
            assert "application/problem+json" in operation["responses"]["default"]["content"]


def test_references_lead_somewhere(document: dict[str, Any]) -> None:
    for form in (document, downgrade(document)):
        names = set(form["components"]["schemas"])
        for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(form)):
            assert reference.removeprefix("#/components/schemas/") in names


def test_the_older_form_speaks_no_newer_words(document: dict[str, Any]) -> None:
    def walk(value: Any, at: str) -> None:
        if isinstance(value, list):
            for number, item in enumerate(value):
                walk(item, f"{at}.{number}")
        if not isinstance(value, dict):
            return
        for key in ("const", "prefixItems", "$defs", "patternProperties", "propertyNames", "examples"):
            assert key not in value or at.endswith(("properties", "application/json")), f"{at}: {key}"
        assert value.get("type") != "null", at
        assert not isinstance(value.get("type"), list), at
        assert isinstance(value.get("exclusiveMinimum", True), bool), at
        if value.get("type") == "array":
            assert "items" in value, at
        if "$ref" in value:
            assert len(value) == 1, at
        for key, item in value.items():
            if key not in ("example", "default", "value", "enum"):
                walk(item, f"{at}.{key}")

    older = downgrade(document)
    assert older["openapi"] == "3.0.3"
    walk(older, "")


def test_the_older_form_refuses_nothing_that_the_newer_takes(document: dict[str, Any]) -> None:
    """Read as JSON Schema, with `nullable` put back, the older form accepts every example."""

    def with_null(value: Any) -> Any:
        if isinstance(value, list):
            return [with_null(item) for item in value]
        if not isinstance(value, dict):
            return value
        result = {key: with_null(item) for key, item in value.items() if key not in ("nullable", "example")}
        for bound, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
            if result.get(bound) is True:
                result[bound] = result.pop(limit)
        return {"anyOf": [result, {"type": "null"}]} if value.get("nullable") else result

    older = downgrade(document)
    older["components"]["schemas"] = {
        name: with_null(schema) for name, schema in older["components"]["schemas"].items()
    }
    for _, _, operation in _operations(document):
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        for example in body["examples"].values() if body else ():
            _check(older, body["schema"], example["value"])


class _Loads(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value for name, value in attrs if name in ("src", "href") and value]


def test_the_page_loads_nothing_from_another_host(client: TestClient) -> None:
    page = client.get("/docs")
    assert page.status_code == 200
    loads = _Loads()
    loads.feed(page.text)
    assert len(loads.addresses) >= 4
    for address in loads.addresses:
        assert not re.match(r"(?:[a-z]+:)?//", address), address
        assert client.get(f"/{address}").status_code == 200, address
    # Whatever the shipped script may try: the browser is told to load from here alone.
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    start = client.get("/docs/assets/start.js").text
    assert "validatorUrl: null" in start
    address = re.search(r'url: "([^"]+)"', start)
    assert address is not None
    assert client.get(f"/{address[1]}").json()["openapi"] == "3.0.3"


def test_the_page_serves_its_own_files_alone(client: TestClient) -> None:
    for name in ("nothing.js", "..%2fapp.py", "index.html"):
        assert client.get(f"/docs/assets/{name}").status_code == 404


# docs/rest.md


def _commands() -> list[list[str]]:
    text = (ROOT / "docs" / "rest.md").read_text()
    blocks = re.findall(r"```bash\n(.*?)```", text, flags=re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ")
    commands = re.split(r"^(?=curl )", lines, flags=re.MULTILINE)
    return [shlex.split(command) for command in commands if command.strip()]


@pytest.mark.parametrize("command", _commands(), ids=lambda words: " ".join(words)[:80])
def test_every_command_in_the_guide_is_one_that_the_service_takes(document: dict[str, Any], command: list[str]) -> None:
    assert command[0] == "curl"
    method = command[command.index("-X") + 1] if "-X" in command else "GET"
    address = next(word for word in command if word.startswith("http://127.0.0.1:8000"))
    path, _, query = address.removeprefix("http://127.0.0.1:8000").partition("?")
    matching = [
        operation
        for known_method, template, operation in _operations(document)
        if known_method == method and re.fullmatch(re.sub(r"\\{\w+\\}", "[^/:]+", re.escape(template)), path)
    ]
    assert matching, f"no route {method} {path}"
    parameters = {item["name"] for item in matching[0].get("parameters", ()) if item["in"] == "query"}
    assert {part.partition("=")[0] for part in query.split("&") if part} <= parameters
    if "-d" in command:
        assert "Content-Type: application/json" in command
        schema = matching[0]["requestBody"]["content"]["application/json"]["schema"]
        _check(document, schema, json.loads(command[command.index("-d") + 1]))


def test_the_guide_shows_every_route(document: dict[str, Any]) -> None:
    text = (ROOT / "docs" / "rest.md").read_text()
    for _, path, _ in _operations(document):
        pattern = re.sub(r"\\{\w+\\}", "[^/ :]+", re.escape(path))
        if path not in ("/v1/generators:validate", "/v1/generators/{name}", "/v1/datasets/{name}"):
            assert re.search(pattern, text), path
