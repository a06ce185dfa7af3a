"""A stable 64-bit hash of text: XXH64 with seed 0, the same on every machine and in every version.

Source: the xxHash specification, https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
"""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill.arrow import Array
from raymill.compiled import inline, kernel
from raymill.compiled.memory import address, byte, load8

P1 = np.uint64(0x9E3779B185EBCA87)
P2 = np.uint64(0xC2B2AE3D27D4EB4F)
P3 = np.uint64(0x165667B19E3779F9)
P4 = np.uint64(0x85EBCA77C2B2AE63)
P5 = np.uint64(0x27D4EB2F165667C5)


@inline
def _rotate(x: Any, by: int) -> Any:
    return (x << np.uint64(by)) | (x >> np.uint64(64 - by))


@inline
def _round(acc: Any, lane: Any) -> Any:
    return _rotate(acc + lane * P2, 31) * P1


@inline
def _merge(acc: Any, lane: Any) -> Any:
    return (acc ^ _round(np.uint64(0), lane)) * P1 + P4


@kernel
def _long(start: Any, end: Any) -> Any:
    a, b, c, d = P1 + P2, P2, np.uint64(0), np.uint64(0) - P1
    at = start
    while at + 32 <= end:
        a = _round(a, load8(at))
        b = _round(b, load8(at + 8))
        c = _round(c, load8(at + 16))
        d = _round(d, load8(at + 24))
        at += 32
    acc = _rotate(a, 1) + _rotate(b, 7) + _rotate(c, 12) + _rotate(d, 18)
    return _merge(_merge(_merge(_merge(acc, a), b), c), d)


@kernel
def hash_bytes(start: Any, size: Any) -> Any:
    """XXH64 of the `size` bytes at an address."""
    end = start + size
    at = start
    acc = P5
    if size >= 32:
        acc = _long(start, end)
        at = start + (size // 32) * 32
    acc += np.uint64(size)
    while at + 8 <= end:
        acc = _rotate(acc ^ _round(np.uint64(0), load8(at)), 27) * P1 + P4
        at += 8
    if at + 4 <= end:
        four = byte(at) | byte(at + 1) << 8 | byte(at + 2) << 16 | byte(at + 3) << 24
        acc = _rotate(acc ^ (np.uint64(four) * P1), 23) * P2 + P3
        at += 4
    while at < end:
        acc = _rotate(acc ^ (np.uint64(byte(at)) * P5), 11) * P1
        at += 1
    acc = (acc ^ (acc >> np.uint64(33))) * P2
    acc = (acc ^ (acc >> np.uint64(29))) * P3
    return acc ^ (acc >> np.uint64(32))


@kernel
def _hash_all(offsets: Any, data: Any, out: Any) -> None:
    base = address(data)
    for i in range(len(out)):
        out[i] = hash_bytes(base + offsets[i], np.int64(offsets[i + 1] - offsets[i]))


def text_buffers(texts: Array) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """Offsets and bytes of a string array (int32 offsets), as numpy views."""
    count = len(texts)
    buffers: list[Any] = texts.buffers()
    _, offsets, data = buffers
    if count == 0 or offsets is None:
        return np.zeros(count + 1, np.int32), np.empty(0, np.uint8)
    places = np.frombuffer(offsets, np.int32, count + 1, texts.offset * 4)
    return places, np.frombuffer(data, np.uint8) if data is not None else np.zeros(1, np.uint8)


def hash_texts(texts: Array) -> NDArray[np.uint64]:
    """Hash each text of a string array; a null hashes as the empty text."""
    if pa.types.is_dictionary(texts.type):
        known = hash_texts(texts.dictionary)  # type: ignore[attr-defined]
        places = texts.indices.fill_null(0).to_numpy(zero_copy_only=False)  # type: ignore[attr-defined]
        return known[places] if len(known) else np.zeros(len(texts), np.uint64)
    out = np.empty(len(texts), np.uint64)
    offsets, data = text_buffers(texts)
    _hash_all(offsets, data, out)
    return out
