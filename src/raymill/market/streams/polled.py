"""Live records of a source that has no live connection: it is asked again and again."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from raymill.errors import InputError, RaymillError
from raymill.market.instrument import Instrument
from raymill.market.schemas import Kind
from raymill.market.sources.contract import Page, PageRequest
from raymill.market.streams.asking import BAR, QUOTE, TRADE, rows_of
from raymill.market.streams.buffer import Row
from raymill.market.streams.heard import Heard, Wanted
from raymill.market.streams.line import Denied, Line
from raymill.net.failures import TryFailed

AskPage: TypeAlias = Callable[[PageRequest], Awaitable[Page]]
KINDS: Mapping[Wanted, tuple[Kind, tuple[str, ...]]] = {
    "trades": ("trade", TRADE),
    "quotes": ("quote", QUOTE),
    "bars": ("bar", BAR),
}


@dataclass(frozen=True, slots=True)
class Clock:
    """The time at the source: that of the world, or one that began elsewhere and runs faster.

    >>> Clock(start_us=1000, began_us=50, speed=10.0).at(now_us=53)
    1030
    """

    start_us: int = 0
    began_us: int = 0
    speed: float = 1.0

    def at(self, now_us: int) -> int:
        """What it shows when the clock of the world shows `now_us`."""
        return self.start_us + int((now_us - self.began_us) * self.speed)


@dataclass
class Polling:
    """What is polled: kinds of records of instruments, each `every_s` seconds.

    since: the time of the newest record that is known, by kind and instrument.
    """

    ask: AskPage
    instruments: Mapping[int, Instrument]
    wanted: Sequence[Wanted]
    since: Callable[[Wanted, int], int | None]
    now_us: Callable[[], int]
    clock: Clock = field(default_factory=Clock)
    interval: str = "1m"
    every_s: float = 1.0

    @property
    def names(self) -> list[str]:
        """All that is polled, by name."""
        return [f"{kind}/{number}" for number in self.instruments for kind in self.wanted]

    def instruments_of(self, names: Iterable[str]) -> set[int]:
        """Whose names these are."""
        return {int(name.partition("/")[2]) for name in names}

    async def dial(self, names: Sequence[str]) -> Line:
        """Begin to poll."""
        return PolledLine(self)


class PolledLine:
    """Asks for what is new, waits, and asks again."""

    def __init__(self, polling: Polling) -> None:
        self._polling = polling
        self._begun = polling.clock.start_us or polling.now_us()
        self.ready = False

    async def receive(self) -> Heard:
        """Wait until it is time again, and give what is new. Raises TryFailed, Denied."""
        if self.ready:
            await asyncio.sleep(self._polling.every_s)
        heard = Heard(is_alive=True)
        try:
            for number, instrument in self._polling.instruments.items():
                for kind in self._polling.wanted:
                    await self._poll(kind, number, instrument, heard)
        except InputError as error:
            raise Denied(error.message) from error
        except RaymillError as error:
            raise TryFailed(error.message) from error
        self.ready = True
        return heard

    async def close(self) -> None:
        """Nothing is open."""

    async def _poll(self, wanted: Wanted, number: int, one: Instrument, heard: Heard) -> None:
        polling, (kind, names) = self._polling, KINDS[wanted]
        now_us = polling.now_us()
        there_us = polling.clock.at(now_us)
        since = polling.since(wanted, number)
        asked = PageRequest(
            *(one, kind, self._begun if since is None else since, there_us, there_us),
            interval=polling.interval if kind == "bar" else None,
        )
        while True:
            page = await polling.ask(asked)
            rows = rows_of(page.records, names)
            heard.first_received = heard.first_received or now_us
            heard.last_received = now_us
            self._hear(wanted, rows, now_us, there_us, heard)
            heard.size_bytes += page.records.nbytes
            if page.next_cursor is None:
                return
            asked = replace(asked, cursor=page.next_cursor)

    def _hear(
        self, wanted: Wanted, rows: Sequence[Row], now_us: int, there_us: int, heard: Heard
    ) -> None:
        heard.messages += len(rows)
        for row in rows:
            at = row[2] if wanted == "bars" else row[1]
            heard.last_event = max(heard.last_event, at)
            heard.lags.append(there_us - at)
        if wanted == "bars":
            heard.bars += rows
        elif wanted == "trades":
            heard.trades += [(*row[:-1], now_us) for row in rows]
        else:
            heard.quotes += [(*row[:-1], now_us) for row in rows]
