"""Text in pieces: any unit gives the same lines."""

import gzip
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.sourcing import drain, put
from raymill.connectors import text
from raymill.connectors.lines import LinesSource
from raymill.connectors.text import BOM, open_text, set_apart_invalid
from raymill.errors import ConfigError, DataError
from raymill.flow.source import Piece, Reject

UNITS = (1, 2, 3, 7, 64, 10_000)
CONTENT = st.lists(st.sampled_from([b"a", b"\n", b"\r", b"\xc3\xa9", b" ", b"bcd"])).map(b"".join)
SAME_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@SAME_FOLDER
@given(body=CONTENT, has_bom=st.booleans(), unit=st.sampled_from(UNITS))
def test_pieces_are_whole_lines_and_all_of_the_file(
    tmp_path: Path, body: bytes, has_bom: bool, unit: int
) -> None:
    content = BOM + body if has_bom else body
    plain, packed = put(tmp_path, "x.txt", content), tmp_path / "x.gz"
    packed.write_bytes(gzip.compress(content[:3]) + gzip.compress(content[3:]))
    for path in (plain, str(packed)):
        door = open_text((path,), unit=unit)
        pieces = list(door.pieces())
        texts = [door.text(piece) for piece in pieces]
        expected = body.removeprefix(BOM) if not has_bom else body
        assert b"".join(one.data.tobytes() for one in texts) == expected
        full = [one for one in texts if len(one.data)]
        assert all(one.data[-1] == ord("\n") for one in full[:-1])
        assert [piece.number for piece in pieces] == list(range(len(pieces)))
        assert list(door.pieces(2)) == pieces[2:]
        if path == plain:
            assert sum(one.size_bytes for one in texts) == len(content) == door.size_bytes()


def test_planning_reads_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(tmp_path, "x.txt", b"line\n" * 1000)
    door = open_text((path,), unit=100)

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a file was opened")

    monkeypatch.setattr("builtins.open", refuse)
    assert len(list(door.pieces())) == 50


def test_a_line_of_50_mb_is_one_record_and_its_other_pieces_are_cheap(tmp_path: Path) -> None:
    path = put(tmp_path, "x.txt", b"head\n" + b"x" * 50_000_000 + b"\ntail\n")
    source = LinesSource((path,))
    pieces = list(source.pieces())
    assert len(pieces) == 12  # 50,000,012 bytes in pieces of 4 MiB
    assert [len(one.data) for one in map(source._text.text, pieces) if len(one.data)] == [
        50_000_006,
        5,
    ]
    got = drain(source)
    assert [len(value) for value in got.values] == [4, 50_000_000, 4]
    assert [line for line, _ in got.rows] == [1, 2, 3]


def test_memory_stays_bounded_whatever_the_size(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    with path.open("wb") as file:
        for _ in range(64):
            file.write(b"some text in a line\n" * 50_000)
    source = LinesSource((str(path),), unit=1 << 18)
    before = pa.total_allocated_bytes()
    most = rows = 0
    for piece in source.pieces():
        for block in source.read(piece):
            rows += block.batch.num_rows
            most = max(most, pa.total_allocated_bytes() - before)
    assert rows == 64 * 50_000
    assert most < 4 << 20


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
def test_a_break_names_file_and_line_after_the_lines_before_it(tmp_path: Path, codec: str) -> None:
    rng = np.random.default_rng(7)
    lines = [rng.bytes(30).hex().encode() for _ in range(5000)]
    packed = pa.compress(b"\n".join(lines), codec=codec, asbytes=True)
    path = put(tmp_path, "x.txt.gz" if codec == "gzip" else "x.txt.zst", packed[:-20_000])
    source = LinesSource((path,), unit=1000)
    pieces: list[Piece] = []
    with pytest.raises(DataError) as caught:
        pieces.extend(source.pieces())
    got = drain(source, pieces)
    count = len(got.rows)
    assert count > 2000
    assert got.values == [line.decode() for line in lines[:count]]
    assert caught.value.details == {"file": path, "line": count + 1}
    assert f"`{path}` breaks off or is damaged in line {count + 1}" in str(caught.value)
    assert caught.value.exit_code == 1


def test_a_file_that_is_no_gzip_is_an_error_in_its_first_line(tmp_path: Path) -> None:
    source = LinesSource((put(tmp_path, "x.txt.gz", b"plain text\n"),))
    with pytest.raises(DataError, match="in line 1: zlib inflate failed"):
        list(source.pieces())


def test_a_file_that_became_shorter_stops_the_run(tmp_path: Path) -> None:
    path = put(tmp_path, "x.txt", b"line\n" * 100)
    source = LinesSource((path,))
    pieces = list(source.pieces())
    os.truncate(path, 10)
    with pytest.raises(DataError, match="became shorter while it was read"):
        drain(source, pieces)


def test_a_file_that_is_gone_stops_the_run(tmp_path: Path) -> None:
    path = put(tmp_path, "x.txt", b"line\n")
    source = LinesSource((path,))
    pieces = list(source.pieces())
    os.remove(path)
    with pytest.raises(DataError, match="cannot be read on: No such file"):
        drain(source, pieces)


@pytest.mark.parametrize("name", ["x.txt", "x.txt.gz"])
def test_a_record_that_would_not_fit_in_memory_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(text, "LONGEST", 50_000)
    body = b"x" * 500_000
    path = put(tmp_path, name, gzip.compress(body) if name.endswith("gz") else body)
    source = LinesSource((path,), unit=1000)
    with pytest.raises(DataError, match="is longer than"):
        drain(source)


def test_a_unit_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Unit `0`"):
        open_text((put(tmp_path, "x.txt", "a"),), unit=0)


def test_invalid_utf8_is_set_apart_with_its_line() -> None:
    data = np.frombuffer(b"ok\nb\xffd\r\n\xc3\xa9\n\xc3", np.uint8)
    clean, rejects = set_apart_invalid(data)
    # The bytes from the Unicode standard: 0xff never occurs, 0xc3 begins a pair.
    assert clean.tobytes() == b"ok\n\n\xc3\xa9\n\n"
    assert rejects == (
        Reject(1, "no valid UTF-8 at byte 2", r"b\xffd"),
        Reject(3, "no valid UTF-8 at byte 1", r"\xc3"),
    )


def test_a_changed_file_has_another_identity(tmp_path: Path) -> None:
    path = put(tmp_path, "x.txt", "a")
    before = open_text((path,)).identity()
    assert open_text((path,)).identity() == before
    put(tmp_path, "x.txt", "ab")
    assert open_text((path,)).identity() != before
    assert open_text((path,), unit=5).identity() != open_text((path,)).identity()
