"""Asks for crawls, and says where each of them stands."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import count
from typing import Any

from raymill import json
from raymill.app.market.flows import CRAWL
from raymill.app.market.rooms import MarketRooms, open_rooms
from raymill.app.runs import Run, when
from raymill.app.workflows import Workflows, id_of
from raymill.errors import ConfigError
from raymill.market.asked import LAST_US, Asked, asked_of, check_asked
from raymill.market.interval import interval as interval_of
from raymill.market.moments import moment
from raymill.market.place import Place, place_of
from raymill.market.schemas import Kind
from raymill.state.store import OPEN, StepRow

PLACE = "raymill.app.market:CRAWL"
POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a crawl stands: `status` is submitted, running, waiting, paused, completed, failed or
    cancelled. `done` is the part of its range that was looked at; `until` when it goes on."""

    run: str
    source: str
    symbol: str
    kind: str
    interval: str | None
    begin: str
    end: str
    status: str
    done: float = 0.0
    rows: int = 0
    new: int = 0
    replaced: int = 0
    unsound: int = 0
    pages: int = 0
    bytes: int = 0
    reason: str | None = None
    until: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.status in ("completed", "failed", "cancelled")

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


class Crawls:
    """The crawls in `RAYMILL_HOME`. It runs nothing itself: it submits runs and reads."""

    def __init__(
        self, workflows: Workflows | None = None, rooms: MarketRooms | None = None
    ) -> None:
        self.workflows, self.rooms = workflows or Workflows(), rooms or open_rooms()

    def __enter__(self) -> "Crawls":
        return self

    def __exit__(self, *_: object) -> None:
        self.workflows.close()

    def ask(
        self,
        source: str,
        symbols: Sequence[str],
        kind: Kind,
        begin_us: int,
        end_us: int,
        *,
        interval: str | None = None,
        **how: Any,
    ) -> list[Standing]:
        """Have records completed in [begin, end), a run for each symbol.

        Where the same is under way already, that run is what it gives. `how` is as in
        `Workflows.submit_all`. Raises ConfigError, UnknownName, SourceError.
        """
        every = (interval_of(interval or "1m").name) if kind == "bar" else None
        found = [self.rooms.named(source, symbol) for symbol in symbols]
        wanted = [Asked(source, one.instrument_id, kind, begin_us, end_us, every) for one in found]
        made = self.rooms.outlet(source).source
        for asked in wanted:
            check_asked(made, asked)
        keys = [self._key(asked) for asked in wanted]
        runs = self.workflows.submit_all(PLACE, [asdict(one) for one in wanted], keys=keys, **how)
        return [self.standing(run) for run in runs]

    def _key(self, asked: Asked) -> str:
        """A key whose run has not ended: that of one under way, else a new one."""
        for number in count(1):
            key = json.dumps([*asdict(asked).values(), number]).decode()
            row = self.workflows.store.run(id_of(CRAWL, key))
            if row is None or row.status in OPEN:
                return key
        raise AssertionError("numbers do not end")

    def standing(self, run: str) -> Standing:
        """Where a crawl stands. Raises ConfigError where there is no such crawl."""
        found = self.workflows.run(run)
        if found.workflow != CRAWL.name:
            raise ConfigError(
                f"Run `{run}` is no crawl but `{found.workflow}`", hint=f"workflows show {run}"
            )
        return self._standing(found)

    def _standing(self, run: Run) -> Standing:
        try:
            asked = asked_of(run.input, self.rooms.registry.named)
        except ConfigError:  # one of a schedule whose symbol nobody has asked for yet
            return _unresolved(run)
        with self.rooms.database.reading() as execute:
            place = place_of(execute, run.id) or Place(asked.begin_us)
        row = next(iter(self.workflows.store.steps(run.id)), None)
        error = run.error or (json.loads(row.error) if row and row.error else {})
        is_waiting = row is not None and row.status == "waiting" and run.status == "running"
        names = ("rows", "new", "replaced", "unsound", "pages", "bytes")
        is_open_ended = asked.end_us == LAST_US
        return Standing(
            run.id,
            asked.source,
            self.rooms.instrument(asked.instrument_id).symbol,
            asked.kind,
            asked.interval,
            moment(asked.begin_us),
            "now" if is_open_ended else moment(asked.end_us),
            "waiting" if is_waiting else run.status,
            done=1.0 if run.status == "completed" else _part(asked, place),
            **{name: getattr(place, name) for name in names},
            reason=error.get("message") if run.status != "completed" else None,
            until=when(row.due) if row is not None and is_waiting else None,
        )

    def ls(self, **which: Any) -> list[Standing]:
        """A page of crawls, newest first: `status`, `before` (a run), `most`."""
        rows = self.workflows.ls(workflow=CRAWL.name, **which)
        return [self.standing(row.id) for row in rows]

    def steps(self, run: str) -> list[StepRow]:
        """The step of a crawl, with its attempts."""
        return list(self.workflows.store.steps(run))

    def request(self, run: str, kind: str) -> None:
        """Ask for `cancel`, `pause`, `resume` or `retry` of a crawl. Raises ConfigError."""
        self.standing(run)
        self.workflows.request(run, kind)

    def follow(
        self, known: Iterable[Standing], poll_s: float = POLL_S
    ) -> Iterator[tuple[int, Standing]]:
        """Give crawls with their places each time that they stand elsewhere, until all ended."""
        runs = [one.run for one in known]
        open_, told = set(range(len(runs))), dict[int, Standing]()
        while open_:
            begun = time.monotonic()
            for place in sorted(open_):
                now = self.standing(runs[place])
                if told.get(place) != now:
                    told[place] = now
                    yield place, now
                if now.is_over:
                    open_.discard(place)
            if open_:
                self.workflows.keep_going()
                time.sleep(max(poll_s, 5 * (time.monotonic() - begun)))


def _unresolved(run: Run) -> Standing:
    given = run.input if isinstance(run.input, dict) else {}
    return Standing(
        run.id,
        str(given.get("source") or ""),
        str(given.get("symbol") or ""),
        str(given.get("kind") or "bar"),
        given.get("interval"),
        str(given.get("start") or ""),
        str(given.get("end") or "now"),
        run.status,
        reason=(run.error or {}).get("message"),
    )


def _part(asked: Asked, place: Place) -> float:
    end_us = min(asked.end_us, int(time.time() * 1e6))
    whole = end_us - asked.begin_us
    done = (place.at_us - asked.begin_us) / whole if whole > 0 else 1.0
    return round(min(1.0, max(0.0, done)), 4)
