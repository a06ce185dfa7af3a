"""Level two: any SenML record in plain JSON, whatever the order of its keys and its blanks."""

from typing import Any

from raymill.compiled import kernel
from raymill.compiled.memory import byte
from raymill.connectors.senml.plan import NUMBER, TEXT
from raymill.connectors.senml.tokens import (
    EXACT,
    INEXACT,
    ODD,
    any_text_end,
    number,
    same,
    text_end,
    whole,
)

_OTHER, _N, _U, _T, _V, _E, _SV, _BT, _BU, _BN = range(10)


@kernel
def _blanks(p: int, stop: int) -> int:
    while p < stop and (byte(p) == 32 or (byte(p) <= 13 and byte(p) in (9, 10, 13))):
        p += 1
    return p


@kernel
def _at(p: int, stop: int, c: int) -> bool:
    return p < stop and byte(p) == c


@kernel
def _short(c: int) -> int:
    if c == 110:
        return _N
    if c == 117:
        return _U
    if c == 118:
        return _V
    if c == 116:
        return _T
    return _E if c == 101 else _OTHER


@kernel
def _pair(first: int, second: int) -> int:
    if first == 115 and second == 118:
        return _SV
    if first != 98:
        return _OTHER
    if second == 116:
        return _BT
    if second == 117:
        return _BU
    return _BN if second == 110 else _OTHER


@kernel
def _key(p: int, stop: int) -> tuple[int, int]:
    """Read a key and its colon: which key (0: none known), where its value starts."""
    if p + 3 > stop or byte(p) != 34:
        return _OTHER, p
    if byte(p + 2) == 34:
        key, p = _short(byte(p + 1)), p + 3
    elif p + 4 <= stop and byte(p + 3) == 34:
        key, p = _pair(byte(p + 1), byte(p + 2)), p + 4
    else:
        return _OTHER, p
    p = _blanks(p, stop)
    if not _at(p, stop, 58):
        return _OTHER, p
    return key, _blanks(p + 1, stop)


@kernel
def _element(p: int, stop: int, wide: bool) -> tuple[int, int, int, int, int, bool]:
    """Read an element from behind its brace: end (-1: not plain), name, value, whether quoted."""
    name = name_end = value = value_end = -1
    quoted = units = offset = False
    while True:
        key, p = _key(p, stop)
        text = _at(p, stop, 34)
        if key == _N and name < 0 and text:
            name = p + 1
            name_end = text_end(name, stop, wide)
            p = name_end + 1 if name_end > name else -1
        elif key == _U and not units and text:
            units = True
            p = _behind(p, stop, wide)
        elif key in (_V, _SV) and value < 0 and text:
            quoted = True
            value = p + 1
            value_end = text_end(value, stop, wide)
            p = value_end + 1 if value_end >= 0 else -1
        elif key == _V and value < 0:
            value = p
            state, p, _ = number(p, stop, not text)
            value_end = p
            p = -1 if state == ODD else p
        elif key == _T and not offset:
            offset = True
            state, p, _ = number(p, stop, not text)
            p = p if state == EXACT and not text else -1
        else:
            p = -1
        if p < 0:
            break
        p = _blanks(p, stop)
        if _at(p, stop, 125):
            p = p + 1 if name >= 0 and value >= 0 else -1
            break
        if not _at(p, stop, 44):
            p = -1
            break
        p = _blanks(p + 1, stop)
    return p, name, name_end, value, value_end, quoted


@kernel
def _behind(p: int, stop: int, wide: bool) -> int:
    """Pass over a text from its first quote on."""
    end = any_text_end(p + 1, stop, wide)
    return end + 1 if end >= 0 else -1


@kernel
def _time(p: int, stop: int) -> tuple[int, int]:
    """Read a base time, as a number or a text."""
    quoted = _at(p, stop, 34)
    p, value = whole(p + quoted, stop, not quoted)
    if quoted:
        p = p + 1 if p >= 0 and _at(p, stop, 34) else -1
    return p, value


@kernel
def _find(name: int, length: int, pool: int, offsets: Any, guess: int) -> int:
    """Find a name among the fields, trying `guess` first: its number, or -1."""
    count = len(offsets) - 1
    for k in range(count):
        field = guess + k
        if field >= count:
            field -= count
        q = offsets[field]
        if offsets[field + 1] - q == length and same(name, pool + q, length):
            return field
    return -1


@kernel
def _keep(
    base: int,
    value: int,
    end: int,
    quoted: bool,
    row: int,
    kind: int,
    place: int,
    numbers: Any,
    starts: Any,
    lengths: Any,
    inexact: Any,
    left: int,
) -> int:
    """Store the value of a field: how many inexact cells there are then; -1: not of its type."""
    if kind == NUMBER:
        state, stop, numbers[place, row] = number(value, end, not quoted)
        if state == ODD or stop != end:
            return -1
        if state == INEXACT:
            inexact[left, 0] = row
            inexact[left, 1] = place
            inexact[left, 2] = value - base
            inexact[left, 3] = end - value
            left += 1
    elif kind == TEXT:
        if not quoted:
            return -1
        starts[place, row] = value - base
        lengths[place, row] = end - value
    return left


@kernel
def _elements(
    base: int,
    p: int,
    stop: int,
    row: int,
    pool: int,
    offsets: Any,
    kinds: Any,
    places: Any,
    strict: bool,
    seen: Any,
    numbers: Any,
    starts: Any,
    lengths: Any,
    inexact: Any,
    left: int,
    wide: bool,
) -> tuple[int, int]:
    """Read the elements from behind the bracket: their end (-1: not plain), the inexact cells."""
    guess = 0
    p = _blanks(p, stop)
    more = not _at(p, stop, 93)
    while more:
        if not _at(p, stop, 123):
            p = -1
            break
        p, name, name_end, value, value_end, quoted = _element(_blanks(p + 1, stop), stop, wide)
        if p < 0:
            break
        field = _find(name, name_end - name, pool, offsets, guess)
        if field >= 0:
            if seen[field] == row + 1:
                p = -1
                break
            seen[field] = row + 1
            guess = field + 1
            left = _keep(
                base, value, value_end, quoted, row, kinds[field], places[field],
                numbers, starts, lengths, inexact, left,
            )  # fmt: skip
            if left < 0:
                p = -1
                break
        elif strict:
            p = -1
            break
        p = _blanks(p, stop)
        more = not _at(p, stop, 93)
        if more:
            if not _at(p, stop, 44):
                p = -1
                break
            p = _blanks(p + 1, stop)
    return (p + 1 if p >= 0 else -1), left


@kernel
def generic(
    base: int,
    start: int,
    stop: int,
    row: int,
    pool: int,
    offsets: Any,
    kinds: Any,
    places: Any,
    strict: bool,
    seen: Any,
    time: Any,
    numbers: Any,
    starts: Any,
    lengths: Any,
    inexact: Any,
    left: int,
    wide: bool,
    rfc: bool,
) -> int:
    """Read a record: how many inexact cells there are then; -1: it is for the library."""
    listed = timed = units = based = False
    stop += base
    p = _blanks(base + start, stop)
    p = _blanks(p + 1, stop) if _at(p, stop, 123) else -1
    time[row] = 0
    while p >= 0:
        key, p = _key(p, stop)
        if key == _E and not listed and _at(p, stop, 91):
            listed = True
            p, left = _elements(
                base, p + 1, stop, row, pool, offsets, kinds, places, strict, seen,
                numbers, starts, lengths, inexact, left, wide,
            )  # fmt: skip
        elif key == _BT and not timed:
            timed = True
            p, time[row] = _time(p, stop)
        elif key == _BU and not units and _at(p, stop, 34):
            units = True
            p = _behind(p, stop, wide)
        elif key == _BN and not based and not rfc and _at(p, stop, 34):
            based = True
            p = _behind(p, stop, wide)
        else:
            p = -1
        if p < 0:
            break
        p = _blanks(p, stop)
        if _at(p, stop, 125):
            p = _blanks(p + 1, stop)
            break
        p = _blanks(p + 1, stop) if _at(p, stop, 44) else -1
    return left if listed and p == stop else -1
