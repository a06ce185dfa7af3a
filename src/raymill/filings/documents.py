"""What a filing consists of, and which of its files holds its facts."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from raymill import json
from raymill.errors import DataError

_LINKBASE = re.compile(r"_(cal|def|lab|pre|ref)\.xml$|^(FilingSummary|R\d+|defnref)\.xml$", re.I)
_INSTANCE = re.compile(r"^[a-z0-9]+-\d{8}\.xml$", re.I)


@dataclass(frozen=True, slots=True)
class File:
    """One file of a filing."""

    name: str
    size: int | None


def read_filing_index(data: bytes, name: str) -> list[File]:
    """Read the `index.json` of a filing. Raises DataError where it is none."""
    try:
        rows: list[dict[str, Any]] = json.loads(data)["directory"]["item"]
        return [File(str(row["name"]), _size(str(row.get("size") or ""))) for row in rows]
    except (json.JSONError, AttributeError, KeyError, TypeError) as error:
        raise DataError(f"`{name}` is no index of a filing: {error!r}") from error


def _size(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() else None


def instance_of(files: Iterable[File], primary: str = "") -> str | None:
    """The name of the XBRL instance among the files of a filing, None where there is none.

    The SEC extracts `NAME_htm.xml` from an inline page; older filings bring an instance of their
    own beside its linkbases.

    >>> names = ["tiny_htm.xml", "tiny-20241231.xml", "tiny-20241231_lab.xml", "R2.xml"]
    >>> instance_of([File(name, None) for name in names], primary="tiny.htm")
    'tiny_htm.xml'
    >>> instance_of([File(name, None) for name in names[1:]])
    'tiny-20241231.xml'
    """
    names = [file.name for file in files if file.name.lower().endswith(".xml")]
    extracted = primary.rpartition(".")[0] + "_htm.xml"
    if extracted in names:
        return extracted
    rest = [name for name in names if not _LINKBASE.search(name)]
    ordered = sorted(
        rest, key=lambda name: (not name.endswith("_htm.xml"), not _INSTANCE.match(name))
    )
    return ordered[0] if ordered else None
