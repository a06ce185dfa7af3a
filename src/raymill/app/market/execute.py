"""An execution, done: what was asked for is read, run, and told; the same here and as a step."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from raymill.app import backtests
from raymill.app.market.made import Made, made_of, outcome_of
from raymill.app.market.request import Request, request_of
from raymill.app.market.rooms import MarketRooms, open_rooms
from raymill.app.market.scans import scanned
from raymill.app.market.sweeping import swept
from raymill.config.paths import home
from raymill.errors import Cancelled
from raymill.flow.pool import StepContext
from raymill.market.executions import Execution, ExecutionTable
from raymill.state.artifacts import Artifacts

STOPPED = {"state": "stopped"}
TELL_S = 0.5  # how often progress is noted
READ = 0.1  # the part of an execution that reading is
Tell = Callable[[int, int], None]


def execute(given: dict[str, Any], ctx: StepContext) -> dict[str, Any]:
    """Run an execution as a step: what comes of it is noted once, whatever happens between.

    Gives its figures, or that it was stopped.
    """
    rooms, request = open_rooms(ctx), request_of(given)
    table, now = ExecutionTable(rooms.database), time.time()
    one = Execution(ctx.run, request.algorithm_id, "local", given, "queued", now, started=now)
    try:
        if table.begin(one):
            made = run(rooms, request, _Told(table, ctx.run))
            outcome = outcome_of(made, Artifacts(home() / "artifacts"))
            table.complete(ctx.run, made.figures, outcome, time.time())
    except Cancelled:
        return STOPPED
    known = table.find(ctx.run)  # an attempt before this one may have come to its end
    return dict(known.figures) if known is not None and known.figures is not None else STOPPED


class _Told:
    """Notes now and then how far an execution is. Raises Cancelled where it is not wanted."""

    def __init__(self, table: ExecutionTable, execution_id: str) -> None:
        self._table, self._id, self._next = table, execution_id, 0.0

    def __call__(self, done: int, of: int) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + TELL_S
        part = READ + (1 - READ) * done / max(of, 1)
        if not self._table.tell(self._id, round(part, 4)):
            raise Cancelled(f"Execution `{self._id}` was stopped")


def run(rooms: MarketRooms, request: Request, tell: Tell | None = None) -> Made:
    """Read what is asked for and run it. Raises NotStored, ConfigError."""
    if request.sweep is not None:
        return swept(request, tell)
    if request.is_scan:
        return scanned(rooms, request, tell)
    started = datetime.now(UTC)
    return made_of(backtests.run(request.asked, request.parameters, request.path, started, tell))
