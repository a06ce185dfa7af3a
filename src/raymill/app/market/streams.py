"""Asks for streams, says where each of them stands, and stops them."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import count
from typing import Any

from raymill import json
from raymill.app.market.flows import STREAM
from raymill.app.market.rooms import MarketRooms, open_rooms
from raymill.app.market.streaming import Asked, asked_for
from raymill.app.market.tail import Tail
from raymill.app.runs import Run, when
from raymill.app.workflows import Workflows, id_of
from raymill.config import settings
from raymill.errors import ConfigError, TooBusy
from raymill.market.streams.gaps import Gap
from raymill.market.streams.heard import Wanted
from raymill.market.streams.ledger import Told, all_gaps, ask_to_stop, told
from raymill.market.streams.lifecycle import State
from raymill.state.store import OPEN

PLACE = "raymill.app.market:STREAM"
POLL_S = 0.2
SILENT_S = 10.0  # a stream that says nothing for so long has no owner
STOP_S = 60.0


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a stream stands: `status` is requested, connecting, live, degraded, stopping, stopped
    or failed, and `reason` says why it is not live.

    rows_written: rows that are committed in the lake. last: time and price of each symbol.
    """

    stream_id: str
    source: str
    symbols: tuple[str, ...]
    kinds: tuple[Wanted, ...]
    interval: str | None
    status: str
    reason: str = ""
    simulated: bool = False
    started: str = ""
    duration_s: float = 0.0
    messages_received: int = 0
    rows_written: int = 0
    bytes: int = 0
    last_event: str | None = None
    last_received: str | None = None
    lag_p50_ms: float | None = None
    lag_p99_ms: float | None = None
    reconnects: int = 0
    gaps_found: int = 0
    gaps_filled: int = 0
    gaps_open: int = 0
    queue_depth: int = 0
    lagging: int = 0
    conflated: int = 0
    repeated: int = 0
    refused: int = 0
    last: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return State(self.status).is_over

    def to_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


class Streams:
    """The streams in `RAYMILL_HOME`. It runs nothing itself: it submits runs and reads."""

    def __init__(
        self, workflows: Workflows | None = None, rooms: MarketRooms | None = None
    ) -> None:
        self.workflows, self.rooms = workflows or Workflows(), rooms or open_rooms()

    def __enter__(self) -> "Streams":
        return self

    def __exit__(self, *_: object) -> None:
        self.workflows.close()

    def start(
        self,
        source: str,
        symbols: Sequence[str],
        wanted: Sequence[str] = ("trades",),
        *,
        interval: str = "1m",
        speed: float = 1.0,
        start_us: int | None = None,
        **how: Any,
    ) -> tuple[Standing, bool]:
        """Have live records stored. Gives the stream, and whether it is a new one.

        Where the same is streamed already, that is what it gives. speed, start_us: for sources of
        this machine, which may begin in the past and run faster. `how` is as in `Workflows.submit`.
        Raises ConfigError, UnknownName, SourceError.
        """
        asked = asked_for(
            *(self.rooms, source, symbols, wanted),
            interval=interval,
            speed=speed,
            start_us=start_us,
        )
        return self._started(asked, **how)

    def _started(self, asked: Asked, **how: Any) -> tuple[Standing, bool]:
        for number in count(1):
            about = replace(asked, began_us=0)
            key = json.dumps([*about.to_dict().values(), number]).decode()
            run = id_of(STREAM, key)
            row, known = self.workflows.store.run(run), told(self.rooms.database, run)
            if row is not None and row.status not in OPEN:
                continue
            if known is not None and known.wanted == "stopped":
                continue
            is_new = row is None and not self.workflows.store.messages(run)
            if is_new:
                with self.rooms.database.transaction():  # one after the other, in any process
                    self._check_most()
                    self.workflows.submit(PLACE, asked.to_dict(), key=key, **how)
            else:
                self.workflows.ensure()
            return self.standing(run), is_new
        raise AssertionError("numbers do not end")

    def _check_most(self) -> None:
        most = settings().market_live.most
        open_ = self.count(most)
        if open_ >= most:
            raise TooBusy(
                f"{open_} streams run already, and no more than {most} may",
                hint="raymill streams stop STREAM, or export RAYMILL_MARKET_LIVE_MOST",
                retry_after_s=10,
            )

    def count(self, most: int = 1000) -> int:
        """How many streams have not ended; of each status so many at most are counted."""
        return sum(
            len(self.workflows.ls(workflow=STREAM.name, status=status, most=most))
            for status in ("submitted", *OPEN)
        )

    def standing(self, run: str) -> Standing:
        """Where a stream stands. Raises ConfigError where there is no such stream."""
        found = self.workflows.run(run)
        if found.workflow != STREAM.name:
            raise ConfigError(
                f"Run `{run}` is no stream but `{found.workflow}`", hint="raymill streams ls"
            )
        return self._standing(found, told(self.rooms.database, run))

    def ls(self, **which: Any) -> list[Standing]:
        """A page of streams, newest first: `status` of the run, `before` (a run), `most`."""
        runs = self.workflows.ls(workflow=STREAM.name, **which)
        return [self._standing(run, told(self.rooms.database, run.id)) for run in runs]

    def missed(self, run: str) -> list[dict[str, Any]]:
        """What a stream missed as JSON values, the oldest first. Raises ConfigError."""
        self.standing(run)
        return [self._missed(gap) for gap in all_gaps(self.rooms.database, run)]

    def _missed(self, gap: Gap) -> dict[str, Any]:
        return {
            "symbol": self.rooms.instrument(gap.instrument).symbol,
            "kind": gap.kind,
            "first": gap.first,
            "last": gap.last,
            "since": _time(gap.since_us),
            "until": _time(gap.until_us),
            "state": gap.state,
            "rows": gap.rows,
            "reason": gap.reason,
        }

    def stop(self, run: str, wait_s: float = STOP_S) -> Standing:
        """Stop a stream and wait for its end; one that has ended stays as it is.

        Raises ConfigError where there is no such stream.
        """
        now = self.ask_to_stop(run)
        until = time.monotonic() + wait_s
        while not now.is_over and time.monotonic() < until:
            self.workflows.keep_going()
            time.sleep(POLL_S)
            now = self.standing(run)
        return now

    def ask_to_stop(self, run: str) -> Standing:
        """Have a stream stopped, without waiting; one that has ended stays as it is.

        Raises ConfigError where there is no such stream.
        """
        now = self.standing(run)
        if now.is_over:
            return now
        ask_to_stop(self.rooms.database, run, time.time())
        self.workflows.ensure()
        return self.standing(run)

    def tail(self, run: str) -> Tail:
        """Gives the records of a stream as they are stored from now on. Raises ConfigError."""
        asked = Asked.of(self.workflows.run(run).input)
        known = told(self.rooms.database, run)
        last_us = known.status.get("counts", {}).get("last_event_us") if known else None
        return Tail(self.rooms, asked, last_us or (asked.start_us or asked.began_us) - 1)

    def number(self, run: str) -> int:
        """A number that grows when a stream says something new."""
        known = told(self.rooms.database, run)
        return 0 if known is None else int(known.updated * 1000)

    def follow(self, run: str, poll_s: float = POLL_S) -> Iterator[Standing]:
        """Give where a stream stands, again and again, until it has ended."""
        while True:
            now = self.standing(run)
            yield now
            if now.is_over:
                return
            self.workflows.keep_going()
            time.sleep(poll_s)

    def _standing(self, run: Run, known: Told | None) -> Standing:
        asked = Asked.of(run.input)
        instruments = [self.rooms.instrument(number) for number in asked.instruments]
        status, reason = _state(run, known)
        bare = Standing(
            run.id,
            asked.source,
            tuple(one.symbol for one in instruments),
            asked.wanted,
            asked.interval if "bars" in asked.wanted else None,
            status,
            reason,
            simulated=asked.source == "simulated",
        )
        if known is None:
            return bare
        symbols = {str(one.instrument_id): one.symbol for one in instruments}
        return _filled(bare, known, symbols)


def _state(run: Run, known: Told | None) -> tuple[str, str]:
    """The state of a stream: its owner says it, unless it has none any more."""
    reason = str(known.status.get("reason", "")) if known else ""
    if known is not None and State(known.state).is_over:
        return known.state, reason
    if run.status == "failed":
        return State.FAILED, str((run.error or {}).get("message", ""))
    if run.is_over:
        return State.STOPPED, "its run was cancelled" if run.status == "cancelled" else ""
    if known is None:
        return State.REQUESTED, ""
    if known.wanted == "stopped":
        return State.STOPPING, ""
    if known.state != State.REQUESTED and time.time() - known.updated > SILENT_S:
        return State.DEGRADED, f"its owner has said nothing for {time.time() - known.updated:.0f} s"
    return known.state, reason


def _filled(bare: Standing, known: Told, symbols: dict[str, str]) -> Standing:
    status = known.status
    counts = status.get("counts", {})
    ends = known.updated if bare.is_over else time.time()
    values = asdict(bare) | {
        "started": when(known.started),
        "duration_s": round(max(0.0, ends - known.started), 3),
        "messages_received": counts.get("messages", 0),
        "rows_written": known.rows,
        "bytes": counts.get("bytes", 0),
        "last_event": _time(counts.get("last_event_us")),
        "last_received": _time(counts.get("last_received_us")),
        "reconnects": counts.get("disconnects", 0),
        "gaps_found": sum(known.gaps.values()),
        "gaps_filled": known.gaps.get("filled", 0),
        "gaps_open": known.gaps.get("open", 0),
        "last": _last(status.get("last", {}), symbols),
    }
    values |= {name: counts.get(name, 0) for name in ("conflated", "repeated", "refused")}
    names = ("lag_p50_ms", "lag_p99_ms", "queue_depth", "lagging")
    return Standing(**values | {name: status.get(name, values[name]) for name in names})


def _last(shown: dict[str, dict[str, list[Any]]], symbols: dict[str, str]) -> dict[str, list[Any]]:
    """The newest time and price of each symbol, of whatever kind."""
    found: dict[str, list[Any]] = {}
    for rows in shown.values():
        for number, (ts, price) in rows.items():
            symbol = symbols.get(number, number)
            if symbol not in found or ts > found[symbol][0]:
                found[symbol] = [ts, price]
    return {symbol: [_time(ts), price] for symbol, (ts, price) in sorted(found.items())}


def _time(ts_us: int | None) -> str | None:
    return when(ts_us / 1e6) if ts_us else None
