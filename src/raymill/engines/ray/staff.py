"""The workers of a pool: what they are told and say, and what becomes of what they have in hand."""

import secrets
import selectors
import socket
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from raymill import log
from raymill.engines.ray import reasons
from raymill.engines.ray.batches import Batches
from raymill.engines.ray.door import TOKEN
from raymill.engines.ray.hands import Verdict, Worker
from raymill.engines.ray.line import Line
from raymill.engines.ray.link import Link
from raymill.engines.ray.roster import Roster
from raymill.flow.pool import Key, Result
from raymill.flow.workflow import Resources

REASON_S = 5.0  # for Ray to say why a worker went away
KILL_S = 5.0  # for a worker to end that is told to
GRACE_S = 1.0  # for a step to look whether it was cancelled
LATE_S = 600.0  # for a worker that was given up to say what it still has to
ROOM_S = 30.0  # for Ray to start a worker, before the log says that it has no room

Save = Callable[[Line, Key, bytes], None]


class Staff:
    """Workers, each at the end of a line. Called by one thread at a time.

    about: what a worker has to know; save: commits progress and answers on the line.
    """

    def __init__(
        self,
        roster: Roster,
        batches: Batches,
        selector: selectors.BaseSelector,
        silent_s: float,
        about: Callable[[], dict[str, Any]],
        save: Save,
    ) -> None:
        self.told: list[Result] = []
        """Results that are to be reported."""
        self.link: Link | None = None
        """The process that starts and kills workers, while there is one."""
        self._roster, self._batches, self._selector = roster, batches, selector
        self._silent_s, self._about, self._save = silent_s, about, save
        self._given_up: list[Worker] = []
        self._serial = 0
        self._warned = ""
        self._log = log.get_logger(room="ray-pool")

    @property
    def lines(self) -> list[Line]:
        """The lines to workers that count."""
        return [one.line for one in self._roster.workers.values() if one.line is not None]

    # Coming and going

    def start(self, link: Link, group: Resources, port: int, now: float) -> None:
        """Have a worker started that calls in at a port."""
        worker = self._roster.new(group, secrets.token_bytes(TOKEN), now)
        cpus = -1.0 if group == Resources() else group.cpus  # its share of the cluster
        needs = (cpus, group.gpus, group.memory_bytes)
        link.line.send("start", worker.id, *needs, link.host, port, worker.token)

    def let_in(self, token: bytes, guest: socket.socket) -> bool:
        """A worker called in, if it has the token of one that was started."""
        workers = [one for one in self._roster.workers.values() if one.line is None]
        worker = next((w for w in workers if secrets.compare_digest(w.token, token)), None)
        if worker is None:
            return False
        line = worker.line = Line(guest)
        self._selector.register(guest, selectors.EVENT_READ, partial(self._hear, worker, line))
        worker.heard = time.monotonic()
        line.send("hello", worker.name, self._about())
        return True

    def let_go(self, worker: Worker, now: float) -> None:
        """End a worker that has nothing in hand."""
        worker.state, worker.patience = "ending", now + KILL_S
        if worker.line is not None:
            worker.line.send("end")

    def over(self, number: int, kind: str, text: str, now: float) -> None:
        """Ray says that a worker is gone. Its line may say more, or even that it is not."""
        worker = self._roster.workers.get(number)
        if worker is None:
            return
        worker.verdict = worker.verdict or Verdict("lost", reasons.of_ray(worker.name, kind, text))
        if worker.line is not None and worker.is_heard:
            self._hear(worker, worker.line)
        if number in self._roster.workers:
            self._finish(worker, worker.verdict, now)

    def unfit(self, number: int, now: float) -> None:
        """No node of the cluster can hold such a worker."""
        worker = self._roster.workers.get(number)
        if worker is None:
            return
        worker.was_up = True  # it could have been, elsewhere
        self._roster.gone(worker, now)
        for batch in [b for b in self._roster.waiting if b.group == worker.group]:
            self._roster.waiting.remove(batch)
            for task in batch.tasks:
                error = reasons.unfit(task.call.key.step, worker.group)
                self.told.append(Result(task.call.key, "error", None, error))

    def part(self, now: float) -> None:
        """The whole cluster is gone."""
        for worker in [*self._roster.workers.values()]:
            lost = Verdict("lost", reasons.parted(worker.name))
            self._finish(worker, worker.verdict or lost, now)

    def close(self) -> None:
        """Let go of all lines; the workers end when they notice."""
        for worker in [*self._roster.workers.values(), *self._given_up]:
            if worker.line is not None:
                worker.line.close()

    # Work

    def assign(self, now: float) -> None:
        """Give what waits to workers that are idle."""
        for worker, batch in self._roster.assign(now):
            sent = []
            for task in batch.tasks:
                self._serial += 1
                worker.hand[self._serial] = task
                key, *rest = task.call[:5]
                about = (self._serial, task.timeout_s is not None, task.version)
                sent.append((*about, tuple(key), *rest))
            assert worker.line is not None
            worker.line.send("do", sent)

    def cancel(self, key: Key, now: float) -> None:
        """Take an attempt out of what waits, or tell its worker."""
        for batch in self._roster.waiting:
            kept = [task for task in batch.tasks if task.call.key != key]
            if len(kept) < len(batch.tasks):
                self.told.append(Result(key, "cancelled"))
            batch.tasks = kept
        self._roster.waiting = [batch for batch in self._roster.waiting if batch.tasks]
        for worker in self._roster.workers.values():
            for serial, task in worker.hand.items():
                if task.call.key == key and worker.line is not None:
                    worker.cancelled[serial] = now + GRACE_S
                    worker.line.send("cancel", serial)

    # What workers say

    def _hear(self, worker: Worker, line: Line) -> None:
        now = worker.heard = time.monotonic()
        for name, *values in line.receive():
            if name == "result":
                self._take(worker, now, *values)
            elif name == "begun":
                worker.running, worker.begun = values[0], now
            elif name == "save":
                self._ask_to_save(worker, line, *values)
            elif name == "ready":
                self._roster.came_up(worker, now)
                self._warned = ""
        if line.is_over:
            self._hung_up(worker, line, now)

    def _take(self, worker: Worker, now: float, serial: int, *ended: Any) -> None:
        task = worker.hand.pop(serial, None) or worker.late.pop(serial, None)
        if task is None:
            return
        worker.cancelled.pop(serial, None)
        self._batches.ended(task.call.key)
        self.told.append(Result(task.call.key, *ended))
        if not worker.hand:
            worker.idle_since = now

    def _ask_to_save(self, worker: Worker, line: Line, serial: int, progress: bytes) -> None:
        task = worker.hand.get(serial)
        if task is None or serial in worker.cancelled:
            line.send("saved", False)
        else:
            self._save(line, task.call.key, progress)

    def _hung_up(self, worker: Worker, line: Line, now: float) -> None:
        self._selector.unregister(line.end)
        line.close()
        if worker in self._given_up:
            self._given_up.remove(worker)
        elif worker.verdict is not None or (worker.was_up and not worker.hand):
            self._finish(worker, worker.verdict, now)
        else:
            worker.state, worker.patience = "ending", now + REASON_S

    # How workers end

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
                self.told.append(Result(key, outcome, None, error, True, took, worker.name))
            else:
                self.told.append(Result(key, "unstarted"))
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
            self.told += [Result(t.call.key, "lost", None, error, True) for t in batch.tasks]
        self._roster.waiting.clear()
        self._warn("ray.no-worker-starts", reason=(error or b"").decode())

    def _kill(self, worker: Worker, verdict: Verdict, now: float) -> None:
        """End a worker with the step that it is at."""
        worker.verdict, worker.state, worker.patience = verdict, "ending", now + KILL_S
        if worker.line is not None:
            worker.line.hang_up()  # it ends itself; should it be unable to, Ray does it
        if self.link is not None:
            self.link.line.send("kill", worker.id)

    def look(self, now: float) -> None:
        """See what has fallen due."""
        for worker in [*self._roster.workers.values()]:
            self._look_at(worker, now)
        for worker in [w for w in self._given_up if now >= w.patience]:
            assert worker.line is not None
            self._hung_up(worker, worker.line, now)

    def _look_at(self, worker: Worker, now: float) -> None:
        task = worker.hand.get(worker.running) if worker.running is not None else None
        if worker.line is not None:
            worker.line.flush()
        if worker.state == "ending":
            if now >= worker.patience:
                self._finish(worker, worker.verdict, now)
        elif worker.line is None:
            if now - worker.since > ROOM_S:
                self._warn("ray.no-room", worker=worker.name, cpus=worker.group.cpus)
        elif now - worker.heard > self._silent_s:
            error = reasons.silent(worker.name, self._silent_s)
            self._kill(worker, Verdict("lost", error), now)
            self._finish(worker, worker.verdict, now)
        elif task is not None and worker.deadline is not None and now >= worker.deadline:
            error = reasons.overdue(task.call.key.step, task.timeout_s)
            self._kill(worker, Verdict("timeout", error), now)
        elif now >= worker.cancelled.get(worker.running or -1, now + 1):
            self._kill(worker, Verdict("cancelled", None), now)

    def _warn(self, event: str, **fields: Any) -> None:
        """Say it once, until a worker is ready."""
        if self._warned != event:
            self._log.warning(event, **fields)
        self._warned = event
