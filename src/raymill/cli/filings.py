"""`raymill filings`: facts out of documents, and standard metrics over time."""

import re
import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from raymill import json
from raymill.cli.asked import names
from raymill.cli.failures import DONE, FAILED
from raymill.cli.report import show_table
from raymill.errors import ConfigError, InputError, RaymillError

HEADINGS = ("metric", "start", "end", "value", "unit", "concept", "filed", "accession", "form", "")
_TICKER = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-]{0,9}")


def extract(
    *files: str,
    output: Annotated[str, Parameter(name=["-o", "--output"], allow_leading_hyphen=True)],
    json_: bool = False,
    verbose: Annotated[bool, Parameter(name=["-v", "--verbose"])] = False,
) -> int:
    """Write the facts of documents to a file, one row for each number.

    A document is an inline page (.htm), an instance (.xml), a full-submission.txt or a companyfacts
    answer (.json), packed or not. A row has the concept, unit, period, dimensions, the value as a
    float and as exact text, and where it comes from. A filing without XBRL gives no rows and the
    reason. Of several files, one that cannot be read does not stop the others: it is named, and the
    exit code is 1.

    Parameters
    ----------
    files
        Documents.
    output
        Where facts go: a name that ends in .parquet, .csv or .jsonl, or `-` for JSON lines on
        standard output.
    json_
        Give the summary as JSON on standard output instead of lines on standard error.
    verbose
        Name each number that cannot be read, and show where an error was raised.
    """
    if not files:
        raise ConfigError("There is no input", hint="name a document of a filing")
    if json_ and output == "-":
        raise ConfigError("`--json` and `-o -` both write to standard output", hint="name a file")
    read, failed = _extract_all(files, output, verbose)
    if json_:
        sys.stdout.write(json.dumps(read + failed, indent=True).decode() + "\n")
    return FAILED if failed else DONE


def _extract_all(
    files: tuple[str, ...], output: str, verbose: bool
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    from raymill.filings.export import FactFile
    from raymill.filings.extract import extract_file

    read: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    with FactFile(output) as target:
        for file in files:
            try:
                found = extract_file(file)
            except RaymillError as error:
                if len(files) == 1:
                    raise
                failed.append(_failure(file, error))
                continue
            target.append(found.facts)
            read.append(_summary(file, found))
            _tell(file, found, verbose)
    return read, failed


def _failure(file: str, error: RaymillError) -> dict[str, Any]:
    sys.stderr.write(f"error: {error.message}\n")
    return {"file": file, "facts": 0, "reason": error.message, "problems": []}


def _summary(file: str, found: Any) -> dict[str, Any]:
    problems = [problem._asdict() for problem in found.problems]
    return {
        "file": file,
        "facts": found.facts.num_rows,
        "reason": found.reason,
        "problems": problems,
    }


def _tell(file: str, found: Any, verbose: bool) -> None:
    reason = f": {found.reason}" if found.reason else ""
    sys.stderr.write(f"{file}: {found.facts.num_rows:,} facts{reason}\n")
    if found.problems:
        more = "" if verbose else "; -v names them"
        sys.stderr.write(f"warning: {len(found.problems):,} numbers cannot be read{more}\n")
    for problem in found.problems if verbose else ():
        sys.stderr.write(f"  {problem.concept} {problem.fact_id or ''}: {problem.reason}\n")


def facts(
    file: str,
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
    file
        A companyfacts answer (CIK##########.json), or another document of a filing.
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
    from raymill.filings.extract import extract_file
    from raymill.filings.metrics import load
    from raymill.filings.series import known

    per = _per(annual, quarterly, ttm)
    day = None if as_of is None else _day(as_of)
    _check_file(file)
    found = extract_file(file)
    metrics = None if table is None else load(table)
    company = known(found.facts, day, metrics)
    rows = company.table(names(metric) or None, per=per, unit=unit).to_pylist()
    if json_:
        sys.stdout.write(json.dumps([_as_json(row) for row in rows], indent=True).decode() + "\n")
    else:
        show_table(HEADINGS, [_cells(row) for row in rows], stream=sys.stdout, numbers_from=99)
    if not rows:
        _say_why(found.reason, [name for name, points in company.points.items() if points])


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


def _check_file(file: str) -> None:
    if "." not in file and _TICKER.fullmatch(file) and not Path(file).exists():
        raise InputError(
            f"File `{file}` does not exist",
            hint="name the companyfacts answer of the company, a file CIK##########.json",
        )


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
