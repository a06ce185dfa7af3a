"""Runs an orchestrator on a folder in this process: store, pool, lease, and waiting for it."""

import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from raymill import log
from raymill.app.workflows import STARTING
from raymill.config import settings
from raymill.config.paths import home
from raymill.engines.pool import LocalPool
from raymill.errors import StoreError
from raymill.flow.places import workflow_at
from raymill.flow.pool import WorkerPool
from raymill.flow.registry import POOLS, load, names
from raymill.orchestrator.loop import Orchestrator
from raymill.orchestrator.turn import Pace
from raymill.state.artifacts import Artifacts
from raymill.state.lease import LeaseWatch
from raymill.state.owner import alive, owner
from raymill.state.store import Lease, StateStore, open_store

HEARD_S = 0.5  # how often the inbox of a server is looked at that tells of messages by itself


class Service:
    """Runs the workflows of a folder, now if nobody does, else as soon as nobody does any more.

    idle_s: leave after so long without work, and at once if somebody else runs them; None stays.
    """

    def __init__(
        self, folder: str | Path | None = None, *, workers: int | None, idle_s: float | None
    ) -> None:
        wanted = settings().workflows
        self.folder = Path(folder or home()).absolute()
        self.idle_s, self.lease_s = idle_s, wanted.lease_s
        self._workers = workers
        self.workers = workers or wanted.workers
        self._least = wanted.workers_min
        self._url = settings().database.address
        self.outdated = False
        """Whether it left because code that it had loaded was changed: start a new process."""
        self._stopping = threading.Event()
        self._running: Orchestrator | None = None

    def stop(self) -> None:
        """Leave; may be called from a signal handler."""
        self._stopping.set()
        if self._running is not None:
            self._running.stop()

    def run(self, tell: Callable[[str], None] = lambda text: None) -> None:
        """Run until stopped or idle. Raises Fenced if another orchestrator took over."""
        if str(Path.cwd()) not in sys.path:
            sys.path.insert(0, str(Path.cwd()))
        log.keep_standard()
        store = open_store(self.folder, self._url)
        try:
            while (lease := self._lease(store, tell)) is not None:
                tell(f"runs the workflows of {self.folder} with {self.workers} workers")
                self._hold(store, lease)
                if self.outdated:
                    return
                # Who submitted just before the lease was given back saw it held.
                if self._stopping.is_set() or not store.inbox(store.taken()):
                    return
        finally:
            store.close()

    def _lease(self, store: StateStore, tell: Callable[[str], None]) -> Lease | None:
        told, watch = False, LeaseWatch(1.5 * self.lease_s)
        while not self._stopping.is_set():
            now = watch.now(store.holder(time.time(), alive), time.time())
            lease = store.acquire(owner(), self.lease_s, now, alive)
            if lease is not None:
                return lease
            if self.idle_s is not None:
                return None
            if not told:
                tell(f"stands by: another orchestrator runs the workflows of {self.folder}")
                told = True
            self._stopping.wait(self.lease_s / 5)
        return None

    def _hold(self, store: StateStore, lease: Lease) -> None:
        artifacts = Artifacts(self.folder / "artifacts")
        self._running = Orchestrator(
            store,
            LocalPool(self.workers, artifacts.folder, workflow_at, least=self._least),
            workflow_at,
            others=pools(artifacts.folder, self._workers),
            fetch=artifacts.get,
            keep=artifacts.put,
            pace=self._pace(),
        )
        if self._stopping.is_set():
            self._running.stop()
        over = threading.Event()
        if self._url:
            listening = (store, self._running, over)
            threading.Thread(
                target=_listen, args=listening, name="raymill-ear", daemon=True
            ).start()
        try:
            self._running.run(lease)
            self.outdated = self._running.outdated
        finally:
            over.set()
            store.release(lease.epoch)
            starting = self.folder / STARTING
            if starting.is_file() and starting.read_text() == owner():
                starting.unlink()

    def _pace(self) -> Pace:
        """A server rings when a message comes; files have to be looked at."""
        usual = Pace(lease_s=self.lease_s, idle_s=self.idle_s)
        return replace(usual, inbox_s=HEARD_S) if self._url else usual


def _listen(store: StateStore, running: Orchestrator, over: threading.Event) -> None:
    """Have the inbox read as soon as the server tells of a message."""
    while not over.is_set():
        try:
            if store.wait(HEARD_S):
                running.look()
        except (
            StoreError
        ) as error:  # the loop meets it too, and decides; until then it looks itself
            log.get_logger(room="orchestrator").warning("inbox.unheard", reason=error.message)
            over.wait(HEARD_S)


def pools(artifacts: Path, workers: int | None = None) -> Mapping[str, Callable[[], WorkerPool]]:
    """What makes the pool of each installed engine that has one; `workers` at most, if told."""
    return {name: partial(_made, name, artifacts, workers) for name in names(POOLS)}


def _made(name: str, artifacts: Path, workers: int | None) -> WorkerPool:
    made: WorkerPool = load(POOLS, name)(artifacts, workers_max=workers)
    return made
