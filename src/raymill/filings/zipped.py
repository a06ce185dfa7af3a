"""Members of a zip file, one by one: neither the file nor its list is ever whole in memory.

The bulk files of the SEC have up to a million members; their list alone would take a gigabyte as
objects.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from raymill.errors import DataError, InputError

MB = 1 << 20
MOST_BYTES = 256 * MB  # of one member, unpacked
_PIECE = 1 * MB
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR64 = struct.Struct("<4sLQL")
_ENTRY = struct.Struct("<4s4B4HL2L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_FULL, _FULL_COUNT = 0xFFFFFFFF, 0xFFFF
_LONGEST = _ENTRY.size + 3 * _FULL_COUNT
_STORED, _DEFLATED = 0, 8


@dataclass(frozen=True, slots=True)
class Entry:
    """One member: its name, and where and how it lies in the file."""

    name: str
    size: int
    packed: int
    place: int
    method: int
    is_encrypted: bool
    crc: int


@dataclass(frozen=True, slots=True)
class _List:
    place: int
    size: int
    count: int
    shift: int  # bytes that somebody put before the zip


class ZipMembers:
    """A zip file, open for reading; threads share it. Use it as a context.

    Raises InputError where it cannot be read, DataError where it is no zip or breaks off.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self._file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise InputError(f"`{path}` cannot be read: {error.strerror}") from error
        try:
            self._bytes = os.fstat(self._file).st_size
            self._list = self._find_list()
        except (OSError, DataError):
            os.close(self._file)
            raise

    def __len__(self) -> int:
        return self._list.count

    def entries(self) -> Iterator[Entry]:
        """The members in their order; folders are left out. Raises DataError for a broken list."""
        packed = 0
        for entry in self._listed():
            packed += entry.packed
            if packed > self._bytes:
                raise DataError(f"`{self.path}` has members that overlap: it is made to do harm")
            if not entry.name.endswith("/"):
                yield entry

    def read(self, entry: Entry, *, most_bytes: int = MOST_BYTES) -> bytes:
        """One member, unpacked. Raises DataError where it is damaged, or larger than it may be."""
        if max(entry.size, entry.packed) > most_bytes:
            raise self._damaged(entry, f"it has more than {most_bytes // MB} MB")
        if entry.is_encrypted or entry.method not in (_STORED, _DEFLATED):
            raise self._damaged(entry, f"it is packed in a way ({entry.method}) that is not read")
        data = self._body(entry)
        if len(data) != entry.size or zlib.crc32(data) != entry.crc:
            raise self._damaged(entry, "its checksum does not match")
        return data

    def _body(self, entry: Entry) -> bytes:
        place = entry.place + self._list.shift
        head = self._at(place, _LOCAL.size)
        if len(head) < _LOCAL.size or head[:4] != b"PK\3\4":
            raise self._damaged(entry, "it is not where the list says")
        *_, name, extra = _LOCAL.unpack(head)
        packed = self._at(place + _LOCAL.size + name + extra, entry.packed)
        if entry.method == _STORED:
            return packed
        try:
            unpack = zlib.decompressobj(-zlib.MAX_WBITS)
            return unpack.decompress(packed, entry.size + 1)  # one more tells a lie of the list
        except zlib.error as error:
            raise self._damaged(entry, str(error)) from error

    def _damaged(self, entry: Entry, why: str) -> DataError:
        return DataError(f"Member `{entry.name}` of `{self.path}` is damaged: {why}")

    def _listed(self) -> Iterator[Entry]:
        place, left = self._list.place, self._list.size
        held, at, found = b"", 0, 0
        while left or at < len(held):
            if len(held) - at < _LONGEST and left:
                more = self._at(place, min(left, _PIECE))
                place, left = place + len(more), (left - len(more) if more else 0)
                held, at = held[at:] + more, 0
            entry, length = _entry(held, at)
            if entry is None:
                raise self._broken("its list of members breaks off")
            yield entry
            at, found = at + length, found + 1
        if found % (_FULL_COUNT + 1) != self._list.count % (_FULL_COUNT + 1):
            raise self._broken("its list has more or fewer members than it says")

    def _find_list(self) -> _List:
        tail_at = max(0, self._bytes - _END.size - _FULL_COUNT)
        tail = self._at(tail_at, self._bytes - tail_at)
        found = tail.rfind(b"PK\5\6")
        if found < 0 or len(tail) - found < _END.size:
            raise self._broken("its end is missing")
        *_, count, size, place, _ = _END.unpack_from(tail, found)
        end = tail_at + found
        if _FULL in (size, place) or count == _FULL_COUNT:
            count, size, place, end = self._list64(end) or (count, size, place, end)
        shift = end - size - place
        if shift < 0:
            raise self._broken("its list of members is not where it says")
        return _List(place + shift, size, count, shift)

    def _list64(self, end: int) -> tuple[int, int, int, int] | None:
        locator = self._at(max(0, end - _LOCATOR64.size), _LOCATOR64.size)
        if len(locator) < _LOCATOR64.size or locator[:4] != b"PK\6\7":
            return None
        place = _LOCATOR64.unpack(locator)[2]
        record = self._at(place, _END64.size)
        if len(record) < _END64.size or record[:4] != b"PK\6\6":
            raise self._broken("its list of members is not where it says")
        *_, count, size, start = _END64.unpack(record)
        return count, size, start, place

    def _broken(self, why: str) -> DataError:
        return DataError(f"`{self.path}` is no whole zip file: {why}", hint="fetch it again")

    def _at(self, place: int, size: int) -> bytes:
        try:
            return os.pread(self._file, max(0, min(size, self._bytes - place)), place)
        except OSError as error:
            raise InputError(f"`{self.path}` cannot be read: {error.strerror}") from error

    def __enter__(self) -> "ZipMembers":
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self._file)


def _entry(held: bytes, at: int) -> tuple[Entry | None, int]:
    """The entry that begins there, and its length; None where it is not whole."""
    if len(held) - at < _ENTRY.size or held[at : at + 4] != b"PK\1\2":
        return None, 0
    fields = _ENTRY.unpack_from(held, at)
    flags, method = fields[5:7]
    crc, packed, size, name, extra, comment = fields[9:15]
    place = fields[-1]
    length = _ENTRY.size + name + extra + comment
    if len(held) - at < length:
        return None, 0
    start = at + _ENTRY.size
    text, more = held[start : start + name], held[start + name : start + name + extra]
    size, packed, place = _large(more, [size, packed, place])
    coding = "utf-8" if flags & 0x800 else "cp437"
    bare = text.decode(coding, "replace")
    return Entry(bare, size, packed, place, method, bool(flags & 1), crc), length


def _large(extra: bytes, values: list[int]) -> list[int]:
    """Sizes and place beyond 4 GB stand in a field of their own."""
    at = 0
    while at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        body = extra[at + 4 : at + 4 + length]
        if kind == 1:
            wide = [number for (number,) in struct.iter_unpack("<Q", body[: len(body) // 8 * 8])]
            return [wide.pop(0) if value == _FULL and wide else value for value in values]
        at += 4 + length
    return values
