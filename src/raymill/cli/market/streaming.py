"""Streams for people: a live line on a terminal, a line for each change elsewhere, a table."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from raymill.cli.report import show_table

if TYPE_CHECKING:
    from raymill.app.market.streams import Standing

HEADINGS = (
    *("stream", "source", "symbols", "kinds", "status", "started"),
    *("messages", "rows", "gaps", "filled", "reason"),
)
REASON = 80  # characters of it in a table
SHOWN = 4  # symbols whose prices are on the line
Tell = Callable[["Standing"], None]


@contextmanager
def teller() -> Iterator[Tell]:
    """Tells where a stream stands: on one line of a terminal, else whenever its state changes."""
    if not sys.stderr.isatty():
        yield Lines().tell
        return
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    rate = Rate()
    with Live(console=Console(stderr=True), auto_refresh=False) as live:

        def tell(now: "Standing") -> None:
            live.update(Text(line(now, rate.of(now)), no_wrap=True), refresh=True)

        yield tell


class Lines:
    """A line for each change of state."""

    def __init__(self) -> None:
        self._told = ("", "")

    def tell(self, now: "Standing") -> None:
        """Write a line, unless there is nothing new."""
        if self._told == (now.status, now.reason):
            return
        self._told = (now.status, now.reason)
        sys.stderr.write(f"{state(now)}\n")
        sys.stderr.flush()


class Rate:
    """How many rows a second are stored."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: tuple[float, int] | None = None

    def of(self, now: "Standing") -> float:
        """The rate since the last look."""
        at, before = self._clock(), self._last
        self._last = self._last if before and at - before[0] < 1 else (at, now.messages_received)
        if before is None or at <= before[0]:
            return 0.0
        return (now.messages_received - before[1]) / (at - before[0])


def state(now: "Standing") -> str:
    """The state in words.

    >>> from raymill.app.market.streams import Standing
    >>> state(Standing("s", "binance", (), (), None, "live", lagging=1200))
    'live, lagging 1,200 rows'
    """
    lags = f", lagging {now.lagging:,} rows" if now.lagging else ""
    reason = f": {now.reason}" if now.reason else ""
    marked = "simulated, " if now.simulated else ""
    return f"{marked}{now.status}{lags}{reason}"


def line(now: "Standing", per_s: float) -> str:
    """Everything about a stream that changes, on one line."""
    prices = [f"{symbol} {price:g}" for symbol, (_, price) in list(now.last.items())[:SHOWN]]
    more = len(now.last) - SHOWN
    prices += [f"{more} more"] if more > 0 else []
    lag = "" if now.lag_p50_ms is None else f", lag {now.lag_p50_ms:.0f} ms"
    gaps = f", gaps {now.gaps_filled}/{now.gaps_found} filled" if now.gaps_found else ""
    counts = f"{now.messages_received:,} messages, {now.rows_written:,} rows, {per_s:.0f}/s"
    return " | ".join([*prices, f"{counts}{lag}{gaps}", state(now)])


def totals(now: "Standing") -> str:
    """What came of a stream."""
    return (
        f"{now.messages_received:,} messages, {now.rows_written:,} rows written, "
        f"{now.gaps_found:,} gaps found, {now.gaps_filled:,} filled, {now.duration_s:.1f} s"
    )


def show(streams: "Sequence[Standing]") -> None:
    """Write a table to standard output."""
    show_table(HEADINGS, [cells(one) for one in streams], stream=sys.stdout, numbers_from=99)


def cells(one: "Standing") -> tuple[str, ...]:
    """A row of the table."""
    reason = one.reason if len(one.reason) <= REASON else f"{one.reason[:REASON]}..."
    kinds = " ".join([*one.kinds, *([one.interval] if one.interval else [])])
    symbols = " ".join(one.symbols[:SHOWN]) + (" ..." if len(one.symbols) > SHOWN else "")
    counts = (one.messages_received, one.rows_written, one.gaps_found, one.gaps_filled)
    about = (one.stream_id, one.source, symbols, kinds, one.status, one.started)
    return (*about, *(f"{count:>8,}" for count in counts), reason)
