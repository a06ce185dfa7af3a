"""`raymill filings extract`: facts out of documents, into a file."""

import sys
from typing import Annotated, Any

from cyclopts import Parameter

from raymill.cli.failures import DONE, FAILED
from raymill.cli.report import show_json
from raymill.errors import ConfigError, RaymillError


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
        show_json(read + failed)
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
