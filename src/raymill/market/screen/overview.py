"""The state of the market: breadth, sums, weighted changes, the largest moves, sectors."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np

from raymill.errors import UnknownName
from raymill.market.calendar import calendar, names
from raymill.market.screen.columns import Mask, Numbers, as_cells, as_time, time_text
from raymill.market.screen.groups import (
    changes_of_caps,
    means,
    medians,
    totals,
    yields_of_caps,
)
from raymill.market.screen.market import Market
from raymill.market.screen.sectors import sector_rows
from raymill.market.screen.snapshot import Snapshot
from raymill.market.screen.values import micros

SHOWN = 10
LEAST_PRICE = 1.0
LEAST_DOLLAR_VOLUME = 1e6
STALE_US = 7 * 86_400_000_000.0  # where the calendar is not known
MOVER = ("symbol", "name", "price", "change_pct", "volume", "dollar_volume")
INDEX = ("symbol", "name", "price", "change_abs", "change_pct", "last_updated")


def overview(
    snapshot: Snapshot, now: datetime, clock: Callable[[], float] = time.perf_counter
) -> dict[str, Any]:
    """Sum a snapshot up, as JSON values. What the universe does not tell is null, never 0.

    Indices are listed and not counted; the cap of a company counts once.
    """
    begun = clock()
    market = snapshot.once("market", lambda: Market.of(snapshot))
    found = {
        "as_of": time_text(snapshot.as_of),
        "last_updated": _newest(market) or time_text(snapshot.as_of),
        "snapshot": snapshot.id,
        "venues": list(snapshot.words("venue").words),
        "sessions": _sessions(snapshot, now),
        **_counts(market),
        **_breadth(market),
        **_sums(market),
        **_movers(market),
        "indices": _indices(snapshot),
        "sectors": sector_rows(market),
    }
    return found | {"scan_ms": round((clock() - begun) * 1e3, 4)}


def _newest(market: Market) -> str | None:
    values = market.column("last_updated")
    known = values[~np.isnan(values)]
    return as_time(float(known.max())) if len(known) else None


def _sessions(snapshot: Snapshot, now: datetime) -> dict[str, dict[str, Any]]:
    """What each calendar of the universe does now; all that are known where it tells none."""
    found = {}
    for name in snapshot.words("calendar").words or names():
        try:
            session = calendar(name).session(now)
        except UnknownName:
            found[name] = {"state": "unknown", "next_change": None, "next_state": None}
            continue
        change = session.next_change
        found[name] = {
            "state": session.state,
            "next_change": None if change is None else time_text(change),
            "next_state": session.next_state,
        }
    return found


def _counts(market: Market) -> dict[str, Any]:
    priced = ~np.isnan(market.price)
    count = len(market.places)
    return {
        "total_stocks": count,
        "instruments_total": count,
        "with_price": int(np.count_nonzero(priced)),
        "stale": _stale(market, priced),
    }


def _stale(market: Market, priced: Mask) -> int | None:
    """Prices from before the last session that was over; without a calendar, older than a week."""
    if not market.has("last_updated"):
        return None
    updated, as_of = market.column("last_updated"), market.snapshot.as_of
    words = market.snapshot.words("calendar")
    least = [micros(as_of) - STALE_US]
    for name in words.words:
        close = calendar(name).last_close(as_of) if name in names() else None
        least.append(least[0] if close is None else micros(close))
    bounds = np.array(least)[words.codes[market.places] + 1]
    return int(np.count_nonzero(priced & (updated < bounds)))


def _breadth(market: Market) -> dict[str, Any]:
    change, price = market.change, market.price
    high = _else(market.column("high"), price)
    low = _else(market.column("low"), price)
    has, volume = market.has, market.volume
    moved = has("change_pct") and has("volume")
    return {
        "advancers": _number(change > 0, has("change_pct")),
        "decliners": _number(change < 0, has("change_pct")),
        "unchanged": _number(change == 0, has("change_pct")),
        "new_highs_52w": _number(high >= market.column("high_52w"), has("high_52w")),
        "new_lows_52w": _number(low <= market.column("low_52w"), has("low_52w")),
        "up_volume": float(np.nansum(volume[change > 0])) if moved else None,
        "down_volume": float(np.nansum(volume[change < 0])) if moved else None,
    }


def _else(values: Numbers, others: Numbers) -> Numbers:
    return np.where(np.isnan(values), others, values)


def _number(mask: Mask, is_told: bool) -> int | None:
    return int(np.count_nonzero(mask)) if is_told else None


def _sums(market: Market) -> dict[str, Any]:
    price, cap, change = market.price, market.cap, market.change
    return {
        "total_volume": _figure(totals, market.volume),
        "total_dollar_volume": _figure(totals, market.dollar_volume),
        "total_market_cap": _figure(totals, cap),
        "average_price": _figure(means, price),
        "median_price": _figure(medians, price),
        "price_range": _range(price),
        "market_cap_range": _range(cap),
        "cap_weighted_change_pct": _figure(changes_of_caps, cap, change),
        "equal_weighted_change_pct": _figure(means, change),
        "median_pe": _figure(medians, market.pe),
        "cap_weighted_dividend_yield": _figure(yields_of_caps, cap, market.dividend_yield),
        "unknown_dividend_yields": int(np.count_nonzero(np.isnan(market.dividend_yield))),
    }


def _figure(figure: Callable[..., Numbers], *columns: Numbers) -> float | None:
    """A figure of the whole market, which is one group."""
    if not len(columns[0]):
        return None
    found: float | None = as_cells(figure(*columns, np.zeros(1, np.intp)), "number")[0]
    return found


def _range(values: Numbers) -> dict[str, float | None]:
    known = values[~np.isnan(values)]
    least, most = (float(known.min()), float(known.max())) if len(known) else (None, None)
    return {"min": least, "max": most}


def _movers(market: Market) -> dict[str, Any]:
    """Ten each, of instruments that cost at least 1 and of which enough is traded."""
    name = "avg_dollar_volume_20d" if market.has("avg_dollar_volume_20d") else "dollar_volume"
    liquid = (market.price >= LEAST_PRICE) & (market.column(name) >= LEAST_DOLLAR_VOLUME)
    moved, traded = (market.has(name) and market.has(one) for one in ("change_pct", "volume"))
    change, volume = market.change, market.volume
    return {
        "gainers": _top(market, -change, liquid & (change > 0)) if moved else None,
        "losers": _top(market, change, liquid & (change < 0)) if moved else None,
        "most_active": _top(market, -volume, liquid & (volume > 0)) if traded else None,
    }


def _top(market: Market, values: Numbers, mask: Mask) -> list[dict[str, Any]]:
    """The rows with the least values; of equal ones the larger company, then the symbol."""
    chosen = np.flatnonzero(mask)
    if len(chosen) > SHOWN:
        bound = np.partition(values[chosen], SHOWN - 1)[SHOWN - 1]
        chosen = chosen[values[chosen] <= bound]
    caps = np.nan_to_num(market.column("market_cap")[chosen], nan=-1.0)
    order = np.lexsort((market.places[chosen], -caps, values[chosen]))[:SHOWN]
    return market.snapshot.rows(MOVER, market.places[chosen[order]])


def _indices(snapshot: Snapshot) -> list[dict[str, Any]]:
    classes = snapshot.words("asset_class")
    places = np.flatnonzero(classes.codes == classes.code("index"))
    return snapshot.rows(INDEX, places)
