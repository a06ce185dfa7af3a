"""Standard input and pipes."""

import gzip
import os
from collections.abc import Iterator

import pytest

from connectors.sourcing import drain
from raymill.connectors import stdin
from raymill.connectors.csv import CsvSource
from raymill.connectors.jsonl import JsonLinesSource
from raymill.connectors.lines import LinesSource
from raymill.errors import InputError


@pytest.fixture
def pipe() -> Iterator[tuple[str, int]]:
    reading, writing = os.pipe()
    yield f"/dev/fd/{reading}", writing
    os.close(reading)


def fill(writing: int, body: bytes) -> None:
    assert os.write(writing, body) == len(body)
    os.close(writing)


def test_a_pipe_is_read_to_its_end(pipe: tuple[str, int]) -> None:
    path, writing = pipe
    fill(writing, b"\xef\xbb\xbfone\n\ntwo\nlast")
    got = drain(LinesSource((path,)))
    assert got.rows == [(1, ("one",)), (3, ("two",)), (4, ("last",))]


def test_standard_input_is_a_dash(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = [b"a,b\n1", b",2\n", b""]
    monkeypatch.setattr(os, "read", lambda place, size: sent.pop(0))
    monkeypatch.setattr(stdin.TextStream, "_more_within", lambda self, patience_s: True)
    source = CsvSource(("-",))
    assert (source.names, source.resumable, source.size_bytes()) == (("-",), False, None)
    assert drain(source).rows == [(2, (1, 2))]


def test_whole_records_are_handed_on_while_the_producer_pauses(pipe: tuple[str, int]) -> None:
    path, writing = pipe
    source = LinesSource((path,))
    pieces = source.pieces()
    os.write(writing, b"one\ntwo\nthr")
    assert drain(source, [next(pieces)]).values == ["one", "two"]
    os.write(writing, b"ee\n")
    assert drain(source, [next(pieces)]).values == ["three"]
    fill(writing, b"last")
    assert drain(source, list(pieces)).values == ["last"]


def test_what_was_looked_at_is_not_lost(pipe: tuple[str, int]) -> None:
    path, writing = pipe
    fill(writing, b'{"v":1}\n{"v":2.5}\n')
    source = JsonLinesSource((path,))
    assert str(source.schema().field("v").type) == "double"
    assert drain(source).values == [1.0, 2.5]


def test_line_breaks_in_quotes_are_kept_together(pipe: tuple[str, int]) -> None:
    path, writing = pipe
    fill(writing, b'a,b\n"x\ny",2\n')
    assert drain(CsvSource((path,), unit=6)).rows == [(2, ("x\ny", 2))]


def test_a_line_longer_than_the_unit_is_one_record(pipe: tuple[str, int]) -> None:
    path, writing = pipe
    fill(writing, b"x" * 1000 + b"\ny\n")
    source = LinesSource((path,), unit=10)
    assert [len(value) for value in drain(source).values] == [1000, 1]


def test_an_empty_pipe_has_no_records(pipe: tuple[str, int]) -> None:
    path, writing = pipe
    fill(writing, b"")
    assert drain(LinesSource((path,))).rows == []


def test_a_pipe_is_read_once(pipe: tuple[str, int]) -> None:
    path, writing = pipe
    fill(writing, b"a\n")
    source = LinesSource((path,))
    list(source.pieces())
    with pytest.raises(InputError, match="can be read only once"):
        next(source.pieces())


def test_compressed_input_is_refused_with_the_tool_to_use(pipe: tuple[str, int]) -> None:
    path, writing = pipe
    fill(writing, gzip.compress(b"a\n"))
    with pytest.raises(InputError, match="is gzip data") as caught:
        list(LinesSource((path,)).pieces())
    assert caught.value.hint == "decompress it first: gzip -dc | raymill ..."
