"""Attacks on every route that the API describes: whatever stands in a field, it is no failure."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from starlette.testclient import TestClient

from raymill import json
from raymill.app.keys import stored_keys
from raymill.config import settings
from raymill.services import access
from raymill.services.hosts.local import local_api
from raymill.services.service import kinds

pytestmark = pytest.mark.system

HOST = "testserver"
TEXTS = {
    "sql": "'; DROP TABLE api_keys; --",
    "sql or": "x' OR '1'='1",
    "sql union": '" UNION SELECT digest FROM api_keys --',
    "path": "../../../../etc/passwd",
    "path, absolute": "/etc/passwd",
    "path, encoded": "..%2f..%2f..%2fetc%2fpasswd",
    "file": "file:///etc/passwd",
    "address": "http://169.254.169.254/latest/meta-data/",
    "module": "os:system",
    "module file": "/tmp/evil.py:flow",
    "NUL": "a\0b",
    "header": "a\r\nX-Evil: 1",
    "shell": "$(touch evil); `touch evil` | touch evil",
    "template": "{{7*7}}${7*7}%s%n",
    "long": "A" * 5000,
    "digits": "9" * 400,
    "names of nothing": "\u202e\u200b\ufeff\U0001f4a9",
    "empty": "",
    "pattern": "(a+)+$" + "a" * 40 + "!",
}
NUMBERS = ("-1", "0", "1e308", "-1e400", "9" * 400, "18446744073709551616", "NaN", "0.1", '"1"')
LEAKS = ("Traceback", "root:x:0", "sqlite", "psycopg", "apsw", "site-packages")
Operation = tuple[str, str, Mapping[str, Any]]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home that lies alone in a folder."""
    place = tmp_path_factory.mktemp("attacked") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAYMILL_HOME", str(place))
        yield place


@pytest.fixture(scope="module")
def client(home: Path) -> Iterator[TestClient]:
    """All services that are installed, in that home."""
    chosen = settings().serve.model_copy(update={"allowed_hosts": HOST, "max_wait_s": 0.01})
    app, _ = local_api(chosen, kinds())
    with TestClient(app, raise_server_exceptions=False) as made:
        yield made


@pytest.fixture(scope="module")
def described(client: TestClient) -> Mapping[str, Any]:
    return client.get("/openapi.json").json()  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def same_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYMILL_HOME", str(home))


def operations(described: Mapping[str, Any]) -> Iterator[Operation]:
    for path, methods in described["paths"].items():
        for method, about in methods.items():
            yield method.upper(), path, about


def resolved(described: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = described["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def filled(
    described: Mapping[str, Any], schema: Mapping[str, Any], text: str, deep: int = 0
) -> Any:
    """A value of that form in which every text is this one."""
    schema = resolved(described, schema)
    if deep > 4:
        return None
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        return filled(described, options[0], text, deep + 1)
    kind = schema.get("type")
    if kind == "array":
        return [filled(described, schema.get("items", {}), text, deep + 1)]
    if kind == "object":
        known = schema.get("properties", {})
        return {n: filled(described, one, text, deep + 1) for n, one in known.items()} or {
            text: text
        }
    return {"integer": 1, "number": 1.0, "boolean": True, "null": None}.get(str(kind), text)


def body_of(described: Mapping[str, Any], about: Mapping[str, Any]) -> Mapping[str, Any] | None:
    for content in about.get("requestBody", {}).get("content", {}).values():
        return resolved(described, content["schema"])
    return None


def address(path: str, about: Mapping[str, Any], text: str, *, number: str = "1") -> str:
    """The path and query of a request, with this in every parameter."""
    query = []
    for one in about.get("parameters", []):
        is_text = "integer" not in str(one["schema"]) and "number" not in str(one["schema"])
        value = text if is_text else number
        if one["in"] == "path":
            path = path.replace(f"{{{one['name']}}}", quote(value or "x", safe=""))
        elif one["in"] == "query" and one["name"] != "wait":
            query.append((one["name"], value))
    return f"{path}?{urlencode(query)}"


def check(answer: Any, what: str) -> None:
    if answer.status_code == 503:  # what nobody has set up says how to
        assert answer.json()["type"] == "/docs/errors#ConfigError", f"{what}: {answer.text[:500]}"
        return
    assert answer.status_code < 500, f"{what}: {answer.status_code} {answer.text[:500]}"
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json", what
    assert "x-evil" not in answer.headers, what
    for leak in LEAKS:
        assert leak not in answer.text, f"{what}: {leak}"


@pytest.mark.parametrize("name", TEXTS)
def test_no_text_in_any_field_is_a_failure(
    client: TestClient, described: Mapping[str, Any], home: Path, name: str
) -> None:
    text, key = TEXTS[name], stored_keys().create(f"before {len(stored_keys().ls())}").key
    for method, path, about in operations(described):
        schema = body_of(described, about)
        body = None if schema is None else filled(described, schema, text)
        answer = client.request(method, address(path, about, text), json=body)
        check(answer, f"{method} {path}")
    assert key in stored_keys().in_force()
    assert [one.name for one in home.parent.iterdir()] == ["home"]


@pytest.mark.parametrize("number", NUMBERS)
def test_no_number_in_any_field_is_a_failure(
    client: TestClient, described: Mapping[str, Any], number: str
) -> None:
    headers = {"Content-Type": "application/json"}
    for method, path, about in operations(described):
        where = address(path, about, "x", number=number)
        schema = body_of(described, about)
        if schema is None:
            check(client.request(method, where), f"{method} {path}")
            continue
        names = ",".join(f'"{one}":{number}' for one in schema.get("properties", {"x": 0}))
        answer = client.request(method, where, content=f"{{{names}}}", headers=headers)
        check(answer, f"{method} {path}")


BODIES = {
    "bytes that are no text": b'{"a": "\xff\xfe"}',
    "half of a pair": b'{"a": "\\ud800"}',
    "half of a pair as a name": b'{"\\udfff": 1}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "deep lists": b"[" * 2_000 + b"]" * 2_000,
    "deep objects": b'{"a":' * 2_000 + b"1" + b"}" * 2_000,
    "deep, and broken off": b"[" * 100_000,
    "a name twice": b'{"a": 1, "a": 2}',
    "many names": b"{" + b",".join(b'"a%d":1' % n for n in range(2_000)) + b"}",
    "nothing": b"",
    "null": b"null",
    "a number": b"1",
    "a text": b'"a"',
    "no JSON": b"<a/>",
    "a form": b"a=1&b=2",
    "NULs": b"\0" * 100,
}


@pytest.mark.parametrize("name", BODIES)
def test_no_body_is_a_failure(client: TestClient, described: Mapping[str, Any], name: str) -> None:
    for method, path, about in operations(described):
        kind = "text/plain" if name == "a form" else "application/json"
        where, headers = address(path, about, "x"), {"Content-Type": kind}
        answer = client.request(method, where, content=BODIES[name], headers=headers)
        check(answer, f"{method} {path}")
        if body_of(described, about) is not None:
            assert answer.status_code in (404, 409, 413, 415, 422), f"{method} {path}"


def test_of_many_wrong_names_the_first_are_told(client: TestClient) -> None:
    body = {f"a{number}": 1 for number in range(2_000)}
    refused = client.post("/api/screener/screen", json=body)
    assert (refused.status_code, len(refused.json()["errors"])) == (422, 20)


def test_a_body_that_is_too_large_is_refused_by_every_route(
    client: TestClient, described: Mapping[str, Any]
) -> None:
    body = b'{"a": "' + b"a" * settings().serve.max_body_bytes + b'"}'
    for method, path, about in operations(described):
        headers = {"Content-Type": "application/json"}
        where = address(path, about, "x")
        assert client.request(method, where, content=body, headers=headers).status_code == 413


ASKED_FOR = re.compile(
    r"url|uri|href|callback|webhook|endpoint|proxy|(^|_)host($|_)", re.IGNORECASE
)


def test_no_route_takes_an_address(described: Mapping[str, Any]) -> None:
    def names(schema: Mapping[str, Any], deep: int = 0) -> Iterator[str]:
        schema = resolved(described, schema)
        assert schema.get("format") not in ("uri", "url", "uri-reference")
        for name, one in schema.get("properties", {}).items() if deep < 6 else ():
            yield name
            yield from names(one, deep + 1)
        for one in (*schema.get("anyOf", ()), schema.get("items", {})) if deep < 6 else ():
            yield from names(one, deep + 1)

    for method, path, about in operations(described):
        taken = [one["name"] for one in about.get("parameters", [])]
        taken += names(body_of(described, about) or {})
        assert not [name for name in taken if ASKED_FOR.search(name)], f"{method} {path}"


@pytest.mark.parametrize("address_", ["http://169.254.169.254/", "file:///etc/passwd", "//evil"])
def test_a_source_is_a_name_and_never_an_address(client: TestClient, address_: str) -> None:
    asked = {"source_id": address_, "symbols": ["A"]}
    for path in ("crawl", "stream"):
        answer = client.post(f"/api/tickscrawler/{path}", json=asked)
        assert answer.status_code in (404, 422)


def test_every_route_needs_a_key_in_force_that_allows_it(
    home: Path, described: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "FRESH_S", 0.0)
    chosen = settings().serve.model_copy(update={"allowed_hosts": HOST, "auth": "on"})
    app, _ = local_api(chosen, kinds())
    keys = stored_keys()
    gone, reader = keys.create("gone"), keys.create("reader")
    keys.revoke("gone")
    with TestClient(app, raise_server_exceptions=False) as client:
        for method, path, about in operations(described):
            if path in ("/", "/health", "/ready"):
                continue
            where = address(path, about, "x")
            for headers in (
                {},
                {"X-API-Key": gone.secret},
                {"X-API-Key": reader.secret[:-1] + "-"},
            ):
                answer = client.request(method, where, headers=headers, content=b"{nope")
                assert answer.status_code == 401, f"{method} {path}"
            if about.get("x-scope") in ("write", "admin"):
                mine = {"X-API-Key": reader.secret, "Content-Type": "application/json"}
                body = b"{nope" if method in ("POST", "PUT") else b""
                answer = client.request(method, where, headers=mine, content=body)
                assert answer.status_code == 403, f"{method} {path}"
        assert json.loads(client.get("/health").content)["status"]
