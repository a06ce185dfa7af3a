"""`raymill filings facts`: standard metrics over time, as they were known on a day."""

import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from raymill.cli.asked import names
from raymill.cli.report import show_json, show_table
from raymill.errors import ConfigError

if TYPE_CHECKING:
    import pyarrow as pa

HEADINGS = ("metric", "start", "end", "value", "unit", "concept", "filed", "accession", "form", "")
_ENDINGS = (".json", ".htm", ".html", ".xml", ".txt", ".gz", ".zst")


def facts(
    company: str,
    *,
    metric: list[str] | None = None,
    annual: bool = False,
    quarterly: bool = False,
    ttm: bool = False,
    as_of: str | None = None,
    unit: str | None = None,
    table: str | None = None,
    json_: bool = False,
    verbose: Annotated[bool, Parameter(name=["-v", "--verbose"])] = False,
) -> None:
    """Show the standard metrics of a company, as they are known or were known on a day.

    Every row says which filing it comes from. A company reports a number again and again, and
    sometimes another one: `--as-of 2009-12-31` takes what had been filed by the end of that day.
    A quarter that no filing reports is the difference of two longer periods and marked as derived.

    Parameters
    ----------
    company
        A ticker or CIK of the dataset, or a file: a companyfacts answer (CIK##########.json) or
        another document of a filing.
    metric
        A metric, as in revenue, net_income, eps_diluted, assets; several (again, or with commas).
        All that have a value, if not given.
    annual
        Years alone.
    quarterly
        Quarters alone, missing ones derived.
    ttm
        Sums of the last four quarters.
    as_of
        A day, as in 2009-12-31: only what was filed by its end.
    unit
        A unit, as in USD; the currency that the company reports in, if not given.
    table
        Your own table of metrics instead of the one that comes with raymill.
    json_
        Write a JSON list of rows instead of a table.
    verbose
        Show where an error was raised.
    """
    from raymill.filings.metrics import load
    from raymill.filings.series import known

    per = _per(annual, quarterly, ttm)
    day = None if as_of is None else _day(as_of)
    rows_of, reason = _facts_of(company)
    metrics = None if table is None else load(table)
    found = known(rows_of, day, metrics)
    rows = found.table(names(metric) or None, per=per, unit=unit).to_pylist()
    if json_:
        show_json([_as_json(row) for row in rows])
    else:
        show_table(HEADINGS, [_cells(row) for row in rows], stream=sys.stdout, numbers_from=99)
    if not rows:
        _say_why(reason, [name for name, points in found.points.items() if points])


def _per(annual: bool, quarterly: bool, ttm: bool) -> Any:
    chosen = [
        name
        for name, is_given in (("annual", annual), ("quarterly", quarterly), ("ttm", ttm))
        if is_given
    ]
    if len(chosen) > 1:
        raise ConfigError(
            f"`--{chosen[0]}` and `--{chosen[1]}` exclude each other", hint="give one"
        )
    return chosen[0] if chosen else "all"


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"`--as-of {text}` is no day", hint="write it as in --as-of 2009-12-31"
        ) from None


def _facts_of(company: str) -> "tuple[pa.Table, str | None]":
    """The facts of a file, or of a company in the dataset; why there are none."""
    if Path(company).exists() or not _is_called(company):
        from raymill.filings.extract import extract_file

        found = extract_file(company)
        return found.facts, found.reason
    from raymill.app.filings.companies import facts_of

    return facts_of(company), None


def _is_called(text: str) -> bool:
    """Whether a name is that of a company; one with an ending or a folder is a file's."""
    return "/" not in text and Path(text).suffix.lower() not in _ENDINGS


def _as_json(row: dict[str, Any]) -> dict[str, Any]:
    text = row["value_text"]
    is_whole = text.lstrip("-").isdecimal()
    return row | {"value": int(text) if is_whole and len(text) < 18 else row["value"]}


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    marks = [*(["derived"] if row["is_derived"] else []), *row["flags"]]
    shown = ("metric", "start", "end", "value_text", "unit", "concept", "filed", "accession")
    cells = ["" if row[name] is None else str(row[name]) for name in shown]
    cells[3] = cells[3].rjust(16)
    return (*cells, row["form"] or "", ", ".join(marks))


def _say_why(reason: str | None, there: list[str]) -> None:
    known = f"; there are: {', '.join(there)}" if there else ""
    sys.stderr.write(f"no value{f': {reason}' if reason else known}\n")
