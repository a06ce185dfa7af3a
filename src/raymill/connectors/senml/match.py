"""Level one: a record that has a learned layout, fixed text compared 8 bytes at a time."""

from typing import Any

from raymill.compiled import kernel
from raymill.connectors.senml.tokens import EXACT, INEXACT, ODD, fixed, number, text_end, whole

END, NUMBER_TEXT, NUMBER_BARE, TEXT, SKIP_TEXT, SKIP_BARE, TIME_TEXT, TIME_BARE = range(8)


@kernel
def match(
    base: int,
    start: int,
    stop: int,
    limit: int,
    row: int,
    words: int,
    steps: Any,
    first: int,
    last: int,
    time: Any,
    numbers: Any,
    starts: Any,
    lengths: Any,
    inexact: Any,
    left: int,
    wide: bool,
) -> int:
    """Read a record by a template's steps: the inexact cells so far; -1: it does not fit."""
    p = base + start
    stop += base
    for step in range(first, last):
        length, place = steps[step, 1], steps[step, 3]
        if not fixed(p, stop, limit, words + 8 * steps[step, 0], length):
            return -1
        p += length
        op = steps[step, 2]
        if op in (NUMBER_TEXT, NUMBER_BARE):
            state, end, value = number(p, stop, op == NUMBER_BARE)
            if state == ODD:
                return -1
            numbers[place, row] = value
            if state == INEXACT:
                inexact[left, 0] = row
                inexact[left, 1] = place
                inexact[left, 2] = p - base
                inexact[left, 3] = end - p
                left += 1
            p = end
        elif op in (TEXT, SKIP_TEXT):
            end = text_end(p, stop, wide)
            if end < 0:
                return -1
            if op == TEXT:
                starts[place, row] = p - base
                lengths[place, row] = end - p
            p = end
        elif op == SKIP_BARE:
            state, p, value = number(p, stop, op == SKIP_BARE)
            if state != EXACT:
                return -1
        elif op != END:
            p, time[row] = whole(p, stop, op == TIME_BARE)
            if p < 0:
                return -1
    return left if p == stop else -1
