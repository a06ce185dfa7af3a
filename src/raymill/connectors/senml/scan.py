"""The loops over records: by templates, without them; and the one that gathers texts."""

from typing import Any

from raymill.compiled import kernel
from raymill.compiled.memory import address, byte, load8, store, store8
from raymill.connectors.senml.generic import generic
from raymill.connectors.senml.match import match
from raymill.connectors.senml.plan import NUMBER, TEXT


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
) -> int:
    """Read rows `begin` to `end` by templates: how many cells are for the library afterwards."""
    base = address(data)
    limit = base + len(data)
    words = address(templates.words)
    _, _, kinds, places, _ = names
    _, steps, first, lacks = templates
    time, numbers, valid, starts, lengths, inexact, missed, _ = cells
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
        missed[row] = 1 if now < 0 else 0
        if now < 0:
            continue
        left = now
        hits[last] += 1
        if lacks[last, len(kinds)]:
            for field in range(len(kinds)):
                if lacks[last, field]:
                    _make_null(row, kinds[field], places[field], valid, lengths)
    return left


@kernel
def scan_rest(
    data: Any,
    heads: Any,
    ends: Any,
    rows: Any,
    names: Any,
    cells: Any,
    left: int,
    wide: bool,
    rfc: bool,
) -> int:
    """Read the rows that no template fits: how many cells are for the library afterwards."""
    base = address(data)
    pool = address(names.pool)
    _, offsets, kinds, places, strict = names
    time, numbers, valid, starts, lengths, inexact, missed, seen = cells
    for row in rows:
        now = generic(
            base, heads[row], ends[row], row, pool, offsets, kinds, places, strict, seen,
            time, numbers, starts, lengths, inexact, left, wide, rfc,
        )  # fmt: skip
        if now < 0:
            missed[row] = 2
            continue
        left = now
        for field in range(len(kinds)):
            if seen[field] != row + 1:
                _make_null(row, kinds[field], places[field], valid, lengths)
    return left


@kernel
def _make_null(row: int, kind: int, place: int, valid: Any, lengths: Any) -> None:
    if kind == NUMBER:
        valid[place, row] = 0
    elif kind == TEXT:
        lengths[place, row] = -1


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
