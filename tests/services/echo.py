"""A service of the tests, which another process can import as well."""

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator
from typing import Any, ClassVar

from raymill.app.keys import stored_keys
from raymill.config.service import ServiceSettings
from raymill.errors import Conflict, NotFound, SourceError, TooBusy
from raymill.services import Event, Model, Reply, Service, route


class EchoSettings(ServiceSettings):
    """Settings of a service of this test."""

    section: ClassVar[str] = "echo"


class Inner(Model):
    """Lies in a body."""

    count: int = 0


class Said(Model):
    """A body."""

    text: str
    inner: Inner | None = None


class Echo(Service):
    """A service of this test."""

    name: ClassVar[str] = "echo"
    Settings: ClassVar[type[ServiceSettings]] = EchoSettings
    is_well: ClassVar[bool] = True
    fault: ClassVar[Exception | None] = None

    async def about(self) -> dict[str, Any]:
        """Say how it is."""
        return {"status": "healthy" if self.is_well else "unhealthy"}

    @route("POST", "/say", status=202, others=(200,))
    async def say(self, body: Said, wait: bool = False) -> Reply[Said]:
        """Say it again."""
        return Reply(body, 200) if wait else Reply(body, headers={"Location": "/api/echo/say/1"})

    @route("GET", "/size")
    async def size(self) -> int:
        """Take no parameter; fail as the class is told to."""
        if self.fault is not None:
            raise self.fault
        return 3

    @route("GET", "/things/{id}", key="thing")
    async def thing(self, id: str, size: int = 1) -> dict[str, Any]:
        """Fail as the id says."""
        errors = {
            "none": NotFound("There is no thing `none`", hint="GET /api/echo/things"),
            "taken": Conflict("It is taken"),
            "busy": TooBusy("Too many things", retry_after_s=7),
            "away": SourceError("The source is away"),
        }
        if id == "broken":
            raise RuntimeError("secret")
        if id in errors:
            raise errors[id]
        return {"id": id, "size": size}

    @route("GET", "/pause")
    async def pause(self, seconds: float = 0.2) -> str:
        """Answer after a while."""
        await asyncio.sleep(seconds)
        return "done"

    @route("GET", "/counted", kind="events")
    async def counted(self, to: int, last_event_id: str | None = None) -> AsyncIterator[Event]:
        """Count."""
        if to < 0:
            raise NotFound("There is no such number")
        for number in range(int(last_event_id or 0) + 1, to + 1):
            yield Event(str(number), {"number": number}, "number")

    @route("GET", "/counted/ws", kind="socket")
    async def counted_live(self, to: int, every_s: float = 0.0) -> AsyncIterator[dict[str, int]]:
        """Count over a websocket."""
        if to < 0:
            raise NotFound("There is no such number")
        for number in range(1, to + 1):
            yield {"number": number}
            await asyncio.sleep(every_s)

    flooded: ClassVar[threading.Event] = threading.Event()

    @route("GET", "/flood", kind="events")
    async def flood(self) -> AsyncIterator[Event]:
        """Tell much, and do not end; `flooded` is set when nobody listens any more."""
        try:
            while True:
                yield Event("1", "a" * 65_536)
                await asyncio.sleep(0)
        finally:
            self.flooded.set()

    @route("GET", "/endless/ws", kind="socket")
    async def endless_live(self) -> AsyncIterator[dict[str, int]]:
        """Count, and do not end."""
        for number in itertools.count(1):
            yield {"number": number}
            await asyncio.sleep(0)

    @route("GET", "/revoking", kind="events")
    async def revoking(self) -> AsyncIterator[Event]:
        """Tell one thing, revoke the key `me`, and tell others without an end."""
        yield Event("1", None)
        await asyncio.to_thread(stored_keys().revoke, "me")
        for number in itertools.count(2):
            yield Event(str(number), None)
            await asyncio.sleep(0.05)
