"""What the input looks like makes no difference: several files, gzip, dictionaries, no record."""

import gzip
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from tests.conformance.running import parse
from tests.conformance.tasks import add_up, halfway, tally

from raymill.connectors.csv import CsvSource
from raymill.engines.run import Report
from raymill.flow.pipeline import read
from raymill.flow.source import Block, Piece

Go = Callable[..., Report]

FIRST = "n,key,value\n1,a,1\n2,b,2\n3,a,x\n4,a,4\n"
SECOND = "n,key,value\n5,b,5\n\n6,a,6,6\n7,a,7\n8,c,\n"
# a: 1, 5 (1 + 4), 12 (5 + 7); b: 2, 7 (2 + 5)
SUMS = [(1, "a", 1.0), (2, "b", 2.0), (4, "a", 5.0), (5, "b", 7.0), (7, "a", 12.0)]
LETTERS = """\
{{"record":{{"n":3,"key":"a","value":"x"}},"task":"add_up","reason":"`value` is not a number","file":"{0}","line":4}}
{{"record":"6,a,6,6","task":"read","reason":"4 columns instead of 3","file":"{1}","line":4}}
{{"record":{{"n":8,"key":"c","value":""}},"task":"add_up","reason":"`value` is not a number","file":"{1}","line":6}}
"""  # noqa: E501


def test_several_files_one_of_them_gzipped(go: Go, workers: int, tmp_path: Path) -> None:
    plain, packed, out = (tmp_path / name for name in ("1.csv", "2.csv.gz", "out.jsonl"))
    plain.write_text(FIRST, encoding="utf-8")
    packed.write_bytes(gzip.compress(SECOND.encode()))
    source = CsvSource((str(plain), str(packed)), types={"value": "string"}, unit=8)
    go(read(source).then(add_up, key="key").write(str(out)), workers=workers)
    assert [tuple(record.values()) for record in parse(out)] == SUMS
    letters = tmp_path / "out.jsonl.dead.jsonl"
    assert letters.read_text(encoding="utf-8") == LETTERS.format(plain, packed)


def test_an_input_without_records(go: Go, workers: int, tmp_path: Path) -> None:
    source, out = tmp_path / "none.csv", tmp_path / "out.jsonl"
    source.write_text("key,value\n", encoding="utf-8")
    stream = read(CsvSource((str(source),), types={"value": "double"})).then(halfway, key="key")
    report = go(stream.write(str(out)), workers=workers)
    assert out.read_bytes() == b""
    assert report.records_in == report.records_out == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["none.csv", "out.jsonl"]


class Batches:
    """Batches as they are, each a piece."""

    names = ("batches",)

    def __init__(self, batches: Sequence[pa.RecordBatch]) -> None:
        self.batches = batches

    def schema(self) -> pa.Schema:
        return self.batches[0].schema

    def select(self, columns: frozenset[str] | None) -> "Batches":
        return self

    def pieces(self, first: int = 0) -> Iterator[Piece]:
        yield from map(Piece, range(first, len(self.batches)))

    def read(self, piece: Piece) -> Iterator[Block]:
        batch = self.batches[piece.number]
        yield Block(batch, batch.num_rows)

    def identity(self) -> Mapping[str, Any]:
        return {}

    def size_bytes(self) -> int | None:
        return None


def coded(indices: list[int | None], words: list[str | None]) -> pa.RecordBatch:
    codes = pa.array(indices, pa.int8())
    key = pa.DictionaryArray.from_arrays(codes, pa.array(words, pa.string()))
    return pa.RecordBatch.from_arrays([key], names=["key"])


def test_keys_in_dictionaries_that_differ_from_batch_to_batch(go: Go, workers: int) -> None:
    batches = [
        coded([0, 1, 0], ["a", "b"]),
        coded([0, 1, 1], ["b", "a"]),  # the same numbers, other words
        coded([None, 1, 0, 0], ["a", None]),  # both ways to say null
        coded([2, 0], ["c", "a", "b"]).slice(0, 2),
        coded([1, 0, 1, 0], ["a", "b"]).slice(1, 2),
    ]
    found: list[dict[str, Any]] = []
    stream = read(Batches(batches)).then(tally, key="key")
    report = go(stream.write(found), workers=workers, on_error="skip")
    assert [(one["key"], one["number"]) for one in found] == [
        ("a", 1), ("b", 1), ("a", 2),
        ("b", 2), ("a", 3), ("a", 4),
        ("a", 5), ("a", 6),
        ("b", 3), ("c", 1),
        ("a", 7), ("b", 4),
    ]  # fmt: skip
    assert report.metrics.total.failed == {"key `key` is null": 2}
