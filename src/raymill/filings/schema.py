"""The row of a fact: one number of one filing, with everything that says where it comes from."""

from typing import Any

import pyarrow as pa

DIMENSIONS = pa.map_(pa.string(), pa.string())

_FIELDS: list["pa.Field[Any]"] = [
    pa.field("cik", pa.int64()),
    pa.field("entity", pa.string()),
    pa.field("ticker", pa.string()),
    pa.field("taxonomy", pa.string()),
    pa.field("concept", pa.string()),
    pa.field("unit", pa.string()),
    pa.field("start", pa.date32()),  # null for an instant
    pa.field("end", pa.date32()),
    pa.field("value", pa.float64()),  # null for a fact that says there is none
    pa.field("value_text", pa.string()),  # the number as reported, scaled and signed, exact
    pa.field("decimals", pa.int32()),  # null where unknown or exact
    pa.field("is_exact", pa.bool_()),  # decimals was INF
    pa.field("dims", DIMENSIONS),  # axis -> member, sorted by axis
    pa.field("fy", pa.int16()),  # of the filing, not of the fact
    pa.field("fp", pa.string()),
    pa.field("form", pa.string()),
    pa.field("accession", pa.string()),
    pa.field("filed", pa.date32()),
    pa.field("accepted", pa.timestamp("us", "UTC")),
    pa.field("frame", pa.string()),
    pa.field("source", pa.string()),  # companyfacts, inline, instance
    pa.field("is_amendment", pa.bool_()),
    pa.field("seq", pa.int32()),  # running number in the document
    pa.field("document", pa.string()),
    pa.field("context", pa.string()),
    pa.field("fact_id", pa.string()),
]
FACTS = pa.schema(_FIELDS)


def no_facts() -> pa.Table:
    """A table of facts with no row."""
    return FACTS.empty_table()


def kind_of_column(name: str) -> pa.DataType:
    """The type of a column of facts."""
    kind: pa.DataType = FACTS.field(name).type
    return kind
