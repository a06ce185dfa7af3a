"""What came of an execution, and how it is kept: figures, a record, tables as Parquet."""

import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from raymill import json
from raymill.app.backtests import Done
from raymill.app.market.rooms import open_rooms
from raymill.app.runs import when
from raymill.config.paths import home
from raymill.market.backtest import Result
from raymill.market.executions import Execution, ExecutionTable, Outcome
from raymill.market.schemas import TIME, WORD
from raymill.orchestrator.clock import Clock
from raymill.state.artifacts import Artifacts

HERE = "here"  # the engine of what was run in the process that asked

ABOUT = ("periods_why", "formulas", "lacking", "quarantined", "warnings")
TRIP = pa.schema(
    [
        ("symbol", WORD),
        ("side", pa.int64()),  # 1 long, -1 short
        ("opened", TIME),
        ("closed", TIME),
        ("quantity", pa.float64()),
        ("entry", pa.float64()),
        ("exit", pa.float64()),
        ("profit", pa.float64()),  # net of fees, slippage and borrow
        ("fees", pa.float64()),
        ("share", pa.float64()),
    ]
)


@dataclass(frozen=True)
class Made:
    """What came of an execution: its figures, and what is kept beside them."""

    figures: dict[str, Any]
    record: dict[str, Any]
    trades: pa.Table | None = None
    equity: pa.Table | None = None
    found: list[dict[str, Any]] | None = None


def made_of(done: Done) -> Made:
    """What is kept of a backtest."""
    about = done.to_dict()
    record = done.record | {name: about[name] for name in ABOUT}
    profit = (done.result.basics.final_equity - 1) * done.result.cash
    figures = asdict(done.result.basics) | {"profit": profit} | asdict(done.result.more)
    return Made(figures, record, trades_of(done.result), equity_of(done.result))


def trades_of(result: Result) -> pa.Table:
    """The closed round trips as a table."""
    rows = [asdict(trip) for trip in result.trips]
    for row in rows:
        row["opened"], row["closed"] = (int(result.ts[row[name]]) for name in ("opened", "closed"))
    return pa.Table.from_pylist(rows, schema=TRIP)


def equity_of(result: Result) -> pa.Table:
    """The equity at the close of each bar as a table."""
    times = pa.array(result.ts).cast(TIME)
    return pa.table({"ts": times, "equity": result.equity})


def keep(asked: Mapping[str, Any], made: Made, started: datetime, ended: datetime) -> Execution:
    """Keep what was run here, as an execution that has ended. `asked` has its `algorithm_id`."""
    one = Execution(
        Clock().new_id(),
        str(asked["algorithm_id"]),
        HERE,
        asked,
        "completed",
        started.timestamp(),
        started.timestamp(),
        ended.timestamp(),
        1.0,
        made.figures,
    )
    outcome = outcome_of(made, Artifacts(home() / "artifacts"))
    ExecutionTable(open_rooms().database).add(one, outcome)
    return one


def shown(one: Execution) -> dict[str, Any]:
    """An execution as JSON values, with times as text."""
    return {
        "execution_id": one.execution_id,
        "algorithm_id": one.algorithm_id,
        "state": one.state,
        "progress": one.progress,
        "engine": one.engine,
        "created": when(one.created),
        "started": None if one.started is None else when(one.started),
        "ended": None if one.ended is None else when(one.ended),
        "asked": dict(one.asked),
        "figures": one.figures,
        "error": one.error,
    }


def outcome_of(made: Made, artifacts: Artifacts) -> Outcome:
    """What stands in the tables for what came of an execution."""
    tables = (_parquet(made.trades), _parquet(made.equity))
    found = json.dumps(made.found or [])
    return Outcome(made.record, *(artifacts.put(one) for one in (*tables, found)))


def _parquet(rows: pa.Table | None) -> bytes:
    if rows is None:
        return b""
    import pyarrow.parquet as pq

    written = io.BytesIO()
    pq.write_table(rows, written, compression="zstd")
    return written.getvalue()


def read_parquet(value: bytes) -> pa.Table | None:
    """The table that was kept, None for none."""
    if not value:
        return None
    import pyarrow.parquet as pq

    return pq.read_table(io.BytesIO(value))
