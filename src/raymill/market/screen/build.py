"""A snapshot computed from daily bars, instruments, corporate actions and fundamentals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from raymill import arrow
from raymill.arrow import Array
from raymill.errors import DataError
from raymill.market.calendar import DAY_US, ROUND_THE_CLOCK
from raymill.market.instrument import Instrument
from raymill.market.screen.actions import (
    Splits,
    dividends,
    read_actions,
    shown_currency,
    split_factors,
)
from raymill.market.screen.columns import Numbers
from raymill.market.screen.daily import read_daily
from raymill.market.screen.derive import derived, over_positive
from raymill.market.screen.fields import kinds
from raymill.market.screen.fundamentals import PER_SHARE, SHARES, Fundamentals, ratios, reported
from raymill.market.screen.panel import Bars, Panel, Table, panels
from raymill.market.screen.snapshot import Snapshot
from raymill.market.screen.technical import figures
from raymill.market.screen.values import micros

DOLLARS = {"USD": 1.0}
TRADED_DAYS, EVERY_DAY = 252.0, 365.0


@dataclass(frozen=True)
class Inputs:
    """What a snapshot is computed from.

    bars: daily ones, adjusted for no split (`raw`) or for all (`split`); raw ones are adjusted
    here.
    actions: splits and dividends; of an instrument that has any, all that there were.
    benchmark: the instrument that beta is measured against.
    rates: what one unit of each currency is in USD.
    indices: names of the indices that an instrument belongs to.
    """

    instruments: Sequence[Instrument]
    bars: pa.Table
    actions: pa.Table | None = None
    fundamentals: Fundamentals | None = None
    benchmark: int | None = None
    rates: Mapping[str, float] = field(default_factory=lambda: dict(DOLLARS))
    indices: Mapping[int, Sequence[str]] = field(default_factory=dict)


def build(inputs: Inputs, as_of: datetime, name: str = "default") -> Snapshot:
    """Compute the snapshot of a moment: no bar, action or report from after it is used.

    Raises DataError for bars that cannot be computed with.
    """
    instruments, until = inputs.instruments, micros(as_of)
    places = {one.instrument_id: at for at, one in enumerate(instruments)}
    if len(places) != len(instruments):
        raise DataError("Two instruments bear one number")
    today = until // DAY_US
    daily = read_daily(inputs.bars, instruments, until)
    actions = read_actions(inputs.actions, places, today)
    last_day = daily.last(daily.bars.day.astype(np.float64), len(instruments))
    splits = split_factors(actions, last_day)
    found = _figures(daily.adjusted(splits), inputs, places)
    found |= _valuation(found["price"], inputs, splits, as_of)
    if inputs.actions is not None:
        paid = dividends(actions, splits, instruments, inputs.rates, today)
        reported_yield = found.get("dividend_yield", np.full(len(instruments), np.nan))
        found["dividend_yield"] = np.where(
            np.isnan(paid), reported_yield, over_positive(paid, found["price"])
        )
    updated = daily.last(daily.ends, len(instruments))
    return Snapshot.of(_table(derived(found), updated, inputs), as_of, name)


def _figures(bars: Bars, inputs: Inputs, places: Mapping[int, int]) -> dict[str, Numbers]:
    count = len(inputs.instruments)
    always = np.array([one.calendar == ROUND_THE_CLOCK for one in inputs.instruments], bool)
    periods = np.where(always, EVERY_DAY, TRADED_DAYS)
    benchmark = places.get(inputs.benchmark) if inputs.benchmark is not None else None
    found: dict[str, Numbers] = {"price": np.full(count, np.nan)}
    for part, panel in panels(bars, count):
        other = None if benchmark is None else _on_days(bars, benchmark, panel)
        for name, values in figures(panel, periods[part], other).items():
            found.setdefault(name, np.full(count, np.nan))[part] = values
    return found


def _on_days(bars: Bars, benchmark: int, panel: Panel) -> Table:
    """The closes of the benchmark on the days of a panel."""
    begin, end = np.searchsorted(bars.instrument, [benchmark, benchmark + 1])
    days, close = bars.day[begin:end], bars.close[begin:end]
    if not len(days):
        return np.full(panel.close.shape, np.nan)
    at = np.minimum(np.searchsorted(days, panel.day), len(days) - 1)
    return np.where(days[at] == panel.day, close[at], np.nan)


def _valuation(
    price: Numbers, inputs: Inputs, splits: Splits, as_of: datetime
) -> dict[str, Numbers]:
    if inputs.fundamentals is None:
        return {}
    ciks = [one.cik for one in inputs.instruments]
    known = sorted({cik for cik in ciks if cik is not None})
    found = reported(inputs.fundamentals.known(known, as_of.astimezone(UTC)), ciks, inputs.rates)
    rates = np.array(
        [inputs.rates.get(shown_currency(one.currency), np.nan) for one in inputs.instruments]
    )
    since = {name: splits.after(found.public[name]) for name in (*PER_SHARE, *SHARES)}
    return ratios(found, price, rates, since)


def _table(found: Mapping[str, Numbers], updated: Numbers, inputs: Inputs) -> pa.Table:
    known, columns = kinds(), _about(inputs)
    for name, values in found.items():
        columns[name] = pa.array(np.where(np.isfinite(values), values, np.nan), from_pandas=True)
    columns["last_updated"] = arrow.cast(
        pa.array(updated, pa.float64(), from_pandas=True), pa.int64()
    )
    return pa.table({name: arrow.cast(column, known[name]) for name, column in columns.items()})


def _about(inputs: Inputs) -> dict[str, Array]:
    """What is known of the instruments themselves; columns that tell nothing are left out."""
    texts = ("symbol", "name", "venue", "asset_class", "sector", "industry", "country", "calendar")
    cells: dict[str, list[Any]] = {
        name: [getattr(one, name) for one in inputs.instruments] for name in (*texts, "cik")
    }
    cells["currency"] = [shown_currency(one.currency) for one in inputs.instruments]
    cells["instrument"] = [str(one.instrument_id) for one in inputs.instruments]
    cells["company"] = [None if cik is None else f"cik:{cik}" for cik in cells["cik"]]
    if inputs.indices:
        ids = (one.instrument_id for one in inputs.instruments)
        cells["index_membership"] = [list(inputs.indices.get(one, ())) for one in ids]
    known = kinds()
    kept = {
        name: column
        for name, column in cells.items()
        if name == "symbol" or any(cell is not None for cell in column)
    }
    return {name: arrow.array(column, known[name]) for name, column in kept.items()}
