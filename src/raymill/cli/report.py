"""Tables and lines for people, on standard error unless they are the data that was asked for."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TextIO

from raymill import json
from raymill.metrics import HEADINGS, Metrics, to_rows

NUMBERS_FROM = 1


def show_json(value: Any) -> None:
    """Write a JSON value to standard output."""
    sys.stdout.write(json.dumps(value, indent=True).decode() + "\n")


def show_values(values: Mapping[str, str]) -> None:
    """Write values to standard output, each behind its name."""
    width = max(map(len, values))
    sys.stdout.write("".join(f"{name:<{width}}  {value}\n" for name, value in values.items()))


def show_metrics(
    metrics: Metrics, *, by_worker: bool = False, stream: TextIO | None = None
) -> None:
    """Show what a run counted, and why records were skipped or failed."""
    rows = to_rows(metrics, by_worker=by_worker)
    stream = stream or sys.stderr
    show_table(HEADINGS, rows, stream=stream)
    total = metrics.total
    for what, reasons in (("skipped", total.skipped), ("failed", total.failed)):
        for reason, count in sorted(reasons.items(), key=lambda item: -item[1]):
            stream.write(f"{what}: {count:,} {reason}\n")
    stream.flush()


def show_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    stream: TextIO,
    numbers_from: int = NUMBERS_FROM,
) -> None:
    """Show a table, drawn on a terminal, plain elsewhere; numbers stand right."""
    cells = [list(row) for row in rows]
    if stream.isatty():
        _drawn(headings, cells, stream, numbers_from)
    else:
        stream.write("".join(f"{line}\n" for line in plain_lines(headings, cells, numbers_from)))


def plain_lines(
    headings: Sequence[str], rows: Sequence[Sequence[str]], numbers_from: int = NUMBERS_FROM
) -> list[str]:
    """A table as plain lines with aligned columns.

    >>> plain_lines(["task", "n"], [["noop", "12"]])
    ['task   n', 'noop  12']
    """
    table = [list(headings), *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(headings))]
    return [_line(row, widths, numbers_from) for row in table]


def _line(row: Sequence[str], widths: Sequence[int], numbers_from: int) -> str:
    cells = (
        cell.rjust(width) if column >= numbers_from else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    )
    return "  ".join(cells).rstrip()


def _drawn(
    headings: Sequence[str], rows: Sequence[Sequence[str]], stream: TextIO, numbers_from: int
) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    for column, heading in enumerate(headings):
        table.add_column(heading, justify="right" if column >= numbers_from else "left")
    for row in rows:
        table.add_row(*map(Text, row))
    Console(file=stream).print(table)
