"""An input that is read several times."""

import gzip
from pathlib import Path

import pytest

from connectors.sourcing import drain, put
from raymill.connectors.iterable import IterableSource
from raymill.connectors.lines import LinesSource
from raymill.connectors.repeat import Repeated
from raymill.errors import ConfigError, InputError


def test_records_come_again_and_pieces_count_on(tmp_path: Path) -> None:
    packed = str(tmp_path / "b.txt.gz")
    Path(packed).write_bytes(gzip.compress(b"c\nd\n"))
    inner = LinesSource((put(tmp_path, "a.txt", "a\nb\n"), packed), unit=2)
    source = Repeated(inner, 3)
    pieces = list(source.pieces())
    assert drain(source, pieces).values == list("abcd") * 3
    assert [piece.number for piece in pieces] == list(range(12))
    assert source.names == inner.names * 3
    assert [piece.file for piece in pieces[::2]] == [0, 1, 2, 3, 4, 5]
    for first in (1, 4, 6, 11, 12, 99):
        again = list(Repeated(inner, 3).pieces(first))
        assert again == pieces[first:]
    assert source.size_bytes() == 3 * (inner.size_bytes() or 0)


def test_columns_are_those_of_the_source() -> None:
    source = Repeated(IterableSource([{"a": 1, "b": 2}]), 2).select(frozenset({"b"}))
    assert (source.schema().names, drain(source).values) == (["b"], [2, 2])


def test_what_cannot_be_read_again_cannot_be_repeated() -> None:
    with pytest.raises(InputError, match="so it cannot be repeated"):
        Repeated(IterableSource(iter([1])), 2)
    assert drain(Repeated(IterableSource(iter([1])), 1)).values == [1]
    with pytest.raises(ConfigError, match="repeated 0 times"):
        Repeated(IterableSource([1]), 0)
