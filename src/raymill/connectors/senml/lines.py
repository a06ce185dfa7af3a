"""Lines of `epoch_ms,{json}`, found and taken apart in one pass."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raymill.compiled import kernel
from raymill.compiled.memory import address, byte, load8, low_byte
from raymill.connectors.senml.plan import frozen
from raymill.connectors.senml.tokens import whole
from raymill.connectors.text import count_lines

GOOD, NO_COMMA, BAD_TIME = 0, 1, 2
REASONS = {NO_COMMA: "no comma behind the time", BAD_TIME: "no time in epoch milliseconds"}

_ONES = np.uint64(0x0101010101010101)
_TOPS = np.uint64(0x8080808080808080)
_NEWLINES = np.uint64(0x0A0A0A0A0A0A0A0A)
_NONE = np.uint64(0)


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of a block that are not blank."""

    span: int  # lines of the block, blank ones included
    line: NDArray[np.int32]
    heads: NDArray[np.int32]  # where each begins
    starts: NDArray[np.int32]  # where its record begins
    stops: NDArray[np.int32]
    time: NDArray[np.int64]
    state: NDArray[np.uint8]  # GOOD, NO_COMMA, BAD_TIME

    def take(self, rows: NDArray[Any]) -> "Lines":
        """These lines alone."""
        return Lines(
            self.span,
            self.line[rows],
            self.heads[rows],
            self.starts[rows],
            self.stops[rows],
            self.time[rows],
            self.state[rows],
        )


def take_apart(data: NDArray[np.uint8]) -> Lines:
    """Find the lines of a block of text, their times and their records."""
    span = count_lines(data)
    places = np.empty((4, span), np.int32)
    time = np.empty(span, np.int64)
    state = np.empty(span, np.uint8)
    count = _take_apart(frozen(data), places, time, state)
    line, heads, starts, stops = places[:, :count]
    return Lines(span, line, heads, starts, stops, time[:count], state[:count])


@kernel
def _take_apart(data: Any, places: Any, time: Any, state: Any) -> int:
    base = address(data)
    limit = base + len(data)
    row = line = 0
    p = base
    while p < limit:
        end = _line_end(p, limit)
        stop = end
        while stop > p and _is_blank(byte(stop - 1)):
            stop -= 1
        head = p
        while head < stop and _is_blank(byte(head)):
            head += 1
        if head < stop:
            comma, value = whole(head, stop, False)
            state[row] = GOOD
            if comma < 0 or comma == stop or byte(comma) != 44:
                comma = _comma(head, stop)
                state[row] = NO_COMMA if comma == stop else BAD_TIME
            places[0, row] = line
            places[1, row] = head - base
            places[2, row] = comma + 1 - base
            places[3, row] = stop - base
            time[row] = value
            row += 1
        line += 1
        p = end + 1
    return row


@kernel
def _is_blank(c: int) -> bool:
    return c == 32 or c == 13 or c == 9


@kernel
def _comma(p: int, stop: int) -> int:
    while p < stop and byte(p) != 44:
        p += 1
    return p


@kernel
def _newlines(p: int) -> Any:
    word = load8(p) ^ _NEWLINES
    return (word - _ONES) & ~word & _TOPS


@kernel
def _line_end(p: int, limit: int) -> int:
    while p + 32 <= limit:
        near = _newlines(p) | _newlines(p + 8)
        if near | _newlines(p + 16) | _newlines(p + 24) != _NONE:
            break
        p += 32
    while p + 8 <= limit:
        found = _newlines(p)
        if found != _NONE:
            p += low_byte(found)
            return p
        p += 8
    while p < limit and byte(p) != 10:
        p += 1
    return p
