"""Measures rows: a run to warm up, then several, those that are compared in turns."""

import importlib.util
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from raymill.bench.areas import cases
from raymill.bench.case import RECORDS, Case, Sample, Setup, Work
from raymill.bench.machine import this_machine
from raymill.bench.readings import stream_file
from raymill.errors import ConfigError, InputError

Tell = Callable[[str], None]
QUICK = 20  # how much less a quick measurement takes


@dataclass(frozen=True)
class Row:
    """One figure: the median of several runs with the least and the most."""

    name: str
    unit: str
    median: float
    min: float
    max: float
    runs: int
    records: int  # of one run
    cores: float | None  # kept busy; below 1 something else had the machine
    data: str  # made, real, or none
    text: str  # what was timed
    against: str | None = None  # the row that `ratio` compares with
    ratio: float | None = None  # this row's median over that one's


@dataclass(frozen=True)
class Left:
    """A row without a figure, and why."""

    name: str
    reason: str
    failed: bool = False  # it was tried


@dataclass(frozen=True)
class Wanted:
    """What is to be measured, and how thoroughly."""

    names: tuple[str, ...] = ()
    runs: int = 5
    records: int = RECORDS
    data: Path | None = None
    large: bool = False
    minutes: float = 2.0

    def taking(self, records: int | None = None, *, quick: bool = False) -> "Wanted":
        """The same with so many records; `quick` takes a twentieth, and at most three runs."""
        taken = records or self.records
        if quick:
            return replace(self, runs=min(self.runs, 3), records=max(1, taken // QUICK))
        return replace(self, records=taken)


def measure(wanted: Wanted, tell: Tell = lambda text: None) -> dict[str, Any]:
    """Measure rows, and give them with the machine as JSON values. Raises UnknownName, InputError.

    `machine` says where, `rows` are the figures, `left_out` the rows that cannot be measured here
    or failed, with the reason.
    """
    if wanted.data is not None and not wanted.data.is_dir():
        raise InputError(
            f"`{wanted.data}` is no folder", hint="name one with streams/, schemas/ and xml/"
        )
    if wanted.runs < 1 or wanted.records < 1:
        raise ConfigError(f"A row needs a run and a record, not {wanted.runs}, {wanted.records}")
    chosen = cases(wanted.names, large=wanted.large)
    machine = asdict(this_machine())
    left = [Left(case.name, reason) for case in chosen if (reason := _missing(case))]
    setup = Setup(wanted.records, wanted.runs, wanted.data, wanted.minutes)
    rows: list[Row] = []
    with setup.lasting:
        for family in families(case for case in chosen if not _missing(case)):
            try:
                with TemporaryDirectory(prefix="raymill-bench-") as folder:
                    rows += _measured(family, replace(setup, folder=Path(folder)), tell)
            except Exception as error:  # told as its rows' reason; the other rows go on
                reason = f"{type(error).__name__}: {error}"
                left += [Left(case.name, reason, failed=True) for case in family]
    order = {case.name: number for number, case in enumerate(chosen)}
    rows.sort(key=lambda row: order[row.name])
    return {
        "machine": machine,
        "rows": [asdict(row) for row in rows],
        "left_out": [asdict(one) for one in left],
    }


def families(chosen: Iterable[Case]) -> list[list[Case]]:
    """Rows that are compared with one another, together; the others alone."""
    by_name = {case.name: case for case in chosen}
    found: dict[str, list[Case]] = {}
    for case in by_name.values():
        root = case
        while root.against in by_name:
            root = by_name[root.against]
        found.setdefault(root.name, []).append(case)
    return list(found.values())


def _missing(case: Case) -> str:
    if case.needs and importlib.util.find_spec(case.needs) is None:
        return f"`{case.needs}` is not installed: pip install 'raymill[{case.needs}]'"
    return case.lacks()


def _measured(family: Sequence[Case], setup: Setup, tell: Tell) -> Iterator[Row]:
    """Prepare a family, run its rows in turns, and put their figures together."""
    works: list[tuple[Case, Work]] = []
    for case in family:
        tell(case.name)
        works.append((case, case.prepare(setup)))
        if case.warm:
            works[-1][1]()
    samples: dict[str, list[Sample]] = {case.name: [] for case in family}
    for turn in range(setup.runs):
        for case, work in works:
            if turn < case.most_runs:
                samples[case.name].append(work())
    medians = {name: statistics.median(s.value for s in found) for name, found in samples.items()}
    for case in family:
        yield _row(case, samples[case.name], medians, setup)


def _row(case: Case, samples: Sequence[Sample], medians: dict[str, float], setup: Setup) -> Row:
    values = [sample.value for sample in samples]
    against = case.against if case.against in medians else None
    return Row(
        case.name,
        case.unit,
        medians[case.name],
        min(values),
        max(values),
        len(values),
        samples[0].records,
        _cores(samples),
        _data(case, setup),
        case.text,
        against,
        medians[case.name] / medians[against] if against else None,
    )


def _cores(samples: Sequence[Sample]) -> float | None:
    known = [sample.cores for sample in samples if sample.cores is not None]
    return round(statistics.median(known), 2) if known else None


def _data(case: Case, setup: Setup) -> str:
    if not case.stream:
        return "none"
    return "real" if stream_file(setup.data, case.stream) is not None else "made"
