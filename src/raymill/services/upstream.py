"""What is asked of sources of data, each in so long, by threads of its own."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TypeVar

from raymill.errors import SourceError

T = TypeVar("T")


class Upstream:
    """Threads that ask sources: one that hangs holds up nothing else."""

    def __init__(self, threads: int, within_s: float) -> None:
        self.within_s = within_s
        self._threads = ThreadPoolExecutor(threads, "tickscrawler")

    async def ask(self, source: str, work: Callable[[], T]) -> T:
        """Do what asks a source. Raises SourceError where that takes too long."""
        try:
            return await self.aside(work, self.within_s)
        except TimeoutError:
            raise self.silent(source) from None

    async def aside(self, work: Callable[[], T], within_s: float) -> T:
        """Do what asks a source. Raises TimeoutError where that takes longer."""
        async with asyncio.timeout(within_s):
            context = copy_context()
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, context.run, work)

    def silent(self, source: str) -> SourceError:
        """The error that a source does not answer."""
        return SourceError(
            f"`{source}` does not answer within {self.within_s:g} s",
            hint="try again later, or ask with ?wait=0 and look at it later",
            status=504,
        )

    def close(self) -> None:
        """Begin nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)
