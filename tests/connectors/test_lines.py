"""Lines of text as records."""

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from connectors.sourcing import drain, put
from raymill.connectors.lines import LinesSource
from raymill.errors import UnknownName

SAME_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def expected(content: bytes) -> tuple[list[tuple[int, tuple[str]]], list[int]]:
    """Rows and the lines of rejects, by plain Python."""
    rows, bad = [], []
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        line = line.removesuffix(b"\r")
        try:
            rows += [(number, (line.decode(),))] if line else []
        except UnicodeDecodeError:
            bad.append(number)
    return rows, bad


@SAME_FOLDER
@given(content=st.binary(max_size=60) | st.text("ab\né\r", max_size=40).map(str.encode))
def test_any_bytes_in_any_unit_give_the_lines_of_plain_python(
    tmp_path: Path, content: bytes
) -> None:
    assume(not content.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd")))  # gzip and zstd begin so
    rows, bad = expected(content)
    plain, packed = put(tmp_path, "x.dat", b"" + content), str(tmp_path / "x.gz")
    Path(packed).write_bytes(gzip.compress(content))
    for path in (plain, packed):
        for unit in (1, 5, 4096):
            got = drain(LinesSource((path,), unit=unit))
            assert got.rows == rows
            assert [line for line, _, _ in got.rejects] == bad


def test_bom_crlf_blank_lines_and_a_missing_last_line_end(tmp_path: Path) -> None:
    path = put(tmp_path, "x.txt", b"\xef\xbb\xbfone\r\n\r\n\n two \n\xffbad\nlast")
    got = drain(LinesSource((path,)))
    assert got.rows == [(1, ("one",)), (4, (" two ",)), (6, ("last",))]
    assert got.rejects == [(5, "no valid UTF-8 at byte 1", r"\xffbad")]
    assert got.lines == 6


@pytest.mark.parametrize("name", ["x.txt", "x.txt.gz", "x.txt.zst"])
def test_an_empty_file_has_no_records(tmp_path: Path, name: str) -> None:
    got = drain(LinesSource((put(tmp_path, name, b""),)))
    assert (got.rows, got.lines) == ([], 0)


def test_an_empty_gzip_stream_has_no_records(tmp_path: Path) -> None:
    assert drain(LinesSource((put(tmp_path, "x.gz", gzip.compress(b"")),))).rows == []


def test_many_files_are_read_in_order_and_counted_apart(tmp_path: Path) -> None:
    paths = [put(tmp_path, f"{k}.txt", f"{k}a\n{k}b") for k in range(3)]
    paths[1] = put(tmp_path, "1.txt.gz", gzip.compress(b"1a\n1b"))
    source = LinesSource(tuple(paths), unit=4)
    assert drain(source).values == ["0a", "0b", "1a", "1b", "2a", "2b"]
    pieces = list(source.pieces())
    assert [piece.file for piece in pieces] == [0, 0, 1, 2, 2]
    assert list(source.pieces(3)) == pieces[3:]
    assert source.names == tuple(paths)


def test_only_value_can_be_selected(tmp_path: Path) -> None:
    source = LinesSource((put(tmp_path, "x.txt", "a"),))
    assert drain(source.select(frozenset({"value"}))).values == ["a"]
    with pytest.raises(UnknownName, match="Unknown column `vale`"):
        source.select(frozenset({"vale"}))


@pytest.mark.parametrize(
    ("name", "count", "chars"),
    # Counted with wc -l and wc -c, the last line of TAXI having no line end.
    [
        ("FIT_sample_data_senml.csv", 45, 55_380 - 45),
        ("SYS_sample_data_senml.csv", 1000, 381_782 - 1000),
        ("TAXI_sample_data_senml.csv", 1000, 871_482 - 999),
    ],
)
def test_the_real_streams_are_read_whole(
    shared_data: Path, name: str, count: int, chars: int
) -> None:
    path = shared_data / "riotbench" / "streams" / name
    for unit in (1000, 1 << 21):
        got = drain(LinesSource((str(path),), unit=unit))
        assert len(got.values) == count
        assert sum(len(value.encode()) for value in got.values) == chars
        assert got.rejects == []
        assert got.size_bytes == path.stat().st_size
