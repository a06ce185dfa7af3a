"""The registry of instruments: numbers that are never used again, names that change."""

from dataclasses import replace
from pathlib import Path

import pytest

from raymill.errors import ConfigError, UnknownName
from raymill.market.instrument import Instrument
from raymill.market.registry import Registry
from raymill.market.sources.contract import LimitRule, Listing
from raymill.state.database import Database

BTC = Instrument("BTC/USDT", "binance", "BTCUSDT", "crypto", "USDT", base="BTC")
ETH = Instrument("ETH/USDT", "binance", "ETHUSDT", "crypto", "USDT", base="ETH")


def registry(database: Database, seconds: float = 1000.0) -> Registry:
    return Registry(database, now=lambda: seconds)


def test_an_instrument_keeps_its_number(database: Database) -> None:
    known = registry(database)
    one, two = known.register("binance", Listing([BTC, ETH]))
    assert (one.instrument_id, two.instrument_id) == (1, 2)
    again = known.register("binance", Listing([ETH, BTC]))
    assert [each.instrument_id for each in again] == [2, 1]
    assert known.numbered(2) == replace(ETH, instrument_id=2)


def test_what_changes_about_it_is_brought_up_to_date(database: Database) -> None:
    known = registry(database)
    known.register("binance", Listing([BTC]))
    known.register("binance", Listing([replace(BTC, tick_size="0.01", status="halted")]))
    found = known.named("binance", "BTC/USDT")
    assert (found.instrument_id, found.tick_size, found.status) == (1, "0.01", "halted")


def test_what_a_whole_list_lacks_is_delisted_and_its_number_is_not_used_again(
    database: Database,
) -> None:
    known = registry(database)
    known.register("binance", Listing([BTC, ETH]), is_whole=True)
    known.register("binance", Listing([BTC]), is_whole=True)
    assert known.named("binance", "ETH/USDT").status == "delisted"
    sol = replace(ETH, symbol="SOL/USDT", venue_symbol="SOLUSDT")
    assert known.register("binance", Listing([sol]))[0].instrument_id == 3
    known.register("binance", Listing([BTC, ETH, sol]), is_whole=True)
    assert known.named("binance", "ETH/USDT").instrument_id == 2


def test_a_thing_that_is_renamed_keeps_its_number_and_its_former_name(database: Database) -> None:
    facebook = Instrument("FB", "yahoo_finance", "FB", "equity", "USD", isin="US30303M1027")
    known = registry(database)
    known.register("yahoo_finance", Listing([facebook]), is_whole=True)
    meta = replace(facebook, symbol="META", venue_symbol="META")
    registry(database, 2000.0).register("yahoo_finance", Listing([meta]), is_whole=True)
    assert known.named("yahoo_finance", "META").instrument_id == 1
    assert known.find("yahoo_finance", "FB") is None
    names = [(one.instrument.symbol, one.since_us, one.until_us) for one in known.history(1)]
    assert names == [("FB", 0, 2_000_000_000), ("META", 2_000_000_000, None)]


def test_a_name_can_be_changed_by_hand_but_not_to_that_of_another(database: Database) -> None:
    known = registry(database)
    known.register("binance", Listing([BTC, ETH]))
    known.rename(1, "XBT/USDT", "XBTUSDT")
    assert known.named("binance", "XBTUSDT").instrument_id == 1
    with pytest.raises(ConfigError, match="another instrument"):
        known.rename(1, "ETH/USDT")


def test_it_is_found_by_our_symbol_and_by_the_venues(database: Database) -> None:
    known = registry(database)
    known.register("binance", Listing([BTC]))
    for name in ("BTC/USDT", "btc/usdt", "BTCUSDT"):
        assert known.named("binance", name).instrument_id == 1


def test_an_unknown_symbol_names_the_near_ones(database: Database) -> None:
    known = registry(database)
    known.register("binance", Listing([BTC, ETH]))
    with pytest.raises(UnknownName) as found:
        known.named("binance", "BTC/USDC")
    assert "`BTC/USDT`" in (found.value.hint or "")
    many = [replace(ETH, symbol=f"C{n}/USDT", venue_symbol=f"C{n}USDT") for n in range(40)]
    known.register("binance", Listing(many))
    with pytest.raises(UnknownName) as found:
        known.named("binance", "BTC/USDC")
    assert "there are" not in (found.value.hint or "")
    with pytest.raises(UnknownName) as found:
        known.named("binance", "zzzzzz")
    assert found.value.hint == "raymill market sources --symbols binance"


def test_the_limits_that_a_vendor_states_are_kept(database: Database) -> None:
    rule = LimitRule("weight", 4800.0, 60.0, counts="weight", heaviest=80.0)
    known = registry(database)
    assert (known.limits("binance"), known.listed("binance")) == ([], 0.0)
    known.register("binance", Listing([BTC], [rule]), is_whole=True)
    assert (known.limits("binance"), known.listed("binance")) == ([rule], 1000.0)


def test_a_new_door_sees_what_another_one_wrote(database: Database, tmp_path: Path) -> None:
    registry(database).register("binance", Listing([BTC]))
    assert registry(database).find("binance", "BTCUSDT") is not None
