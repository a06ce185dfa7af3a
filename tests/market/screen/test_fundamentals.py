"""Valuation and quality out of reports, worked out by hand; what is unknown stays so."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from market.screen.barmaking import actions, bars, closes, instrument
from raymill.market.screen.build import Inputs, build
from raymill.market.screen.fundamentals import KNOWN

END, PUBLIC = date(2025, 12, 31), date(2026, 2, 1)
AS_OF = datetime(2026, 3, 1, tzinfo=UTC)
REPORT = {
    "revenue_ttm": 1000.0,
    "gross_profit_ttm": 400.0,
    "operating_income_ttm": 150.0,
    "depreciation_amortization_ttm": 50.0,
    "net_income_ttm": 100.0,
    "dividends_paid_ttm": 25.0,
    "assets": 2000.0,
    "equity": 500.0,
    "current_assets": 300.0,
    "current_liabilities": 200.0,
    "long_term_debt": 260.0,
    "cash": 60.0,
    "average_shares_diluted": 50.0,
    "shares_outstanding": 40.0,
    "revenue_ttm_year_ago": 800.0,
    "net_income_ttm_year_ago": 40.0,
    "average_shares_diluted_year_ago": 50.0,
}
COUNTS = ("average_shares_diluted", "shares_outstanding", "average_shares_diluted_year_ago")


class Reports:
    """Hands out what is written down."""

    def __init__(self, *companies: Mapping[str, float], currency: str = "USD") -> None:
        self.asked: list[tuple[Sequence[int], datetime]] = []
        self._rows = [
            {
                "cik": cik,
                "name": name,
                "value": value,
                "currency": None if name in COUNTS else currency,
                "period_end": END,
                "public": PUBLIC,
            }
            for cik, company in enumerate(companies, start=1)
            for name, value in company.items()
        ]

    def known(self, ciks: Sequence[int], as_of: datetime) -> pa.Table:
        """Everything, whoever asks."""
        self.asked.append((ciks, as_of))
        return pa.Table.from_pylist(self._rows, KNOWN)


def screened(reports: Reports, split: pa.Table | None = None, **how: Any) -> dict[str, Any]:
    """The row of a company whose share costs 25."""
    rows = bars(closes(1, [date(2026, 2, 26), date(2026, 2, 27)], [25.0, 25.0]))
    inputs = Inputs([instrument(1, "AAA", cik=1)], rows, split, reports, **how)
    snapshot = build(inputs, AS_OF)
    return snapshot.rows(snapshot.table.column_names, np.array([0]))[0]


RATIOS = {
    "market_cap": 1000.0,  # 25 x 40
    "eps_ttm": 2.0,  # 100 / 50
    "earnings_ttm": 100.0,
    "pe_ratio": 12.5,
    "ps_ratio": 1.0,
    "pb_ratio": 2.0,
    "ev_ebitda": 6.0,  # (1000 + 260 - 60) / (150 + 50)
    "payout_ratio": 0.25,
    "roe": 0.2,
    "roa": 0.05,
    "gross_margin": 0.4,
    "operating_margin": 0.15,
    "net_margin": 0.1,
    "debt_to_equity": 0.52,
    "current_ratio": 1.5,
    "revenue_growth_yoy": 0.25,
    "eps_growth_yoy": 1.5,  # 2 over 0.8
    "peg": 12.5 / 150,
    "dividend_yield": 0.025,
    "dividend_yield_pct": 2.5,
}


def test_ratios_follow_from_what_was_reported() -> None:
    reports = Reports(REPORT)
    row = screened(reports)
    assert {name: row[name] for name in RATIOS} == {
        name: pytest.approx(value) for name, value in RATIOS.items()
    }
    assert reports.asked == [([1], AS_OF)]


def test_earnings_per_share_of_a_fiscal_year_are_taken_as_reported() -> None:
    row = screened(Reports(REPORT | {"eps_diluted": 1.25, "eps_diluted_year_ago": 1.0}))
    assert (row["eps_ttm"], row["pe_ratio"]) == (1.25, 20.0)
    assert row["eps_growth_yoy"] == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("name", "value", "unknown"),
    [
        ("net_income_ttm", -5.0, ["pe_ratio", "payout_ratio", "peg"]),
        ("net_income_ttm", 0.0, ["pe_ratio", "payout_ratio", "peg"]),
        ("equity", -500.0, ["roe", "debt_to_equity"]),
        ("operating_income_ttm", -60.0, ["ev_ebitda"]),
        ("net_income_ttm_year_ago", -40.0, ["eps_growth_yoy", "peg"]),
        ("revenue_ttm", 0.0, ["ps_ratio", "gross_margin", "operating_margin", "net_margin"]),
    ],
)
def test_a_ratio_over_what_is_not_above_zero_is_unknown(
    name: str, value: float, unknown: list[str]
) -> None:
    row = screened(Reports(REPORT | {name: value}))
    assert {one: row[one] for one in unknown} == dict.fromkeys(unknown)


def test_a_negative_book_gives_a_negative_ratio() -> None:
    assert screened(Reports(REPORT | {"equity": -500.0}))["pb_ratio"] == -2.0


def test_what_was_not_reported_makes_unknown_what_follows_from_it() -> None:
    row = screened(Reports({"net_income_ttm": 100.0, "average_shares_diluted": 50.0}))
    assert (row["eps_ttm"], row["pe_ratio"], row["earnings_ttm"]) == (2.0, 12.5, 100.0)
    rest = set(RATIOS) - {"eps_ttm", "pe_ratio", "earnings_ttm"}
    assert {row[name] for name in rest} == {None}


# The report of 2026-02-01 counts shares before the split in two of 2026-02-20.
def test_shares_that_were_reported_before_a_split_are_multiplied() -> None:
    split = actions((1, date(2026, 2, 20), "split", 2.0, None))
    row = screened(Reports(REPORT | {"eps_diluted": 2.0}), split)
    assert (row["market_cap"], row["eps_ttm"], row["pe_ratio"]) == (2000.0, 1.0, 25.0)
    for day in (date(2026, 1, 20), PUBLIC):
        before = actions((1, day, "split", 2.0, None))
        assert screened(Reports(REPORT), before)["market_cap"] == 1000.0


def test_reports_in_another_currency_are_converted_or_unknown() -> None:
    rates = {"USD": 1.0, "EUR": 1.25}
    row = screened(Reports(REPORT, currency="EUR"), rates=rates)
    assert (row["eps_ttm"], row["pe_ratio"], row["market_cap"]) == (2.5, 10.0, 1000.0)
    assert (row["earnings_ttm"], row["ps_ratio"], row["net_margin"]) == (125.0, 0.8, 0.1)
    row = screened(Reports(REPORT, currency="JPY"), rates=rates)
    assert (row["eps_ttm"], row["pe_ratio"], row["market_cap"], row["net_margin"]) == (
        *(None, None, 1000.0, 0.1),
    )


def test_without_reports_the_universe_has_no_such_columns() -> None:
    rows = bars(closes(1, [date(2026, 2, 27)], [25.0]))
    found = build(Inputs([instrument(1, "AAA")], rows), AS_OF)
    assert not found.has("pe_ratio")
    assert not found.has("market_cap")
    assert not found.has("beta_1y")
