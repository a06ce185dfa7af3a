"""The area `streams`: tasks, parsers, whole runs, engines, memory, start and recovery."""

from collections.abc import Iterator

from raymill.bench.case import Case


def cases() -> Iterator[Case]:
    """All rows of the area, in the order in which they are shown."""
    from raymill.bench.streams import checkpoints, on_ray, parsers, processes, steps, tasks, whole

    for module in (tasks, parsers, steps, whole, checkpoints, processes, on_ray):
        yield from module.cases()
