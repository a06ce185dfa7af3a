"""What the dataset keeps of a filing besides its facts: rows beside the manifest of the lake."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import pyarrow as pa

from raymill import arrow, json
from raymill.filings import metrics
from raymill.filings.extract import VERSION
from raymill.state.database import Execute

Origin = Literal["document", "companyfacts"]
_FIELDS: list["pa.Field[Any]"] = [
    pa.field("cik", pa.int64()),
    pa.field("accession", pa.string()),
    pa.field("form", pa.string()),
    pa.field("filed", pa.date32()),
    pa.field("facts", pa.int64()),
    pa.field("source", pa.string()),  # of the facts: document, companyfacts
    pa.field("reason", pa.string()),  # why the documents have none
    pa.field("extractor", pa.int32()),  # 0 where no document was read yet
    pa.field("metrics", pa.string()),  # version of the table of metrics
    pa.field("documents", pa.string()),  # JSON: name -> sha256
]
FILINGS = pa.schema(_FIELDS)
_NAMES = tuple(FILINGS.names)
_PUT = (
    f"INSERT INTO facts_filing ({','.join(_NAMES)}) VALUES ({','.join('?' * len(_NAMES))}) "
    f"ON CONFLICT (cik, accession) DO UPDATE SET "
)
_PUT_TICKER = (
    "INSERT INTO facts_ticker VALUES (?, ?) ON CONFLICT (ticker) DO UPDATE SET cik=excluded.cik"
)


@dataclass(frozen=True, slots=True)
class FilingRow:
    """What is known of a filing whose documents were read."""

    form: str | None = None
    filed: date | None = None
    reason: str | None = None  # why it has no facts
    documents: Mapping[str, str] = field(default_factory=dict)  # name -> sha256
    extractor: int = VERSION
    metrics: str = ""  # that of the table that comes with raymill, unless told


@dataclass(frozen=True, slots=True)
class Stored:
    """The facts of one filing on their way into the dataset."""

    cik: int
    accession: str
    facts: pa.Table
    filing: FilingRow
    source: Origin = "document"

    @property
    def key(self) -> tuple[int, str]:
        """What the facts are replaced by."""
        return self.cik, self.accession


def origins(execute: Execute, filings: Iterable[Stored]) -> dict[tuple[int, str], Origin]:
    """Where the facts come from that are held now for filings; those without facts left out."""
    sql = "SELECT cik, accession, source FROM facts_filing WHERE cik=? AND facts>0"
    return {
        (cik, accession): source
        for company in sorted({one.cik for one in filings})
        for cik, accession, source in execute(sql, (company,))
    }


def note(execute: Execute, filings: Sequence[Stored], *, facts: bool) -> None:
    """Note what is known of filings; without `facts`, theirs stay as they are."""
    kept = ("facts", "source") if not facts else ()
    changes = ",".join(f"{name}=excluded.{name}" for name in _NAMES[2:] if name not in kept)
    execute.many(_PUT + changes, [_cells(one) for one in filings])
    found = {(name, one.cik) for one in filings for name in _tickers(one.facts)}
    learn(execute, sorted(found))


def learn(execute: Execute, tickers: Iterable[tuple[str, int]]) -> None:
    """Note whose tickers these are."""
    execute.many(_PUT_TICKER, list(tickers))


def tickers(execute: Execute) -> list[tuple[str, int]]:
    """The tickers that are known, each with the CIK of its company."""
    return [(ticker, cik) for ticker, cik in execute("SELECT ticker, cik FROM facts_ticker")]


def filings_of(execute: Execute, cik: int | None) -> pa.Table:
    """The filings of a company, or of all, the newest first."""
    where, values = ("", ()) if cik is None else (" WHERE cik=?", (cik,))
    sql = f"SELECT {','.join(_NAMES)} FROM facts_filing{where}"
    rows = execute(f"{sql} ORDER BY filed IS NULL, filed DESC, accession DESC, cik", values)
    columns = [*zip(*rows, strict=True)] or [()] * len(_NAMES)
    cells: dict[str, Sequence[Any]] = dict(zip(_NAMES, columns, strict=True))
    cells["filed"] = [text and date.fromisoformat(text) for text in cells["filed"]]
    arrays = [arrow.array(cells[name], FILINGS.field(name).type) for name in _NAMES]
    return pa.Table.from_arrays(arrays, schema=FILINGS)


def _tickers(facts: pa.Table) -> list[str]:
    return [ticker for ticker in arrow.unique(facts["ticker"]).to_pylist() if ticker]


def _cells(one: Stored) -> tuple[Any, ...]:
    row = one.filing
    return (
        *one.key,
        row.form,
        row.filed.isoformat() if row.filed else None,
        one.facts.num_rows,
        one.source,
        row.reason,
        row.extractor if one.source == "document" else 0,
        row.metrics or metrics.standard().version,
        json.dumps(dict(row.documents)).decode(),
    )
