"""Fills gaps: asks for what is missing, number by number, until it is there or known not to be."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from raymill.errors import InputError, RaymillError
from raymill.log import get_logger
from raymill.market.streams.buffer import Row
from raymill.market.streams.channel import Channel
from raymill.market.streams.gaps import Gap
from raymill.market.streams.ids import Hole
from raymill.net.websocket import Backoff

log = get_logger(room="market.streams")

GRACE_S = 0.2  # what comes in another order than it happened is there after that
AGAIN_S = 60.0  # what the vendor does not have is asked for twice, with so long in between
BEHIND_S = 10.0  # after a connection is back; what is traded often tells by itself before
BEHIND = 1000  # numbers that are asked for then
MOST = 1_000_000  # numbers of one gap; more are left to a crawl


class Filled(NamedTuple):
    """Records that were asked for: all that the vendor has, up to number `through`."""

    rows: list[Row]
    through: int


class Ask(Protocol):
    """Asks the vendor for records."""

    def __call__(self, channel: str, instrument: int, first: int, last: int) -> Awaitable[Filled]:
        """Records from a number on, as far as one page goes. Raises SourceError, InputError."""


@dataclass
class Filler:
    """Fills the gaps of some channels, one after the other, the oldest first.

    waits: until there is room for what comes back.
    """

    ask: Ask
    channels: Mapping[str, Channel]
    now_us: Callable[[], int]
    chance: Callable[[], float]
    waits: Callable[[], Awaitable[None]]
    took: Callable[[Gap, list[Row]], None] = lambda gap, rows: None
    backoff: Backoff = field(default_factory=Backoff)
    grace_s: float = GRACE_S
    behind_s: float = BEHIND_S
    again_s: float = AGAIN_S
    most: int = MOST
    _behind: dict[tuple[str, int], tuple[float, int]] = field(default_factory=dict)
    _due: dict[tuple[str, int, int], float] = field(default_factory=dict)
    _tries: dict[tuple[str, int, int], int] = field(default_factory=dict)
    _asked: set[tuple[str, int, int]] = field(default_factory=set)  # once already
    _found: asyncio.Event = field(default_factory=asyncio.Event)

    def look(self) -> None:
        """There are new gaps."""
        self._found.set()

    async def run(self) -> None:
        """Fill gaps until cancelled."""
        while True:
            if (gap := self._next()) is not None:
                await self._fill(self.channels[gap.kind], gap)
            elif (place := self._next_behind()) is not None:
                await self._look_behind(*place)
            else:
                self._found.clear()
                await self._wait()

    @property
    def is_done(self) -> bool:
        """Whether nothing is left that can be asked for within a moment."""
        soon = asyncio.get_running_loop().time() + self.grace_s
        gaps = (key for channel in self.channels.values() for key in channel.gaps)
        return not any(self._due.get(key, soon) <= soon for key in gaps)

    def look_behind(self, channel: Channel, instrument: int) -> None:
        """After a connection was lost: look what came meanwhile, unless a record tells soon."""
        last = channel.last(instrument)
        if last is not None:
            due = asyncio.get_running_loop().time() + self.behind_s
            self._behind[channel.name, instrument] = (due, last)
            self._found.set()

    def _next(self) -> Gap | None:
        now = asyncio.get_running_loop().time()
        gaps = [gap for channel in self.channels.values() for gap in channel.gaps.values()]
        for gap in gaps:
            self._due.setdefault(gap.key, now + self.grace_s)
        due = [gap for gap in gaps if self._due[gap.key] <= now]
        return min(due, key=lambda gap: gap.since_us, default=None)

    async def _wait(self) -> None:
        now = asyncio.get_running_loop().time()
        open_ = {gap.key for channel in self.channels.values() for gap in channel.gaps.values()}
        self._due = {key: at for key, at in self._due.items() if key in open_}
        self._tries = {key: tries for key, tries in self._tries.items() if key in open_}
        self._asked &= open_
        times = [*self._due.values(), *(due for due, _ in self._behind.values())]
        until = min(times, default=None)
        try:
            async with asyncio.timeout(None if until is None else max(0.0, until - now)):
                await self._found.wait()
        except TimeoutError:
            return

    def _next_behind(self) -> tuple[Channel, int, int] | None:
        now = asyncio.get_running_loop().time()
        for (name, instrument), (due, last) in self._behind.items():
            if due <= now:
                del self._behind[name, instrument]
                return self.channels[name], instrument, last
        return None

    async def _look_behind(self, channel: Channel, instrument: int, last: int) -> None:
        """Where nothing has come since, ask for what comes next; a gap is made of what is there."""
        if channel.last(instrument) != last:
            return
        try:
            filled = await self.ask(channel.name, instrument, last + 1, last + BEHIND)
        except RaymillError as error:
            log.info("gap.unknown", channel=channel.name, reason=error.message)
            if not isinstance(error, InputError):
                self.look_behind(channel, instrument)
            return
        if filled.rows and channel.last(instrument) == last:
            gap = channel.gap_behind(instrument, filled.rows, self.now_us())
            self.took(gap, channel.fill(gap, filled.rows, self.now_us()))
            self.look_behind(channel, instrument)

    async def _fill(self, channel: Channel, gap: Gap) -> None:
        holes = channel.missing(gap)
        if sum(hole.size for hole in holes) > self.most:
            reason = f"more than {self.most:,} records: a crawl can fetch them"
            channel.settle(gap, "left", self.now_us(), reason)
            return
        try:
            for hole in holes:
                await self._ask_for(channel, gap, hole)
        except InputError as error:
            channel.settle(gap, "lost", self.now_us(), error.message)
        except RaymillError as error:
            self._put_off(gap, error)
        else:
            self._judge(channel, gap)

    async def _ask_for(self, channel: Channel, gap: Gap, hole: Hole) -> None:
        at = hole.first
        while at <= hole.last:
            await self.waits()
            filled = await self.ask(channel.name, gap.instrument, at, hole.last)
            fresh = channel.fill(gap, filled.rows, self.now_us())
            self.took(gap, fresh)
            at = max(at, filled.through) + 1

    def _put_off(self, gap: Gap, error: RaymillError) -> None:
        tries = self._tries[gap.key] = self._tries.get(gap.key, 0) + 1
        asked: float = error.details.get("wait_s") or 0.0
        wait = max(asked, self.backoff.wait_s(tries, self.chance()))
        self._due[gap.key] = asyncio.get_running_loop().time() + wait
        log.info("gap.unfilled", channel=gap.kind, reason=error.message, wait_s=wait)

    def _judge(self, channel: Channel, gap: Gap) -> None:
        """All was asked for: it is there, or the vendor does not have it."""
        if not channel.missing(gap):
            channel.settle(gap, "filled", self.now_us())
        elif gap.key in self._asked:
            channel.settle(gap, "empty", self.now_us(), "the vendor does not have it")
        else:
            self._asked.add(gap.key)
            self._due[gap.key] = asyncio.get_running_loop().time() + self.again_s
