"""Daily bars as they are stored, made ready to compute with: known ones, whole, split-adjusted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill import arrow
from raymill.errors import DataError
from raymill.market.calendar import DAY_US, calendar
from raymill.market.calendar import names as calendars
from raymill.market.instrument import Instrument
from raymill.market.screen.actions import Splits
from raymill.market.screen.columns import Mask, Numbers
from raymill.market.screen.panel import Bars

PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True)
class Daily:
    """The bars of instruments up to a moment, and which of them are not adjusted for splits."""

    bars: Bars
    raw: Mask
    ends: Numbers  # of each bar, in microseconds since 1970

    def last(self, values: Numbers, count: int) -> Numbers:
        """A value of the last bar of each instrument; NaN without a bar."""
        found = np.full(count, np.nan)
        found[self.bars.instrument] = values  # the last one stays
        return found

    def adjusted(self, splits: Splits) -> Bars:
        """The bars in shares of now."""
        factor = np.ones(len(self.bars.day))
        for instrument, day, ratio in zip(splits.instrument, splits.day, splits.ratio, strict=True):
            begin, end = np.searchsorted(self.bars.instrument, [instrument, instrument + 1])
            before = begin + np.searchsorted(self.bars.day[begin:end], day)
            factor[begin:before] *= ratio
        factor[~self.raw] = 1.0
        prices = {name: getattr(self.bars, name) / factor for name in PRICES}
        return replace(self.bars, **prices, volume=self.bars.volume * factor)


def read_daily(table: pa.Table, instruments: Sequence[Instrument], until_us: float) -> Daily:
    """The closed daily bars that had ended at a moment, in whole units of their currency.

    A bar ends with its session; where the calendar is not known, at midnight (UTC).
    Raises DataError for prices that are no numbers, two bars of a day, bars adjusted for dividends.
    """
    rows = _rows(table)
    places = {one.instrument_id: at for at, one in enumerate(instruments)}
    ids = arrow.to_numpy(rows["instrument_id"])
    instrument = _placed(ids, places)
    ts = arrow.to_numpy(arrow.cast(rows["ts"], pa.int64()))
    day = (ts // DAY_US).astype(np.int32)
    ends = _ends(instruments, instrument, day)
    kept = np.flatnonzero((instrument >= 0) & (ends <= until_us))
    order = kept[np.lexsort((day[kept], instrument[kept]))]
    scale = np.array([one.price_scale for one in instruments], np.float64)[instrument[order]]
    columns = {name: _floats(rows, name)[order] for name in (*PRICES, "volume", "quote_volume")}
    bars = Bars(
        instrument[order],
        day[order],
        **{name: columns[name] * scale for name in PRICES},
        volume=columns["volume"],
        value=columns["quote_volume"] * scale,
    )
    _check(bars, instruments)
    return Daily(bars, _is_raw(rows)[order], ends[order].astype(np.float64))


def _rows(table: pa.Table) -> pa.Table:
    interval = arrow.dictionary_decode(arrow.combine(table["interval"]))
    is_daily = arrow.to_numpy(arrow.equal(interval, "1d")).astype(bool)
    is_closed = arrow.to_numpy(arrow.fill_null(table["closed"], False)).astype(bool)
    return arrow.keep_rows(table, is_daily & is_closed)


def _is_raw(rows: pa.Table) -> Mask:
    adjusted: Any = arrow.dictionary_decode(arrow.combine(rows["adj"]))
    for name in arrow.unique(adjusted).to_pylist():
        if name not in ("raw", "split"):
            raise DataError(
                f"Bars adjusted as `{name}` cannot be screened", hint="hand in raw or split ones"
            )
    return arrow.to_numpy(arrow.equal(adjusted, "raw")).astype(bool)


def _placed(ids: NDArray[Any], places: Mapping[int, int]) -> NDArray[np.int32]:
    known = np.array(sorted(places), np.int64)
    if not len(known):
        return np.full(len(ids), -1, np.int32)
    at = np.minimum(np.searchsorted(known, ids), len(known) - 1)
    where = np.array([places[one] for one in known.tolist()], np.int32)
    return np.where(known[at] == ids, where[at], -1).astype(np.int32)


def _ends(
    instruments: Sequence[Instrument], instrument: NDArray[np.int32], day: NDArray[np.int32]
) -> NDArray[np.int64]:
    ends = (day.astype(np.int64) + 1) * DAY_US
    names = np.array([one.calendar for one in instruments], object)
    for name in set(names.tolist()) & set(calendars()):
        rows = np.flatnonzero((instrument >= 0) & (names == name)[instrument])
        ends[rows] = calendar(name).ends(day[rows])
    return ends


def _floats(rows: pa.Table, name: str) -> Numbers:
    if name not in rows.column_names:
        return np.full(rows.num_rows, np.nan)
    return np.asarray(arrow.to_numpy(arrow.cast(rows[name], pa.float64())), np.float64)


def _check(bars: Bars, instruments: Sequence[Instrument]) -> None:
    def named(at: int) -> str:
        when = np.datetime64(int(bars.day[at]), "D")
        return f"`{instruments[bars.instrument[at]].symbol}` on {when}"

    is_whole = np.isfinite(np.stack([getattr(bars, name) for name in PRICES])).all(axis=0)
    if not is_whole.all():
        raise DataError(f"A price of {named(int(np.argmin(is_whole)))} is no number")
    twice = (np.diff(bars.instrument) == 0) & (np.diff(bars.day) == 0)
    if twice.any():
        at = int(np.argmax(twice))
        hint = "hand in the bars of one source with one adjustment"
        raise DataError(f"There are two bars of {named(at)}", hint=hint)
