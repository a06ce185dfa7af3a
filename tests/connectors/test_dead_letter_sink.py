"""Records that failed, kept whole."""

import json
import math
import os
from pathlib import Path

import pytest

from raymill.connectors.dead_letter import DeadLetter, DeadLetterSink
from raymill.errors import SinkError

LETTERS = [
    DeadLetter({"value": "x", "n": 1.5}, "kalman_filter", "value: not a number", "in.csv", 7),
    DeadLetter({"value": math.nan}, "noop", "bad"),
    DeadLetter({}, "noop", "blank", "in.csv", 9),
]
LINES = (
    b'{"record":{"value":"x","n":1.5},"task":"kalman_filter","reason":"value: not a number",'
    b'"file":"in.csv","line":7}\n'
    b'{"record":{"value":null},"task":"noop","reason":"bad","file":null,"line":null}\n'
    b'{"record":{},"task":"noop","reason":"blank","file":"in.csv","line":9}\n'
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out.dead.jsonl"


def test_failed_records_are_written_whole(path: Path) -> None:
    sink = DeadLetterSink(str(path))
    sink.open()
    sink.write(sink.encode(LETTERS[:1]))
    assert os.listdir(path.parent) == ["out.dead.jsonl.partial"]
    sink.write(sink.encode(LETTERS[1:]))
    sink.close()
    assert path.read_bytes() == LINES
    assert sink.bytes_written() == len(LINES)


def test_without_a_failure_there_is_no_file_and_an_old_one_is_gone(path: Path) -> None:
    path.write_text("old")
    sink = DeadLetterSink(str(path))
    sink.open()
    sink.write(sink.encode([]))
    sink.close()
    assert os.listdir(path.parent) == []


@pytest.mark.parametrize("stop", range(4))
def test_a_resumed_run_gives_the_same_lines(path: Path, stop: int) -> None:
    sink = DeadLetterSink(str(path))
    sink.open()
    for letter in LETTERS[:stop]:
        sink.write(sink.encode([letter]))
    mark = sink.mark()
    sink.write(sink.encode(LETTERS))
    sink.abandon()
    resumed = DeadLetterSink(str(path))
    resumed.open(mark)
    resumed.write(resumed.encode(LETTERS[stop:]))
    resumed.close()
    assert path.read_bytes() == LINES
    assert os.listdir(path.parent) == ["out.dead.jsonl"]


def test_a_resumed_run_without_failures_leaves_nothing_of_the_killed_one(path: Path) -> None:
    sink = DeadLetterSink(str(path))
    sink.open()
    mark = sink.mark()
    sink.write(sink.encode(LETTERS))
    sink.abandon()
    resumed = DeadLetterSink(str(path))
    resumed.open(mark)
    resumed.close()
    assert os.listdir(path.parent) == []


def test_a_record_that_json_cannot_hold_is_kept_as_text(path: Path) -> None:
    sink = DeadLetterSink(str(path))
    sink.open()
    record = {"big": 2**70, "half": "\ud800"}
    sink.write(sink.encode([DeadLetter(record, "noop", "bad")]))
    sink.close()
    kept = json.loads(path.read_bytes())["record"]
    assert kept == {"big": "1180591620717411303424", "half": "'\\ud800'"}


def test_a_place_that_cannot_be_written_is_told_before_the_run(path: Path) -> None:
    with pytest.raises(SinkError, match="does not exist"):
        DeadLetterSink(str(path.parent / "none" / "dead.jsonl")).open()
