"""The SEC's bulk files, `companyfacts.zip` and `submissions.zip`: one company after the other.

Nothing is unpacked to the disk. A member that is damaged is named and does not stop the others; a
run that was interrupted goes on with the members that it has not done.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from raymill.errors import DataError
from raymill.filings.document import Document
from raymill.filings.zipped import MOST_BYTES, Entry, ZipMembers

_NAME = re.compile(r"CIK(\d{10})(-submissions-\d{3,})?\.json")


@dataclass(frozen=True, slots=True)
class Member:
    """One answer of a bulk file, or why it cannot be read."""

    name: str
    cik: int
    document: Document | None
    problem: str = ""


def cik_of(name: str) -> int | None:
    """The company of a member, None where its name is not that of an answer.

    >>> cik_of("CIK0000320193.json"), cik_of("CIK0001318605-submissions-001.json"), cik_of("a.txt")
    (320193, 1318605, None)
    """
    found = _NAME.fullmatch(name)
    return int(found[1]) if found else None


def answers(bulk: ZipMembers, done: Collection[str] = frozenset()) -> Iterator[Entry]:
    """The members that are answers and are not done, unread, for workers to share out."""
    return (one for one in bulk.entries() if one.name not in done and cik_of(one.name) is not None)


def members(
    path: str | Path, done: Collection[str] = frozenset(), *, most_bytes: int = MOST_BYTES
) -> Iterator[Member]:
    """The answers of a bulk file that are not done, read one by one.

    Raises InputError where the file cannot be read, DataError where it is no zip or breaks off.
    """
    with ZipMembers(path) as bulk:
        for entry in answers(bulk, done):
            yield read_member(bulk, entry, most_bytes=most_bytes)


def read_member(bulk: ZipMembers, entry: Entry, *, most_bytes: int = MOST_BYTES) -> Member:
    """One answer, or why it cannot be read."""
    cik = cik_of(entry.name) or 0
    try:
        data = bulk.read(entry, most_bytes=most_bytes)
    except DataError as error:
        return Member(entry.name, cik, None, error.message)
    return Member(entry.name, cik, Document(entry.name, data))
