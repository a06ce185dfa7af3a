"""Options of lists: which page of them is shown, and runs in which state."""

from dataclasses import dataclass
from typing import Literal

from cyclopts import Parameter

Status = Literal["submitted", "running", "paused", "completed", "failed", "cancelled"]


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
