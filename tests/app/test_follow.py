"""A strategy on paper over bars as they come: the account of a backtest over the same bars."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from market.bars import walk
from raymill.app.market.follow import Account, Follower, Moved
from raymill.app.market.imports import import_file
from raymill.app.market.prices import find_bars, read_bars
from raymill.app.market.rooms import open_rooms
from raymill.errors import ConfigError, NotStored
from raymill.flow.pool import StepContext
from raymill.market.asked import Asked
from raymill.market.backtest import backtest
from raymill.market.costs import Costs
from raymill.market.crawl import Crawl
from raymill.market.moments import micros, moment
from raymill.market.prices import Prices
from raymill.market.strategies.sma_cross import SmaCross
from raymill.market.strategies.xsmom import XsMom
from raymill.market.wanted import Wanted

FAST = SmaCross(2, 5, short=True)
ACCOUNT = Account(Costs(fee_bps=10), cash=1000.0)


def stored(folder: Path, bars: Prices, begin: int, end: int) -> None:
    """Import some of the bars."""
    part = bars.part(begin, end)
    lines = ["ts,open,high,low,close,volume"]
    columns = (part.ts, part.open, part.high, part.low, part.close, part.volume)
    for ts, *cells in zip(*(column.tolist() for column in columns), strict=True):
        lines.append(",".join([moment(ts), *map(repr, cells)]))
    path = folder / f"{bars.symbol}.csv"
    path.write_text("\n".join(lines) + "\n")
    import_file(path, interval="1d")


def fills(moved: Sequence[Moved]) -> list[object]:
    return [fill for one in moved for fill in one.fills]


def test_bars_that_come_later_are_followed_as_a_backtest_takes_them(tmp_path: Path) -> None:
    bars = walk(60, seed=4)
    stored(tmp_path, bars, 0, 25)
    follower = Follower(open_rooms(), FAST, Wanted(("X",)), ACCOUNT)
    first = [*follower.advance()]
    assert ([*follower.advance()], len(first)) == ([], 25)
    stored(tmp_path, bars, 25, 60)
    moved = [*first, *follower.advance()]
    done = backtest(FAST, bars, ACCOUNT.costs, cash=1000.0, path="on_bar")
    assert fills(moved) == list(done.fills)
    assert len(done.fills) > 5
    assert [one.equity for one in moved] == done.equity.tolist()
    again = Follower(open_rooms(), FAST, Wanted(("X",)), ACCOUNT)  # as after a crash
    assert [*again.advance()] == moved
    assert again.paper.ctx.units == follower.paper.ctx.units


def test_a_hole_is_waited_for(tmp_path: Path) -> None:
    bars = walk(30, seed=4)
    stored(tmp_path, bars, 0, 10)
    stored(tmp_path, bars, 20, 30)
    follower = Follower(open_rooms(), FAST, Wanted(("X",)), ACCOUNT)
    assert [one.ts_us for one in follower.advance()] == bars.ts[:10].tolist()
    assert [*follower.advance()] == []
    stored(tmp_path, bars, 10, 20)
    assert [one.ts_us for one in follower.advance()] == bars.ts[10:].tolist()


def test_several_instruments_go_on_as_far_as_all_are_known(tmp_path: Path) -> None:
    two = [walk(40, seed=seed, symbol=symbol) for seed, symbol in ((1, "A"), (2, "B"))]
    stored(tmp_path, two[0], 0, 40)
    stored(tmp_path, two[1], 0, 15)
    strategy = XsMom(5, 1, top=1, rebalance=3)
    follower = Follower(open_rooms(), strategy, Wanted(("A", "B")), ACCOUNT)
    moved = [*follower.advance()]
    assert len(moved) == 15
    stored(tmp_path, two[1], 15, 40)
    moved += [*follower.advance()]
    done = backtest(strategy, two, ACCOUNT.costs, cash=1000.0)
    assert fills(moved) == list(done.fills)
    assert [one.equity for one in moved] == done.equity.tolist()


def test_it_begins_and_ends_where_it_is_told_to(tmp_path: Path) -> None:
    bars = walk(30, seed=4)
    stored(tmp_path, bars, 0, 30)
    begin, end = (int(bars.ts[at]) for at in (10, 20))
    wanted = Wanted(("X",), begin_us=begin, end_us=end)
    moved = [*Follower(open_rooms(), FAST, wanted, ACCOUNT).advance()]
    assert [one.ts_us for one in moved] == bars.ts[10:20].tolist()


def test_bars_that_are_crawled_are_followed_page_by_page() -> None:
    rooms, wanted = open_rooms(), Wanted(("SIM1/USD",), interval="1m")
    one = rooms.named("simulated", "SIM1/USD")
    begin, hour = micros("2024-01-01"), 3_600_000_000
    moved: list[Moved] = []
    for part in range(2):
        range_us = begin + part * hour, begin + (part + 1) * hour
        asked = Asked("simulated", one.instrument_id, "bar", *range_us, "1m")
        Crawl(rooms, asked, StepContext(f"crawl {part}")).run()
        follower = Follower(rooms, FAST, wanted, ACCOUNT)  # another process, each time
        moved = [*follower.advance()]
        assert follower.last_us < begin + (part + 1) * hour
    (held,) = read_bars(rooms, find_bars(rooms, wanted), wanted)
    done = backtest(FAST, held.bars, ACCOUNT.costs, cash=1000.0)
    assert len(moved) == len(held.bars) > 100
    assert fills(moved) == list(done.fills)
    assert [one.equity for one in moved] == done.equity.tolist()


def test_what_cannot_be_followed_says_why(tmp_path: Path) -> None:
    with pytest.raises(NotStored, match="No bars of 1d of `X`"):
        Follower(open_rooms(), FAST, Wanted(("X",)))
    stored(tmp_path, walk(10), 0, 10)
    with pytest.raises(ConfigError, match="`fast` must be below `slow`"):
        Follower(open_rooms(), SmaCross(5, 5), Wanted(("X",)))
    short = replace(ACCOUNT, costs=Costs(borrow=0.1))
    with pytest.raises(ConfigError, match="costs by the year"):
        Follower(open_rooms(), FAST, Wanted(("X",)), short)
    assert Follower(open_rooms(), FAST, Wanted(("X",)), replace(short, per_year=365)).paper.borrow
