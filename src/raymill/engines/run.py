"""What every engine is given and gives back: a job, and the report of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from raymill.connectors.dead_letter import DeadLetterSink
from raymill.flow.plan import Plan
from raymill.flow.sink import Sink
from raymill.flow.source import Source
from raymill.metrics import Metrics

OnError = Literal["dead-letter", "skip", "stop"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is, told now and then."""

    records: int
    bytes_read: int
    bytes_total: int | None
    elapsed_s: float


@dataclass(frozen=True)
class Options:
    """How a plan is run: everything that does not change its output."""

    workers: int = 1
    on_error: OnError = "dead-letter"
    checkpoint: str | None = None
    resume: bool = False
    checkpoint_s: float = 5.0
    checkpoint_records: int | None = None
    key_groups: int = 64
    in_flight: int = 2
    ordered: bool = True
    progress: Callable[[Progress], None] | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)  # what one engine alone understands


@dataclass(frozen=True)
class Job:
    """A plan with everything opened that it touches."""

    plan: Plan
    source: Source
    sinks: tuple[Sink, ...]  # aligned with the plan's
    letters: DeadLetterSink | None  # where failed records go
    options: Options
    identity: Mapping[str, Any] = field(default_factory=dict)  # what must be the same for a resume


@dataclass
class Report:
    """What a run did."""

    engine: str
    workers: int
    metrics: Metrics
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    outputs: list[str] = field(default_factory=list)
    dead_letters: str | None = None
    checkpoints: int = 0
    resumed: bool = False
    recoveries: int = 0
    warnings: list[str] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)

    @property
    def records_in(self) -> int:
        """Records that the source gave, bad ones included."""
        return self.metrics.total.records_in

    @property
    def records_out(self) -> int:
        """Records that the sinks took."""
        return self.metrics.total.records_out

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON values."""
        return {
            "engine": self.engine,
            "workers": self.workers,
            "metrics": self.metrics.to_dict(),
            "nodes": self.nodes,
            "outputs": self.outputs,
            "dead_letters": self.dead_letters,
            "checkpoints": self.checkpoints,
            "resumed": self.resumed,
            "recoveries": self.recoveries,
            "warnings": self.warnings,
            "places": self.places,
        }


class Runner(Protocol):
    """An engine: runs a job to its end, and can be told to stop."""

    name: str

    def run(self, job: Job) -> Report:
        """Run to the end. Raises RaymillError; Interrupted after `cancel`."""
        ...

    def cancel(self) -> None:
        """Stop at the next checkpoint, or at once where there is none. Any thread."""
        ...
