"""The value of a condition, checked against its field: numbers, texts, days, other fields."""

import math
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from raymill import arrow
from raymill.errors import ConfigError
from raymill.market.screen.fields import Field, catalogue
from raymill.market.screen.operators import Operator
from raymill.market.screen.refusals import modelled, refusal, shown, unknown_at
from raymill.market.screen.tree import Other, Scalar, Value

MOST_LISTED = 500
MOST_PATTERN = 200
_DAY_ZERO = date(1970, 1, 1).toordinal()
_ZERO = datetime(1970, 1, 1, tzinfo=UTC)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class FieldValue(_Strict):
    """Another field of the same row, as a value."""

    field: str


class Distance(_Strict):
    """Another field of the same row, and how many percent away from it."""

    field: str
    pct: float


def value_of(field: Field, operator: Operator, raw: Any, path: str) -> Value:
    """Check the value of an operator on a field. Raises ConfigError, UnknownName."""
    match operator.shape:
        case "none":
            if raw is not None:
                raise refusal(path, f"cannot be given: `{operator.name}` takes no value")
            return None
        case "scalar" | "ordered" | "cross":
            return _other(field, raw, path) if isinstance(raw, dict) else scalar(field, raw, path)
        case "range":
            return _range(field, raw, path)
        case "list":
            return _list(field, raw, path)
        case "distance":
            return _distance(field, raw, path)
        case "rank":
            return _rank(operator, raw, path)
        case "pattern":
            return _pattern(raw, path)
        case "text":
            return _text(raw, path)


def scalar(field: Field, raw: Any, path: str) -> Scalar:
    """One value of a field; days count from 1970, times in microseconds."""
    match field.type:
        case "number":
            return number(raw, path)
        case "integer":
            if not isinstance(raw, int) or isinstance(raw, bool):
                raise _not(raw, path, "a whole number")
            return float(raw)
        case "date":
            return float(day(raw, path).toordinal() - _DAY_ZERO)
        case "time":
            return micros(moment(raw, path))
        case "enum" if isinstance(raw, str) and raw not in field.values:
            raise unknown_at(path, field.name, raw, field.values)
        case _:
            return _text(raw, path)


def number(raw: Any, path: str) -> float:
    """A finite number. Raises ConfigError."""
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise _not(raw, path, "a number")
    try:
        found = float(raw)
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise _not(raw, path, "a finite number")
    return found


def day(raw: Any, path: str) -> date:
    """A day as in 2024-01-31. Raises ConfigError."""
    try:
        if isinstance(raw, str) and len(raw) == 10:
            return date.fromisoformat(raw)
    except ValueError:
        pass
    raise _not(raw, path, "a day as in `2024-01-31`")


def moment(raw: Any, path: str) -> datetime:
    """A time with a zone, or a day, which is its midnight in UTC. Raises ConfigError."""
    if isinstance(raw, str) and len(raw) == 10:
        found = day(raw, path)
        return datetime(found.year, found.month, found.day, tzinfo=UTC)
    try:
        if isinstance(raw, str):
            time = datetime.fromisoformat(raw)
            if time.tzinfo is not None:
                return time.astimezone(UTC)
            raise refusal(path, f"cannot be `{shown(raw)}`: it has no zone", "write a `Z` behind")
    except (ValueError, OverflowError):
        pass
    raise _not(raw, path, "a time as in `2024-01-31T14:30:00Z`, or a day")


def micros(time: datetime) -> float:
    """A time as microseconds since 1970."""
    since = time - _ZERO
    return float(since.days * 86_400_000_000 + since.seconds * 1_000_000 + since.microseconds)


def field_at(name: Any, path: str) -> Field:
    """A field by its name. Raises ConfigError, UnknownName with near matches."""
    if not isinstance(name, str):
        raise _not(name, path, "the name of a field")
    known = catalogue()
    if name not in known:
        raise unknown_at(path, "field", name, known)
    return known[name]


def _other(field: Field, raw: Mapping[str, Any], path: str) -> Other:
    name = modelled(FieldValue, raw, path).field
    _same_type(field, field_at(name, f"{path}.field"), f"{path}.field")
    return Other(name)


def _distance(field: Field, raw: Any, path: str) -> Other:
    if not isinstance(raw, dict):
        raise _not(raw, path, 'an object as in `{"field": "sma_200", "pct": 5}`')
    found = modelled(Distance, raw, path)
    _same_type(field, field_at(found.field, f"{path}.field"), f"{path}.field")
    return Other(found.field, number(found.pct, f"{path}.pct"))


def _same_type(field: Field, other: Field, path: str) -> None:
    kinds = [
        "number" if one.type == "integer" else "string" if one.type == "enum" else one.type
        for one in (field, other)
    ]
    if kinds[0] != kinds[1]:
        text = f"cannot be `{other.name}`: it is a {other.type}, `{field.name}` is a {field.type}"
        raise refusal(path, text)


def _range(field: Field, raw: Any, path: str) -> tuple[Scalar, ...]:
    if not isinstance(raw, list) or len(raw) != 2:
        raise _not(raw, path, "`[low, high]`")
    low, high = (scalar(field, one, f"{path}[{at}]") for at, one in enumerate(raw))
    if low > high:  # type: ignore[operator]
        raise refusal(path, f"cannot be `{shown(raw)}`: the low bound is above the high one")
    return low, high


def _list(field: Field, raw: Any, path: str) -> tuple[Scalar, ...]:
    if not isinstance(raw, list) or not 1 <= len(raw) <= MOST_LISTED:
        raise _not(raw, path, f"a list of 1 to {MOST_LISTED} values")
    return tuple(scalar(field, one, f"{path}[{at}]") for at, one in enumerate(raw))


def _rank(operator: Operator, raw: Any, path: str) -> float:
    if operator.name == "percentile_gte":
        found = number(raw, path)
        if not 0 <= found <= 100:
            raise _not(raw, path, "a number from 0 to 100")
        return found
    if isinstance(raw, bool) or not isinstance(raw, int) or raw < 1:
        raise _not(raw, path, "a whole number above 0")
    return float(raw)


def _pattern(raw: Any, path: str) -> str:
    text = _text(raw, path)
    if len(text) > MOST_PATTERN:
        raise refusal(path, f"has {len(text)} characters, {MOST_PATTERN} are allowed")
    try:
        arrow.matches(arrow.array([""]), text)
    except arrow.Invalid as error:
        reason = str(error).partition(": ")[2] or str(error)
        raise refusal(path, f"is no pattern of RE2: {reason}") from None
    return text


def _text(raw: Any, path: str) -> str:
    if not isinstance(raw, str):
        raise _not(raw, path, "a text")
    return raw


def _not(raw: Any, path: str, wanted: str) -> ConfigError:
    return refusal(path, f"cannot be `{shown(raw)}`: give {wanted}")
