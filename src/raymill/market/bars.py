"""Tables of bars (`market.schemas.BAR`): checked, built from trades or smaller bars, filled up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill import arrow
from raymill.errors import ConfigError
from raymill.market.interval import DAY_US, Interval, Times, interval
from raymill.market.invariants import REASONS, Columns, faults
from raymill.market.prices import Prices
from raymill.market.schemas import BAR, Adjusted
from raymill.market.sessions import Days

Fill: TypeAlias = Literal["none", "previous"]
PRICES = ("open", "high", "low", "close")
_LAST = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Checked:
    """Bars that hold, and those that do not, each with a `reason`."""

    good: pa.Table
    quarantined: pa.Table


def checked(bars: pa.Table, now_us: int | None = None) -> Checked:
    """Tell bars that fulfil the invariants from those that do not.

    Nothing is repaired. A bar that says it is closed must have ended by `now_us`.
    """
    codes = np.zeros(bars.num_rows, np.uint8)
    names = arrow.to_numpy(arrow.dictionary_decode(bars["interval"]))
    columns, whose = _columns(bars), _whose(bars)
    closed = arrow.to_numpy(bars["closed"]).astype(bool)
    for name in set(names.tolist()):
        for is_closed in (True, False):
            rows = np.flatnonzero((names == name) & (closed == is_closed))
            now = now_us if is_closed else None
            codes[rows] = faults(columns.take(rows), interval(name), now, whose[rows])
    bad = arrow.keep_rows(bars, codes > 0)
    reasons = arrow.array([REASONS[code] for code in codes[codes > 0]], pa.string())
    return Checked(arrow.keep_rows(bars, codes == 0), arrow.with_column(bad, "reason", reasons))


def bars_of_trades(
    trades: pa.Table, every: str, *, known_until_us: int | None = None, days: Days | None = None
) -> pa.Table:
    """Build bars from trades (`market.schemas.TRADE`).

    Open and close are the first and last trade by time and number. A bar is closed if it ends by
    `known_until_us`, up to which all trades are known; by default all but the last of each
    instrument are. Where nothing was traded there is no bar. `days`: the sessions of which bars of
    a day and longer are made; days of UTC, if not given.
    """
    one = interval(every)
    trades, days = _in_sessions(trades, one, days)
    whose, times = _whose(trades), _times(trades["ts"])
    numbers = arrow.to_numpy(arrow.fill_null(trades["trade_id"], _LAST)).astype(np.int64)
    order = np.lexsort((numbers, times, whose))
    whose, times = whose[order], times[order]
    price, size = (_floats(trades[name])[order] for name in ("price", "size"))
    starts = _starts(one, times, days)
    firsts = _firsts(whose, starts)
    quote = _summed(price * size, firsts)
    volume = _summed(size, firsts)
    made = _shape((price,) * 4, firsts) | {
        "volume": volume,
        "quote_volume": quote,
        "trades": np.diff(np.append(firsts, len(price))),
        "vwap": _per(quote, volume),
    }
    ends = _ends(one, starts[firsts], days)
    closed = _closed(whose[firsts], ends, known_until_us)
    sources = arrow.take(trades["source"], order[firsts])
    return _table(whose[firsts], every, starts[firsts], made, closed, "raw", sources)


def resampled(
    bars: pa.Table, every: str, *, known_until_us: int | None = None, days: Days | None = None
) -> pa.Table:
    """Build larger bars from smaller ones of one interval and one adjustment.

    A bar is closed as `bars_of_trades` says it, and if all that it is built from are; `days` as
    there. Raises ConfigError where the smaller bars do not fit into the larger ones.
    """
    if not bars.num_rows:
        return bars
    one, smaller = interval(every), _only_interval(bars)
    if not one.holds(smaller):
        raise ConfigError(
            f"Bars of {every} cannot be built from bars of {smaller.name}",
            hint="an interval is built from one that divides it",
        )
    if days is not None:
        days = None if smaller.is_daily else replace(days, length_us=smaller.length_us)
    bars, days = _in_sessions(bars, one, days)
    if not bars.num_rows:
        return bars
    whose, times = _whose(bars), _times(bars["ts"])
    order = np.lexsort((times, whose))
    whose, times = whose[order], times[order]
    starts = _starts(one, times, days)
    firsts = _firsts(whose, starts)
    shape = _shape([_floats(bars[name])[order] for name in PRICES], firsts)
    sums = {
        name: _summed(_floats(bars[name])[order], firsts)
        for name in ("volume", "quote_volume", "trades")
    }
    vwap = _per(sums["quote_volume"], sums["volume"])
    whole = np.minimum.reduceat(arrow.to_numpy(bars["closed"]).astype(bool)[order], firsts)
    ends = _ends(one, starts[firsts], days)
    if known_until_us is None:
        known_until_us = int(smaller.ends(times).max())
    closed = whole & _closed(whose[firsts], ends, known_until_us)
    sources = arrow.take(bars["source"], order[firsts])
    adjusted: Any = arrow.dictionary_decode(bars["adj"])[0].as_py()
    made = shape | sums | {"vwap": vwap}
    return _table(whose[firsts], every, starts[firsts], made, closed, adjusted, sources)


def _in_sessions(rows: pa.Table, one: Interval, days: Days | None) -> tuple[pa.Table, Days | None]:
    """What was traded in sessions, where days are made of these."""
    if days is None or not one.is_daily:
        return rows, None
    _, inside = days.of(_times(rows["ts"]))
    return arrow.keep_rows(rows, inside), days


def _starts(one: Interval, times: Times, days: Days | None) -> Times:
    return one.starts(times if days is None else days.of(times)[0])


def _ends(one: Interval, starts: Times, days: Days | None) -> Times:
    ends = one.ends(starts)
    return ends if days is None else days.ends(ends - DAY_US)


def filled(bars: pa.Table, fill: Fill = "previous", days: Days | None = None) -> pa.Table:
    """Add bars where nothing was traded, between the first and the last of each instrument.

    Such a bar has the close before it as all its prices, and no volume. `days` leaves out times in
    which nothing is ever traded. For readers alone: what is stored has no made bars.
    """
    if fill == "none" or not bars.num_rows:
        return bars
    one = _only_interval(bars)
    whose, times = _whose(bars), _times(bars["ts"])
    order = np.lexsort((times, whose))
    rows, places, starts = _grid(one, whose[order], times[order])
    is_made = times[order][rows] != starts
    if days is not None:
        stays = ~is_made | days.expects(starts, one)
        rows, places, starts, is_made = (x[stays] for x in (rows, places, starts, is_made))
    taken = arrow.take_rows(bars, order[rows])
    made: dict[str, Any] = {name: _floats(taken[name]) for name in PRICES}
    for name in ("open", "high", "low"):
        made[name] = np.where(is_made, made["close"], made[name])
    for name in ("volume", "quote_volume", "trades"):
        made[name] = np.where(is_made, 0.0, _floats(taken[name]))
    made["vwap"] = np.where(is_made, np.nan, _floats(taken["vwap"]))
    closed = arrow.to_numpy(taken["closed"]).astype(bool) | is_made
    adjusted: Any = arrow.dictionary_decode(bars["adj"])[0].as_py()
    return _table(places, one.name, starts, made, closed, adjusted, taken["source"])


def prices_of(bars: pa.Table, symbol: str) -> Prices:
    """The closed bars of one instrument as a run wants them. Raises ConfigError, DataError."""
    closed = arrow.keep_rows(bars, bars["closed"])
    if len(found := set(_whose(closed).tolist())) > 1:
        raise ConfigError(f"Bars of {len(found)} instruments, where `{symbol}` is wanted")
    if not closed.num_rows:
        raise ConfigError(f"There is no closed bar of `{symbol}`")
    _only_interval(closed)
    adjusted: Any = arrow.dictionary_decode(closed["adj"])[0].as_py()
    columns = _columns(closed)
    return Prices(symbol, *columns.take(np.argsort(columns.ts, kind="stable")), adjusted)


def _grid(
    one: Interval, whose: NDArray[np.int32], times: Times
) -> tuple[NDArray[np.int64], NDArray[np.int32], Times]:
    """For each bar of the filled table the row it is taken from, its instrument and its start."""
    rows, owners, starts = [], [], []
    edges = np.flatnonzero(np.diff(whose, prepend=whose[0] - 1))
    for begin, end in zip(edges, [*edges[1:], len(whose)], strict=True):
        grid = _steps(one, times[begin], times[end - 1])
        starts.append(grid)
        rows.append(begin + np.searchsorted(times[begin:end], grid, side="right") - 1)
        owners.append(np.full(len(grid), whose[begin], np.int32))
    return np.concatenate(rows), np.concatenate(owners), np.concatenate(starts)


def _steps(one: Interval, first: int, last: int) -> Times:
    if not one.is_month:
        return np.arange(first, last + 1, one.length_us)
    edges = np.array([first, last]).astype("datetime64[us]").astype("datetime64[M]")
    months = np.arange(edges[0], edges[1] + 1)
    return months.astype("datetime64[us]").astype(np.int64)


def _only_interval(bars: pa.Table) -> Interval:
    found = arrow.unique(arrow.dictionary_decode(bars["interval"])).to_pylist()
    if len(found) != 1:
        raise ConfigError(f"Bars of several intervals: {', '.join(map(str, found))}")
    return interval(str(found[0]))


def _columns(bars: pa.Table) -> Columns:
    return Columns(_times(bars["ts"]), *(_floats(bars[name]) for name in (*PRICES, "volume")))


def _whose(rows: pa.Table) -> NDArray[np.int32]:
    return np.asarray(arrow.to_numpy(rows["instrument_id"]), np.int32)


def _times(column: Any) -> Times:
    return np.asarray(arrow.to_numpy(arrow.cast(column, pa.int64())), np.int64)


def _floats(column: Any) -> NDArray[np.float64]:
    return np.asarray(arrow.to_numpy(arrow.cast(column, pa.float64())), np.float64)


def _firsts(whose: NDArray[np.int32], starts: Times) -> NDArray[np.int64]:
    """Where each bar begins among rows in the order of instrument and time."""
    if not len(starts):
        return np.zeros(0, np.int64)
    differs = (np.diff(starts) != 0) | (np.diff(whose) != 0)
    return np.append(0, np.flatnonzero(differs) + 1)


def _shape(
    prices: Sequence[NDArray[np.float64]], firsts: NDArray[np.int64]
) -> dict[str, NDArray[np.float64]]:
    """The prices of bars out of the columns open, high, low, close of what they hold."""
    first, high, low, last = prices
    if not len(firsts):
        return dict.fromkeys(PRICES, first)
    lasts = np.append(firsts[1:], len(last)) - 1
    return {
        "open": first[firsts],
        "high": np.maximum.reduceat(high, firsts),
        "low": np.minimum.reduceat(low, firsts),
        "close": last[lasts],
    }


def _summed(values: NDArray[np.float64], firsts: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.add.reduceat(values, firsts) if len(firsts) else values


def _per(quote: NDArray[np.float64], volume: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(volume > 0, quote / volume, np.nan)


def _closed(whose: NDArray[np.int32], ends: Times, known_until_us: int | None) -> NDArray[np.bool_]:
    if known_until_us is not None:
        return ends <= known_until_us
    return np.append(np.diff(whose) == 0, False) if len(whose) else np.zeros(0, bool)


def _table(
    whose: NDArray[np.int32],
    every: str,
    starts: Times,
    made: Mapping[str, Any],
    closed: NDArray[np.bool_],
    adjusted: Adjusted,
    sources: Any,
) -> pa.Table:
    count = len(starts)
    columns: dict[str, Any] = {
        "instrument_id": pa.array(whose, pa.int32()),
        "interval": arrow.repeat(every, count, pa.string()),
        "ts": arrow.cast(pa.array(starts, pa.int64()), BAR.field("ts").type),
        **{name: pa.array(made[name], pa.float64(), from_pandas=True) for name in made},
        "closed": pa.array(closed),
        "adj": arrow.repeat(adjusted, count, pa.string()),
        "source": arrow.dictionary_decode(sources),
    }
    cells = [arrow.cast(columns[name], BAR.field(name).type) for name in BAR.names]
    return pa.table(cells, schema=BAR)
