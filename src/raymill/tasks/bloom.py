"""A Bloom filter: a set of hashes in few bits, which may say yes wrongly but never no.

The bits of one value all lie in one block of 512, so that a look-up touches memory once (Putze,
Sanders, Singler, "Cache-, hash- and space-efficient Bloom filters", 2007). A filter is kept as a
record, so that any sink writes it and any source reads it.
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
BLOCK = 512  # bits: a line of the processor's cache
AHEAD = 16  # values that are looked up side by side
_MOST_BLOCKS = 2**32 // BLOCK
_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX1, _MIX2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_ONE, _WORD, _HALF = np.uint64(1), np.uint64(6), np.uint64(32)
_WITHIN, _WORDS, _TOP = np.uint64(63), np.uint64(3), np.uint64(55)


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a filter is: its blocks, and how many bits of one stand for a value."""

    blocks: int
    probes: int


def shape(expected: int, ratio: float) -> Shape:
    """Work out the smallest filter of `expected` values at `ratio` false positives.

    >>> shape(20_000_000, 0.01)
    Shape(blocks=386860, probes=7)
    """
    probes = max(1, round(-math.log2(ratio)))
    least = max(1, math.ceil(-expected * math.log(ratio) / math.log(2) ** 2 / BLOCK))
    most = 4 * least + 4
    while least < most:
        middle = (least + most) // 2
        if false_positives(expected / middle, probes) <= ratio:
            most = middle
        else:
            least = middle + 1
    if least > _MOST_BLOCKS:
        raise ConfigError(
            f"A filter of {expected} values with ratio {ratio:g} needs {least // 15_625} MB",
            hint="the most is 512 MB: expect fewer values, or allow more false positives",
        )
    return Shape(least, probes)


def false_positives(load: float, probes: int) -> float:
    """Which part of foreign values passes, with `load` values in a block on average (ibid.).

    >>> round(false_positives(51.7, 7), 4)
    0.01
    """
    reach = 12 * math.sqrt(load) + 20
    chance = 0.0
    for values in range(max(0, int(load - reach)), int(load + reach)):
        share = math.exp(values * math.log(load) - load - math.lgamma(values + 1))
        chance += share * (1 - (1 - 1 / BLOCK) ** (probes * values)) ** probes
    return chance


def pack(words: NDArray[np.uint64], probes: int) -> bytes:
    """Write a filter as (ASCII) text."""
    raw = np.empty(_HEADER.size + words.nbytes, np.uint8)
    raw[: _HEADER.size] = np.frombuffer(_HEADER.pack(MAGIC, len(words), probes), np.uint8)
    raw[_HEADER.size :] = words.astype("<u8", copy=False).view(np.uint8)
    return base64.b64encode(raw.data)


def unpack(text: str) -> tuple[NDArray[np.uint64], int]:
    """Read a filter from its text: words of bits, and probes. Raises ValueError."""
    raw = base64.b64decode(text, validate=True)
    if len(raw) < _HEADER.size or raw[:16] != MAGIC:
        raise ValueError("it does not begin like a filter of this version")
    _, size, probes = _HEADER.unpack_from(raw)
    words = np.frombuffer(raw, "<u8", offset=_HEADER.size).astype(np.uint64)
    if len(words) != size or not size or size % 8 or not 0 < probes <= 64:
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


@inline
def _block(hashed: Any, words: Any) -> Any:
    """The first word of the block that a value belongs in."""
    blocks = np.uint64(len(words)) >> _WORDS
    return ((_mixed(hashed) >> _HALF) * blocks >> _HALF) << _WORDS


@kernel
def insert(hashes: NDArray[np.uint64], words: NDArray[np.uint64], probes: int) -> int:
    """Set the bits of each hash; gives how many were not in the filter before."""
    new = 0
    for i in range(len(hashes)):
        block = _block(hashes[i], words)
        bits = _mixed(hashes[i] ^ _STEP)
        known = _ONE
        for _ in range(probes):
            bit = bits >> _TOP
            word = block + (bit >> _WORD)
            known &= words[word] >> (bit & _WITHIN)
            words[word] |= _ONE << (bit & _WITHIN)
            bits *= _STEP
        new += known == 0
    return new


@kernel
def contains(
    hashes: NDArray[np.uint64], words: NDArray[np.uint64], probes: int, out: NDArray[np.bool_]
) -> None:
    """Say for each hash whether it may have been inserted."""
    blocks, bits, known = np.empty((3, AHEAD), np.uint64)
    for begin in range(0, len(hashes), AHEAD):
        some = min(AHEAD, len(hashes) - begin)
        for i in range(some):  # the first probes fetch the blocks from memory side by side
            blocks[i] = _block(hashes[begin + i], words)
            bits[i] = _mixed(hashes[begin + i] ^ _STEP)
            bit = bits[i] >> _TOP
            known[i] = words[blocks[i] + (bit >> _WORD)] >> (bit & _WITHIN)
        for i in range(some):
            found, more = known[i] & _ONE, bits[i]
            for _ in range(1, probes):
                more *= _STEP
                bit = more >> _TOP
                found &= words[blocks[i] + (bit >> _WORD)] >> (bit & _WITHIN)
            out[begin + i] = found != 0
