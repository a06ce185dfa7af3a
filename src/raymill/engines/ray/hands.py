"""What the pool knows of a worker, and of what it gave into its hands."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from raymill.engines.ray.line import Line
from raymill.flow.pool import Call
from raymill.flow.workflow import Resources

State: TypeAlias = Literal["starting", "up", "ending"]


@dataclass(slots=True)
class Task:
    """A call with what the pool has to know of its step."""

    call: Call
    timeout_s: float | None
    version: str  # of the code that the worker must have


@dataclass(slots=True)
class Batch:
    """Calls that travel together."""

    tasks: list[Task]
    group: Resources
    since: float


@dataclass(slots=True)
class Verdict:
    """Why a worker is ended, and so what becomes of the step that it is at."""

    outcome: Literal["lost", "timeout", "cancelled"]
    error: bytes | None


@dataclass(slots=True)
class Worker:
    """A worker as the pool sees it."""

    id: int
    slot: int
    group: Resources
    since: float  # when it was asked for
    token: bytes
    state: State = "starting"
    was_up: bool = False
    line: Line | None = None
    hand: dict[int, Task] = field(default_factory=dict)  # by serial, in the order of their turn
    running: int | None = None
    begun: float = 0.0
    heard: float = 0.0
    idle_since: float = 0.0
    yields: bool = False  # it ends once its hand is empty
    cancelled: dict[int, float] = field(default_factory=dict)  # serials, and when patience ends
    verdict: Verdict | None = None
    patience: float = 0.0  # when the pool stops waiting for the word that it is gone
    late: dict[int, Task] = field(default_factory=dict)  # given up, and perhaps going on

    @property
    def name(self) -> str:
        """What a result calls it."""
        return f"ray-{self.slot}"

    @property
    def is_idle(self) -> bool:
        """Whether it could take a batch."""
        return self.state == "up" and not self.hand and not self.yields

    @property
    def is_heard(self) -> bool:
        """Whether its line is open."""
        return self.line is not None and not self.line.is_over

    @property
    def at(self) -> int | None:
        """The step that it is at; of a line that is open, the word of it may be on its way."""
        if self.running in self.hand:
            return self.running
        return next(iter(self.hand), None) if self.is_heard else None

    @property
    def deadline(self) -> float | None:
        """When the time of the step that goes on is over."""
        task = self.hand.get(self.running) if self.running is not None else None
        timeout = task.timeout_s if task else None
        return None if timeout is None else self.begun + timeout
