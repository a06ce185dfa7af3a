"""A stream with its owner: connections, records, gaps, the disk, until it is stopped."""

import asyncio
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from raymill.errors import Fenced, StoreError
from raymill.market.streams.books import Books, Look
from raymill.market.streams.channel import Channel
from raymill.market.streams.fills import MOST as FILL_MOST
from raymill.market.streams.fills import Ask, Filler
from raymill.market.streams.intake import Event, Intake
from raymill.market.streams.ledger import Ledger, Left
from raymill.market.streams.lifecycle import Policy, State, state_of
from raymill.market.streams.line import Denied, Dial
from raymill.market.streams.link import LinkKeeper
from raymill.market.streams.status import Counts
from raymill.market.streams.storing import Disk, Storer, ended, until


@dataclass(frozen=True, slots=True)
class Pace:
    """How often things are done.

    flush_s, flush_rows: rows are stored after so long, or as soon as there are so many.
    status_s: how often the stream says where it stands, and looks whether it is to stop.
    stop_s: how long a stop waits for gaps that are being filled. again_s: how long after a
    failure of the disk it is tried again.
    """

    flush_s: float = 5.0
    flush_rows: int = 10_000
    status_s: float = 1.0
    stop_s: float = 5.0
    again_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Clocks:
    """Time and chance."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    chance: Callable[[], float] = random.random

    def now_us(self) -> int:
        """Microseconds since 1970."""
        return int(self.wall() * 1_000_000)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a stream consists of.

    lots: its names, by connection. instruments_of: whose names these are. ask: gets records that
    are missing. look: gets the books of instruments, where quotes are made of books.
    """

    lots: Sequence[Sequence[str]]
    dial: Dial
    channels: Mapping[str, Channel]
    instruments_of: Callable[[Iterable[str]], Iterable[int]]
    ask: Ask | None = None
    look: Look | None = None
    fill_most: int = FILL_MOST
    interval: str | None = None  # of bars


class Totals(NamedTuple):
    """What came of a stream."""

    state: State
    messages_received: int
    rows_written: int
    duration_s: float
    reason: str = ""


class Stream:
    """Runs a stream until it is stopped. What is counted as written is on the disk."""

    def __init__(
        self,
        parts: Parts,
        ledger: Ledger,
        *,
        policy: Policy | None = None,
        pace: Pace | None = None,
        clocks: Clocks | None = None,
        listen: Callable[[Event], None] = lambda event: None,
    ) -> None:
        self.parts, self.ledger = parts, ledger
        self.policy, self.pace = policy or Policy(), pace or Pace()
        self.clocks = clocks or Clocks()
        self._started = self.clocks.wall()
        self._links: list[LinkKeeper] = []
        self._disk = Disk()
        self.intake = Intake(
            *(parts.channels, parts.instruments_of, self.clocks.now_us, self.pace.flush_rows),
            listen=listen,
        )
        if parts.look is not None:
            self.intake.books = Books(parts.look, self.clocks.chance)
        if parts.ask is not None:
            self.intake.filler = self._filler(parts.ask)
        self._storer = Storer(
            *(self.intake, ledger, self._disk, self.status),
            flush_s=self.pace.flush_s,
            again_s=self.pace.again_s,
            interval=parts.interval,
            wall=self.clocks.wall,
        )

    def _filler(self, ask: Ask) -> Filler:
        clocks = self.clocks
        return Filler(
            *(ask, self.parts.channels, clocks.now_us, clocks.chance),
            waits=self._room,
            took=self.intake.came_back,
            most=self.parts.fill_most,
        )

    async def run(self) -> Totals:
        """Run until it is asked to stop, or is cancelled. Raises Fenced, StoreError."""
        left = await self._disk(self.ledger.begin, self.clocks.wall())
        self._take_over(left)
        state, reason = State.REQUESTED, ""  # of a stream that is handed on
        storing = asyncio.ensure_future(self._storer.run())
        try:
            reason = "" if left.stop else await self._live(storing)
            state = State.FAILED if reason else State.STOPPED
        finally:
            self._storer.end()
            await asyncio.wait([storing])
            await self._close(state, reason)
            if (error := _error(storing)) is not None:
                raise error
        return self._totals(state, reason)

    def _take_over(self, left: Left) -> None:
        self.intake.counts = Counts.restored(left.status.get("counts", {}))
        self._started = left.started
        for name, channel in self.parts.channels.items():
            if (reached := left.channels.get(name)) is not None:
                channel.resume(reached.cursor, reached.number, reached.rows)
            gaps = [gap for gap in left.gaps if gap.kind == name]
            channel.reopen(gaps, self.clocks.now_us())

    async def _live(self, storing: "asyncio.Task[None]") -> str:
        """Go on until a stop is asked for. Gives the reason where the vendor refuses."""
        telling = asyncio.ensure_future(self._tell())
        working = [asyncio.ensure_future(one.run()) for one in self._made()]
        filling = []
        if self.intake.books is not None:
            working.append(asyncio.ensure_future(self.intake.books.run(self.intake.put_quotes)))
        if self.intake.filler is not None:
            filling.append(asyncio.ensure_future(self.intake.filler.run()))
        every = [telling, storing, *working, *filling]
        try:
            await asyncio.wait(every, return_when=asyncio.FIRST_COMPLETED)
            denied = next((e for e in map(_error, every) if isinstance(e, Denied)), None)
            if denied is None:
                await self._last_fills()
        finally:
            await ended(telling, *working, *filling)
        errors = [e for e in map(_error, every) if e is not None and not isinstance(e, Denied)]
        if errors:
            raise errors[0]
        return str(denied) if denied else ""

    def _made(self) -> list[LinkKeeper]:
        self._links = [
            LinkKeeper(
                *(names, self.parts.dial, self.intake, self.policy),
                clock=self.clocks.monotonic,
                chance=self.clocks.chance,
            )
            for names in self.parts.lots
        ]
        return self._links

    async def _last_fills(self) -> None:
        """Give gaps a while that can be filled now."""
        filler, ends = self.intake.filler, self.clocks.monotonic() + self.pace.stop_s
        while filler and not filler.is_done and self.clocks.monotonic() < ends:
            await asyncio.sleep(0.02)

    async def _room(self) -> None:
        """Wait until records that are asked for have room."""
        while self.intake.full or self.intake.depth >= self.pace.flush_rows:
            self.intake.due.set()
            await asyncio.sleep(0.02)

    async def _tell(self) -> None:
        """Say where it stands, until a stop is asked for. Raises Fenced."""
        while True:
            trouble = self._storer.trouble or self.intake.full
            state, reason = state_of((one.link for one in self._links), trouble)
            try:
                if await self._say(state, reason):
                    await self._say(State.STOPPING)
                    return
            except Fenced:
                raise
            except StoreError as error:
                self._storer.is_troubled(error.message)
            self.intake.changed.clear()
            await until(self.intake.changed, self.pace.status_s)

    async def _say(self, state: State, reason: str = "") -> bool:
        status, wall = self.status(reason), self.clocks.wall()
        return await self._disk(self.ledger.tell, state.value, status, wall)

    def status(self, reason: str = "") -> dict[str, Any]:
        """Where it stands, as JSON values."""
        channels, intake = list(self.parts.channels.values()), self.intake
        intake.counts.conflated = sum(channel.buffer.dropped for channel in channels)
        return {
            "reason": reason,
            "counts": intake.counts.saved(),
            "lag_p50_ms": intake.lags.quantile_ms(0.5),
            "lag_p99_ms": intake.lags.quantile_ms(0.99),
            "queue_depth": intake.depth,
            "lagging": sum(channel.buffer.spilled for channel in channels),
            "books_out_of_step": intake.books.out_of_step if intake.books else 0,
            "last": intake.shown(),
        }

    async def _close(self, state: State, reason: str) -> None:
        """Say how it ends, and let go of everything."""
        for channel in self.parts.channels.values():
            channel.buffer.close()
        with suppress(StoreError):  # another owner says it, or the disk is full
            await self._say(state, reason)
        self._disk.close()

    def _totals(self, state: State, reason: str) -> Totals:
        rows = sum(channel.rows for channel in self.parts.channels.values())
        took = max(0.0, self.clocks.wall() - self._started)
        return Totals(state, self.intake.counts.messages, rows, took, reason)


def _error(task: "asyncio.Task[None]") -> BaseException | None:
    return task.exception() if task.done() and not task.cancelled() else None
