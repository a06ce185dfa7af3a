"""The dataset of facts: how fast answers go into it, and one company comes out."""

import itertools
from collections.abc import Iterator

import pyarrow as pa

from raymill import arrow
from raymill.bench.case import Case, Setup, Work, seconds, speed
from raymill.bench.filings.rows import answer_bytes
from raymill.filings.dataset import Facts
from raymill.state.database import open_database

COMPANIES = 8  # of one bucket beside each other


def cases() -> Iterator[Case]:
    """Writing, and reading one company of several."""
    answer = "companyfacts"
    text = "facts of a companyfacts answer into the dataset, filing by filing, forced to the disk"
    yield Case("filings.lake.write", text, _write, "rows/s", answer)
    text = f"every report of one of {COMPANIES} companies that share a file"
    yield Case("filings.lake.read_company", text, _read, "ms", answer)


def _write(setup: Setup) -> Work:
    stored, facts = _opened(setup, "write"), _facts(setup)
    ciks = itertools.count(1)

    def work() -> int:
        stored.store_companyfacts(_of(facts, next(ciks)))
        return facts.num_rows

    return speed(work, 1)


def _read(setup: Setup) -> Work:
    stored, facts = _opened(setup, "read"), _facts(setup)
    for number in range(COMPANIES):
        stored.store_companyfacts(_of(facts, 64 * number))
    stored.tidy()
    return seconds(lambda: stored.reports(64 * (COMPANIES // 2)).num_rows, 1e3)


def _opened(setup: Setup, name: str) -> Facts:
    database = open_database(setup.folder / name)
    setup.lasting.callback(database.close)
    return Facts(setup.folder / name / "lake", database)


def _facts(setup: Setup) -> pa.Table:
    from raymill.filings.companyfacts import read_companyfacts
    from raymill.filings.document import Document

    return read_companyfacts(Document("answer.json", answer_bytes(setup)))


def _of(facts: pa.Table, cik: int) -> pa.Table:
    """The facts as those of another company."""
    return arrow.with_column(facts, "cik", arrow.repeat(cik, facts.num_rows, pa.int64()))
