"""CSV files: types, quotes, and records that do not fit."""

import csv
import gzip
import io
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.sourcing import drain, put
from raymill.connectors.csv import CsvSource
from raymill.connectors.csv_types import convert, infer
from raymill.errors import ConfigError, DataError, InputError, RaymillError, UnknownName

SAME_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
NUMBERS = pa.schema([("a", pa.int64()), ("b", pa.float64()), ("c", pa.string())])


def test_types_are_told_by_the_cells(tmp_path: Path) -> None:
    path = put(tmp_path, "x.csv", "a,b,c\n1,2,x\n-2, 2.5 ,true\n,,\n")
    source = CsvSource((path,))
    assert source.schema() == NUMBERS
    got = drain(source)
    assert got.rows == [(2, (1, 2.0, "x")), (3, (-2, 2.5, "true")), (4, (None, None, ""))]
    assert (got.rejects, got.lines, got.size_bytes) == ([], 4, Path(path).stat().st_size)


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "+2", "-3"], "int64"),
        (["1", "2."], "double"),
        (["1e3", "nan", "-inf"], "double"),
        (["007", "12"], "string"),
        (["99999999999999999999"], "string"),
        (["0x1F"], "string"),
        (["1", "n/a"], "string"),
        (["0", "0.5"], "double"),
        ([None, " "], "string"),
        ([], "string"),
    ],
)
def test_what_looks_like_a_name_is_no_number(cells: list[str | None], kind: str) -> None:
    assert str(infer(pa.array(cells, pa.string()))) == kind


@given(st.lists(st.none() | st.text("0123456789+-.eExXnaif( )", max_size=6), max_size=5))
def test_cells_are_judged_alone(cells: list[str | None]) -> None:
    for kind in (pa.int64(), pa.float64()):
        whole, misfits = convert(pa.array(cells, pa.string()), kind)
        alone = [convert(pa.array([cell], pa.string()), kind) for cell in cells]
        assert str(whole.to_pylist()) == str([values[0].as_py() for values, _ in alone])
        assert misfits == [row for row, (_, bad) in enumerate(alone) if bad]


def test_a_record_that_does_not_fit_is_rejected_with_its_line_and_reason(tmp_path: Path) -> None:
    # Types are told by the first file, so the cells of the second can miss them.
    first = put(tmp_path, "a.csv", "a,b,c\n1,2.5,x\n")
    body = b"a,b,c\n1.5,1,y\n2,2\n\n3,x,z\n4,4,4,4\n5.0,5,\xffe\n+6,6,w\r\n"
    second = put(tmp_path, "b.csv", body)
    got = drain(CsvSource((first, second)))
    assert got.rows == [(2, (1, 2.5, "x")), (10, (6, 6.0, "w"))]
    assert got.rejects == [
        (4, "column `a`: `1.5` is no whole number (int64)", "1.5,1,y"),
        (5, "2 columns instead of 3", "2,2"),
        (7, "column `b`: `x` is no number", "3,x,z"),
        (8, "4 columns instead of 3", "4,4,4,4"),
        (9, "no valid UTF-8 at byte 7", r"5.0,5,\xffe"),
    ]


def test_quoted_text_may_hold_delimiters_quotes_and_line_breaks(tmp_path: Path) -> None:
    body = 'a,b\n"x, ""y""\nz",1\n\nplain 5" pipe,2\n"",3\n'
    source = CsvSource((put(tmp_path, "x.csv", body),), unit=4)
    assert drain(source).rows == [(2, ('x, "y"\nz', 1)), (5, ('plain 5" pipe', 2)), (6, ("", 3))]


def test_a_quote_that_is_never_closed_takes_the_rest(tmp_path: Path) -> None:
    path = put(tmp_path, "x.csv", 'a,b\n1,2\n"3,4\n5,6\n')
    got = drain(CsvSource((path,)))
    assert got.rows == [(2, (1, 2))]
    assert got.rejects == [(3, "a quote is not closed", '"3,4\n5,6\n')]


def test_without_line_breaks_in_quotes_only_the_bad_line_is_lost(tmp_path: Path) -> None:
    path = put(tmp_path, "x.csv", 'a,b\n1,2\n"3,4\n5,6\n')
    source = CsvSource((path,), multiline=False, unit=5)
    got = drain(source)
    assert got.rows == [(2, (1, 2)), (4, (5, 6))]
    assert got.rejects == [(3, "a quote is not closed", '"3,4')]
    assert all(piece.data is None for piece in source.pieces())


def test_line_breaks_in_quotes_behind_the_sample_stop_the_run(tmp_path: Path) -> None:
    body = "a,b\n" + "1,text\n" * 200_000 + '2,"two\nlines"\n'
    path = put(tmp_path, "x.csv", body)
    source = CsvSource((path,))
    with pytest.raises(DataError, match=r"A quote in line 200002 of `.*x.csv`") as caught:
        drain(source)
    assert "multiline=True" in str(caught.value.hint)
    got = drain(CsvSource((path,), multiline=True))
    assert got.rows[-1] == (200_002, (2, "two\nlines"))
    assert got.lines == 200_003


RANDOM = st.sampled_from(
    [b"1,2\n", b'1,2"\n', b"1,2.x\n\r", b'1,2."\n\r\xc3\xa9', b'0,x \n"']
).flatmap(lambda letters: st.lists(st.sampled_from([bytes([one]) for one in letters]), max_size=50))
HEADS = st.sampled_from([b"", b"a,b\n", b"\xef\xbb\xbfa,b\r\n", b"\n\na,b\n"])


@SAME_FOLDER
@given(head=HEADS, body=RANDOM.map(b"".join))
def test_any_text_gives_the_same_in_any_unit(tmp_path: Path, head: bytes, body: bytes) -> None:
    plain, packed = put(tmp_path, "x.csv", head + body), str(tmp_path / "y.csv.gz")
    Path(packed).write_bytes(gzip.compress(head + body))
    results = set()
    for path in (plain, packed):
        for unit in (1, 4, 17, 10_000):
            for multiline in (None, True):
                results.add(_outcome(path, unit, multiline))
    assert len(results) == 1


def _outcome(path: str, unit: int, multiline: bool | None) -> str:
    try:
        source = CsvSource((path,), unit=unit, multiline=multiline)
        got = drain(source)
        return f"{source.schema()} {got.rows} {got.rejects} {got.lines}"
    except RaymillError as error:
        return str(error).replace("y.csv.gz", "x.csv")


CELL = st.text('ab",é\n ', max_size=5)


@SAME_FOLDER
@given(table=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=8), unit=st.integers(1, 40))
def test_what_python_writes_is_read_back(
    tmp_path: Path, table: list[tuple[str, str]], unit: int
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows([("x", "y"), *table])
    path = put(tmp_path, "x.csv", text.getvalue())
    types = {"x": "string", "y": "string"}
    got = drain(CsvSource((path,), unit=unit, types=types))
    assert (got.values, got.rejects) == (table, [])


def test_options_for_other_dialects(tmp_path: Path) -> None:
    path = put(tmp_path, "x.csv", "1;2\n3;4\n")
    source = CsvSource((path,), delimiter=";", header=False, columns=["x", "y"])
    assert drain(source).rows == [(1, (1, 2)), (2, (3, 4))]
    assert source.schema().names == ["x", "y"]
    unnamed = CsvSource((path,), delimiter=";", header=False)
    assert unnamed.schema().names == ["column_1", "column_2"]
    assert drain(CsvSource((put(tmp_path, "x.tsv", "a\tb\n1\t2\n"),))).values == [(1, 2)]
    assert CsvSource((put(tmp_path, "u.csv", ",v\n1,2\n"),)).schema().names == ["column_1", "v"]


def test_options_that_cannot_be_are_refused(tmp_path: Path) -> None:
    path = put(tmp_path, "x.csv", "a,b\n1,2\n")
    with pytest.raises(ConfigError, match="Delimiter `ab`"):
        CsvSource((path,), delimiter="ab")
    with pytest.raises(ConfigError, match="header=False"):
        CsvSource((path,), columns=["x"])
    with pytest.raises(UnknownName, match="Unknown column type `float`"):
        CsvSource((path,), types={"a": "float"})
    with pytest.raises(UnknownName, match="Unknown column `aa`"):
        CsvSource((path,), types={"aa": "double"}).schema()
    with pytest.raises(InputError, match="two columns named `a`"):
        CsvSource((put(tmp_path, "y.csv", "a,a\n"),)).schema()


def test_files_must_share_their_columns(tmp_path: Path) -> None:
    first = put(tmp_path, "1.csv", "a,b\n1,2\n")
    with pytest.raises(InputError, match=r"2.csv` has column `c` where `.*1.csv` has `b`"):
        CsvSource((first, put(tmp_path, "2.csv", "a,c\n1,2\n"))).schema()
    with pytest.raises(InputError, match=r"3.csv` has 1 columns where `.*1.csv` has 2"):
        CsvSource((first, put(tmp_path, "3.csv", "a\n1\n"))).schema()
    both = CsvSource((put(tmp_path, "0.csv", ""), first, put(tmp_path, "4.csv", "a,b\n3,x\n")))
    got = drain(both)
    assert got.values == [(1, 2)]
    assert got.rejects == [(4, "column `b`: `x` is no whole number (int64)", "3,x")]


@pytest.mark.parametrize(("body", "names"), [("", []), ("a,b\n", ["a", "b"]), ("\n\n", [])])
def test_a_file_without_records_has_none(tmp_path: Path, body: str, names: list[str]) -> None:
    source = CsvSource((put(tmp_path, "x.csv", body),))
    assert source.schema().names == names
    assert drain(source).rows == []


def test_only_selected_columns_are_made_and_judged(tmp_path: Path) -> None:
    first = put(tmp_path, "1.csv", "a,b,c\n1,2,3\n")
    second = put(tmp_path, "2.csv", "a,b,c\nx,5,6\n7,8\n")
    source = CsvSource((first, second)).select(frozenset({"c", "b"}))
    assert source.schema().names == ["b", "c"]
    got = drain(source)
    assert got.values == [(2, 3), (5, 6)]
    assert got.rejects == [(5, "2 columns instead of 3", "7,8")]
    with pytest.raises(UnknownName, match="Unknown column `d`"):
        source.select(frozenset({"d"}))
    assert drain(source.select(frozenset())).rejects[0][0] == 4  # rows are counted by column `a`


def test_a_type_can_be_given(tmp_path: Path) -> None:
    first = put(tmp_path, "1.csv", "a\n1\n")
    second = put(tmp_path, "2.csv", "a\n1.5\n")
    source = CsvSource((first, second), types={"a": "double"})
    assert drain(source).values == [1.0, 1.5]
    assert source.identity()["types"] == {"a": "double"}
