"""Contexts and units: of whom, of when, along which dimensions, in what."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from raymill.filings.markup import INSTANCE, Element, text_of

CONTEXT, UNIT = f"{{{INSTANCE}}}context", f"{{{INSTANCE}}}unit"
_IDENTIFIER, _START, _END, _INSTANT = (
    f"{{{INSTANCE}}}{name}" for name in ("identifier", "startDate", "endDate", "instant")
)
_MEMBER = "{http://xbrl.org/2006/xbrldi}explicitMember"
_TYPED = "{http://xbrl.org/2006/xbrldi}typedMember"
_PARTS = (_IDENTIFIER, _START, _END, _INSTANT, _MEMBER, _TYPED)
_CIK = "http://www.sec.gov/CIK"
_STANDARD = re.compile(
    r"https?://(?:(?:xbrl\.us|fasb\.org|xbrl\.sec\.gov)/([a-z][a-z-]*)/\d"
    r"|xbrl\.ifrs\.org/taxonomy/[^/]+/(ifrs-[a-z]+))"
)


@dataclass(slots=True)
class Context:
    """What a fact is about."""

    cik: int | None = None
    start: date | None = None
    end: date | None = None
    dims: tuple[tuple[str, str], ...] = ()


def read_context(element: Element) -> Context:
    """Read a context. Raises ValueError where a date is none."""
    found, dims = Context(), []
    for child in element.iter(_PARTS):
        tag = child.tag
        if tag == _MEMBER:
            dims.append((child.get("dimension", ""), (child.text or "").strip()))
        elif tag == _IDENTIFIER:
            found.cik = _cik(child.get("scheme"), child.text)
        elif tag == _START:
            found.start = _first_day(child.text)
        elif tag == _TYPED:
            dims.append((child.get("dimension", ""), text_of(child).strip()))
        else:
            found.end = _last_day(child.text)
    if dims:
        found.dims = tuple(sorted(dims))
    return found


@lru_cache(maxsize=1024)
def _cik(scheme: str | None, text: str | None) -> int | None:
    digits = (text or "").strip()
    is_cik = scheme == _CIK and digits.isascii() and digits.isdigit() and len(digits) <= 10
    return int(digits) if is_cik else None


@lru_cache(maxsize=1024)
def _first_day(text: str | None) -> date:
    return _day(text)


def _day(text: str | None) -> date:
    return date.fromisoformat((text or "").strip()[:10])


@lru_cache(maxsize=1024)
def _last_day(text: str | None) -> date:
    """An end at midnight is the end of the day before."""
    day, midnight = _day(text), (text or "").strip()[10:19]
    return day - timedelta(days=1) if midnight == "T00:00:00" else day


def read_unit(element: Element) -> str:
    """A unit as companyfacts writes it, as in `USD/shares`."""
    above: list[str] = []
    below: list[str] = []
    for child in element.iter(f"{{{INSTANCE}}}measure"):
        parent = child.getparent().tag
        is_below = parent == f"{{{INSTANCE}}}unitDenominator"
        (below if is_below else above).append((child.text or "").strip().rpartition(":")[2])
    return "*".join(above) + (f"/{'*'.join(below)}" if below else "")


def taxonomy_of(uri: str | None, prefix: str) -> str:
    """The usual short name of a taxonomy, whatever prefix a document gives it.

    >>> taxonomy_of("http://fasb.org/us-gaap/2024", "gaap")
    'us-gaap'
    >>> taxonomy_of("https://xbrl.ifrs.org/taxonomy/2023-03-23/ifrs-full", "ifrs")
    'ifrs-full'
    >>> taxonomy_of("http://www.apple.com/20250329", "aapl")
    'aapl'
    """
    found = _STANDARD.match(uri or "")
    return (found[1] or found[2]) if found else prefix


def usual_dims(
    dims: tuple[tuple[str, str], ...], names: Mapping[str, str]
) -> tuple[tuple[str, str], ...]:
    """Axes and members with the usual short names of their taxonomies."""
    return tuple(sorted((_usual(axis, names), _usual(member, names)) for axis, member in dims))


def _usual(name: str, names: Mapping[str, str]) -> str:
    prefix, colon, local = name.partition(":")
    return f"{names.get(prefix, prefix)}:{local}" if colon else name
