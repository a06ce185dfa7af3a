"""The states of record functions as text, for a snapshot: what is read back equals what was
written."""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

import pyarrow as pa

from raymill.arrow import Array
from raymill.errors import ConfigError

_PLAIN = (float, int, str, bool, type(None))
_PARTS: dict[str, Callable[[Any], Any]] = {"tuple": tuple, "set": set, "frozenset": frozenset}


def dump_objects(objects: Sequence[Any]) -> Array:
    """Write states as JSON text. Raises ConfigError for a field that cannot be kept."""
    return pa.array([_dump(one) for one in objects], pa.string())


def load_objects(texts: Array, fresh: list[Any]) -> list[Any]:
    """Read them again, into fresh states."""
    for one, text in zip(fresh, texts.to_pylist(), strict=True):
        for name, value in json.loads(str(text)).items():
            setattr(one, name, _read(value))
    return fresh


def _dump(one: Any) -> str:
    values = {}
    for field in fields(one):
        try:
            values[field.name] = _written(getattr(one, field.name))
        except TypeError as error:
            raise ConfigError(
                f"State field `{field.name}` holds {error}, which cannot be saved",
                hint="use numbers, text, bytes, lists, tuples, sets and mappings of them",
            ) from None
    return json.dumps(values)


def _written(value: Any) -> Any:
    """A value in JSON's types; what JSON has no type for is marked: `{"set": [...]}`."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is list:
        return [_written(each) for each in value]
    if kind is dict:
        return {"dict": [[_written(k), _written(v)] for k, v in value.items()]}
    if kind is bytes:
        return {"bytes": base64.b64encode(value).decode()}
    if kind.__name__ not in _PARTS or kind is not _PARTS[kind.__name__]:
        if hasattr(value, "item"):  # a number of numpy's
            return _written(value.item())
        raise TypeError(kind.__name__)
    parts = [_written(each) for each in value]
    return {kind.__name__: parts if kind is tuple else sorted(parts, key=repr)}


def _read(value: Any) -> Any:
    if isinstance(value, list):
        return [_read(each) for each in value]
    if not isinstance(value, dict):
        return value
    ((kind, parts),) = value.items()
    if kind == "dict":
        return {_read(k): _read(v) for k, v in parts}
    if kind == "bytes":
        return base64.b64decode(parts)
    return _PARTS[kind](_read(each) for each in parts)
