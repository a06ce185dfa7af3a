"""Facts of a made company: a line a fact, so that a test reads as a table."""

from datetime import date
from typing import Any

import pyarrow as pa

from raymill.filings.schema import FACTS

USUAL: dict[str, Any] = {
    "cik": 1,
    "entity": "Tiny",
    "taxonomy": "us-gaap",
    "unit": "USD",
    "is_exact": False,
    "dims": [],
    "source": "companyfacts",
}


def reports(*lines: str, **more: Any) -> pa.Table:
    """Facts from lines `concept start end value form filed`; a start of `-` is a day's value."""
    rows = []
    for seq, line in enumerate(lines):
        concept, start, end, value, form, filed = line.split()
        row = USUAL | {
            "concept": concept,
            "start": None if start == "-" else date.fromisoformat(start),
            "end": date.fromisoformat(end),
            "value": float(value),
            "value_text": value,
            "form": form,
            "filed": date.fromisoformat(filed),
            "accession": f"{filed}-{form}",
            "is_amendment": form.endswith("/A"),
            "seq": seq,
        }
        rows.append(row | more)
    return pa.Table.from_pylist(rows, schema=FACTS)


def year(number: int) -> str:
    """A calendar year as start and end."""
    return f"{number}-01-01 {number}-12-31"


def values(table: pa.Table) -> list[tuple[str, str]]:
    """End and value of each row."""
    ends = table["end"].to_pylist()
    return [(str(e), v) for e, v in zip(ends, table["value_text"].to_pylist(), strict=True)]
