"""Thrift's compact protocol, as far as a Parquet footer needs it: any structure, read and written.

A structure is a dictionary of field number to (type, value); a list is its element type and values.
Doubles stay eight bytes, text stays bytes, and so what is not understood is written as it was read.
"""

from typing import Any

Struct = dict[int, tuple[int, Any]]

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT, UUID = range(1, 14)
_FIXED = {BYTE: 1, DOUBLE: 8, UUID: 16}


def read(data: bytes) -> Struct:
    """Read the structure at the start of `data`."""
    return _Reader(data).struct()


def write(struct: Struct) -> bytes:
    """Write a structure."""
    out = bytearray()
    _write_struct(out, struct)
    return bytes(out)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def struct(self) -> Struct:
        fields: Struct = {}
        number = 0
        while (head := self.byte()) != 0:
            kind, step = head & 0x0F, head >> 4
            number = number + step if step else self.signed()
            inside = kind in (TRUE, FALSE)
            fields[number] = (kind, kind == TRUE if inside else self.value(kind))
        return fields

    def value(self, kind: int) -> Any:
        if kind in (I16, I32, I64):
            return self.signed()
        if kind in _FIXED:
            return self.bytes(_FIXED[kind])
        if kind == BINARY:
            return self.bytes(self.unsigned())
        if kind in (LIST, SET):
            return self.list()
        if kind == STRUCT:
            return self.struct()
        if kind in (TRUE, FALSE):
            return self.byte() == TRUE
        raise ValueError(f"Thrift type {kind} at byte {self.at}")

    def list(self) -> tuple[int, list[Any]]:
        head = self.byte()
        kind, size = head & 0x0F, head >> 4
        size = self.unsigned() if size == 15 else size
        return kind, [self.value(kind) for _ in range(size)]

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def bytes(self, size: int) -> bytes:
        self.at += size
        return self.data[self.at - size : self.at]

    def unsigned(self) -> int:
        result = shift = 0
        while (byte := self.byte()) & 0x80:
            result |= (byte & 0x7F) << shift
            shift += 7
        return result | byte << shift

    def signed(self) -> int:
        number = self.unsigned()
        return (number >> 1) ^ -(number & 1)


def _write_struct(out: bytearray, struct: Struct) -> None:
    last = 0
    for number, (kind, value) in struct.items():
        flag = kind in (TRUE, FALSE)
        kind = (TRUE if value else FALSE) if flag else kind
        if 0 < number - last < 16:
            out.append((number - last) << 4 | kind)
        else:
            out.append(kind)
            _write_signed(out, number)
        last = number
        if not flag:
            _write_value(out, kind, value)
    out.append(0)


def _write_value(out: bytearray, kind: int, value: Any) -> None:
    if kind in (I16, I32, I64):
        _write_signed(out, value)
    elif kind in _FIXED:
        out += value
    elif kind == BINARY:
        _write_unsigned(out, len(value))
        out += value
    elif kind in (LIST, SET):
        _write_list(out, *value)
    elif kind == STRUCT:
        _write_struct(out, value)
    else:
        out.append(TRUE if value else FALSE)


def _write_list(out: bytearray, kind: int, values: list[Any]) -> None:
    if len(values) < 15:
        out.append(len(values) << 4 | kind)
    else:
        out.append(0xF0 | kind)
        _write_unsigned(out, len(values))
    for value in values:
        _write_value(out, kind, value)


def _write_signed(out: bytearray, number: int) -> None:
    _write_unsigned(out, (number << 1) ^ (number >> 63))


def _write_unsigned(out: bytearray, number: int) -> None:
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
