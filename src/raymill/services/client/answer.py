"""What came back: a value, or the error that a problem stands for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from raymill import errors, json
from raymill.errors import ApiUnavailable, RaymillError
from raymill.services.client.asked import Asked

KINDS: Mapping[int, type[RaymillError]] = {
    401: errors.AccessDenied,
    403: errors.AccessDenied,
    404: errors.NotFound,
    408: errors.TooBusy,
    409: errors.Conflict,
    413: errors.InputError,
    421: errors.AccessDenied,
    422: errors.InputError,
    429: errors.TooBusy,
    502: errors.SourceError,
    503: errors.StoreUnavailable,
}
_TAKEN = frozenset(("message", "hint", "self"))


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: its status and headers, all of its JSON, and the value that it is about."""

    status: int
    headers: Mapping[str, str]
    whole: Any
    value: Any

    @property
    def location(self) -> str | None:
        """Where to look at what goes on, of an answer of 202 or 201."""
        return self.headers.get("location")


def answer_of(asked: Asked, status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    """Read an answer. Raises the error that its problem stands for, or ApiUnavailable."""
    if status >= 400:
        raise error_of(asked, status, headers, body)
    if status == 204 or not body:
        return Answer(status, headers, None, None)
    try:
        whole = json.loads(body)
    except json.JSONError as error:
        raise strange(asked, status) from error
    value = whole.get(asked.key) if asked.key and isinstance(whole, dict) else whole
    if asked.adapter is not None:
        try:
            value = asked.adapter.validate_python(value, extra="allow")
        except ValidationError as error:
            raise strange(asked, status, str(error.errors()[0]["loc"])) from error
    return Answer(status, headers, whole, value)


def error_of(asked: Asked, status: int, headers: Mapping[str, str], body: bytes) -> RaymillError:
    """The error that a problem stands for: its class, message, hint and details."""
    try:
        problem = json.loads(body)
    except json.JSONError:
        return strange(asked, status)
    if not isinstance(problem, dict) or "detail" not in problem:
        return strange(asked, status)
    return told(problem, status, headers)


def told(
    problem: Mapping[str, Any], status: int, headers: Mapping[str, str] | None = None
) -> RaymillError:
    """The error of a problem."""
    details = dict(problem.get("details") or {})
    details["status"] = status
    for name in ("request_id", "errors"):
        if problem.get(name):
            details[name] = problem[name]
    fields = problem.get("errors") or []
    if len(fields) == 1:
        details["path"] = fields[0].get("path")
    if headers and "retry-after" in headers and "retry_after_s" not in details:
        details["retry_after_s"] = _seconds(headers["retry-after"])
    details = {name: one for name, one in details.items() if name not in _TAKEN}
    kind = _kind(str(problem.get("type", "")), status)
    return kind(str(problem["detail"]), hint=problem.get("hint"), **details)


def strange(asked: Asked, status: int, where: str = "") -> ApiUnavailable:
    """An answer that is none of the API's."""
    at = f", at {where}" if where else ""
    return ApiUnavailable(
        f"`{asked.method} {asked.path}` got an answer of {status} that is none of the API{at}",
        hint="is this the address of `raymill serve`, and of the same version?",
        status=status,
    )


def _kind(type_: str, status: int) -> type[RaymillError]:
    named = getattr(errors, type_.rpartition("#")[2], None)
    if isinstance(named, type) and issubclass(named, RaymillError):
        return named
    return KINDS.get(status, RaymillError)


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() else None
