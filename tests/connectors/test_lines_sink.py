"""Plain lines out."""

from pathlib import Path

import pyarrow as pa
import pytest

from connectors.sinking import through
from raymill.connectors.lines_sink import LinesSink
from raymill.errors import SinkError, UnknownName


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "out.txt")


def test_the_column_value_is_written(path: str) -> None:
    batch = pa.record_batch({"other": [1, 2], "value": ['a "b", c', None]})
    assert through(LinesSink(path), batch) == b'a "b", c\n\n'


def test_the_only_column_is_written(path: str) -> None:
    batch = pa.record_batch({"estimate": [0.1, float("nan"), None, 1e-7]})
    assert through(LinesSink(path), batch) == b"0.1\nnan\n\n1e-7\n"


def test_a_named_column_is_written(path: str) -> None:
    batch = pa.record_batch({"value": [1], "other": [True]})
    assert through(LinesSink(path, column="other"), batch) == b"true\n"


def test_several_columns_and_no_value_is_an_error(path: str) -> None:
    with pytest.raises(SinkError, match="holds one column, and there are: a, b") as caught:
        LinesSink(path).open(pa.schema({"a": pa.int64(), "b": pa.int64()}))
    assert "column=" in str(caught.value.hint)


def test_an_unknown_column_is_told_with_its_near_match(path: str) -> None:
    with pytest.raises(UnknownName, match="Unknown column `valeu`") as caught:
        LinesSink(path, column="valeu").open(pa.schema({"value": pa.int64()}))
    assert caught.value.hint == "did you mean `value`? there are: value"


@pytest.mark.parametrize("text", ["a\nb", "a\r"])
def test_text_that_would_not_stay_on_its_line_is_refused(path: str, text: str) -> None:
    with pytest.raises(SinkError, match="`lines` cannot hold a line break") as caught:
        through(LinesSink(path), pa.record_batch({"value": ["fine", text]}))
    assert repr(text) in caught.value.message
    assert not Path(path).exists()
