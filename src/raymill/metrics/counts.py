"""What one worker counted, and all workers together."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from raymill.metrics.histogram import Histogram

_SUMS = (
    "records_in",
    "records_out",
    "held",
    "unfinished",
    "batches",
    "bytes_in",
    "bytes_out",
    "busy_s",
)


@dataclass(slots=True)
class WorkerMetrics:
    """What one worker counted. `skipped` and `failed` are counts by reason."""

    worker: str = "0"
    records_in: int = 0
    records_out: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)
    held: int = 0  # in a window that gave its output with another record
    unfinished: int = 0  # in a window that was still open at the end
    batches: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    busy_s: float = 0.0
    latency: Histogram = field(default_factory=Histogram)

    @property
    def records_skipped(self) -> int:
        """Records that went no further, over all reasons."""
        return sum(self.skipped.values())

    @property
    def records_failed(self) -> int:
        """Records that failed, over all reasons."""
        return sum(self.failed.values())

    @property
    def throughput(self) -> float:
        """Records per busy second."""
        return self.records_in / self.busy_s if self.busy_s else 0.0

    def skip(self, reason: str, count: int = 1) -> None:
        """Count records that were skipped."""
        _count(self.skipped, reason, count)

    def fail(self, reason: str, count: int = 1) -> None:
        """Count records that failed."""
        _count(self.failed, reason, count)

    def merge(self, other: "WorkerMetrics") -> None:
        """Add what another worker, or an earlier life of this one, counted."""
        for name in _SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for reason, count in other.skipped.items():
            self.skip(reason, count)
        for reason, count in other.failed.items():
            self.fail(reason, count)
        self.latency.merge(other.latency)

    def to_dict(self) -> dict[str, Any]:
        """Say it in JSON values."""
        said = {item.name: getattr(self, item.name) for item in fields(self)}
        said["skipped"], said["failed"] = dict(self.skipped), dict(self.failed)
        said["latency"] = self.latency.to_dict()
        return said | {
            "records_skipped": self.records_skipped,
            "records_failed": self.records_failed,
            "throughput": self.throughput,
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "WorkerMetrics":
        """Read back what `to_dict` said."""
        known = {item.name: values[item.name] for item in fields(cls)}
        known["skipped"], known["failed"] = dict(values["skipped"]), dict(values["failed"])
        known["latency"] = Histogram.from_dict(values["latency"])
        return cls(**known)


@dataclass(slots=True)
class Metrics:
    """What a run counted, by worker, and how long it took."""

    workers: dict[str, WorkerMetrics] = field(default_factory=dict)
    elapsed_s: float = 0.0

    def worker(self, name: str | int) -> WorkerMetrics:
        """The counts of a worker, made when it is first named."""
        return self.workers.setdefault(str(name), WorkerMetrics(str(name)))

    @property
    def total(self) -> WorkerMetrics:
        """The counts of all workers together."""
        together = WorkerMetrics("total")
        for worker in self.workers.values():
            together.merge(worker)
        return together

    @property
    def throughput(self) -> float:
        """Records per second of the run."""
        return self.total.records_in / self.elapsed_s if self.elapsed_s else 0.0

    def merge(self, other: "Metrics", *, after: bool = False) -> None:
        """Add what another part of the run counted, at the same time or `after` this one."""
        for name, worker in other.workers.items():
            self.worker(name).merge(worker)
        both = (self.elapsed_s, other.elapsed_s)
        self.elapsed_s = sum(both) if after else max(both)

    def to_dict(self) -> dict[str, Any]:
        """Say it in JSON values: total, then each worker."""
        return {
            "elapsed_s": self.elapsed_s,
            "throughput": self.throughput,
            "total": self.total.to_dict(),
            "workers": [worker.to_dict() for worker in self.workers.values()],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Metrics":
        """Read back what `to_dict` said."""
        workers = map(WorkerMetrics.from_dict, values["workers"])
        return cls({worker.worker: worker for worker in workers}, values["elapsed_s"])


def _count(counts: dict[str, int], reason: str, count: int) -> None:
    if count:
        counts[reason] = counts.get(reason, 0) + count
