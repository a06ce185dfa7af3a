"""A year of a buoy: its readings cleaned, averaged by day and smoothed, on each engine."""

import filecmp
import time
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from raymill.app.demo.part import Fact, Part, Say
from raymill.app.demo.sample import sample_file
from raymill.app.streams import run
from raymill.engines.run import Report
from raymill.flow import Time, task
from raymill.flow.pipeline import Pipeline, read

FILE = "sea_surface_temperature.csv.gz"
TIME, READING = "time (UTC)", "temperature (celsius)"
READINGS, DAYS = "readings.parquet", "days.parquet"
OUTPUTS = (READINGS, DAYS)
DAY_S = 86_400
PIECE_BYTES = 1 << 16  # about 2,100 readings, so that there is something to interrupt
CHECKPOINT_RECORDS = 4_000

HEADINGS = ("run", "engine", "workers", "readings", "skipped", "days", "began", "time")


@dataclass
class Newest:
    """The time of the newest reading so far, in epoch milliseconds."""

    time: int = np.iinfo(np.int64).min


@task(compiled=True, state=Newest, skip="not newer than the reading before it")
def newer(s: Newest, time: Time) -> bool:
    """Skip a reading that repeats the time of an earlier one."""
    is_newer = time > s.time
    if is_newer:
        s.time = time
    return is_newer


def pipeline(folder: Path) -> Pipeline:
    """The job: clean, then smooth each reading and average each day, over one reading of the file.

    Water is liquid between -1.9 and 35 degrees here; q and r are the variances of what the sea
    does in half an hour and of one reading.
    """
    clean = (
        read(sample_file(FILE), unit=PIECE_BYTES)
        .then("range_filter", valid_range=f"{READING}:-1.9:35")
        .then(newer, field=TIME)
    )
    smooth = clean.then("kalman_filter", field=READING, as_="smooth", q=0.002, r=0.05)
    days = clean.window("mean", seconds=DAY_S, field=READING, time=TIME, as_="mean", flush=True)
    daily = days.select("window_start", "mean")
    return smooth.write(folder / READINGS) + daily.write(folder / DAYS)


def run_into(folder: Path, **how: Any) -> Report:
    """Run the job into a folder."""
    folder.mkdir(exist_ok=True)
    return run(pipeline(folder), **how)


@dataclass
class Runs:
    """The runs so far, as rows of the summary, and what they showed."""

    folder: Path
    say: Say
    rows: list[tuple[str, ...]] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)

    def run(self, name: str, title: str, **how: Any) -> Report:
        """Run the job once more, in a folder of its own."""
        self.say(title)
        begun = time.monotonic()
        report = run_into(self.folder / name, **how)
        self.rows.append(self._row(name, report, time.monotonic() - begun))
        return report

    def compare(self, name: str, text: str) -> None:
        """Hold the outputs of a run against those of the first, byte by byte."""
        same = all(
            filecmp.cmp(self.folder / "local" / file, self.folder / name / file, shallow=False)
            for file in OUTPUTS
        )
        self.facts.append(Fact(text, same))

    def _row(self, name: str, report: Report, elapsed_s: float) -> tuple[str, ...]:
        total = report.metrics.total
        days = report.nodes["select"]["records_out"]
        return (
            name,
            report.engine,
            f"{report.workers}",
            f"{total.records_in:,}",
            f"{total.records_skipped:,}",
            f"{days:,}",
            "at a checkpoint" if report.resumed else "afresh",
            f"{elapsed_s:.1f} s",
        )


def buoy(folder: Path, say: Say) -> Part:
    """Run the job on the local engine, on Ray, and through a kill; draw what came out."""
    from raymill.app.demo import drawings, killed

    runs = Runs(folder, say)
    runs.run("local", "Local engine: clean, smooth, average by day")
    left_out = _on_ray(runs)
    say("Local engine again: killed with SIGKILL behind a checkpoint, then resumed")
    records = killed.kill_a_run(folder / "resumed")
    report = runs.run(
        "resumed", "Resuming", workers=2, checkpoint=killed.state(folder / "resumed"), resume=True
    )
    runs.facts.append(
        Fact(
            f"A run that was killed behind {records:,} readings went on from there", report.resumed
        )
    )
    runs.compare("resumed", "The resumed run wrote the same bytes as the undisturbed one")
    files = tuple(folder / "local" / name for name in OUTPUTS)
    return Part(
        title="A year of a buoy",
        lead=(
            "Sea surface temperature on the Western Maine Shelf, measured each half hour "
            "(NERACOOS, station B01). Cleaned by range and time, smoothed with a Kalman filter, "
            "averaged by day."
        ),
        headings=HEADINGS,
        rows=tuple(runs.rows),
        facts=tuple(runs.facts),
        drawings=drawings.draw(*files),
        files=files,
        left_out=left_out,
    )


def _on_ray(runs: Runs) -> tuple[str, ...]:
    if find_spec("ray") is None:
        runs.say("Ray is not installed: its part is left out")
        return ("The run on Ray was left out: pip install 'raymill[ray]'",)
    runs.run("ray", "Ray: the same job on two workers", engine="ray", workers=2)
    runs.compare("ray", "Ray with two workers wrote the same bytes as the local engine")
    return ()
