"""The order books of a stream: kept in step with the vendor's, their best prices as quotes."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from raymill.errors import RaymillError
from raymill.log import get_logger
from raymill.market.streams.book import Book, Diff, Snapshot
from raymill.market.streams.heard import Quote
from raymill.net.websocket import Backoff

log = get_logger(room="market.streams")

Look = Callable[[int], Awaitable[Snapshot]]
"""Asks the vendor for the book of an instrument. Raises SourceError, InputError."""


@dataclass
class Books:
    """All books, and the snapshots that they want."""

    look: Look
    chance: Callable[[], float]
    books: dict[int, Book] = field(default_factory=dict)
    snapshots: int = 0
    backoff: Backoff = field(default_factory=Backoff)
    _tops: dict[int, tuple[float, ...]] = field(default_factory=dict)
    _looking: set[int] = field(default_factory=set)
    _wanted: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, diffs: Iterable[Diff]) -> tuple[list[Quote], int]:
        """Apply changes. Gives the quotes that they make, and how many had come before."""
        quotes: list[Quote] = []
        repeats = 0
        for diff in diffs:
            book = self.books.get(diff.instrument)
            if book is None:
                book = self.books[diff.instrument] = Book()
            repeats += not book.wants_snapshot and diff.last <= book.last
            book.apply(diff)
            if book.wants_snapshot:
                self._wanted.set()
            else:
                self._quote(diff.instrument, book, diff, quotes)
        return quotes, repeats

    def lose(self, instruments: Iterable[int]) -> None:
        """A connection is gone: its books are not in step any more."""
        for instrument in instruments:
            if instrument in self.books:
                self.books[instrument].begin_anew()

    @property
    def out_of_step(self) -> int:
        """How many wait for a snapshot."""
        return sum(book.wants_snapshot for book in self.books.values())

    async def run(self, take: Callable[[list[Quote]], None]) -> None:
        """Ask for snapshots where they are wanted, until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                await self._wanted.wait()
                self._wanted.clear()
                for instrument, book in self.books.items():
                    if book.wants_snapshot and book.is_waiting and instrument not in self._looking:
                        self._looking.add(instrument)
                        group.create_task(self._bring_in_step(instrument, book, take))

    async def _bring_in_step(
        self, instrument: int, book: Book, take: Callable[[list[Quote]], None]
    ) -> None:
        failures = 0
        try:
            while book.wants_snapshot:
                if await self._is_in_step(instrument, book, take):
                    return
                failures += 1
                await asyncio.sleep(self.backoff.wait_s(failures, self.chance()))
        finally:
            self._looking.discard(instrument)

    async def _is_in_step(
        self, instrument: int, book: Book, take: Callable[[list[Quote]], None]
    ) -> bool:
        try:
            snapshot = await self.look(instrument)
        except RaymillError as error:
            log.warning("book.unknown", instrument=instrument, reason=error.message)
            return False
        self.snapshots += 1
        newest = book.newest
        if not book.take(snapshot):
            return False
        quotes: list[Quote] = []
        if newest is not None:
            self._quote(instrument, book, newest, quotes)
            take(quotes)
        return True

    def _quote(self, instrument: int, book: Book, diff: Diff, quotes: list[Quote]) -> None:
        top = book.top()
        if top is None or self._tops.get(instrument) == top[:4]:
            return
        self._tops[instrument] = top[:4]
        quotes.append((instrument, diff.ts, *top[:4], top.update_id, diff.received))
