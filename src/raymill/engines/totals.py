"""The totals of runs of a single task, under the names that users of RIoTBench on Ray know."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

from raymill import json
from raymill.engines.run import Report
from raymill.errors import ConfigError, SinkError, unknown
from raymill.metrics import WorkerMetrics

Totals: TypeAlias = dict[str, Any]
FORMATS = ("csv", "json")


def of_worker(worker: WorkerMetrics) -> Totals:
    """What one worker did."""
    processed = worker.records_in - worker.records_failed
    return {
        "actor": worker.worker,
        "total_processed": processed,
        "total_time": worker.busy_s,
        "errors": worker.records_failed,
        "none_filtered": worker.held + worker.records_skipped,
        "avg_time": worker.busy_s / processed if processed else 0.0,
        "throughput": processed / worker.busy_s if worker.busy_s else 0.0,
    }


def of_run(report: Report) -> Totals:
    """What a run over one file did, with a part for each worker."""
    for number in range(report.workers):
        report.metrics.worker(number)  # also those that found nothing to do
    total = report.metrics.total
    return {
        "total_records": total.records_in,
        "processed_records": total.records_in - total.records_failed,
        "valid_results": total.records_out,
        "none_filtered": total.held + total.records_skipped,
        "errors": total.records_failed,
        "skipped": dict(total.skipped),
        "failed": dict(total.failed),
        "total_time": report.metrics.elapsed_s,
        "throughput": report.metrics.throughput,
        "num_actors": report.workers,
        "actor_metrics": [of_worker(one) for _, one in sorted(report.metrics.workers.items())],
    }


def of_batch(files: Sequence[Totals]) -> Totals:
    """What runs over several files did together."""
    summed = ("total_records", "processed_records", "valid_results", "none_filtered", "errors")
    sums = {name: sum(one[name] for one in files) for name in summed}
    elapsed = sum(one["total_time"] for one in files)
    return {
        "files_processed": len(files),
        **sums,
        "batch_time": elapsed,
        "throughput": sums["total_records"] / elapsed if elapsed else 0.0,
        "file_metrics": list(files),
    }


def export(totals: Mapping[str, Any], path: str | PathLike[str], format: str | None = None) -> None:
    """Write totals as JSON, or as CSV with a row `metric,value` for each figure.

    format: `json` or `csv`; by the ending of the name unless given. Raises UnknownName, SinkError.
    """
    place = Path(path)
    wanted = format or place.suffix.removeprefix(".")
    if wanted not in FORMATS:
        raise unknown("format of metrics", wanted, FORMATS)
    data = _as_csv(totals) if wanted == "csv" else json.dumps(totals, indent=True) + b"\n"
    try:
        place.write_bytes(data)
    except OSError as error:
        raise SinkError(f"Metrics cannot be written to `{place}`: {error.strerror}") from error


def known(totals: Totals | None) -> Totals:
    """The totals of the last run. Raises ConfigError before the first one."""
    if totals is None:
        raise ConfigError("There are no metrics before the first run", hint="run a task first")
    return totals


def _as_csv(totals: Mapping[str, Any]) -> bytes:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("metric", "value"))
    rows.writerows(_figures(totals))
    return text.getvalue().encode()


def _figures(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every figure with its path, as in `actor_metrics.0.errors`."""
    if isinstance(value, Mapping | list):
        parts = value.items() if isinstance(value, Mapping) else enumerate(value)
        for part, inner in parts:
            yield from _figures(inner, f"{name}.{part}" if name else str(part))
    else:
        yield name, value
