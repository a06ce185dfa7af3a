import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from raymill import log


@pytest.fixture(autouse=True)
def default_log() -> Iterator[None]:
    yield
    log.configure()


def test_an_event_is_one_json_line_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    log.get_logger(task="noop").bind(worker=1).warning("worker.lost", after_s=2.5)
    out, err = capsys.readouterr()
    said = json.loads(err)
    assert out == ""
    assert err.count("\n") == 1
    assert said.pop("timestamp").endswith("Z")
    assert said == {
        "event": "worker.lost",
        "level": "warning",
        "task": "noop",
        "worker": 1,
        "after_s": 2.5,
    }


def test_what_is_less_severe_than_the_level_is_not_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log.get_logger().info("step.done")
    assert capsys.readouterr().err == ""
    log.configure("info")
    log.get_logger().info("step.done")
    assert "step.done" in capsys.readouterr().err


def test_the_console_form_is_a_line_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    log.configure("error", "console")
    log.get_logger(task="noop").error("sink.failed")
    err = capsys.readouterr().err
    assert "[error" in err
    assert "sink.failed" in err
    assert "task=noop" in err


def test_binding_leaves_the_first_logger_as_it_was() -> None:
    first = log.get_logger(task="noop")
    assert repr(first.bind(worker=1)) == "Logger(task='noop', worker=1)"
    assert repr(first) == "Logger(task='noop')"


def test_the_log_is_cheap_to_import() -> None:
    code = "import sys, raymill.log; print('structlog' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
