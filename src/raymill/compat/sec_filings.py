"""Filings where older programs look for them: `<TICKER>/<FORM>/<ACCESSION>/<document>`."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from raymill.errors import StoreError
from raymill.filings.archive import SUBMISSION

PRIMARY = "primary-document.html"


def lay_out(folder: Path, ticker: str, fetched: Mapping[str, Any], document: Path) -> str:
    """Let the document of a filing also lie where older programs look. Gives its path there.

    It is a link where that is possible, a copy elsewhere; of a document that is gone, where it lay.
    Raises StoreError.
    """
    filing = fetched["filing"]
    form = filing["form"].replace("/", "-")
    target = folder / ticker / form / filing["accession"] / _name(document)
    if not document.is_file():
        return str(document)
    try:
        if not (target.is_file() and target.stat().st_size == document.stat().st_size):
            target.parent.mkdir(parents=True, exist_ok=True)
            _link(document, target)
    except OSError as error:
        raise StoreError(f"`{target}` cannot be written: {error.strerror or error}") from error
    return str(target)


def _name(document: Path) -> str:
    if document.name == SUBMISSION:
        return SUBMISSION
    return document.name if document.suffix == ".xml" else PRIMARY


def _link(document: Path, target: Path) -> None:
    new = target.with_name(f".{os.getpid()}.{os.urandom(4).hex()}.{target.name}")
    try:
        try:
            os.link(document, new)
        except OSError:  # another file system, or one without links
            shutil.copyfile(document, new)
        new.replace(target)
    finally:
        new.unlink(missing_ok=True)
