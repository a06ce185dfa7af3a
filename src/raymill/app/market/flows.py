"""The workflows of market data as every process finds them, under `raymill.app.market`."""

from collections.abc import Mapping
from typing import Any

from raymill.config import settings
from raymill.errors import SourceError, StoreUnavailable
from raymill.flow.pool import StepContext
from raymill.flow.workflow import Limit, Retry, Step, Workflow

PATIENT = Retry(attempts=1000, on=(SourceError, StoreUnavailable), first_s=5.0, most_s=600.0)
"""A vendor may be away, or ask to be left alone until tomorrow."""


def crawl(asked: Mapping[str, Any], ctx: StepContext) -> dict[str, Any]:
    """Complete what was asked for."""
    from raymill.app.market.rooms import open_rooms
    from raymill.market.asked import asked_of
    from raymill.market.crawl import Crawl

    rooms = open_rooms(ctx)
    return Crawl(rooms, asked_of(asked, rooms.named), ctx).run()


CRAWL = Workflow("crawl", Step(crawl, retry=PATIENT), version="1")
"""Completes records of one instrument in a range of time."""


def gather(asked: dict[str, Any], ctx: StepContext) -> list[Any]:
    """Have records of several symbols."""
    from raymill.app.market.gather import gather

    return gather(asked, ctx)


GATHER = Workflow("gather", Step(gather, retry=PATIENT), version="1")
"""Has the newest records of several symbols, or those of a range, in the order of the symbols."""


LISTENING = Retry(first_s=1.0, most_s=60.0)
"""A stream begins again, however often: what it missed meanwhile is asked for."""


async def stream(asked: Mapping[str, Any], ctx: StepContext) -> dict[str, Any]:
    """Store live records until the stream is stopped."""
    from raymill.app.market.streaming import run

    return await run(asked, ctx)


STREAM = Workflow("stream", Step(stream, endless=True, retry=LISTENING), version="1")
"""Stores live records of some instruments."""


def execution(asked: dict[str, Any], ctx: StepContext) -> dict[str, Any]:
    """Run a strategy over stored bars, or a scanner over stored quotes."""
    from raymill.app.market.execute import execute

    return execute(asked, ctx)


BACKTEST = Workflow(
    "backtest",
    Step(
        execution,
        retry=Retry(attempts=1000, on=(StoreUnavailable,), most_s=30.0),
        timeout_s=settings().algorunner.max_execution_time,
        limit=Limit("backtest", at_once=settings().algorunner.max_concurrent),
    ),
    version="1",
)
"""Runs a strategy in a process of its own, which is ended when its time is over."""
