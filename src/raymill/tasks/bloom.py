"""A Bloom filter: a set of hashes in few bits, which may say yes wrongly but never no.

A filter is kept as a record, so that any sink writes it and any source reads it.
"""

import base64
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raymill import json
from raymill.compiled import inline, kernel
from raymill.errors import ConfigError, InputError

MAGIC = b"raymill bloom 1\0"
_HEADER = struct.Struct("<16sQQ")
_MOST_BITS = 2**32
_LOW = np.uint64(0x9E3779B97F4A7C15)
_MIX1, _MIX2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_ONE, _WORD, _HALF = np.uint64(1), np.uint64(6), np.uint64(32)
_WITHIN = np.uint64(63)


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a filter is: its bits, and how many of them stand for one value."""

    bits: int
    probes: int


def shape(expected: int, ratio: float) -> Shape:
    """Work out the smallest filter of `expected` values at `ratio` false positives (Bloom, 1970).

    >>> shape(20_000_000, 0.01)
    Shape(bits=191701184, probes=7)
    """
    needed = math.ceil(-expected * math.log(ratio) / math.log(2) ** 2)
    bits = max(64, -(-needed // 64) * 64)
    if bits > _MOST_BITS:
        raise ConfigError(
            f"A filter of {expected} values with ratio {ratio:g} needs {bits // 8_000_000} MB",
            hint="the most is 512 MB: expect fewer values, or allow more false positives",
        )
    return Shape(bits, max(1, round(bits / expected * math.log(2))))


def pack(words: NDArray[np.uint64], probes: int) -> str:
    """Write a filter as text."""
    header = _HEADER.pack(MAGIC, len(words) * 64, probes)
    return base64.b64encode(header + words.astype("<u8").tobytes()).decode("ascii")


def unpack(text: str) -> tuple[NDArray[np.uint64], int]:
    """Read a filter from its text: bits and probes. Raises ValueError."""
    raw = base64.b64decode(text, validate=True)
    if len(raw) < _HEADER.size or raw[:16] != MAGIC:
        raise ValueError("it does not begin like a filter of this version")
    _, bits, probes = _HEADER.unpack_from(raw)
    words = np.frombuffer(raw, "<u8", offset=_HEADER.size).astype(np.uint64)
    if len(words) * 64 != bits or not 0 < probes <= 64:
        raise ValueError("it is cut off")
    return words, int(probes)


def load(path: str) -> tuple[NDArray[np.uint64], int]:
    """Read the filter that `bloom_filter_train` wrote. Raises InputError that names the file."""
    hint = "write one: raymill run bloom_filter_train IDS --field F -o FILE.jsonl"
    try:
        records = _records(path)
    except (OSError, ValueError) as error:
        raise InputError(f"Filter file `{path}` cannot be read: {error}", hint=hint) from error
    if len(records) != 1 or not isinstance(records[0].get("model"), str):
        raise InputError(f"File `{path}` does not hold one record with a `model`", hint=hint)
    try:
        return unpack(records[0]["model"])
    except ValueError as error:
        raise InputError(
            f"The `model` in file `{path}` is no filter: {error}", hint=hint
        ) from error


def _records(path: str) -> Sequence[Mapping[str, Any]]:
    """Read the few records of a file, by its ending."""
    ending = Path(path.removesuffix(".gz").removesuffix(".zst")).suffix
    if ending == ".parquet":
        import pyarrow.parquet as pq

        return pq.read_table(path, columns=["model"]).slice(0, 2).to_pylist()
    import pyarrow as pa

    with pa.input_stream(path, compression="detect") as stream:
        raw = stream.read()
    if ending in (".arrow", ".ipc", ".feather"):
        return pa.ipc.open_file(raw).read_all().slice(0, 2).to_pylist()
    found = [json.loads(line) for line in raw.splitlines()[:2] if line.strip()]
    return [record for record in found if isinstance(record, dict)]


@inline
def _mixed(hashed: Any) -> Any:
    """Spread a hash over all 64 bits (the finalizer of splitmix64)."""
    hashed = (hashed ^ (hashed >> np.uint64(30))) * _MIX1
    hashed = (hashed ^ (hashed >> np.uint64(27))) * _MIX2
    return hashed ^ (hashed >> np.uint64(31))


@kernel
def insert(hashes: NDArray[np.uint64], words: NDArray[np.uint64], probes: int) -> int:
    """Set the bits of each hash; gives how many were not in the filter before."""
    size = np.uint64(len(words) * 64)
    new = 0
    for i in range(len(hashes)):
        at = _mixed(hashes[i])
        step = _mixed(hashes[i] ^ _LOW) | _ONE
        changed = False
        for _ in range(probes):
            bit = ((at >> _HALF) * size) >> _HALF
            flag = _ONE << (bit & _WITHIN)
            word = np.int64(bit >> _WORD)
            changed |= words[word] & flag == 0
            words[word] |= flag
            at += step
        new += changed
    return new


@kernel
def contains(
    hashes: NDArray[np.uint64], words: NDArray[np.uint64], probes: int, out: NDArray[np.bool_]
) -> None:
    """Say for each hash whether it may have been inserted."""
    size = np.uint64(len(words) * 64)
    for i in range(len(hashes)):
        at = _mixed(hashes[i])
        step = _mixed(hashes[i] ^ _LOW) | _ONE
        found = True
        for _ in range(probes):
            bit = ((at >> _HALF) * size) >> _HALF
            if words[np.int64(bit >> _WORD)] & (_ONE << (bit & _WITHIN)) == 0:
                found = False
                break
            at += step
        out[i] = found
