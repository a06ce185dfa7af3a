"""The way out to one vendor: permits, tries, breaker, sessions and clocks, once for all of them."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import TypeVar

from raymill.errors import InputError, RaymillError
from raymill.market.sources.budget import Budget
from raymill.market.sources.contract import (
    Fault,
    Listing,
    Newest,
    Page,
    PageRequest,
    Source,
    fault_of,
    verdict,
)
from raymill.net import Answer, Fetcher, Head, Http, Request, Tries, Verdict

T = TypeVar("T")

SURE_S = 2.0  # a clock that is less wrong is right: the vendor tells whole seconds


@dataclass(slots=True)
class Traffic:
    """What went through an outlet."""

    requests: int = 0
    bytes: int = 0
    faults: dict[str, int] = field(default_factory=dict)


def date_of(head: Head) -> float | None:
    """The time at the server, as an answer tells it in whole seconds; None where it does not, or a
    cache has answered."""
    if head.header("age"):
        return None
    try:
        return parsedate_to_datetime(head.header("date")).timestamp() + 0.5
    except ValueError:
        return None


class Outlet:
    """Asks one vendor; it is the `Fetch` of an adapter. One for each crawl; they share the budget.

    Clock (seconds since 1970), random numbers and sleep are handed in; `dated` tells the vendor's
    time from an answer.
    """

    def __init__(
        self,
        source: Source,
        http: Http,
        budget: Budget | None = None,
        *,
        tries: Tries | None = None,
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
        sleep: Callable[[float], object] = time.sleep,
        dated: Callable[[Head], float | None] = date_of,
    ) -> None:
        self.source, self.budget = source, budget
        self.traffic = Traffic()
        self.ahead_s = 0.0
        """How far the vendor's clock is ahead of ours."""
        self._http, self._tries = http, tries or Tries()
        self._clock, self._chance, self._sleep, self._dated = clock, chance, sleep, dated

    def now(self) -> float:
        """The time at the vendor, as far as it is known; seconds since 1970."""
        return self._clock() + self.ahead_s

    def __call__(self, request: Request, *, weight: float = 1.0) -> Answer:
        """Ask. Raises SourceError, InputError; their details name the `fault`."""
        answer = self._fetcher(weight).fetch(request)
        self.traffic.bytes += answer.size
        return answer

    def page(self, asked: PageRequest) -> Page:
        """One page of the source; as of the time at the vendor."""
        return self._mended(lambda: self.source.page(self._as_of_now(asked), self))

    def newest(self, asked: PageRequest) -> Page:
        """The newest trades of a source that tells them."""
        source = self.source
        assert isinstance(source, Newest)
        return self._mended(lambda: source.newest(self._as_of_now(asked), self))

    def instruments(self, symbols: Sequence[str] = ()) -> Listing:
        """Instruments of the source."""
        return self._mended(lambda: self.source.instruments(self, symbols))

    def _as_of_now(self, asked: PageRequest) -> PageRequest:
        return replace(asked, now_us=int(self.now() * 1e6))

    def through(self, name: str, work: Callable[[], T], *, weight: float = 1.0) -> T:
        """Do the request of somebody else's client under the same limits."""

        def attempt() -> tuple[Verdict, tuple[T] | None]:
            try:
                return Verdict("ok"), (work(),)
            except RaymillError as error:
                fault = fault_of(error)
                if fault is None:
                    raise
                return verdict(fault, error.message, error.details.get("wait_s")), None

        asked = Request(f"{self.source.id}://{name}")
        return self._fetcher(weight).attempt(asked, attempt)[0]

    def _fetcher(self, weight: float) -> Fetcher:
        return Fetcher(
            self._http,
            judge=self._judge,
            limit=self.budget.of(weight) if self.budget else None,
            tries=self._tries,
            clock=self._clock,
            chance=self._chance,
            sleep=self._sleep,
            told=self._told,
        )

    def _judge(self, head: Head, now: float) -> Verdict:
        self._look_at_clock(head, now)
        if self.budget is not None and (used := self.source.used(head)):
            self.budget.used(used, now + self.ahead_s)
        return self.source.judge(head, now + self.ahead_s)

    def _look_at_clock(self, head: Head, now: float) -> None:
        theirs = self._dated(head)
        if theirs is not None:
            self.ahead_s = theirs - now if abs(theirs - now) > SURE_S else 0.0

    def _told(self, verdict: Verdict) -> None:
        self.traffic.requests += 1
        if verdict.fault:
            self.traffic.faults[verdict.fault] = self.traffic.faults.get(verdict.fault, 0) + 1
        if self.budget is not None:
            self.budget.told(verdict)

    def _mended(self, ask: Callable[[], T]) -> T:
        """Ask once more where a session was over or our clock was wrong."""
        mended: set[Fault] = set()
        while True:
            try:
                return ask()
            except InputError as error:
                fault = fault_of(error)
                if fault not in ("auth_refresh", "clock") or fault in mended:
                    raise
                mended.add(fault)
                if fault == "auth_refresh":
                    self._authorise(error)

    def _authorise(self, error: InputError) -> None:
        authorise = getattr(self.source, "authorise", None)
        if authorise is None:
            raise error
        authorise(self)
