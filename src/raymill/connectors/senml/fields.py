"""The fields of a stream of SenML records: names, types, and which of them are wanted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from typing import Any, Literal

import pyarrow as pa

from raymill.errors import ConfigError, unknown

Unknown = Literal["fail", "drop"]


class Type(Enum):
    """What the column of a field holds."""

    NUMBER = "number"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Field:
    """One element name and its type."""

    name: str
    type: Type = Type.NUMBER

    def __str__(self) -> str:
        return f"{self.name}:{self.type.value}"

    @property
    def arrow(self) -> "pa.Field[Any]":
        """The column of this field."""
        return pa.field(self.name, pa.float64() if self.type is Type.NUMBER else pa.string())


@dataclass(frozen=True)
class Layout:
    """All fields that records may have, in column order, and the choice among them."""

    fields: tuple[Field, ...]
    chosen: frozenset[str] | None = None  # None: all
    unknown: Unknown = "fail"
    rfc: bool = False
    element_time: bool = False

    def choose(self, names: Iterable[str] | None) -> "Layout":
        """The same records, but only these fields are made."""
        return replace(self, chosen=None if names is None else frozenset(names))

    def wants(self, name: str) -> bool:
        """Whether the column of this field is made."""
        return self.chosen is None or name in self.chosen

    @cached_property
    def wanted(self) -> tuple[Field, ...]:
        """The fields that are made, in column order."""
        return tuple(field for field in self.fields if self.wants(field.name))

    @cached_property
    def index(self) -> dict[str, int]:
        """The number of each field."""
        return {field.name: number for number, field in enumerate(self.fields)}

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns that are made."""
        found = []
        for field in self.wanted:
            found.append(field.arrow)
            if self.element_time:
                found.append(pa.field(f"{field.name}_time", pa.int64()))
        return pa.schema(found)


def read_fields(given: str | Sequence[str]) -> tuple[Field, ...]:
    """Read `name`, `name:number` or `name:text`, listed or with commas. Raises ConfigError.

    >>> [str(field) for field in read_fields("source:text, light")]
    ['source:text', 'light:number']
    """
    parts = given.split(",") if isinstance(given, str) else list(given)
    fields = tuple(_read_field(part.strip()) for part in parts if part.strip())
    names = [field.name for field in fields]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"Field `{name}` is named twice")
    return fields


def _read_field(text: str) -> Field:
    for kind in Type:
        if text.endswith(f":{kind.value}"):
            return Field(text.removesuffix(f":{kind.value}"), kind)
    name, colon, kind_name = text.rpartition(":")
    if colon and name and kind_name in ("string", "float", "int", "str"):
        raise unknown(f"type of field `{name}`:", kind_name, [kind.value for kind in Type])
    return Field(text)


def learn_fields(records: Iterable[Any]) -> tuple[Field, ...]:
    """Learn the fields from elements of records (dicts by name), in order of appearance.

    A field is a number unless a record has `sv` for it, or none of its values is a number.
    """
    types: dict[str, list[Type | None]] = {}
    for elements in records:
        for name, element in elements.items():
            types.setdefault(name, []).append(_type(element))
    return tuple(Field(name, _agree(seen)) for name, seen in types.items())


def _type(element: dict[str, Any]) -> Type | None:
    from raymill.connectors.senml.library import read_number

    value = element.get("v")
    if value is None:
        text = element.get("sv", element.get("vs"))
        return Type.TEXT if text is not None else Type.NUMBER if "vb" in element else None
    try:
        read_number(value)
    except ValueError:
        return None
    return Type.NUMBER


def _agree(seen: Sequence[Type | None]) -> Type:
    if Type.TEXT in seen:
        return Type.TEXT
    return Type.NUMBER if Type.NUMBER in seen else Type.TEXT
