"""`raymill filings status`: where companies stand."""

import sys
from typing import TYPE_CHECKING, Any

from raymill.cli.asked import names
from raymill.cli.report import show_json, show_table
from raymill.filings.status import Word

if TYPE_CHECKING:
    from raymill.app.filings.companies import Filings, Report

HEADINGS = ("accession", "form", "filed", "status", "facts", "reason")


def status(
    *companies: str,
    status: Word | None = None,
    after: str = "",
    most: int = 50,
    json_: bool = False,
) -> None:
    """Show where companies stand: how many in each state and a page of them, or some by name.

    A company that is named is shown with each of its filings of the newest run.

    Parameters
    ----------
    companies
        Tickers, CIKs or names; the page of all, if not given.
    status
        Only those in this state.
    after
        The last company of the page before.
    most
        How many are listed.
    json_
        Write JSON: of companies that are named a list with their `filings`, else an object with
        `counts` and `companies`.
    """
    from raymill.app.filings.companies import Filings

    with Filings() as filings:
        if wanted := names(companies):
            _show_reports([filings.report(name) for name in wanted], json_)
        else:
            _show_page(filings, status, after, most, json_)


def _show_reports(reports: "list[Report]", as_json: bool) -> None:
    from raymill.cli.filings.standings import show

    if as_json:
        show_json([{**one.company.to_dict(), "filings_list": one.filings} for one in reports])
        return
    show(report.company for report in reports)
    for report in reports:
        if report.filings:
            sys.stdout.write(f"\n{report.company.called}\n")
            rows = [_cells(filing) for filing in report.filings]
            show_table(HEADINGS, rows, stream=sys.stdout, numbers_from=99)


def _show_page(
    filings: "Filings", status: str | None, after: str, most: int, as_json: bool
) -> None:
    from raymill.cli.filings.standings import show

    filings.refresh()
    counts = {one.value: count for one, count in filings.ledger.counts().items()}
    page = filings.page(after=after, most=most, status=status)
    if as_json:
        show_json({"counts": counts, "companies": [one.to_dict() for one in page]})
        return
    sys.stdout.write("".join(f"{count:>7,}  {name}\n" for name, count in counts.items()) + "\n")
    show(page)


def _cells(filing: dict[str, Any]) -> tuple[str, ...]:
    names = ("accession", "form", "filed", "status")
    facts = f"{filing['facts']:>7,}"
    return (*(str(filing[name]) for name in names), facts, filing["reason"] or "")
