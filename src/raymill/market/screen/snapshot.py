"""All instruments at one moment: a table that is never changed, only replaced."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from raymill import arrow, json
from raymill.arrow import Array
from raymill.errors import DataError
from raymill.market.screen.columns import (
    Lists,
    Numbers,
    Places,
    Words,
    as_cells,
    as_lists,
    as_words,
    to_lists,
    to_numbers,
    to_words,
)
from raymill.market.screen.fields import HIDDEN, TEXTS, YESTERDAY, catalogue, kinds
from raymill.market.screen.request import Sort

T = TypeVar("T")
MOST_ORDERS = 64
MOST_SHOWN = 4  # lists of names of which rows are kept as JSON
_TIME = "%Y%m%dT%H%M%SZ"
CLOSE_BEFORE = {f"price{YESTERDAY}": "prev_close"}


@dataclass(frozen=True)
class Snapshot:
    """The table of a universe at a moment, by symbol; `of` checks and makes one."""

    id: str
    as_of: datetime
    table: pa.Table
    name: str = "default"

    @classmethod
    def of(cls, table: pa.Table, as_of: datetime, name: str = "default") -> "Snapshot":
        """Take a table whose columns are fields. Raises DataError.

        Columns may lack, `symbol` may not. Neither NaN nor an infinity may be in it.
        """
        rows = _sorted(_checked(table))
        return cls(_identity(rows, as_of), as_of, rows, name)

    def __len__(self) -> int:
        return self.table.num_rows

    @cached_property
    def _kept(self) -> dict[Any, Any]:
        return {}

    def once(self, key: Any, make: Callable[[], T]) -> T:
        """What was made of the snapshot under this key; it is made once."""
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]  # type: ignore[no-any-return]

    def has(self, name: str) -> bool:
        """Whether there is a column of this name."""
        return name in self._names

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(self.table.column_names)

    def column(self, name: str) -> Array:
        """A column as it is."""
        return arrow.combine(self.table[name])

    def numbers(self, name: str) -> Numbers:
        """A column of numbers, days or times; all unknown where there is none."""
        return self.once(("numbers", name), lambda: self._numbers(name))

    def _numbers(self, name: str) -> Numbers:
        if not self.has(name):
            return np.full(len(self), np.nan)
        return to_numbers(self.column(name))

    def before(self, name: str) -> Numbers | None:
        """Yesterday's values of a column; None where the table has none."""
        name = f"{name}{YESTERDAY}"
        name = name if self.has(name) else CLOSE_BEFORE.get(name, name)
        return self.numbers(name) if self.has(name) else None

    def words(self, name: str) -> Words:
        """A column of texts; all unknown where there is none."""
        return self.once(("words", name), lambda: self._words(name))

    def _words(self, name: str) -> Words:
        if not self.has(name):
            return to_words(arrow.nulls(len(self), pa.string()))
        return to_words(self.column(name))

    def lists(self, name: str) -> Lists:
        """A column of lists."""
        return self.once(("lists", name), lambda: to_lists(self.column(name)))

    def sorted_numbers(self, name: str) -> Numbers:
        """The known values of a column in rising order."""
        return self.once(("sorted", name), lambda: _known_sorted(self.numbers(name)))

    def order(self, sort: Sequence[Sort] = ()) -> Places:
        """Every row in a total order: as asked, then the larger company, then the symbol."""
        key = ("order", tuple(sort))
        if key not in self._kept and sum(one[0] == "order" for one in [*self._kept]) > MOST_ORDERS:
            return self._ordered(sort)
        return self.once(key, lambda: self._ordered(sort))

    def _ordered(self, sort: Sequence[Sort]) -> Places:
        keys = [self._sort_key(one) for one in (*sort, Sort("market_cap", True))]
        return np.lexsort(keys[::-1]).astype(np.intp, copy=False)

    def _sort_key(self, sort: Sort) -> Numbers:
        if catalogue()[sort.field].type in TEXTS:
            codes = self.words(sort.field).codes
            values = np.where(codes < 0, np.nan, codes)
        else:
            values = self.numbers(sort.field)
        return -values if sort.descending else values

    def only(self, symbols: Sequence[str]) -> "Snapshot":
        """The rows of some symbols, as a snapshot of the same name and moment."""
        mask = arrow.is_in(self.column("symbol"), arrow.array(list(symbols), pa.string()))
        return replace(self, table=arrow.keep_rows(self.table, mask))

    def cells(self, name: str, places: Places) -> list[Any]:
        """Some rows of a column as JSON values; null where there is no such column."""
        if not self.has(name):
            return [None] * len(places)
        kind = "string" if name in HIDDEN else catalogue()[name.removesuffix(YESTERDAY)].type
        if kind == "list":
            return as_lists(self.column(name), places.tolist())
        if kind in TEXTS:
            return as_words(self.words(name), places)
        return as_cells(self.numbers(name)[places], kind)

    def rows(self, names: Sequence[str], places: Places) -> list[dict[str, Any]]:
        """Some rows as JSON objects."""
        columns = [self.cells(name, places) for name in names]
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]

    def json_rows(self, names: tuple[str, ...], places: Places) -> Any:
        """Some rows as JSON that is made already; of a few lists of names each row is made once."""
        key = ("json", names)
        if key not in self._kept and sum(one[0] == "json" for one in [*self._kept]) >= MOST_SHOWN:
            return json.made(json.dumps(self.rows(names, places)))
        kept: list[bytes | None] = self.once(key, lambda: [None] * len(self))
        lacking = [place for place in places.tolist() if kept[place] is None]
        rows = self.rows(names, np.array(lacking, np.intp))
        for place, row in zip(lacking, rows, strict=True):
            kept[place] = json.dumps(row)
        return json.made(b"[%b]" % b",".join(kept[place] or b"" for place in places.tolist()))


def _checked(table: pa.Table) -> pa.Table:
    known = kinds()
    names = table.column_names
    for name in names:
        if name not in known:
            raise DataError(f"`{name}` is no field of a screen", hint="see the catalogue of fields")
    if "symbol" not in names or table["symbol"].null_count:
        raise DataError("A row of the universe has no symbol")
    ordered = [name for name in known if name in names]
    columns = [arrow.cast(arrow.dictionary_decode(table[name]), known[name]) for name in ordered]
    for name, column in zip(ordered, columns, strict=True):
        if pa.types.is_floating(known[name]):
            _finite(name, column, table)
    return pa.table(dict(zip(ordered, columns, strict=True)))


def _finite(name: str, column: Any, table: pa.Table) -> None:
    finite = arrow.fill_null(arrow.is_finite(column), True)
    if not arrow.all_true(finite):
        at = int(np.argmin(arrow.to_numpy(finite)))
        symbol = table["symbol"][at].as_py()
        raise DataError(f"`{name}` of `{symbol}` is {column[at].as_py()}, no finite number")


def _sorted(table: pa.Table) -> pa.Table:
    keys = [name for name in ("symbol", "venue", "instrument") if name in table.column_names]
    return arrow.take_rows(table, arrow.sort_places(table, keys)).combine_chunks()


def _identity(table: pa.Table, as_of: datetime) -> str:
    found = hashlib.blake2b(digest_size=8)
    sink: Any = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    found.update(sink.getvalue())
    return f"{as_of.astimezone(UTC):{_TIME}}-{found.hexdigest()}"


def moment_of(id: str) -> datetime | None:
    """The moment of the snapshot of an id.

    >>> moment_of("20260105T120000Z-0011223344556677").isoformat()
    '2026-01-05T12:00:00+00:00'
    """
    try:
        return datetime.strptime(id.partition("-")[0], _TIME).replace(tzinfo=UTC)
    except ValueError:
        return None


def _known_sorted(values: Numbers) -> Numbers:
    return np.sort(values[~np.isnan(values)])
