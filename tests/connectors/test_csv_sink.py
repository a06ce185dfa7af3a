"""CSV out."""

import csv
import io
import math
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import csv as arrow_csv

from connectors.sinking import through
from raymill.connectors.csv_sink import CsvSink
from raymill.errors import SinkError


def test_cells_are_quoted_where_rfc_4180_asks_for_it(tmp_path: Path) -> None:
    batch = pa.record_batch({"a,b": ["x", 'say "hi"', "1,2", "one\ntwo"], "n": [1, None, 3, 4]})
    data = through(CsvSink(str(tmp_path / "out.csv")), batch)
    assert data == b'"a,b",n\nx,1\n"say ""hi""",\n"1,2",3\n"one\ntwo",4\n'


def test_null_is_empty_and_empty_text_is_quoted(tmp_path: Path) -> None:
    batch = pa.record_batch({"a": ["", None], "b": [True, None]})
    assert through(CsvSink(str(tmp_path / "out.csv")), batch) == b'a,b\n"",true\n,\n'


def test_a_null_alone_on_its_line_is_not_blank(tmp_path: Path) -> None:
    batch = pa.record_batch({"a": [1, None, 2]})
    assert through(CsvSink(str(tmp_path / "out.csv")), batch) == b'a\n1\n""\n2\n'


def test_the_header_can_be_left_out(tmp_path: Path) -> None:
    batch = pa.record_batch({"a": [1]})
    assert through(CsvSink(str(tmp_path / "out.csv"), header=False), batch) == b"1\n"


def test_numbers_read_back_bit_for_bit(tmp_path: Path) -> None:
    values = [1e308, 5e-324, 0.1 + 0.2, -0.0, math.inf, -math.inf, math.nan, None]
    whole = [2**53 + 1, -(2**63), 2**63 - 1, 0, 0, 0, 0, None]
    path = tmp_path / "out.csv"
    through(CsvSink(str(path)), pa.record_batch({"value": values, "whole": whole}))
    only_empty = arrow_csv.ConvertOptions(null_values=[""])  # not the word nan
    read = arrow_csv.read_csv(path, convert_options=only_empty)
    assert [str(value) for value in read["value"].to_pylist()] == [str(value) for value in values]
    assert read["whole"].to_pylist() == whole


def test_binary_columns_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="Column `a` of type `binary` cannot be written as `csv`"):
        CsvSink(str(tmp_path / "out.csv")).open(pa.schema({"a": pa.binary()}))


cells = st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(cells, cells), max_size=10))
def test_every_text_reads_back(tmp_path: Path, rows: list[tuple[str | None, str | None]]) -> None:
    batch = pa.record_batch(
        [pa.array([row[side] for row in rows], pa.string()) for side in (0, 1)], names=["a", "b"]
    )
    text = through(CsvSink(str(tmp_path / "out.csv")), batch).decode()
    read = list(csv.reader(io.StringIO(text, newline="")))
    assert read == [["a", "b"], *([left or "", right or ""] for left, right in rows)]
