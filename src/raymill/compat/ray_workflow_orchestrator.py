"""`RayWorkflowOrchestrator`: the tickers of a program, asked for and watched through an actor."""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from raymill.compat.actors import LASTS, Place, engine_here, here, make
from raymill.compat.begun import Begun
from raymill.compat.ticker_config import TickerConfig, ticker_config
from raymill.compat.tickers import Tickers, Ticket
from raymill.config import settings
from raymill.filings.status import ProcessingState
from raymill.filings.tickers import called

T = TypeVar("T")

WHAT = "workflow orchestrator"
ASKING, LOOKING = 4, 4  # threads
FOLLOWS, LOOKS = "follows", "looks"  # calls that wait for tickers, and those that never wait
MOST_FOLLOWED = 100_000


class RayWorkflowOrchestrator:
    """Has tickers processed, several at a time, and says where each stands.

    Every method is called with `.remote(...)`, which gives a reference for `ray.get`. The runs are
    in the store of `RAYMILL_HOME`: they go on when this actor or its program ends.
    """

    def __init__(self, config: Mapping[str, Any], worker_pool_size: int | None = None) -> None:
        self._bind(_made(config, worker_pool_size, {}))

    @classmethod
    def remote(
        cls, config: Mapping[str, Any], worker_pool_size: int | None = None
    ) -> "RayWorkflowOrchestrator":
        """Make the actor. Raises ConfigError, EngineUnavailable here, and not on first use."""
        return cls(config, worker_pool_size)

    @classmethod
    def options(cls, **options: Any) -> "_Made":
        """As the options of a Ray actor: `RayWorkflowOrchestrator.options(num_cpus=1).remote()`."""
        return _Made(options)

    @classmethod
    def of(cls, actor: Any) -> "RayWorkflowOrchestrator":
        """The same actor, in another process."""
        self = cls.__new__(cls)
        self._bind(actor)
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return RayWorkflowOrchestrator.of, (self.actor,)

    def _bind(self, actor: Any) -> None:
        self.actor = actor
        self._tickets: dict[str, Any] = {}  # what was asked for last, which others may wait for
        self.process_ticker_async = Method(self._process)
        self.retry_failed_processing = Method(self._retry)
        self.wait_for_completion = Method(self._wait)
        self.get_processing_status = Method(self._apart("status", LOOKS))
        self.get_orchestrator_stats = Method(self._apart("progress", LOOKS))
        self.cleanup_resources = Method(actor.cleanup.remote)
        self.shutdown = Method(actor.shutdown.remote)

    def _process(self, file_path: str, ticker: str, timeout: float | None = None) -> Any:
        ticket = self.actor.submit.remote(str(file_path), ticker)
        self._tickets[_key(ticker)] = ticket
        return self._apart("follow", FOLLOWS)(ticket, timeout)

    def _retry(self, ticker: str, timeout: float | None = None) -> Any:
        ticket = self.actor.retry.remote(ticker)
        self._tickets[_key(ticker)] = ticket
        return self._apart("follow", FOLLOWS)(ticket, timeout)

    def _wait(self, tickers: Iterable[str], timeout: float | None = None) -> Any:
        wanted = list(tickers)
        found = (self._tickets.get(_key(ticker)) for ticker in wanted)
        asked = [ticket for ticket in found if ticket is not None]
        return self._apart("wait", FOLLOWS)(wanted, timeout, asked)

    def _apart(self, method: str, group: str) -> Callable[..., Any]:
        """Call a method among its like, so that it waits for no others."""
        remote: Callable[..., Any] = (
            getattr(self.actor, method).options(concurrency_group=group).remote
        )
        return remote


class Method:
    """A method of the actor: `.remote(...)` calls it and gives a reference."""

    def __init__(self, remote: Callable[..., Any]) -> None:
        self.remote = remote


class _Made:
    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options

    def remote(
        self, config: Mapping[str, Any], worker_pool_size: int | None = None
    ) -> RayWorkflowOrchestrator:
        """Make the actor with these options."""
        return RayWorkflowOrchestrator.of(_made(config, worker_pool_size, self._options))


def _made(config: Mapping[str, Any], workers: int | None, options: Mapping[str, Any]) -> Any:
    chosen = ticker_config(config, workers=workers, engine=engine_here())
    settings().filings.who()
    groups = {"concurrency_groups": {FOLLOWS: MOST_FOLLOWED, LOOKS: LOOKING}}
    place = here(chosen.engine)
    return make(WHAT, Orchestrator, chosen, place, time.time(), **groups, **LASTS, **options)


def _key(ticker: str) -> str:
    try:
        return called(ticker)
    except Exception:  # the actor says what is wrong with it
        return str(ticker)


class Orchestrator:
    """The actor. It keeps nothing that is not in the store.

    What is asked for and what is looked at have threads of their own, so that the status answers
    while a thousand tickers are being asked for.
    """

    def __init__(self, config: TickerConfig, place: Place, began: float) -> None:
        place.move_in()
        self._asking = ThreadPoolExecutor(ASKING, thread_name_prefix="raymill-asks")
        self._looking = ThreadPoolExecutor(LOOKING, thread_name_prefix="raymill-looks")
        self._begun = Begun(lambda: Tickers(config, began=began))

    @property
    def _tickers(self) -> Tickers:
        return self._begun.get()

    async def _ask(self, what: Callable[..., T], *given: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._asking, what, *given)

    async def _look(self, what: Callable[..., T], *given: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._looking, what, *given)

    async def answers(self) -> None:
        """Answer. Raises what the beginning raised."""
        self._begun.get()

    async def submit(self, file: str, ticker: str) -> Ticket:
        """Have a ticker processed; when this answers, that is on the disk."""
        return await self._ask(self._tickers.submit, file, ticker)

    async def retry(self, ticker: str) -> Ticket:
        """Take up a ticker that failed."""
        return await self._ask(self._tickers.retry, ticker)

    async def follow(self, ticket: Ticket, timeout: float | None = None) -> ProcessingState:
        """The state of a ticker at its end. Raises StillRunning when the time is over."""
        future = asyncio.wrap_future(self._tickers.follow(ticket))
        done, _ = await asyncio.wait([future], timeout=timeout)
        if done or ticket.known is None:
            return await future
        raise _still_running(await self._look(self._tickers.state, ticket.known.called), timeout)

    async def wait(
        self, tickers: Sequence[str], timeout: float | None, asked: Sequence[Any]
    ) -> dict[str, ProcessingState]:
        """The states of tickers when all have ended, or as they stand when the time is over.

        asked: what the same caller asked for before, and what therefore is waited for.
        """
        loop = asyncio.get_running_loop()
        ends = None if timeout is None else loop.time() + timeout
        if asked:
            taken = [asyncio.wrap_future(one.future()) for one in asked]
            done, _ = await asyncio.wait(taken, timeout=timeout)
            for one in done:
                one.result()  # what could not be asked for is told here too
        futures = await self._look(self._tickers.under_way, tickers)
        if futures:
            left = None if ends is None else max(0.0, ends - loop.time())
            await asyncio.wait([asyncio.wrap_future(one) for one in futures], timeout=left)
        return await self._look(self._states, tickers)

    def _states(self, tickers: Sequence[str]) -> dict[str, ProcessingState]:
        return {ticker: self._tickers.state(ticker) for ticker in tickers}

    async def status(self) -> dict[str, Any]:
        """Progress, counts of states, and what each worker did."""
        return await self._look(self._tickers.status)

    async def progress(self) -> dict[str, Any]:
        """What became of tickers since the actor was made."""
        return await self._look(self._tickers.progress)

    async def cleanup(self, keep_days: float = 7) -> dict[str, int]:
        """Drop states in memory, and the files of those that completed days ago."""
        return await self._ask(self._tickers.clean_up, keep_days)

    async def shutdown(self) -> None:
        """Watch no more. The runs go on."""
        await self._ask(self._tickers.close)


def _still_running(state: ProcessingState, timeout: float | None) -> Exception:
    from raymill.compat.timeouts import still_running

    return still_running(state, timeout or 0.0)
