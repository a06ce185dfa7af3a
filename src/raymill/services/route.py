"""How a service declares its routes: a mark on a method, read by whatever serves it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from inspect import Signature, getdoc, signature
from typing import Any, Generic, Literal, TypeVar

from raymill.state.keys import Scope

Method = Literal["GET", "POST", "PUT", "DELETE"]
Kind = Literal["answer", "events", "socket"]
T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
MARK = "__raymill_route__"


@dataclass(frozen=True, slots=True)
class Route:
    """One route of a service.

    key: under which name the answer stands beside `"status": "success"`; none gives it bare.
    status: the status of the answer, unless a `Reply` says another; `others` are those.
    keep_s: how long an answer may be given again to whoever asks the same, whatever the key.
    kind: `events` is an async generator of `Event`s, told as server-sent events; `socket` is one
    of JSON values, sent over a websocket.
    """

    method: Method
    path: str
    name: str = ""
    key: str | None = "result"
    status: int = 200
    others: tuple[int, ...] = ()
    scope: Scope = "read"
    kind: Kind = "answer"
    keep_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):
    """An answer whose status or headers differ from those of its route."""

    value: T
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Made(Generic[T]):
    """An answer that is JSON already, in the form of `T`: it is sent as it is."""

    body: bytes


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: its id is where a listener that comes back goes on."""

    id: str
    data: Any
    event: str = "message"


def route(
    method: Method,
    path: str,
    *,
    key: str | None = "result",
    status: int = 200,
    others: tuple[int, ...] = (),
    scope: Scope | None = None,
    kind: Kind = "answer",
    keep_s: float = 0.0,
) -> Callable[[F], F]:
    """Declare that a method of a service answers a route under `/api/<name>`.

    Its parameters say what is asked: those named in the path, a pydantic model for the body, all
    others in the query. It may be called directly all the same.
    """
    needed = scope or ("read" if method == "GET" else "write")

    def mark(method_: F) -> F:
        made = Route(method, path, method_.__name__, key, status, others, needed, kind, keep_s)
        setattr(method_, MARK, made)
        return method_

    return mark


def routes_of(service: type) -> Iterator[Route]:
    """The routes of a service, in the order in which they are written."""
    seen: dict[str, Route] = {}
    for kind in reversed(service.__mro__):
        for name, member in vars(kind).items():
            if (found := getattr(member, MARK, None)) is not None:
                seen[name] = found
    yield from seen.values()


def asked_of(service: type, found: Route) -> Signature:
    """The signature of the method behind a route, without `self`."""
    whole = signature(getattr(service, found.name))
    return whole.replace(parameters=list(whole.parameters.values())[1:])


def text_of(service: type, found: Route) -> str:
    """What a route does, for its users."""
    return getdoc(getattr(service, found.name)) or ""
