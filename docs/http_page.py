"""The page of the HTTP API, from what services declare."""

import inspect
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from raymill.services.route import Reply, Route, asked_of, routes_of, text_of
from raymill.services.service import Service

WHOLE = (
    ("GET /", "Say that it is there"),
    ("GET /health", "Ask each service how it is; 503 where one cannot do its work"),
    ("GET /ready", "The same, for whoever sends requests here"),
    ("GET /metrics", "Counts of answers and their seconds, for Prometheus"),
    ("GET /openapi.json", "The description of all routes, for programs"),
    ("GET /docs", "The same for people; `/docs/errors` says what the types of problems mean"),
    ("GET /api/SERVICE/", "The routes of a service"),
)
KINDS = {"events": "server-sent events", "socket": "a websocket"}


def page(services: Mapping[str, type[Service]]) -> Iterator[str]:
    """The page, with the routes of these services."""
    yield "# HTTP API"
    yield (
        "Served by `raymill serve`. An answer is JSON in an envelope, as in "
        '`{"status": "success", "result": ...}`; below stands under which name. What a route '
        "refuses is a problem (RFC 9457) with 4xx or 5xx. `scope` is what a key must allow, where "
        "keys are needed."
    )
    yield from _table(("route", "what it does"), [(f"`{name}`", text) for name, text in WHOLE])
    for name in sorted(services):
        yield f"## {name}"
        yield inspect.cleandoc(services[name].__doc__ or "")
        for one in routes_of(services[name]):
            yield from _route(services[name], one)


def _route(service: type[Service], one: Route) -> Iterator[str]:
    method = "WS" if one.kind == "socket" else one.method
    yield f"### {method} /api/{service.name}{one.path}"
    yield text_of(service, one)
    asked = asked_of(service, one)
    yield _answer(one, asked.return_annotation)
    rows = []
    for parameter in asked.parameters.values():
        model = _model(parameter.annotation)
        if model is not None:
            rows += [_field(name, "body", field) for name, field in model.model_fields.items()]
            continue
        where = "path" if f"{{{parameter.name}}}" in one.path else "query"
        if parameter.name == "last_event_id":
            where = "header `Last-Event-ID`"
        default = "" if parameter.default is parameter.empty else _value(parameter.default)
        rows.append((f"`{parameter.name}`", where, _type(parameter.annotation), default, ""))
    if rows:
        yield from _table(("name", "in", "type", "default", "meaning"), rows)


def _answer(one: Route, given: Any) -> str:
    statuses = ", ".join(str(status) for status in (one.status, *one.others))
    scope = f"scope `{one.scope}`"
    if one.kind in KINDS:
        return f"Answers with {KINDS[one.kind]}; {scope}."
    key = f"under `{one.key}`" if one.key else "without an envelope"
    return f"Answers {statuses}, {key}: {_type(given)}; {scope}."


def _field(name: str, where: str, field: Any) -> tuple[str, ...]:
    default = "" if field.is_required() else _value(field.get_default(call_default_factory=True))
    return f"`{name}`", where, _type(field.annotation), default, field.description or ""


def _value(value: Any) -> str:
    return "" if value in (None, "") else f"`{value}`"


def _model(annotation: Any) -> type[BaseModel] | None:
    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    return annotation if is_model else None


def _type(annotation: Any) -> str:
    """A type as readers of the page see it."""
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated or origin is Reply or getattr(origin, "__name__", "") == "Made":
        return _type(parts[0])
    if origin in (types.UnionType, typing.Union):
        return " or ".join(_type(part) for part in parts if part is not types.NoneType)
    if origin is typing.Literal:
        return " or ".join(f"`{part}`" for part in parts)
    if origin is list:
        return f"list of {_type(parts[0])}"
    if origin in (dict, Mapping):
        return "object"
    model = _model(annotation)
    if model is not None:
        names = [f"`{name}`" for name in model.model_fields]
        return f"object of {', '.join(names)}" if names else "object"
    names = {str: "text", int: "whole number", float: "number", bool: "true or false"}
    return names.get(annotation, "any" if annotation is Any else str(annotation))


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    lines = ["| " + " | ".join(row) + " |" for row in [list(heads), *cells]]
    lines.insert(1, "|" + "---|" * len(heads))
    yield "\n".join(lines)
