"""What a call of a route asks over HTTP: worked out from its declaration, without a connection."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from inspect import Parameter, Signature
from typing import Any, get_args, get_origin
from urllib.parse import quote

from pydantic import BaseModel, TypeAdapter

from raymill.errors import ConfigError, unknown
from raymill.services.route import MARK, Made, Reply, Route, asked_of, routes_of
from raymill.services.service import Service, kind_of

RESUME = "last_event_id"
SAFE = ("GET", "HEAD", "PUT", "DELETE")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request.

    key: under which name the value stands in the answer; none where the answer is the value.
    is_safe: whether asking twice does no more than asking once.
    """

    method: str
    path: str
    query: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    body: Any = None
    key: str | None = None
    is_safe: bool = False
    resume: str | None = None
    adapter: TypeAdapter[Any] | None = None

    @property
    def wait_s(self) -> float:
        """How long the server may hold the request, as it was told in the query."""
        given = self.query.get("wait")
        try:
            return float(given) if isinstance(given, str) else 0.0
        except ValueError:
            return 0.0


def plainly(method: str, path: str, query: Mapping[str, Any] | None, body: Any) -> Asked:
    """A request by its method and path."""
    upper = method.upper()
    pairs = {name: text for name, value in (query or {}).items() if (text := _text(value))}
    return Asked(upper, path, pairs, _plain(body), is_safe=upper in SAFE)


@dataclass(frozen=True, slots=True)
class Target:
    """A route of a service."""

    kind: type[Service]
    route: Route

    def asked(self, args: Sequence[Any], given: Mapping[str, Any]) -> Asked:
        """The request of a call. Raises ConfigError."""
        signature = asked_of(self.kind, self.route)
        body, values = _bound(self, signature, args, given)
        path = f"/api/{self.kind.name}{self.route.path}"
        query = {}
        for name, value in values.items():
            if f"{{{name}}}" in path:
                path = path.replace(f"{{{name}}}", path_part(name, str(value)))
            elif name != RESUME and (text := _text(value)) is not None:
                query[name] = text
        is_safe = self.route.method in SAFE or self.route.scope == "read"
        return Asked(
            self.route.method,
            path,
            query,
            _plain(body),
            self.route.key,
            is_safe,
            values.get(RESUME),
            _adapter(self),
        )

    def paged(self, asked: Asked, answer: Mapping[str, Any]) -> Asked | None:
        """The request of the next page, None behind the last one.

        An answer that has a further page says so in `next_<name>`, which goes into `<name>`.
        """
        whole = answer if asked.key is None else answer.get(asked.key)
        if not isinstance(whole, Mapping):
            return None
        for name, value in whole.items():
            if name.startswith("next_") and value is not None:
                return self._with(asked, name.removeprefix("next_"), value)
        return None

    def _with(self, asked: Asked, name: str, value: Any) -> Asked | None:
        signature = asked_of(self.kind, self.route)
        if name in signature.parameters:
            return replace(asked, query={**asked.query, name: _text(value) or ""})
        model = _body_of(signature)
        if model is not None and name in model[1].model_fields:
            return replace(asked, body={**(asked.body or {}), name: value})
        return None


def target_of(kind: type[Service], name: str) -> Target:
    """A route by the name of its method. Raises UnknownName."""
    routes = {one.name: one for one in routes_of(kind)}
    if name not in routes:
        raise unknown(f"route of `{kind.name}`:", name, routes)
    return Target(kind, routes[name])


def target(method: Callable[..., Any]) -> Target:
    """The route behind a method of a service class, as in `Screener.screen`. Raises ConfigError."""
    route: Route | None = getattr(method, MARK, None)
    owner = method.__qualname__.rpartition(".")[0]
    kind = getattr(sys.modules.get(method.__module__), owner, None)
    if route is None or not isinstance(kind, type) or not hasattr(kind, "name"):
        raise ConfigError(
            f"`{method.__qualname__}` is no route of one service",
            hint="name a method that is marked with @route, or call client.<service>.<method>",
        )
    return Target(kind, route)


@lru_cache(maxsize=64)
def service_of(name: str) -> type[Service]:
    """The class of an installed service. Raises UnknownName."""
    return kind_of(name)


def _bound(
    target: Target, signature: Signature, args: Sequence[Any], given: Mapping[str, Any]
) -> tuple[Any, dict[str, Any]]:
    """The body and all other values of a call; what is no parameter is a field of the body."""
    own = {name: value for name, value in given.items() if name in signature.parameters}
    fields = {name: value for name, value in given.items() if name not in own}
    found = _body_of(signature)
    if fields and found is None:
        raise unknown(
            f"parameter of `{target.route.name}`:", sorted(fields)[0], signature.parameters
        )
    if found is not None and found[0] not in own and not _fills(signature, args, found[0]):
        own[found[0]] = fields
    elif fields:
        raise ConfigError(f"`{sorted(fields)[0]}` is given beside a whole body")
    try:
        values = dict(signature.bind(*args, **own).arguments)
    except TypeError as error:
        raise ConfigError(f"`{target.route.name}` {error}") from None
    return (values.pop(found[0], None) if found else None), values


def _fills(signature: Signature, args: Sequence[Any], name: str) -> bool:
    return name in list(signature.parameters)[: len(args)]


def _body_of(signature: Signature) -> tuple[str, type[BaseModel]] | None:
    for name, parameter in signature.parameters.items():
        kind = parameter.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return name, kind
    return None


@lru_cache(maxsize=512)
def _adapter(target: Target) -> TypeAdapter[Any] | None:
    if target.route.kind != "answer":
        return None
    given = asked_of(target.kind, target.route).return_annotation
    while get_origin(given) in (Reply, Made):
        given = get_args(given)[0]
    return None if given in (Parameter.empty, None, Any, Reply, Made) else TypeAdapter(given)


def path_part(name: str, value: str) -> str:
    """A value as one part of a path: servers take an encoded slash for one."""
    if value in ("", ".", "..") or "/" in value or "\0" in value:
        raise ConfigError(f"`{value}` cannot stand in an address as `{name}`")
    return quote(value, safe="")


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_unset=True)
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _text(value: Any) -> str | list[str] | None:
    if value is None:
        return None
    if isinstance(value, list | tuple):
        return [str(_text(one)) for one in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
