"""Crawls for tests: rooms over a server of a vendor, with a clock that nobody waits for."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from raymill.flow.pool import StepContext
from raymill.market import notes
from raymill.market.asked import Asked
from raymill.market.coverage import Span
from raymill.market.crawl import Crawl
from raymill.market.instrument import Instrument
from raymill.market.moments import micros
from raymill.market.registry import Registry
from raymill.market.schemas import Kind
from raymill.market.sources.budget import Budget
from raymill.market.sources.contract import Source
from raymill.market.sources.outlet import Outlet
from raymill.market.store import MarketStore
from raymill.net import Http, Tries
from raymill.state.database import Database, open_database
from raymill.state.limits import Reading
from raymill.testing.replay import ReplayServer

NOW = micros("2024-03-01") / 1e6


@dataclass
class Watch:
    """A clock that goes on when somebody sleeps."""

    seconds: float = NOW
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds

    def reading(self, execute: Any) -> Reading:
        return Reading("boot", self.seconds, self.seconds)


@dataclass
class Rooms:
    """Lake, registry and the way to one vendor."""

    folder: Path
    database: Database
    source: Source
    http: Http
    watch: Watch
    limited: bool = True
    store: MarketStore = field(init=False)
    registry: Registry = field(init=False)

    def __post_init__(self) -> None:
        self.store = MarketStore(self.folder / "lake", self.database, now=self.watch)
        self.registry = Registry(self.database, now=self.watch)

    def outlet(self, source: str) -> Outlet:
        budget = None
        if self.limited and self.source.limits:
            watch = self.watch
            budget = Budget(
                self.database, source, self.source.limits, monotonic=watch, clock=watch.reading
            )
        return Outlet(
            self.source,
            self.http,
            budget,
            tries=Tries(most=6, deadline_s=100.0),
            clock=self.watch,
            chance=lambda: 0.5,
            sleep=self.watch.sleep,
            dated=lambda head: None,  # the server of the test lives today
        )

    def instrument(self, number: int) -> Instrument:
        return self.registry.numbered(number)

    def known(self, symbol: str) -> Instrument:
        """An instrument, listed by its vendor where it is not known yet."""
        found = self.registry.find(self.source.id, symbol)
        if found is None:
            listing = self.outlet(self.source.id).instruments((symbol,))
            self.registry.register(self.source.id, listing)
        return self.registry.named(self.source.id, symbol)

    def asked(
        self, symbol: str, kind: Kind, begin: str, end: str, interval: str | None = None
    ) -> Asked:
        one = self.known(symbol)
        return Asked(self.source.id, one.instrument_id, kind, micros(begin), micros(end), interval)

    def crawl(self, asked: Asked, run: str = "run", attempt: int = 1, **how: Any) -> dict[str, Any]:
        ctx = StepContext(run=run, attempt=attempt)
        return Crawl(self, asked, ctx, clock=self.watch, **how).run()

    def coverage(self, asked: Asked) -> list[Span[Any]]:
        with self.database.reading() as execute:
            return list(notes.coverage(execute, asked.series))

    def held(self, asked: Asked) -> pa.Table:
        return self.store.read(
            asked.kind,
            [asked.instrument_id],
            asked.begin_us,
            asked.end_us,
            venue=self.source.id,
            interval=asked.interval,
        )


@contextmanager
def rooms_at(
    folder: Path, made: Callable[[str], Source], *routes: Any, **how: Any
) -> Iterator[tuple[Rooms, ReplayServer]]:
    """Rooms over a server with these routes; `made` makes the source from its address."""
    database = open_database(folder)
    with ReplayServer(*routes) as server, Http() as http:
        yield Rooms(folder, database, made(server.url), http, Watch(), **how), server
    database.close()
