"""Checks of facts against one another."""

import pytest

from filings.bodies import SEC, real
from filings.reports import reports, year
from raymill.filings import FACTS, extract_file
from raymill.filings.checks import check


def failed(*lines: str, **more: object) -> list[str]:
    rows = check(reports(*lines, **more)).to_pylist()
    return [row["check"] for row in rows if not row["has_passed"]]


@pytest.mark.parametrize(("whole", "expected"), [("100", []), ("110", ["balance"])])
def test_assets_are_liabilities_and_equity(whole: str, expected: list[str]) -> None:
    lines = (
        "Assets - 2024-12-31 100 10-K 2025-02-01",
        f"LiabilitiesAndStockholdersEquity - 2024-12-31 {whole} 10-K 2025-02-01",
    )
    assert failed(*lines) == expected
    (row,) = check(reports(*lines)).to_pylist()
    assert (row["expected"], row["found"], row["has_passed"]) == (float(whole), 100.0, not expected)


@pytest.mark.parametrize(("profit", "expected"), [("60", []), ("50", ["gross_profit"])])
def test_gross_profit_is_revenue_less_its_cost(profit: str, expected: list[str]) -> None:
    assert (
        failed(
            f"Revenues {year(2024)} 100 10-K 2025-02-01",
            f"CostOfRevenue {year(2024)} 40 10-K 2025-02-01",
            f"GrossProfit {year(2024)} {profit} 10-K 2025-02-01",
        )
        == expected
    )


@pytest.mark.parametrize(("total", "expected"), [("100", []), ("120", ["quarters"])])
def test_four_quarters_are_the_year(total: str, expected: list[str]) -> None:
    assert (
        failed(
            "Revenues 2024-01-01 2024-03-31 10 10-Q 2024-05-01",
            "Revenues 2024-04-01 2024-06-30 20 10-Q 2024-08-01",
            "Revenues 2024-07-01 2024-09-30 30 10-Q 2024-11-01",
            "Revenues 2024-10-01 2024-12-31 40 10-K 2025-02-01",
            f"Revenues {year(2024)} {total} 10-K 2025-02-01",
        )
        == expected
    )


def test_a_report_in_another_scale_is_found() -> None:
    lines = (
        "Assets - 2024-12-31 5000 10-Q 2025-02-01",
        "Assets - 2024-12-31 5 10-K 2025-03-01",
    )
    assert failed(*lines) == ["scale"]


def test_nothing_is_checked_of_nothing() -> None:
    assert check(FACTS.empty_table()).num_rows == 0


@real
def test_apple_told_its_shares_in_thousands_once() -> None:
    """Of 1,000 times less, in the filing of 2014-04-24; all else agrees."""
    facts = extract_file(str(SEC / "companyfacts/CIK0000320193.json")).facts
    rows = [row for row in check(facts).to_pylist() if not row["has_passed"]]
    assert [(row["check"], row["concept"], row["accession"]) for row in rows] == [
        ("scale", "us-gaap:CommonStockSharesIssued", "0001193125-14-157311"),
        ("scale", "us-gaap:CommonStockSharesOutstanding", "0001193125-14-157311"),
    ]
