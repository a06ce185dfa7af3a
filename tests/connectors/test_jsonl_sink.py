"""JSON Lines out."""

import json
import math
from pathlib import Path

import pyarrow as pa
import pytest

from connectors.sinking import through
from raymill.connectors.jsonl_sink import JsonlSink

NASTY = ['"', "\\", "\n", "\r\n", "\x00\x1f\x7f", "é😀", "\u2028", "", None]


def test_records_become_objects_in_the_order_of_the_columns(tmp_path: Path) -> None:
    batch = pa.record_batch({"b": [1, 2], 'na"me': ["x", None], "a": [0.1, -0.0]})
    data = through(JsonlSink(str(tmp_path / "out.jsonl")), batch)
    assert data == b'{"b":1,"na\\"me":"x","a":0.1}\n{"b":2,"na\\"me":null,"a":-0.0}\n'


def test_nasty_text_reads_back(tmp_path: Path) -> None:
    batch = pa.record_batch({"text": NASTY})
    lines = through(JsonlSink(str(tmp_path / "out.jsonl")), batch).decode().split("\n")
    assert [json.loads(line)["text"] for line in lines[:-1]] == NASTY


def test_nasty_numbers_read_back_bit_for_bit(tmp_path: Path) -> None:
    values = [1e308, 5e-324, 0.1 + 0.2, 2.0**53 + 2, -0.0, 1e22, 1e23]
    batch = pa.record_batch({"value": values, "whole": [2**53 + 1] * 6 + [-(2**63)]})
    lines = through(JsonlSink(str(tmp_path / "out.jsonl")), batch).splitlines()
    read = [json.loads(line) for line in lines]
    assert [record["value"].hex() for record in read] == [value.hex() for value in values]
    assert [record["whole"] for record in read] == [9007199254740993] * 6 + [-9223372036854775808]


def test_what_json_has_no_number_for_is_null(tmp_path: Path) -> None:
    batch = pa.record_batch({"value": [math.nan, math.inf, -math.inf]})
    assert through(JsonlSink(str(tmp_path / "out.jsonl")), batch) == b'{"value":null}\n' * 3


def test_a_batch_longer_than_one_cut_is_written_whole(tmp_path: Path) -> None:
    batch = pa.record_batch({"n": list(range(20_000))})
    lines = through(JsonlSink(str(tmp_path / "out.jsonl")), batch).splitlines()
    assert [json.loads(line)["n"] for line in lines] == list(range(20_000))


def test_records_without_columns_are_empty_objects(tmp_path: Path) -> None:
    batch = pa.record_batch({"n": [1, 2]}).select([])
    assert through(JsonlSink(str(tmp_path / "out.jsonl")), batch) == b"{}\n{}\n"


def test_standard_output_takes_jsonl(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    sink = JsonlSink("-")
    batch = pa.record_batch({"n": [1]})
    sink.open(batch.schema)
    sink.write(sink.encode(batch))
    assert capfdbinary.readouterr().out == b'{"n":1}\n'  # before it is closed
    sink.close()
    assert not sink.resumable
