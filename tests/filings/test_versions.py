"""Versions of observations; the cases of Apple are those of the data's README and the contract."""

from datetime import date

import pyarrow as pa
import pytest

from filings.bodies import APPLE, SEC, real
from filings.reports import reports, values, year
from raymill.filings import FACTS, extract_file
from raymill.filings.versions import as_of, latest, restatements, versions


@pytest.fixture(scope="module")
def apple() -> pa.Table:
    return extract_file(str(SEC / "companyfacts/CIK0000320193.json")).facts


TWO = reports(
    f"Revenues {year(2023)} 100 10-K 2024-02-01",
    f"Revenues {year(2024)} 120 10-K 2025-02-01",
    f"Revenues {year(2023)} 90 10-K/A 2025-03-01",
)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2024, 1, 31), []),
        (date(2024, 2, 1), ["100"]),
        (date(2025, 2, 1), ["100", "120"]),
        # the restatement of the older year does not hide the newer year
        (date(2025, 3, 1), ["90", "120"]),
        (None, ["90", "120"]),
    ],
)
def test_as_of_gives_what_was_known_at_the_end_of_a_day(
    day: date | None, expected: list[str]
) -> None:
    assert as_of(TWO, day)["value_text"].to_pylist() == expected


def test_the_order_of_the_rows_is_of_no_account() -> None:
    turned = pa.concat_tables([TWO.slice(2), TWO.slice(0, 2)])
    assert as_of(turned)["value_text"].to_pylist() == ["90", "120"]


def test_no_version_is_dropped() -> None:
    found = versions(TWO)
    assert found["value_text"].to_pylist() == ["100", "90", "120"]
    assert found["version"].to_pylist() == [1, 2, 1]


def test_a_restatement_says_what_was_reported_before() -> None:
    (row,) = restatements(TWO).to_pylist()
    assert (row["value_text"], row["previous_value_text"]) == ("90", "100")
    assert row["previous_filed"] == date(2024, 2, 1)


def test_of_one_filing_the_number_with_the_most_decimals_holds() -> None:
    rounded, exact, unknown = (
        reports(f"Revenues {year(2023)} {text} 10-K 2024-02-01", decimals=decimals)
        for text, decimals in (("1200", -2), ("1234", 0), ("1000", None))
    )
    for order in ([rounded, exact, unknown], [exact, unknown, rounded]):
        facts = pa.concat_tables(order)
        assert as_of(facts)["value_text"].to_pylist() == ["1234"]
        assert versions(facts).num_rows == 1


def test_another_rounding_is_no_restatement() -> None:
    lines = (
        f"Revenues {year(2023)} 1234 10-K 2024-02-01",
        f"Revenues {year(2023)} 1200 10-K 2025-02-01",
    )
    exact, rounded = (
        reports(line, decimals=decimals) for line, decimals in zip(lines, (0, -2), strict=True)
    )
    assert restatements(pa.concat_tables([exact, rounded])).num_rows == 0
    assert restatements(reports(*lines)).num_rows == 1  # decimals are unknown


def test_units_dimensions_and_periods_are_observations_of_their_own() -> None:
    line = f"Revenues {year(2023)} 5 10-K 2024-02-01"
    tables = [
        reports(line),
        reports(line, unit="EUR"),
        reports(line, dims=[("a:Axis", "a:OneMember")]),
        reports(line, dims=[("a:Axis", "a:TwoMember")]),
        reports(line, cik=2),
        reports("Revenues - 2023-12-31 5 10-K 2024-02-01"),
    ]
    assert latest(pa.concat_tables(tables)).num_rows == len(tables)


def test_a_fact_whose_day_is_unknown_is_part_of_no_day() -> None:
    facts = reports(f"Revenues {year(2023)} 5 10-K 2024-02-01", filed=None)
    assert as_of(facts, date(2099, 1, 1)).num_rows == 0
    assert as_of(facts).num_rows == 1


def test_nothing_is_known_of_nothing() -> None:
    empty = FACTS.empty_table()
    assert as_of(empty).num_rows == versions(empty).num_rows == restatements(empty).num_rows == 0


@real
def test_apple_has_2846_observations_and_166_of_them_with_several_values(apple: pa.Table) -> None:
    """The counts of the data's README."""
    assert latest(apple).num_rows == 2846
    rows = restatements(apple).to_pylist()
    keys = {(row["concept"], row["unit"], row["start"], row["end"]) for row in rows}
    assert len(keys) == 166


@real
@pytest.mark.parametrize(
    ("day", "income", "revenue"),
    [
        ("2009-10-26", None, None),
        ("2009-10-27", "5704000000", "36537000000"),
        ("2010-01-24", "5704000000", "36537000000"),
        ("2010-01-25", "8235000000", "42905000000"),
        ("2026-03-21", "8235000000", "42905000000"),
    ],
)
def test_fiscal_2009_of_apple_as_it_was_known(
    apple: pa.Table, day: str, income: str | None, revenue: str | None
) -> None:
    rows = as_of(apple, date.fromisoformat(day)).to_pylist()
    year_2009 = date(2008, 9, 28), date(2009, 9, 26)
    found = {r["concept"]: r["value_text"] for r in rows if (r["start"], r["end"]) == year_2009}
    assert found.get("NetIncomeLoss") == income
    assert found.get("SalesRevenueNet") == revenue


@real
def test_a_split_of_shares_changes_earnings_per_share(apple: pa.Table) -> None:
    year_2019 = date(2018, 9, 30), date(2019, 9, 28)
    texts = [
        row["value_text"]
        for row in versions(apple).to_pylist()
        if row["concept"] == "EarningsPerShareDiluted" and (row["start"], row["end"]) == year_2019
    ]
    assert texts == ["11.89", "2.97", "2.97"]


@real
def test_the_apple_10q_does_not_contradict_itself() -> None:
    facts = extract_file(str(SEC / APPLE)).facts
    assert restatements(facts).num_rows == 0
    assert values(as_of(facts, date(2025, 5, 2))) == []  # the page does not say when it was filed
