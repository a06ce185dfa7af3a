"""The way out to a vendor: one budget for everybody, waits that a vendor asks for, its clock."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from market.asking import request
from market.crawling import NOW, Watch
from market.vendors import BEGIN_MS, BinanceServer, answer, kline, refused
from raymill.errors import InputError, SourceError
from raymill.market.sources.alpha_vantage import AlphaVantage
from raymill.market.sources.binance import Binance
from raymill.market.sources.budget import Budget
from raymill.market.sources.contract import LimitRule, refusal
from raymill.market.sources.outlet import Outlet
from raymill.net import Http, Tries
from raymill.state.database import Database, open_database
from raymill.testing.replay import Asked, Recorded, ReplayServer
from state.kills import ended, forked

KLINES = "/api/v3/klines"


class Fleet:
    """Ways out of several processes, as it were: each has a budget object of its own, all share a
    database, a clock and a server."""

    def __init__(self, database: Database, server: ReplayServer, http: Http, source: Any) -> None:
        self.watch, self.server, self.source = Watch(), server, source
        self._database, self._http = database, http

    def outlet(self, **how: Any) -> Outlet:
        watch = self.watch
        budget = Budget(
            self._database,
            self.source.id,
            self.source.limits,
            monotonic=watch,
            clock=watch.reading,
        )
        usual: dict[str, Any] = {
            "tries": Tries(most=6, deadline_s=100.0),
            "clock": watch,
            "chance": lambda: 0.5,
            "sleep": watch.sleep,
            "dated": lambda head: None,
        }
        return Outlet(self.source, self._http, budget, **(usual | how))

    def ask(self, outlet: Outlet) -> Any:
        return outlet.page(request("2024-01-01", "2024-01-02", interval="1m"))


@contextmanager
def fleet(tmp_path: Path, *routes: Any, source: Any = None) -> Iterator[Fleet]:
    database = open_database(tmp_path)
    with ReplayServer(*routes) as server, Http() as http:
        made = source(server.url) if source else Binance(server.url)
        yield Fleet(database, server, http, made)
    database.close()


def bar(asked: Asked) -> Recorded | None:
    return answer([kline(BEGIN_MS)]) if KLINES in asked.path else None


def test_what_one_is_told_to_wait_all_wait(tmp_path: Path) -> None:
    with fleet(tmp_path, bar) as ways:
        one, other = ways.outlet(), ways.outlet()
        ways.server.next(None, refused(429, -1003, "Too much", **{"Retry-After": "7"}))
        ways.ask(one)
        assert ways.watch.slept[0] == 7.0  # not shortened by the formula
        ways.server.next(None, refused(429, -1003, "Too much", **{"Retry-After": "50"}))
        impatient = ways.outlet(tries=Tries(deadline_s=1.0))
        with pytest.raises(SourceError) as found:
            ways.ask(impatient)
        assert found.value.details["wait_s"] == 50.0
        before, begun = ways.server.count(), ways.watch.seconds
        ways.ask(other)
        assert ways.watch.seconds - begun >= 49.0
        assert ways.server.count() == before + 1


def test_nobody_asks_anything_before_a_ban_ends(tmp_path: Path) -> None:
    with fleet(tmp_path, bar) as ways:
        ways.server.next(None, refused(418, -1003, "banned", **{"Retry-After": "7200"}))
        with pytest.raises(SourceError) as found:
            ways.ask(ways.outlet())
        assert found.value.details["wait_s"] == 7200.0
        for _ in range(3):
            with pytest.raises(SourceError, match="left alone"):
                ways.ask(ways.outlet())
        assert ways.server.count() == 1
        ways.watch.seconds += 7200
        ways.ask(ways.outlet())
        assert ways.server.count() == 2


def test_five_failures_in_a_row_open_the_breaker_for_all(tmp_path: Path) -> None:
    with fleet(tmp_path, bar) as ways:
        ways.server.next(None, *[Recorded(503)] * 5)
        once = Tries(most=1)
        for _ in range(5):
            with pytest.raises(SourceError):
                ways.ask(ways.outlet(tries=once))
            ways.watch.seconds += 1
        with pytest.raises(SourceError, match="left alone"):
            ways.ask(ways.outlet(tries=Tries(most=1, deadline_s=5.0)))
        assert ways.server.count() == 5
        ways.watch.seconds += 30
        ways.ask(ways.outlet())
        ways.ask(ways.outlet())
        assert ways.server.count() == 7


def test_a_breaker_lets_one_through_and_closes_when_that_works(tmp_path: Path) -> None:
    with fleet(tmp_path, bar) as ways:
        ways.server.next(None, *[Recorded(503)] * 6)
        for _ in range(6):  # the sixth is the one that is let through, and fails
            with pytest.raises(SourceError):
                ways.ask(ways.outlet(tries=Tries(most=1)))
            ways.watch.seconds += 31
        assert ways.server.count() == 6
        begun = ways.watch.seconds
        ways.ask(ways.outlet())
        assert ways.watch.seconds - begun >= 28  # twice as long: 60 s, of which 31 are over


def test_transient_faults_are_tried_again_with_growing_waits(tmp_path: Path) -> None:
    with fleet(tmp_path, bar) as ways:
        ways.server.next(None, *[Recorded(503)] * 3)
        ways.ask(ways.outlet())
        waits = [wait for wait in ways.watch.slept if wait in (0.25, 0.5, 1.0)]
        assert waits == [0.25, 0.5, 1.0]  # half of 0.5, 1, 2


def test_what_others_use_up_from_this_address_counts_too(tmp_path: Path) -> None:
    with fleet(tmp_path, bar) as ways:
        ways.watch.seconds = NOW + 20.0  # in a minute that ends in 40 s
        used = {"X-MBX-USED-WEIGHT-1M": "1100"}  # more than our 80 % of 1200
        ways.server.next(None, answer([kline(BEGIN_MS)], **used))
        ways.ask(ways.outlet())
        begun = ways.watch.seconds
        ways.ask(ways.outlet())
        assert ways.watch.seconds - begun == pytest.approx(40.0, abs=1.0)


def test_a_page_that_is_refused_is_not_asked_for_again(tmp_path: Path) -> None:
    with fleet(tmp_path, lambda asked: refused(400, -1121, "Invalid symbol.")) as ways:
        with pytest.raises(InputError, match="Invalid symbol"):
            ways.ask(ways.outlet())
        assert ways.server.count() == 1


def test_a_key_has_so_many_requests_a_day_and_no_more_is_even_sent(tmp_path: Path) -> None:
    def keyed(url: str) -> AlphaVantage:
        return AlphaVantage(url, key="k", per_day=3, rate=1.0)

    with fleet(tmp_path, lambda asked: answer({}), source=keyed) as ways:
        for _ in range(3):
            ways.ask(ways.outlet())
        with pytest.raises(SourceError, match="left alone") as found:
            ways.ask(ways.outlet())
        assert ways.server.count() == 3
        wait_s = found.value.details["wait_s"]
        ways.watch.seconds += wait_s
        at = datetime.fromtimestamp(ways.watch.seconds, UTC)
        assert (at.hour, at.minute) == (5, 0)  # midnight in New York
        ways.ask(ways.outlet())
        assert ways.server.count() == 4


def test_a_key_that_is_used_up_elsewhere_parks_everybody_until_midnight(tmp_path: Path) -> None:
    def keyed(url: str) -> AlphaVantage:
        return AlphaVantage(url, key="k")

    with fleet(tmp_path, lambda asked: answer({}), source=keyed) as ways:
        ways.watch.seconds = datetime(2024, 3, 1, 17, tzinfo=UTC).timestamp()  # noon there
        ways.server.next(None, answer({"Information": "our limit is 25 requests per day"}))
        with pytest.raises(SourceError) as found:
            ways.ask(ways.outlet())
        assert found.value.details["wait_s"] == pytest.approx(12 * 3600)
        assert found.value.details["fault"] == "daily_quota"
        with pytest.raises(SourceError):
            ways.ask(ways.outlet())
        assert ways.server.count() == 1


def test_requests_come_no_closer_than_a_second_where_one_a_second_is_allowed(
    tmp_path: Path,
) -> None:
    def keyed(url: str) -> AlphaVantage:
        return AlphaVantage(url, key="k", per_day=100)

    times: list[float] = []
    with fleet(tmp_path, lambda asked: answer({}), source=keyed) as ways:
        for _ in range(6):
            ways.ask(ways.outlet())
            times.append(ways.watch.seconds)
    assert min(after - before for before, after in itertools.pairwise(times)) >= 1.0


def test_our_clock_may_be_wrong_and_the_bars_are_closed_all_the_same(tmp_path: Path) -> None:
    theirs = BEGIN_MS / 1000 + 90  # a minute and a half into the day

    def dated(asked: Asked) -> Recorded | None:
        date = format_datetime(datetime.fromtimestamp(theirs, UTC), usegmt=True)
        rows = [kline(BEGIN_MS), kline(BEGIN_MS + 60_000)]
        return answer(rows, **{"X-Date": date})

    def told(head: Any) -> float | None:
        from email.utils import parsedate_to_datetime

        return parsedate_to_datetime(head.header("x-date")).timestamp() + 0.5

    with fleet(tmp_path, dated) as ways:
        for wrong_s in (-7200.0, 0.5, 86_400.0):
            ways.watch.seconds = theirs + wrong_s
            outlet = ways.outlet(dated=told)
            ways.ask(outlet)  # the first answer tells
            closed = ways.ask(outlet).records["closed"].to_pylist()
            assert closed == [True, False]
            assert abs(outlet.now() - theirs) < 5.0


def test_a_refusal_of_our_clock_is_asked_once_more(tmp_path: Path) -> None:
    with fleet(tmp_path, bar) as ways:
        ways.server.next(None, refused(400, -1021, "Timestamp outside of recvWindow."))
        ways.ask(ways.outlet())
        assert ways.server.count() == 2
        ways.server.next(None, *[refused(400, -1021, "Timestamp outside")] * 2)
        with pytest.raises(InputError):
            ways.ask(ways.outlet())


def test_the_client_of_somebody_else_goes_through_the_same_limits(tmp_path: Path) -> None:
    with fleet(tmp_path, bar) as ways:
        outlet, answers = ways.outlet(), ["busy", "busy", "done"]

        def work() -> str:
            if (found := answers.pop(0)) == "busy":
                raise refusal("rate_limited", "429", wait_s=9.0)
            return found

        assert outlet.through("BTC/USD", work) == "done"
        assert ways.watch.slept.count(9.0) == 2
        assert outlet.traffic.requests == 3

        def refuses() -> str:
            raise refusal("unknown_symbol", "BadSymbol")

        with pytest.raises(InputError, match="binance://X"):
            outlet.through("X", refuses)


def test_what_went_through_is_counted(tmp_path: Path) -> None:
    with fleet(tmp_path, bar) as ways:
        outlet = ways.outlet()
        ways.server.next(None, Recorded(503))
        ways.ask(outlet)
        assert (outlet.traffic.requests, outlet.traffic.faults) == (2, {"transient": 1})
        assert outlet.traffic.bytes > 100


ALLOWED, PER_S = 40.0, 1.0


def hurried(url: str) -> Binance:
    """Binance with a budget that is used up within a second."""
    source = Binance(url)
    source.limits = (LimitRule("weight", ALLOWED, PER_S, counts="weight", heaviest=4.0),)
    return source


def work(url: str, place: Path, count: int) -> None:
    """Two workers of a process: each asks for some pages."""
    database = open_database(place)
    source = hurried(url)
    with Http() as http:
        budget = Budget(database, source.id, source.limits)

        def ask() -> None:
            outlet = Outlet(source, http, budget, dated=lambda head: None)
            for number in range(count):
                kind = "trade" if number % 3 == 0 else "bar"
                cursor = "id:0" if kind == "trade" else None
                asked = request("2024-01-01", "2024-01-02", interval="1m", cursor=cursor)
                outlet.page(replace(asked, kind=kind))

        threads = [threading.Thread(target=ask) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    database.close()


@pytest.mark.system
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_eight_workers_in_four_processes_never_exceed_one_budget(tmp_path: Path) -> None:
    open_database(tmp_path).close()
    # A request that was permitted may be on its way: at most one of each worker, of weight 4.
    vendor = BinanceServer(budget=ALLOWED + 8 * 4, per_s=PER_S)
    with ReplayServer(vendor) as server:
        children = [forked(lambda: work(server.url, tmp_path, 7)) for _ in range(4)]
        assert all(ended(child) for child in children)
        assert vendor.offences == 0
        assert server.statuses == [200] * (4 * 2 * 7)
        spent = sum(weight for _, weight in vendor.weights)
    assert spent == 8 * (3 * 4 + 4 * 2)


def test_a_request_of_an_unknown_kind_is_refused_without_asking(tmp_path: Path) -> None:
    with fleet(tmp_path, bar) as ways:
        with pytest.raises(InputError, match="has no `fundamental`"):
            ways.outlet().page(request("2024-01-01", "2024-01-02", kind="fundamental"))
        assert ways.server.count() == 0
