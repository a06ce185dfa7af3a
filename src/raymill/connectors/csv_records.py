"""Where CSV records begin and end when text holds quotes: one compiled pass over the bytes.

A quote counts at the start of a field only, a doubled one stands for itself, and what follows a
closed one is taken as it is: the rules of Arrow's reader, which makes the columns.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from raymill.compiled import kernel
from raymill.connectors.text import Bytes

STRAY_RETURN, OPEN_QUOTE = 1, 2
_FIELD_START, _PLAIN, _QUOTED, _QUOTE_SEEN = 0, 1, 2, 3

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Records:
    """The records of a text that are not blank."""

    starts: Numbers
    stops: Numbers  # without line end
    ends: Numbers  # with line end
    lines: Numbers  # line on which each starts, from 0
    fields: Numbers
    faults: Numbers  # bits: STRAY_RETURN, OPEN_QUOTE

    def __len__(self) -> int:
        return len(self.starts)

    def raw(self, data: Bytes, row: int) -> bytes:
        """The bytes of one record."""
        return data[self.starts[row] : self.stops[row]].tobytes()


def find_records(data: Bytes, delimiter: str, *, multiline: bool) -> Records:
    """Find the records; `multiline` lets line ends inside of quotes belong to the text."""
    table = np.empty((6, int(np.count_nonzero(data == 10)) + 1), np.int64)
    count = _scan(data, ord(delimiter), multiline, table)
    return Records(*table[:, :count])


class QuoteCut:
    """Records end at line ends outside of quotes."""

    def __init__(self, delimiter: str) -> None:
        self._delimiter = delimiter

    def first_end(self, data: bytearray, least: int) -> int:
        """The first end of a record at `least` bytes or behind it."""
        return int(_end(_view(data), ord(self._delimiter), least))

    def last_end(self, data: bytearray) -> int:
        """The end of the last whole record."""
        return -int(_end(_view(data), ord(self._delimiter), len(data) + 1)) - 1


def _view(data: bytearray) -> Bytes:
    # A copy: a bytearray that is looked at cannot grow.
    return np.frombuffer(bytes(data), np.uint8)


@kernel
def _scan(data: Bytes, delimiter: int, multiline: bool, table: Numbers) -> int:
    state, row, line, fields, fault, start, size = _FIELD_START, 0, 0, 1, 0, 0, len(data)
    first_line = 0
    for place in range(size + 1):
        byte = data[place] if place < size else 10
        if state == _QUOTED and place < size and (byte != 10 or multiline):
            if byte == 34:
                state = _QUOTE_SEEN
            elif byte == 10:
                line += 1
        elif byte == 10:
            if state == _QUOTED:
                fault |= OPEN_QUOTE
            stop = place
            if state != _QUOTED and stop > start and data[stop - 1] == 13:
                stop -= 1
            if stop > start:
                table[0, row], table[1, row], table[2, row] = start, stop, min(place + 1, size)
                table[3, row], table[4, row], table[5, row] = first_line, fields, fault
                row += 1
            line += 1
            first_line, start, fields, fault, state = line, place + 1, 1, 0, _FIELD_START
        elif (byte == 34 and state == _FIELD_START) or (byte == 34 and state == _QUOTE_SEEN):
            state = _QUOTED
        elif byte == delimiter:
            fields += 1
            state = _FIELD_START
        else:
            if byte == 13 and place + 1 < size and data[place + 1] != 10:
                fault |= STRAY_RETURN
            state = _PLAIN
    return row


@kernel
def _end(data: Bytes, delimiter: int, least: int) -> int:
    """The first end at `least` or behind; where there is none, -1 less the last end."""
    state, last = _FIELD_START, 0
    for place in range(len(data)):
        byte = data[place]
        if state == _QUOTED:
            if byte == 34:
                state = _QUOTE_SEEN
        elif byte == 10:
            last = place + 1
            if last >= least:
                return last
            state = _FIELD_START
        elif byte == 34 and state != _PLAIN:
            state = _QUOTED
        elif byte == delimiter:
            state = _FIELD_START
        else:
            state = _PLAIN
    return -1 - last
