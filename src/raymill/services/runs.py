"""What goes on behind an answer: waited for, followed as events, pointed to."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from raymill.config import settings
from raymill.errors import InputError, StoreUnavailable
from raymill.services.route import Event, Reply

T = TypeVar("T")
FIRST_S, MOST_S = 0.02, 0.25  # between two looks


@dataclass(frozen=True, slots=True)
class Seen(Generic[T]):
    """How something stands: `number` grows with each change of it."""

    number: int
    value: T
    is_over: bool


Look = Callable[[], Seen[T]]
"""Looks how something stands; called in a thread."""


def accepted(value: T, path: str) -> Reply[T]:
    """The answer that something goes on, and where to look at it."""
    return Reply(value, 202, {"Location": path})


def wait_of(wait: float | None, otherwise: float) -> float:
    """How long a request waits that asks for `?wait=`. Raises InputError."""
    most = settings().serve.max_wait_s
    if wait is None:
        return min(otherwise, most)
    if not math.isfinite(wait) or not 0 <= wait <= most:
        raise InputError(f"`wait` cannot be {wait:g}: it is 0 to {most:g} seconds", path="wait")
    return wait


async def settled(look: Look[T], wait_s: float, known: Seen[T] | None = None) -> Seen[T]:
    """How something stands when it has ended, or after so long; `known` is how it stands now.

    It is known to be there, so a store that goes away meanwhile is no error.
    """
    loop = asyncio.get_running_loop()
    until, pause_s = loop.time() + wait_s, FIRST_S
    seen = await asyncio.to_thread(look) if known is None else known
    while not seen.is_over and (left := until - loop.time()) > 0:
        await asyncio.sleep(min(left, pause_s))
        pause_s = min(MOST_S, pause_s * 1.5)
        with suppress(StoreUnavailable):
            seen = await asyncio.to_thread(look)
    return seen


async def changes(
    look: Look[Any], after: str | None, poll_s: float = MOST_S
) -> AsyncIterator[Event]:
    """An event for each change until the end; `after` is the id of the last one that was heard.

    A store that goes away is waited for. The last event is called `end`, those before `change`.
    """
    last = int(after) if after is not None and after.isascii() and after.isdigit() else -1
    told: Any = None
    while True:
        try:
            seen = await asyncio.to_thread(look)
        except StoreUnavailable:
            if told is None:
                raise
            await asyncio.sleep(poll_s)  # whoever listens hears the rest once it is back
            continue
        if seen.number > last or (told is not None and seen.value != told):
            last = max(seen.number, last + (told is not None))
            told = seen.value
            yield Event(str(last), seen.value, "end" if seen.is_over else "change")
        if seen.is_over:
            return
        await asyncio.sleep(poll_s)
