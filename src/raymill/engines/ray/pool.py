"""The pool of workers on Ray: actors whose number follows what waits for them."""

import importlib.util
import os
import selectors
import socket
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from raymill import __version__, log
from raymill.config import settings
from raymill.config.process import given_on
from raymill.engines.ray.batches import Batches, Find
from raymill.engines.ray.door import Door
from raymill.engines.ray.line import Line
from raymill.engines.ray.link import Link
from raymill.engines.ray.roster import Roster
from raymill.engines.ray.seal import sealed
from raymill.engines.ray.staff import Staff
from raymill.errors import Cancelled, ConfigError, EngineUnavailable
from raymill.flow.places import workflow_at
from raymill.flow.pool import Call, Key, Reports

TICK_S = 0.05  # how often the clock is looked at while something may fall due
QUIET_S = 1.0  # ... and while nothing may
BEHIND_S = 0.005  # ... and while a line is full
AGAIN_S = (0.0, 1.0, 2.0, 5.0, 10.0, 30.0)  # before the cluster is tried again
STABLE_S = 60.0  # a connection that lasted longer was a good one
SAVERS = 4


class RayPool:
    """Runs steps on Ray actors: an isolated cluster of its own, or the one at an address.

    The cluster may be lost and come back; what waits, waits. Its process and this one are apart, so
    that neither Ray's start nor its end is felt here.

    artifacts: where large outputs lie; workers_min, workers_max: between which the number of
    workers follows the queue; find: gives the workflow that lies at a place, which the workers find
    by the place alone.
    """

    def __init__(
        self,
        artifacts: str | Path,
        *,
        workers_min: int | None = None,
        workers_max: int | None = None,
        address: str | None = None,
        find: Find = workflow_at,
    ) -> None:
        wanted = settings().workflows
        most = workers_max or max(wanted.ray_workers_max, wanted.ray_workers_min)
        least = min(wanted.ray_workers_min if workers_min is None else workers_min, most)
        self._address = _checked(address or settings().ray.address or "local")
        self._artifacts = Path(artifacts).absolute()
        self._silent_s, self._join_s = wanted.ray_silent_s, wanted.ray_join_s
        self._lock = threading.Lock()
        self._selector = selectors.DefaultSelector()
        self._roster = Roster(least, most, wanted.ray_idle_s)
        self._batches = Batches(find)
        known = (self._roster, self._batches, self._selector, self._silent_s)
        self._staff = Staff(*known, self._about, self._save)
        self._door = Door(self._selector, self._staff.let_in)
        self._link: Link | None = None
        self._fails, self._again = 0, 0.0  # to reach the cluster
        self._is_away = self._is_resting = self._closing = False
        self._bell, self._clapper = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name="raymill-ray", daemon=True)
        self._savers = ThreadPoolExecutor(SAVERS, thread_name_prefix="raymill-ray-save")
        self._log = log.get_logger(room="ray-pool")

    @property
    def size(self) -> int:
        """How many batches it takes at a time: the most workers that there will be."""
        return self._roster.most

    # What the orchestrator calls

    def open(self, reports: Reports) -> None:
        """Begin; results go to `reports`. What is submitted waits until the cluster is there."""
        self._reports, self._seal = reports, sealed(self._artifacts)
        for end in (self._bell, self._clapper):
            end.setblocking(False)
        self._selector.register(self._bell, selectors.EVENT_READ, self._rung)
        self._thread.start()

    def submit(self, calls: Sequence[Call]) -> None:
        """Run calls one after the other on a worker that is idle."""
        with self._turn() as now:
            batches, failed = self._batches.sort(calls, now)
            self._roster.waiting += batches
            self._staff.told += failed
            self._staff.assign(now)

    def cancel(self, key: Key) -> None:
        """Stop an attempt: at its next check or `await`, and after a second with its worker."""
        with self._turn() as now:
            self._staff.cancel(key, now)

    def close(self) -> None:
        """Stop all workers; attempts that go on are given up."""
        self._closing = True
        self._ring()
        if self._thread.is_alive():
            self._thread.join()
        self._savers.shutdown(wait=False, cancel_futures=True)
        self._selector.close()
        for end in (self._bell, self._clapper):
            end.close()

    @contextmanager
    def _turn(self) -> Iterator[float]:
        """Have the state for oneself; results are reported behind it."""
        with self._lock:
            yield time.monotonic()
            told, self._staff.told = self._staff.told, []
            wakes = self._is_resting and not self._is_quiet()
        if wakes:
            self._ring()
        if told:
            self._reports.results(told)

    # The thread

    def _serve(self) -> None:
        while not self._closing:
            with self._lock:
                self._is_resting = self._is_quiet()
                patience = self._patience()
            ready = self._selector.select(patience)
            with self._turn() as now:
                self._is_resting = False
                try:
                    for key, _ in ready:
                        if _is_open(key.fileobj):  # what came before may have closed it
                            key.data()
                    self._look(now)
                except Exception as error:  # whatever it was, the pool goes on with new workers
                    trace = traceback.format_exc()
                    self._log.error("ray.pool-failed", error=repr(error), trace=trace)
                    self._part(now, "the pool had to begin anew")
        with self._lock:
            self._staff.close()
            self._door.close()
            if self._link is not None:
                self._link.close()

    def _patience(self) -> float:
        if self._is_behind():
            return BEHIND_S
        return QUIET_S if self._is_resting else TICK_S

    def _is_behind(self) -> bool:
        lines = [*self._staff.lines, *([self._link.line] if self._link else [])]
        return any(line.is_behind for line in lines)

    def _is_quiet(self) -> bool:
        """Whether nothing falls due by itself, at least not soon."""
        return not (self._roster.waiting or self._is_behind()) and not any(
            worker.state != "up" or worker.cancelled or worker.yields or worker.deadline is not None
            for worker in self._roster.workers.values()
        )

    def _rung(self) -> None:
        with suppress(BlockingIOError):
            while self._bell.recv(64):
                continue

    def _ring(self) -> None:
        with suppress(OSError):
            self._clapper.send(b"!")

    def _look(self, now: float) -> None:
        """See what has fallen due, then give out work and workers."""
        self._staff.look(now)
        self._staff.assign(now)
        self._door.look(now)
        link = self._link
        if link is None:
            if now >= self._again:
                self._connect()
            return
        link.line.flush()
        if link.is_silent(now, self._silent_s):
            self._part(now, "the process that is connected to it does not answer")
        elif link.host:
            for group in self._roster.wanted(now):
                self._staff.start(link, group, self._door.port, now)
            for worker in self._roster.spare(now):
                self._staff.let_go(worker, now)

    # The cluster

    def _connect(self) -> None:
        link = self._link = self._staff.link = Link(self._address, self._roster.most, self._join_s)
        self._selector.register(link.line.end, selectors.EVENT_READ, partial(self._hear, link))

    def _hear(self, link: Link) -> None:
        now = link.heard = time.monotonic()
        for name, *values in link.line.receive():
            if name == "over":
                number, kind, text = values
                self._staff.over(number, kind, text, now)
            elif name == "unfit":
                self._staff.unfit(values[0], now)
            elif name == "up":
                self._came(link, *values)
            elif name == "away":
                link.reason = values[0]
        if link.line.is_over and link is self._link:
            self._part(now, link.reason)

    def _came(self, link: Link, host: str) -> None:
        link.host = host
        self._door.open(host)
        if self._is_away:
            self._log.warning("ray.back", address=self._address)
        self._is_away = False

    def _part(self, now: float, reason: str) -> None:
        """The cluster is lost, or cannot be reached: steps that go on are lost, the rest waits."""
        self._staff.part(now)
        link, self._link, self._staff.link = self._link, None, None
        if link is not None:
            self._selector.unregister(link.line.end)
            link.close(0.0)
        self._door.close()
        if link is not None and link.host and now - link.since > STABLE_S:
            self._fails = 0
        self._again = now + AGAIN_S[min(self._fails, len(AGAIN_S) - 1)]
        self._fails += 1
        if not self._is_away:
            self._log.warning("ray.away", address=self._address, reason=reason)
        self._is_away = True

    # Its workers

    def _about(self) -> dict[str, Any]:
        """What a worker has to know."""
        return {
            "version": __version__,
            "settings": given_on(),
            "folder": os.getcwd(),
            "paths": [os.path.abspath(path) for path in sys.path],
            "artifacts": str(self._artifacts),
            "seal": self._seal,
            "beat_s": self._silent_s / 4,
        }

    def _save(self, line: Line, key: Key, progress: bytes) -> None:
        if self._closing:
            line.send("saved", False)
        else:
            self._savers.submit(self._commit, line, key, progress)

    def _commit(self, line: Line, key: Key, progress: bytes) -> None:
        """In a thread of its own: it waits for the disk."""
        is_saved = False
        try:
            self._reports.save(key, progress)
            is_saved = True
        except Cancelled:
            pass
        except Exception as error:
            self._log.error("ray.not-saved", run=key.run, step=key.step, error=repr(error))
        with self._lock:
            line.send("saved", is_saved)


def _is_open(end: Any) -> bool:
    return bool(end.fileno() >= 0)


def _checked(address: str) -> str:
    if importlib.util.find_spec("ray") is None:
        raise EngineUnavailable("Engine `ray` is not installed", hint="pip install 'raymill[ray]'")
    if address == "auto":
        raise ConfigError(
            "Address `auto` joins whatever cluster is found", hint="name the address of the cluster"
        )
    if address.startswith("ray://"):
        raise ConfigError(
            f"Workers cannot reach this process through `{address}`",
            hint="run the orchestrator on a node of the cluster, with the address HOST:6379",
        )
    return address
