"""The orchestrator: a thin loop that decides, commits, and then has done what was decided."""

import queue
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

from raymill import faults, json, log
from raymill.errors import Cancelled, RaymillError, StoreError
from raymill.flow.pool import Call, Key, Outcome, Result, WorkerPool
from raymill.flow.workflow import Workflow
from raymill.orchestrator import decide
from raymill.orchestrator.clock import Clock
from raymill.orchestrator.dispatch import Dispatch
from raymill.orchestrator.intake import Find, Intake, Outdated, answer_of
from raymill.orchestrator.live import DUE, Child, Decision, Fetch, Live
from raymill.orchestrator.lost import Lost
from raymill.orchestrator.planned import Planned
from raymill.orchestrator.pools import ASIDE, LOCAL, Make
from raymill.orchestrator.timers import Timers
from raymill.orchestrator.turn import Pace, Turn, new_run
from raymill.state.store import ENDED, Changes, Lease, Message, RunRow, StateStore
from raymill.state.writer import JournalWriter, MakeWriter, Writer

REQUESTS = ("cancel", "pause", "resume", "retry")
NOWHERE = Workflow("nowhere", bytes)  # stands for code that cannot be loaded


class Orchestrator:
    """Runs the workflows of a store while it holds the lease.

    pool: runs the steps of runs on the engine `local`, and all endless ones; others: makes the pool
    of another engine when a run first needs it; find: gives the workflow that lies at a place;
    keep: keeps a large output and gives what stands for it, `fetch` reads it; writer: makes what
    writes the journal; ended: told of each run that ended, once that is durable.
    """

    def __init__(
        self,
        store: StateStore,
        pool: WorkerPool,
        find: Find,
        *,
        others: Mapping[str, Make] = MappingProxyType({}),
        fetch: Fetch = bytes,
        keep: Fetch = bytes,
        clock: Clock | None = None,
        pace: Pace | None = None,
        writer: MakeWriter = Writer,
        ended: Callable[[RunRow], Any] = lambda row: None,
    ) -> None:
        self.store, self.pace, self.clock = store, pace or Pace(), clock or Clock()
        self.dispatch = Dispatch(pool, others, call=self._call, reserve=self._reserve)
        """Who has what, and what waits."""
        self._intake = Intake(find, fetch, self.clock, self.dispatch.engines)
        self._find, self._fetch, self._keep, self.ended = find, fetch, keep, ended
        self._events: queue.SimpleQueue[Callable[[Turn], Any]] = queue.SimpleQueue()
        self._now: deque[Callable[[Turn], Any]] = deque()  # follow-ups of the same turn
        self._lives: dict[str, Live] = {}
        self._timers, self._lost = Timers(), Lost()
        self._closing: dict[str, Live] = {}  # ended, and not yet on the disk
        self.outdated = False
        """Whether it left because the code that it had loaded was changed."""
        self._make_writer = writer
        self._looked = self._swept = self._busy = self.clock.now()
        self._stopping = self._over = False
        self.failure: BaseException | None = None
        """Why nothing is written any more."""
        self._taken = 0
        self._log = log.get_logger(room="orchestrator")

    # What other threads call

    def submit(
        self,
        flow: Workflow,
        value: bytes,
        *,
        place: str = "",
        priority: int | None = None,
        engine: str = LOCAL,
    ) -> str:
        """Start a run from within this process; gives its id before it is durable."""
        place = place or flow.name
        row = new_run(flow, value, self.clock, place, priority=priority, engine=engine)
        self._events.put(lambda turn: self._start(turn, Live(row, flow, (), self._fetch)))
        return row.id

    def request(self, run: str, kind: str) -> None:
        """Cancel, pause, resume or retry a run."""
        self._events.put(lambda turn: self._request(turn, run, kind))

    def look(self) -> None:
        """Read the inbox now: a message may have come."""
        self._events.put(self._read_inbox)

    def stop(self) -> None:
        """Leave the loop; what is under way is given up and begun again by the next one."""
        self._events.put(lambda turn: setattr(self, "_stopping", True))

    def results(self, results: Sequence[Result]) -> None:
        """Some attempts ended."""
        self._events.put(lambda turn: self._take_results(turn, results))

    def save(self, key: Key, progress: bytes) -> None:
        """Commit an attempt's progress. Raises Cancelled if the attempt is over."""
        done: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self.ask_to_save(key, progress, done.put)
        is_saved = None
        while is_saved is None and not self._over:
            try:
                is_saved = done.get(timeout=0.5)
            except queue.Empty:
                continue
        if not is_saved:
            raise Cancelled(f"Attempt {key.attempt} of step `{key.step}` is over")

    def ask_to_save(self, key: Key, progress: bytes, tell: Callable[[bool], Any]) -> None:
        """Commit an attempt's progress; `tell` hears whether it was, False if it is over."""
        self._events.put(lambda turn: self._save(turn, key, progress, tell))

    # The loop

    def run(self, lease: Lease) -> None:
        """Run workflows until stopped, idle, or fenced. Raises Fenced, StoreError."""
        try:
            self.open(lease)
            while self.turn(self.patience_s()):
                pass
        finally:
            self.close()
        if self.failure is not None:
            raise self.failure

    def open(self, lease: Lease) -> None:
        """Take up what the store holds. After it come turns, then `close`, whatever was raised."""
        self._writer: JournalWriter = self._make_writer(
            self.store, lease, self._fail, ttl_s=self.pace.lease_s
        )
        granted = self.store.limits()
        self._taken = self.store.taken()
        self._planned = Planned(self.store.schedules(), self.clock)
        self.store.forget(self._taken)
        self.dispatch.open(self, granted)
        self._looked = self._swept = self._busy = self.clock.now()
        self._turn(self._recover)

    def turn(self, patience_s: float) -> bool:
        """Do what there is to do, waiting so long for something; False when it is over."""
        self._turn(lambda turn: self._gather(turn, patience_s))
        if self._stopping or self.failure is not None:
            return False
        if not self._writer.holds:
            return True  # another orchestrator may have taken over; the next commit tells
        now = self.clock.now()
        if now - self._swept >= self.pace.sweep_s:
            self._swept = now
            self._turn(self._sweep)
        if now - self._looked >= self.pace.inbox_s:
            self._looked = now
            self._turn(self._read_inbox)
            if self._has_work() or self._planned.is_active:
                self._busy = now
            elif self.pace.idle_s is not None and now - self._busy >= self.pace.idle_s:
                return False
        return not self._stopping and self.failure is None

    def close(self) -> None:
        """Write what was decided, then let go of the workers."""
        self._writer.close()
        self._over = True
        self.dispatch.close()
        self._hear_the_rest()

    def _has_work(self) -> bool:
        """Whether some run does not just wait for people, or for being resumed."""
        if self.dispatch.has_work:
            return True
        running = (live for live in self._lives.values() if live.row.status == "running")
        return any(live.is_at_work for live in running)

    def _turn(self, first: Callable[[Turn], Any]) -> None:
        turn = Turn()
        first(turn)
        while self._now:
            self._now.popleft()(turn)
        self._due(turn)
        if turn.changes:
            faults.point("orchestrator.decided")
            self._lost.given += 1
            if self._is_alone() and self._writer.write(turn.changes):
                self._committed(turn)
                self._hand_out()
                return
            self._writer.put(
                turn.changes, lambda: self._events.put(lambda _: self._committed(turn))
            )
        elif turn.ready or turn.told:
            self._committed(turn)
        self._hand_out()

    def _is_alone(self) -> bool:
        """Nothing else goes on: handing the commit to another thread would only take longer."""
        return self.dispatch.is_idle

    def _gather(self, turn: Turn, patience_s: float) -> None:
        """Take all events that wait; wait for one if there is none."""
        try:
            self._events.get(timeout=patience_s)(turn)
            for _ in range(self._events.qsize()):
                self._events.get_nowait()(turn)
        except queue.Empty:
            return

    def patience_s(self) -> float:
        """How long nothing is to do, as far as is known."""
        now, wait = self.clock.now(), self.pace.inbox_s
        if (due := self._timers.next()) is not None:
            wait = min(wait, due - now)
        if (opens := self.dispatch.opens(now)) is not None:
            wait = min(wait, opens - now)
        return max(wait, 0.0)

    def _committed(self, turn: Turn) -> None:
        faults.point("orchestrator.committed")
        self._lost.heard += bool(turn.changes)
        now = self.clock.now()
        for key in turn.ready:
            live = self._lives.get(key.run)
            if live is not None and live.row.status == "running":
                self.dispatch.put(live, live.step(key.step), key, now)
            elif live is not None:
                live.held.append(key)
        for tell in turn.told:
            tell()
        for row in turn.ended:
            live = self._closing.get(row.id)
            if live is not None and live.row is row:  # it may have ended once more since
                del self._closing[row.id]
            self.ended(row)
        if turn.forget is not None:
            self.store.forget(turn.forget)

    def _fail(self, error: BaseException) -> None:
        self.failure = error
        self._events.put(lambda turn: None)

    def _hear_the_rest(self) -> None:
        """Tell what was committed last; whatever else waits is begun again by the next one."""
        turn = Turn()
        while self.failure is None and not self._events.empty():
            self._events.get()(turn)

    # Applying decisions

    def _apply(self, turn: Turn, live: Live, made: Decision) -> None:
        changes = turn.changes
        live.take(made)
        if made.run is not None:
            changes.runs.append(made.run)
        changes.steps += made.steps
        changes.events += made.events
        turn.ready += made.ready
        for at, key in made.timers:
            self._timers.put(at, key)
        for key in made.stop:
            self.dispatch.stop(key)
        for child in made.children:
            self._start_child(turn, child)
        for run, kind in made.also:
            self._request(turn, run, kind)
        if made.run is not None and made.run.status in ENDED:
            self._end(turn, live)

    def _break(self, turn: Turn, live: Live, error: Exception) -> None:
        """An error in deciding about a run ends that run, and no other."""
        self._log.error("run.broken", run=live.row.id, reason=repr(error))
        self._apply(turn, live, decide.broken(live, error, self.clock.now()))

    def _decided(self, turn: Turn, live: Live, make: Callable[..., Decision], *given: Any) -> None:
        """Decide about a run, and make it so. Raises StoreError where the store is no help."""
        try:
            made = make(live, *given)
            if made.run is not None and made.run.output and made.run.status == "completed":
                made.run = made.run._replace(output=self._keep(made.run.output))
        except Exception as error:
            self._break(turn, live, error)
            return
        try:
            self._apply(turn, live, made)
        except StoreError:
            raise
        except Exception as error:
            self._break(turn, live, error)

    def _end(self, turn: Turn, live: Live) -> None:
        row = live.row
        self._lives.pop(row.id, None)
        turn.ended.append(row)
        self._closing[row.id] = live
        if row.parent is not None:
            self._now.append(lambda turn: self._tell_parent(turn, row))

    def _tell_parent(self, turn: Turn, row: RunRow) -> None:
        child = self._in_memory(row.id)
        if child is not None and child.row is not row:
            return  # it was taken up again since
        run, step, item = json.loads(row.parent or b"[]")
        live = self._lives.get(run)
        found = live.steps.get((step, item)) if live else None
        if live is None or found is None or found.status != "begun":
            return
        seconds = (row.ended or row.created) - row.created
        key = Key(run, step, item, found.attempt)
        outcome: Outcome = "done" if row.status == "completed" else "error"
        result = Result(key, outcome, row.output, row.error, False, seconds)
        self._decided(turn, live, decide.ended, result, self.clock.now(), 0.0)

    def _start(self, turn: Turn, live: Live) -> None:
        self._lives[live.row.id] = live
        self._decided(turn, live, decide.begin, self.clock.now())

    def _start_child(self, turn: Turn, child: Child) -> None:
        known = self._in_memory(child.id)
        row = known.row if known else self.store.run(child.id)
        if row is None:
            made = new_run(child.flow, child.input, self.clock, child.place, id=child.id)
            of = self._lives[child.parent.run].row
            parent = json.dumps([child.parent.run, child.parent.step, child.parent.item])
            made = made._replace(
                parent=parent,
                priority=of.priority + child.flow.priority,
                engine=of.engine,
                status=of.status,
            )
            self._start(turn, Live(made, child.flow, (), self._fetch))
        elif row.status == "completed":
            self._now.append(lambda turn: self._tell_parent(turn, row))
        else:
            live = known or Live(row, child.flow, self.store.steps(child.id), self._fetch)
            self._ask(turn, live, "retry")

    def _in_memory(self, run: str) -> Live | None:
        """A run that is open, or whose end is on its way to the disk."""
        return self._lives.get(run) or self._closing.get(run)

    def _known(self, run: str, turn: Turn, asked: str = "") -> Live | None:
        """A run with its code; None where there is none.

        Where its code cannot be loaded that is noted in the run, with what was asked.
        """
        known = self._in_memory(run)
        row = None if known else self.store.run(run)
        if row is None:
            return known
        steps = self.store.steps(run)
        try:
            return Live(row, self._find(row.place), steps, self._fetch)
        except (RaymillError, ValueError) as error:
            if asked:
                live = Live(row, NOWHERE)
                self._apply(turn, live, decide.refused(live, asked, error, self.clock.now()))
        return None

    def _request(self, turn: Turn, run: str, kind: str) -> None:
        live = self._known(run, turn, kind)
        if live is not None:
            self._ask(turn, live, kind)

    def _ask(self, turn: Turn, live: Live, kind: str) -> None:
        was = live.row.status
        if kind == "retry" and was in ENDED and was != "completed":
            self._lives[live.row.id] = live
        self._decided(turn, live, decide.requested, kind, self.clock.now())
        if was == "paused" and live.row.status == "running":
            live.held = []

    def _take_results(self, turn: Turn, results: Sequence[Result]) -> None:
        now = self.clock.now()
        for result in results:
            key = result.key
            self.dispatch.free(key, result.seconds if result.outcome == "done" else None)
            live = self._known(key.run, turn)
            if live is not None:
                self._decided(turn, live, decide.ended, result, now, self.clock.chance())

    def _save(self, turn: Turn, key: Key, progress: bytes, tell: Callable[[bool], Any]) -> None:
        live = self._lives.get(key.run)
        made = decide.saved(live, key, progress) if live and not self._stopping else None
        if live is None or made is None:
            tell(False)
            return
        self._apply(turn, live, made)
        turn.told.append(lambda: tell(True))

    # What nobody tells

    def _due(self, turn: Turn) -> None:
        now = self.clock.now()
        for message in self._planned.due(now, turn.changes):
            self._submitted(turn, message)
        for key in self._timers.due(now):
            live = self._lives.get(key.run)
            if live is None:
                continue
            if not key.step:
                if live.row.deadline is not None and live.row.deadline <= now:
                    self._decided(turn, live, decide.overdue, now)
                continue
            row = live.steps.get((key.step, key.item))
            if row is None or row.attempt != key.attempt:
                continue
            if row.status == "waiting":
                self._decided(turn, live, decide.due, row)
            elif row.status == "asked":
                self._decided(turn, live, decide.unanswered, row, now)

    def _hand_out(self) -> None:
        if not self._writer.holds:
            return  # another orchestrator may have taken over
        results = []
        for key, error in self.dispatch.hand_out(self.clock.now()):
            about = {"type": type(error).__name__, "message": error.message, "hint": error.hint}
            results.append(Result(key, "error", None, json.dumps(about)))
        if results:
            self.results(results)

    def _reserve(self, until: dict[str, float]) -> None:
        """Have permits of rates written before they are used, so that no restart grants them."""

        def told(turn: Turn) -> None:
            self.dispatch.reserved(until)

        self._writer.put(Changes(limits=until), lambda: self._events.put(told))

    def _call(self, pool: str, key: Key) -> Call | None:
        """What a worker needs for an attempt; None if it is not wanted any more."""
        live = self._lives.get(key.run)
        row = live.steps.get((key.step, key.item)) if live else None
        is_wanted = row is not None and row.status in DUE and row.attempt == key.attempt
        if live is None or row is None or not is_wanted:
            return None
        if live.row.status != "running":
            live.held.append(key)
            return None
        try:
            arguments = live.arguments(key.step, key.item)
        except Exception as error:
            self._events.put(partial(self._break, live=live, error=error))
            return None
        endless = pool == ASIDE
        return Call(
            key, live.flow.name, live.row.place, arguments, row.progress, endless, row.losses
        )

    def _recover(self, turn: Turn) -> None:
        for row in self.store.open_runs():
            if self._in_memory(row.id) is None:  # it may have ended with its parent just now
                self._resume(turn, row)

    def _resume(self, turn: Turn, row: RunRow) -> None:
        steps, now = self.store.steps(row.id), self.clock.now()
        try:
            live = Live(row, decide.same_code(row, self._find(row.place)), steps, self._fetch)
        except (RaymillError, ValueError) as error:
            self._lives[row.id] = live = Live(row, NOWHERE, steps)
            self._apply(turn, live, decide.given_up(live, decide.told(error), now))
            return
        self._lives[row.id] = live
        self._decided(turn, live, decide.recovered, now)
        for step in live.going():
            if live.step(step.step).is_child:
                child = self.store.run(decide.child_id(row.id, step))
                if child is not None and child.status in ENDED:
                    self._tell_parent(turn, child)

    def _read_inbox(self, turn: Turn) -> None:
        messages = self.store.inbox(self._taken)
        if not messages:
            return
        for message in messages:
            try:
                self._take(turn, message)
            except Outdated:
                self.outdated = self._stopping = True
                break
            self._taken = turn.forget = turn.changes.taken = message.id
        faults.point("inbox.read")

    def _take(self, turn: Turn, message: Message) -> None:
        """Do what a message asks for. Raises Outdated."""
        if message.kind == "submit":
            self._submitted(turn, message)
        elif message.kind == "answer":
            self._answer(turn, message)
        elif message.kind == "schedule":
            turn.changes.schedules |= self._planned.asked(message)
        elif message.kind in REQUESTS:
            self._request(turn, message.run, message.kind)
        else:
            self._log.error("message.unknown", kind=message.kind, run=message.run)

    def _submitted(self, turn: Turn, message: Message) -> None:
        if self._in_memory(message.run) is not None or self.store.run(message.run) is not None:
            return
        found = self._intake.begin(message, self._has_work())
        if isinstance(found, Live):
            self._start(turn, found)
        else:
            turn.changes.runs.append(found)

    def _answer(self, turn: Turn, message: Message) -> None:
        try:
            step, item, value = answer_of(message)
        except (ValueError, KeyError, TypeError) as error:
            self._log.error("answer.unreadable", run=message.run, reason=str(error))
            return
        live = self._known(message.run, turn, "answer")
        if live is not None:
            self._decided(turn, live, decide.answered, step, item, value, self.clock.now())

    def _sweep(self, turn: Turn) -> None:
        """No run without a lease, a timer or a place in the queue: whoever has none gets one."""
        for row in self.store.open_runs():
            if self._in_memory(row.id) is None:
                self._log.warning("run.swept", run=row.id)
                self._resume(turn, row)
        waiting = self._timers.keys() | self.dispatch.keys()
        for key in self._lost.again(self._lives.values(), waiting):
            self._log.warning("step.swept", run=key.run, step=key.step)
            turn.ready.append(key)
