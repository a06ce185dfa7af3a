"""The area `market`: screens, overviews and snapshots of a large universe; trades into the lake."""

from collections.abc import Iterator

from raymill.bench.case import Case


def cases() -> Iterator[Case]:
    """All rows of the area, in the order in which they are shown."""
    from raymill.bench.market import ingest, screen, stream

    yield from screen.cases()
    yield from ingest.cases()
    yield from stream.cases()
