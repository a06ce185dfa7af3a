"""What companies reported, as it was public at a moment, and the ratios that follow from it.

Who knows it is handed in. All rows of a company are of one period, the newest; those of the year
before end in `_year_ago`, sums of four quarters in `_ttm`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from raymill import arrow
from raymill.market.screen.columns import Numbers, to_numbers
from raymill.market.screen.derive import over_positive, ratio

_FIELDS: list["pa.Field[Any]"] = [
    pa.field("cik", pa.int64()),
    pa.field("name", pa.string()),
    pa.field("value", pa.float64()),
    pa.field("currency", pa.string()),  # null for counts
    pa.field("period_end", pa.date32()),
    pa.field("public", pa.date32()),  # the day it was filed
]
KNOWN = pa.schema(_FIELDS)

FLOWS = (
    *("revenue", "gross_profit", "operating_income", "net_income", "depreciation_amortization"),
    *("dividends_paid",),
)
BALANCES = (
    *("assets", "equity", "current_assets", "current_liabilities", "short_term_debt"),
    *("long_term_debt", "cash"),
)
NAMES = (
    *(f"{name}_ttm" for name in FLOWS),
    *BALANCES,
    *("eps_diluted", "average_shares_diluted", "shares_outstanding"),
    *("revenue_ttm_year_ago", "net_income_ttm_year_ago"),
    *("eps_diluted_year_ago", "average_shares_diluted_year_ago"),
)
PER_SHARE = ("eps_diluted", "eps_diluted_year_ago")
SHARES = ("average_shares_diluted", "average_shares_diluted_year_ago", "shares_outstanding")


class Fundamentals(Protocol):
    """Knows what companies had reported at a moment."""

    def known(self, ciks: Sequence[int], as_of: datetime) -> pa.Table:
        """Rows of `KNOWN`; nothing that became public after the moment. Names are of `NAMES`."""


@dataclass(frozen=True)
class Reported:
    """Figures by name, one for each instrument: NaN where unknown.

    `rate` is what one unit of the company's currency is in USD, `public` the day of each figure.
    """

    values: Mapping[str, Numbers]
    public: Mapping[str, Numbers]
    rate: Numbers

    def __getitem__(self, name: str) -> Numbers:
        return self.values[name]


def reported(table: pa.Table, ciks: Sequence[int | None], rates: Mapping[str, float]) -> Reported:
    """Set the rows of companies beside the instruments that are theirs."""
    places: dict[int | None, list[int]] = {}
    for at, cik in enumerate(ciks):
        if cik is not None:
            places.setdefault(cik, []).append(at)
    count = len(ciks)
    values, public = (
        {name: np.full(count, np.nan) for name in NAMES} for _ in ("values", "public")
    )
    rate = np.full(count, np.nan)
    days = to_numbers(arrow.combine(table["public"]))
    for row, day in zip(table.to_pylist(), days, strict=True):
        rows = places.get(row["cik"], [])
        if row["name"] in values and row["value"] is not None:
            values[row["name"]][rows], public[row["name"]][rows] = row["value"], day
        if row["currency"] is not None:
            rate[rows] = rates.get(row["currency"], np.nan)
    return Reported(values, public, rate)


def ratios(
    found: Reported, price: Numbers, price_rate: Numbers, splits: Mapping[str, Numbers]
) -> dict[str, Numbers]:
    """Valuation and quality of companies, by field.

    price_rate: what one unit of a price's currency is in USD. splits: by name of a figure, how many
    shares of now a share of then is.
    """
    value = dict(found.values)
    for name in SHARES:
        value[name] = value[name] * splits[name]
    for name in PER_SHARE:
        value[name] = value[name] / splits[name]
    rate = found.rate
    own_rate = ratio(rate, price_rate)
    income, revenue, equity = value["net_income_ttm"], value["revenue_ttm"], value["equity"]
    eps = _eps(value, "") * own_rate
    eps_before = _eps(value, "_year_ago") * own_rate
    cap = price * price_rate * value["shares_outstanding"]
    debt = _sum_of_known(value["short_term_debt"], value["long_term_debt"])
    profit = value["operating_income_ttm"] + value["depreciation_amortization_ttm"]
    return {
        "market_cap": cap,
        "eps_ttm": eps,
        "earnings_ttm": income * rate,
        "pe_ratio": over_positive(price, eps),
        "ps_ratio": over_positive(cap, revenue * rate),
        "pb_ratio": ratio(cap, equity * rate),
        "ev_ebitda": over_positive(cap + (debt - value["cash"]) * rate, profit * rate),
        "payout_ratio": over_positive(value["dividends_paid_ttm"], income),
        "roe": over_positive(income, equity),
        "roa": over_positive(income, value["assets"]),
        "gross_margin": over_positive(value["gross_profit_ttm"], revenue),
        "operating_margin": over_positive(value["operating_income_ttm"], revenue),
        "net_margin": over_positive(income, revenue),
        "debt_to_equity": over_positive(debt, equity),
        "current_ratio": over_positive(value["current_assets"], value["current_liabilities"]),
        "revenue_growth_yoy": over_positive(revenue, value["revenue_ttm_year_ago"]) - 1,
        "eps_growth_yoy": over_positive(eps, eps_before) - 1,
        "dividend_yield": over_positive(value["dividends_paid_ttm"] * rate, cap),
    }


def _eps(value: Mapping[str, Numbers], when: str) -> Numbers:
    """As reported for a fiscal year, else net income over the newest average of shares."""
    made = over_positive(value[f"net_income_ttm{when}"], value[f"average_shares_diluted{when}"])
    told = value[f"eps_diluted{when}"]
    return np.where(np.isnan(told), made, told)


def _sum_of_known(left: Numbers, right: Numbers) -> Numbers:
    nothing = np.isnan(left) & np.isnan(right)
    return np.where(nothing, np.nan, np.nan_to_num(left) + np.nan_to_num(right))
