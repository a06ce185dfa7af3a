"""The dataset of facts: what every filing reported, kept once, replaced whole, never half.

One filing is one key: what it reported is replaced at once, and a company's facts lie together.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from raymill import arrow, json
from raymill.errors import InputError
from raymill.filings import metrics, versions
from raymill.filings.extract import VERSION
from raymill.filings.filing import ticker_of
from raymill.filings.schema import FACTS
from raymill.state.database import Database, Execute
from raymill.state.lake import Lake, LakeTable, Part
from raymill.state.lake_table import Condition, Key

BUCKETS = 64
NAMES = ("taxonomy", "concept", "unit", "form", "accession", "fp", "frame", "source", "document")
TABLE = LakeTable(
    "facts",
    FACTS,
    sort=("cik", "concept", "end", "filed", "accession", "seq"),
    key=("cik", "accession"),
    stats=("cik", "concept", "end", "filed"),
    dictionary=("cik", "entity", "ticker", "start", "end", "filed", "accepted", "fy", *NAMES),
    rows_a_group=32_768,
    rows_a_file=1_000_000,
)
_COLUMNS: list["pa.Field[Any]"] = [
    pa.field("cik", pa.int64()),
    pa.field("accession", pa.string()),
    pa.field("form", pa.string()),
    pa.field("filed", pa.date32()),
    pa.field("facts", pa.int64()),
    pa.field("source", pa.string()),  # document, companyfacts
    pa.field("reason", pa.string()),  # why there are none
    pa.field("extractor", pa.int32()),
    pa.field("metrics", pa.string()),
    pa.field("documents", pa.string()),  # JSON: name -> sha256
]
FILINGS = pa.schema(_COLUMNS)


@dataclass(frozen=True, slots=True)
class FilingRow:
    """What is kept of a filing besides its facts."""

    form: str | None = None
    filed: date | None = None
    reason: str | None = None  # why it has no facts
    documents: Mapping[str, str] = field(default_factory=dict)  # name -> sha256
    source: str = "document"
    extractor: int = VERSION
    metrics: str = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """The facts of one filing on their way into the dataset."""

    cik: int
    accession: str
    facts: pa.Table
    filing: FilingRow


class Facts:
    """The facts of all companies, in a folder and the tables of a database."""

    def __init__(
        self, folder: str | Path, database: Database, *, now: Callable[[], float] = time.time
    ) -> None:
        self.lake = Lake(folder, database, now=now)
        self._database = database

    def store(self, cik: int, accession: str, facts: pa.Table, filing: FilingRow) -> bool:
        """Let the dataset hold exactly these facts of a filing; False if it held them already.

        Raises StoreError.
        """
        return self.store_all([Stored(cik, accession, facts, filing)])

    def store_all(self, filings: Iterable[Stored]) -> bool:
        """Store several filings in one commit; False if all were held already."""
        found = list(filings)

        def also(execute: Execute) -> None:
            _note(execute, found)

        return self.lake.replace(TABLE, *_parts(found), also=also) is not None

    def processed(self, cik: int, *, extractor: int = 0) -> set[str]:
        """The accessions of a company whose documents were read, by this extractor or a newer."""
        sql = (
            "SELECT accession FROM facts_filing WHERE cik=? AND source='document' AND extractor>=?"
        )
        with self._database.reading() as execute:
            return {accession for (accession,) in execute(sql, (cik, extractor))}

    def filings(self, cik: int | None = None) -> pa.Table:
        """The filings of a company, or of all, the newest first."""
        where, values = ("", ()) if cik is None else (" WHERE cik=?", (cik,))
        sql = f"SELECT {','.join(FILINGS.names)} FROM facts_filing{where}"
        with self._database.reading() as execute:
            rows = execute(sql + " ORDER BY filed DESC, accession DESC, cik", values)
        return _table(rows)

    def facts(
        self,
        company: int | str,
        *,
        concept: str | Sequence[str] | None = None,
        as_of: date | None = None,
        snapshot: int | None = None,
    ) -> pa.Table:
        """What was known of a company at the end of a day: of each number the newest report.

        `company` is a CIK or a ticker. Without a day, the newest of all. Raises InputError where
        the ticker is unknown.
        """
        return versions.as_of(self.reports(company, concept=concept, snapshot=snapshot), as_of)

    def reports(
        self,
        company: int | str,
        *,
        concept: str | Sequence[str] | None = None,
        snapshot: int | None = None,
    ) -> pa.Table:
        """Every report of every number of a company."""
        cik = self.cik(company)
        where: list[Condition] = [("cik", "=", cik)]
        if concept is not None:
            where.append(("concept", "in", [concept] if isinstance(concept, str) else [*concept]))
        return self.lake.read(TABLE, where, snapshot=snapshot, partitions=[partition(cik)])

    def cik(self, company: int | str) -> int:
        """The CIK of a company by its ticker. Raises InputError where it is unknown."""
        if not isinstance(company, str):
            return company
        if company.isascii() and company.isdigit():
            return int(company)
        ticker = ticker_of(company)
        with self._database.reading() as execute:
            found = execute("SELECT cik FROM facts_ticker WHERE ticker=?", (ticker,))
        if not found:
            raise InputError(f"No facts of `{company}` are stored", hint="give its CIK")
        return int(found[0][0])


def partition(cik: int) -> str:
    """The folder of a company's facts.

    >>> partition(320193)
    'cik_bucket=01'
    """
    return f"cik_bucket={cik % BUCKETS:02}"


def _parts(filings: Sequence[Stored]) -> list[Part]:
    buckets: dict[str, list[Stored]] = {}
    for one in filings:
        buckets.setdefault(partition(one.cik), []).append(one)
    return [_part(name, found) for name, found in buckets.items()]


def _part(name: str, filings: Sequence[Stored]) -> Part:
    keys: list[Key] = [(one.cik, one.accession) for one in filings]
    rows = pa.concat_tables([one.facts for one in filings])
    return Part(rows, name, keys)


def _note(execute: Execute, filings: Sequence[Stored]) -> None:
    names = FILINGS.names
    changes = ",".join(f"{name}=excluded.{name}" for name in names[2:])
    execute.many(
        f"INSERT INTO facts_filing ({','.join(names)}) VALUES ({','.join('?' * len(names))}) "
        f"ON CONFLICT (cik, accession) DO UPDATE SET {changes}",
        [_cells(one) for one in filings],
    )
    execute.many(
        "INSERT INTO facts_ticker VALUES (?, ?) "
        "ON CONFLICT (ticker) DO UPDATE SET cik=excluded.cik",
        sorted({(ticker, one.cik) for one in filings for ticker in _tickers(one.facts)}),
    )


def _tickers(facts: pa.Table) -> list[str]:
    return [ticker for ticker in arrow.unique(facts["ticker"]).to_pylist() if ticker]


def _cells(one: Stored) -> tuple[Any, ...]:
    row = one.filing
    return (
        one.cik,
        one.accession,
        row.form,
        row.filed.isoformat() if row.filed else None,
        one.facts.num_rows,
        row.source,
        row.reason,
        row.extractor,
        row.metrics or metrics.standard().version,
        json.dumps(dict(row.documents)).decode(),
    )


def _table(rows: Sequence[Sequence[Any]]) -> pa.Table:
    columns = [*zip(*rows, strict=True)] or [()] * len(FILINGS)
    cells: dict[str, Sequence[Any]] = dict(zip(FILINGS.names, columns, strict=True))
    cells["filed"] = [text and date.fromisoformat(text) for text in cells["filed"]]
    arrays = [arrow.array(cells[item.name], item.type) for item in FILINGS]
    return pa.Table.from_arrays(arrays, schema=FILINGS)
