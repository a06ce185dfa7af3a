"""The data of the rows: real files of RIoTBench where a folder is given, lookalikes otherwise."""

import random
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill import arrow, json
from raymill.arrow import Array
from raymill.bench import lookalike
from raymill.bench.case import Setup

BATCH = 65_536
GROUP = 2 * BATCH  # rows that share a dictionary, as in a Parquet file
KEYS = 10_000
CYCLE = 20_000  # different records of CITY; longer streams repeat them
FILES = {
    "city": "streams/SYS_sample_data_senml.csv",
    "taxi": "streams/TAXI_sample_data_senml.csv",
    "fit": "streams/FIT_sample_data_senml.csv",
    "xml": "xml/tempSAX.xml",
    "companyfacts": "companyfacts/CIK0000320193.json",
    "inline": "archives/0000320193-25-000057/aapl-20250329.htm.gz",
}
NUMBERS = tuple(element.name for element in lookalike.CITY if element.key == "v")
_SOURCE = re.compile(rb'"sv":"[^"]*"')


def stream_file(data: Path | None, stream: str) -> Path | None:
    """The real file of a stream, where there is one."""
    path = data / FILES[stream] if data is not None else None
    return path if path is not None and path.is_file() else None


def texts(setup: Setup, stream: str) -> list[bytes]:
    """Records as SenML texts, all different; those of CITY have 10,000 sources."""
    return setup.once(("texts", stream), lambda: _texts(setup, stream))


def _texts(setup: Setup, stream: str) -> list[bytes]:
    path = stream_file(setup.data, stream)
    if path is not None:
        found = [line.partition(b",")[2] for line in path.read_bytes().splitlines() if line]
    else:
        found = _made(stream)
    return _many_sources(found) if stream == "city" else found


@cache
def _made(stream: str) -> list[bytes]:
    rows = lookalike.values(stream, CYCLE if stream == "city" else 1000)
    start = lookalike.START
    return [lookalike.record(stream, row, start + i).encode() for i, row in enumerate(rows)]


def _many_sources(found: list[bytes]) -> list[bytes]:
    keys = lookalike.key_names(KEYS)
    order = random.Random(lookalike.SEED).choices(range(KEYS), k=CYCLE)
    return [
        _SOURCE.sub(b'"sv":"%s"' % keys[order[i]].encode(), found[i % len(found)], count=1)
        for i in range(CYCLE)
    ]


def shuffled(setup: Setup, stream: str) -> list[bytes]:
    """The same records, the keys of each in an order of its own, so that no learned layout fits."""
    chance = random.Random(lookalike.SEED)
    found = []
    for text in texts(setup, stream):
        record = json.loads(text)
        elements = [dict(chance.sample(list(e.items()), len(e))) for e in record["e"]]
        found.append(json.dumps({"e": elements, "bt": record["bt"]}))
    return found


def looped(setup: Setup, stream: str, count: int) -> Iterator[bytes]:
    """Lines of SenML-CSV, as many as are asked for, in large pieces."""
    lines = [
        b"%d,%s\n" % (lookalike.START + i, text) for i, text in enumerate(texts(setup, stream))
    ]
    whole = b"".join(lines)
    for _ in range(count // len(lines)):
        yield whole
    yield b"".join(lines[: count % len(lines)])


def write_stream(setup: Setup, stream: str, count: int) -> Path:
    """A SenML-CSV file of so many records."""
    path = setup.folder / f"{stream}-{count}.senml.csv"
    if not path.exists():
        with path.open("wb") as file:
            file.writelines(looped(setup, stream, count))
    return path


def numbers(setup: Setup) -> dict[str, NDArray[np.float64]]:
    """The numeric elements of CITY, as columns of one cycle."""
    return setup.once("numbers", lambda: _numbers(texts(setup, "city")))


def _numbers(found: list[bytes]) -> dict[str, NDArray[np.float64]]:
    columns: dict[str, list[float]] = {name: [] for name in NUMBERS}
    for text in found:
        for element in json.loads(text)["e"]:
            if element["n"] in columns:
                columns[element["n"]].append(float(element["v"]))
    return {name: np.array(column) for name, column in columns.items()}


def batches(
    setup: Setup, *fields: str, keys: int = KEYS, text: bool = False, count: int | None = None
) -> list[pa.RecordBatch]:
    """Readings of CITY in batches: `source`, `timestamp` and numeric fields, `count` records.

    The sources are a dictionary column, a dictionary for each two batches, or plain text.
    """
    rows = setup.count(5_000_000) if count is None else count
    name = ("batches", fields, keys, text, rows)
    return setup.once(name, lambda: list(_batches(setup, fields, keys, text, rows)))


def _batches(
    setup: Setup, fields: tuple[str, ...], keys: int, text: bool, count: int
) -> Iterator[pa.RecordBatch]:
    columns = numbers(setup)
    words = pa.array(lookalike.key_names(keys), pa.string())
    chance = np.random.default_rng(lookalike.SEED)
    for group in range(0, count, GROUP):
        own = _copy(words)
        for start in range(group, min(group + GROUP, count), BATCH):
            rows = min(BATCH, count - start)
            which = chance.integers(0, keys, rows).astype(np.int32)
            source = arrow.take(own, which) if text else _dictionary(which, own)
            at = np.arange(start, start + rows)
            arrays = [source, pa.array(lookalike.START + at)]
            arrays += [pa.array(columns[field][at % len(columns[field])]) for field in fields]
            yield pa.RecordBatch.from_arrays(arrays, names=["source", "timestamp", *fields])


def _dictionary(which: NDArray[np.int32], words: Array) -> Array:
    return pa.DictionaryArray.from_arrays(pa.array(which, pa.int32()), words)


def _copy(words: Array) -> Array:
    """The same texts at another address, as the next row group of a file brings them."""
    _, ends, data = words.buffers()
    return pa.Array.from_buffers(
        pa.string(),
        len(words),
        [None, pa.py_buffer(bytes(ends or b"")), pa.py_buffer(bytes(data or b""))],
    )
