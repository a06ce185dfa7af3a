"""Executions over stored bars: what is started, what a service answers, what is refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from raymill.app.market.execute import STOPPED, execute
from raymill.app.market.executions import Executions
from raymill.app.market.flows import execution
from raymill.app.market.imports import import_file
from raymill.app.market.made import shown
from raymill.app.workbench import Workbench
from raymill.app.workflows import Workflows
from raymill.engines.ray.pool import RayPool
from raymill.errors import ConfigError, NotFound, NotStored, TooBusy, UnknownName
from raymill.flow.places import workflow_at
from raymill.flow.pool import StepContext
from raymill.flow.workflow import Step, Workflow
from raymill.market.executions import Execution
from raymill.testing.crashes import Crash, crash_at_every_point

HEAD = "date,open,high,low,close,volume"
CLOSES = [10, 10, 10, 8, 9, 11, 12, 13, 11, 9, 9, 10]
CROSS = {
    "algorithm_id": "sma_cross",
    "parameters": {"fast": 1, "slow": 2},
    "symbols": ["ABC"],
}
QUOTES = "symbol,ts,bid,bid_size,ask,ask_size\nBTC/USDT,2024-01-01T00:00:00Z,1,1,2,1\n"


@pytest.fixture
def executions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Executions]:
    """Stored bars of ABC, opened at the close before; no orchestrator is started."""
    opens = [10, *CLOSES[:-1]]
    rows = [
        f"2020-01-{day:02},{opened},{max(opened, close)},{min(opened, close)},{close},100"
        for day, (opened, close) in enumerate(zip(opens, CLOSES, strict=True), start=6)
    ]
    (tmp_path / "ABC.csv").write_text("\n".join([HEAD, *rows]) + "\n")
    import_file(tmp_path / "ABC.csv", "bar")
    monkeypatch.setattr(Workflows, "ensure", lambda self: False)
    with Executions() as made:
        yield made


def _run(executions: Executions, started: Execution) -> dict[str, Any]:
    """Run it as the orchestrator would."""
    given = executions.workflows.run(started.execution_id).input
    return execute(given, StepContext(run=started.execution_id))


def test_an_execution_is_queued_then_gives_trades_equity_and_figures(
    executions: Executions,
) -> None:
    started = executions.start(CROSS)
    assert (started.state, started.algorithm_id, started.engine) == ("queued", "sma_cross", "local")
    _run(executions, started)
    done = executions.standing(started.execution_id)
    assert (done.state, done.progress, done.error) == ("completed", 1.0, None)
    result = executions.result(started.execution_id).to_dict()
    # The close is above its mean of 2 from bar 4 on and below it at bar 8: bought at the open of
    # bar 5, which is 9, and sold at that of bar 9, which is 11. The last bar decides too late.
    (trade,) = result["trades"]
    assert (trade["entry"], trade["exit"], trade["opened"], trade["closed"]) == (
        *(9.0, 11.0),
        "2020-01-11T00:00:00Z",
        "2020-01-15T00:00:00Z",
    )
    assert trade["profit"] == pytest.approx(100_000 / 9 * 2)
    assert (result["closed_trades"], result["win_rate"], result["trades_total"]) == (1, 1.0, 1)
    assert result["final_equity"] == pytest.approx(11 / 9)
    assert result["profit"] == pytest.approx(100_000 * 2 / 9)
    assert [row["ts"] for row in result["equity"]][::11] == [
        "2020-01-06T00:00:00Z",
        "2020-01-17T00:00:00Z",
    ]
    assert {"sharpe", "max_drawdown", "cagr"} <= set(result)
    (origin,) = result["record"]["files"]
    assert (origin["source"], origin["symbol"], origin["interval"]) == ("file", "ABC", "1d")
    assert origin["lake_snapshot"] >= 1
    assert len(result["record"]["code"]["strategy"]) == 64


@pytest.mark.ray
@pytest.mark.system
def test_an_execution_that_asks_for_ray_runs_there_and_gives_the_same(
    executions: Executions, ray_address: str
) -> None:
    started = executions.start(CROSS, engine="ray")
    folder = executions.workflows.folder

    def pool() -> RayPool:
        one = {"workers_min": 1, "workers_max": 1}
        return RayPool(folder / "artifacts", address=ray_address, **one)

    bench = Workbench(folder, others={"ray": pool}, find=workflow_at)
    bench.run()
    bench.close()
    done = executions.standing(started.execution_id)
    assert (done.state, done.engine, done.error) == ("completed", "ray", None)
    (trade,) = executions.result(started.execution_id).to_dict()["trades"]
    assert (trade["entry"], trade["exit"]) == (9.0, 11.0)
    (step,) = executions.workflows.show(started.execution_id).steps
    assert step.status == "done"


def test_the_equity_of_a_result_is_thinned_and_its_ends_stay(executions: Executions) -> None:
    started = executions.start(CROSS)
    _run(executions, started)
    whole = executions.result(started.execution_id)
    few = whole.to_dict(most=3)
    assert (few["equity_points"], len(few["equity"])) == (12, 3)
    assert few["equity"][-1] == whole.to_dict()["equity"][-1]


def test_the_aliases_run_over_the_symbol_that_is_their_parameter(executions: Executions) -> None:
    for name, period in (("momentum_strategy", "period"), ("mean_reversion", "lookback_period")):
        body = {"algorithm_id": name, "parameters": {"symbol": "ABC", period: 3}}
        started = executions.start(body)
        assert _run(executions, started)["periods_per_year"] == 365.0
        record = executions.result(started.execution_id).record
        assert [one["symbol"] for one in record["data"]] == ["ABC"]


def test_without_stored_bars_the_crawl_to_do_is_named(executions: Executions) -> None:
    with pytest.raises(NotStored, match="No bars of 1d of `AAPL` are stored") as told:
        executions.start({"algorithm_id": "sma_cross", "symbols": ["AAPL"]})
    assert told.value.hint == ("raymill market crawl SOURCE AAPL --interval 1d --start 2020-01-01")
    with pytest.raises(NotStored) as told:
        executions.start({**CROSS, "start": "2030-01-01", "end": "2031-01-01"})
    assert str(told.value.hint).endswith("--start 2030-01-01T00:00:00Z --end 2031-01-01T00:00:00Z")
    assert not executions.ls()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"algorithm_id": "sma_cros", "symbols": ["ABC"]}, "Unknown strategy `sma_cros`"),
        ({"algorithm": "sma_cross"}, "`algorithm`: unknown name"),
        ({"algorithm_id": "sma_cross"}, "`symbols` are missing"),
        ({"algorithm_id": "pairs", "symbols": ["ABC"]}, "trades 2 instruments at once, not 1"),
        ({**CROSS, "parameters": {"fast": 9, "slow": 2}}, "fast"),
        ({**CROSS, "costs": {"fee": 1.0}}, "Unknown cost `fee`"),
        ({**CROSS, "interval": "7m"}, "Unknown interval `7m`"),
        ({**CROSS, "start": "2020-01-06T00:00:00"}, "has no zone"),
        ({**CROSS, "sources": ["flie"]}, "Unknown source `flie`"),
        ({**CROSS, "cash": -1.0}, "`cash` cannot be"),
        (
            {"algorithm_id": "mine.py:Hold", "symbols": ["ABC"]},
            "only strategies that are",
        ),
    ],
)
def test_what_cannot_be_run_is_refused_before_it_is_started(
    executions: Executions, body: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        executions.start(body)
    assert not executions.ls()


def test_a_scan_of_one_venue_is_refused(executions: Executions, tmp_path: Path) -> None:
    body = {"algorithm_id": "arbitrage_scanner", "parameters": {"threshold": 0.5}}
    with pytest.raises(NotStored, match="No quotes are stored"):
        executions.start(body)
    (tmp_path / "quotes.csv").write_text(QUOTES)
    import_file(tmp_path / "quotes.csv", "quote")
    with pytest.raises(NotStored, match=r"at two venues.* BTC/USDT of file alone"):
        executions.start(body)


def test_a_stopped_execution_is_not_run_and_stopping_twice_is_fine(executions: Executions) -> None:
    one, other = executions.start(CROSS), executions.start(CROSS)
    assert executions.stop(one.execution_id, wait_s=0).state == "stopping"
    assert executions.stop(one.execution_id, wait_s=0).state == "stopping"
    assert _run(executions, one) == STOPPED
    stopped = executions.stop_all("sma_cross", wait_s=0)
    assert [each.state for each in stopped] == ["stopping", "stopping"]
    assert _run(executions, other) == STOPPED
    with pytest.raises(ConfigError, match="is stopping and has no result"):
        executions.result(one.execution_id)


def test_what_completed_is_not_stopped_any_more(executions: Executions) -> None:
    started = executions.start(CROSS)
    _run(executions, started)
    assert executions.stop(started.execution_id).state == "completed"
    assert executions.stop_all("sma_cross") == []


def test_a_second_attempt_of_what_completed_changes_nothing(executions: Executions) -> None:
    started = executions.start(CROSS)
    figures = _run(executions, started)
    before = executions.standing(started.execution_id)
    assert _run(executions, started)["final_equity"] == figures["final_equity"]
    assert executions.standing(started.execution_id) == before


def test_more_than_the_most_are_refused_until_some_have_ended(executions: Executions) -> None:
    first = executions.start(CROSS, most=1)
    with pytest.raises(TooBusy, match="1 executions have not ended, and no more than 1 may"):
        executions.start(CROSS, most=1)
    _run(executions, first)
    assert executions.start(CROSS, most=1).state == "queued"


def test_the_same_key_gives_the_same_execution(executions: Executions) -> None:
    ids = {executions.start(CROSS, key="order-7").execution_id for _ in range(2)}
    assert len(ids) == 1
    assert executions.counts()["queued"] == 1


def test_an_id_or_a_strategy_that_does_not_exist_is_said(executions: Executions) -> None:
    for call in (executions.standing, executions.stop, executions.result):
        with pytest.raises(NotFound, match="There is no execution `nope`"):
            call("nope")
    with pytest.raises(UnknownName, match="Unknown strategy `nope`"):
        executions.stop_all("nope")


def test_one_whose_note_was_lost_before_it_was_written_is_found_by_its_run(
    executions: Executions,
) -> None:
    run = executions.workflows.submit("raymill.app.market:BACKTEST", CROSS)
    assert executions.standing(run).state == "queued"
    assert [shown(one)["algorithm_id"] for one in executions.ls()] == ["sma_cross"]


@pytest.mark.system
def test_an_execution_that_is_killed_at_any_point_comes_to_its_result_once(
    executions: Executions, tmp_path: Path
) -> None:
    database = executions.rooms.database
    ends: set[Any] = set()

    def before() -> None:
        with database.transaction() as execute_:
            execute_("DELETE FROM algorunner_executions")
            execute_("DELETE FROM algorunner_results")

    def check(crash: Crash) -> None:
        assert crash.output["final_equity"] == pytest.approx(11 / 9)
        one = executions.table.find("run")
        assert one is not None
        assert (one.state, one.figures) == ("completed", crash.output)
        outcome = executions.table.outcome("run")
        assert outcome is not None
        ends.add((outcome.trades, outcome.equity))

    flow = Workflow("backtest", Step(execution, name="execution"), version="1")
    crashes = crash_at_every_point(flow, CROSS, before=before, check=check, folder=tmp_path)
    assert {"step.begun", "step.done"} <= {crash.point for crash in crashes}
    assert len(ends) == 1
