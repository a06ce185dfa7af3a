"""What a run counted: records, outcomes, bytes and latency, per worker and in total, mergeable."""

from raymill.metrics.counts import Metrics, WorkerMetrics
from raymill.metrics.histogram import Histogram
from raymill.metrics.text import HEADINGS, to_csv, to_prometheus, to_rows

__all__ = [
    "HEADINGS",
    "Histogram",
    "Metrics",
    "WorkerMetrics",
    "to_csv",
    "to_prometheus",
    "to_rows",
]
