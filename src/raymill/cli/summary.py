"""What a run did: a table for people, JSON, and files of metrics."""

import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from raymill import json
from raymill.cli.report import show_metrics, show_table
from raymill.connectors.output import open_output
from raymill.engines.run import Report
from raymill.errors import ConfigError
from raymill.metrics import Metrics, to_csv, to_prometheus

METRICS = (".json", ".csv", ".prom")
NODE_HEADINGS = ("task", "in", "out", "skipped", "failed", "held")


@dataclass(frozen=True)
class Summary:
    """All runs of a command together; `runs` has each, `metrics` each worker."""

    task: str
    engine: str
    workers: int
    records_in: int
    records_out: int
    records_skipped: int
    records_failed: int
    skipped: dict[str, int]
    failed: dict[str, int]
    elapsed_s: float
    throughput: float
    outputs: list[str]
    dead_letters: list[str]
    checkpoints: int
    resumed: bool
    recoveries: int
    warnings: list[str]
    metrics: dict[str, Any]
    runs: list[dict[str, Any]]

    @classmethod
    def of(cls, task: str, reports: Sequence[Report]) -> "Summary":
        """Put the reports of a command's runs together."""
        metrics = Metrics()
        for report in reports:
            metrics.merge(report.metrics, after=True)
        total = metrics.total
        return cls(
            task,
            reports[0].engine,
            reports[0].workers,
            total.records_in,
            total.records_out,
            total.records_skipped,
            total.records_failed,
            total.skipped,
            total.failed,
            metrics.elapsed_s,
            metrics.throughput,
            [path for report in reports for path in report.outputs],
            [report.dead_letters for report in reports if report.dead_letters],
            sum(report.checkpoints for report in reports),
            any(report.resumed for report in reports),
            sum(report.recoveries for report in reports),
            [text for report in reports for text in report.warnings],
            metrics.to_dict(),
            [report.to_dict() for report in reports],
        )

    @property
    def counted(self) -> Metrics:
        """The metrics as an object."""
        return Metrics.from_dict(self.metrics)


def show(summary: Summary, *, as_json: bool, verbose: bool) -> None:
    """Say what was done; as JSON on standard output, unless records went there."""
    taken = any(path in ("-", "/dev/stdout") for path in summary.outputs)
    if as_json:
        stream = sys.stderr if taken else sys.stdout
        stream.write(json.dumps(asdict(summary), indent=True).decode() + "\n")
        stream.flush()
    else:
        _table(summary, verbose)
    for text in warnings(summary):
        sys.stderr.write(f"warning: {text}\n")


def _table(summary: Summary, verbose: bool) -> None:
    workers = f"{summary.workers} worker{'s' if summary.workers > 1 else ''}"
    again = ", resumed" if summary.resumed else ""
    sys.stderr.write(f"{summary.task} on {summary.engine}, {workers}{again}\n")
    show_metrics(summary.counted, by_worker=verbose)
    if verbose:
        for run in summary.runs:
            _nodes(run["nodes"], sys.stderr)
    for path in summary.outputs:
        if path != "-":
            sys.stderr.write(f"output: {path}\n")


def _nodes(nodes: dict[str, dict[str, Any]], stream: TextIO) -> None:
    rows = [
        (
            label,
            f"{counts['records_in']:,}",
            f"{counts['records_out']:,}",
            f"{sum(counts['skipped'].values()):,}",
            f"{sum(counts['failed'].values()):,}",
            f"{counts['held']:,}",
        )
        for label, counts in nodes.items()
    ]
    show_table(NODE_HEADINGS, rows, stream=stream)


def warnings(summary: Summary) -> list[str]:
    """What the user should look at, in sentences."""
    found = list(summary.warnings)
    if failed := summary.records_failed:
        records = f"{failed:,} record{'s' if failed > 1 else ''} failed"
        where = " and ".join(f"`{path}`" for path in summary.dead_letters[:3])
        others = len(summary.dead_letters) - 3
        if others > 0:
            where += f" and {others} more files"
        kept = f"kept in {where}" if where else "passed over"
        found.append(f"{records}; {'they are' if failed > 1 else 'it is'} {kept}")
    return found


def check_metrics_file(path: str | None) -> None:
    """Refuse a file of metrics that could not be written later. Raises ConfigError."""
    if path is None:
        return
    if Path(path).suffix not in METRICS:
        raise ConfigError(
            f"`--metrics {path}` has no known ending", hint=f"end it in {', '.join(METRICS)}"
        )
    folder = os.path.dirname(path)
    if folder and not os.path.isdir(folder):
        raise ConfigError(f"Folder `{folder}` does not exist", hint=f"mkdir -p {folder}")


def write_metrics(summary: Summary, path: str | None) -> None:
    """Write the counts of each worker and in total, in the form that the ending tells."""
    if path is None:
        return
    metrics = summary.counted
    text = {
        ".json": lambda: json.dumps(metrics.to_dict(), indent=True).decode() + "\n",
        ".csv": lambda: to_csv(metrics),
        ".prom": lambda: to_prometheus(metrics),
    }[Path(path).suffix]()
    output = open_output(path)
    output.write(text.encode())
    output.finish()
