"""A stream on a venue of this machine, with short waits, and what is stored of it."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from market.streams.venue import Venue
from raymill.market.instrument import Instrument
from raymill.market.sources.binance import Binance
from raymill.market.sources.binance_stream import MANNERS, BinanceFeed, cursor
from raymill.market.sources.outlet import Outlet
from raymill.market.store import MarketStore
from raymill.market.stored import TABLES
from raymill.market.streams.asking import Asking
from raymill.market.streams.book import Snapshot
from raymill.market.streams.channel import Table
from raymill.market.streams.fills import Filled
from raymill.market.streams.gaps import Gap
from raymill.market.streams.heard import Wanted
from raymill.market.streams.intake import Event
from raymill.market.streams.ledger import Ledger, Told, all_gaps, ask_to_stop, told
from raymill.market.streams.lifecycle import Policy
from raymill.market.streams.line import dialler
from raymill.market.streams.made import channels
from raymill.market.streams.stream import Clocks, Pace, Parts, Stream, Totals
from raymill.net import Http, Tries
from raymill.net.websocket import Backoff, Sockets
from raymill.state.database import open_database

LIMIT_S = 60.0
QUICK = Policy(stale_s=10.0, backoff=Backoff(0.02, 0.05))
PACE = Pace(flush_s=0.05, status_s=0.05, again_s=0.05, stop_s=2.0)


@dataclass
class Rig:
    """What a stream is made of; `stream` makes one, as another owner each time."""

    venue: Venue
    folder: Path
    symbols: Sequence[str] = ("BTCUSDT",)
    wanted: Sequence[Wanted] = ("trades",)
    policy: Policy = QUICK
    pace: Pace = PACE
    most: int = 10_000
    most_names: int = 1024
    batch_names: int = 200
    between_s: float = 0.0
    owners: int = 0
    events: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.database = open_database(self.folder / "home")
        self.store = MarketStore(self.folder / "home" / "lake", self.database)
        self.http = Http()
        self.threads = ThreadPoolExecutor(4)
        tries = Tries(most=1)
        self.outlet = Outlet(Binance(self.venue.rest.url), self.http, tries=tries)

    def close(self) -> None:
        """Let go of everything."""
        self.threads.shutdown()
        self.http.close()
        self.database.close()

    @property
    def instruments(self) -> dict[int, Instrument]:
        """Numbered from 1."""
        return {
            number: Instrument(name, "binance", name, "crypto", "USDT", instrument_id=number)
            for number, name in enumerate(self.symbols, start=1)
        }

    def stream(self) -> Stream:
        """A new owner of the stream."""
        self.owners += 1
        feed = BinanceFeed(
            self.instruments.values(),
            self.wanted,
            url=self.venue.url,
            manners=replace(MANNERS, between_s=self.between_s, ping_s=None, close_s=0.2),
            batch_names=self.batch_names,
        )
        ledger = Ledger(self.store, "run", self.owners, source="binance")
        size = self.most_names
        parts = Parts(
            [feed.names[start : start + size] for start in range(0, len(feed.names), size)],
            dialler(Sockets(feed.manners), feed),
            channels(self.wanted, self.folder / "spill", most=self.most),
            feed.instruments_of,
            self._ask,
            self._look if "book" in self.wanted else None,
        )
        clocks = Clocks(chance=random.Random(7).random)
        listen = self.events.append
        return Stream(
            parts, ledger, policy=self.policy, pace=self.pace, clocks=clocks, listen=listen
        )

    async def _ask(self, channel: str, instrument: int, first: int, last: int) -> Filled:
        now_us = Clocks().now_us
        asking = Asking(self.outlet.page, self.instruments, cursor=cursor, now_us=now_us)
        loop = asyncio.get_running_loop()
        asked = (channel, instrument, first, last)
        return await loop.run_in_executor(self.threads, asking, *asked)

    async def _look(self, instrument: int) -> Snapshot:
        one, loop = self.instruments[instrument], asyncio.get_running_loop()
        book = await loop.run_in_executor(
            self.threads, Binance(self.venue.rest.url).book, one, self.outlet
        )
        return Snapshot(*book)

    # What is to be seen of it

    def stop(self) -> None:
        """Ask for the end."""
        ask_to_stop(self.database, "run", time.time())

    def told(self) -> Told:
        """Where it stands, as any process reads it."""
        return told(self.database, "run") or Told("run", "", "", {}, 0, 0, 0, {})

    def set_aside(self) -> set[str]:
        """Why frames were set aside."""
        with self.database.reading() as execute:
            return {reason for (reason,) in execute("SELECT reason FROM market_quarantine")}

    def gaps(self) -> list[Gap]:
        """What it missed."""
        return all_gaps(self.database, "run")

    def stored(self, table: Table, *columns: str) -> list[Any]:
        """Columns of all rows of a table, in the order of the first one."""
        rows = self.store.lake.read(TABLES[table]).select(list(columns)).to_pydict()
        found = sorted(zip(*rows.values(), strict=True))
        return [one[0] for one in found] if len(columns) == 1 else found

    def ids(self, symbol: str = "BTCUSDT") -> list[int]:
        """The ids of the trades of a symbol that are stored, sorted."""
        number = list(self.symbols).index(symbol) + 1
        return [
            one
            for which, one in self.stored("trade", "instrument_id", "trade_id")
            if which == number
        ]


async def until(look: Callable[[], Any], what: str) -> None:
    """Wait for something, with a limit."""
    ends = time.monotonic() + LIMIT_S
    while not look():
        assert time.monotonic() < ends, f"{what} did not come within {LIMIT_S} s"
        await asyncio.sleep(0.005)


def played(rig: Rig, play: Callable[[Stream], Any]) -> Totals:
    """Run a stream while `play`, a coroutine function, happens to it; it is stopped at the end."""

    async def both() -> Totals:
        stream = rig.stream()
        running = asyncio.ensure_future(stream.run())
        try:
            await play(stream)
            rig.stop()
            return await asyncio.wait_for(running, LIMIT_S)
        finally:
            running.cancel()
            await asyncio.wait([running])

    return asyncio.run(both())
