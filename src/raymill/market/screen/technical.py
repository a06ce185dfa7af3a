"""What daily bars tell of instruments: prices, volumes, performance, technical figures."""

import numpy as np
from numpy.typing import NDArray

from raymill.market.screen import indicators as of
from raymill.market.screen.columns import Numbers
from raymill.market.screen.derive import over_positive, percent
from raymill.market.screen.fields import YESTERDAY, catalogue
from raymill.market.screen.panel import NEVER, Dates, Panel, Table

YEAR_DAYS = 364  # 52 weeks
PAIRS = 252
MONTHS = {"perf_1m": 1, "perf_3m": 3, "perf_6m": 6, "perf_1y": 12}
WEEK = 7
Figures = dict[str, Numbers]


def figures(panel: Panel, periods: Numbers, benchmark: Table | None) -> Figures:
    """All fields of a panel by name, and yesterday's values of those that have any.

    periods: trading days of a year, for volatility. benchmark: closes of the benchmark on the days
    of the panel.
    """
    found = _of_windows(panel, periods) | performance(panel)
    if benchmark is not None:
        own, others = of.returns(panel.close), of.returns(benchmark)
        found["beta_1y"] = of.beta(own, others, PAIRS)
    before = _of_windows(panel.before(), periods) if panel.length > 2 else {}
    for name, table in _recursive(panel).items():
        found[name], before[name] = table[-1], table[-2]
    known = catalogue()
    shown = {f"{name}{YESTERDAY}": values for name, values in before.items() if known[name].history}
    return found | shown


def _recursive(panel: Panel) -> dict[str, Table]:
    """The figures that depend on every bar before, for all bars."""
    close, first = panel.close, panel.first
    quick, slow, away, signal = of.macd(close, first)
    return {
        "ema_12": quick,
        "ema_26": slow,
        "macd": away,
        "macd_signal": signal,
        "rsi_14": of.rsi(close, first),
        "atr_14": of.average_true_range(panel.high, panel.low, close, first),
    }


def _of_windows(panel: Panel, periods: Numbers) -> Figures:
    """The figures of the last bar that depend on so many bars before it."""
    close, volume = panel.close, panel.volume
    price, before = close[-1], close[-2]
    value = np.where(np.isnan(panel.value), close * volume, panel.value)
    average, spread = of.mean_of_last(close, 20), of.std_of_last(close, 20, 1)
    band = 2 * of.std_of_last(close, 20, 0)
    usual = of.mean_of_last(volume[:-1], 20)
    year = _of_year(panel)
    return {
        "price": price,
        "open": panel.open[-1],
        "high": panel.high[-1],
        "low": panel.low[-1],
        "prev_close": before,
        "change_abs": price - before,
        "change_pct": percent(price, before),
        "gap_pct": percent(panel.open[-1], before),
        **year,
        "pct_from_52w_high": percent(price, year["high_52w"]),
        "pct_from_52w_low": percent(price, year["low_52w"]),
        "volatility_20d": of.std_of_last(of.returns(close), 20, 1) * np.sqrt(periods),
        "volume": volume[-1],
        "avg_volume_20d": of.mean_of_last(volume, 20),
        "rel_volume": over_positive(volume[-1], usual),
        "dollar_volume": value[-1],
        "avg_dollar_volume_20d": of.mean_of_last(value, 20),
        "sma_20": average,
        "sma_50": of.mean_of_last(close, 50),
        "sma_200": of.mean_of_last(close, 200),
        "bb_upper_20_2": average + band,
        "bb_lower_20_2": average - band,
        "zscore_20": over_positive(price - average, spread),
    }


def _of_year(panel: Panel) -> Figures:
    """The extremes of the last 52 weeks, where there are bars from before them."""
    begin = panel.day[-1].astype(np.int64) - YEAR_DAYS
    is_in = panel.day > begin
    reaches = ((panel.day <= begin) & (panel.day > NEVER)).any(axis=0)
    high = np.where(is_in, panel.high, -np.inf).max(axis=0)
    low = np.where(is_in, panel.low, np.inf).min(axis=0)
    return {
        "high_52w": np.where(reaches & np.isfinite(high), high, np.nan),
        "low_52w": np.where(reaches & np.isfinite(low), low, np.nan),
    }


def performance(panel: Panel) -> Figures:
    """The change since the last close at or before a day in the past."""
    day = panel.day[-1]
    begins = {"perf_1w": day - WEEK}
    begins |= {name: months_before(day, number) for name, number in MONTHS.items()}
    years = day.astype("datetime64[D]").astype("datetime64[Y]")
    begins["perf_ytd"] = years.astype("datetime64[D]").astype(np.int32) - 1
    return {name: _since(panel, begin) for name, begin in begins.items()}


def _since(panel: Panel, begin: Dates) -> Numbers:
    place = (panel.day <= begin).sum(axis=0) - 1
    column = np.arange(panel.close.shape[1])
    close = panel.close[np.maximum(place, 0), column]
    is_there = (place >= panel.first) & (panel.first < panel.length)
    return np.where(is_there, over_positive(panel.close[-1], close) - 1, np.nan)


def months_before(day: Dates, number: int) -> Dates:
    """The same day of an earlier month, or its last one.

    >>> days = np.array(["2024-03-31"], "datetime64[D]").astype(np.int32)
    >>> str(months_before(days, 1).astype("datetime64[D]")[0])
    '2024-02-29'
    """
    days: NDArray[np.datetime64] = day.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    in_month = (days - months.astype("datetime64[D]")).astype(np.int32)
    first = (months - number).astype("datetime64[D]").astype(np.int32)
    after = (months - number + 1).astype("datetime64[D]").astype(np.int32)
    found: Dates = np.minimum(first + in_month, after - 1).astype(np.int32)
    return found
