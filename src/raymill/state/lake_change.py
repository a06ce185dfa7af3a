"""What one commit does to a table of the lake, and how a replacement becomes one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from raymill import arrow
from raymill.errors import StoreError
from raymill.state.lake_files import DataFile, in_order, read_files, write_file
from raymill.state.lake_keys import Places, by_key, content, text_of, without
from raymill.state.lake_manifest import Kept
from raymill.state.lake_table import LakeTable, Part, fitted


class Conflict(Exception):
    """Somebody else committed in between; the change is to be planned anew."""


@dataclass(slots=True)
class Change:
    """What one commit does. The keys of a file that ends move to the one that takes its place."""

    what: str
    new: list[DataFile] = field(default_factory=list)
    gone: dict[int, DataFile | None] = field(default_factory=dict)
    seen: dict[str, Kept | None] = field(default_factory=dict)  # keys as they must still be
    keys: list[tuple[str, DataFile | None, str]] = field(default_factory=list)  # with the content

    def __bool__(self) -> bool:
        return bool(self.new or self.gone or self.keys)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a partition is to hold for some keys: for each the places of its rows, and a hash."""

    partition: str
    rows: pa.Table
    places: Mapping[str, Places]
    contents: Mapping[str, str]

    @classmethod
    def of(cls, table: LakeTable, part: Part) -> "Wanted":
        """Raises StoreError at a row whose key is not among those of the part."""
        rows = in_order(fitted(part.rows, table), table)
        places = by_key(rows, table)
        contents = dict.fromkeys((text_of(key) for key in part.keys), "")
        for key, found in places.items():
            if key not in contents:
                raise StoreError(f"A row for key {key} was given to table `{table.name}` unasked")
            contents[key] = content(arrow.take_rows(rows, found))
        return cls(part.partition, rows, places, contents)

    def rows_of(self, keys: Iterable[str]) -> pa.Table:
        """The rows of some keys."""
        places = [self.places[key] for key in keys if key in self.places]
        if not places:
            return self.rows.slice(0, 0)
        return arrow.take_rows(self.rows, np.sort(np.concatenate(places)))


def plan(
    folder: Path,
    table: LakeTable,
    wanted: Sequence[Wanted],
    held: Mapping[str, Kept],
    files: Iterable[DataFile],
    change: Change,
) -> None:
    """Write the files that are needed to hold what is wanted, and note what is to be done."""
    for part in wanted:
        _put(folder, table, part, held, change)
    touched = {one.data_file_id for one in change.seen.values() if one is not None}
    for old in files:
        if old.data_file_id in touched:
            change.gone[old.data_file_id] = _rest(folder, table, old, change)


def _put(
    folder: Path, table: LakeTable, part: Wanted, held: Mapping[str, Kept], change: Change
) -> None:
    changed = [
        key for key, text in part.contents.items() if key not in held or held[key].content != text
    ]
    change.seen.update((key, held.get(key)) for key in changed)
    file = put(folder, table, part.partition, part.rows_of(changed), change)
    for key in changed:
        change.keys.append((key, file if key in part.places else None, part.contents[key]))


def _rest(folder: Path, table: LakeTable, old: DataFile, change: Change) -> DataFile | None:
    """What a file holds besides the keys that change, as a file of its own."""
    rest = without(read_files(folder, table, [old]), table, change.seen)
    return put(folder, table, old.partition_value, rest, change)


def put(
    folder: Path, table: LakeTable, partition: str, rows: pa.Table, change: Change
) -> DataFile | None:
    """Write rows as a new file of the change, if there are any."""
    if not rows.num_rows:
        return None
    change.new.append(write_file(folder, table, partition, rows))
    return change.new[-1]
