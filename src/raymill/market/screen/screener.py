"""Screens a universe: which rows match a request, in a total order, page by page."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import numpy as np

from raymill.errors import InputError
from raymill.market.screen.columns import Mask, Places, time_text
from raymill.market.screen.cursor import Cursor, read_cursor
from raymill.market.screen.evaluate import check, holds, lacking
from raymill.market.screen.explain import Funnel
from raymill.market.screen.refusals import refusal, unknown_at
from raymill.market.screen.request import Request
from raymill.market.screen.snapshot import Snapshot, moment_of

KEPT = 8
Show: TypeAlias = Callable[[Snapshot, tuple[str, ...], Places], Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request found. `filtered_count` counts all rows that match, `stocks` is one page."""

    total_stocks: int
    filtered_count: int
    returned: int
    stocks: list[dict[str, Any]]
    filters_applied: int
    as_of: str
    data_age_s: float
    snapshot: str
    venues: list[str]
    scan_ms: float
    scan_time: str
    next_cursor: str | None
    custom_filters: list[dict[str, Any]]
    explain: list[dict[str, Any]] | None

    def to_dict(self) -> dict[str, Any]:
        """As JSON values; `explain` is there where it was asked for."""
        found = {name: getattr(self, name) for name in self.__slots__}
        if self.explain is None:
            del found["explain"]
        return found


class Screener:
    """A universe that is screened while newer snapshots of it come in.

    A cursor holds as long as its snapshot is kept: the newest eight are.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        make: Callable[[datetime], Snapshot] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._held: tuple[Snapshot, ...] = (snapshot,)
        self._make = make
        self._clock = clock

    @property
    def current(self) -> Snapshot:
        """The newest snapshot."""
        return self._held[0]

    def swap(self, snapshot: Snapshot) -> None:
        """Screen a newer snapshot from now on; requests under way keep theirs."""
        others = (one for one in self._held if one.id != snapshot.id)
        self._held = (snapshot, *others)[:KEPT]

    def at(self, as_of: datetime | None) -> Snapshot:
        """The newest snapshot that knows nothing from after a moment. Raises ConfigError."""
        held = self._held
        if as_of is None:
            return held[0]
        if self._make is not None:
            return self._make(as_of)
        fitting = [one for one in held if one.as_of <= as_of]
        if not fitting:
            oldest = min(one.as_of for one in held)
            text = f"cannot be before {time_text(oldest)}: no snapshot is that old"
            raise refusal("as_of", text)
        return max(fitting, key=lambda one: one.as_of)

    def screen(self, request: Request, now: datetime, show: Show = Snapshot.rows) -> Answer:
        """Answer a request; `show` makes `stocks` of some rows.

        Raises ConfigError, UnknownName with the path of what is wrong.
        """
        begun = self._clock()
        cursor = read_cursor(request.cursor) if request.cursor is not None else None
        snapshot = self.at(request.as_of) if cursor is None else self._of(cursor, request)
        if request.universe not in (None, snapshot.name):
            raise unknown_at("universe", "universe", str(request.universe), [snapshot.name])
        rows = snapshot if request.symbols is None else _only(snapshot, request.symbols)
        matched, funnel = _matched(rows, request)
        start = request.offset if cursor is None else cursor.position
        places = matched[start : start + request.limit]
        end = start + len(places)
        after = Cursor(snapshot.id, request.digest, end) if end < len(matched) else None
        stocks = show(rows, request.fields, places)
        elapsed = self._clock() - begun
        return Answer(
            total_stocks=len(rows),
            filtered_count=len(matched),
            returned=len(places),
            stocks=stocks,
            filters_applied=len(request.filters),
            as_of=time_text(snapshot.as_of),
            data_age_s=max(0.0, round((now - snapshot.as_of).total_seconds(), 3)),
            snapshot=snapshot.id,
            venues=list(rows.words("venue").words),
            scan_ms=round(elapsed * 1e3, 4),
            scan_time=f"{elapsed:.6f}s",
            next_cursor=after.text() if after else None,
            custom_filters=[
                {"id": one.id, "name": one.name, "version": one.version} for one in request.custom
            ],
            explain=funnel,
        )

    def _of(self, cursor: Cursor, request: Request) -> Snapshot:
        if cursor.digest != request.digest:
            text = "is of another request: filters, sort or universe differ"
            raise refusal("cursor", text, "send the request that gave it")
        for one in self._held:
            if one.id == cursor.snapshot:
                return one
        if (again := self._again(cursor.snapshot, request.as_of)) is not None:
            return again
        text = f"is of snapshot `{cursor.snapshot}`, which is gone"
        raise refusal("cursor", text, "ask without a cursor again")

    def _again(self, id: str, as_of: datetime | None) -> Snapshot | None:
        """A snapshot that is not held, as another process does or one before this."""
        moment = as_of or moment_of(id)
        if self._make is None or moment is None:
            return None
        try:
            made = self._make(moment)
        except InputError:
            return None
        return made if made.id == id else None


def _only(snapshot: Snapshot, symbols: tuple[str, ...]) -> Snapshot:
    known = set(snapshot.words("symbol").words)
    for at, symbol in enumerate(symbols):
        if symbol not in known:
            raise unknown_at(f"universe[{at}]", "symbol", symbol, known)
    return snapshot.only(symbols)


def _matched(rows: Snapshot, request: Request) -> tuple[Places, list[dict[str, Any]] | None]:
    """The rows that match, in order; what each filter left where that was asked for."""
    for node in request.filters:
        check(node, rows)
    for at, key in enumerate(request.sort):
        if not rows.has(key.field):
            raise lacking(key.field, f"sort[{at}].field")
    order = rows.order(request.sort)
    mask: Mask | None = None
    funnel = Funnel(rows) if request.explain else None
    for node in request.filters:
        found = holds(node, rows)
        mask = found if mask is None else mask & found
        if funnel is not None:
            funnel.add(node, int(np.count_nonzero(mask)))
    matched = order if mask is None else order[mask[order]]
    return matched, None if funnel is None else funnel.steps
