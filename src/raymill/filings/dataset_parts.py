"""Facts on their way into the lake: which file they go to, and what replaces what."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from raymill import arrow
from raymill.filings.dataset_rows import FilingRow, Stored
from raymill.filings.schema import FACTS
from raymill.state.lake_table import LakeTable, Part

BUCKETS = 64
_FEW = ("entity", "ticker", "taxonomy", "concept", "unit", "form", "accession", "fp", "frame")
TABLE = LakeTable(
    "facts",
    FACTS,
    # By company first: to read one is then a matter of a few row groups.
    sort=("cik", "concept", "end", "filed", "accession", "seq"),
    key=("cik", "accession"),
    stats=("cik", "concept", "end", "filed"),
    dictionary=(*_FEW, "source", "document", "cik", "start", "end", "filed", "accepted", "fy"),
    delta=("seq",),
    rows_a_group=32_768,
    rows_a_file=1_000_000,
)


def partition(cik: int) -> str:
    """The folder of a company's facts.

    >>> partition(320193)
    'cik_bucket=01'
    """
    return f"cik_bucket={cik % BUCKETS:02}"


def buckets(ciks: Iterable[int]) -> dict[str, list[int]]:
    """The companies in each partition."""
    found: dict[str, list[int]] = {}
    for cik in ciks:
        found.setdefault(partition(cik), []).append(cik)
    return found


def parts(filings: Sequence[Stored]) -> list[Part]:
    """Filings as what replaces them in the lake."""
    found: dict[str, list[Stored]] = {}
    for one in filings:
        found.setdefault(partition(one.cik), []).append(one)
    return [Part(_together(some), name, [one.key for one in some]) for name, some in found.items()]


def _together(filings: Sequence[Stored]) -> pa.Table:
    return pa.concat_tables([one.facts for one in filings]).combine_chunks()


def dated(one: Stored) -> Stored:
    """The filing, its facts with form and day where they lack them."""
    facts, row = one.facts, one.filing
    for name, value in (("form", row.form), ("filed", row.filed)):
        if value is not None and facts.num_rows:
            filled = arrow.fill_null(facts[name], pa.scalar(value, facts[name].type))
            facts = arrow.with_column(facts, name, filled)
    return Stored(one.cik, one.accession, facts, row, one.source)


def of_answer(facts: pa.Table) -> Iterator[Stored]:
    """An answer of companyfacts, filing by filing."""
    if not facts.num_rows:
        return
    codes = arrow.to_numpy(arrow.index_in(facts["accession"], arrow.unique(facts["accession"])))
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    ordered = arrow.take_rows(facts, order)
    heads = arrow.take_rows(ordered.select(["cik", "accession", "form", "filed"]), starts)
    ends = [*starts[1:], len(order)]
    for head, start, end in zip(heads.to_pylist(), starts, ends, strict=True):
        rows = ordered.slice(int(start), int(end - start))
        row = FilingRow(head["form"], head["filed"])
        yield Stored(head["cik"], head["accession"], rows, row, "companyfacts")
