"""The fields of a screen, as `fields.toml` has them, and the columns that hold them."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import pyarrow as pa

Type = Literal["string", "enum", "list", "integer", "number", "date", "time"]
ORDERED: tuple[Type, ...] = ("integer", "number", "date", "time")
TEXTS: tuple[Type, ...] = ("string", "enum")

YESTERDAY = "_yesterday"
_ARROW: dict[str, pa.DataType] = {
    "string": pa.string(),
    "enum": pa.string(),
    "list": pa.list_(pa.string()),
    "integer": pa.int64(),
    "number": pa.float64(),
    "date": pa.date32(),
    "time": pa.timestamp("us", "UTC"),
}
# What a snapshot knows of an instrument beside its fields: its key, whose it is, when it trades.
HIDDEN = {"instrument": pa.string(), "company": pa.string(), "calendar": pa.string()}


@dataclass(frozen=True, slots=True)
class Field:
    """One field: what it is called, what it means and where it comes from."""

    name: str
    label: str
    text: str
    type: Type
    group: str
    source: str
    refresh: str
    unit: str = ""
    nullable: bool = True
    history: bool = False
    values: tuple[str, ...] = ()

    @property
    def is_ordered(self) -> bool:
        """Whether its values are numbers or points in time."""
        return self.type in ORDERED

    @property
    def kind(self) -> pa.DataType:
        """The type of its column."""
        return _ARROW[self.type]


@cache
def catalogue() -> Mapping[str, Field]:
    """Every field by name, in the order of the columns."""
    rows = tomllib.loads(files(__package__).joinpath("fields.toml").read_text("utf-8"))
    return {name: _field(name, row) for name, row in rows.items()}


def _field(name: str, row: dict[str, Any]) -> Field:
    return Field(name, **row | {"values": tuple(row.get("values", ()))})


@cache
def kinds() -> Mapping[str, pa.DataType]:
    """Every column that a table of a universe may have, with its type.

    >>> str(kinds()["rsi_14_yesterday"])
    'double'
    """
    known = {name: field.kind for name, field in catalogue().items()}
    before = {
        f"{name}{YESTERDAY}": field.kind for name, field in catalogue().items() if field.history
    }
    return HIDDEN | known | before
