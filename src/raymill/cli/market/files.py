"""`raymill market import`: CSV and Parquet files into the lake."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from raymill.cli.report import show_json, show_table
from raymill.errors import ConfigError

if TYPE_CHECKING:
    from raymill.app.market.imports import Imported

HEADINGS = ("file", "kind", "symbols", "begin", "end", "rows", "new", "known", "unsound")


def import_(
    *files: str,
    kind: Literal["bar", "trade", "quote"] = "bar",
    symbol: str | None = None,
    interval: str | None = None,
    time_unit: Literal["s", "ms", "us"] | None = None,
    adj: Literal["raw", "split", "total"] = "raw",
    calendar: str | None = None,
    json_: bool = False,
) -> None:
    """Store the records of CSV or Parquet files, or of LEAN's zip files, in the lake.

    Bars have columns `date` (or `ts`, `time`, ...), `open`, `high`, `low`, `close`, `volume`;
    trades a time, `price`, `size` (or `amount`), and `id` and `side` where there are; quotes a
    time, `bid`, `ask`. What is unsound is set aside with its reason. Again, nothing changes.

    Parameters
    ----------
    files
        CSV (also `.csv.gz`) or Parquet files.
    kind
        bar, trade or quote.
    symbol
        The symbol of all records; else the column `symbol` or `ticker`, or the file's name.
    interval
        How long a bar lasts; told by the times if not given.
    time_unit
        What times count that are numbers: s, ms or us since 1970.
    adj
        How prices are adjusted: raw, split (for splits) or total (for splits and dividends).
    calendar
        The calendar whose sessions make the days of these instruments, as in XNYS, where daily bars
        are built from smaller ones; days of UTC, if it was never given.
    json_
        Write a JSON list instead of a table.
    """
    from raymill.app.market.imports import import_file

    if not files:
        raise ConfigError("There is no file", hint="raymill market import AAPL.csv")
    found = [
        import_file(
            path,
            kind,
            symbol=symbol,
            interval=interval,
            unit=time_unit,
            adjusted=adj,
            calendar=calendar,
        )
        for path in files
    ]
    _show(found, json_)


def _show(found: "Sequence[Imported]", as_json: bool) -> None:
    from dataclasses import asdict

    if as_json:
        show_json([asdict(one) for one in found])
    else:
        show_table(HEADINGS, map(_cells, found), stream=sys.stdout, numbers_from=5)
    for one in found:
        for reason, count in one.reasons.items():
            sys.stderr.write(f"warning: {count:,} rows of {one.file} are set aside: {reason}\n")


def _cells(one: "Imported") -> tuple[str, ...]:
    kind = f"{one.kind} {one.interval}" if one.interval else one.kind
    symbols = one.symbols[0] if len(one.symbols) == 1 else f"{len(one.symbols):,}"
    counts = (f"{getattr(one, name):,}" for name in ("rows", "new", "known", "unsound"))
    return (one.file, kind, symbols, one.begin or "", one.end or "", *counts)
