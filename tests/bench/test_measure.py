"""Rows: how samples become figures, which rows are taken, what the command prints."""

import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from raymill.bench import areas
from raymill.bench.case import Case, Sample, Setup, Work
from raymill.bench.machine import Machine
from raymill.bench.measure import Row, Wanted, families, measure
from raymill.cli import main
from raymill.errors import ConfigError, InputError, UnknownName


def work_of(*values: float) -> Work:
    """A work that gives these figures, one each time."""
    left = iter(values)
    return lambda: Sample(next(left), 7, 0.5)


def three_rows() -> Iterator[Case]:
    yield Case("made.quick", "", lambda setup: work_of(99, 2, 8, 4), against="made.slow", stream="")
    yield Case("made.slow", "", lambda setup: work_of(3, 1, 2), warm=False, unit="s")
    yield Case("made.large", "", lambda setup: work_of(1, 1), large=True)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(areas, "AREAS", {"made": f"{__name__}:three_rows"})
    monkeypatch.setattr(areas, "locate", lambda reference: three_rows)


@pytest.mark.usefixtures("made")
def test_a_row_is_the_median_of_its_runs_behind_one_to_warm_up() -> None:
    quick, slow = measure(Wanted(("made",), runs=3))["rows"]
    assert (quick["median"], quick["min"], quick["max"], quick["runs"]) == (4, 2, 8, 3)
    assert (slow["median"], slow["min"], slow["max"], slow["runs"]) == (2, 1, 3, 3)
    assert (quick["records"], quick["cores"], quick["data"]) == (7, 0.5, "none")


@pytest.mark.usefixtures("made")
def test_a_ratio_is_one_median_over_another() -> None:
    quick, slow = measure(Wanted(("made",), runs=3))["rows"]
    assert (quick["against"], quick["ratio"]) == ("made.slow", 2.0)
    assert (slow["against"], slow["ratio"]) == (None, None)


@pytest.mark.usefixtures("made")
def test_a_row_whose_other_is_not_measured_has_no_ratio() -> None:
    (quick,) = measure(Wanted(("made.quick",), runs=3))["rows"]
    assert (quick["against"], quick["ratio"]) == (None, None)


@pytest.mark.usefixtures("made")
def test_large_rows_are_measured_where_they_are_asked_for() -> None:
    def names(wanted: Wanted) -> list[str]:
        return [row["name"] for row in measure(wanted)["rows"]]

    assert names(Wanted(runs=1)) == ["made.quick", "made.slow"]
    assert names(Wanted(runs=1, large=True)) == ["made.quick", "made.slow", "made.large"]
    assert names(Wanted(("made.large",), runs=1)) == ["made.large"]


@pytest.mark.usefixtures("made")
def test_what_is_measured_has_the_documented_fields() -> None:
    found = measure(Wanted(("made",), runs=3))
    assert list(found) == ["machine", "rows", "left_out"]
    assert list(found["machine"]) == [field.name for field in fields(Machine)]
    assert list(found["rows"][0]) == [field.name for field in fields(Row)]


@pytest.mark.usefixtures("made")
def test_the_command_prints_a_table_or_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "made", "--runs", "3"]) == 0
    shown = capsys.readouterr()
    assert shown.err.splitlines() == ["made.quick", "made.slow"]
    line = next(line for line in shown.out.splitlines() if line.startswith("made.quick"))
    assert line.split() == [
        *("made.quick", "M", "records/s", "4.00", "2.00", "8.00", "3", "7", "0.50", "none"),
        *("2.00", "x", "slow"),
    ]
    assert main(["bench", "made", "--runs", "3", "--json"]) == 0
    assert [row["median"] for row in json.loads(capsys.readouterr().out)["rows"]] == [4, 2]


def test_a_row_of_a_missing_library_is_left_out_with_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = Case("made.far", "", lambda setup: work_of(1, 1), needs="no_such_library")
    monkeypatch.setattr("raymill.bench.measure.cases", lambda names, large: [case])
    found = measure(Wanted(runs=1))
    reason = "`no_such_library` is not installed: pip install 'raymill[no_such_library]'"
    assert found["left_out"] == [{"name": "made.far", "reason": reason, "failed": False}]
    assert found["rows"] == []


def fails(setup: Setup) -> Work:
    raise InputError("no such luck")


def test_a_row_that_fails_says_why_and_leaves_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bad, good = Case("a.bad", "", fails), Case("a.good", "", lambda setup: work_of(1, 2))
    monkeypatch.setattr("raymill.bench.measure.cases", lambda names, large: [bad, good])
    assert main(["bench", "--runs", "1", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    reason = "InputError: no such luck"
    assert found["left_out"] == [{"name": "a.bad", "reason": reason, "failed": True}]
    assert [row["name"] for row in found["rows"]] == ["a.good"]


def test_a_name_takes_all_that_lie_below_it() -> None:
    found = [case.name for case in areas.cases(["streams.kalman_filter"])]
    assert found == [
        "streams.kalman_filter",
        "streams.kalman_filter.python",
        "streams.kalman_filter.text",
    ]
    streams = [case.name for case in areas.cases(["streams"])]
    assert streams == [c.name for c in areas.cases() if c.name.startswith("streams.")]
    assert len(streams) > 50


def test_unknown_rows_are_refused_with_near_matches() -> None:
    with pytest.raises(UnknownName, match="kalman_filtr") as error:
        areas.cases(["streams.kalman_filtr"])
    assert "`streams.kalman_filter`" in str(error.value.hint)
    with pytest.raises(UnknownName) as error:
        areas.cases(["stream"])
    assert "`streams`" in str(error.value.hint)


def test_rows_that_are_compared_are_measured_together() -> None:
    every = [case.name for family in families(areas.cases()) for case in family]
    assert sorted(every) == sorted(case.name for case in areas.cases())
    first = [case.name for case in families(areas.cases())[0]]
    assert first == [
        "streams.kalman_filter",
        "streams.kalman_filter.python",
        "streams.kalman_filter.text",
    ]


def test_names_of_rows_are_unique_and_what_they_are_compared_with_exists() -> None:
    every = areas.cases(large=True)
    names = [case.name for case in every]
    assert len(set(names)) == len(names)
    assert {case.against for case in every} - {""} <= set(names)


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no folder"):
        measure(Wanted(data=tmp_path / "absent"))
    with pytest.raises(ConfigError, match="needs a run"):
        measure(Wanted(runs=0))


def test_a_quick_measurement_takes_a_twentieth() -> None:
    assert Wanted().taking(quick=True) == Wanted(runs=3, records=250_000)
    assert Wanted(runs=2).taking(1000, quick=True) == Wanted(runs=2, records=50)
    assert Setup(records=250_000).count(1_000_000) == 50_000
