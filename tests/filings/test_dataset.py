"""The dataset of facts: replaced per filing, read as it was known on a day."""

import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from filings.bodies import APPLE, APPLE_KEY, SEC, real
from filings.reports import reports, values, year
from raymill import json
from raymill.errors import ConfigError, InputError, SinkError, StoreError, UnknownName
from raymill.filings import Filing, extract_file
from raymill.filings import versions as in_python
from raymill.filings.dataset import Facts, FilingRow, Stored
from raymill.filings.dataset_parts import TABLE
from raymill.filings.schema import no_facts
from raymill.state.database import Database, open_database
from raymill.state.lake_sql import ask

AAPL = 320193
QUARTER = "0000320193-25-000057"
FILED = date(2025, 5, 2)


@pytest.fixture
def stored(tmp_path: Path, database: Database) -> Facts:
    return Facts(tmp_path / "lake", database)


def tiny(accession: str, *lines: str, cik: int = 1, **more: Any) -> Stored:
    """A filing of a made company whose documents gave these facts."""
    facts = reports(*lines, **({"accession": accession, "cik": cik, "source": "inline"} | more))
    filed = date.fromisoformat(lines[0].split()[-1])
    return Stored(cik, accession, facts, FilingRow(lines[0].split()[-2], filed))


A1 = tiny("A-1", f"Revenues {year(2023)} 100 10-K 2024-02-01", ticker="TNY")
A2 = tiny(
    "A-2",
    f"Revenues {year(2024)} 120 10-K 2025-02-01",
    f"Revenues {year(2023)} 90 10-K 2025-02-01",
)
B1 = tiny("B-1", f"Revenues {year(2024)} 7 10-K 2025-03-01", cik=65, entity="Other")


def files(stored: Facts) -> list[str]:
    return sorted(
        path.relative_to(stored.lake.folder).parent.as_posix()
        for path in stored.lake.folder.rglob("*.parquet")
    )


def test_filings_lie_in_the_bucket_of_their_company(stored: Facts) -> None:
    assert stored.store_all([A1, A2, B1])
    assert files(stored) == ["facts/cik_bucket=01"]  # 65 is 1 of 64
    assert stored.companies() == [1, 65]
    assert values(stored.facts(1, as_of=date(2024, 12, 31))) == [("2023-12-31", "100")]
    assert values(stored.facts("tny")) == [("2023-12-31", "90"), ("2024-12-31", "120")]
    assert values(stored.facts("65")) == [("2024-12-31", "7")]


def test_a_filing_is_replaced_whole_and_others_stay(stored: Facts) -> None:
    stored.store_all([A1, A2, B1])
    assert not stored.store(1, "A-2", A2.facts, A2.filing)
    assert stored.store(1, "A-2", A2.facts.slice(0, 1), A2.filing)
    assert values(stored.reports(1)) == [("2023-12-31", "100"), ("2024-12-31", "120")]
    assert stored.reports(65).num_rows == 1


def test_processed_filings_are_those_whose_documents_were_read(stored: Facts) -> None:
    nothing = FilingRow("10-D", date(2023, 1, 1), reason="10-D of an asset-backed issuer")
    stored.store_all([A1, Stored(1, "A-0", no_facts(), nothing)])
    newer = FilingRow("10-K", date(2025, 2, 1), documents={"a.htm": "f00d"}, extractor=7)
    stored.store(1, "A-2", A2.facts, newer)
    assert stored.processed(1) == {"A-0", "A-1", "A-2"}
    assert stored.processed(1, extractor=7) == {"A-2"}
    assert stored.processed(2) == set()
    rows = stored.filings(1).to_pylist()
    assert [(row["accession"], row["facts"], row["reason"]) for row in rows] == [
        ("A-2", 2, None),
        ("A-1", 1, None),
        ("A-0", 0, "10-D of an asset-backed issuer"),
    ]
    assert json.loads(rows[0]["documents"]) == {"a.htm": "f00d"}
    assert stored.filings().num_rows == 3


def test_facts_without_a_day_get_that_of_their_filing(stored: Facts) -> None:
    bare = A1.facts
    for name in ("filed", "form"):
        place = bare.schema.get_field_index(name)
        bare = bare.set_column(place, bare.schema.field(name), pa.nulls(1, bare[name].type))
    stored.store(1, "A-1", bare, A1.filing)
    assert stored.reports(1).equals(A1.facts)


def test_facts_of_another_filing_are_refused(stored: Facts) -> None:
    with pytest.raises(StoreError, match=r"key \[1,\"A-1\"\] was given to table `facts` unasked"):
        stored.store(1, "A-2", A1.facts, A1.filing)
    assert stored.companies() == []


def test_a_ticker_that_nobody_has_is_an_error(stored: Facts) -> None:
    with pytest.raises(InputError, match="No facts of `AAPL` are stored"):
        stored.facts("AAPL")
    stored.learn({"brk.b": 1})
    assert stored.facts("BRK-B").num_rows == 0


ANSWER = reports(
    f"Revenues {year(2023)} 100 10-K 2024-02-01",
    f"Revenues {year(2024)} 120 10-K 2025-02-01",
    "Assets - 2024-12-31 500 10-K 2025-02-01",
)
FIRST, SECOND = "2024-02-01-10-K", "2025-02-01-10-K"


def test_documents_go_before_companyfacts_whichever_comes_first(stored: Facts) -> None:
    lines = (
        f"Revenues {year(2024)} 120 10-K 2025-02-01",
        "Assets - 2024-12-31 500 10-K 2025-02-01",
        f"Wheels {year(2024)} 8 10-K 2025-02-01",
    )
    document = tiny(SECOND, *lines, taxonomy="tiny")
    assert stored.store_companyfacts(ANSWER)
    assert stored.processed(1) == set()
    assert [row["source"] for row in stored.filings(1).to_pylist()] == ["companyfacts"] * 2
    assert stored.store_all([document])
    assert stored.processed(1) == {SECOND}
    assert not stored.store_companyfacts(ANSWER)
    rows = stored.reports(1).to_pylist()
    assert sorted((row["accession"], row["source"]) for row in rows) == [
        (FIRST, "companyfacts"),
        *[(SECOND, "inline")] * 3,
    ]


def test_companyfacts_stay_where_the_documents_have_no_facts(stored: Facts) -> None:
    stored.store_companyfacts(ANSWER)
    reason = FilingRow("10-K", date(2025, 2, 1), reason="10-K without XBRL")
    assert not stored.store(1, SECOND, no_facts(), reason)
    assert stored.processed(1) == {SECOND}
    assert stored.reports(1).num_rows == 3
    (row,) = (row for row in stored.filings(1).to_pylist() if row["accession"] == SECOND)
    assert (row["facts"], row["source"], row["reason"]) == (2, "companyfacts", "10-K without XBRL")


def test_documents_that_come_while_companyfacts_are_stored_go_before_them(stored: Facts) -> None:
    document = tiny(SECOND, f"Wheels {year(2024)} 8 10-K 2025-02-01")
    replace, came = stored.lake.replace, threading.Event()

    def late(*given: Any, **more: Any) -> int | None:
        if not came.is_set():
            came.set()
            assert stored.store_all([document])
        return replace(*given, **more)

    stored.lake.replace = late  # type: ignore[method-assign]
    assert stored.store_companyfacts(ANSWER)
    assert {row["concept"] for row in stored.reports(1).to_pylist()} == {"Revenues", "Wheels"}


def test_many_filings_are_merged_and_nothing_else_changes(stored: Facts) -> None:
    for n in range(20):
        filing = tiny(f"A-{n}", f"Revenues {year(2000 + n)} {n} 10-K {2001 + n}-02-01")
        stored.store(1, f"A-{n}", filing.facts, filing.filing)
    assert len(stored.lake.files(TABLE)) < 8
    assert values(stored.facts(1)) == [(f"{2000 + n}-12-31", str(n)) for n in range(20)]
    assert stored.tidy() > 1
    assert len(stored.lake.files(TABLE)) == 1
    assert values(stored.facts(1)) == [(f"{2000 + n}-12-31", str(n)) for n in range(20)]
    assert not stored.store(1, "A-19", filing.facts, filing.filing)


# Real data.


@real
def test_all_facts_of_a_real_report_are_read_back_exactly(stored: Facts) -> None:
    filing = Filing(accession=QUARTER, filed=FILED, form="10-Q")
    facts = extract_file(str(SEC / APPLE), filing).facts
    assert stored.store(AAPL, QUARTER, facts, FilingRow("10-Q", FILED))
    found = stored.reports("aapl")
    assert found.num_rows == 674
    assert found.sort_by("seq").equals(facts)
    (row,) = stored.filings(AAPL).to_pylist()
    assert (row["facts"], row["source"]) == (674, "document")
    assert not stored.store(AAPL, QUARTER, facts, FilingRow("10-Q", FILED))
    # net sales, net income and earnings of three and of six months, as the README has them
    expected = {
        ("RevenueFromContractWithCustomerExcludingAssessedTax", 95_359e6),
        ("RevenueFromContractWithCustomerExcludingAssessedTax", 219_659e6),
        ("NetIncomeLoss", 24_780e6),
        ("NetIncomeLoss", 61_110e6),
        ("EarningsPerShareDiluted", 1.65),
        ("EarningsPerShareDiluted", 4.05),
    }
    latest = stored.facts("AAPL", concept=sorted({name for name, _ in expected})).to_pylist()
    plain = {
        (row["concept"], row["value"])
        for row in latest
        if not row["dims"] and row["end"] == date(2025, 3, 29)
    }
    assert plain == expected


@pytest.fixture(scope="module")
def apple(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Facts]:
    """companyfacts of Apple and Snowflake, with one of Apple's reports whole."""
    folder = tmp_path_factory.mktemp("apple")
    database = open_database(folder)
    stored = Facts(folder / "lake", database)
    for cik in (AAPL, 1640147):
        answer = extract_file(str(SEC / f"companyfacts/CIK{cik:010}.json")).facts
        assert stored.store_companyfacts(answer)
    filing = Filing(accession=QUARTER, filed=FILED, form="10-Q")
    report = extract_file(str(SEC / APPLE_KEY), filing)
    stored.store(AAPL, QUARTER, report.facts, FilingRow("10-Q", FILED))
    yield stored
    database.close()


@real
def test_companyfacts_and_a_report_hold_every_number_once(apple: Facts) -> None:
    whole = extract_file(str(SEC / "companyfacts/CIK0000320193.json")).facts
    rows = apple.reports(AAPL)
    assert rows.num_rows == whole.num_rows - 101 + 674
    kept = rows.filter(pa.compute.field("accession") != QUARTER)
    others = whole.filter(pa.compute.field("accession") != QUARTER)
    assert kept.sort_by("seq").equals(others)


@real
@pytest.mark.parametrize(
    ("day", "revenue"),
    [
        (date(2009, 10, 26), None),
        (date(2009, 10, 27), 36_537e6),
        (date(2010, 1, 24), 36_537e6),
        (date(2010, 1, 25), 42_905e6),
        (None, 42_905e6),
    ],
)
def test_revenue_of_2009_is_what_was_known_then(
    apple: Facts, day: date | None, revenue: float | None
) -> None:
    rows = apple.series("AAPL", "revenue", as_of=day).to_pylist()
    found = {row["end"]: row["value"] for row in rows}
    assert found.get(date(2009, 9, 26)) == revenue


@real
def test_restatements_of_net_income_and_earnings_per_share(apple: Facts) -> None:
    rows = apple.restatements("AAPL", concept=["NetIncomeLoss", "EarningsPerShareDiluted"])
    year = {
        (row["concept"], str(row["end"])): (row["previous_value"], row["value"])
        for row in rows.to_pylist()
        if row["start"] and (row["end"] - row["start"]).days > 350
    }
    assert year["NetIncomeLoss", "2009-09-26"] == (5_704e6, 8_235e6)
    assert year["EarningsPerShareDiluted", "2019-09-28"] == (11.89, 2.97)


@real
def test_checks_of_a_real_company(apple: Facts) -> None:
    rows = apple.check("AAPL", as_of=FILED).to_pylist()
    assert len(rows) > 50
    assert [row for row in rows if row["check"] == "balance" and not row["has_passed"]] == []


@real
def test_a_metric_across_companies_is_the_newest_that_each_had_reported(apple: Facts) -> None:
    rows = apple.across("net_income", as_of=date(2025, 6, 30)).to_pylist()
    assert [(row["ticker"], row["cik"], str(row["end"]), row["value"]) for row in rows] == [
        ("AAPL", AAPL, "2024-09-28", 93_736e6),
        (None, 1640147, rows[1]["end"].isoformat(), rows[1]["value"]),
    ]
    assert rows[1]["value"] < 0
    alone = apple.across("net_income", per="quarterly", as_of=FILED, companies=["aapl"])
    assert [(str(r["end"]), r["value"]) for r in alone.to_pylist()] == [("2025-03-29", 24_780e6)]
    for cik in (AAPL, 1640147):
        for metric in ("assets", "eps_diluted", "revenue"):
            one = apple.series(cik, metric, as_of=FILED).to_pylist()[-1]
            (same,) = apple.across(metric, as_of=FILED, companies=[cik]).to_pylist()
            same.pop("ticker")
            assert same == one
    with pytest.raises(UnknownName, match="profits"):
        apple.across("profits")


# SQL.


def plain(rows: pa.Table) -> list[tuple[Any, ...]]:
    return sorted(
        (tuple(row.values()) for row in rows.to_pylist()),
        key=lambda row: tuple(repr(value) for value in row),
    )


@real
@pytest.mark.parametrize("day", [date(2009, 12, 31), date(2012, 1, 1), FILED, None])
def test_sql_and_python_agree_on_what_was_known(apple: Facts, day: date | None) -> None:
    question = "SELECT * FROM latest" if day is None else f"SELECT * FROM as_of(DATE '{day}')"
    with apple.sql() as connection:
        found = connection.sql(question).to_arrow_reader().read_all()
    reported = pa.concat_tables([apple.reports(AAPL), apple.reports(1640147)])
    expected = in_python.as_of(reported, day)
    assert found.schema.names == expected.schema.names
    assert found.num_rows > 20
    assert plain(found) == plain(expected)


def test_sql_over_nothing_has_the_columns(stored: Facts) -> None:
    with stored.sql() as connection:
        for view in ("facts", "latest", "as_of(DATE '2020-01-01')"):
            found = connection.sql(f"SELECT * FROM {view}").to_arrow_reader().read_all()
            assert (found.num_rows, found.schema.names[:3]) == (0, ["cik", "entity", "ticker"])
        assert connection.sql("SELECT count(*) FROM filings").fetchall() == [(0,)]


def test_sql_prefers_decimals_and_keeps_dimensions_apart(stored: Facts) -> None:
    lines = [f"Revenues {year(2023)} {value} 10-K 2024-02-01" for value in ("1200", "1234", "9")]
    facts = pa.concat_tables(
        [
            reports(lines[0], accession="A-1", decimals=-2),
            reports(lines[1], accession="A-1", decimals=0),
            reports(lines[2], accession="A-1", dims=[("axis", "bikes")]),
        ]
    )
    stored.store(1, "A-1", facts, FilingRow())
    with stored.sql() as connection:
        rows = connection.sql("SELECT value, dims FROM latest ORDER BY value").to_arrow_reader()
    assert rows.read_all().to_pylist() == [
        {"value": 9.0, "dims": [("axis", "bikes")]},
        {"value": 1234.0, "dims": []},
    ]


def test_sql_keeps_its_snapshot_while_filings_are_stored_and_merged(stored: Facts) -> None:
    stored.store_all([A1])
    with stored.sql() as connection:
        count = "SELECT count(*) FROM facts"
        stored.store_all([A2])
        stored.tidy()
        assert connection.sql(count).fetchall() == [(1,)]
    with stored.sql() as connection:
        assert connection.sql(count).fetchall() == [(3,)]


def test_filings_join_facts(stored: Facts) -> None:
    stored.store_all([A1, A2])
    with stored.sql() as connection:
        rows = connection.sql(
            "SELECT f.accession, sum(value) FROM facts JOIN filings f USING (cik, accession) "
            "GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    assert rows == [("A-1", 100.0), ("A-2", 210.0)]


@pytest.mark.parametrize(
    "question",
    [
        "COPY facts TO '{folder}/mine.parquet'",
        "SELECT 1; SELECT 2",
        "DROP VIEW facts",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM nowhere",
        "SELECT * FRM facts",
        "SELECT CAST(concept AS INTEGER) FROM facts",
        "",
    ],
)
def test_a_question_of_somebody_else_can_only_read_the_lake(stored: Facts, question: str) -> None:
    stored.store_all([A1])
    before = files(stored)
    with stored.sql() as connection:
        with pytest.raises(ConfigError) as refused:
            ask(connection, question.format(folder=stored.lake.folder)).read_all()
        assert "answered" in refused.value.message
        assert ask(connection, "SELECT value FROM facts").read_all().to_pydict() == {"value": [100]}
    assert files(stored) == before


def test_settings_cannot_be_unlocked(stored: Facts) -> None:
    with stored.sql() as connection, pytest.raises(duckdb.Error, match="locked"):
        connection.execute("SET enable_external_access=true")


# Files.


@pytest.mark.parametrize("name", ["a.parquet", "a.csv", "a.jsonl"])
def test_facts_are_exported(stored: Facts, tmp_path: Path, name: str) -> None:
    stored.store_all([A1, A2])
    path = stored.export(1, tmp_path / "new" / name)
    assert [one.name for one in path.parent.iterdir()] == [name]
    lines = path.read_bytes().count(b"\n")
    assert lines == {"a.parquet": lines, "a.csv": 4, "a.jsonl": 3}[name]


def test_the_file_of_a_ticker(stored: Facts, tmp_path: Path) -> None:
    stored.store_all([A1, A2])
    path = stored.export_ticker("tny", tmp_path / "output")
    assert path == tmp_path / "output" / "TNY_facts.parquet"
    assert pq.read_table(path).equals(stored.reports(1))
    known = stored.export("TNY", path, as_of=date(2024, 12, 31))
    assert pq.read_table(known)["value"].to_pylist() == [100.0]
    for ticker in ("../../evil", ""):
        with pytest.raises(ConfigError, match="is no ticker"):
            stored.export_ticker(ticker, tmp_path / "output")


def test_an_export_that_fails_leaves_the_old_file(
    stored: Facts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored.store_all([A1])
    path = stored.export(1, tmp_path / "out" / "a.parquet")
    before = path.read_bytes()

    def full(*given: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(SinkError, match="No space left on device"):
        stored.export(1, path)
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == ["a.parquet"]
