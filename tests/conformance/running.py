"""Runs the cases: on the local engine each alone, elsewhere all as branches of one graph, once."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.conformance.cases import CASES, LINES

from raymill.connectors.jsonl import JsonLinesSource
from raymill.engines.run import Report
from raymill.flow.pipeline import read

UNIT = 100  # bytes of a piece: one or two of the records, which have about 65


@dataclass(frozen=True)
class Found:
    """What came of one case."""

    records: list[dict[str, Any]]
    failed: list[tuple[int, int, str]]
    counts: dict[str, Any]


@dataclass(frozen=True)
class Whole:
    """What came of one run."""

    cases: dict[str, Found]
    report: Report


def run_cases(names: Iterable[str], go: Callable[..., Report], **how: Any) -> Whole:
    """Run some cases over the twelve records as one graph; `go` runs a pipeline."""
    with TemporaryDirectory() as folder:
        source, letters = Path(folder) / "records.jsonl", Path(folder) / "bad.jsonl"
        source.write_text(LINES, encoding="utf-8")
        start = read(JsonLinesSource((str(source),), unit=UNIT))
        ends = {name: CASES[name].stream(start) for name in names}
        gone = {name: Path(folder) / f"{at}.jsonl" for at, name in enumerate(ends)}
        graph = reduce(add, [stream.write(str(gone[name])) for name, stream in ends.items()])
        report = go(graph, dead_letter=str(letters), **how)
        told = parse(letters) if letters.exists() else []
        return Whole({n: _found(n, parse(gone[n]), told, report) for n in ends}, report)


def parse(path: Path) -> list[dict[str, Any]]:
    """Read JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _found(
    name: str, records: list[dict[str, Any]], letters: list[dict[str, Any]], report: Report
) -> Found:
    mine = [one for one in letters if one["task"].split("_")[0] == name]
    failed = [(one["line"], one["record"]["n"], one["reason"]) for one in mine]
    return Found(records, failed, report.nodes.get(name, {}))


def check(name: str, got: Found) -> None:
    """Compare with what is written down."""
    case = CASES[name]
    rows = [tuple(record[column] for column in case.columns) for record in got.records]
    assert rows == case.given
    assert got.failed == case.failed
    for what, count in case.counts.items():
        assert got.counts[what] == count, what
