"""The area `market`: backtests, sweeps, screens, trades into the lake, live trades."""

from collections.abc import Iterator

from raymill.bench.case import Case


def cases() -> Iterator[Case]:
    """All rows of the area, in the order in which they are shown."""
    from raymill.bench.market import backtests, ingest, screen, spread, stream

    yield from backtests.cases()
    yield from spread.cases()
    yield from screen.cases()
    yield from ingest.cases()
    yield from stream.cases()
