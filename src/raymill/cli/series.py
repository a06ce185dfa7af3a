"""Runs one after the other, each with a progress bar and a way to stop."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

from raymill.app import finished
from raymill.app.streams import Started
from raymill.cli.interrupts import interruptible, leave
from raymill.cli.progress import progress
from raymill.engines.job import Run
from raymill.engines.run import Report
from raymill.errors import Interrupted


def run_all(wanted: Sequence[Run]) -> list[Report]:
    """Run them all; with a checkpoint, a resume passes over those that are done."""
    try:
        with _one_cluster(wanted):
            reports = [
                _one(run, _title(wanted, at), len(wanted) > 1) for at, run in enumerate(wanted)
            ]
    except Interrupted as error:
        leave(error)
        raise
    for run in wanted:
        if run.checkpoint:
            finished.forget(run.checkpoint)
    return reports


def _one_cluster(wanted: Sequence[Run]) -> AbstractContextManager[Any]:
    """A Ray cluster takes seconds to start, so that the runs of a series share one."""
    if len(wanted) == 1 or wanted[0].engine != "ray":
        return nullcontext()
    from raymill.engines.ray.cluster import connected

    return connected()


def _title(wanted: Sequence[Run], at: int) -> str:
    name = wanted[at].name or "run"
    return f"{name} {at + 1}/{len(wanted)}" if len(wanted) > 1 else name


def _one(run: Run, title: str, is_series: bool) -> Report:
    with progress(title, _writes_to_standard_output(run)) as tell:
        started = Started(replace(run, progress=tell))
        identity = started.job.identity
        if is_series and run.checkpoint and run.resume:
            report = finished.finished(run.checkpoint, identity)
            if report is not None:
                return report
        with interruptible(started):
            report = started.run()
        if is_series and run.checkpoint:
            finished.keep(run.checkpoint, identity, report)
        return report


def _writes_to_standard_output(run: Run) -> bool:
    return any(write.where in (None, "-", "/dev/stdout") for _, write in run.pipeline.sinks)
