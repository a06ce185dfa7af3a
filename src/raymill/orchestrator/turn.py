"""What one turn of the loop gathers, and how often it looks around."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from raymill.flow.pool import Key
from raymill.flow.workflow import Workflow
from raymill.orchestrator.clock import Clock
from raymill.orchestrator.pools import LOCAL
from raymill.state.store import Changes, RunRow


@dataclass(frozen=True)
class Pace:
    """How often the loop looks at what nobody tells it."""

    inbox_s: float = 0.05
    sweep_s: float = 5.0
    lease_s: float = 5.0
    idle_s: float | None = None  # leave after so long without work; None stays


@dataclass(slots=True)
class Turn:
    """What one turn of the loop gathered: one change, and what follows its commit."""

    changes: Changes = field(default_factory=Changes)
    ready: list[Key] = field(default_factory=list)
    told: list[Callable[[], Any]] = field(default_factory=list)
    ended: list[RunRow] = field(default_factory=list)
    forget: int | None = None


def new_run(
    flow: Workflow,
    value: bytes,
    clock: Clock,
    place: str,
    *,
    id: str | None = None,
    priority: int | None = None,
    engine: str = LOCAL,
) -> RunRow:
    """The row of a run that begins now."""
    now = clock.now()
    return RunRow(
        id=id or clock.new_id(),
        workflow=flow.name,
        place=place,
        version=flow.version,
        status="running",
        priority=flow.priority if priority is None else priority,
        input=value,
        output=None,
        error=None,
        parent=None,
        created=now,
        deadline=None if flow.timeout_s is None else now + flow.timeout_s,
        engine=engine,
    )
