"""The dataset of facts: what every filing reported, kept once, replaced whole, never half.

One filing is one key: what it reported is replaced at once. The facts of a company lie together,
and what was known on a day is a query.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from raymill.errors import ConfigError, InputError
from raymill.filings import across, checks, versions
from raymill.filings.dataset_parts import TABLE, buckets, dated, of_answer, partition, parts
from raymill.filings.dataset_rows import (
    FILINGS,
    FilingRow,
    Stored,
    filings_of,
    learn,
    note,
    origins,
    tickers,
)
from raymill.filings.export import write_facts
from raymill.filings.filing import ticker_of
from raymill.filings.metrics import Metrics, standard
from raymill.filings.series import Known, Per, known
from raymill.state.database import Database, Execute
from raymill.state.lake import Lake
from raymill.state.lake_compaction import compact, sweep, vacuum
from raymill.state.lake_files import in_order
from raymill.state.lake_table import Condition

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["FILINGS", "Facts", "FilingRow", "Stored"]


class Facts:
    """The facts of all companies, in a folder and the tables of a database."""

    def __init__(
        self, folder: str | Path, database: Database, *, now: Callable[[], float] = time.time
    ) -> None:
        self.lake = Lake(folder, database, now=now)
        self._database = database

    def store(self, cik: int, accession: str, facts: pa.Table, filing: FilingRow) -> bool:
        """Let the dataset hold exactly these facts of a filing; False if it held them already.

        Facts that do not say when and on which form they were filed get it from `filing`. Where
        the documents have none, those of companyfacts stay. Raises StoreError.
        """
        return self.store_all([Stored(cik, accession, facts, filing)])

    def store_all(self, filings: Iterable[Stored]) -> bool:
        """Store several filings in one commit; False if all were held already."""
        found = [dated(one) for one in filings]
        full = [one for one in found if one.facts.num_rows]
        empty = [one for one in found if not one.facts.num_rows]
        with self._database.reading() as execute:
            held = origins(execute, empty)
        spared = [one for one in empty if held.get(one.key) == "companyfacts"]
        emptied = [one for one in empty if one not in spared]

        def also(execute: Execute) -> None:
            note(execute, [*full, *emptied], facts=True)
            note(execute, spared, facts=False)

        return self._replace([*full, *emptied], also)

    def store_companyfacts(self, *answers: pa.Table) -> bool:
        """Store answers of companyfacts: for each filing whose documents gave no facts, its.

        Documents hold all that companyfacts has and more. False if nothing changed.
        """
        found = [one for facts in answers for one in of_answer(facts)]
        while True:
            with self._database.reading() as execute:
                held = origins(execute, found)
            wanted = [one for one in found if held.get(one.key) != "document"]

            def also(execute: Execute, wanted: Sequence[Stored] = wanted) -> None:
                now = origins(execute, wanted)
                if "document" in (now.get(one.key) for one in wanted):
                    raise _Overtaken
                note(execute, wanted, facts=True)

            try:
                return self._replace(wanted, also)
            except _Overtaken:
                continue

    def _replace(self, filings: Sequence[Stored], also: Callable[[Execute], None]) -> bool:
        replaced = parts(filings)
        changed = self.lake.replace(TABLE, *replaced, also=also) is not None
        partitions = [part.partition for part in replaced]
        if changed and compact(self.lake, TABLE, partitions=partitions):
            vacuum(self.lake)
            sweep(self.lake, TABLE)
        return changed

    def learn(self, tickers: Mapping[str, int]) -> None:
        """Note the CIKs of tickers; those that filings name are noted by themselves."""
        with self._database.transaction() as execute:
            learn(execute, [(ticker_of(name) or name, cik) for name, cik in tickers.items()])

    def processed(self, cik: int, *, extractor: int = 1) -> set[str]:
        """The accessions of a company whose documents were read, by this extractor or a newer."""
        sql = "SELECT accession FROM facts_filing WHERE cik=? AND extractor>=?"
        with self._database.reading() as execute:
            return {accession for (accession,) in execute(sql, (cik, max(1, extractor)))}

    def filings(self, company: int | str | None = None) -> pa.Table:
        """The filings of a company, or of all, the newest first."""
        cik = None if company is None else self.cik(company)
        with self._database.reading() as execute:
            return filings_of(execute, cik)

    def companies(self) -> list[int]:
        """The companies of which a filing is known."""
        with self._database.reading() as execute:
            rows = execute("SELECT DISTINCT cik FROM facts_filing ORDER BY cik")
        return [cik for (cik,) in rows]

    def cik(self, company: int | str) -> int:
        """The CIK of a company by its ticker or CIK. Raises InputError where it is unknown."""
        if not isinstance(company, str):
            return company
        if company.isascii() and company.isdigit():
            return int(company)
        with self._database.reading() as execute:
            sql = "SELECT cik FROM facts_ticker WHERE ticker=?"
            found = execute(sql, (ticker_of(company),))
        if not found:
            raise InputError(f"No facts of `{company}` are stored", hint="give its CIK")
        return int(found[0][0])

    def reports(
        self,
        company: int | str,
        *,
        concept: str | Sequence[str] | None = None,
        snapshot: int | None = None,
    ) -> pa.Table:
        """Every report of every number of a company, or of some concepts.

        By concept, period, day and filing. Raises InputError where a ticker is unknown.
        """
        cik = self.cik(company)
        where: list[Condition] = [("cik", "=", cik)]
        if concept is not None:
            where.append(("concept", "in", [concept] if isinstance(concept, str) else [*concept]))
        rows = self.lake.read(TABLE, where, snapshot=snapshot, partitions=[partition(cik)])
        return in_order(rows, TABLE)

    def facts(
        self,
        company: int | str,
        *,
        concept: str | Sequence[str] | None = None,
        as_of: date | None = None,
        snapshot: int | None = None,
    ) -> pa.Table:
        """What was known of a company at the end of a day: of each number the newest report.

        `company` is a CIK or a ticker. Without a day, what is known at last. Raises InputError.
        """
        return versions.as_of(self.reports(company, concept=concept, snapshot=snapshot), as_of)

    def versions(
        self, company: int | str, *, concept: str | Sequence[str] | None = None
    ) -> pa.Table:
        """Every report of every number in order, with its number from 1 as `version`."""
        return versions.versions(self.reports(company, concept=concept))

    def restatements(
        self, company: int | str, *, concept: str | Sequence[str] | None = None
    ) -> pa.Table:
        """The reports that changed a number, with what was reported before."""
        return versions.restatements(self.reports(company, concept=concept))

    def known(
        self, company: int | str, *, as_of: date | None = None, table: Metrics | None = None
    ) -> Known:
        """The standard metrics of a company as they were known at the end of a day."""
        return known(self.reports(company), as_of, table)

    def series(
        self,
        company: int | str,
        metric: str,
        *,
        per: Per = "annual",
        as_of: date | None = None,
        unit: str | None = None,
        table: Metrics | None = None,
    ) -> pa.Table:
        """One metric of a company, oldest first. Raises UnknownName, ConfigError, InputError."""
        return self.known(company, as_of=as_of, table=table).table([metric], per=per, unit=unit)

    def check(
        self, company: int | str, *, as_of: date | None = None, table: Metrics | None = None
    ) -> pa.Table:
        """Checks of a company's facts against one another, as they were known: see `checks`."""
        return checks.check(self.reports(company), as_of, table)

    def across(
        self,
        metric: str,
        *,
        per: Per = "annual",
        as_of: date | None = None,
        unit: str | None = None,
        companies: Iterable[int | str] | None = None,
        table: Metrics | None = None,
    ) -> pa.Table:
        """The newest value of a metric of each company, as it was known at the end of a day.

        A row is as in `series`, with the `ticker`. Raises UnknownName, ConfigError, InputError.
        """
        metrics = table or standard()
        metrics = across.needed(metrics.find(metric), metrics)
        names = across.concepts(metrics)
        every = self.companies() if companies is None else sorted(map(self.cik, companies))
        found = []
        with self.lake.hold() as snapshot:
            for bucket, ciks in buckets(every).items():
                where: list[Condition] = [("cik", "in", ciks), ("concept", "in", names)]
                rows = self.lake.read(
                    TABLE, where, columns=across.COLUMNS, snapshot=snapshot, partitions=[bucket]
                )
                found.append(
                    across.newest(rows, metric, per=per, as_of=as_of, unit=unit, table=metrics)
                )
        with self._database.reading() as execute:
            return across.joined(found, tickers(execute))

    def export(self, company: int | str, path: str | Path, *, as_of: date | None = None) -> Path:
        """Write the facts of a company to a file, which is there whole or stays as it was.

        Every report; with a day, what was known at its end. The name ends in .parquet, .csv,
        .jsonl or .arrow. Raises ConfigError, InputError, SinkError.
        """
        rows = self.reports(company) if as_of is None else self.facts(company, as_of=as_of)
        return Path(write_facts(Path(path), rows))

    def export_ticker(self, ticker: str, folder: str | Path = "output") -> Path:
        """Write every report of a company to `<folder>/<TICKER>_facts.parquet`."""
        name = ticker_of(ticker)
        if name is None:
            raise ConfigError(f"`{ticker}` is no ticker", hint="a ticker is as in AAPL or BRK.B")
        return self.export(name, Path(folder) / f"{name}_facts.parquet")

    @contextmanager
    def sql(self) -> Iterator["DuckDBPyConnection"]:
        """DuckDB over one snapshot: views `facts`, `latest`, `filings`, and `as_of(day)`.

        `facts` has every report, `latest` the newest of each number, `as_of(DATE '2015-01-01')`
        the newest that was filed by then.
        """
        from raymill.filings.dataset_sql import connected

        with connected(self.lake, TABLE, self.filings) as connection:
            yield connection

    def tidy(self) -> int:
        """Merge all files of each bucket, remove what nobody needs. Gives how many were merged."""
        merged = compact(self.lake, TABLE, whole=True)
        vacuum(self.lake)
        sweep(self.lake, TABLE)
        return merged


class _Overtaken(Exception):
    """Documents of a filing were stored while its companyfacts were under way."""
