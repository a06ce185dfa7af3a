"""Records that are posted to a task: outcomes by record, and what nobody may ask for."""

from pathlib import Path
from typing import Any

import pytest

from raymill.app.posted import Posted, check, named, outcomes, reaching
from raymill.errors import ConfigError, InputError, NotFound

IN_RANGE = {"ranges": {"value": [0, 10]}}


def test_each_record_is_emitted_skipped_failed_or_held() -> None:
    records = [{"value": 1.0}, {"value": 3.0}, {"value": None}, {"value": 5.0}]
    found = outcomes(Posted("block_window_average", records, {"window": 2}))
    assert [(one["record"], one["value"]["value"]) for one in found.emitted] == [(1, 2.0)]
    assert found.skipped == []
    assert [one["record"] for one in found.failed] == [2]
    assert found.held == 2


def test_what_comes_at_the_end_of_the_input_answers_no_record() -> None:
    records = [{"value": 1.0}, {"value": 3.0}, {"value": 5.0}]
    given = {"window": 2, "flush": True}
    found = outcomes(Posted("block_window_average", records, given))
    assert [one["record"] for one in found.emitted] == [1, None]


def test_keys_have_states_of_their_own() -> None:
    records = [{"v": 1.0, "k": "a"}, {"v": 9.0, "k": "b"}, {"v": 3.0, "k": "a"}]
    asked = Posted("block_window_average", records, {"window": 2}, "v", ("k",), "mean")
    (emitted,) = outcomes(asked).emitted
    assert (emitted["record"], emitted["value"]["k"], emitted["value"]["mean"]) == (2, "a", 2.0)


def test_parameters_that_name_files_or_code_are_known() -> None:
    assert reaching(named("annotate")) == {"file": "file"}
    assert reaching(named("bloom_filter_check")) == {"model": "file", "models": "file"}
    assert reaching(named("csv_to_senml")) == {"schema_file": "file"}
    assert reaching(named("window")) == {"aggregate": "code"}
    assert reaching(named("kalman_filter")) == {}


@pytest.mark.parametrize("name", ["os:system", "tasks.py:task", "../tasks.py:task", "etl.yaml"])
def test_only_registered_names_are_tasks(name: str) -> None:
    with pytest.raises(NotFound):
        check(Posted(name, [{"value": 1}]))


@pytest.mark.parametrize(
    ("task", "given", "path"),
    [
        ("annotate", {"file": "/etc/passwd"}, "parameters.file"),
        ("bloom_filter_check", {"models": {"value": "/etc/passwd"}}, "parameters.models"),
        ("csv_to_senml", {"schema_file": "/etc/passwd"}, "parameters.schema_file"),
        ("window", {"aggregate": "os:system", "count": 2}, "parameters.aggregate"),
        ("kalman_filter", {"task": "noop"}, "parameters.task"),
        ("kalman_filter", {"qq": 1}, "parameters.qq"),
        ("pi_by_viete", {"iters": 0}, "parameters.iters"),
        ("annotate", {}, "parameters.file"),
    ],
)
def test_what_is_wrong_with_a_parameter_is_said_before_the_first_record(
    task: str, given: dict[str, Any], path: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        check(Posted(task, [{"value": 1}], given))
    assert caught.value.details["path"] == path


def test_code_that_a_parameter_names_is_not_loaded(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    code = tmp_path / "code.py"
    code.write_text(f"open({str(trace)!r}, 'w')\nthing = 1\n")
    with pytest.raises(ConfigError):
        check(Posted("window", [{"value": 1}], {"aggregate": f"{code}:thing", "count": 2}))
    assert not trace.exists()


@pytest.mark.parametrize("records", [[{"value": "\ud800"}], [{"value": 1 << 70}], [{}, {}]])
def test_records_without_a_value_that_can_be_kept_are_refused(
    records: list[dict[str, Any]],
) -> None:
    with pytest.raises(InputError) as caught:
        check(Posted("noop", records))
    assert caught.value.details["path"] == "records"
