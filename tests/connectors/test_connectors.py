"""Sources and sinks by name, file ending or object."""

from pathlib import Path
from typing import Any

import pytest

from connectors.sourcing import drain, put
from raymill.connectors import format_of, open_sink, open_source
from raymill.connectors.csv import CsvSource
from raymill.connectors.iterable import IterableSource
from raymill.connectors.lines import LinesSource
from raymill.connectors.memory import MemorySink
from raymill.errors import ConfigError, InputError, UnknownName
from raymill.flow.sink import Write
from raymill.flow.source import Read


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.csv", "csv"),
        ("a.TSV.gz", "csv"),
        ("SYS_sample_data_senml.csv", "senml-csv"),
        ("city.senml.csv.zst", "senml-csv"),
        ("a.ndjson.zstd", "jsonl"),
        ("a.pq", "parquet"),
        ("a.feather", "arrow"),
        ("a.txt.gzip", "lines"),
        ("-", "lines"),
    ],
)
def test_the_ending_names_the_format(name: str, expected: str) -> None:
    assert format_of(name) == expected


def test_paths_globs_records_and_sources_are_opened(tmp_path: Path) -> None:
    for name in ("1.csv", "2.csv"):
        put(tmp_path, name, "a\n1\n")
    source = open_source(Read(str(tmp_path / "*.csv")))
    assert isinstance(source, CsvSource)
    assert drain(source).values == [1, 1]
    assert drain(open_source(Read([tmp_path / "2.csv"], "lines"))).values == ["a", "1"]
    assert isinstance(open_source(Read([1.5, 2.5])), IterableSource)
    assert isinstance(open_source(Read("-")), LinesSource)
    assert open_source(Read(source)) is source


@pytest.mark.parametrize(
    ("what", "form", "options", "kind", "problem"),
    [
        ("a.csv", "cvs", {}, UnknownName, "Unknown format `cvs`"),
        ("a.csv", None, {"delimeter": ";"}, ConfigError, "option of format `csv`: `delimeter`"),
        (["a.csv", "b.txt"], None, {}, ConfigError, "is csv by its ending, but `b.txt` is lines"),
        ([], None, {}, ConfigError, "There is no input"),
        ("a.csv", None, {}, InputError, "File `a.csv` does not exist"),
        (7, None, {}, InputError, "A int is no source of records"),
    ],
)
def test_what_cannot_be_opened_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    what: Any,
    form: str | None,
    options: dict[str, Any],
    kind: type[Exception],
    problem: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind, match=problem):
        open_source(Read(what, form, options))


def test_sinks_are_found_by_ending_and_lists_are_filled() -> None:
    records: list[Any] = []
    sink = open_sink(Write(records))
    assert isinstance(sink, MemorySink)
    assert sink.records is records
    assert open_sink(Write(sink)) is sink
    assert type(open_sink(Write("x.csv.gz"))).__name__ == "CsvSink"
    assert type(open_sink(Write(None))).__name__ == "JsonlSink"
