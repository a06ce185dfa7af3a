"""The pool of workers on Ray: actors whose number follows what waits for them."""

import importlib.util
import os
import secrets
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

from raymill import __version__, json, log
from raymill.config import settings
from raymill.config.process import given_on
from raymill.engines.ray import reasons
from raymill.engines.ray.batches import Batches, Find
from raymill.engines.ray.door import TOKEN, Door
from raymill.engines.ray.line import Line
from raymill.engines.ray.link import Link
from raymill.engines.ray.roster import Roster, Verdict, Worker
from raymill.engines.ray.seal import sealed
from raymill.errors import Cancelled, ConfigError, EngineUnavailable
from raymill.flow.places import workflow_at
from raymill.flow.pool import Call, Key, Reports, Result
from raymill.flow.workflow import Resources

TICK_S = 0.05  # how often the clock is looked at while something may fall due
QUIET_S = 1.0  # ... and while nothing may
BEHIND_S = 0.005  # ... and while a line is full
REASON_S = 5.0  # for Ray to say why a worker went away
KILL_S = 5.0  # for a worker to end that is told to
GRACE_S = 1.0  # for a step to look whether it was cancelled
LATE_S = 600.0  # for a worker that was given up to say what it still has to
AGAIN_S = (0.0, 1.0, 2.0, 5.0, 10.0, 30.0)  # before the cluster is tried again
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
        self._roster = Roster(least, most, wanted.ray_idle_s)
        self._lock = threading.Lock()
        self._selector = selectors.DefaultSelector()
        self._link: Link | None = None
        self._door = Door(self._selector, self._let_in)
        self._given_up: list[Worker] = []
        self._told: list[Result] = []
        self._batches = Batches(find)
        self._serial = 0
        self._fails, self._again = 0, 0.0  # to reach the cluster
        self._warned = ""
        self._is_resting = self._closing = False
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
            self._told += failed
            self._assign(now)

    def cancel(self, key: Key) -> None:
        """Stop an attempt: at its next check or `await`, and after a second with its worker."""
        with self._turn() as now:
            for batch in self._roster.waiting:
                kept = [task for task in batch.tasks if task.call.key != key]
                if len(kept) < len(batch.tasks):
                    self._told.append(Result(key, "cancelled"))
                batch.tasks = kept
            self._roster.waiting = [batch for batch in self._roster.waiting if batch.tasks]
            for worker in self._roster.workers.values():
                for serial, task in worker.hand.items():
                    if task.call.key == key and worker.line is not None:
                        worker.cancelled[serial] = now + GRACE_S
                        worker.line.send("cancel", serial)

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
            told, self._told = self._told, []
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
            self._end()

    def _patience(self) -> float:
        if self._is_behind():
            return BEHIND_S
        return QUIET_S if self._is_resting else TICK_S

    def _is_behind(self) -> bool:
        lines = [w.line for w in self._roster.workers.values() if w.line is not None]
        if self._link is not None:
            lines.append(self._link.line)
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
        self._look_at_workers(now)
        self._assign(now)
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
                self._start(link, group, now)
            for worker in self._roster.spare(now):
                self._let_go(worker, now)

    def _end(self) -> None:
        for worker in [*self._roster.workers.values(), *self._given_up]:
            if worker.line is not None:
                worker.line.close()
        self._door.close()
        if self._link is not None:
            self._link.close()

    # The cluster

    def _connect(self) -> None:
        link = self._link = Link(self._address, self._roster.most, self._join_s)
        self._selector.register(link.line.end, selectors.EVENT_READ, partial(self._hear_link, link))

    def _hear_link(self, link: Link) -> None:
        now = link.heard = time.monotonic()
        for name, *values in link.line.receive():
            getattr(self, f"_on_{name}")(link, now, *values)
        if link.line.is_over and link is self._link:
            self._part(now, link.reason)

    def _on_up(self, link: Link, now: float, host: str) -> None:
        link.host = host
        self._door.open(host)
        if self._warned:
            self._log.warning("ray.back", address=self._address)
        self._warned = ""

    def _on_pong(self, link: Link, now: float) -> None:
        """It answers."""

    def _on_away(self, link: Link, now: float, reason: str) -> None:
        link.reason = reason

    def _part(self, now: float, reason: str) -> None:
        """The cluster is lost, or cannot be reached: steps that go on are lost, the rest waits."""
        for worker in [*self._roster.workers.values()]:
            verdict = worker.verdict or Verdict("lost", reasons.parted(worker.name))
            self._finish(worker, verdict, now)
        link, self._link = self._link, None
        if link is not None:
            self._selector.unregister(link.line.end)
            link.close(0.0)
        self._door.close()
        self._again = now + AGAIN_S[min(self._fails, len(AGAIN_S) - 1)]
        self._fails += 1
        if self._warned != "away":
            self._log.warning("ray.away", address=self._address, reason=reason)
        self._warned = "away"

    # Workers

    def _start(self, link: Link, group: Resources, now: float) -> None:
        worker = self._roster.new(group, secrets.token_bytes(TOKEN), now)
        cpus = -1.0 if group == Resources() else group.cpus  # its share of the cluster
        needs = (cpus, group.gpus, group.memory_bytes)
        link.line.send("start", worker.id, *needs, link.host, self._door.port, worker.token)

    def _let_in(self, token: bytes, guest: socket.socket) -> bool:
        """A worker called in, if it has the token of one that was started."""
        workers = self._roster.workers.values()
        worker = next((w for w in workers if w.token == token and w.line is None), None)
        if worker is None:
            return False
        line = worker.line = Line(guest)
        self._selector.register(guest, selectors.EVENT_READ, partial(self._hear, worker, line))
        worker.heard = time.monotonic()
        line.send("hello", worker.name, self._about())
        return True

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

    def _hear(self, worker: Worker, line: Line) -> None:
        now = worker.heard = time.monotonic()
        for name, *values in line.receive():
            if name == "result":
                self._take(worker, now, *values)
            elif name == "begun":
                worker.running, worker.begun = values[0], now
            elif name == "save":
                self._save(worker, line, *values)
            elif name == "ready":
                self._roster.came_up(worker, now)
                self._fails = 0
        if line.is_over:
            self._hung_up(worker, line, now)

    def _take(self, worker: Worker, now: float, serial: int, *ended: Any) -> None:
        task = worker.hand.pop(serial, None) or worker.late.pop(serial, None)
        if task is None:
            return
        worker.cancelled.pop(serial, None)
        self._batches.ended(task.call.key)
        self._told.append(Result(task.call.key, *ended))
        if not worker.hand:
            worker.idle_since = now

    def _save(self, worker: Worker, line: Line, serial: int, progress: bytes) -> None:
        task = worker.hand.get(serial)
        if task is None or serial in worker.cancelled or self._closing:
            line.send("saved", False)
        else:
            self._savers.submit(self._commit, line, task.call.key, progress)

    def _commit(self, line: Line, key: Key, progress: bytes) -> None:
        """In a thread of its own: it waits for the disk."""
        is_saved = True
        try:
            self._reports.save(key, progress)
        except Cancelled:
            is_saved = False
        with self._lock:
            line.send("saved", is_saved)

    def _hung_up(self, worker: Worker, line: Line, now: float) -> None:
        self._selector.unregister(line.end)
        line.close()
        if worker in self._given_up:
            self._given_up.remove(worker)
        elif worker.verdict is not None or (worker.was_up and not worker.hand):
            self._finish(worker, worker.verdict, now)
        else:
            worker.state, worker.patience = "ending", now + REASON_S

    def _on_over(self, link: Link, now: float, id: int, kind: str, text: str) -> None:
        """Ray says that a worker is gone. Its line may say more, or even that it is not."""
        worker = self._roster.workers.get(id)
        if worker is None:
            return
        worker.verdict = worker.verdict or Verdict("lost", reasons.of_ray(worker.name, kind, text))
        if worker.line is not None and not worker.line.is_over:
            self._hear(worker, worker.line)
        if id in self._roster.workers:
            self._finish(worker, worker.verdict, now)

    def _on_unfit(self, link: Link, now: float, id: int) -> None:
        """No node of the cluster can hold such a worker."""
        worker = self._roster.workers.get(id)
        if worker is None:
            return
        worker.was_up = True  # it could have been, elsewhere
        self._roster.gone(worker, now)
        for batch in [b for b in self._roster.waiting if b.group == worker.group]:
            self._roster.waiting.remove(batch)
            for task in batch.tasks:
                error = reasons.unfit(task.call.key.step, worker.group)
                self._told.append(Result(task.call.key, "error", None, error))

    def _finish(self, worker: Worker, verdict: Verdict | None, now: float) -> None:
        """A worker is gone, or given up: the step that it was at bears the outcome, the others of
        its hand never began."""
        self._roster.gone(worker, now)
        charged, is_alone = worker.at, len(worker.hand) == 1
        took = now - worker.begun if charged == worker.running else 0.0
        for serial, task in worker.hand.items():
            key = task.call.key
            too_often = self._batches.fell(key)
            if serial == charged or (is_alone and too_often):
                outcome, error = (verdict.outcome, verdict.error) if verdict else ("lost", None)
                self._told.append(Result(key, outcome, None, error, True, took, worker.name))
            else:
                self._told.append(Result(key, "unstarted"))
        if worker.line is not None and worker.is_heard:
            worker.line.send("give_up")
            worker.patience, worker.late = now + LATE_S, worker.hand.copy()
            self._given_up.append(worker)
        worker.hand.clear()
        if not worker.was_up and self._roster.is_hopeless():
            self._give_up_waiting(verdict)

    def _give_up_waiting(self, verdict: Verdict | None) -> None:
        """Workers do not start here: what waits for them learns why, and comes again later."""
        error = verdict.error if verdict else None
        for batch in self._roster.waiting:
            self._told += [Result(t.call.key, "lost", None, error, True) for t in batch.tasks]
        self._roster.waiting.clear()
        if self._warned != "starts":
            self._log.warning("ray.no-worker-starts", reason=json.loads(error or b"null"))
        self._warned = "starts"

    def _kill(self, worker: Worker, verdict: Verdict, now: float) -> None:
        """End a worker with the step that it is at."""
        worker.verdict, worker.state, worker.patience = verdict, "ending", now + KILL_S
        if worker.line is not None:
            worker.line.hang_up()  # it ends itself; should it be unable to, Ray does it
        if self._link is not None:
            self._link.line.send("kill", worker.id)

    def _let_go(self, worker: Worker, now: float) -> None:
        worker.state, worker.patience = "ending", now + KILL_S
        if worker.line is not None:
            worker.line.send("end")

    def _look_at_workers(self, now: float) -> None:
        for worker in [*self._roster.workers.values()]:
            task = worker.hand.get(worker.running) if worker.running is not None else None
            if worker.line is not None:
                worker.line.flush()
            if worker.state == "ending":
                if now >= worker.patience:
                    self._finish(worker, worker.verdict, now)
            elif worker.line is not None and now - worker.heard > self._silent_s:
                error = reasons.silent(worker.name, self._silent_s)
                self._kill(worker, Verdict("lost", error), now)
                self._finish(worker, worker.verdict, now)
            elif task is not None and worker.deadline is not None and now >= worker.deadline:
                error = reasons.overdue(task.call.key.step, task.timeout_s)
                self._kill(worker, Verdict("timeout", error), now)
            elif now >= worker.cancelled.get(worker.running or -1, now + 1):
                self._kill(worker, Verdict("cancelled", None), now)
        for worker in [w for w in self._given_up if now >= w.patience]:
            assert worker.line is not None
            self._hung_up(worker, worker.line, now)
        self._door.look(now)

    # Work

    def _assign(self, now: float) -> None:
        for worker, batch in self._roster.assign(now):
            sent = []
            for task in batch.tasks:
                self._serial += 1
                worker.hand[self._serial] = task
                key, *rest = task.call[:5]
                is_timed = task.timeout_s is not None
                sent.append((self._serial, is_timed, tuple(key), *rest))
            assert worker.line is not None
            worker.line.send("do", sent)


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
