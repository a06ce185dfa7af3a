"""Metrics as text: rows of a table, CSV, and what Prometheus reads."""

import csv
import io
from collections.abc import Callable, Iterator

from raymill.metrics.counts import Metrics, WorkerMetrics

_COLUMNS: dict[str, Callable[[WorkerMetrics], object]] = {
    "worker": lambda w: w.worker,
    "records_in": lambda w: w.records_in,
    "records_out": lambda w: w.records_out,
    "records_skipped": lambda w: w.records_skipped,
    "records_failed": lambda w: w.records_failed,
    "held": lambda w: w.held,
    "unfinished": lambda w: w.unfinished,
    "batches": lambda w: w.batches,
    "bytes_in": lambda w: w.bytes_in,
    "bytes_out": lambda w: w.bytes_out,
    "busy_s": lambda w: round(w.busy_s, 6),
    "throughput": lambda w: round(w.throughput, 1),
    "latency_p50_s": lambda w: round(w.latency.quantile(0.50), 9),
    "latency_p95_s": lambda w: round(w.latency.quantile(0.95), 9),
    "latency_p99_s": lambda w: round(w.latency.quantile(0.99), 9),
    "skipped_by_reason": lambda w: _reasons(w.skipped),
    "failed_by_reason": lambda w: _reasons(w.failed),
}
HEADINGS = ("worker", "in", "out", "skipped", "failed", "batches", "records/s", "p50", "p95", "p99")
_COUNTERS = (
    ("records_in", "Records read"),
    ("records_out", "Records written"),
    ("held", "Records held in a window"),
    ("unfinished", "Records in a window that was still open at the end"),
    ("batches", "Batches"),
    ("bytes_in", "Bytes read"),
    ("bytes_out", "Bytes written"),
)


def to_csv(metrics: Metrics) -> str:
    """One row for each worker and one for the total."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(_COLUMNS)
    for worker in [*metrics.workers.values(), metrics.total]:
        values = {name: value(worker) for name, value in _COLUMNS.items()}
        if worker.worker == "total":
            values["throughput"] = round(metrics.throughput, 1)
        rows.writerow(values.values())
    return text.getvalue()


def to_rows(metrics: Metrics, *, by_worker: bool = False) -> list[tuple[str, ...]]:
    """Rows of a table under `HEADINGS`: the total, after each worker if asked."""
    workers = list(metrics.workers.values()) if by_worker else []
    rows = [_row(worker, worker.throughput) for worker in workers]
    return [*rows, _row(metrics.total, metrics.throughput)]


def to_prometheus(metrics: Metrics) -> str:
    """Text that Prometheus reads; every series bears the label `worker`."""
    return "".join(f"{line}\n" for line in _exposition(list(metrics.workers.values())))


def duration(seconds: float) -> str:
    """A time as people write it.

    >>> duration(0.0000042), duration(0.0123), duration(3.21), duration(75)
    ('4.2 us', '12.3 ms', '3.21 s', '75.0 s')
    """
    for unit, factor, below in (("us", 1e6, 1e-3), ("ms", 1e3, 1.0)):
        if seconds < below:
            return f"{seconds * factor:.1f} {unit}"
    return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"


def _row(worker: WorkerMetrics, throughput: float) -> tuple[str, ...]:
    counts = (
        worker.records_in,
        worker.records_out,
        worker.records_skipped,
        worker.records_failed,
        worker.batches,
        round(throughput),
    )
    times = (duration(worker.latency.quantile(share)) for share in (0.5, 0.95, 0.99))
    return worker.worker, *(f"{count:,}" for count in counts), *times


def _exposition(workers: list[WorkerMetrics]) -> Iterator[str]:
    for name, text in _COUNTERS:
        series = [({"worker": w.worker}, getattr(w, name)) for w in workers]
        yield from _counter(f"raymill_{name}_total", text, series)
    busy = [({"worker": w.worker}, w.busy_s) for w in workers]
    yield from _counter("raymill_busy_seconds_total", "Time spent working", busy)
    for name in ("skipped", "failed"):
        reasons = [
            ({"worker": w.worker, "reason": reason}, count)
            for w in workers
            for reason, count in getattr(w, name).items()
        ]
        yield from _counter(f"raymill_records_{name}_total", f"Records {name}", reasons)
    yield from _latency(workers)


def _counter(name: str, text: str, series: list[tuple[dict[str, str], float]]) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} counter"
    for labels, value in series:
        yield f"{name}{_labels(labels)} {value}"


def _latency(workers: list[WorkerMetrics]) -> Iterator[str]:
    name = "raymill_latency_seconds"
    yield f"# HELP {name} Time from reading a record to having its answer"
    yield f"# TYPE {name} histogram"
    for worker in workers:
        own = {"worker": worker.worker}
        for bound, below in worker.latency.cumulative():
            yield f"{name}_bucket{_labels(own | {'le': f'{bound:.6g}'})} {below}"
        yield f"{name}_bucket{_labels(own | {'le': '+Inf'})} {worker.latency.count}"
        yield f"{name}_sum{_labels(own)} {worker.latency.sum_s}"
        yield f"{name}_count{_labels(own)} {worker.latency.count}"


def _labels(labels: dict[str, str]) -> str:
    escapes = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
    pairs = (f'{name}="{value.translate(escapes)}"' for name, value in labels.items())
    return "{" + ",".join(pairs) + "}"


def _reasons(counts: dict[str, int]) -> str:
    return "; ".join(f"{reason}={count}" for reason, count in sorted(counts.items()))
