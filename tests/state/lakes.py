"""Small tables of the lake for tests, and what must hold of a lake after anything."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from raymill.state.lake import Lake, LakeTable, Part

Cells = tuple[str, int, float | None]
PRICES = LakeTable(
    "prices",
    pa.schema([("name", pa.string()), ("day", pa.int64()), ("price", pa.float64())]),
    sort=("name", "day"),
    key=("name",),
    stats=("name", "day"),
    dictionary=("name",),
    split=("price",),
)
TICKS = replace(PRICES, name="ticks", key=())


def rows(*cells: Cells) -> pa.Table:
    """Rows of the table."""
    columns = [*zip(*cells, strict=True)] or [(), (), ()]
    arrays: list[Any] = [pa.array(c, f.type) for c, f in zip(columns, PRICES.schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=PRICES.schema)


def part(*cells: Cells, partition: str = "p=1", keys: str = "") -> Part:
    """Rows that replace those of the names in them, or of `keys`, one letter each."""
    names = keys or sorted({name for name, _, _ in cells})
    return Part(rows(*cells), partition, [(name,) for name in names])


def held(lake: Lake, table: LakeTable = PRICES, **how: Any) -> list[Cells]:
    """All rows, in order."""
    found = lake.read(table, **how).to_pylist()
    return sorted(tuple(row.values()) for row in found)


def on_disk(lake: Lake) -> set[str]:
    """The files in the folder of the lake."""
    places = Path(lake.folder).rglob("*")
    return {path.relative_to(lake.folder).as_posix() for path in places if path.is_file()}


def named(lake: Lake) -> set[str]:
    """The files that the manifest names, of whatever snapshot."""
    with lake.database.reading() as execute:
        return {path for (path,) in execute("SELECT path FROM lake_data_file")}
