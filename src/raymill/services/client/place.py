"""Where the API is, and who asks: what either client opens its connection with."""

import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx2

from raymill import __version__, json
from raymill.config import settings
from raymill.errors import ConfigError
from raymill.services.client.asked import Asked

EVENTS_S = 60.0  # of silence; the API says something each 15 s


def options(
    url: str | None, key: str | None, timeout_s: float | None, verify: ssl.SSLContext | bool
) -> dict[str, Any]:
    """What a connection is opened with. Raises ConfigError."""
    where = (url or settings().serve.address).rstrip("/")
    if not where.startswith(("http://", "https://")):
        raise ConfigError(f"`{where}` is no address of an API", hint="as in http://127.0.0.1:8000")
    given = settings().api.key
    secret = key or (given.get_secret_value() if given else "")
    if not (secret.isascii() and secret.isprintable()):
        raise ConfigError("The key is none: it holds what no key has", hint="RAYMILL_API_KEY")
    headers = {"User-Agent": f"raymill/{__version__}"}
    headers |= {"Authorization": f"Bearer {secret}"} if secret else {}
    limit_s = timeout_s or settings().api.timeout_s
    return {
        "base_url": where,
        "headers": headers,
        "timeout": httpx2.Timeout(limit_s, connect=min(limit_s, 10.0), pool=None),
        "verify": verify,
        "follow_redirects": False,
    }


def request(
    http: httpx2.Client | httpx2.AsyncClient, asked: Asked, *, last: str | None = None
) -> httpx2.Request:
    """The request as it is sent; with `last`, one for events behind that one."""
    headers, body = {"Accept": "application/json"}, None
    if asked.body is not None:
        headers["Content-Type"] = "application/json"
        body = json.dumps(asked.body)
    extensions: Mapping[str, Any] = {"timeout": _timeout(http, asked.wait_s)}
    if last is not None:
        headers["Accept"] = "text/event-stream"
        extensions = {"timeout": {**_timeout(http, 0.0), "read": EVENTS_S}}
        headers |= {"Last-Event-ID": last} if last else {}
    return http.build_request(
        asked.method,
        asked.path,
        params=asked.query or None,
        content=body,
        headers=headers,
        extensions=dict(extensions),
    )


def asked_at(http: httpx2.Client | httpx2.AsyncClient, url: str) -> Asked:
    """The request for an address, as a `websocket_url` tells it. Raises ConfigError.

    The key goes where all other requests go, so the address has to be there.
    """
    parts, here = urlsplit(url), http.base_url
    if parts.netloc and parts.netloc != here.netloc.decode():
        raise ConfigError(
            f"`{url}` is not at `{here}`", hint="open a client with the address of that API"
        )
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return Asked("GET", path, is_safe=True)


def _timeout(http: httpx2.Client | httpx2.AsyncClient, wait_s: float) -> dict[str, float | None]:
    made = http.timeout.as_dict()
    return {**made, "read": (made["read"] or 0.0) + wait_s}
