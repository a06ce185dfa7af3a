"""Companies and where they stand, as a table."""

import sys
from collections.abc import Iterable

from raymill.cli.report import show_table
from raymill.filings.ledger import Standing

HEADINGS = ("company", "status", "filings", "failed", "facts", "reason")
REASON = 100  # characters of it in a table


def show(standings: Iterable[Standing]) -> None:
    """Write a table to standard output."""
    show_table(HEADINGS, [cells(one) for one in standings], stream=sys.stdout, numbers_from=99)


def cells(one: Standing) -> tuple[str, ...]:
    """A row of the table.

    >>> from raymill.filings.status import ProcessingStatus
    >>> cells(Standing("AAPL", "r", ProcessingStatus.COMPLETED, filings=1, facts=1674))
    ('AAPL', 'completed', '      1', '     0', '    1,674', '')
    """
    message = one.message
    if len(message) > REASON:
        message = f"{message[:REASON]}..."
    counts = (f"{one.filings:>7,}", f"{one.failed:>6,}", f"{one.facts:>9,}")
    return (one.called, one.status.value, *counts, message)
