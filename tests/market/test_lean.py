"""Bars out of LEAN's zip files: times of the exchange, prices in ten thousandths."""

import zipfile
from pathlib import Path

import pytest

from raymill.app.market.imports import import_file
from raymill.app.market.look import history
from raymill.errors import InputError
from raymill.market import lean
from raymill.market.moments import micros
from raymill.market.price_files import read_prices
from raymill.market.sources.file import read

MINUTES = (
    "34200000,1674300,1674500,1674000,1674400,5000\n34260000,1674400,1674600,1674400,1674550,1200\n"
)


def packed(folder: Path, name: str, *texts: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for at, text in enumerate(texts):
            file.writestr(f"{at}.csv", text)
    return path


def test_daily_bars_bear_their_date_and_prices_in_dollars(tmp_path: Path) -> None:
    text = "20200102 00:00,3235400,3248900,3225300,3248700,59151200\n"
    text += "20200103 00:00,3211600,3236400,3211000,3224100,77709700\n"
    path = packed(tmp_path, "equity/usa/daily/spy.zip", text)
    bars = read_prices(path).bars
    assert (bars.symbol, bars.interval.name) == ("SPY", "1d")
    assert bars.ts.tolist() == [micros("2020-01-02"), micros("2020-01-03")]
    assert (bars.open.tolist(), bars.close.tolist()) == ([323.54, 321.16], [324.87, 322.41])
    assert bars.volume.tolist() == [59151200, 77709700]


@pytest.mark.parametrize(
    ("day", "first"), [("20131007", "2013-10-07T13:30Z"), ("20131104", "2013-11-04T14:30Z")]
)
def test_minutes_are_those_since_midnight_in_new_york(tmp_path: Path, day: str, first: str) -> None:
    path = packed(tmp_path, f"equity/usa/minute/spy/{day}_trade.zip", MINUTES)
    found = read(path, "bar")
    assert (list(found.symbols), found.interval) == (["SPY"], "1m")
    assert found.times.tolist() == [micros(first), micros(first) + 60_000_000]
    assert found.records["high"].to_pylist() == [167.45, 167.46]


def test_coins_are_in_utc_and_their_prices_as_they_are(tmp_path: Path) -> None:
    path = packed(
        tmp_path,
        "crypto/binance/minute/btcusdt/20181006_trade.zip",
        "60000,6606.21,6610,6600.5,6609,1.5\n120000,6609,6609,6600,6601,2\n",
    )
    bars = read_prices(path).bars
    assert (bars.symbol, bars.ts.tolist()) == (
        "BTCUSDT",
        [micros("2018-10-06T00:01Z"), micros("2018-10-06T00:02Z")],
    )
    assert (bars.open.tolist(), bars.volume.tolist()) == ([6606.21, 6609], [1.5, 2])
    daily = packed(tmp_path, "crypto/coinbase/daily/btcusd_trade.zip", "20150101 00:00,1,2,1,2,3\n")
    assert read_prices(daily).bars.symbol == "BTCUSD"


def test_hours_have_the_offset_of_their_day(tmp_path: Path) -> None:
    text = "20131101 10:00,1,1,1,1,1\n20131104 10:00,1,1,1,1,1\n"
    found = read(packed(tmp_path, "equity/usa/hour/spy.zip", text), "bar")
    assert found.times.tolist() == [micros("2013-11-01T14:00Z"), micros("2013-11-04T15:00Z")]


def test_a_file_of_lean_is_imported(tmp_path: Path) -> None:
    path = packed(tmp_path, "equity/usa/minute/spy/20131007_trade.zip", MINUTES)
    done = import_file(path, calendar="XNYS")
    assert (done.symbols, done.interval, done.new) == (["SPY"], "1m", 2)
    (day,) = history("file", "SPY", "bar", micros("2013-10-07"), micros("2013-10-08")).rows
    assert (day["open"], day["close"], day["volume"]) == (167.43, 167.455, 6200)


@pytest.mark.parametrize(
    ("name", "texts", "message"),
    [
        ("daily/spy.zip", ["20200102 00:00,1,1,1,1,1\n"], "folders that say what it holds"),
        ("equity/usa/minute/spy/20131007_quote.zip", [MINUTES], "no bars of trades"),
        ("equity/usa/minute/spy/spy.zip", [MINUTES], "no bars of trades"),
        ("equity/usa/daily/a.zip", ["20200102 00:00,1,1,1,1,1,2,2\n"], "Expected 6 columns, got 8"),
        ("equity/usa/daily/b.zip", ["02/01/2020,1,1,1,1,1\n"], "does not match format"),
        ("equity/usa/daily/c.zip", ["20200102 00:00,x,1,1,1,1\n"], "conversion error"),
        ("equity/usa/daily/d.zip", [""], "holds no rows"),
        ("equity/usa/daily/e.zip", ["", ""], "holds 2 files"),
        ("equity/usa/daily/f.zip", [], "holds 0 files"),
    ],
)
def test_what_is_no_file_of_bars_says_why(
    tmp_path: Path, name: str, texts: list[str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_prices(packed(tmp_path, name, *texts))


def test_a_broken_or_bursting_zip_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = packed(tmp_path, "equity/usa/daily/spy.zip", "20200102 00:00,1,1,1,1,1\n")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match="not a zip file"):
        read_prices(path)
    monkeypatch.setattr(lean, "MOST_BYTES", 1 << 20)
    large = packed(tmp_path, "equity/usa/daily/more/spy.zip", "1" * (2 << 20))
    with pytest.raises(InputError, match="more than 1 MB"):
        read_prices(large)
