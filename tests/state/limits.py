"""A clock for limits, and one of the processes that share a limit."""

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from raymill.state.database import Database, open_database
from raymill.state.ledger import DatabaseLedger, Ledger
from raymill.state.limits import Rate, Reading
from raymill.state.redis import RedisLedger, RedisServer
from raymill.state.shared_limit import SharedLimit


class Watch:
    """A clock that goes on when somebody sleeps, and knows what each thread read last."""

    def __init__(self) -> None:
        self.seconds, self.boot, self.ahead = 1000.0, "boot", 0.0
        self._lock = threading.Lock()
        self._read = threading.local()

    def __call__(self) -> float:
        with self._lock:
            self._read.last = self.seconds
            return self.seconds

    @property
    def last(self) -> float:
        return float(self._read.last)

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.seconds += seconds

    def reading(self, _: object = None) -> Reading:
        return Reading(self.boot, self() + self.ahead, 1.7e9 + self() + self.ahead)


Place = Database | RedisServer


def kept_in(place: Place, clock: Callable[[Any], Reading] | None = None) -> Ledger:
    """The ledger of a place, with its clock or another one."""
    if isinstance(place, RedisServer):
        return RedisLedger(place, clock)
    return DatabaseLedger(place, clock)


def limit_in(place: Place, watch: Watch, rate: Rate, name: str = "sec") -> SharedLimit:
    return SharedLimit(kept_in(place, watch.reading), name, rate, monotonic=watch)


def shared(place: Place, watch: Watch, name: str = "sec") -> SharedLimit:
    return limit_in(place, watch, Rate(8), name)


def taken(limit: SharedLimit, watch: Watch, count: int) -> list[float]:
    """When so many permits were granted, one after the other."""
    found: list[float] = []
    while len(found) < count:
        wait_s = limit.take()
        if wait_s > 0:
            watch.sleep(wait_s)
        else:
            found.append(watch.last)
    return found


def most_in(times: list[float], per_s: float) -> int:
    """The most of these times that lie within any span of that length."""
    ordered = sorted(times)
    return max(sum(start <= at < start + per_s for at in ordered) for start in ordered)


def grants(place: Path) -> list[tuple[int, float]]:
    """Which process was granted a permit, and when: the lines that are whole."""
    log = place / "grants"
    lines = log.read_text().splitlines() if log.is_file() else []
    return [(int(words[0]), float(words[1])) for line in lines if len(words := line.split()) == 2]


def main(place: str, url: str) -> None:
    """Take permits and write down when each was granted, until there are enough."""
    last = threading.local()

    def now() -> float:
        last.at = time.monotonic()
        return float(last.at)

    is_redis = url.startswith(("redis", "unix"))
    opened = RedisServer(url) if is_redis else open_database(place, url)
    limit = SharedLimit(kept_in(opened), "sec", Rate(40), monotonic=now)
    file = os.open(Path(place) / "grants", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    while not (Path(place) / "enough").exists():
        wait_s = limit.take()
        if wait_s > 0:
            time.sleep(wait_s)
        else:
            os.write(file, f"{os.getpid():10d} {last.at:20.9f}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
