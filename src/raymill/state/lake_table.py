"""A table of the lake as its room declares it, and how it may change from version to version."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from raymill import arrow, json
from raymill.errors import StoreError

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "in"]
Condition = tuple[str, Operator, Any]  # column, operator, value
Where = Sequence[Condition]
Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class LakeTable:
    """Columns of a table, the order of its rows in a file, and what makes it quick to read."""

    name: str
    schema: pa.Schema
    sort: tuple[str, ...] = ()
    sorted_when: Literal["written", "merged"] = "written"  # later makes writing twice as fast
    key: tuple[str, ...] = ()  # columns whose values rows are replaced by
    stats: tuple[str, ...] = ()  # columns that conditions ask for: their bounds are kept
    dictionary: tuple[str, ...] = ()  # columns of few distinct values
    split: tuple[str, ...] = ()  # numbers that shrink when their bytes are stored apart
    delta: tuple[str, ...] = ()  # whole numbers and times that differ little from row to row
    rows_a_group: int = 131_072
    rows_a_file: int = 4_000_000  # files are merged up to this size


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that go into one partition; `keys` are those that they replace."""

    rows: pa.Table
    partition: str = ""
    keys: Sequence[Key] = ()


def described(schema: pa.Schema) -> str:
    """The columns of a schema as text."""
    return json.dumps([[field.name, str(field.type)] for field in schema]).decode()


def schema_id(columns: str) -> str:
    """A short name of columns, for the metadata of files."""
    return hashlib.sha256(columns.encode()).hexdigest()[:12]


def evolved(stored: str, declared: str, name: str) -> bool:
    """Whether the declared columns are more than the stored ones. Raises StoreError if they are
    others: a column may only be added."""
    old, new = json.loads(stored), json.loads(declared)
    kinds = dict(new)
    for column, kind in old:
        if column not in kinds:
            raise StoreError(
                f"Table `{name}` has a column `{column}` that this version does not know",
                hint="install the release that wrote it",
            )
        if kinds[column] != kind:
            raise StoreError(
                f"Column `{column}` of table `{name}` is {kind}, not {kinds[column]}",
                hint="give a column of another type another name",
            )
    return len(new) > len(old)


def fitted(rows: pa.Table, table: LakeTable) -> pa.Table:
    """The rows with the columns of the table; a column that they lack is null.

    Raises StoreError where they have a column too many or of a type that does not fit.
    """
    surplus = [name for name in rows.column_names if name not in table.schema.names]
    if surplus:
        raise StoreError(f"Table `{table.name}` has no column `{surplus[0]}`")
    columns: list[Any] = []
    for field in table.schema:
        if field.name not in rows.column_names:
            columns.append(arrow.nulls(rows.num_rows, field.type))
            continue
        try:
            columns.append(arrow.cast(rows[field.name], field.type))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise StoreError(
                f"Column `{field.name}` does not fit table `{table.name}`: {error}"
            ) from error
    return pa.Table.from_arrays(columns, schema=table.schema)
