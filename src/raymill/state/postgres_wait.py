"""The door to psycopg, and a connection that waits no longer than whoever asks."""

import time
from collections.abc import Generator
from typing import Any, TypeVar

import psycopg as psycopg
from psycopg.abc import PQGen
from psycopg.waiting import Ready

R = TypeVar("R")


class EndingConnection(psycopg.Connection[tuple[Any, ...]]):
    """A connection that is closed where the server says nothing until `ends`.

    ends: a time by `time.monotonic`; None waits as long as it takes.
    """

    ends: float | None = None

    def wait(self, gen: PQGen[R], *how: Any, **given: Any) -> R:
        """Wait for the server. Raises psycopg.OperationalError where that takes too long."""
        if self.ends is None:
            return super().wait(gen, *how, **given)
        try:
            return super().wait(_until(gen, self.ends), *how, **given)
        except _Silent as error:
            self.close()  # an answer that comes later must not be taken for that of another request
            raise psycopg.OperationalError("it does not answer in time") from error


class _Silent(Exception):
    pass


def _until(gen: PQGen[R], ends: float) -> "Generator[Any, Any, R]":
    """The same steps, to an end: the library looks at them anew several times a second."""
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if ready == Ready.NONE and time.monotonic() > ends:
                raise _Silent
            wanted = gen.send(ready)
    except StopIteration as over:
        return over.value  # type: ignore[no-any-return]
