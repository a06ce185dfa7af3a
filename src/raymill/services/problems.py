"""What went wrong, as problem details (RFC 9457): which status, which fields, what to do."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import Field

from raymill import errors, json
from raymill.errors import RaymillError, near
from raymill.services.service import Model

MEDIA_TYPE = "application/problem+json"
PAGE = "/docs/errors#"
STATUS: Mapping[type[RaymillError], int] = {
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooBusy: 429,
    errors.AccessDenied: 403,
    errors.ConfigError: 422,
    errors.PipelineError: 422,
    errors.NotStored: 409,
    errors.InputError: 422,
    errors.DataError: 422,
    errors.TaskError: 422,
    errors.SourceError: 502,
    errors.StoreError: 503,
    errors.EngineUnavailable: 503,
}
TITLES = {
    400: "Bad request",
    401: "Who are you?",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "Too slow",
    409: "Conflict",
    413: "Too large",
    422: "Not valid",
    429: "Too much at a time",
    500: "Internal error",
    502: "The source does not answer",
    503: "Not available now",
    504: "The source is too slow",
}
RETRY_S = {429: 1.0, 503: 2.0}


class WrongField(Model):
    """One field that is wrong: its path, why, and names that are near."""

    path: str
    message: str
    near: list[str] = Field(default_factory=list)


class Problem(Model):
    """Why a request was not answered."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str = ""
    hint: str | None = None
    errors: list[WrongField] = Field(default_factory=list)
    details: dict[str, Any] = Field(default_factory=dict)

    def body(self) -> bytes:
        """The problem as the body of an answer."""
        return json.dumps(self.model_dump(exclude_none=True))


def status_of(error: RaymillError) -> int:
    """The status that an error is answered with."""
    given: int | None = error.details.get("status")
    if given is not None:
        return given
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def problem_of(error: RaymillError, request_id: str = "") -> Problem:
    """The problem behind an error of raymill."""
    status = status_of(error)
    details = {
        name: value
        for name, value in error.details.items()
        if name not in ("status", "path") and isinstance(value, str | int | float | bool | list)
    }
    path = error.details.get("path")
    fields = [WrongField(path=path, message=error.message)] if isinstance(path, str) else []
    return Problem(
        type=f"{PAGE}{type(error).__name__}",
        title=TITLES.get(status, "Error"),
        status=status,
        detail=error.message,
        request_id=request_id,
        hint=error.hint,
        errors=fields,
        details=details,
    )


def plain(status: int, detail: str, request_id: str = "", hint: str | None = None) -> Problem:
    """A problem that is none of raymill's errors: an address without a route, a large body."""
    title = TITLES.get(status, "Error")
    return Problem(
        type="about:blank",
        title=title,
        status=status,
        detail=detail,
        request_id=request_id,
        hint=hint,
    )


def invalid(found: Sequence[Mapping[str, Any]], request_id: str = "") -> Problem:
    """The problem of a request whose fields do not fit, from what pydantic says of each."""
    fields = [_field(one) for one in found]
    first = fields[0]
    detail = f"`{first.path}`: {first.message}" if first.path else first.message
    guess = f"did you mean {' or '.join(f'`{name}`' for name in first.near)}?"
    return Problem(
        type=f"{PAGE}ConfigError",
        title=TITLES[422],
        status=422,
        detail=detail,
        request_id=request_id,
        hint=guess if first.near else None,
        errors=fields,
    )


def _field(one: Mapping[str, Any]) -> WrongField:
    where = list(one["loc"][1:])  # the first says body, query, path or header
    if one["type"] == "json_invalid":
        where = []
    known: Sequence[str] = one.get("known", ())
    guesses = near(str(where[-1]), known) if where and known else None
    names = [name for name in known if guesses and f"`{name}`" in guesses]
    message = _REASONS.get(one["type"]) or str(one["msg"]).removeprefix("Value error, ")
    return WrongField(path="".join(_steps(where)), message=message, near=names)


_REASONS = {"json_invalid": "the body is no JSON", "extra_forbidden": "there is no such name"}


def _steps(where: Sequence[Any]) -> Iterator[str]:
    for at, part in enumerate(where):
        yield f"[{part}]" if isinstance(part, int) else f".{part}" if at else str(part)


def retry_after(error: RaymillError, status: int) -> float | None:
    """After how many seconds to ask again, where that makes sense."""
    given = error.details.get("retry_after_s", error.details.get("wait_s"))
    return float(given) if given is not None else RETRY_S.get(status)
