"""Executions in the tables: who may change what, and what stays as it is."""

from dataclasses import replace

import pytest

from raymill.errors import UnknownName
from raymill.market.executions import Execution, ExecutionTable, Outcome
from raymill.state.database import Database

ONE = Execution("a1", "sma_cross", "local", {"algorithm_id": "sma_cross"}, "queued", 100.0)
RUN = replace(ONE, started=101.0)
CAME = Outcome({"id": "r"}, b"PAR1", b"PAR1", b"[]")


@pytest.fixture
def table(database: Database) -> ExecutionTable:
    table = ExecutionTable(database)
    table.add(ONE)
    return table


def _find(table: ExecutionTable, name: str = "a1") -> Execution:
    found = table.find(name)
    assert found is not None
    return found


def test_an_execution_is_queued_runs_and_completes(table: ExecutionTable) -> None:
    assert _find(table) == ONE
    assert table.begin(RUN)
    assert table.tell("a1", 0.5)
    assert (_find(table).state, _find(table).progress, _find(table).started) == (
        "running",
        0.5,
        101.0,
    )
    assert table.complete("a1", {"sharpe": 1.5}, CAME, 102.0)
    done = _find(table)
    assert (done.state, done.progress, done.ended, done.figures) == (
        "completed",
        1.0,
        102.0,
        {"sharpe": 1.5},
    )
    assert table.outcome("a1") == CAME


def test_what_is_to_stop_neither_begins_nor_completes(table: ExecutionTable) -> None:
    table.ask_to_stop("a1")
    assert _find(table).state == "stopping"
    assert not table.begin(RUN)
    assert not table.tell("a1", 0.5)
    assert not table.complete("a1", {}, CAME, 102.0)
    assert table.outcome("a1") is None
    table.settle("a1", "stopped", 103.0)
    assert (_find(table).state, _find(table).ended) == ("stopped", 103.0)


def test_what_has_ended_stays_as_it_is(table: ExecutionTable) -> None:
    table.begin(RUN)
    table.complete("a1", {"sharpe": 1.5}, CAME, 102.0)
    table.ask_to_stop("a1")
    table.settle("a1", "failed", 103.0, {"message": "late"})
    assert not table.begin(replace(RUN, started=104.0))
    assert not table.complete("a1", {"sharpe": 9.0}, replace(CAME, trades=b"x"), 105.0)
    table.add(replace(ONE, algorithm_id="tsmom"))
    done = _find(table)
    assert (done.algorithm_id, done.state, done.ended, done.error) == (
        "sma_cross",
        "completed",
        102.0,
        None,
    )
    assert table.outcome("a1") == CAME


def test_executions_are_listed_newest_first_by_pages_by_state_and_by_strategy(
    table: ExecutionTable,
) -> None:
    for number in (2, 3, 4):
        name = "tsmom" if number == 3 else "sma_cross"
        created = 100.0 if number == 2 else 100.0 + number
        table.add(replace(ONE, execution_id=f"a{number}", algorithm_id=name, created=created))
    table.begin(replace(RUN, execution_id="a4"))
    table.ask_to_stop("a2")
    assert [one.execution_id for one in table.ls()] == ["a4", "a3", "a2", "a1"]
    assert [one.execution_id for one in table.ls(most=2)] == ["a4", "a3"]
    assert [one.execution_id for one in table.ls(most=2, before="a3")] == ["a2", "a1"]
    assert [one.execution_id for one in table.ls(algorithm_id="tsmom")] == ["a3"]
    states = {"queued": ["a3", "a1"], "running": ["a4"], "stopping": ["a2"], "failed": []}
    for state, names in states.items():
        assert [one.execution_id for one in table.ls(state=state)] == names  # type: ignore[arg-type]
    assert [one.execution_id for one in table.open("sma_cross")] == ["a1", "a2", "a4"]


def test_an_unknown_state_is_refused_with_near_matches(table: ExecutionTable) -> None:
    with pytest.raises(UnknownName, match="Unknown state `runing`") as told:
        table.ls(state="runing")  # type: ignore[arg-type]
    assert "did you mean `running`" in str(told.value.hint)


def test_one_that_ended_where_it_was_asked_for_is_kept_with_what_came_of_it(
    table: ExecutionTable,
) -> None:
    done = replace(ONE, execution_id="b1", engine="here", state="completed", figures={"x": 1})
    table.add(done, CAME)
    assert table.find("b1") == done
    assert table.outcome("b1") == CAME
    assert table.counts()["completed"] == 1
