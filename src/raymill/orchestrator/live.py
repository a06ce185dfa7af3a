"""A run in memory, as the journal has it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from raymill import json
from raymill.flow.pool import FAILED, Argument, Key
from raymill.flow.workflow import INPUT, Step, Workflow, needs
from raymill.state.store import EventRow, RunRow, StepRow

ONE = -1  # the item of a step that is no fan-out
DUE = ("begun", "waiting")
GOING = (*DUE, "asked")
LEFT = ("dead", "cancelled")  # in a run that goes on: of before it was taken up again
Fetch = Callable[[bytes], bytes]


@dataclass(slots=True)
class Child:
    """A run to start for a step of another one."""

    id: str
    flow: Workflow
    place: str
    input: bytes
    parent: Key


@dataclass(slots=True)
class Decision:
    """What is to be written, and what is to be done once it is."""

    run: RunRow | None = None
    steps: list[StepRow] = field(default_factory=list)
    events: list[EventRow] = field(default_factory=list)
    ready: list[Key] = field(default_factory=list)
    timers: list[tuple[float, Key]] = field(default_factory=list)
    stop: list[Key] = field(default_factory=list)
    children: list[Child] = field(default_factory=list)
    also: list[tuple[str, str]] = field(default_factory=list)  # child runs, what is asked of them


class Live:
    """A run, its steps, and what they gave."""

    __slots__ = ("_items", "_left", "fetch", "flow", "held", "row", "steps")

    def __init__(
        self, row: RunRow, flow: Workflow, steps: Iterable[StepRow] = (), fetch: Fetch = bytes
    ) -> None:
        self.row, self.flow, self.fetch = row, flow, fetch
        self.steps: dict[tuple[str, int], StepRow] = {}
        self.held: list[Key] = []  # attempts that wait for the run to be resumed
        self._items: dict[str, list[bytes]] = {}
        self._left: dict[str, int] = {}  # of a fan-out that has begun
        for found in steps:
            self.steps[found.step, found.item] = found
        lists = {step for step, item in self.steps if item != ONE}
        for one in flow.steps if lists else ():  # in their order: one list comes of another
            if one.name in lists and one.each is not None and self.is_complete(one.each):
                self._count_left(one.name)

    def _goes_over_a_list(self, name: str) -> bool:
        one = self.flow.by_name.get(name)  # None where the code has changed
        return one is not None and one.each is not None

    def _count_left(self, name: str) -> None:
        """Note how many items are not over, unless they all are to begin anew."""
        found = [self.steps.get((name, item)) for item in range(self.count(name))]
        left = sum(row is None or not _is_over(row) for row in found)
        if not left or any(row is not None and row.status in GOING for row in found):
            self._left[name] = left

    def take(self, decision: Decision) -> None:
        """Make a decision part of the run."""
        if decision.run is not None:
            self.row = decision.run
        for row in decision.steps:
            was = self.steps.get((row.step, row.item))
            self.steps[row.step, row.item] = row
            if row.item == ONE or not self._goes_over_a_list(row.step):
                continue
            left = self._left.get(row.step)
            if left is None:
                self._count_left(row.step)
            else:
                closed = _is_over(row) - (was is not None and _is_over(was))
                self._left[row.step] = left - closed

    def with_rows(self, rows: Iterable[StepRow], run: RunRow | None = None) -> "Live":
        """The same run with other rows; this one stays as it is."""
        made = Live(run or self.row, self.flow, (), self.fetch)
        made.steps, made._left, made._items = dict(self.steps), dict(self._left), self._items
        made.take(Decision(steps=list(rows)))
        return made

    def left(self, name: str) -> int:
        """How many items of a fan-out that has begun are not over; 1 for any other step."""
        return self._left.get(name, 1)

    def step(self, name: str) -> Step:
        """The declaration of a step."""
        return self.flow.by_name[name]

    def count(self, name: str) -> int:
        """How many items a fan-out has."""
        return len(self.items(self.step(name).each or INPUT))

    def items(self, name: str) -> list[bytes]:
        """What a step or the input gave, as a list. Raises ValueError if it is none."""
        if name not in self._items:
            self._items[name] = self._listed(name)
        return self._items[name]

    def _listed(self, name: str) -> list[bytes]:
        value = self.value(name)
        if isinstance(value, tuple):
            return list(value)
        found = json.loads(self.fetch(value))
        if not isinstance(found, list):
            raise ValueError(f"`{name}` gave {type(found).__name__}, and the step goes over a list")
        return [json.dumps(item) for item in found]

    def value(self, name: str) -> Argument:
        """What a step or the input gave: bytes, or those of each item."""
        if name == INPUT:
            return self.row.input or b"null"
        if self.step(name).each is None:
            return self.steps[name, ONE].output or b"null"
        rows = (self.steps[name, item] for item in range(self.count(name)))
        return tuple(
            row.output or b"null" if row.status == "done" else FAILED + (row.error or b"null")
            for row in rows
        )

    def is_complete(self, name: str) -> bool:
        """Whether a step has given all that it will give."""
        if name == INPUT:
            return True
        if self.step(name).each is None:
            row = self.steps.get((name, ONE))
            return row is not None and row.status == "done"
        if name in self._left:
            return self._left[name] == 0
        return self.is_complete(self.step(name).each or INPUT) and self.count(name) == 0

    def has_begun(self, name: str) -> bool:
        """Whether a step is under way or over, and is not to begin anew."""
        if name in self._left:
            return True
        row = self.steps.get((name, ONE))
        return row is not None and row.status not in LEFT and self.step(name).each is None

    def has_rows(self, name: str) -> bool:
        """Whether a step has begun at some time."""
        return (name, ONE) in self.steps or (name, 0) in self.steps

    def arguments(self, name: str, item: int) -> tuple[Argument, ...]:
        """The arguments of an attempt."""
        one = self.step(name)
        first = (self.items(one.each)[item],) if one.each else ()
        return (*first, *(self.value(other) for other in one.after or ()))

    def output(self) -> bytes:
        """The result of the last step, as one JSON value."""
        return whole(self.value(self.flow.steps[-1].name), self.fetch)

    def going(self) -> list[StepRow]:
        """The attempts that are under way, wait for their time or for an answer."""
        return [row for row in self.steps.values() if row.status in GOING]

    @property
    def is_at_work(self) -> bool:
        """Whether it waits for something else than answers and child runs."""
        going = (row for row in self.steps.values() if row.status in DUE)
        return any(not self.step(row.step).is_child for row in going)

    def can_begin(self, name: str) -> bool:
        """Whether all that a step waits for is there."""
        return all(self.is_complete(other) for other in needs(self.step(name)))


def whole(value: Argument, fetch: Fetch) -> bytes:
    """The results of a fan-out as one JSON list; those that failed as objects with `failed`."""
    if isinstance(value, bytes):
        return value
    return b"[" + b",".join(_part(part, fetch) for part in value) + b"]"


def _part(part: bytes, fetch: Fetch) -> bytes:
    if part[:1] != FAILED:
        return fetch(part)
    error: dict[str, Any] = json.loads(part[1:]) or {}
    return json.dumps({"failed": error.get("type"), "message": error.get("message")})


def _is_over(row: StepRow) -> bool:
    return row.status in ("done", "dead")
