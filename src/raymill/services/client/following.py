"""What a websocket of the API is opened with, and what its end means: for either client."""

import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import httpx2
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from raymill import json, log
from raymill.errors import AccessDenied, ApiUnavailable, RaymillError
from raymill.services.client.answer import error_of
from raymill.services.client.asked import Asked
from raymill.services.client.tries import Attempts

ENDS = (OSError, WebSocketException)
"""How a connection ends that is not made, or breaks off."""
DONE, DENIED, FAILED = 1000, 1008, 1011
MOST_BYTES = 16 * 1024 * 1024
CLOSE_S = 2.0


class Following:
    """One websocket, opened again where it breaks off.

    An end that the server means is the end: 1000 of what it sends, all others as an error.
    """

    def __init__(
        self,
        asked: Asked,
        http: httpx2.Client | httpx2.AsyncClient,
        attempts: Attempts,
        verify: ssl.SSLContext | bool,
    ) -> None:
        self._asked, self._http, self._attempts = asked, http, attempts
        self._verify = verify

    def opening(self) -> Mapping[str, Any]:
        """What it is opened with."""
        here, timeout_s = self._http.base_url, self._http.timeout.connect
        path = self._asked.path
        if self._asked.query:
            path += "?" + urlencode(self._asked.query, doseq=True)
        names = ("authorization", "user-agent")
        shown = {name: self._http.headers[name] for name in names if name in self._http.headers}
        agent = shown.pop("user-agent", None)
        is_secure = here.scheme == "https"
        return {
            "uri": f"ws{str(here).rstrip('/').removeprefix('http')}{path}",
            "additional_headers": shown,
            "user_agent_header": agent,
            "open_timeout": timeout_s,
            "close_timeout": CLOSE_S,
            "max_size": MOST_BYTES,
            **({"ssl": _trust(self._verify)} if is_secure else {}),
        }

    def heard(self, text: str | bytes) -> Any:
        """The value of a message."""
        self._attempts.restart()
        try:
            return json.loads(text)
        except json.JSONError as error:
            raise ApiUnavailable("A message of the websocket is no JSON") from error

    def ended(self, error: Exception) -> float | None:
        """How long to wait before it is opened again; None where all was sent.

        Raises what the end means.
        """
        if isinstance(error, InvalidStatus):
            got = error.response
            headers = {name.lower(): value for name, value in got.headers.raw_items()}
            wait_s = self._attempts.answered(got.status_code, headers)
            if wait_s is None:
                raise error_of(self._asked, got.status_code, headers, bytes(got.body or b""))
            return wait_s
        if isinstance(error, ConnectionClosed) and error.rcvd is not None:
            if error.rcvd.code == DONE:
                return None
            if error.rcvd.code in (DENIED, FAILED):
                raise _meant(error.rcvd.code, error.rcvd.reason)
        is_new = not isinstance(error, ConnectionClosed)
        wait_s = self._attempts.failed(error, str(self._http.base_url), is_unsent=is_new)
        log.get_logger().warning("api.followed_again", path=self._asked.path, reason=str(error))
        return wait_s


def _meant(code: int, reason: str) -> RaymillError:
    if code == DENIED:
        return AccessDenied(reason or "The websocket was closed", status=403)
    return ApiUnavailable(f"The API failed while it sent: {reason or 'its log says why'}")


def _trust(verify: ssl.SSLContext | bool) -> ssl.SSLContext:
    if isinstance(verify, ssl.SSLContext):
        return verify
    made = ssl.create_default_context()
    if not verify:
        made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    return made
