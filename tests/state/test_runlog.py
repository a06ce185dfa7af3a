"""The log of a run: whole lines, whatever the run is named."""

from pathlib import Path

import pytest

from raymill.state.runlog import RunLog


def test_lines_come_back_in_order_and_from_where_one_left_off(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "logs", "r1")
    assert list(log.read()) == []
    log.write({"event": "a"})
    log.write({"event": "b", "n": 2})
    (first, a), (second, b) = log.read()
    assert (a, b) == ({"event": "a"}, {"event": "b", "n": 2})
    log.write({"event": "c"})
    assert [line for _, line in log.read(first)] == [{"event": "b", "n": 2}, {"event": "c"}]
    assert [line for _, line in log.read(second)] == [{"event": "c"}]


def test_a_line_that_is_being_written_waits_and_one_that_is_no_json_is_text(tmp_path: Path) -> None:
    log = RunLog(tmp_path, "r1")
    log.path.write_bytes(b'{"event":"a"}\nplain \xff\n[1]\n{"eve')
    assert [line for _, line in log.read()] == [
        {"event": "a"},
        {"event": "plain \ufffd"},
        {"event": "[1]"},
    ]


@pytest.mark.parametrize("run", ["../../evil", "a/b", "..", "tick@2026-01-01T00:00:00Z"])
def test_a_log_lies_in_its_folder_whatever_the_run_is_named(tmp_path: Path, run: str) -> None:
    log = RunLog(tmp_path / "logs", run)
    log.write({"event": "a"})
    (found,) = (tmp_path / "logs").iterdir()
    assert found == log.path
