"""Runs of workflows as people and programs read them."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Literal

from raymill import json
from raymill.errors import StoreError
from raymill.state.artifacts import MARK, Artifacts
from raymill.state.store import EventRow, Message, RunRow, StepRow

Status = Literal["submitted", "running", "paused", "completed", "failed", "cancelled"]
NO_QUESTIONS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Run:
    """A run: `status` is submitted, running, paused, completed, failed or cancelled."""

    id: str
    workflow: str
    status: str
    created: str
    ended: str | None = None
    seconds: float | None = None
    error: dict[str, Any] | None = None
    priority: int = 0
    place: str = ""
    version: str = ""
    input: Any = None
    output: Any = None
    engine: str = "local"

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.status in ("completed", "failed", "cancelled")


@dataclass(frozen=True)
class StepOfRun:
    """A step of a run, or an item of a fan-out: status is begun, waiting, asked, done, dead,
    cancelled.

    `attempt` counts starts, `failures` errors, `losses` attempts whose worker went away. `started`,
    `ended`, `seconds` and `worker` are those of the last attempt that ended. `question` is what a
    person is asked, where the step waits for an answer.
    """

    step: str
    item: int | None
    status: str
    attempt: int
    failures: int
    losses: int
    seconds: float | None
    error: dict[str, Any] | None
    started: str | None = None
    ended: str | None = None
    worker: str = ""
    question: str | None = None


@dataclass(frozen=True)
class EventOfRun:
    """Something out of the ordinary: a failed attempt, a request, a late result (`fenced`)."""

    at: str
    kind: str
    step: str
    item: int | None
    attempt: int
    detail: str


@dataclass(frozen=True)
class WholeRun:
    """A run with its steps and events."""

    run: Run
    steps: list[StepOfRun]
    events: list[EventOfRun]

    @property
    def only_asks(self) -> bool:
        """Whether it waits for answers, and for nothing else."""
        going = {step.status for step in self.steps} & {"begun", "waiting", "asked"}
        return going == {"asked"}

    def to_dict(self) -> dict[str, Any]:
        """As JSON values: the fields of the run, `steps` and `events`."""
        about = {name: [asdict(row) for row in getattr(self, name)] for name in ("steps", "events")}
        return {**asdict(self.run), **about}


def run_of(row: RunRow, artifacts: Artifacts | None) -> Run:
    """A run from the journal; without artifacts, large values stay references."""
    return Run(
        row.id,
        row.workflow,
        row.status,
        when(row.created),
        None if row.ended is None else when(row.ended),
        None if row.ended is None else round(row.ended - row.created, 6),
        None if row.error is None else json.loads(row.error),
        row.priority,
        row.place,
        row.version,
        _value(row.input, artifacts),
        _value(row.output, artifacts),
        row.engine,
    )


def submitted(message: Message) -> Run:
    """A run that no orchestrator has taken up yet."""
    about = json.loads(message.body)
    priority = about["priority"] or 0
    return Run(
        *(message.run, about["workflow"], "submitted", when(message.at)),
        priority=priority,
        place=about["place"],
        input=about["input"],
        engine=about.get("engine") or "local",
    )


def steps_of(
    rows: Iterable[StepRow], order: Iterable[str], questions: Mapping[str, str] = NO_QUESTIONS
) -> list[StepOfRun]:
    """Steps in the order of the workflow, items in theirs; `questions` by the names of steps."""
    places = {name: number for number, name in enumerate(order)}
    found = sorted(rows, key=lambda row: (places.get(row.step, len(places)), row.step, row.item))
    return [_step_of(row, questions) for row in found]


def _step_of(row: StepRow, questions: Mapping[str, str]) -> StepOfRun:
    started = None if row.ended is None or row.seconds is None else row.ended - row.seconds
    return StepOfRun(
        *(row.step, _item(row.item), row.status, row.attempt, row.failures, row.losses),
        None if row.seconds is None else round(row.seconds, 6),
        None if row.error is None else json.loads(row.error),
        None if started is None else when(started),
        None if row.ended is None else when(row.ended),
        row.worker,
        questions.get(row.step) if row.status == "asked" else None,
    )


def events_of(rows: Iterable[EventRow]) -> list[EventOfRun]:
    """What happened, in order."""
    return [
        EventOfRun(when(row.at), row.kind, row.step, _item(row.item), row.attempt, row.detail)
        for row in rows
    ]


def when(seconds: float) -> str:
    """A time as text in UTC.

    >>> when(0)
    '1970-01-01T00:00:00.000Z'
    """
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _item(item: int) -> int | None:
    return None if item < 0 else item


def _value(value: bytes | None, artifacts: Artifacts | None) -> Any:
    if value is None:
        return None
    if artifacts is None:
        return json.loads(value.removeprefix(MARK))
    try:
        return artifacts.load(value)
    except StoreError as error:
        return {"lost": error.message}
