"""A vendor's way out: permits, tries, and what is told to the whole cluster."""

import hashlib
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NoReturn, Protocol, TypeVar

from raymill import faults
from raymill.errors import InputError, SourceError
from raymill.log import get_logger
from raymill.net.failures import BadRequest, BodyTooLarge, TryFailed
from raymill.net.http import Http, Reply
from raymill.net.judge import Judge, by_status
from raymill.net.messages import HEAD_BYTES, MB, Answer, Head, Request
from raymill.net.retry import Tries, stop_s, wait_s
from raymill.net.verdict import FINAL, Verdict

log = get_logger()
T = TypeVar("T")

LONG_S = 5.0  # a wait for a permit that is worth a line of the log


class Limit(Protocol):
    """How often requests may begin, over all processes that share it."""

    def take(self) -> float:
        """Take a permit: 0 where there is one, else the seconds after which to ask again."""
        ...

    def stop(self, seconds: float, reason: str) -> None:
        """Give no permit to anybody for so long; a longer stop that is in force stays."""
        ...


class Unlimited:
    """No limit at all."""

    def take(self) -> float:
        """Always."""
        return 0.0

    def stop(self, seconds: float, reason: str) -> None:
        """Nothing to stop."""


class Fetcher:
    """Asks one vendor's servers: a permit before each try, further tries within a budget.

    Clock (seconds since 1970), random numbers and sleep are handed in. `told` hears what came of
    each try.
    """

    def __init__(
        self,
        http: Http,
        *,
        judge: Judge = by_status,
        limit: Limit | None = None,
        tries: Tries | None = None,
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
        sleep: Callable[[float], object] = time.sleep,
        told: Callable[[Verdict], object] = lambda verdict: None,
    ) -> None:
        self._http, self._judge, self._limit = http, judge, limit or Unlimited()
        self._tries = tries or Tries()
        self._clock, self._chance, self._sleep, self._told = clock, chance, sleep, told

    def fetch(self, request: Request, *, into: Path | None = None) -> Answer:
        """Ask until there is an answer that is final: ok, unchanged or missing.

        into: write the body to this file, anew with each try, instead of keeping it in memory.

        Raises SourceError (with `wait_s` in its details, where it is known when to come back), and
        InputError where the request is refused for good.
        """
        return self.attempt(request, lambda: self._try(request, into))

    def attempt(self, request: Request, work: Callable[[], tuple[Verdict, T | None]]) -> T:
        """Do something until it gives a value, with the permits and tries of a request.

        For somebody else's client; `request` says what is asked for. Raises as `fetch` does.
        """
        spent_s, tried = 0.0, 0
        while True:
            spent_s += self._permit(request, spent_s)
            began = self._clock()
            verdict, found = work()
            tried += 1
            self._told(verdict)
            if found is not None:
                return found
            spent_s += max(0.0, self._clock() - began)
            self._tell_all(request, verdict)
            wait = wait_s(verdict, tried, spent_s, self._tries, self._chance())
            if wait is None:
                _give_up(request, verdict, tried)
            log.info("request.retried", url=request.shown, reason=verdict.reason, wait_s=wait)
            self._sleep(wait)
            spent_s += wait

    def _permit(self, request: Request, spent_s: float) -> float:
        """Wait for a permit; gives how long that took. Waiting in line is not counted as a try."""
        waited = 0.0
        while (wait := self._limit.take()) > 0:
            if spent_s + waited + wait > self._tries.deadline_s:
                raise SourceError(
                    f"`{request.host}` is left alone for {wait:.0f} s more",
                    hint="it asked for that; try again later",
                    wait_s=wait,
                )
            if wait > LONG_S:
                log.info("request.waits", host=request.host, wait_s=wait)
            self._sleep(wait)
            waited += wait
        return waited

    def _try(self, request: Request, into: Path | None) -> tuple[Verdict, Answer | None]:
        faults.point("net.before-request")
        try:
            with self._http.open(request) as reply:
                return self._judged(request, reply, into)
        except TryFailed as error:
            return Verdict("transient", reason=str(error)), None
        except BodyTooLarge:
            raise InputError(
                f"`{request.shown}` is larger than {request.most_bytes // MB} MB"
            ) from None
        except BadRequest as error:
            raise InputError(f"`{request.shown}` cannot be asked for: {error}") from error

    def _judged(
        self, request: Request, reply: Reply, into: Path | None
    ) -> tuple[Verdict, Answer | None]:
        start = _start(reply)
        head = Head(reply.status, reply.headers, start[:HEAD_BYTES], request.url)
        verdict = self._judge(head, self._clock())
        if verdict.kind not in FINAL:
            return verdict, None
        if verdict.kind != "ok":
            return verdict, Answer(verdict.kind, request.url, head)
        return verdict, _taken(request, head, start, reply, into)

    def _tell_all(self, request: Request, verdict: Verdict) -> None:
        seconds = stop_s(verdict)
        if seconds > 0:
            self._limit.stop(seconds, verdict.reason)
            log.warning("source.stopped", host=request.host, reason=verdict.reason, seconds=seconds)


def _start(reply: Reply) -> bytes:
    found = bytearray()
    try:
        for chunk in reply.chunks:
            found += chunk
            if len(found) >= HEAD_BYTES:
                break
    except TryFailed:
        if reply.status < 300:  # an error page says enough by what there is of it
            raise
    return bytes(found)


def _taken(request: Request, head: Head, start: bytes, reply: Reply, into: Path | None) -> Answer:
    """The answer with its body, in memory or in a file."""
    if into is None:
        body = bytearray(start)
        for chunk in reply.chunks:
            body += chunk
        digest = hashlib.sha256(body).hexdigest()
        return Answer("ok", request.url, head, bytes(body), len(body), digest)
    with into.open("wb") as file:
        return _written(request, head, start, reply, file)


def _written(request: Request, head: Head, start: bytes, reply: Reply, file: BinaryIO) -> Answer:
    digest, size = hashlib.sha256(start), len(start)
    file.write(start)
    for chunk in reply.chunks:
        file.write(chunk)
        digest.update(chunk)
        size += len(chunk)
    return Answer("ok", request.url, head, size=size, sha256=digest.hexdigest())


def _give_up(request: Request, verdict: Verdict, tried: int) -> NoReturn:
    times = "once" if tried == 1 else f"{tried} times"
    if verdict.kind == "permanent":
        raise InputError(
            f"`{request.shown}` was refused: {verdict.reason}", **_named(verdict.fault)
        )
    raise SourceError(
        f"`{request.shown}` gave no answer, asked {times}: {verdict.reason}",
        hint="try again later",
        wait_s=verdict.wait_s,
        **_named(verdict.fault),
    )


def _named(fault: str) -> dict[str, str]:
    return {"fault": fault} if fault else {}
