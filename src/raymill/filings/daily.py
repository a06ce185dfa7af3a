"""The SEC's daily index: what was filed on a day, as a text file of fixed width."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from raymill.errors import DataError
from raymill.filings.filing import accession_of

SETTLED = timedelta(days=2)  # behind the beginning of the day, in UTC
_HEAD = re.compile(rb"^Form Type +(Company Name) +CIK +Date Filed +File Name\s*$", re.MULTILINE)
_TAIL = re.compile(r"(?P<company>.*?)\s+(?P<cik>\d{1,10})\s+(?P<filed>[\d-]{8,10})\s+(?P<path>\S+)")


@dataclass(frozen=True, slots=True)
class Entry:
    """One filing of a day. The name of the company may be cut off."""

    form: str
    company: str
    cik: int
    filed: date
    accession: str
    path: str


def index_path(day: date) -> str:
    """Where the index of a day lies.

    >>> index_path(date(2020, 3, 18))
    'Archives/edgar/daily-index/2020/QTR1/form.20200318.idx'
    """
    quarter = (day.month + 2) // 3
    return f"Archives/edgar/daily-index/{day.year}/QTR{quarter}/form.{day:%Y%m%d}.idx"


def is_settled(day: date, fetched: datetime) -> bool:
    """Whether an index that was fetched then is the whole day's; a fresh one still grows."""
    return fetched >= datetime.combine(day, time(), fetched.tzinfo) + SETTLED


def read_index(data: bytes, name: str) -> list[Entry]:
    """Read an index. Raises DataError where it is none or breaks off."""
    head = _HEAD.search(data)
    if head is None:
        raise DataError(f"`{name}` is no daily index: it has no line of headings")
    width = head.start(1) - head.start()
    text = data[head.end() :].decode("utf-8", "replace")
    return list(_entries(text, width, name))


def _entries(text: str, width: int, name: str) -> Iterator[Entry]:
    for line in text.splitlines():
        if not line.strip() or set(line.strip()) == {"-"}:
            continue
        found = _TAIL.fullmatch(line[width:].rstrip())
        accession = accession_of(found["path"]) if found else None
        if found is None or accession is None:
            raise DataError(f"`{name}` holds a line that is no filing: `{line.strip()[:80]}`")
        yield Entry(
            form=line[:width].strip(),
            company=found["company"].strip(),
            cik=int(found["cik"]),
            filed=date.fromisoformat(found["filed"]),
            accession=accession,
            path=found["path"],
        )
