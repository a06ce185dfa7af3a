"""The area `streams`: tasks, parsers, whole runs, engines, memory, start and recovery."""

from collections.abc import Iterator

from raymill.bench.case import Case


def cases() -> Iterator[Case]:
    """All rows of the area, in the order in which they are shown."""
    from raymill.bench.streams import parsers, steps, tasks, whole

    for module in (tasks, parsers, steps, whole):
        yield from module.cases()
