"""What is fetched of a filing: as little as holds all its facts."""

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

ALL_MUST = date(2011, 7, 1)  # since when the smallest companies report in XBRL, too
FIRST = date(2009, 6, 15)  # when the largest began
_CONTEXT = re.compile(rb'<(?:[\w.-]+:)?context\b[^>]*?\bid="([^"]+)"')
_USED = re.compile(rb'\bcontextRef="([^"]+)"')

What = Literal["page", "instance", "submission", "nothing"]


@dataclass(frozen=True, slots=True)
class Need:
    """What is fetched of a filing, or why nothing is."""

    what: What
    reason: str | None = None


def needed(form: str, filed: date, document: str, *, is_xbrl: bool, is_inline: bool) -> Need:
    """Decide what of a filing is fetched, by what the list of filings says of it.

    >>> needed("10-Q", date(2025, 5, 2), "a.htm", is_xbrl=True, is_inline=True).what
    'page'
    >>> needed("10-K", date(2003, 12, 19), "a.txt", is_xbrl=False, is_inline=False).reason
    '10-K of 2003: there was no XBRL before 2009'
    """
    if is_inline and document:
        return Need("page")
    if is_xbrl or is_inline:
        return Need("instance")
    if filed < FIRST:
        return Need("nothing", f"{form} of {filed.year}: there was no XBRL before 2009")
    if filed < ALL_MUST:
        return Need("nothing", f"{form} of {filed.year} without XBRL: not all had to, until 2011")
    if form.startswith(("6-K", "8-K")):
        return Need("nothing", f"{form} without XBRL")
    return Need("submission")  # its header says who need not report in XBRL


def is_whole(page: bytes) -> bool:
    """Whether an inline page has all its facts to itself.

    Facts of a filing in several pages refer to contexts of one another; the SEC allows no context
    that nothing refers to.
    """
    contexts = set(_CONTEXT.findall(page))
    return bool(contexts) and contexts == set(_USED.findall(page))
