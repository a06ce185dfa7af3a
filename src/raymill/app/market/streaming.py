"""Runs a stream as a step without an end: its parts as source and settings say."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, ParamSpec, Protocol, TypeVar, cast

from raymill.app.market.rooms import MarketRooms, open_rooms
from raymill.config import settings
from raymill.config.market_live import MarketLiveSettings
from raymill.config.paths import home
from raymill.errors import Cancelled, ConfigError, unknown
from raymill.flow.pool import LOOK_S, StepContext
from raymill.market.instrument import Instrument
from raymill.market.interval import interval as interval_of
from raymill.market.sources.contract import Page, PageRequest, Source
from raymill.market.sources.outlet import Outlet
from raymill.market.streams.asking import Asking
from raymill.market.streams.book import Snapshot
from raymill.market.streams.channel import Channel
from raymill.market.streams.heard import Wanted
from raymill.market.streams.intake import Event
from raymill.market.streams.ledger import Ledger
from raymill.market.streams.lifecycle import Policy
from raymill.market.streams.line import Feed, dialler
from raymill.market.streams.made import channels
from raymill.market.streams.polled import Clock, Polling
from raymill.market.streams.stream import Clocks, Pace, Parts, Stream
from raymill.net.websocket import Sockets
from raymill.state.limits import Rate
from raymill.state.shared_limit import SharedLimit

CONNECTS = Rate(240, 300.0)  # connections that an address may open, with some to spare
THREADS = 4  # that ask the vendor for what is missing
BOOK_LEVELS = 1000
SIMULATED_S = 1.0  # how often a source of this machine is asked

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is streamed: kinds of live records of some instruments of a source.

    speed, start_us: for sources of this machine, which may begin in the past and run faster.
    """

    source: str
    instruments: tuple[int, ...]
    wanted: tuple[Wanted, ...]
    interval: str = "1m"
    speed: float = 1.0
    start_us: int | None = None
    began_us: int = 0  # when it was asked for

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> "Asked":
        """What `to_dict` gave."""
        given = {name: value[name] for name in cls.__dataclass_fields__}
        return cls(**given | {name: tuple(given[name]) for name in ("instruments", "wanted")})

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


class Streaming(Protocol):
    """A source with a live connection, in its own words."""

    def feed(self, instruments: Sequence[Instrument], asked: Asked) -> Feed:
        """The words of the connection."""

    def cursor(self, number: int) -> str:
        """The cursor of the page of trades that begins with this number."""

    def book(self, instrument: Instrument, outlet: Outlet) -> Snapshot:
        """The order book of now. Raises SourceError."""


class _Binance:
    def feed(self, instruments: Sequence[Instrument], asked: Asked) -> Feed:
        from raymill.market.sources.binance_stream import BinanceFeed

        url = settings().market_live.binance_url
        return BinanceFeed(instruments, asked.wanted, interval=asked.interval, url=url)

    def cursor(self, number: int) -> str:
        from raymill.market.sources.binance_stream import cursor

        return cursor(number)

    def book(self, instrument: Instrument, outlet: Outlet) -> Snapshot:
        from raymill.market.sources.binance import Binance

        return Snapshot(*cast(Binance, outlet.source).book(instrument, outlet, BOOK_LEVELS))


STREAMING: Mapping[str, Callable[[], Streaming]] = {"binance": _Binance}


def kinds(source: Source) -> tuple[Wanted, ...]:
    """What can be streamed of a source.

    Raises ConfigError where it is nothing.
    """
    if source.id in STREAMING:
        return ("trades", "quotes", "book", "bars")
    able = source.capabilities
    words: Mapping[str, Wanted] = {"trade": "trades", "quote": "quotes", "bar": "bars"}
    found = tuple(word for kind, word in words.items() if kind in able.kinds)
    if not found or able.streaming == "no":
        raise ConfigError(
            f"Source `{source.id}` cannot be streamed", hint="raymill market sources says which can"
        )
    return found


def is_local(source: Source) -> bool:
    """Whether it is of this machine, so that it may begin in the past and run faster."""
    return source.capabilities.simulated or source.id == "file"


def asked_for(
    rooms: MarketRooms,
    source: str,
    symbols: Sequence[str],
    wanted: Sequence[str],
    *,
    interval: str = "1m",
    speed: float = 1.0,
    start_us: int | None = None,
) -> Asked:
    """What is to be streamed, by names. Raises ConfigError, UnknownName, SourceError."""
    made = rooms.outlet(source).source
    found = dict.fromkeys(_kind(name, source, kinds(made)) for name in wanted)
    if (speed != 1.0 or start_us is not None) and not is_local(made):
        raise ConfigError(
            f"Source `{source}` is live: it has no other time and no other speed",
            hint="leave out `--start` and `--speed`",
        )
    numbers = {rooms.named(source, symbol).instrument_id for symbol in symbols}
    every = interval_of(interval).name
    now_us = Clocks().now_us()
    return Asked(source, tuple(sorted(numbers)), tuple(found), every, speed, start_us, now_us)


def _kind(name: str, source: str, able: Sequence[Wanted]) -> Wanted:
    for kind in able:
        if kind == name:
            return kind
    raise unknown(f"kind of stream of `{source}`:", name, able)


async def run(asked: Mapping[str, Any], ctx: StepContext) -> dict[str, Any]:
    """Stream until it is stopped, and give what came of it."""
    wanted = Asked.of(asked)
    with opened(wanted, ctx) as stream:
        totals = await stream.run()
    return totals._asdict() | {"state": totals.state.value}


@contextmanager
def opened(
    asked: Asked, ctx: StepContext, *, listen: Callable[[Event], None] = lambda event: None
) -> Iterator[Stream]:
    """A stream as source and settings say, for its owner; `listen` hears of all that comes."""
    over = threading.Event()
    rooms = open_rooms(cast(StepContext, _Waiting(ctx, over)))
    chosen = settings().market_live
    ledger = Ledger(rooms.store, ctx.run, ctx.attempt, source=asked.source)
    threads = ThreadPoolExecutor(THREADS, "stream-ask")
    try:
        parts = _Made(asked, rooms, chosen, threads, ctx.run).parts()
        pace = Pace(chosen.flush_s, chosen.flush_rows, chosen.status_s)
        policy = Policy(stale_s=chosen.stale_s)
        yield Stream(parts, ledger, policy=policy, pace=pace, listen=listen)
    finally:
        over.set()
        threads.shutdown(wait=False, cancel_futures=True)


class _Waiting:
    """Waits for permits on behalf of a stream, which may end meanwhile."""

    def __init__(self, ctx: StepContext, over: threading.Event) -> None:
        self._ctx, self._over = ctx, over

    def wait(self, seconds: float) -> None:
        """Wait. Raises Cancelled."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            self._ctx.check()
            if self._over.wait(min(left, LOOK_S)):
                raise Cancelled("The stream has ended")


class _Made:
    """Puts the parts of a stream together."""

    def __init__(
        self,
        asked: Asked,
        rooms: MarketRooms,
        chosen: MarketLiveSettings,
        threads: ThreadPoolExecutor,
        run: str,
    ) -> None:
        self.asked, self.rooms, self.chosen, self.run = asked, rooms, chosen, run
        self._threads = threads
        self.outlet = rooms.outlet(asked.source)
        self.instruments = {number: rooms.instrument(number) for number in asked.instruments}
        self.clocks = Clocks()

    def parts(self) -> Parts:
        """The parts."""
        made = channels(
            self.asked.wanted,
            home() / "streams" / self.run,
            interval=self.asked.interval,
            most=self.chosen.buffer,
            has_ids=self.outlet.source.capabilities.has_ids,
        )
        if self.asked.source in STREAMING:
            return self._connected(STREAMING[self.asked.source](), made)
        return self._polled(made)

    def _connected(self, vendor: Streaming, made: Mapping[str, Channel]) -> Parts:
        feed = vendor.feed(list(self.instruments.values()), self.asked)
        limit = SharedLimit(
            self.rooms.database, f"market/{self.asked.source}/connections", CONNECTS
        )
        sockets = Sockets(feed.manners, judge=self.outlet.source.judge, limit=limit)
        asking = Asking(
            *(self.outlet.page, self.instruments),
            cursor=vendor.cursor,
            now_us=self.clocks.now_us,
            interval=self.asked.interval,
        )

        def look(instrument: int) -> Snapshot:
            return vendor.book(self.instruments[instrument], self.outlet)

        size = feed.most_names
        lots = [feed.names[start : start + size] for start in range(0, len(feed.names), size)]
        return Parts(
            *(lots, dialler(sockets, feed), made, feed.instruments_of),
            ask=self._aside(asking),
            look=self._aside(look) if "book" in self.asked.wanted else None,
            fill_most=self.chosen.fill_most,
            interval=self.asked.interval,
        )

    def _polled(self, made: Mapping[str, Channel]) -> Parts:
        polling = Polling(
            self._aside(self._page),
            self.instruments,
            self.asked.wanted,
            since=lambda wanted, instrument: made[wanted].received.time(instrument),
            now_us=self.clocks.now_us,
            clock=self._clock(),
            interval=self.asked.interval,
            every_s=SIMULATED_S if is_local(self.outlet.source) else self.chosen.poll_s,
        )
        return Parts(
            *([polling.names], polling.dial, made, polling.instruments_of),
            interval=self.asked.interval,
        )

    def _page(self, asked: PageRequest) -> Page:
        """A source of this machine has no clock of its own: it takes that of the request."""
        if is_local(self.outlet.source):
            return self.outlet.source.page(asked, self.outlet)
        return self.outlet.page(asked)

    def _clock(self) -> Clock:
        """The same for every owner of a stream that begins in the past."""
        if self.asked.start_us is None:
            return Clock()
        return Clock(self.asked.start_us, self.asked.began_us, self.asked.speed)

    def _aside(self, work: Callable[P, T]) -> Callable[P, Any]:
        """Do work in a thread, while the stream goes on."""

        def call(*given: P.args, **named: P.kwargs) -> Any:
            loop = asyncio.get_running_loop()
            return loop.run_in_executor(self._threads, lambda: work(*given, **named))

        return call
