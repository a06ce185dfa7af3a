"""Options of lists: which page of them is shown."""

from dataclasses import dataclass

from cyclopts import Parameter


@Parameter(name="*")
@dataclass(frozen=True)
class PageOptions:
    """Which page of a list is shown.

    Parameters
    ----------
    before
        The last one of the page before.
    most
        How many are listed.
    """

    before: str | None = None
    most: int = 50


NEWEST = PageOptions()
