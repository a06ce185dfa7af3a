"""The companies that the verbs of `raymill filings` work on."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from raymill.app.filings.companies import Filings
    from raymill.cli.who_options import WhoOptions


def opened(who: "WhoOptions") -> "Filings":
    """The companies of this home."""
    from raymill.app.filings.companies import Filings

    return Filings(who.workflows())
