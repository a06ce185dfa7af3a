"""Crawls that are killed at every point: no hole stays, and nothing comes twice."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from market.crawling import Rooms, Watch
from market.vendors import BEGIN_MS, BinanceServer, trade
from raymill.errors import SourceError
from raymill.flow.pool import StepContext
from raymill.flow.workflow import Retry, Step, Workflow
from raymill.market.asked import asked_of
from raymill.market.coverage import Span
from raymill.market.crawl import Crawl
from raymill.market.moments import micros
from raymill.market.sources.binance import Binance
from raymill.net import Http
from raymill.state.database import open_database
from raymill.testing import crash_at_every_point
from raymill.testing.replay import ReplayServer

pytestmark = [
    pytest.mark.system,
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]

COUNT = 23
PLACE: dict[str, Any] = {}


def rooms() -> Rooms:
    """The rooms of this process, over the folder and server of the test."""
    database = open_database(PLACE["folder"])
    source = Binance(PLACE["url"])
    source.limits = ()
    return Rooms(PLACE["folder"], database, source, Http(), Watch())


def crawl(asked: dict[str, Any], ctx: StepContext) -> dict[str, Any]:
    """A crawl in small pages and segments."""
    made = rooms()
    try:
        wanted = asked_of(asked, made.registry.named)
        return Crawl(made, wanted, ctx, clock=made.watch, most_rows=7, page_rows=4).run()
    finally:
        made.http.close()
        made.database.close()


CRAWL = Workflow(
    "crawl", Step(crawl, retry=Retry(attempts=3, on=(SourceError,), first_s=0.01)), version="1"
)


def test_a_crawl_that_is_killed_at_every_point_leaves_no_hole_and_no_double(
    tmp_path: Path,
) -> None:
    vendor = BinanceServer(trades=[trade(n, BEGIN_MS + n // 5 * 1000) for n in range(COUNT)])
    with ReplayServer(vendor) as server:
        PLACE.update(folder=tmp_path / "home", url=server.url)
        made = rooms()
        asked = made.asked("BTC/USDT", "trade", "2024-01-01", "2024-01-01T00:00:04Z")
        made.http.close()
        made.database.close()
        value = {name: getattr(asked, name) for name in asked.__dataclass_fields__}
        shutil.copytree(tmp_path / "home", tmp_path / "clean")

        def before() -> None:
            shutil.rmtree(tmp_path / "home")
            shutil.copytree(tmp_path / "clean", tmp_path / "home")

        def check(crash: Any) -> None:
            found = rooms()
            where = f"after crash {crash.number} at `{crash.point}`"
            ids = found.held(asked)["trade_id"].to_pylist()
            assert ids == list(range(20)), where  # four seconds of five trades
            begin, end = micros("2024-01-01"), micros("2024-01-01T00:00:04Z")
            assert found.coverage(asked) == [Span(begin, end, "data")], where
            assert crash.output["new"] == 20, where
            found.http.close()
            found.database.close()

        crashes = crash_at_every_point(CRAWL, value, before=before, check=check, folder=tmp_path)
    points = {crash.point for crash in crashes}
    assert {"lake.written", "lake.renamed", "lake.ready", "lake.named"} <= points
    assert {"lake.committed", "net.before-request"} <= points
    assert len(crashes) > 30


def test_an_attempt_that_was_taken_for_dead_commits_nothing_any_more(tmp_path: Path) -> None:
    vendor = BinanceServer(trades=[trade(n, BEGIN_MS + n * 1000) for n in range(COUNT)])
    with ReplayServer(vendor) as server:
        PLACE.update(folder=tmp_path / "home", url=server.url)
        made = rooms()
        asked = made.asked("BTC/USDT", "trade", "2024-01-01", "2024-01-01T00:00:20Z")
        slow = Crawl(made, asked, StepContext(run="r", attempt=1), clock=made.watch, page_rows=4)
        slow._take_up()
        done = made.crawl(asked, "r", 2)
        assert done["new"] == 20
        with pytest.raises(Exception, match="is over"):
            slow._fill(asked.begin_us, asked.end_us)
        assert made.held(asked).num_rows == 20
        made.http.close()
        made.database.close()
