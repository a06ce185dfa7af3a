"""`raymill api`: any route of the HTTP API, from a command line."""

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from raymill.cli.asked import pairs
from raymill.errors import ConfigError

if TYPE_CHECKING:
    from raymill.services.client import Client
    from raymill.services.client.asked import Asked

METHODS = ("GET", "POST", "PUT", "DELETE")
SOCKET = "WS"


def api(
    *words: str,
    body: str | None = None,
    url: str | None = None,
    json_: bool = False,
    verbose: Annotated[bool, Parameter(name=["-v", "--verbose"])] = False,
) -> None:
    """Ask the HTTP API: `raymill api screener screen limit=5`.

    `raymill api` lists services, `raymill api SERVICE` its routes and what they take. A route is
    named by its path there; values follow as name=value. `raymill api GET /health` asks a path
    as it is, and `raymill api WS PATH` follows a websocket. RAYMILL_API_KEY is shown where keys
    are needed.

    Parameters
    ----------
    words
        SERVICE ROUTE name=value..., or METHOD PATH name=value..., or WS PATH.
    body
        The whole body as JSON, for METHOD PATH; `-` reads standard input.
    url
        Where the API is; `serve.url` by default.
    json_
        Write the answer as it is, and events as a JSON value on each line.
    verbose
        Show where an error was raised.
    """
    from raymill.services.client import Client

    with Client(url) as client:
        if words and words[0].upper() in METHODS:
            _plainly(client, words[0].upper(), words[1:], body, json_)
        elif words and words[0].upper() == SOCKET:
            _follow(client, words[1:])
        elif body is not None:
            raise ConfigError(
                "`--body` goes with a method and a path", hint="raymill api POST /PATH"
            )
        else:
            _described(client, words, json_)


def _plainly(
    client: "Client", method: str, words: tuple[str, ...], body: str | None, is_json: bool
) -> None:
    from raymill.services.client.asked import plainly

    if not words or not words[0].startswith("/"):
        raise ConfigError(f"`{method}` needs a path", hint=f"raymill api {method} /health")
    given = _values(words[1:])
    sent, query = _body(body), given
    if sent is None and given and method in ("POST", "PUT"):
        sent, query = {name: _value(text) for name, text in given.items()}, {}
    _show(client.ask(plainly(method, words[0], query, sent)).whole, is_json)


def _follow(client: "Client", words: tuple[str, ...]) -> None:
    """Write each message on a line of its own."""
    from raymill import json

    if len(words) != 1:
        raise ConfigError("`WS` needs one path", hint="raymill api WS /PATH, or a `websocket_url`")
    for message in client.follow(words[0]):
        sys.stdout.write(json.dumps(message).decode() + "\n")
        sys.stdout.flush()


def _described(client: "Client", words: tuple[str, ...], is_json: bool) -> None:
    from raymill.services.client.described import operation, operations

    described = client.get("/openapi.json")
    if len(words) < 2:
        _list(operations(described), words, is_json)
        return
    found = operation(described, words[0], words[1])
    asked = found.asked(_values(words[2:]))
    if found.is_events:
        _tell(client, asked, is_json)
    else:
        _show(client.ask(asked).whole, is_json)


def _list(services: Mapping[str, Any], words: tuple[str, ...], is_json: bool) -> None:
    from raymill.cli.report import show_table
    from raymill.errors import unknown

    if words and words[0] not in services:
        raise unknown("service", words[0], services)
    chosen = {name: services[name] for name in (words or sorted(services))}
    rows = [
        {
            "service": name,
            "route": one.called,
            "method": one.method,
            "takes": [f"{n}" if n in one.needed else f"[{n}]" for n in one.takes],
            "text": one.text,
        }
        for name, routes in chosen.items()
        for one in routes
    ]
    if is_json:
        _show(rows, True)
        return
    heads = ("service", "route", "method", "takes", "text")
    cells = [[" ".join(v) if isinstance(v, list) else v for v in row.values()] for row in rows]
    show_table(heads, cells, stream=sys.stdout, numbers_from=len(heads))


def _tell(client: "Client", asked: "Asked", is_json: bool) -> None:
    from raymill import json

    for event in client.listen(asked):
        line = {"id": event.id, "event": event.event, "data": event.data}
        data = json.dumps(line if is_json else event.data).decode()
        sys.stdout.write(f"{data}\n" if is_json else f"{event.id}  {event.event}  {data}\n")
        sys.stdout.flush()


def _values(words: tuple[str, ...]) -> dict[str, str]:
    for word in words:
        if "=" not in word:
            raise ConfigError(f"`{word}` gives no value", hint="write name=value")
    return pairs(words)


def _body(text: str | None) -> Any:
    from raymill import json

    if text is None:
        return None
    try:
        return json.loads(sys.stdin.read() if text == "-" else text)
    except json.JSONError as error:
        raise ConfigError(f"`--body` is no JSON: {error}") from None


def _value(text: str) -> Any:
    from raymill import json

    try:
        return json.loads(text)
    except json.JSONError:
        return text


def _show(whole: Any, is_json: bool) -> None:
    from raymill import json
    from raymill.cli.api_text import lines

    if isinstance(whole, str):
        text = whole
    elif is_json:
        text = json.dumps(whole, indent=True).decode()
    else:
        text = "\n".join(lines(whole))
    sys.stdout.write(text + "\n")
