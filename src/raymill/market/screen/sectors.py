"""A row for each sector, the unknown one included."""

from typing import Any

import numpy as np

from raymill.market.screen.columns import Numbers, as_cells
from raymill.market.screen.groups import (
    aggregate_pes,
    changes_of_caps,
    counts,
    leasts,
    means,
    medians,
    totals,
    yields_of_caps,
)
from raymill.market.screen.market import Market


def sector_rows(market: Market) -> dict[str, dict[str, Any]]:
    """The sectors by name, the largest first; `Unknown` is where none is told."""
    if not len(market):
        return {}
    columns = {"sector": market.sectors} | _figures(market)
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    rows.sort(key=lambda row: (-(row["market_cap"] or 0.0), row["sector"]))
    return {row["sector"]: row for row in rows}


def _figures(market: Market) -> dict[str, list[Any]]:
    starts, cap, change = market.starts, market.cap, market.change
    caps = totals(cap, starts)
    shares = caps / np.nansum(caps) if np.nansum(caps) > 0 else np.full(len(caps), np.nan)
    moved = market.has("change_pct")
    nothing = [None] * len(starts)
    return {
        "count": np.diff(starts, append=len(market)).tolist(),
        "with_price": counts(~np.isnan(market.price), starts).tolist(),
        "market_cap": _cells(caps),
        "total_market_cap": _cells(caps),
        "share_of_market_cap": _cells(shares),
        "cap_weighted_change_pct": _cells(changes_of_caps(cap, change, starts)),
        "equal_weighted_change_pct": _cells(means(change, starts)),
        "median_change_pct": _cells(medians(change, starts)),
        "advancers": counts(change > 0, starts).tolist() if moved else nothing,
        "decliners": counts(change < 0, starts).tolist() if moved else nothing,
        "volume": _cells(totals(market.volume, starts)),
        "dollar_volume": _cells(totals(market.dollar_volume, starts)),
        "aggregate_pe": _cells(aggregate_pes(cap, market.earnings, starts)),
        "median_pe": _cells(medians(market.pe, starts)),
        "cap_weighted_dividend_yield": _cells(yields_of_caps(cap, market.dividend_yield, starts)),
        "unknown_dividend_yields": counts(np.isnan(market.dividend_yield), starts).tolist(),
        "leader": _firsts(market, -change),
        "laggard": _firsts(market, change),
    }


def _cells(values: Numbers) -> list[Any]:
    return as_cells(values, "number")


def _firsts(market: Market, values: Numbers) -> list[dict[str, Any] | None]:
    """The instrument of each sector with the least value, of equal ones the first symbol."""
    found = leasts(values, market.starts)
    rows = market.snapshot.rows(("symbol", "change_pct"), market.places[found])
    return [row if place >= 0 else None for row, place in zip(rows, found, strict=True)]
