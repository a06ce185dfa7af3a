"""Brings what waits to the disk, again and again; what it cannot, it keeps and says so."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar

from raymill.errors import Fenced, StoreError
from raymill.log import get_logger
from raymill.market.streams.channel import Segment
from raymill.market.streams.intake import Intake
from raymill.market.streams.ledger import Ledger

log = get_logger(room="market.streams")
COVER_EACH = 12  # segments of trades; bars are few, and strategies wait for each of them
P = ParamSpec("P")
T = TypeVar("T")


class Disk:
    """Threads of a stream's own for the disk: nothing that waits for a vendor is in their way."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(2, "stream-disk")

    async def __call__(self, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        """Do work in one of the threads."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: work(*given, **named))

    def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False)


class Storer:
    """Stores the rows of an intake: after some seconds, or as soon as there are many."""

    def __init__(
        self,
        intake: Intake,
        ledger: Ledger,
        disk: Disk,
        status: Callable[[], dict[str, Any]],
        *,
        flush_s: float,
        again_s: float,
        interval: str | None = None,
        wall: Callable[[], float],
    ) -> None:
        self.trouble = ""
        """Why rows cannot be stored, empty if they can."""
        self._intake, self._ledger, self._disk, self._status = intake, ledger, disk, status
        self._flush_s, self._again_s, self._wall = flush_s, again_s, wall
        self._interval, self._covered = interval, 0
        self._ending = asyncio.Event()

    async def run(self) -> None:
        """Store until `end` is called, and then once more. Raises Fenced."""
        due = self._intake.due
        while not self._ending.is_set():
            await until(due, self._flush_s)
            due.clear()
            is_stored = await self._flush()
            if self._covered >= COVER_EACH:
                await self._cover()
            if not is_stored and not self._ending.is_set():
                await until(self._ending, self._again_s)
                due.set()
        if await self._flush():
            await self._cover()

    def end(self) -> None:
        """Let `run` end."""
        self._ending.set()
        self._intake.due.set()

    def is_troubled(self, reason: str) -> None:
        """The disk does not take something, or does again."""
        if bool(reason) != bool(self.trouble):
            self._intake.changed.set()
            if reason:
                log.warning("stream.unstored", reason=reason)
        self.trouble = reason

    async def _flush(self) -> bool:
        """Store all that waits; whether the disk took it."""
        try:
            for channel in self._intake.channels.values():
                while (segment := channel.segment(self._intake.due_rows)) is not None:
                    channel.is_stored(segment, await self._commit(segment))
                    self._covered += COVER_EACH if channel.table == "bar" else 1
            await self._set_aside()
        except Fenced:
            raise
        except StoreError as error:
            self.is_troubled(error.message)
            return False
        self.is_troubled("")
        return True

    async def _cover(self) -> None:
        """Note what is complete; it need not be noted with each row, as gaps are."""
        try:
            for channel in self._intake.channels.values():
                interval = self._interval if channel.table == "bar" else None
                await self._disk(self._ledger.cover, channel, interval)
        except Fenced:
            raise
        except StoreError as error:
            self.is_troubled(error.message)
        self._covered = 0

    async def _commit(self, segment: Segment) -> int:
        """The vendor's clock may be ahead of ours: a bar that it closed has ended."""
        now_us = max(int(self._wall() * 1e6), self._intake.counts.last_event_us)
        return await self._disk(self._ledger.commit, segment, self._status(), now_us)

    async def _set_aside(self) -> None:
        bad = self._intake.bad
        if bad:
            await self._disk(self._ledger.set_aside, [*bad], self._wall())
            del bad[:]


async def until(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, but no longer."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


async def ended(*tasks: "asyncio.Future[None]") -> None:
    """Cancel tasks and wait for their ends."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
