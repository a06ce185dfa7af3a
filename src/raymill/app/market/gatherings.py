"""Crawls of several symbols as a service is asked for them: begun, looked at, stopped."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from raymill import json
from raymill.app.market import sources as installed
from raymill.app.market.flows import GATHER
from raymill.app.market.gather import gathering, rows_of
from raymill.app.market.rooms import MarketRooms, open_rooms
from raymill.app.runs import when
from raymill.app.workflows import Workflows, id_of
from raymill.errors import (
    Cancelled,
    ConfigError,
    Conflict,
    InputError,
    NotFound,
    RaymillError,
    SourceError,
    unknown,
)
from raymill.flow.pool import StepContext
from raymill.market.asked import Asked, check_asked
from raymill.market.gatherings import Gather, Gathering, GatheringTable, Part, State, progress
from raymill.market.interval import INTERVALS
from raymill.market.moments import micros, moment
from raymill.market.schemas import Kind
from raymill.market.screen.refusals import refusal, unknown_at
from raymill.market.sources.contract import Capabilities
from raymill.orchestrator.clock import Clock

PLACE = "raymill.app.market:GATHER"
KINDS: Mapping[str, tuple[Kind, ...]] = {
    "ticks": ("trade", "quote"),
    "trades": ("trade",),
    "quotes": ("quote",),
    "ohlc": ("bar",),
}
"""What each type of data is made of, the first that a source has."""
GRACE_S = 30.0  # in which a run appears that was submitted, or is seen to have ended
END = 1_000_000  # what the number of an end is above those of changes
MOST_ROWS = 100_000  # of one answer


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a crawl stands: `status` is running, waiting, completed, failed or stopped.

    number: grows with each change. records: how many came so far.
    """

    gathering: Gathering
    status: str
    number: int
    records: int = 0
    reason: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.gathering.is_over

    def to_dict(self) -> dict[str, Any]:
        """As JSON values, without the records themselves."""
        one, asked = self.gathering, self.gathering.asked
        return {
            "crawl_id": one.crawl_id,
            "source": asked.source,
            "symbols": list(asked.symbols),
            "data_type": asked.data_type,
            "limit": asked.most,
            "interval": asked.interval,
            "start_date": None if asked.begin_us is None else moment(asked.begin_us),
            "end_date": None if asked.end_us is None else moment(asked.end_us),
            "status": self.status,
            "created": when(one.created),
            "ended": None if one.ended is None else when(one.ended),
            "records": self.records,
            "reason": self.reason,
        }


class Gatherings:
    """The crawls of services in `RAYMILL_HOME`."""

    def __init__(
        self, workflows: Workflows | None = None, rooms: MarketRooms | None = None
    ) -> None:
        self.workflows, self.rooms = workflows or Workflows(), rooms or open_rooms()
        self.table = GatheringTable(self.rooms.database)

    def admit(self, asked: Gather, most: int, within_s: float) -> Gathering:
        """Note a crawl that begins in this process, for so long. Raises TooBusy."""
        for one in self.table.open():
            self._now(one)
        now = time.time()
        one = Gathering(Clock().new_id(), asked, "", "running", now, now + within_s)
        self.table.admit(one, most)
        return one

    def here(
        self, one: Gathering, parts: list[Part], over: threading.Event, within_s: float
    ) -> None:
        """Do it in this process; `parts` gets what there is, until `over` is set.

        Raises SourceError, InputError, Cancelled.
        """

        def check() -> None:
            now = self.table.find(one.crawl_id)
            if over.is_set() or now is None or now.is_over:
                raise Cancelled(f"Crawl `{one.crawl_id}` is not done here any more")

        ctx = StepContext(one.crawl_id, check=check)
        rooms = open_rooms(ctx, within_s=within_s)
        try:
            for part in gathering(rooms, one.asked, ctx):
                parts.append(part)
        except Cancelled:
            raise
        except RaymillError as error:
            self.fail(one, error)
            raise
        self.table.settle(one.crawl_id, "completed", time.time(), found=parts)

    def fail(self, one: Gathering, error: RaymillError) -> None:
        """Note that it failed, unless a run does it by now."""
        told = {"type": type(error).__name__, "message": error.message, "hint": error.hint}
        self.table.settle(one.crawl_id, "failed", time.time(), error=told, unless_run=True)

    def hand_over(self, one: Gathering) -> None:
        """Have a run do it, which goes on whatever becomes of this process."""
        run = id_of(GATHER, one.crawl_id)
        if self.table.hand_over(one.crawl_id, run):
            self.workflows.submit(PLACE, one.asked.to_dict(), key=one.crawl_id)

    def standing(self, crawl_id: str) -> Standing:
        """Where a crawl stands. Raises NotFound."""
        found = self.table.find(crawl_id)
        if found is None:
            raise NotFound(
                f"There is no crawl `{crawl_id}`", hint="GET /api/tickscrawler/crawls lists them"
            )
        return self._now(found)

    def ls(
        self, *, state: State | None = None, before: str | None = None, most: int = 50
    ) -> list[Standing]:
        """A page of crawls, the newest first; `before` is the last id of the page before."""
        for one in self.table.open():
            self._now(one)
        return [self._now(one) for one in self.table.ls(state=state, before=before, most=most)]

    def stop(self, crawl_id: str) -> Standing:
        """Stop a crawl; what it has stays stored, and one that has ended stays as it is.

        Raises NotFound.
        """
        now = self.standing(crawl_id)
        if now.is_over:
            return now
        self.table.settle(crawl_id, "stopped", time.time())
        self._cancel(now.gathering)
        return self.standing(crawl_id)

    def _cancel(self, one: Gathering) -> None:
        if not one.run:
            return
        try:
            self.workflows.request(one.run, "cancel")
        except ConfigError:  # it ended in between
            return

    def rows(self, one: Gathering) -> list[tuple[str, dict[str, Any]]]:
        """The records of a crawl that was completed, each with its symbol."""
        return [
            (symbol, row)
            for place, (symbol, part) in enumerate(
                zip(one.asked.symbols, one.found or (), strict=False)
            )
            for row in rows_of(self.rooms, one.asked, place, part)
        ]

    def _now(self, one: Gathering) -> Standing:
        """Where it stands, by its run too."""
        if one.is_over:
            return self._standing(one)
        if not one.run:
            if time.time() > one.expires + GRACE_S:
                return self._settled(one, "failed", message="the process that did it has ended")
            return self._standing(one)
        try:
            run = self.workflows.run(one.run)
        except ConfigError:
            if time.time() < one.created + GRACE_S:
                return self._standing(one)
            return self._settled(one, "failed", message="it was never begun")
        if run.status == "completed":
            found = [Part(*part) for part in run.output]
            self.table.settle(one.crawl_id, "completed", time.time(), found=found)
            return self._again(one)
        if run.is_over:
            state: State = "stopped" if run.status == "cancelled" else "failed"
            return self._settled(one, state, **(run.error or {}))
        if one.asked.until and time.time() > one.asked.until + GRACE_S:
            self._cancel(one)
            return self._settled(one, "failed", message="it took longer than it may")
        return self._standing(one)

    def _settled(self, one: Gathering, state: State, **error: Any) -> Standing:
        told = {name: error.get(name) for name in ("type", "message", "hint")}
        self.table.settle(one.crawl_id, state, time.time(), error=told)
        return self._again(one)

    def _again(self, one: Gathering) -> Standing:
        return self._standing(self.table.find(one.crawl_id) or one)

    def _standing(self, one: Gathering) -> Standing:
        status, reason = str(one.state), (one.error or {}).get("message")
        segments, attempts = 0, 0
        records = sum(part.rows for part in one.found or ())
        if one.run:
            with self.rooms.database.reading() as execute:
                segments, came = progress(execute, one.run)
            records = records if one.is_over else came
            step = next(iter(self.workflows.store.steps(one.run)), None)
            if step is not None:
                attempts = step.attempt + step.failures + step.losses
            if step is not None and step.status == "waiting" and not one.is_over:
                status, reason = "waiting", _reason(step.error)
        number = 1 + segments + attempts + bool(one.run) + (END if one.is_over else 0)
        return Standing(one, status, number, records, reason)


def failure(one: Gathering) -> RaymillError:
    """Why a crawl gave nothing, as an error."""
    told = one.error or {}
    if one.state == "stopped":
        return Conflict(f"Crawl `{one.crawl_id}` was stopped")
    kind = SourceError if told.get("type") == "SourceError" else InputError
    reason = told.get("message") or "no reason was recorded"
    return kind(f"Crawl `{one.crawl_id}` failed: {reason}", hint=told.get("hint"))


def _reason(error: bytes | None) -> str | None:
    return str(json.loads(error).get("message", "")) if error else None


def gather_of(
    source: str,
    symbols: Sequence[str],
    data_type: str,
    most: int,
    *,
    interval: str | None,
    start: str | None,
    end: str | None,
    timeout_s: float,
    within_s: float,
) -> Gather:
    """Read what is asked for; a symbol that nobody has asked for yet is asked for at its source.

    Raises NotFound for a source that there is none of, SourceError, and ConfigError or UnknownName
    with the path of what is wrong.
    """
    if source not in installed.names():
        raise unknown("source", source, installed.names(), kind=NotFound)
    if data_type not in KINDS:
        raise unknown_at("data_type", "data type", data_type, KINDS)
    if len(symbols) * most > MOST_ROWS:
        raise refusal("limit", f"of {most} for {len(symbols)} symbols is above {MOST_ROWS} records")
    rooms = open_rooms(within_s=within_s)
    able = rooms.outlet(source).source.capabilities
    kind = _kind(source, able, data_type)
    every = _interval(source, able, kind, interval)
    begin_us, end_us = _range(start, end)
    names = tuple(dict.fromkeys(symbols))
    numbers = tuple(_number(rooms, source, place, name) for place, name in enumerate(names))
    if begin_us is not None and end_us is not None:
        asked = Asked(source, numbers[0], kind, begin_us, end_us, every)
        check_asked(rooms.outlet(source).source, asked)
    until = time.time() + timeout_s
    return Gather(
        source, names, numbers, data_type, kind, most, every, begin_us, end_us, until=until
    )


def _kind(source: str, able: Capabilities, data_type: str) -> Kind:
    for kind in KINDS[data_type]:
        if kind in able.kinds:
            return kind
    there = [name for name, kinds in KINDS.items() if set(kinds) & set(able.kinds)]
    raise refusal(
        "data_type", f"cannot be `{data_type}`: `{source}` has none", f"it has {', '.join(there)}"
    )


def _interval(source: str, able: Capabilities, kind: Kind, interval: str | None) -> str | None:
    if kind != "bar":
        if interval is not None:
            raise refusal("interval", "is for `ohlc` alone")
        return None
    wanted = interval or ("1m" if "1m" in able.intervals else able.intervals[0])
    if wanted not in INTERVALS:
        raise unknown_at("interval", "interval", wanted, INTERVALS)
    if wanted not in able.intervals:
        there = f"it has {', '.join(able.intervals)}"
        raise refusal("interval", f"cannot be `{wanted}`: `{source}` has none", there)
    return wanted


def _range(start: str | None, end: str | None) -> tuple[int | None, int | None]:
    if start is None:
        if end is not None:
            raise refusal("start_date", "is missing", "give both dates, or none for the newest")
        return None, None
    begin_us = micros(start, "start_date")
    end_us = int(time.time() * 1e6) if end is None else micros(end, "end_date")
    if begin_us >= end_us:
        raise refusal("end_date", f"is not behind `start_date` {moment(begin_us)}")
    return begin_us, end_us


def _number(rooms: MarketRooms, source: str, place: int, symbol: str) -> int:
    try:
        return rooms.named(source, symbol).instrument_id
    except ConfigError as error:
        error.details["path"] = f"symbols[{place}]"
        raise
