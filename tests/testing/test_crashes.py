"""A workflow that is killed wherever it can be, and the harness that does it."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from raymill.flow.workflow import Step, Workflow
from raymill.state.postgres_session import connect
from raymill.testing.crashes import Crash, crash_at_every_point

pytestmark = pytest.mark.system


def flow_with_effects(log: Path) -> Workflow:
    def note(name: str, value: Any) -> Any:
        with log.open("a") as file:
            file.write(f"{name}\n")
        return value

    def a(value: int) -> list[int]:
        return note("a", list(range(value)))  # type: ignore[no-any-return]

    def b(value: int) -> int:
        return note("b", value * 10)  # type: ignore[no-any-return]

    def c(values: list[int]) -> int:
        return note("c", sum(values))  # type: ignore[no-any-return]

    return Workflow(
        "w", a, Step(b, each="a"), c, Workflow("child", Step(lambda v: v + 1, name="d"))
    )


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Callable[[], str]:
    """Gives an empty database for each crash, where a test runs on PostgreSQL."""
    if request.param == "sqlite":
        return str
    url: str = request.getfixturevalue("postgres_url")

    def emptied() -> str:
        with closing(connect(url)) as connection:
            connection.execute("DROP SCHEMA IF EXISTS raymill CASCADE")
        return url

    return emptied


@pytest.mark.parametrize(
    "database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)
def test_a_run_goes_on_rightly_from_a_kill_at_every_point(
    tmp_path: Path, database: Callable[[], str]
) -> None:
    log = tmp_path / "effects"
    repeated = []

    def check(crash: Crash) -> None:
        lines = log.read_text().splitlines() if log.exists() else []
        counts = {name: lines.count(name) for name in "abc"}
        assert counts["a"] in (1, 2)
        assert 2 <= counts["b"] <= 4
        assert counts["c"] in (1, 2)
        repeated.append(sum(counts.values()) - 4)

    crashes = crash_at_every_point(
        flow_with_effects(log),
        2,
        before=lambda: log.unlink(missing_ok=True),
        check=check,
        database=database,
    )
    assert [crash.number for crash in crashes] == list(range(1, len(crashes) + 1))
    assert {crash.output for crash in crashes} == {11}
    halfway = {"journal.written"} if database is str else set()  # on PostgreSQL there is none
    assert {crash.point for crash in crashes} == halfway | {
        *("lease.taken", "inbox.read", "orchestrator.decided", "orchestrator.committed"),
        *("journal.before-commit", "journal.committed"),
        *("step.begun", "step.done"),
    }
    assert len(crashes) > 30
    assert max(repeated) >= 1  # at least once is what is promised, and what is seen
    assert min(repeated) == 0


def test_a_result_that_a_check_refuses_is_told() -> None:
    def refuse(crash: Crash) -> None:
        raise AssertionError(f"not at {crash.point}")

    with pytest.raises(AssertionError, match=r"not at lease.taken"):
        crash_at_every_point(Workflow("w", abs), -1, check=refuse)


def test_a_run_that_does_not_complete_is_told() -> None:
    def fail(value: int) -> int:
        raise ValueError("never")

    with pytest.raises(AssertionError, match=r"failed: .*never"):
        crash_at_every_point(Workflow("w", fail), 1)
