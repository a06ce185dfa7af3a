"""Who may ask the API: by which name of the host, from which pages, with which key, how often."""

import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from raymill.config.serve import ServeSettings
from raymill.errors import AccessDenied, ConfigError
from raymill.services.glance import Glance
from raymill.services.rates import Rates
from raymill.state.keys import Key, Ring, Scope

FRESH_S = 1.0  # how long a key that was revoked may still be taken for one in force
OPEN = frozenset(("/", "/health", "/ready"))
SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
KEY = "raymill.key"
CREATE = "raymill keys create NAME --scope admin"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there.

    >>> [is_loopback(one) for one in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "::", "")]
    [True, True, True, False, False, False]
    """
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def needs_keys(settings: ServeSettings) -> bool:
    """Whether nobody is answered without a key."""
    return settings.auth == "on" or (settings.auth == "auto" and not is_loopback(settings.host))


def check_start(settings: ServeSettings, has_keys: Callable[[], bool]) -> None:
    """Refuse to open a door to other machines that has no lock. Raises ConfigError."""
    if settings.auth == "off" and not is_loopback(settings.host):
        raise ConfigError(
            f"`serve.auth` is `off`, and other machines reach `{settings.host}`",
            hint="leave it at `auto`, or listen on 127.0.0.1",
        )
    if needs_keys(settings) and not has_keys():
        raise ConfigError(f"`{settings.host}` needs keys, and there is none", hint=CREATE)


class Access:
    """Checks requests before anything of them is read but the headers.

    look: reads the keys in force; `rates` says how often each may ask.
    """

    def __init__(
        self,
        settings: ServeSettings,
        look: Callable[[], Ring],
        rates: Rates,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rates = rates
        self._ring = Glance(look, FRESH_S, clock)
        self._is_needed = needs_keys(settings)
        self._hosts = _allowed_hosts(settings)
        self._origins = frozenset(settings.origins)
        self._open = OPEN | _unprotected(settings)

    async def check(self, scope: MutableMapping[str, Any]) -> Key | None:
        """The key of a request, none where it needs none. Raises AccessDenied, TooBusy."""
        headers: Sequence[tuple[bytes, bytes]] = scope["headers"]
        host = self._check_host(headers, scope.get("http_version", "1.1"))
        if scope["type"] == "websocket" or scope["method"] not in SAFE:
            self._check_origin(headers, host)
        if scope["path"] in self._open:
            return None
        secret = _secret(headers)
        if secret is None:
            if self._is_needed:
                raise AccessDenied("This needs a key", status=401, hint=f"send one as {_HOW}")
            return None
        key = (await self._ring.now()).find(secret)
        if key is None:
            raise AccessDenied("The key is unknown or revoked", status=401, hint="raymill keys ls")
        await self._rates.check(key)
        scope[KEY] = key
        return key

    async def still(self, key: Key) -> bool:
        """Whether a key that opened a stream of events is still in force."""
        return (await self._ring.now()).holds(key.id)

    def _check_host(self, headers: Sequence[tuple[bytes, bytes]], version: str) -> str:
        given = _values(headers, b"host")
        if len(given) > 1 or (not given and version != "1.0"):
            raise AccessDenied("A request names one host", status=400)
        host = given[0] if given else ""
        if given and self._hosts is not None and not _is_among(_name(host), self._hosts):
            raise AccessDenied(
                f"This is not `{host[:100]}`",
                status=421,
                hint="RAYMILL_SERVE_ALLOWED_HOSTS names the hosts under which it is known",
            )
        return host

    def _check_origin(self, headers: Sequence[tuple[bytes, bytes]], host: str) -> None:
        for origin in _values(headers, b"origin"):
            if origin not in self._origins and urlsplit(origin).netloc != host:
                raise AccessDenied(
                    f"Pages of `{origin[:100]}` may not ask this",
                    hint="RAYMILL_SERVE_CORS_ORIGINS names the origins that may",
                )


def check_scope(scope: Mapping[str, Any], needed: Scope) -> None:
    """Refuse what the key of a request does not allow. Raises AccessDenied."""
    key: Key | None = scope.get(KEY)
    if key is not None and not key.allows(needed):
        raise AccessDenied(
            f"Key `{key.name}` allows `{key.scope}`, and this needs `{needed}`",
            hint=f"raymill keys create NAME --scope {needed}",
        )


_HOW = "`Authorization: Bearer KEY` or `X-API-Key: KEY`"


def _allowed_hosts(settings: ServeSettings) -> frozenset[str] | None:
    """The hosts that a request may name; None for any.

    A page of another site can have its name lead here, and would then be of the same origin.
    """
    if settings.hosts:
        return frozenset((*settings.hosts, settings.host))
    return frozenset((settings.host,)) if is_loopback(settings.host) else None


def _is_among(name: str, hosts: frozenset[str]) -> bool:
    return name in hosts or is_loopback(name)


def _name(host: str) -> str:
    """The host without its port.

    >>> [_name(one) for one in ("localhost:8000", "[::1]:80", "10.0.0.1", "EXAMPLE.org:1")]
    ['localhost', '::1', '10.0.0.1', 'example.org']
    """
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()


def _unprotected(settings: ServeSettings) -> frozenset[str]:
    docs = () if settings.protect_docs else ("/docs", "/docs/errors", "/docs/style.css")
    described = () if settings.protect_docs else ("/openapi.json",)
    return frozenset((*docs, *described, *(() if settings.protect_metrics else ("/metrics",))))


def _secret(headers: Sequence[tuple[bytes, bytes]]) -> str | None:
    found = set(_secrets(headers))
    if len(found) > 1:
        raise AccessDenied("A request has one key", status=401)
    return found.pop() if found else None


def _secrets(headers: Sequence[tuple[bytes, bytes]]) -> Iterator[str]:
    for name, value in headers:
        if name == b"x-api-key":
            yield value.decode("latin-1").strip()
        elif name == b"authorization":
            scheme, _, rest = value.decode("latin-1").partition(" ")
            if scheme.lower() == "bearer":
                yield rest.strip()


def _values(headers: Sequence[tuple[bytes, bytes]], wanted: bytes) -> list[str]:
    return [value.decode("latin-1") for name, value in headers if name == wanted]
