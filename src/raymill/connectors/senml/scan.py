"""The scanner's loop over records, and the loop that gathers texts into a column."""

from typing import Any

from raymill.compiled import kernel
from raymill.connectors.senml.generic import generic
from raymill.connectors.senml.match import match
from raymill.connectors.senml.plan import NUMBER, SKIP
from raymill.connectors.senml.words import address, byte, load8, store, store8


@kernel
def scan(
    data: Any,
    heads: Any,
    ends: Any,
    begin: int,
    end: int,
    names: Any,
    templates: Any,
    cells: Any,
    hits: Any,
    left: int,
    wide: bool,
    rfc: bool,
) -> int:
    """Read rows `begin` to `end`: how many cells are for the library; rows: `Cells.missed`."""
    base = address(data)
    limit = base + len(data)
    pool = address(names.pool)
    words = address(templates.words)
    _, offsets, kinds, places, strict = names
    _, steps, first, lacks = templates
    time, numbers, valid, starts, lengths, inexact, missed, seen = cells
    count = len(first) - 1
    last = 0
    for row in range(begin, end):
        now = -1
        for k in range(count + 1):
            t = last if k == 0 else k - 1
            if count > 0 and (k == 0 or t != last):
                now = match(
                    base, heads[row], ends[row], limit, row, words, steps, first[t], first[t + 1],
                    time, numbers, starts, lengths, inexact, left, wide,
                )  # fmt: skip
                if now >= 0:
                    last = t
                    break
        missed[row] = 0
        if now >= 0:
            left = now
            hits[last] += 1
            if lacks[last, len(kinds)] == 0:
                continue
            for field in range(len(kinds)):
                seen[field] = 0 if lacks[last, field] else row + 1
        else:
            missed[row] = 1
            now = generic(
                base, heads[row], ends[row], row, pool, offsets, kinds, places, strict, seen,
                time, numbers, starts, lengths, inexact, left, wide, rfc,
            )  # fmt: skip
            if now < 0:
                missed[row] = 2
                continue
            left = now
        for field in range(len(kinds)):
            if kinds[field] != SKIP and seen[field] != row + 1:
                if kinds[field] == NUMBER:
                    valid[places[field], row] = 0
                else:
                    lengths[places[field], row] = -1
    return left


@kernel
def gather(data: Any, extra: Any, starts: Any, lengths: Any, target: Any) -> None:
    """Copy texts behind each other; `target` has 8 bytes to spare. Starts below 0: in `extra`."""
    base = address(data)
    limit = base + len(data)
    more = address(extra)
    out = address(target)
    for row in range(len(starts)):
        p, length = base + starts[row], lengths[row]
        if starts[row] >= 0 and p + length + 8 <= limit:
            for k in range(0, length, 8):
                store8(out + k, load8(p + k))
        else:
            if starts[row] < 0:
                p = more - 1 - starts[row]
            for k in range(length):
                store(out + k, byte(p + k))
        out += max(length, 0)
