"""Real records through the whole of it: from files and recorded pages to the lake and back."""

from pathlib import Path
from typing import Any

import pyarrow.csv
import pytest

from market.crawling import rooms_at
from raymill import json
from raymill.app.market.imports import import_file
from raymill.app.market.look import history
from raymill.market.coverage import Span
from raymill.market.moments import micros
from raymill.market.sources.binance import Binance
from raymill.testing.replay import Asked, Recorded


@pytest.fixture
def market(shared_data: Path) -> Path:
    return shared_data / "market"


@pytest.mark.parametrize("interval", ["1m", "5m"])
def test_bars_of_real_trades_are_those_of_the_venue(market: Path, interval: str) -> None:
    folder = market / "binance" / "trades_to_bars"
    path = folder / "XRPETH_trades_2019-10-11.csv"
    done = import_file(path, "trade", symbol="XRP/ETH", unit="ms")
    assert (done.new, done.unsound) == (5929, 0)
    assert import_file(path, "trade", symbol="XRP/ETH", unit="ms").new == 0
    found = history(
        "file",
        "XRP/ETH",
        "bar",
        micros("2019-10-11"),
        micros("2019-10-12"),
        interval=interval,
        most=10_000,
    )
    wanted = pyarrow.csv.read_csv(folder / f"XRPETH_{interval}_2019-10-11.csv").to_pylist()
    names = ("open", "high", "low", "close")
    assert len(found.rows) == len(wanted) > 200
    for row, real in zip(found.rows, wanted, strict=True):
        assert row["ts"][:16].replace("T", " ") == str(real["date"])[:16]
        assert [row[name] for name in names] == [real[name] for name in names]
        assert row["volume"] == pytest.approx(real["volume"], rel=1e-12)


def served(rest: Path) -> Any:
    bodies = {
        "exchangeInfo": "exchangeInfo_2021-10-12.json",
        "klines?symbol=ETHBTC&interval=1d": "klines_ETHBTC_1d_2019.json",
    }

    def route(asked: Asked) -> Recorded | None:
        what = asked.path.removeprefix("/api/v3/")
        name = next((file for start, file in bodies.items() if what.startswith(start)), None)
        return None if name is None else Recorded(body=(rest / name).read_bytes())

    return route


def test_a_recorded_year_is_crawled_once(market: Path, tmp_path: Path) -> None:
    rest = market / "binance" / "rest"
    with rooms_at(tmp_path, Binance, served(rest)) as (rooms, server):
        asked = rooms.asked("ETH/BTC", "bar", "2019-01-01", "2020-01-01", "1d")
        recorded = json.loads((rest / "klines_ETHBTC_1d_2019.json").read_bytes())
        done = rooms.crawl(asked)
        assert done["new"] == done["rows"] == sum(row[0] < 1_577_836_800_000 for row in recorded)
        assert rooms.coverage(asked) == [Span(micros("2019-01-01"), micros("2020-01-01"), "data")]
        held = rooms.held(asked)
        assert held["close"][0].as_py() == 0.036629
        assert held["trades"][0].as_py() == 128903
        before = server.count()
        assert rooms.crawl(asked, "again")["pages"] == 0
        assert server.count() == before
