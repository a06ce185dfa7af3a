"""Pages for people: the routes of the API, and what its errors mean. They load nothing."""

import inspect
from collections.abc import Iterator
from html import escape
from typing import Any

from fastapi import FastAPI, Request, Response

from raymill import errors
from raymill.services.problems import status_of

POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #1c2530; background: #fff; }
code, pre { font: 14px/1.4 ui-monospace, monospace; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #d5dce4; }
h3 code { font-weight: 600; }
table { border-collapse: collapse; }
td, th { text-align: left; padding: .15rem 1rem .15rem 0; vertical-align: top; }
.method { display: inline-block; min-width: 4.5rem; color: #0b5cad; }
@media (prefers-color-scheme: dark) {
  body { color: #d9e2ec; background: #12181f; } h2 { border-color: #2c3a48; }
  .method, a { color: #7db8f5; } }
"""


def add(app: FastAPI) -> None:
    """Add the pages to the API."""

    async def docs(request: Request) -> Response:
        return _page("raymill: the HTTP API", "".join(_routes(request.app.openapi())))

    async def known_errors() -> Response:
        return _page("raymill: errors", "".join(_errors()))

    async def style() -> Response:
        return Response(STYLE, media_type="text/css")

    app.add_api_route("/docs", docs, include_in_schema=False)
    app.add_api_route("/docs/errors", known_errors, include_in_schema=False)
    app.add_api_route("/docs/style.css", style, include_in_schema=False)


def _page(title: str, body: str) -> Response:
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="stylesheet" href="/docs/style.css"><h1>{escape(title)}</h1>{body}</html>'
    )
    return Response(text, headers={"Content-Security-Policy": POLICY}, media_type="text/html")


def _routes(described: dict[str, Any]) -> Iterator[str]:
    yield '<p><a href="/openapi.json">/openapi.json</a> describes it for programs; '
    yield '<a href="/docs/errors">errors</a> are problem details.</p>'
    groups: dict[str, list[str]] = {}
    for path, methods in described["paths"].items():
        for method, about in methods.items():
            text = "".join(_route(method.upper(), path, about))
            groups.setdefault(about.get("tags", [""])[0], []).append(text)
    for name in sorted(groups):
        yield f"<h2>{escape(name)}</h2>{''.join(groups[name])}"


def _route(method: str, path: str, about: dict[str, Any]) -> Iterator[str]:
    yield f'<h3><code><span class="method">{method}</span>{escape(path)}</code></h3>'
    yield f"<p>{escape(about.get('description') or about.get('summary', ''))}</p>"
    rows = [
        (one["name"], one["in"], _type(one.get("schema", {})))
        for one in about.get("parameters", [])
    ]
    for kind in about.get("requestBody", {}).get("content", {}).values():
        rows.append(("body", "body", _type(kind["schema"])))
    if rows:
        cells = "".join(
            f"<tr><td><code>{escape(name)}</code><td>{escape(where)}<td>{escape(type_)}</tr>"
            for name, where, type_ in rows
        )
        yield f"<table><tr><th>name<th>in<th>type</tr>{cells}</table>"


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    default = f", default {schema['default']}" if "default" in schema else ""
    return f"{schema.get('type', 'any')}{default}"


def _errors() -> Iterator[str]:
    yield "<table><tr><th>type<th>status<th>meaning</tr>"
    for name, kind in sorted(vars(errors).items()):
        if isinstance(kind, type) and issubclass(kind, errors.RaymillError):
            status, text = status_of(kind("")), inspect.getdoc(kind) or ""
            yield f'<tr id="{name}"><td><code>{name}</code><td>{status}<td>{escape(text)}</tr>'
    yield "</table>"
