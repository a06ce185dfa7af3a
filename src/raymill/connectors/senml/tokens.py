"""The tokens of a record, recognised in place: plain text and numbers. The rest is left alone.

Positions are addresses; -1 means that the record must go down a level.
"""

import numpy as np

from raymill.compiled import kernel
from raymill.compiled.memory import byte, load8, low_byte

POWERS = np.array([10.0**power for power in range(23)])
EXACT, INEXACT, ODD = 0, 1, 2
LONGEST = 2**53
LARGEST = 300  # digits in front of the point; float64 has up to 309

_ONES = np.uint64(0x0101010101010101)
_TOPS = np.uint64(0x8080808080808080)
_QUOTES = np.uint64(0x2222222222222222)
_SLASHES = np.uint64(0x5C5C5C5C5C5C5C5C)
_BLANKS = np.uint64(0x2020202020202020)
_NONE = np.uint64(0)


@kernel
def text_end(p: int, stop: int, wide: bool) -> int:
    """Find the quote that ends a text without escapes and control characters."""
    extra = _NONE if wide else _TOPS
    while p + 8 <= stop:
        word = load8(p)
        quote = word ^ _QUOTES
        slash = word ^ _SLASHES
        found = ((quote - _ONES) & ~quote) | ((slash - _ONES) & ~slash)
        found = ((found | ((word - _BLANKS) & ~word)) & _TOPS) | (word & extra)
        if found != _NONE:
            p += low_byte(found)
            return p if byte(p) == 34 else -1
        p += 8
    while p < stop:
        c = byte(p)
        if c == 34:
            return p
        if c == 92 or c < 32 or (c > 127 and not wide):
            return -1
        p += 1
    return -1


@kernel
def any_text_end(p: int, stop: int, wide: bool) -> int:
    """Find the quote that ends a text whose content does not matter; simple escapes are allowed."""
    while p < stop:
        c = byte(p)
        if c == 34:
            return p
        if c < 32 or (c > 127 and not wide):
            return -1
        if c == 92:
            p += 1
            if p == stop or not _is_escape(byte(p)):
                return -1
        p += 1
    return -1


@kernel
def _is_escape(c: int) -> bool:
    return c in (34, 47, 92, 98, 102, 110, 114, 116)


@kernel
def _digits(p: int, stop: int, value: int) -> tuple[int, int]:
    """Read digits behind those of `value`: where they end, the value with them."""
    while p < stop:
        digit = byte(p) - 48
        if digit < 0 or digit > 9:
            break
        value = value * 10 + digit
        p += 1
    return p, value


@kernel
def number(start: int, stop: int, bare: bool) -> tuple[int, int, float]:
    """Read a decimal number: how sure it is, where it ends, its value.

    EXACT: at most 2**53 times or through an exact power of ten: one rounding, as in `float()`.
    INEXACT: a number, whose value the library must find. ODD: no plain number.
    """
    minus = start < stop and byte(start) == 45
    first = start + minus
    p, mantissa = _digits(first, stop, 0)
    digits = p - first
    if digits == 0 or (bare and digits > 1 and byte(first) == 48):
        return ODD, p, 0.0
    power = 0
    if p < stop and byte(p) == 46:
        first = p + 1
        p, mantissa = _digits(first, stop, mantissa)
        if p == first:
            return ODD, p, 0.0
        power = first - p
        digits -= power
    elif bare and mantissa == 0:
        minus = False  # JSON's -0 is the integer 0
    if p < stop and (byte(p) | 32) == 101:
        p, exponent = _exponent(p + 1, stop)
        if p < 0 or (bare and mantissa == 0):
            return ODD, p, 0.0
        power += exponent
    if bare and digits + power > LARGEST:
        return ODD, p, 0.0  # the library refuses a number beyond float64, wherever it stands
    if digits > 18 or mantissa > LONGEST or power < -22 or power > 22:
        return INEXACT, p, 0.0
    value = np.float64(mantissa)
    if power < 0:
        value /= POWERS[-power]
    elif power > 0:
        value *= POWERS[power]
    return EXACT, p, -value if minus else value


@kernel
def _exponent(p: int, stop: int) -> tuple[int, int]:
    minus = p < stop and byte(p) == 45
    if p < stop and (minus or byte(p) == 43):
        p += 1
    end, value = _digits(p, stop, 0)
    if end == p or end - p > 5:
        return -1, 0
    return end, -value if minus else value


@kernel
def whole(start: int, stop: int, bare: bool) -> tuple[int, int]:
    """Read an integer of at most 18 digits: where it ends (-1: none), its value."""
    minus = start < stop and byte(start) == 45
    first = start + minus
    p, value = _digits(first, stop, 0)
    digits = p - first
    if digits == 0 or digits > 18 or (bare and digits > 1 and byte(first) == 48):
        return -1, 0
    return p, -value if minus else value


@kernel
def same(p: int, q: int, length: int) -> bool:
    """Compare bytes at two addresses."""
    k = 0
    while k + 8 <= length:
        if load8(p + k) != load8(q + k):
            return False
        k += 8
    while k < length:
        if byte(p + k) != byte(q + k):
            return False
        k += 1
    return True


@kernel
def fixed(p: int, stop: int, limit: int, words: int, length: int) -> bool:
    """Whether a text (whole words, padded with zeros) stands at `p`. May read up to `limit`."""
    if p + length > stop:
        return False
    end = p + length - 8
    while p <= end:
        if load8(p) != load8(words):
            return False
        p += 8
        words += 8
    rest = length & 7
    if rest == 0:
        return True
    if p + 8 > limit:
        return same(p, words, rest)
    mask = (np.uint64(1) << np.uint64(8 * rest)) - np.uint64(1)
    return bool((load8(p) & mask) == load8(words))
