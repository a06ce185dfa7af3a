"""What the disk can do: every durable step waits for it."""

import os
from collections.abc import Iterator

from raymill.bench.case import Case, Setup, Work, speed

USUAL = 2_000
PAGE = b"x" * 4096


def cases() -> Iterator[Case]:
    """The rate of forced writes."""
    text = "4 KiB appended to a file and forced to the disk, one after the other"
    yield Case("workflows.fsync", text, _forced, unit="writes/s", stream="")


def _forced(setup: Setup) -> Work:
    path, count = setup.folder / "forced", setup.count(USUAL)

    def work() -> int:
        handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_TRUNC)
        try:
            for _ in range(count):
                os.write(handle, PAGE)
                os.fdatasync(handle)
        finally:
            os.close(handle)
        return count

    return speed(work, 1)
