"""`raymill screen`: the instruments that match a request."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from raymill.cli.report import show_json, show_table

if TYPE_CHECKING:
    from raymill.market.screen.screener import Answer

TEXTS = ("symbol", "name", "sector")
EXPLAINED = ("filter", "before", "after", "matching", "unknown")
INDENT = "  "
WIDEST = 40


def screen(
    request: Annotated[str, Parameter(allow_leading_hyphen=True)],
    *,
    universe: Path | None = None,
    explain: bool = False,
    json_: bool = False,
    verbose: Annotated[bool, Parameter(name=["-v", "--verbose"])] = False,
) -> None:
    """Show the instruments that match a request, the largest first unless it says otherwise.

    Parameters
    ----------
    request
        A JSON file, as in `{"filters": [{"type": "pe_ratio_filter", "parameters": {"max_pe": 15}}],
        "limit": 20}`; `-` reads it from standard input.
    universe
        What is screened: a CSV or Parquet file with a row for each instrument; without one, what
        is stored.
    explain
        Also how many rows each filter left, and for how many it is unknown.
    json_
        Write the answer as JSON instead of tables.
    verbose
        Show where an error was raised.
    """
    from raymill.app.screens import find_custom, notes, open_universe
    from raymill.market.screen.request import parse_request, read_request
    from raymill.market.screen.screener import Screener

    if request == "-":
        read = parse_request(sys.stdin.buffer.read(), find_custom)
    else:
        read = read_request(request, find_custom)
    opened = open_universe(universe, read.as_of)
    answer = Screener(opened.snapshot).screen(read.explained(explain), datetime.now(UTC))
    for text in notes(opened):
        sys.stderr.write(f"{text}\n")
    if json_:
        show_json(answer.to_dict())
    else:
        _show(answer, read.fields)


def _show(answer: "Answer", fields: tuple[str, ...]) -> None:
    out = sys.stdout
    texts = [name for name in fields if name in TEXTS]
    names = [*texts, *(name for name in fields if name not in TEXTS)]
    rows = [[cell(row[name]) for name in names] for row in answer.stocks]
    show_table(names, rows, stream=out, numbers_from=len(texts))
    if answer.explain:
        out.write("\n")
        show_table(EXPLAINED, list(_explained(answer.explain)), stream=out)
    out.flush()
    said = f"{answer.filtered_count} of {answer.total_stocks} match, {answer.returned} shown"
    sys.stderr.write(f"{said}; as of {answer.as_of}, {answer.scan_ms:g} ms\n")
    if answer.next_cursor:
        page = f'"as_of": "{answer.as_of}", "cursor": "{answer.next_cursor}"'
        sys.stderr.write(f"the next page: {page}\n")


def _explained(steps: list[dict[str, Any]], depth: int = 0) -> list[list[str]]:
    rows = []
    for step in steps:
        counts = [cell(step.get(name)) for name in EXPLAINED[1:]]
        rows.append([INDENT * depth + step["filter"], *counts])
        rows += _explained(step.get("parts", []), depth + 1)
    return rows


def cell(value: Any) -> str:
    """A value as people read it.

    >>> cell(205453639680.0), cell(12.8776045), cell(None)
    ('205,453,639,680', '12.8776', '')
    """
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(value)
    if not isinstance(value, float):
        text = str(value)
        return text if len(text) <= WIDEST else f"{text[: WIDEST - 3]}..."
    return f"{value:,.0f}" if abs(value) >= 1e5 else f"{value:.6g}"
