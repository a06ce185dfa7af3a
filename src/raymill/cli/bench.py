"""`raymill bench`: how fast raymill is on this machine."""

import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from raymill.cli.failures import DONE, FAILED
from raymill.cli.report import show_json, show_table
from raymill.flow.registry import locate

HEADINGS = ("row", "unit", "median", "min", "max", "runs", "records", "cores", "data", "ratio")


def bench(
    *names: str,
    data: Path | None = None,
    runs: Annotated[int, Parameter(name="--runs")] = 5,
    records: int | None = None,
    quick: bool = False,
    large: bool = False,
    minutes: float = 2.0,
    json_: bool = False,
) -> int:
    """Measure speed and memory: all areas, or those that are named.

    Each row is the median of several runs, with the least and the most of them. A ratio says how
    many times another row's figure it is; rows that end in `.python` time a plain Python loop with
    the same arithmetic. Close other programs first: where a row of one thread kept less than one
    core busy, something else was in its way.

    Parameters
    ----------
    names
        Areas (`streams`) or rows (`streams.kalman_filter`, with all that lie below it).
    data
        Folder with real streams, laid out as `streams/`, `schemas/`, `xml/`; made ones otherwise.
    runs
        Runs of each row.
    records
        Records of the rows over columns, 5 million unless told otherwise; others take as much less
        or more.
    quick
        A twentieth of the records, at most three runs.
    large
        Also the rows that take gigabytes on the disk.
    minutes
        How long `soak` lasts, which is measured where it is named.
    json_
        Write JSON instead of a table.
    """
    wanted = locate("raymill.bench.measure:Wanted")(
        names, runs, data=data, large=large, minutes=minutes
    )
    wanted = wanted.taking(records=records, quick=quick)
    found = locate("raymill.bench.measure:measure")(wanted, tell)
    if json_:
        show_json(found)
    else:
        show(found)
    return FAILED if any(row["failed"] for row in found["left_out"]) else DONE


def tell(name: str) -> None:
    """Say on standard error which row is measured now."""
    begin, end = ("\r\x1b[K", "") if sys.stderr.isatty() else ("", "\n")
    sys.stderr.write(f"{begin}{name}{end}")
    sys.stderr.flush()


def show(found: dict[str, Any]) -> None:
    """Show the machine, the figures as a table, and what was left out."""
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
    machine = found["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    sys.stdout.write(
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']} GB, "
        f"{machine['system']}, load {machine['load']}\n{versions}\n\n"
    )
    show_table(HEADINGS, [_cells(row) for row in found["rows"]], stream=sys.stdout, numbers_from=2)
    for row in found["left_out"]:
        sys.stdout.write(f"left out: {row['name']}: {row['reason']}\n")


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    ratio = f"{figure(row['ratio'])} x {row['against'].rpartition('.')[2]}" if row["ratio"] else ""
    figures = (figure(row[name]) for name in ("median", "min", "max"))
    return (
        row["name"],
        row["unit"],
        *figures,
        str(row["runs"]),
        f"{row['records']:,}",
        "" if row["cores"] is None else f"{row['cores']:.2f}",
        row["data"],
        ratio,
    )


def figure(value: float) -> str:
    """A number with three digits that count.

    >>> [figure(value) for value in (0.01234, 1.5, 47.26, 12345.6)]
    ['0.0123', '1.50', '47.3', '12,346']
    """
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 1 else f"{value:.3g}"
