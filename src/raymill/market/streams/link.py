"""Keeps some names of a stream connected: does what `lifecycle` decides."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, Protocol

from raymill.errors import RaymillError
from raymill.log import get_logger
from raymill.market.streams.heard import Heard
from raymill.market.streams.lifecycle import Decision, Link, Policy, decide
from raymill.market.streams.line import Denied, Dial, Line
from raymill.net.failures import BadRequest, TryFailed
from raymill.net.websocket import Refused

log = get_logger(room="market.streams")


class Taker(Protocol):
    """What takes what a link brings."""

    @property
    def full(self) -> str:
        """Why nothing more can be taken, empty if it can."""

    def take(self, heard: Heard) -> int:
        """Take records. Gives how many of them had come before."""

    def is_lost(self, names: Sequence[str], reason: str) -> None:
        """Names are on no connection any more."""

    def is_back(self, names: Sequence[str], since_us: int) -> None:
        """Names are on a connection, and were on none before; since a time of the wall clock."""


class LinkKeeper:
    """One link and its connections. `run` ends when it is cancelled, or with Denied."""

    def __init__(
        self,
        names: Sequence[str],
        dial: Dial,
        taker: Taker,
        policy: Policy,
        *,
        clock: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self.names, self.link = names, Link()
        self._dial, self._taker, self._policy = dial, taker, policy
        self._clock, self._chance = clock, chance
        self._line: Line | None = None
        self._successor: Line | None = None
        self._woken = asyncio.Event()
        self._broken: BaseException | None = None
        self._dialling: asyncio.Task[None] | None = None
        self._pumps: dict[Line, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Keep it connected. Raises Denied."""
        try:
            while self._broken is None:
                decision = decide(self.link, self._clock(), self._policy, self._taker.full)
                self._act(decision)
                if decision.do == "wait":
                    await self._wait(decision.until - self._clock())
            raise self._broken
        finally:
            await self._close()

    def wake(self) -> None:
        """Look again at what is to be done."""
        self._woken.set()

    async def _wait(self, seconds: float) -> None:
        self._woken.clear()
        try:
            async with asyncio.timeout(None if seconds == float("inf") else max(0.0, seconds)):
                await self._woken.wait()
        except TimeoutError:
            return

    def _act(self, decision: Decision) -> None:
        if decision.do == "dial":
            self.link = self.link.dials()
            self._dialling = self._start(self._connect())
        elif decision.do == "switch":
            self._switch(decision.reason)
        elif decision.do == "give up" and self._line is not None:
            self._lost(self._line, decision.reason)
        elif decision.do == "give up successor" and self._successor is not None:
            self._lost(self._successor, decision.reason)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        """What goes wrong in a task that nobody waits for ends the link."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._broken = self._broken or error
            self.wake()

    async def _connect(self) -> None:
        try:
            line = await self._dial(self.names)
        except Refused as error:
            if error.verdict.kind == "permanent":
                raise Denied(f"it refuses connections: {error.verdict.reason}") from error
            self._failed(str(error), error.verdict.wait_s or 0.0)
        except (TryFailed, RaymillError) as error:
            self._failed(str(error))
        except BadRequest as error:
            raise Denied(str(error)) from error
        else:
            self._opened(line)

    def _opened(self, line: Line) -> None:
        self.link = self.link.opened(self._clock())
        if self._line is None:
            self._line = line
        else:
            self._successor = line
        self._pumps[line] = self._start(self._pump(line))
        self.wake()

    def _failed(self, reason: str, least_s: float = 0.0) -> None:
        now, chance = self._clock(), self._chance()
        self.link = self.link.failed(now, reason, self._policy, chance, least_s)
        log.info("stream.unconnected", reason=reason, wait_s=self.link.not_before - now)
        self.wake()

    async def _pump(self, line: Line) -> None:
        try:
            while True:
                heard = await line.receive()
                if line in self._pumps:  # not given up meanwhile
                    self._hear(line, heard)
        except TryFailed as error:
            self._lost(line, str(error))

    def _hear(self, line: Line, heard: Heard) -> None:
        on_successor = line is self._successor
        if heard.messages or heard.is_alive:
            self.link = self.link.hears(self._clock(), on_successor=on_successor)
        known = self.link.successor if on_successor else self.link.line
        if line.ready and known is not None and not known.ready:
            self._ready(on_successor, heard.first_received)
        repeats = self._taker.take(heard)
        if repeats and self._successor is not None:
            self.link = replace(self.link, shared=True)
            self.wake()
        if self._taker.full:
            self.wake()

    def _ready(self, on_successor: bool, since_us: int) -> None:
        self.link = self.link.is_ready()
        if not on_successor:
            self._taker.is_back(self.names, since_us)
        self.wake()

    def _lost(self, line: Line, reason: str) -> None:
        on_successor = line is self._successor
        if on_successor or self._successor is None:
            now, chance = self._clock(), self._chance()
            self.link = self.link.lost(now, reason, self._policy, chance, on_successor=on_successor)
            self._drop(line)
            log.info("stream.disconnected", reason=reason, successor=on_successor)
            if not on_successor:
                self._taker.is_lost(self.names, reason)
        else:
            self._switch(reason)
        self.wake()

    def _switch(self, reason: str) -> None:
        """The successor takes the place of the connection."""
        old, self._line, self._successor = self._line, self._successor, None
        self.link = self.link.switched()
        log.info("stream.switched", reason=reason or "both brought the same")
        if old is not None:
            self._drop(old)
        if self.link.line is not None and not self.link.line.ready:
            self._taker.is_lost(self.names, reason)

    def _drop(self, line: Line) -> None:
        if line is self._line:
            self._line = None
        elif line is self._successor:
            self._successor = None
        pump = self._pumps.pop(line, None)
        if pump is not None and pump is not asyncio.current_task():
            pump.cancel()
        self._start(line.close())

    async def _close(self) -> None:
        for line in [*self._pumps]:
            self._drop(line)
        if self._dialling is not None:
            self._dialling.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
