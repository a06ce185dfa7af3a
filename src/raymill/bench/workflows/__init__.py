"""The area `workflows`: durable steps a second, fan-outs, listing, and the disk below."""

from collections.abc import Iterator

from raymill.bench.case import Case


def cases() -> Iterator[Case]:
    """All rows of the area, in the order in which they are shown."""
    from raymill.bench.workflows import busy, disk, on_ray, rates, server, shapes

    for module in (disk, rates, server, on_ray, shapes, busy):
        yield from module.cases()
