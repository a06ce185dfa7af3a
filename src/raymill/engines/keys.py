"""Keys become slots: one hash table per worker and key, with each key's group and first position."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill import arrow
from raymill.arrow import Array
from raymill.compiled import kernel
from raymill.connectors.senml.words import address, byte, load8
from raymill.engines.hashing import hash_bytes, text_buffers

SEPARATOR = "\x1f|"  # between the parts of a key of several columns
MARK, ESCAPED = "\x1f", "\x1f."


@kernel
def _same(left: int, right: int, size: int) -> bool:
    i = 0
    while i + 8 <= size:
        if load8(left + i) != load8(right + i):
            return False
        i += 8
    while i < size:
        if byte(left + i) != byte(right + i):
            return False
        i += 1
    return True


@kernel
def _assign(
    table: Any,
    hashes: Any,
    places: Any,
    store: Any,
    stamps: Any,
    count: int,
    offsets: Any,
    data: Any,
    valid: Any,
    seen: Any,
    index: Any,
    use_index: bool,
    row: int,
    rows: int,
    stamp: int,
    out: Any,
) -> Any:
    """Give each row its slot, making new ones; stops where a table is full and says where."""
    mask = np.uint64(len(table) - 1)
    kept, given = address(store), address(data)
    while row < rows:
        entry = row
        if use_index:
            entry = np.int64(index[row])
            if seen[entry] != -2:
                out[row] = seen[entry]
                row += 1
                continue
        if len(valid) > 0 and not valid[entry]:
            out[row] = -1
            if use_index:
                seen[entry] = -1
            row += 1
            continue
        start = np.int64(offsets[entry])
        size = np.int64(offsets[entry + 1]) - start
        h = hash_bytes(given + start, size)
        at = h & mask
        slot = np.int64(table[at])
        while slot >= 0:
            if hashes[slot] == h:
                begin = places[slot]
                if places[slot + 1] - begin == size and _same(kept + begin, given + start, size):
                    break
            at = (at + np.uint64(1)) & mask
            slot = np.int64(table[at])
        if slot < 0:
            end = places[count]
            if 2 * (count + 1) > len(table) or count >= len(hashes) or end + size > len(store):
                return row, count
            table[at] = count
            hashes[count] = h
            for i in range(size):
                store[end + i] = data[start + i]
            places[count + 1] = end + size
            stamps[count] = stamp + row
            slot = count
            count += 1
        out[row] = slot
        if use_index:
            seen[entry] = slot
        row += 1
    return row, count


@kernel
def _refill(table: Any, hashes: Any, count: int) -> None:
    mask = len(table) - 1
    for slot in range(count):
        at = np.int64(hashes[slot] & np.uint64(mask))
        while table[at] >= 0:
            at = (at + 1) & mask
        table[at] = slot


def key_texts(columns: Sequence[Array]) -> Array:
    """The key of each row as one text (or dictionary of texts); several columns are joined."""
    if len(columns) == 1:
        return as_text(columns[0])
    parts = [arrow.dictionary_decode(as_text(column)) for column in columns]
    escaped = [arrow.replace(part, MARK, ESCAPED) for part in parts]
    return arrow.combine(arrow.join(*escaped, separator=SEPARATOR, nulls="emit_null"))


def as_text(column: Array) -> Array:
    """A column as strings with 32-bit offsets; dictionaries stay dictionaries."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        if pa.types.is_string(kind.value_type):  # type: ignore[attr-defined]
            return column
        column = arrow.dictionary_decode(column)
    return column if pa.types.is_string(column.type) else arrow.cast(column, pa.string())


class KeyTable:
    """Key text -> slot, in order of first appearance. Grows as it is used."""

    def __init__(self, groups: int = 64) -> None:
        self.group_count = groups
        self.count = 0
        self._table = np.full(64, -1, np.int32)
        self._hashes = np.empty(32, np.uint64)
        self._places = np.zeros(33, np.int64)
        self._store = np.empty(1024, np.uint8)
        self._stamps = np.empty(32, np.int64)
        self._dictionary: Any = None
        self._seen = np.empty(0, np.int64)

    def __len__(self) -> int:
        return self.count

    def slots(self, texts: Array, stamp: int = 0) -> NDArray[np.int32]:
        """The slot of each row's key, -1 for a null key. New keys are stamped `stamp` + row."""
        out = np.empty(len(texts), np.int32)
        index, seen, words = _NO_INDEX, _NO_INDEX, texts
        if pa.types.is_dictionary(texts.type):
            seen, index, words = self._with_dictionary(texts)
        offsets, data = text_buffers(words)
        valid = _validity(words)
        row = 0
        while True:
            row, self.count = _assign(
                self._table,
                self._hashes,
                self._places,
                self._store,
                self._stamps,
                self.count,
                offsets,
                data,
                valid,
                seen,
                index,
                index is not _NO_INDEX,
                row,
                len(texts),
                stamp,
                out,
            )
            if row == len(texts):
                return out
            entry = int(index[row]) if index is not _NO_INDEX else row
            self._grow(int(offsets[entry + 1]) - int(offsets[entry]))

    def _with_dictionary(self, texts: Any) -> tuple[NDArray[np.int64], NDArray[np.int32], Array]:
        """Slots of a dictionary are looked up once, also over batches that share it."""
        words = texts.dictionary
        mark = (words.buffers()[2].address if words.buffers()[2] else 0, words.offset, len(words))
        indices = texts.indices
        if indices.null_count:
            indices = arrow.fill_null(indices, len(words))
            words = pa.concat_arrays([words, pa.nulls(1, words.type)])
            mark = None
        if mark is None or self._dictionary is None or self._dictionary[0] != mark:
            self._seen = np.full(len(words) + 1, -2, np.int64)
            self._dictionary = (mark, words)  # kept, so that the address stays its own
        return self._seen, indices.cast(pa.int32()).to_numpy(zero_copy_only=False), words

    def _grow(self, size: int) -> None:
        if self.count >= len(self._hashes):
            self._hashes = _wider(self._hashes, 2 * self.count)
            self._stamps = _wider(self._stamps, 2 * self.count)
            self._places = _wider(self._places, 2 * self.count + 1)
        if self._places[self.count] + size > len(self._store):
            self._store = _wider(self._store, 2 * len(self._store) + size)
        if 2 * (self.count + 1) > len(self._table):
            self._table = np.full(2 * len(self._table), -1, np.int32)
            _refill(self._table, self._hashes, self.count)

    def texts(self, start: int = 0, slots: NDArray[Any] | None = None) -> Array:
        """The keys' texts from a slot on, or of chosen slots."""
        if slots is not None:
            return arrow.take(self.texts(), slots)
        begin, end = int(self._places[start]), int(self._places[self.count])
        places = (self._places[start : self.count + 1] - begin).astype(np.int32)
        buffers = [
            None,
            pa.py_buffer(places.tobytes()),
            pa.py_buffer(self._store[begin:end].tobytes()),
        ]
        return pa.Array.from_buffers(pa.string(), self.count - start, buffers)

    @property
    def stamps(self) -> NDArray[np.int64]:
        """Where each key was first seen."""
        return self._stamps[: self.count]

    @property
    def groups(self) -> NDArray[np.int32]:
        """Each key's group."""
        return group_of(self._hashes[: self.count], self.group_count)

    def restore(self, texts: Array, stamps: NDArray[np.int64]) -> None:
        """Fill an empty table with keys in this order."""
        self.slots(as_text(texts))
        self._stamps[: self.count] = stamps

    def least_stamps(self, slots: NDArray[np.int32], stamps: NDArray[np.int64]) -> None:
        """Keep the least position of keys that several workers saw first."""
        np.minimum.at(self._stamps, slots, stamps)


def group_of(hashes: NDArray[np.uint64], groups: int) -> NDArray[np.int32]:
    """The key group of a hash: its upper bits, spread over the groups."""
    return ((hashes >> np.uint64(32)) * np.uint64(groups) >> np.uint64(32)).astype(np.int32)


def _wider(array: NDArray[Any], size: int) -> NDArray[Any]:
    wider = np.zeros(size, array.dtype)
    wider[: len(array)] = array
    return wider


def _validity(texts: Array) -> NDArray[np.bool_]:
    if texts.null_count == 0:
        return _ALL_VALID
    return arrow.to_numpy(arrow.is_valid(texts))


_NO_INDEX: NDArray[Any] = np.empty(0, np.int32)
_ALL_VALID = np.empty(0, np.bool_)
