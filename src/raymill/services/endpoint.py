"""Makes FastAPI routes of what services declare."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from inspect import Parameter, Signature
from typing import Annotated, Any, get_args, get_origin

from fastapi import APIRouter, Header, Request, Response, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event
from pydantic import BaseModel, TypeAdapter, create_model

from raymill import json
from raymill.errors import RaymillError
from raymill.services.access import KEY, check_scope
from raymill.services.guard import REQUEST_ID
from raymill.services.plain import RAISED, Ask, Plain
from raymill.services.problems import MEDIA_TYPE, Problem, problem_of, retry_after
from raymill.services.route import Event, Made, Reply, Route, asked_of, routes_of, text_of
from raymill.services.service import Caller, Service
from raymill.state.keys import Scope

PING_S = 15.0
ADDRESS = "base_url"  # a parameter of this name takes the address that was asked
ASKER = "asker"  # a parameter of this name takes the key that was shown, none without one
RESUME = "last_event_id"  # a parameter of this name takes the header `Last-Event-ID`
REFUSALS = (401, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504)
PROBLEM = {"content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
EVENTS = {"content": {"text/event-stream": {"schema": {"type": "string"}}}}
OF = TypeAdapter(Any)
_NONE: Mapping[str, str] = {}


def router_of(kind: type[Service], caller: Caller, *, is_simulated: bool = False) -> APIRouter:
    """All routes of a service, which go to `caller`; whether each answer says `simulated`."""
    made = APIRouter(prefix=f"/api/{kind.name}", tags=[kind.name])
    for one in routes_of(kind):
        if one.kind == "socket":
            made.add_api_websocket_route(one.path, _socket(kind, one, caller), name=_id(kind, one))
        else:
            _add(made, kind, one, caller, is_simulated)
    return made


def _add(
    router: APIRouter, kind: type[Service], one: Route, caller: Caller, is_simulated: bool
) -> None:
    asked = asked_of(kind, one)
    given = _returned(asked)
    is_events = one.kind == "events"
    model = {} if is_events else {"model": _envelope(kind, one, given)}
    answers: dict[int | str, dict[str, Any]] = {
        status: dict(EVENTS if is_events else model) for status in (one.status, *one.others)
    }
    answers |= {status: {"description": _TEXT[status], **PROBLEM} for status in REFUSALS}
    router.add_api_route(
        one.path,
        _events(kind, one, caller, asked)
        if is_events
        else _answer(kind, one, caller, asked, given, is_simulated),
        methods=[one.method],
        status_code=one.status,
        response_model=None,
        response_class=Response,
        responses=answers,
        operation_id=_id(kind, one),
        name=_id(kind, one),
        route_class_override=_scoped(one.scope),
        summary=text_of(kind, one).partition("\n")[0],
        description=text_of(kind, one),
        openapi_extra={"x-scope": one.scope},
    )


class _Strict(Request):
    """Takes no body for JSON that is none: NaN, halves of characters."""

    async def json(self) -> Any:
        return json.loads(await self.body())


def _scoped(needed: Scope) -> type[APIRoute]:
    """Routes that look at the scope of the key before they read what is asked."""

    class Scoped(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def checked(request: Request) -> Response:
                if (raised := request.scope.get(RAISED)) is not None:
                    raise raised
                check_scope(request.scope, needed)
                return await handle(_Strict(request.scope, request.receive))

            return checked

    return Scoped


def _answer(
    kind: type[Service],
    one: Route,
    caller: Caller,
    asked: Signature,
    given: Any,
    is_simulated: bool,
) -> Any:
    known = _known(asked, one)
    ask = _asking(kind, one, caller, given, is_simulated)
    has_address, has_asker = ADDRESS in asked.parameters, ASKER in asked.parameters

    async def endpoint(request: Request, **values: Any) -> Response:
        if request.scope["query_string"]:
            _check_query(request, known)
        if has_address:
            values[ADDRESS] = str(request.base_url)
        if has_asker:
            values[ASKER] = request.scope.get(KEY)
        status, headers, body = await ask(values)
        return Response(body, status, headers, "application/json")

    return _signed(endpoint, asked)


def plain_routes(
    kind: type[Service], caller: Caller, *, is_simulated: bool = False
) -> Mapping[str, Plain]:
    """The routes of a service whose method takes nothing, by their path."""
    found = {}
    for one in routes_of(kind):
        asked = asked_of(kind, one)
        if one.kind == "answer" and one.method == "GET" and not asked.parameters:
            ask = _asking(kind, one, caller, _returned(asked), is_simulated)
            path = f"/api/{kind.name}{one.path}"
            found[path] = Plain(path, one.scope, ask)
    return found


def _asking(kind: type[Service], one: Route, caller: Caller, given: Any, is_simulated: bool) -> Ask:
    """Calls the method behind a route; gives status, headers and body."""
    adapter = OF if given is Any else TypeAdapter(given)
    marked = b',"simulated":true' if is_simulated else b""

    async def ask(values: Mapping[str, Any]) -> tuple[int, Mapping[str, str], bytes]:
        value = await caller.call(kind.name, one.name, values)
        status, headers = one.status, _NONE
        if isinstance(value, Reply):
            status, headers = value.status or status, value.headers
            value = value.value
        body = value.body if isinstance(value, Made) else adapter.dump_json(value)
        if one.key is not None:
            body = b'{"status":"success","%b":%b%b}' % (one.key.encode(), body, marked)
        return status, headers, body

    return ask


def _events(kind: type[Service], one: Route, caller: Caller, asked: Signature) -> Any:
    known = _known(asked, one)

    async def endpoint(request: Request, **values: Any) -> Response:
        if request.scope["query_string"]:
            _check_query(request, known)
        events = caller.iterate(kind.name, one.name, values)
        first = await anext(events, None)  # what it raises is an answer, not the end of one
        return EventSourceResponse(_told(first, events))

    return _signed(endpoint, asked)


def _socket(kind: type[Service], one: Route, caller: Caller) -> Any:
    asked = asked_of(kind, one)

    async def endpoint(websocket: WebSocket, **values: Any) -> None:
        values_ = caller.iterate(kind.name, one.name, values)
        try:
            check_scope(websocket.scope, one.scope)
            first = await anext(values_, None)
        except RaymillError as error:
            await _refuse(websocket, error)
            return
        await websocket.accept()
        sending = asyncio.ensure_future(_send_all(websocket, first, values_))
        gone = asyncio.ensure_future(_until_gone(websocket))
        try:
            await asyncio.wait((sending, gone), return_when=asyncio.FIRST_COMPLETED)
            is_over = sending.done() and not gone.done()
        finally:
            for task in (sending, gone):
                task.cancel()
            await asyncio.wait((sending, gone))
            await values_.aclose()
        failed = None if sending.cancelled() else sending.exception()
        if is_over:
            await websocket.close(*_end_of(failed))

    endpoint.__signature__ = asked.replace(  # type: ignore[attr-defined]
        parameters=[
            Parameter("websocket", Parameter.POSITIONAL_OR_KEYWORD, annotation=WebSocket),
            *_keyword(asked),
        ],
        return_annotation=None,
    )
    return endpoint


def refusal(problem: Problem, retry_s: float | None = None) -> Response:
    """The answer that a problem is, and after how many seconds to ask again."""
    headers = {} if retry_s is None else {"Retry-After": str(max(1, round(retry_s)))}
    return Response(problem.body(), problem.status, headers, MEDIA_TYPE)


async def _refuse(websocket: WebSocket, error: RaymillError) -> None:
    """Answer with the problem in place of a websocket, where the server can."""
    problem = problem_of(error, REQUEST_ID.get())
    if "websocket.http.response" not in websocket.scope.get("extensions", {}):
        await websocket.close(1008, _brief(problem.detail))
        return
    await websocket.send_denial_response(refusal(problem, retry_after(error, problem.status)))


def _end_of(failed: BaseException | None) -> tuple[int, str]:
    """The code and the reason with which a websocket is closed."""
    if not isinstance(failed, RaymillError):
        return (1000, "") if failed is None else (1011, "")
    problem = problem_of(failed)
    return 1013 if problem.status in (429, 503) else 1011, _brief(problem.detail)


def _brief(text: str) -> str:
    """As much of a text as the end of a websocket can say."""
    return text.encode()[:120].decode(errors="ignore")


async def _send_all(websocket: WebSocket, first: Any, values: AsyncIterator[Any]) -> None:
    if first is not None:
        await websocket.send_text(json.dumps(first).decode())
    async for value in values:
        await websocket.send_text(json.dumps(value).decode())


async def _until_gone(websocket: WebSocket) -> None:
    while (await websocket.receive())["type"] != "websocket.disconnect":
        continue


async def _told(first: Event | None, events: AsyncIterator[Event]) -> AsyncIterator[bytes]:
    """Events as the lines of server-sent events; a comment now and then where nothing happens."""
    if first is None:
        return
    yield _lines(first)
    coming = asyncio.ensure_future(anext(events, None))
    try:
        while True:
            done, _ = await asyncio.wait((coming,), timeout=PING_S)
            if not done:
                yield KEEPALIVE_COMMENT
                continue
            if (event := coming.result()) is None:
                return
            yield _lines(event)
            coming = asyncio.ensure_future(anext(events, None))
    except RaymillError as error:
        body = problem_of(error).body().decode()
        yield format_sse_event(data_str=body, event="error")
    finally:
        coming.cancel()
        await asyncio.gather(coming, return_exceptions=True)


def _lines(event: Event) -> bytes:
    data = OF.dump_json(event.data).decode()
    return format_sse_event(data_str=data, event=event.event, id=event.id)


def _signed(endpoint: Any, asked: Signature) -> Any:
    first = Parameter("request", Parameter.POSITIONAL_OR_KEYWORD, annotation=Request)
    endpoint.__signature__ = asked.replace(
        parameters=[first, *_keyword(asked)], return_annotation=Signature.empty
    )
    return endpoint


def _keyword(asked: Signature) -> list[Parameter]:
    made = []
    for one in asked.parameters.values():
        if one.name in (ADDRESS, ASKER):
            continue
        annotation = one.annotation
        if one.name == RESUME:
            annotation = Annotated[annotation, Header()]
        made.append(one.replace(kind=Parameter.KEYWORD_ONLY, annotation=annotation))
    return made


def _known(asked: Signature, one: Route) -> frozenset[str]:
    return frozenset(
        name
        for name, parameter in asked.parameters.items()
        if name not in (ADDRESS, ASKER, RESUME)
        and f"{{{name}}}" not in one.path
        and not _is_model(parameter.annotation)
    )


def _check_query(request: Request, known: frozenset[str]) -> None:
    for name in request.query_params:
        if name not in known:
            found = {"loc": ("query", name), "msg": "", "type": "extra_forbidden"}
            raise RequestValidationError([found | {"known": sorted(known)}])


def _returned(asked: Signature) -> Any:
    given = asked.return_annotation
    while get_origin(given) in (Reply, Made):
        given = get_args(given)[0]
    return Any if given in (Signature.empty, None, Reply) else given


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _envelope(kind: type[Service], one: Route, given: Any) -> Any:
    if one.key is None:
        return given
    fields: Mapping[str, Any] = {
        "status": (str, "success"),
        one.key: (given, ...),
        "simulated": (bool, False),
    }
    return create_model(f"{_words(kind, one)}Answer", **fields)


def _words(kind: type[Service], one: Route) -> str:
    return f"{kind.name}_{one.name}".replace("_", " ").title().replace(" ", "")


def _id(kind: type[Service], one: Route) -> str:
    return f"{kind.name}_{one.name}"


_TEXT = {
    401: "No key, or one that is unknown or revoked",
    403: "The key does not allow this",
    404: "There is no such thing",
    408: "The request came too slowly",
    409: "It does not fit what is there",
    413: "The body is too large",
    422: "Something in the request is not valid",
    429: "Too much at a time; `Retry-After` says when next",
    500: "Something failed inside",
    502: "A source of data cannot be reached",
    503: "A store or engine is away; `Retry-After` says when next",
    504: "A source of data does not answer in time",
}
