"""Every source keeps the promises of a page, and the check of them finds what breaks them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from market.asking import ONE, request
from market.test_alpha_vantage import IBM, daily
from market.test_extras import Exchange
from market.test_yahoo_finance import APPLE, HALF_PAST_NINE, chart
from market.vendors import BEGIN_MS, MINUTE_MS, BinanceServer, kline, trade
from raymill.market.instrument import Instrument
from raymill.market.sources.alpha_vantage import AlphaVantage
from raymill.market.sources.binance import Binance
from raymill.market.sources.ccxt import Ccxt
from raymill.market.sources.contract import Page, PageRequest
from raymill.market.sources.file import File, instrument
from raymill.market.sources.simulated import Simulated
from raymill.market.sources.yahoo_finance import YahooFinance
from raymill.testing import Answers, check_pages
from raymill.testing.replay import Asked

SIM = replace(Simulated().instruments(Answers({})).instruments[0], instrument_id=9)


def of(vendor: BinanceServer) -> Callable[[str], bytes]:
    def body(url: str) -> bytes:
        found = vendor(Asked("GET", "/" + url.split("/", 3)[3], {}))
        assert found is not None
        return found.body

    return body


def test_binance_keeps_them() -> None:
    vendor = BinanceServer(
        trades=[trade(n, BEGIN_MS + 5_400_000 + n * 90) for n in range(2500)],
        klines=[kline(BEGIN_MS + n * MINUTE_MS) for n in range(2500)],
        budget=1e9,
    )
    fetch = Answers(of(vendor))
    bars = check_pages(Binance(), request("2024-01-01", "2024-01-02", interval="1m"), fetch)
    assert bars.num_rows == 1440
    trades = check_pages(Binance(), request("2024-01-01", "2024-01-02", kind="trade"), fetch)
    assert trades.num_rows == 2500


@pytest.mark.parametrize(
    ("kind", "interval", "end"),
    [
        ("bar", "1m", "2024-01-03"),
        ("bar", "1d", "2027-01-01"),
        ("trade", None, "2024-01-01T03:00Z"),
    ],
)
def test_the_simulated_source_keeps_them(kind: Any, interval: str | None, end: str) -> None:
    asked = request("2024-01-01", end, kind=kind, interval=interval, one=SIM)
    assert check_pages(Simulated(), asked, Answers({})).num_rows > 700


def test_yahoo_finance_keeps_them() -> None:
    stamps = [HALF_PAST_NINE + day * 86_400 for day in range(5)]
    asked = request("2020-08-31", "2020-09-03", interval="1d", one=APPLE)
    found = check_pages(YahooFinance(), asked, Answers(chart(stamps, [1.0] * 5)))
    assert found.num_rows == 3


def test_alpha_vantage_keeps_them() -> None:
    body = daily("2024-01-02", "2024-01-03", "2024-02-01")
    asked = request("2024-01-02", "2024-02-01", interval="1d", one=IBM)
    assert check_pages(AlphaVantage(key="k"), asked, Answers(body)).num_rows == 2


def test_files_keep_them(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("date,open,high,low,close,volume\n2024-01-02,10,12,9,11,100\n")
    asked = request("2024-01-01", "2024-02-01", interval="1d", one=instrument("A", path))
    assert check_pages(File(), asked, Answers({})).num_rows == 1


def test_ccxt_keeps_them() -> None:
    one = Instrument("BTC/USD", "ccxt", "BTC/USD", "crypto", "USD", instrument_id=4)
    asked = request("2024-01-01", "2024-01-01T00:04Z", interval="1m", one=one, limit=2)
    assert check_pages(Ccxt(client=Exchange()), asked, Answers({})).num_rows == 4


class Broken(Binance):
    """Binance, with pages that somebody spoils."""

    def __init__(self, spoil: Callable[[Page], Page]) -> None:
        super().__init__()
        self._spoil = spoil

    def page(self, asked: PageRequest, fetch: Any) -> Page:
        return self._spoil(super().page(asked, fetch))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda page: replace(page, next_cursor="1704067200000000"), "stands still"),
        (lambda page: replace(page, complete_us=page.complete_us + 10**12), "beyond the range"),
        (lambda page: replace(page, records=page.records.select(["ts"])), "is not that of"),
    ],
)
def test_a_page_that_breaks_a_promise_is_told(spoil: Any, reason: str) -> None:
    fetch = Answers([kline(BEGIN_MS)])
    with pytest.raises(AssertionError, match=reason):
        check_pages(Broken(spoil), request("2024-01-01", "2024-01-02", interval="1m"), fetch)


@pytest.mark.parametrize(
    ("begin", "one", "reason"),
    [
        ("2024-01-01T00:01Z", ONE, "out of range"),
        ("2024-01-01", replace(ONE, instrument_id=8), "`instrument_id` is"),
    ],
)
def test_records_of_another_range_or_instrument_are_told(
    begin: str, one: Instrument, reason: str
) -> None:
    class Wrong(Binance):
        def page(self, asked: PageRequest, fetch: Any) -> Page:
            return super().page(request("2024-01-01", "2024-01-02", interval="1m"), fetch)

    asked = request(begin, "2024-01-02", interval="1m", one=one)
    with pytest.raises(AssertionError, match=reason):
        check_pages(Wrong(), asked, Answers([kline(BEGIN_MS)]))
