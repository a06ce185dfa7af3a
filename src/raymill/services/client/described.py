"""Requests worked out of what an API says of itself in `/openapi.json`: for what knows no class."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from raymill import json
from raymill.errors import ConfigError, unknown
from raymill.services.client.asked import SAFE, Asked, path_part

PREFIX = "/api/"
EVENTS = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Operation:
    """One route: where its values go, and which are JSON."""

    method: str
    path: str
    name: str
    text: str
    in_path: tuple[str, ...]
    in_query: tuple[str, ...]
    in_body: Mapping[str, Mapping[str, Any]]
    needed: tuple[str, ...]
    is_events: bool
    is_safe: bool

    @property
    def called(self) -> str:
        """Its path behind that of its service."""
        return self.path.removeprefix(PREFIX).partition("/")[2]

    @property
    def takes(self) -> tuple[str, ...]:
        """All names that it takes."""
        return (*self.in_path, *self.in_query, *self.in_body)

    def asked(self, given: Mapping[str, str]) -> Asked:
        """The request with values that were typed. Raises UnknownName, ConfigError."""
        for name in given:
            if name not in self.takes:
                raise unknown(f"name for `{self.called}`:", name, self.takes)
        if missing := [name for name in self.needed if name not in given]:
            raise ConfigError(f"`{self.called}` needs {missing[0]}", hint=f"add {missing[0]}=VALUE")
        path = self.path
        for name in self.in_path:
            path = path.replace(f"{{{name}}}", path_part(name, given[name]))
        query = {name: value for name, value in given.items() if name in self.in_query}
        body = {
            name: typed(value, self.in_body[name])
            for name, value in given.items()
            if name in self.in_body
        }
        sent = body if self.in_body else None
        return Asked(self.method, path, query, sent, is_safe=self.is_safe)


def operations(described: Mapping[str, Any]) -> dict[str, list[Operation]]:
    """The routes by service."""
    found: dict[str, list[Operation]] = {}
    for one in _each(described):
        found.setdefault(one.path.removeprefix(PREFIX).partition("/")[0], []).append(one)
    return found


def operation(described: Mapping[str, Any], service: str, called: str) -> Operation:
    """A route by its service, and by its path there or the name of its method."""
    services = operations(described)
    if service not in services:
        raise unknown("service", service, services)
    routes = services[service]
    found = [one for one in routes if called in (one.name, one.called)]
    if not found:
        raise unknown(f"route of `{service}`:", called, {one.called for one in routes})
    if len(found) > 1:
        names = " or ".join(f"`{one.name}`" for one in found)
        raise ConfigError(f"`{called}` is more than one route of `{service}`", hint=f"say {names}")
    return found[0]


def typed(text: str, schema: Mapping[str, Any]) -> Any:
    """A value that was typed, as its field wants it: text, a list with commas, or JSON.

    >>> typed("5", {"type": "integer"}), typed("5", {"type": "string"})
    (5, '5')
    >>> typed("a,b", {"type": "array"}), typed('["a"]', {"type": "array"})
    (['a', 'b'], ['a'])
    """
    kinds = {one.get("type") for one in (schema, *schema.get("anyOf", ()))}
    if "string" in kinds and not kinds & {"object", "array", "integer", "number", "boolean"}:
        return text
    try:
        return json.loads(text)
    except json.JSONError:
        return text.split(",") if "array" in kinds else text


def _each(described: Mapping[str, Any]) -> Iterator[Operation]:
    for path, methods in described.get("paths", {}).items():
        for method, about in methods.items():
            if path.startswith(PREFIX) and not path.endswith("/"):
                yield _operation(described, path, method.upper(), about)


def _operation(
    described: Mapping[str, Any], path: str, method: str, about: Mapping[str, Any]
) -> Operation:
    parameters: Sequence[Mapping[str, Any]] = about.get("parameters", [])
    body, needed = _body(described, about)
    service = path.removeprefix(PREFIX).partition("/")[0]
    contents = [
        kind for one in about.get("responses", {}).values() for kind in one.get("content", {})
    ]
    return Operation(
        method=method,
        path=path,
        name=str(about.get("operationId", "")).removeprefix(f"{service}_"),
        text=str(about.get("summary", "")),
        in_path=tuple(one["name"] for one in parameters if one["in"] == "path"),
        in_query=tuple(one["name"] for one in parameters if one["in"] == "query"),
        in_body=body,
        needed=(*(one["name"] for one in parameters if one.get("required")), *needed),
        is_events=EVENTS in contents,
        is_safe=method in SAFE or about.get("x-scope") == "read",
    )


def _body(
    described: Mapping[str, Any], about: Mapping[str, Any]
) -> tuple[Mapping[str, Mapping[str, Any]], tuple[str, ...]]:
    for content in about.get("requestBody", {}).get("content", {}).values():
        schema = content.get("schema", {})
        if "$ref" in schema:
            schema = described["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return schema.get("properties", {}), tuple(schema.get("required", ()))
    return {}, ()
