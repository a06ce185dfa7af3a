"""The area `services`: the HTTP API on its hosts, asked by a second process on this machine."""

from collections.abc import Iterator

from raymill.bench.case import Case


def cases() -> Iterator[Case]:
    """All rows of the area, in the order in which they are shown."""
    from raymill.bench.services import local, on_ray

    yield from local.cases()
    yield from on_ray.cases()
