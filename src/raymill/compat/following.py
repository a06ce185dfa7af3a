"""Follows companies to their ends, all of them in one thread."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import islice

from raymill.app.filings.companies import Filings
from raymill.errors import RaymillError, StoreUnavailable, WorkflowError
from raymill.filings.ledger import Standing
from raymill.filings.status import ProcessingState, ProcessingStatus
from raymill.log import get_logger

POLL_S = 0.05
RESTING = 50  # companies that nobody has begun are looked at, so many at a time
FAILS = 5  # in a row, until those who wait are told
REST_S = 1.0  # after the store could not be reached, and twice as long each time

log = get_logger(room="compat")

Told = Callable[[Standing], ProcessingState]


@dataclass
class _Followed:
    known: Standing
    future: "Future[ProcessingState]" = field(default_factory=Future)
    is_new: bool = True
    fails: int = 0


class Follower:
    """Looks at companies that are under way, and tells those who wait for them.

    told: is given a company each time that it stands elsewhere; makes its state.
    """

    def __init__(
        self, filings: Filings, told: Told, *, poll_s: float = POLL_S, rest_s: float = REST_S
    ) -> None:
        self._filings, self._told, self._poll_s, self._rest_s = filings, told, poll_s, rest_s
        self._open: dict[str, _Followed] = {}
        self._lock = threading.Lock()
        self._some, self._closed = threading.Event(), threading.Event()
        self._turn = self._fails = 0
        self._thread = threading.Thread(target=self._serve, name="raymill-follows", daemon=True)
        self._thread.start()

    def add(self, known: Standing) -> "Future[ProcessingState]":
        """Follow a run of a company. Gives its state at the end."""
        with self._lock:
            one = self._open.setdefault(known.run, _Followed(known))
            self._some.set()
        return one.future

    def seen(self) -> dict[str, Standing]:
        """The companies that are followed, as they were last seen."""
        with self._lock:
            return {one.known.called: one.known for one in self._open.values()}

    def close(self) -> None:
        """Follow no more; the runs go on."""
        self._closed.set()
        self._some.set()
        self._thread.join()
        for one in self._take_all():
            one.future.set_exception(_closed(one.known.called))

    def _serve(self) -> None:
        while not self._closed.is_set():
            self._some.wait()
            begun = time.monotonic()
            try:
                self._look_around()
                self._fails = 0
            except RaymillError as error:
                self._fails += 1
                log.warning("tickers.unread", fails=self._fails, reason=error.message)
                if self._fails >= FAILS:
                    self._fail(error)
            except Exception as error:  # whoever waits must hear of it, and not wait for ever
                self._fail(error)
            self._closed.wait(self._pause(time.monotonic() - begun))

    def _pause(self, took: float) -> float:
        if self._fails:
            return float(self._rest_s * 2 ** (self._fails - 1))
        return max(self._poll_s, 5 * took)

    def _fail(self, error: Exception) -> None:
        self._fails = 0
        for one in self._take_all():
            one.future.set_exception(error)

    def _take_all(self) -> list[_Followed]:
        with self._lock:
            found = list(self._open.values())
            self._open.clear()
            if not self._closed.is_set():
                self._some.clear()
            return found

    def _look_around(self) -> None:
        for one in self._due():
            try:
                self._look(one)
                one.fails = 0
            except StoreUnavailable:
                raise
            except RaymillError as error:
                one.fails += 1
                log.warning("ticker.unread", ticker=one.known.called, reason=error.message)
                if one.fails >= FAILS:
                    self._end(one)
                    one.future.set_exception(error)
        if self._open:
            self._filings.workflows.keep_going()

    def _due(self) -> Iterator[_Followed]:
        """All that are under way, and some of those that wait for their turn."""
        going = self._filings.ledger.going()
        with self._lock:
            followed = list(self._open.values())
        resting = []
        for one in followed:
            status = going.get(one.known.called)
            if one.is_new or status is not ProcessingStatus.DISCOVERED:
                yield one
            else:
                resting.append(one)
        if resting:
            self._turn = (self._turn + RESTING) % len(resting)
            yield from islice(resting + resting, self._turn, self._turn + RESTING)

    def _look(self, one: _Followed) -> None:
        now = self._filings.standing(one.known)
        if not one.is_new and now == one.known:
            return
        state = self._told(now)
        one.known, one.is_new = now, False
        if now.status.is_over:
            self._end(one)
            one.future.set_result(state)

    def _end(self, one: _Followed) -> None:
        with self._lock:
            self._open.pop(one.known.run, None)
            if not self._open:
                self._some.clear()


def _closed(called: str) -> WorkflowError:
    return WorkflowError(
        f"`{called}` is not followed any more; its run goes on",
        hint=f"raymill filings status {called}",
    )
