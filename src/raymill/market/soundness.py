"""What every record must fulfil to be stored. One that does not is set aside with its reason."""

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from raymill import arrow
from raymill.market.interval import interval
from raymill.market.invariants import REASONS as BAR_REASONS
from raymill.market.invariants import Columns, faults
from raymill.market.schemas import Kind

Codes = NDArray[np.uint8]
_OPEN, _REPEATED = (
    BAR_REASONS.index(text)
    for text in ("the bar has not ended yet", "a bar of the same time came before")
)


class Faults:
    """Which records of a table are unsound, and why."""

    def __init__(self, codes: Codes, reasons: tuple[str, ...]) -> None:
        self._codes, self._reasons = codes, reasons

    @property
    def good(self) -> NDArray[np.bool_] | None:
        """Which records are sound; None where all are."""
        return self._codes == 0 if self._codes.any() else None

    @property
    def bad(self) -> list[tuple[int, str]]:
        """The places of the unsound ones with their reasons."""
        return [(int(at), self._reasons[self._codes[at]]) for at in np.flatnonzero(self._codes)]


def look(kind: Kind, rows: pa.Table, now_us: int) -> Faults:
    """Check records of a kind; closed bars must have ended by `now_us`."""
    return _CHECKS[kind](rows, now_us)


def _numbers(rows: pa.Table, name: str) -> NDArray[np.float64]:
    """A column as floats; where there is no value, NaN."""
    column = arrow.combine(rows[name])
    return np.asarray(arrow.to_numpy(column), np.float64)


def _ids(rows: pa.Table, name: str) -> NDArray[np.int64]:
    column = arrow.cast(arrow.combine(rows[name]), pa.int64())
    return np.asarray(arrow.to_numpy(arrow.fill_null(column, -1)), np.int64)


def _first(count: int, *masks: NDArray[np.bool_]) -> Codes:
    codes = np.zeros(count, np.uint8)
    for number, mask in reversed(list(enumerate(masks, start=1))):
        if mask.any():
            codes[mask] = number
    return codes


def _absent(rows: pa.Table, name: str) -> NDArray[np.bool_]:
    column = rows[name]
    if not column.null_count:
        return np.zeros(rows.num_rows, bool)
    return np.asarray(arrow.to_numpy(arrow.is_null(column)), bool)


TRADE_REASONS = (
    "",
    "it has no time",
    "the price is no finite number above 0",
    "the size is no finite number of 0 or more",
)


def _trades(rows: pa.Table, now_us: int) -> Faults:
    price, size = _numbers(rows, "price"), _numbers(rows, "size")
    codes = _first(
        rows.num_rows,
        _absent(rows, "ts"),
        ~((price > 0) & (price < np.inf)),
        ~((size >= 0) & (size < np.inf)),
    )
    return Faults(codes, TRADE_REASONS)


QUOTE_REASONS = (
    "",
    "it has no time",
    "bid or ask is no finite number above 0",
    "a size is no finite number of 0 or more",
    "the bid is above the ask",
)


def _quotes(rows: pa.Table, now_us: int) -> Faults:
    bid, ask = _numbers(rows, "bid"), _numbers(rows, "ask")
    sizes = np.minimum(_numbers(rows, "bid_size"), _numbers(rows, "ask_size"))
    no_size = _absent(rows, "bid_size") | _absent(rows, "ask_size")
    lowest, highest = np.minimum(bid, ask), np.maximum(bid, ask)
    codes = _first(
        rows.num_rows,
        _absent(rows, "ts"),
        ~((lowest > 0) & (highest < np.inf)),
        ~((sizes >= 0) & (sizes < np.inf)) & ~no_size,
        bid > ask,
    )
    return Faults(codes, QUOTE_REASONS)


def _bars(rows: pa.Table, now_us: int) -> Faults:
    codes = np.zeros(rows.num_rows, np.uint8)
    closed = np.asarray(arrow.to_numpy(arrow.fill_null(rows["closed"], False)), bool)
    columns = Columns(
        _ids(rows, "ts"),
        *(_numbers(rows, name) for name in ("open", "high", "low", "close", "volume")),
    )
    names = arrow.dictionary_decode(arrow.combine(rows["interval"]))
    for name in arrow.unique(names).to_pylist():
        mask = np.asarray(arrow.to_numpy(arrow.equal(names, name)), bool)
        of_interval = Columns(*(column[mask] for column in columns))
        codes[mask] = faults(of_interval, interval(str(name)), now_us)
    codes[codes == _REPEATED] = 0  # records that come twice are merged, not set aside
    codes[(codes == _OPEN) & ~closed] = 0
    return Faults(codes, BAR_REASONS)


FIGURE_REASONS = ("", "it has no time", "the value is no finite number")


def _fundamentals(rows: pa.Table, now_us: int) -> Faults:
    value = _numbers(rows, "value")
    absent = _absent(rows, "as_of") | _absent(rows, "period_end")
    return Faults(_first(rows.num_rows, absent, ~np.isfinite(value)), FIGURE_REASONS)


ACTION_REASONS = (
    "",
    "it has no day",
    "the ratio is no finite number above 0",
    "the amount is no finite number of 0 or more",
)


def _actions(rows: pa.Table, now_us: int) -> Faults:
    ratio, amount = _numbers(rows, "ratio"), _numbers(rows, "amount")
    no_ratio, no_amount = _absent(rows, "ratio"), _absent(rows, "amount")
    codes = _first(
        rows.num_rows,
        _absent(rows, "ex_date"),
        ~((ratio > 0) & (ratio < np.inf)) & ~no_ratio,
        ~((amount >= 0) & (amount < np.inf)) & ~no_amount,
    )
    return Faults(codes, ACTION_REASONS)


_CHECKS: Mapping[Kind, Callable[[pa.Table, int], Faults]] = {
    "trade": _trades,
    "quote": _quotes,
    "bar": _bars,
    "fundamental": _fundamentals,
    "corporate_action": _actions,
}
