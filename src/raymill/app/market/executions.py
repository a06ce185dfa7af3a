"""Executions of strategies: started in the background, looked at, stopped; results kept.

A service is built on this: what `start` gives is durable, `stop` may be asked twice, and what came
of an execution is read by whoever asks, in whichever process.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa

from raymill import arrow, json
from raymill.app.market.flows import BACKTEST
from raymill.app.market.made import HERE, read_parquet
from raymill.app.market.prices import find_bars
from raymill.app.market.request import request_of
from raymill.app.market.rooms import MarketRooms, open_rooms
from raymill.app.market.scans import check_scan
from raymill.app.market.sweeping import check_sweep
from raymill.app.runs import Run
from raymill.app.workflows import Workflows, id_of
from raymill.errors import ConfigError, NotFound, StoreUnavailable, TooBusy
from raymill.market.executions import Execution, ExecutionTable, State
from raymill.market.named import find
from raymill.orchestrator.clock import Clock

PLACE = "raymill.app.market:BACKTEST"
POLL_S = 0.1
STOP_S = 30.0
GRACE_S = 60.0  # in which a run appears that was noted
MOST = 1000  # rows of a result


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an execution: the record of the run, its trades, its equity, and what a scanner
    found. `trades` is None for a scan, `found` for a backtest."""

    execution: Execution
    record: Mapping[str, Any]
    trades: pa.Table | None
    equity: pa.Table | None
    found: list[dict[str, Any]] | None

    def to_dict(self, most: int = MOST) -> dict[str, Any]:
        """As JSON values: the figures by name; the last `most` trades; so many points of equity,
        evenly chosen; the first `most` stretches of a scan."""
        about: dict[str, Any] = {**(self.execution.figures or {})}
        if self.trades is not None and self.equity is not None:
            last = self.trades.slice(max(0, self.trades.num_rows - most))
            about["trades_total"], about["trades"] = self.trades.num_rows, rows_of(last)
            about["equity_points"] = self.equity.num_rows
            about["equity"] = rows_of(_thinned(self.equity, most))
        else:
            about["found"] = (self.found or [])[:most]
        return {**about, "record": dict(self.record)}


class Executions:
    """The executions in `RAYMILL_HOME`. It runs nothing itself: it submits runs and reads."""

    def __init__(
        self, workflows: Workflows | None = None, rooms: MarketRooms | None = None
    ) -> None:
        self.workflows, self.rooms = workflows or Workflows(), rooms or open_rooms()
        self.table = ExecutionTable(self.rooms.database)

    def __enter__(self) -> "Executions":
        return self

    def __exit__(self, *_: object) -> None:
        self.workflows.close()

    def start(self, body: Mapping[str, Any], *, most: int | None = None, **how: Any) -> Execution:
        """Start an execution in the background; it is durable when this returns.

        `body` is that of `app.market.request.Request`: `algorithm_id`, `parameters`, `symbols`,
        `sources`, `interval`, `start`, `end`, `adjust`, `costs`, ... `how` is as in
        `Workflows.submit`: the same `key` gives the same execution.

        Raises ConfigError and UnknownName with the path of what is wrong, NotStored where there is
        no data yet (its hint is the crawl to do), and TooBusy where `most` have not ended.
        """
        request = request_of(body)
        if request.sweep is not None:
            check_sweep(request)
        if request.is_scan:
            check_scan(self.rooms, request)
        else:
            find_bars(self.rooms, request.wanted)
        given = request.model_dump(exclude_defaults=True)
        key = how.setdefault("key", None) or Clock().new_id()
        engine = str(how.get("engine") or "local")
        run, now = id_of(BACKTEST, key), time.time()
        one = Execution(run, request.algorithm_id, engine, given, "queued", now)
        self._admit(one, most)
        self.workflows.submit(PLACE, given, **how | {"key": key})
        try:
            return self.standing(run)
        except StoreUnavailable:
            return one  # it is on the disk all the same

    def _admit(self, one: Execution, most: int | None) -> None:
        """Note an execution before it is submitted. Raises TooBusy where `most` have not ended."""
        if most is not None:
            for each in self.table.open():
                self._now(each)
        if not self.table.admit(one, most):
            raise TooBusy(
                f"{most} executions have not ended, and no more than {most} may be asked for",
                hint="raymill backtests stop EXECUTION",
                retry_after_s=1.0,
            )

    def standing(self, execution_id: str) -> Execution:
        """Where an execution stands. Raises NotFound where there is none of that id."""
        found = self.table.find(execution_id)
        if found is None:
            found = self._submitted(execution_id)
        return self._now(found)

    def _submitted(self, execution_id: str) -> Execution:
        """One whose row is not there yet, since whoever submitted it was ended in between."""
        try:
            run = self.workflows.run(execution_id)
        except ConfigError:
            run = None
        if run is None or run.workflow != BACKTEST.name:
            raise NotFound(
                f"There is no execution `{execution_id}`", hint="raymill backtests ls lists them"
            )
        created = datetime.fromisoformat(run.created).timestamp()
        name = str(run.input.get("algorithm_id"))
        made = Execution(run.id, name, run.engine, run.input, "queued", created)
        self.table.add(made)
        return self.table.find(execution_id) or made

    def _now(self, one: Execution) -> Execution:
        """Where an execution stands, by its run too: one that was ended cannot say so itself."""
        if one.is_over or one.engine == HERE:
            return one
        try:
            run = self.workflows.run(one.execution_id)
        except ConfigError:
            if time.time() < one.created + GRACE_S:
                return one
            told = {"message": "it was never begun: who asked for it was ended in between"}
            self.table.settle(one.execution_id, "failed", time.time(), told)
            return self.table.find(one.execution_id) or one
        return self._settled(one, run) if run.is_over else one

    def _settled(self, one: Execution, run: Run) -> Execution:
        ended = datetime.fromisoformat(run.ended).timestamp() if run.ended else time.time()
        is_stopped = one.is_to_stop or run.status == "cancelled"
        state: State = "stopped" if is_stopped else "failed"
        error = None if is_stopped else run.error or {"message": "it ended without a result"}
        self.table.settle(one.execution_id, state, ended, _told(error))
        return self.table.find(one.execution_id) or one

    def ls(
        self,
        *,
        algorithm_id: str | None = None,
        state: State | None = None,
        before: str | None = None,
        most: int = 50,
    ) -> list[Execution]:
        """A page of executions, the newest first: `before` is the last id of the page before.

        Raises UnknownName for a state that there is none of.
        """
        for one in self.table.open(algorithm_id):
            self._now(one)
        return self.table.ls(algorithm_id=algorithm_id, state=state, before=before, most=most)

    def counts(self) -> dict[State, int]:
        """How many executions there are in each state."""
        for one in self.table.open():
            self._now(one)
        return self.table.counts()

    def stop(self, execution_id: str, *, wait_s: float = STOP_S) -> Execution:
        """Stop an execution and wait for its end; one that has ended stays as it is.

        Raises NotFound where there is none of that id.
        """
        self._ask_to_stop(self.standing(execution_id))
        return self.wait(execution_id, wait_s)

    def stop_all(self, algorithm_id: str, *, wait_s: float = STOP_S) -> list[Execution]:
        """Stop all executions of a strategy that have not ended, and give them.

        Raises UnknownName where there is no strategy of that name.
        """
        found = [self._now(one) for one in self.table.open(algorithm_id)]
        if not found:
            find(algorithm_id)
        for one in found:
            self._ask_to_stop(one)
        until = time.monotonic() + wait_s
        return [self.wait(one.execution_id, until - time.monotonic()) for one in found]

    def _ask_to_stop(self, one: Execution) -> None:
        if one.is_over or one.engine == HERE:
            return
        self.table.ask_to_stop(one.execution_id)
        try:
            self.workflows.request(one.execution_id, "cancel")
        except ConfigError:  # it ended in between
            return

    def wait(self, execution_id: str, wait_s: float) -> Execution:
        """Wait for the end of an execution, at most so long; gives where it stands then."""
        now, until = self.standing(execution_id), time.monotonic() + wait_s
        while not now.is_over and time.monotonic() < until:
            self.workflows.keep_going()
            time.sleep(POLL_S)
            now = self.standing(execution_id)
        return now

    def follow(self, execution_id: str, poll_s: float = POLL_S) -> Iterator[Execution]:
        """Give an execution each time that it stands elsewhere, until it has ended."""
        told: Execution | None = None
        while True:
            now = self.standing(execution_id)
            if now != told:
                told = now
                yield now
            if now.is_over:
                return
            self.workflows.keep_going()
            time.sleep(poll_s)

    def result(self, execution_id: str) -> Result:
        """What came of an execution. Raises NotFound, and ConfigError where nothing did."""
        one = self.standing(execution_id)
        outcome = self.table.outcome(execution_id)
        if outcome is None:
            reason = (one.error or {}).get("message")
            raise ConfigError(
                f"Execution `{execution_id}` is {one.state} and has no result"
                + (f": {reason}" if reason else ""),
                hint=f"raymill backtests show {execution_id}",
                state=one.state,
            )
        get = self.workflows.artifacts.get
        found = json.loads(get(outcome.found))
        trades, equity = (read_parquet(get(each)) for each in (outcome.trades, outcome.equity))
        return Result(one, outcome.record, trades, equity, None if trades is not None else found)


def rows_of(table: pa.Table) -> list[dict[str, Any]]:
    """Rows as JSON values, with times as text."""
    return [
        {
            name: _text(value) if isinstance(value, datetime) else value
            for name, value in row.items()
        }
        for row in table.to_pylist()
    ]


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _thinned(equity: pa.Table, most: int) -> pa.Table:
    """So many rows at most, evenly chosen, the first and the last with them."""
    count = equity.num_rows
    if count <= most or most < 2:
        return equity.slice(0, most)
    places = np.linspace(0, count - 1, most).round().astype(np.int64)
    return arrow.take_rows(equity, places)


def _told(error: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """An error as it is shown: without the trace, which the run has."""
    return None if error is None else {n: v for n, v in error.items() if n != "trace"}
