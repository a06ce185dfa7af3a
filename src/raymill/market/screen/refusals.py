"""What is wrong with a request, said with the path of the field that is wrong."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from raymill import json
from raymill.errors import ConfigError, RaymillError, UnknownName, near

M = TypeVar("M", bound=BaseModel)
MOST_LISTED = 25
MOST_SHOWN = 60


def refusal(path: str, reason: str, hint: str | None = None) -> ConfigError:
    """An error about the field at a path."""
    return ConfigError(f"`{path}` {reason}", hint=hint, path=path)


def unknown_at(path: str, what: str, name: str, known: Iterable[str]) -> RaymillError:
    """An error about a name that does not exist, with near matches."""
    names = sorted(known)
    guess = near(name, names)
    listed = f"there are: {', '.join(names)}" if 0 < len(names) <= MOST_LISTED else None
    hint = " ".join(part for part in (guess, listed) if part) or f"see the list of {what}s"
    return UnknownName(f"`{path}`: unknown {what} `{shown(name)}`", hint=hint, path=path)


def shown(value: Any) -> str:
    """A value as JSON, cut where it is long."""
    text = value if isinstance(value, str) else _text(value)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."


def _text(value: Any) -> str:
    try:
        return json.dumps(value).decode()
    except (TypeError, ValueError):  # an integer too long for it
        return repr(value)


def modelled(model: type[M], value: Mapping[str, Any], path: str = "") -> M:
    """Read a mapping as a model. Raises ConfigError, UnknownName with the path of the field."""
    prefix = f"{path}." if path else ""
    for name in value:
        if name not in model.model_fields:
            raise unknown_at(f"{prefix}{name}", "name", name, model.model_fields)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise _first(error, prefix) from None


def _first(error: ValidationError, prefix: str) -> RaymillError:
    problem = error.errors(include_url=False)[0]
    where = prefix + "".join(_step(part, at) for at, part in enumerate(problem["loc"]))
    if problem["type"] == "missing":
        return refusal(where, "is missing")
    reason = problem["msg"].removeprefix("Value error, ")
    return refusal(where, f"cannot be `{shown(problem['input'])}`: {reason}")


def _step(part: int | str, at: int) -> str:
    return f"[{part}]" if isinstance(part, int) else f".{part}" if at else part
