"""The area `filings`: facts out of documents, beside what the libraries need for the bytes."""

from collections.abc import Iterator

from raymill.bench.case import Case


def cases() -> Iterator[Case]:
    """All rows of the area, in the order in which they are shown."""
    from raymill.bench.filings import bulk, lake, rows

    for module in (rows, lake, bulk):
        yield from module.cases()
