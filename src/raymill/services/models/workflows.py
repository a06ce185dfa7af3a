"""What is asked of runs of workflows over HTTP, and what is answered of them."""

from typing import Any

from pydantic import Field

from raymill.services.service import Model


class WorkflowAbout(Model):
    """A registered workflow: its steps, and whether it can be started over HTTP."""

    name: str
    version: str
    steps: list[str]
    startable: bool


class RunRequest(Model):
    """A run to start. key: the same one gives the same run, however often it is asked for."""

    workflow: str = Field(min_length=1, max_length=200)
    input: Any = None
    key: str | None = Field(None, min_length=1, max_length=500)
    priority: int | None = Field(None, ge=-(2**31), lt=2**31)
    engine: str = Field("local", max_length=100)


class RunAbout(Model):
    """A run, and how it stands."""

    id: str
    workflow: str
    status: str
    created: str
    ended: str | None = None
    seconds: float | None = None
    error: dict[str, Any] | None = None
    priority: int = 0
    engine: str = "local"
    version: str = ""


class RunList(Model):
    """A page of runs, the newest first; `next_before` is there where more may follow."""

    runs: list[RunAbout]
    next_before: str | None = None


class StepAbout(Model):
    """A step of a run, or an item of a fan-out; `question` is what a person is asked."""

    step: str
    item: int | None
    status: str
    attempt: int
    failures: int
    losses: int
    seconds: float | None
    error: dict[str, Any] | None
    started: str | None
    ended: str | None
    worker: str
    question: str | None


class EventAbout(Model):
    """Something out of the ordinary that happened in a run."""

    at: str
    kind: str
    step: str
    item: int | None
    attempt: int
    detail: str


class RunWhole(RunAbout):
    """A run with its input, its output, its steps and what happened."""

    input: Any = None
    output: Any = None
    steps: list[StepAbout]
    events: list[EventAbout]


class RunStanding(RunAbout):
    """A run, how many steps of it are in each state, and which of them ask for an answer."""

    steps: dict[str, int]
    asks: list[str]


class AnswerRequest(Model):
    """An answer to what a step asks; `item` where it is one of a fan-out."""

    step: str = Field(min_length=1, max_length=200)
    value: Any
    item: int | None = Field(None, ge=0)


class LogPage(Model):
    """Lines that the steps of a run logged, and where the next ones begin."""

    lines: list[dict[str, Any]]
    next: int
