"""Reports of the dataset as a screen asks for them: what was public, of one period, in its unit."""

import csv
import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from market.screen.barmaking import actions, bars, instrument
from raymill.app.fundamentals import FiledFundamentals
from raymill.filings.companyfacts import read_companyfacts
from raymill.filings.dataset import Facts
from raymill.filings.document import Document
from raymill.market.screen.build import Inputs, build
from raymill.state.database import open_database


@pytest.fixture
def dataset(tmp_path: Path) -> Iterator[Facts]:
    database = open_database(tmp_path)
    yield Facts(tmp_path / "lake", database)
    database.close()


def filed(accession: str, day: str, *rows: tuple[str | None, str, float]) -> list[dict[str, Any]]:
    """What one annual report says of periods: begin, end, value."""
    about = {"accn": accession, "filed": day, "form": "10-K", "fy": 2025, "fp": "FY"}
    return [
        about | ({"start": start} if start else {}) | {"end": end, "val": value}
        for start, end, value in rows
    ]


YEAR_24, YEAR_25 = ("2024-01-01", "2024-12-31"), ("2025-01-01", "2025-12-31")
FIRST, SECOND, LATE = "0000000007-25-000001", "0000000007-26-000001", "0000000007-26-000002"


def concept(unit: str, *reports: list[dict[str, Any]]) -> dict[str, Any]:
    return {"units": {unit: [row for rows in reports for row in rows]}}


ANSWER = {
    "cik": 7,
    "entityName": "Seven",
    "facts": {
        "us-gaap": {
            "Revenues": concept(
                "EUR",
                filed(FIRST, "2025-02-01", (*YEAR_24, 800)),
                filed(SECOND, "2026-02-01", (*YEAR_24, 800), (*YEAR_25, 1000)),
                filed(LATE, "2026-05-01", (*YEAR_25, 900)),
            ),
            "CostOfRevenue": concept("EUR", filed(SECOND, "2026-02-01", (*YEAR_25, 600))),
            "NetIncomeLoss": concept(
                "EUR",
                filed(FIRST, "2025-02-01", (*YEAR_24, 40)),
                filed(SECOND, "2026-02-01", (*YEAR_24, 40), (*YEAR_25, 100)),
            ),
            "Assets": concept("EUR", filed(SECOND, "2026-02-01", (None, "2025-12-31", 2000))),
            "StockholdersEquity": concept(
                "EUR", filed(SECOND, "2026-02-01", (None, "2024-12-31", 1), (None, "2025-12-31", 5))
            ),
            "EarningsPerShareDiluted": concept(
                "EUR/shares", filed(SECOND, "2026-02-01", (*YEAR_24, 0.8), (*YEAR_25, 2))
            ),
        },
        "dei": {
            "EntityCommonStockSharesOutstanding": concept(
                "shares",
                filed(FIRST, "2025-02-01", (None, "2025-01-20", 39)),
                filed(SECOND, "2026-02-01", (None, "2026-01-20", 40)),
            )
        },
    },
}


def store(dataset: Facts, name: str, answer: bytes) -> None:
    dataset.store_companyfacts(read_companyfacts(Document(name, answer)))


def known(dataset: Facts, as_of: datetime) -> dict[str, tuple[float, str | None]]:
    rows = FiledFundamentals(dataset).known([7, 8], as_of).to_pylist()
    assert {row["cik"] for row in rows} <= {7}
    return {row["name"]: (row["value"], row["currency"]) for row in rows}


def test_a_report_counts_from_the_day_after_it_was_filed(dataset: Facts) -> None:
    store(dataset, "CIK7.json", json.dumps(ANSWER).encode())
    before = known(dataset, datetime(2026, 2, 1, 23, 59, tzinfo=UTC))
    assert (before["revenue_ttm"], before["shares_outstanding"]) == ((800, "EUR"), (39, None))
    assert "revenue_ttm_year_ago" not in before
    assert known(dataset, datetime(2026, 2, 2, tzinfo=UTC)) == {
        "revenue_ttm": (1000, "EUR"),
        "gross_profit_ttm": (400, "EUR"),  # 1000 - 600
        "net_income_ttm": (100, "EUR"),
        "assets": (2000, "EUR"),
        "equity": (5, "EUR"),
        "eps_diluted": (2, "EUR"),
        "revenue_ttm_year_ago": (800, "EUR"),
        "net_income_ttm_year_ago": (40, "EUR"),
        "eps_diluted_year_ago": (0.8, "EUR"),
        "shares_outstanding": (40, None),
    }


def test_a_restatement_counts_once_it_is_public(dataset: Facts) -> None:
    store(dataset, "CIK7.json", json.dumps(ANSWER).encode())
    assert known(dataset, datetime(2026, 5, 1, tzinfo=UTC))["revenue_ttm"] == (1000, "EUR")
    assert known(dataset, datetime(2026, 5, 2, tzinfo=UTC))["revenue_ttm"] == (900, "EUR")


def test_a_company_that_no_longer_reports_is_unknown(dataset: Facts) -> None:
    store(dataset, "CIK7.json", json.dumps(ANSWER).encode())
    assert known(dataset, datetime(2027, 9, 1, tzinfo=UTC)) == {}
    assert known(dataset, datetime(2024, 9, 1, tzinfo=UTC)) == {}


# Apple's 10-K of 2020-10-30: diluted 3.28 a share, 2.97 the year before, net income 57,411 million
# on 274,515 of sales, 17,001,802,000 shares on the cover. The 10-Q of 2020-07-31 counts shares from
# before the split of 2020-08-31: 4,275,634,000 on the cover, 4,354,788,000 on average, diluted; the
# four quarters up to it gave 58,424 million.
def test_ratios_of_apple_are_those_that_were_public(dataset: Facts, shared_data: Path) -> None:
    name = "CIK0000320193.json"
    answer = (shared_data / "sec" / "companyfacts" / name).read_bytes()
    store(dataset, name, answer)
    prices = (shared_data / "market" / "equity_daily" / "AAPL.csv").read_text().splitlines()
    rows = [
        (1, date.fromisoformat(row["date"]), *(float(row[name]) for name in list(row)[1:]))
        for row in csv.DictReader(prices)
        if row["date"] > "2020-10-01"
    ]
    inputs = Inputs(
        [instrument(1, "AAPL", cik=320193)],
        bars(rows),
        actions((1, date(2020, 8, 31), "split", 4.0, None)),
        FiledFundamentals(dataset),
    )
    names = ["price", "market_cap", "eps_ttm", "pe_ratio", "net_margin", "eps_growth_yoy"]
    after = build(inputs, datetime(2020, 10, 31, tzinfo=UTC)).rows(names, np.array([0]))[0]
    assert list(after.values()) == pytest.approx(
        [108.86, 108.86 * 17_001_802_000, 3.28, 108.86 / 3.28, 57_411 / 274_515, 3.28 / 2.97 - 1]
    )
    before = build(inputs, datetime(2020, 10, 30, 12, tzinfo=UTC)).rows(names, np.array([0]))[0]
    eps = 58_424e6 / (4 * 4_354_788_000)
    assert list(before.values())[:4] == pytest.approx(
        [115.32, 115.32 * 4 * 4_275_634_000, eps, 115.32 / eps]
    )
