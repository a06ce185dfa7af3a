"""The signature is the declaration: reads a plain function's arguments and return as ports,
parameters, outputs."""

import inspect
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Annotated, Any, Literal, NewType, get_args, get_origin, get_type_hints

import pyarrow as pa

from raymill.errors import ConfigError
from raymill.flow.column_task import Kind, Port
from raymill.flow.outcome import Fail, Skip

Hash = NewType("Hash", int)
"""A port of this type gets a stable 64-bit hash of the cell's text."""

Time = NewType("Time", int)
"""A port of this type gets a time in epoch milliseconds."""

REQUIRED: Any = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Out:
    """Marks an argument that a step fills: `predictions: Annotated[NDArray[np.float64],
    Out("horizon")]`
    adds a list column of fixed length, given by the parameter of that name."""

    length: str


@dataclass(frozen=True, slots=True)
class Outside:
    """Marks a parameter that names a file, or code: `model: Annotated[str, Outside("file")]`.

    Who posts records over HTTP cannot set it.
    """

    what: Literal["file", "code"]


def outside(annotation: Any) -> str | None:
    """What a parameter of this type names outside of the records: a file, or code.

    >>> outside(Annotated[str, Outside("file")] | None), outside(str)
    ('file', None)
    """
    for mark in getattr(annotation, "__metadata__", ()):
        if isinstance(mark, Outside):
            return mark.what
    if isinstance(annotation, type) and issubclass(annotation, PurePath):
        return "file"
    return next((found for one in get_args(annotation) if (found := outside(one))), None)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A keyword-only argument, or a field of a column task."""

    name: str
    annotation: Any
    default: Any = REQUIRED


@dataclass(frozen=True, slots=True)
class Returns:
    """What the return annotation says a function adds."""

    columns: tuple[tuple[str, pa.DataType], ...]
    optional: bool = False  # may return None
    filters: bool = False  # a bool: keep or skip
    outcomes: bool = False  # may return Skip or Fail
    record: bool = False  # returns a dict of fields
    tuple_: bool = False  # a NamedTuple: several columns


@dataclass(frozen=True, slots=True)
class Signature:
    """A function, read."""

    state: str | None
    ports: dict[str, Port]
    record: str | None  # the argument that takes the record as a dict
    fills: dict[str, str]  # argument -> parameter that gives its length
    parameters: tuple[Parameter, ...]
    returns: Returns


_PORTS: dict[Any, Kind] = {
    float: Kind.NUMBER,
    int: Kind.INTEGER,
    str: Kind.TEXT,
    Hash: Kind.HASH,
    Time: Kind.TIME,
    Any: Kind.ANY,
}
_COLUMNS: dict[Any, pa.DataType] = {
    float: pa.float64(),
    int: pa.int64(),
    str: pa.string(),
    bool: pa.bool_(),
    Time: pa.int64(),
    list[float]: pa.list_(pa.float64()),
    list[int]: pa.list_(pa.int64()),
    list[str]: pa.list_(pa.string()),
}


def members(annotation: Any) -> tuple[Any, ...]:
    """The alternatives of a union, or the annotation alone."""
    union = get_origin(annotation) in (typing.Union, types.UnionType)
    return get_args(annotation) if union else (annotation,)


def read_signature(function: Callable[..., Any], *, stateful: bool, output: str) -> Signature:
    """Read a task function. Raises ConfigError that names the argument that cannot be
    understood."""
    hints = get_type_hints(function, include_extras=True)
    name = getattr(function, "__name__", "function")
    state: str | None = None
    record: str | None = None
    ports: dict[str, Port] = {}
    fills: dict[str, str] = {}
    parameters: list[Parameter] = []
    for argument in inspect.signature(function).parameters.values():
        hint = hints.get(argument.name, Any)
        if argument.kind is argument.KEYWORD_ONLY:
            parameters.append(Parameter(argument.name, hint, argument.default))
        elif stateful and state is None:
            state = argument.name
        elif length := _fill(hint):
            fills[argument.name] = length
        elif get_origin(hint) is dict or hint is dict:
            record = argument.name
        else:
            ports[argument.name] = _port(name, argument.name, hint)
    returns = _returns(name, hints.get("return", REQUIRED), output)
    return Signature(state, ports, record, fills, tuple(parameters), returns)


def _fill(hint: Any) -> str | None:
    if get_origin(hint) is Annotated:
        return next((extra.length for extra in get_args(hint)[1:] if isinstance(extra, Out)), None)
    return None


def _port(function: str, argument: str, hint: Any) -> Port:
    alternatives = [part for part in members(hint) if part is not type(None)]
    kind = _PORTS.get(alternatives[0]) if len(alternatives) == 1 else None
    if kind is None:
        raise ConfigError(
            f"Argument `{argument}` of task `{function}` has a type that no column has: {hint!r}",
            hint="columns are float, int, str, Hash, Time, Any, each with `| None` "
            "where null is welcome; parameters stand behind `*`",
        )
    return Port(kind, null=len(members(hint)) > 1 or kind is Kind.ANY)


def _returns(function: str, hint: Any, output: str) -> Returns:
    parts = members(hint)
    optional = type(None) in parts
    outcomes = Skip in parts or Fail in parts
    values = [part for part in parts if part not in (type(None), Skip, Fail)]
    if hint is REQUIRED or len(values) > 1:
        raise ConfigError(
            f"Task `{function}` does not say what it returns",
            hint="annotate the return: float, float | None, bool, str, a NamedTuple, "
            "or with Skip | Fail",
        )
    if not values:
        return Returns((), optional=optional, outcomes=outcomes)
    return _columns(function, values[0], output, optional, outcomes)


def _columns(function: str, value: Any, output: str, optional: bool, outcomes: bool) -> Returns:
    if value is bool:
        return Returns((), filters=True, optional=optional, outcomes=outcomes)
    if value is dict or get_origin(value) is dict:
        return Returns((), record=True, optional=optional, outcomes=outcomes)
    if isinstance(value, type) and issubclass(value, tuple) and hasattr(value, "_fields"):
        hints = get_type_hints(value)
        columns = tuple((field, _type(function, hints[field])) for field in value._fields)
        return Returns(columns, tuple_=True, optional=optional, outcomes=outcomes)
    return Returns(((output, _type(function, value)),), optional=optional, outcomes=outcomes)


def _type(function: str, hint: Any) -> pa.DataType:
    bare = next((part for part in members(hint) if part is not type(None)), hint)
    try:
        return _COLUMNS[bare]
    except (KeyError, TypeError):
        raise ConfigError(
            f"Task `{function}` returns {hint!r}, which is no column type",
            hint="return float, int, str, bool, a list of them, or a NamedTuple of them",
        ) from None
