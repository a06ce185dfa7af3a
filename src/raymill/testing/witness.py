"""Watches a simulation, and says what must never be as soon as it is."""

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence

from raymill import json
from raymill.flow.pool import FAILED, Argument, Call, Key, Result
from raymill.flow.workflow import INPUT, Limit, Step, Workflow
from raymill.orchestrator.live import DUE, GOING
from raymill.state.store import ENDED, OPEN, Changes, Lease, RunRow, StateStore, StepRow
from raymill.testing.simulated_pool import SimulatedPool, shown
from raymill.testing.simulated_world import World

CLOSE = 1e-6  # times that are so near are the same


class Witness:
    """What was acknowledged, committed and begun, kept apart from the store."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.epoch, self.owner = 0, ""
        self.runs: dict[str, RunRow] = {}
        self.steps: dict[str, dict[tuple[str, int], StepRow]] = defaultdict(dict)
        self.acknowledged: list[str] = []
        self._retried: set[str] = set()
        self._resumed: set[str] = set()  # since their pause was committed
        self._asked: set[str] = set()  # to resume or to retry
        self._children: dict[str, list[str]] = defaultdict(list)
        self._begun: set[Key] = set()
        self._answered: set[Key] = set()
        self._told: dict[Key, list[bytes | None]] = defaultdict(list)
        self._holds: dict[SimulatedPool, dict[Key, str]] = defaultdict(dict)
        self._starts: dict[str, deque[float]] = defaultdict(deque)

    # What people ask for

    def sent(self, kind: str, run: str, *, is_acknowledged: bool) -> None:
        """A message may be in the inbox; acknowledged, it is."""
        if kind in ("resume", "retry"):
            self._asked.add(run)
        if kind == "submit" and is_acknowledged:
            self.acknowledged.append(run)
        elif kind == "retry":
            self._retried.add(run)
        elif kind == "resume":
            self._resumed.add(run)

    # What is committed

    def acquired(self, who: str, lease: Lease) -> None:
        """A process has the lease."""
        self._world.note(who, f"takes the lease: epoch {lease.epoch}")
        if lease.epoch == self.epoch:
            self._world.fail(f"epoch {lease.epoch} is taken twice")
        if lease.epoch > self.epoch:  # it may have stood still since it took the lease
            self.epoch, self.owner = lease.epoch, who

    def committed(self, who: str, epoch: int, changes: Changes) -> None:
        """A commit was made."""
        if changes:
            self._world.note(who, f"commits {_summary(changes)}")
        if epoch != self.epoch:
            self._world.fail(f"a commit of epoch {epoch} within epoch {self.epoch}")
        were = {row.run: self.runs.get(row.run) for row in changes.steps}
        written = {row.id for row in changes.runs}
        for run in changes.runs:
            self._run(run)
        for row in changes.steps:
            self._step(row)
        for event in changes.events:
            if event.kind == "answered":
                self._answer(Key(event.run, event.step, event.item, event.attempt))
        for was in were.values():
            if was is not None and was.status in ENDED and was.id not in written:
                self._world.fail(f"run {was.id} is {was.status}, and a step of it was written")
        for name in sorted(written):
            self._whole(self.runs[name])

    def _answer(self, key: Key) -> None:
        if key in self._answered:
            self._world.fail(f"question {shown(key)} is answered twice")
        self._answered.add(key)

    def _step(self, row: StepRow) -> None:
        was = self.steps[row.run].get((row.step, row.item))
        self.steps[row.run][row.step, row.item] = row
        if was is None:
            return
        key = Key(row.run, row.step, row.item, row.attempt)
        name = shown(key)
        if row.status == "done" and was.status != "done" and not self._is_told(key, row):
            self._world.fail(f"{name} gave {row.output!r}, and no worker told that")
        if was.status == "done" and (row.status, row.output) != ("done", was.output):
            self._world.fail(f"the result of {name} was {was.output!r}, and becomes {row[3:]}")
        if row.attempt < was.attempt:
            self._world.fail(f"the attempts of {name} go back from {was.attempt}")

    def _is_told(self, key: Key, row: StepRow) -> bool:
        if key not in self._begun:  # a child run, or a question
            return True
        return row.output in self._told[key]

    def _run(self, row: RunRow) -> None:
        was = self.runs.get(row.id)
        self.runs[row.id] = row
        if was is None and row.parent is not None:
            self._children[json.loads(row.parent)[0]].append(row.id)
        if row.status == "paused":
            self._resumed.discard(row.id)
        if was is None or was.status in OPEN:
            return
        if was.status == "completed" and (row.status, row.output) != (was.status, was.output):
            self._world.fail(f"run {row.id} was completed, and is {row.status}")
        if row.status in OPEN and not self._retried & set(self._line(row)):
            self._world.fail(f"run {row.id} was {was.status}, and is {row.status} unasked")

    def _line(self, row: RunRow) -> Iterator[str]:
        """A run, and those that it was started for."""
        found: RunRow | None = row
        while found is not None:
            yield found.id
            found = self._parent(found)

    def _whole(self, row: RunRow) -> None:
        if row.status in ENDED:
            going = [step for step in self.steps[row.id].values() if step.status in GOING]
            if going:
                self._world.fail(f"run {row.id} is {row.status}, and {going[0].step} goes on")
        parent = self._parent(row)
        if parent is not None:
            self._follows(row, parent)
        for child in self._children[row.id]:
            self._follows(self.runs[child], row)

    def _follows(self, child: RunRow, parent: RunRow) -> None:
        """A child does not go on without its parent, unless it was asked to."""
        is_left = child.status in OPEN and parent.status in ENDED
        goes_on = child.status == "running" and parent.status == "paused"
        if (is_left or goes_on) and child.id not in self._asked:
            self._world.fail(f"run {child.id} goes on, and its parent is {parent.status}")

    def _parent(self, row: RunRow) -> RunRow | None:
        return self.runs.get(json.loads(row.parent)[0]) if row.parent else None

    def told(self, results: Sequence[Result]) -> None:
        """Workers tell results."""
        for result in results:
            if result.outcome == "done":
                self._told[result.key].append(result.output)

    # What begins

    def submitted(self, pool: SimulatedPool, calls: Sequence[Call]) -> None:
        """An orchestrator has calls run."""
        names = " ".join(shown(call.key) for call in calls)
        self._world.note(pool.host.name, f"{pool.name}: begins {names}")
        if pool.host.name != self.owner:
            self._world.fail(f"{pool.host.name} begins {names}, and {self.owner} has the lease")
        if not calls[0].endless and pool.free < 1:
            self._world.fail(
                f"{pool.host.name} gives work to pool {pool.name}, which has no worker"
            )
        for number, call in enumerate(calls):
            self._begins(pool, call, number)
        if not calls[0].endless and not any(self._limit(pool, call) for call in calls):
            self._in_order(pool, calls)

    def _limit(self, pool: SimulatedPool, call: Call) -> Limit | None:
        return pool.host.find(call.place).by_name[call.key.step].limit

    def _in_order(self, pool: SimulatedPool, calls: Sequence[Call]) -> None:
        """Nothing of a higher priority waits."""
        least = min(self.runs[call.key.run].priority for call in calls)
        orchestrator = pool.host.orchestrator
        first = orchestrator.dispatch.first_in_line(pool.name) if orchestrator else None
        if first is not None and first in self.runs and self.runs[first].priority > least:
            self._world.fail(f"{shown(calls[-1].key)} begins before run {first}")

    def _begins(self, pool: SimulatedPool, call: Call, number: int) -> None:
        key, name = call.key, shown(call.key)
        if key in self._begun:
            self._world.fail(f"attempt {name} begins twice")
        self._begun.add(key)
        row, run = self.steps[key.run].get((key.step, key.item)), self.runs.get(key.run)
        if row is None or run is None:
            self._world.fail(f"{name} begins, and is not in the journal")
            return
        if row.attempt != key.attempt or row.status not in DUE:
            self._world.fail(f"{name} begins, and in the journal is {row.status} #{row.attempt}")
        if run.status != "running" and run.id not in self._resumed:
            self._world.fail(f"{name} begins, and its run is {run.status}")
        step = pool.host.find(call.place).by_name[key.step]
        if call.arguments != self._given(pool.host.find(call.place), run, step, key.item):
            self._world.fail(f"{name} begins with {call.arguments}, which the journal has not")
        limit = step.limit
        if limit is not None:
            self._limited(pool, key, limit, number)

    def _given(self, flow: Workflow, run: RunRow, step: Step, item: int) -> tuple[Argument, ...]:
        """What a step is given, as the journal has it."""
        after = tuple(self._value(flow, run, name) for name in step.after or ())
        if step.each is None:
            return after
        items = self._value(flow, run, step.each)
        if isinstance(items, bytes):
            return (json.dumps(json.loads(items)[item]), *after)
        return (items[item], *after)

    def _value(self, flow: Workflow, run: RunRow, name: str) -> Argument:
        if name == INPUT:
            return run.input or b"null"
        rows = self.steps[run.id]
        if flow.by_name[name].each is None:
            return rows[name, -1].output or b"null"
        items = [row for (step, item), row in sorted(rows.items()) if step == name and item >= 0]
        return tuple(
            row.output or b"null" if row.status == "done" else FAILED + (row.error or b"null")
            for row in items
        )

    def _limited(self, pool: SimulatedPool, key: Key, limit: Limit, number: int) -> None:
        held = self._holds[pool]
        held[key] = limit.name
        going = sum(name == limit.name for name in held.values())
        if limit.at_once is not None and going > limit.at_once:
            self._world.fail(f"{going} attempts of limit {limit.name} at once")
        if limit.rate is None:
            return
        if number:
            self._world.fail(f"{shown(key)} has a rate, and begins when its worker is free")
        starts, now = self._starts[limit.name], self._world.now
        starts.append(now)
        while starts[0] <= now - limit.per_s + CLOSE:
            starts.popleft()
        if len(starts) > max(1.0, limit.rate):
            self._world.fail(f"{len(starts)} begin within {limit.per_s} s of limit {limit.name}")

    def over(self, pool: SimulatedPool, key: Key) -> None:
        """An attempt is over, as far as its pool knows."""
        self._holds[pool].pop(key, None)

    # What holds at the end

    def look(self, store: StateStore, in_hand: Mapping[str, Mapping[str, int]]) -> None:
        """Nothing is stuck, nothing is lost, nothing is kept."""
        for row in store.open_runs():
            going = [step[1:5] for step in store.steps(row.id) if step.status != "done"]
            self._world.fail(f"run {row.id} is stuck: {row.status} {going}")
        for run in self.acknowledged:
            if store.run(run) is None:
                self._world.fail(f"run {run} was acknowledged, and is not there")
        for row in self.runs.values():
            found = store.run(row.id)
            if found is None or (found.status, found.output) != (row.status, row.output):
                self._world.fail(f"run {row.id} was committed as {row}, and is {found}")
        for name, left in in_hand.items():
            self._world.fail(f"{name} keeps {left}, and nothing goes on")


def _summary(changes: Changes) -> str:
    parts = [f"{row.id}={row.status}" for row in changes.runs]
    for row in changes.steps:
        parts.append(f"{shown(Key(row.run, row.step, row.item, row.attempt))}={row.status}")
    parts += [f"{event.kind}:{event.run}/{event.step}#{event.attempt}" for event in changes.events]
    parts += [f"{name}>{at - 1e6:.2f}" for name, at in changes.limits.items()]
    parts += [f"schedule {name}" for name in changes.schedules]
    parts += [f"inbox {changes.taken}"] * (changes.taken is not None)
    return " ".join(parts)
