"""Keys become slots: one hash table per worker and key, with each key's group and first
position."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill import arrow
from raymill.arrow import Array
from raymill.compiled import inline, kernel
from raymill.compiled.memory import address, byte, load8
from raymill.engines.hashing import hash_bytes, text_buffers

SEPARATOR = "\x1f|"  # between the parts of a key of several columns
MARK, ESCAPED = "\x1f", "\x1f."


class _Shelf(NamedTuple):
    """The arrays of a key table: places by hash, and of each slot its hash, text and first
    position."""

    table: Any
    hashes: Any
    places: Any
    store: Any
    stamps: Any


class _Words(NamedTuple):
    """The texts of a column, or of its dictionary; `valid` is empty where none is null."""

    offsets: Any
    data: Any
    valid: Any


@inline
def _find(table: Any, places: Any, kept: Any, here: Any, size: Any, h: Any) -> Any:
    """The slot of the text at an address (-1: none) and its place in the table.

    A place holds the slot and the upper half of the hash, so that other keys are passed over
    without a look at their texts."""
    mask = np.uint64(len(table) - 1)
    tag = np.int64(h >> np.uint64(33)) << 32
    at = h & mask
    found = np.int64(-1)
    entry = table[at]
    while entry >= 0 and found < 0:
        if entry >> 32 << 32 == tag:
            slot = entry & 0xFFFFFFFF
            begin = places[slot]
            if places[slot + 1] - begin == size:
                i = 0
                while i + 8 <= size and load8(kept + begin + i) == load8(here + i):
                    i += 8
                while i < size and byte(kept + begin + i) == byte(here + i):
                    i += 1
                if i == size:
                    found = slot
        if found < 0:
            at = (at + np.uint64(1)) & mask
            entry = table[at]
    return found, at


@kernel
def _add(shelf: Any, count: Any, at: Any, h: Any, data: Any, start: Any, size: Any) -> bool:
    """Put a new key into the next slot; False where the table is full."""
    end = shelf.places[count]
    full = 2 * (count + 1) > len(shelf.table) or count >= len(shelf.hashes)
    if full or end + size > len(shelf.store):
        return False
    shelf.table[at] = np.int64(h >> np.uint64(33)) << 32 | count
    shelf.hashes[count] = h
    for i in range(size):
        shelf.store[end + i] = data[start + i]
    shelf.places[count + 1] = end + size
    return True


@kernel
def _assign(shelf: Any, words: Any, count: Any, row: Any, stamp: Any, out: Any) -> Any:
    """Give each row its slot, making new ones; stops where the table is full and says where."""
    table, places = shelf.table, shelf.places
    kept, given = address(shelf.store), address(words.data)
    all_valid = len(words.valid) == 0
    while row < len(out):
        slot = np.int64(-1)
        if all_valid or words.valid[row]:
            start = np.int64(words.offsets[row])
            size = np.int64(words.offsets[row + 1]) - start
            h = hash_bytes(given + start, size)
            slot, at = _find(table, places, kept, given + start, size, h)
            if slot < 0:
                if not _add(shelf, count, at, h, words.data, start, size):
                    return row, count
                shelf.stamps[count] = stamp + row
                slot = count
                count += 1
        out[row] = slot
        row += 1
    return row, count


@kernel
def _assign_indexed(
    shelf: Any, words: Any, seen: Any, index: Any, count: Any, row: Any, stamp: Any, out: Any
) -> Any:
    """The same over a dictionary's indices: each of its texts is looked up once."""
    table, places = shelf.table, shelf.places
    kept, given = address(shelf.store), address(words.data)
    while row < len(out):
        entry = index[row]
        slot = seen[entry]
        if slot == -2:
            slot = np.int64(-1)
            if len(words.valid) == 0 or words.valid[entry]:
                start = np.int64(words.offsets[entry])
                size = np.int64(words.offsets[entry + 1]) - start
                h = hash_bytes(given + start, size)
                slot, at = _find(table, places, kept, given + start, size, h)
                if slot < 0:
                    if not _add(shelf, count, at, h, words.data, start, size):
                        return row, count
                    shelf.stamps[count] = stamp + row
                    slot = count
                    count += 1
            seen[entry] = slot
        out[row] = slot
        row += 1
    return row, count


@kernel
def _refill(table: Any, hashes: Any, count: int) -> None:
    mask = np.uint64(len(table) - 1)
    for slot in range(count):
        at = hashes[slot] & mask
        while table[at] >= 0:
            at = (at + np.uint64(1)) & mask
        table[at] = np.int64(hashes[slot] >> np.uint64(33)) << 32 | slot


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
        if pa.types.is_string(kind.value_type):
            return column
        column = arrow.dictionary_decode(column)
    return column if pa.types.is_string(column.type) else arrow.cast(column, pa.string())


class KeyTable:
    """Key text -> slot, in order of first appearance. Grows as it is used."""

    def __init__(self, groups: int = 64) -> None:
        self.group_count = groups
        self.count = 0
        self._shelf = _Shelf(
            np.full(64, -1, np.int64),
            np.empty(32, np.uint64),
            np.zeros(33, np.int64),
            np.empty(1024, np.uint8),
            np.empty(32, np.int64),
        )
        self._dictionary: Any = None
        self._seen = np.empty(0, np.int64)

    def __len__(self) -> int:
        return self.count

    def slots(self, texts: Array, stamp: int = 0) -> NDArray[np.int32]:
        """The slot of each row's key, -1 for a null key. New keys are stamped `stamp` + row."""
        out = np.empty(len(texts), np.int32)
        indexed: tuple[Any, ...] = ()
        assign: Any = _assign
        if pa.types.is_dictionary(texts.type):
            *found, texts = self._with_dictionary(texts)
            indexed, assign = tuple(found), _assign_indexed
        words = _Words(*text_buffers(texts), _validity(texts))
        row = 0
        while row < len(out):
            row, self.count = assign(self._shelf, words, *indexed, self.count, row, stamp, out)
            if row < len(out):
                entry = int(indexed[1][row]) if indexed else row
                self._grow(int(words.offsets[entry + 1]) - int(words.offsets[entry]))
        return out

    def _with_dictionary(self, texts: Any) -> tuple[NDArray[np.int64], NDArray[np.int32], Array]:
        """Slots of a dictionary are looked up once, also over batches that share it."""
        words = texts.dictionary
        where = words.buffers()[2]
        mark: Any = (where.address if where else 0, words.offset, len(words))
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
        shelf, count = self._shelf, self.count
        if count >= len(shelf.hashes):
            shelf = shelf._replace(
                hashes=_wider(shelf.hashes, 2 * count),
                stamps=_wider(shelf.stamps, 2 * count),
                places=_wider(shelf.places, 2 * count + 1),
            )
        if shelf.places[count] + size > len(shelf.store):
            shelf = shelf._replace(store=_wider(shelf.store, 2 * len(shelf.store) + size))
        if 2 * (count + 1) > len(shelf.table):
            shelf = shelf._replace(table=np.full(2 * len(shelf.table), -1, np.int64))
            _refill(shelf.table, shelf.hashes, count)
        self._shelf = shelf

    def texts(self, start: int = 0, slots: NDArray[Any] | None = None) -> Array:
        """The keys' texts from a slot on, or of chosen slots."""
        if slots is not None:
            return arrow.take(self.texts(), slots)
        begin, end = int(self._shelf.places[start]), int(self._shelf.places[self.count])
        places = (self._shelf.places[start : self.count + 1] - begin).astype(np.int32)
        buffers = [
            None,
            pa.py_buffer(places.tobytes()),
            pa.py_buffer(self._shelf.store[begin:end].tobytes()),
        ]
        return pa.Array.from_buffers(pa.string(), self.count - start, buffers)

    @property
    def stamps(self) -> NDArray[np.int64]:
        """Where each key was first seen."""
        found: NDArray[np.int64] = self._shelf.stamps[: self.count]
        return found

    @property
    def groups(self) -> NDArray[np.int32]:
        """Each key's group."""
        return group_of(self._shelf.hashes[: self.count], self.group_count)

    def restore(self, texts: Array, stamps: NDArray[np.int64]) -> None:
        """Fill an empty table with keys in this order."""
        self.slots(as_text(texts))
        self._shelf.stamps[: self.count] = stamps

    def least_stamps(self, slots: NDArray[np.int32], stamps: NDArray[np.int64]) -> None:
        """Keep the least position of keys that several workers saw first."""
        np.minimum.at(self._shelf.stamps, slots, stamps)


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


_ALL_VALID = np.empty(0, np.bool_)
