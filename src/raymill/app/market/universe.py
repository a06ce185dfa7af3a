"""The universe that is stored: all instruments with daily bars in the lake, as of a moment."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from raymill import arrow
from raymill.app.market.rooms import open_rooms
from raymill.config import settings
from raymill.errors import InputError
from raymill.market.instrument import Instrument
from raymill.market.schemas import BAR, CORPORATE_ACTION
from raymill.market.screen.actions import shown_currency
from raymill.market.screen.build import DOLLARS, Inputs, build
from raymill.market.screen.columns import to_words
from raymill.market.screen.daily import read_daily
from raymill.market.screen.fundamentals import Fundamentals
from raymill.market.screen.snapshot import Snapshot
from raymill.market.screen.values import micros
from raymill.market.store import MarketStore

HISTORY = timedelta(days=550)  # what the longest figures take, and for averages to settle
EARLIEST = datetime(1800, 1, 1, tzinfo=UTC)
SERIES = ("adj", "source")


def stored_universe(as_of: datetime) -> Snapshot:
    """Compute the universe of a moment from what is stored. Raises InputError where that is none.

    Of several series of an instrument the one that reaches furthest is taken.
    """
    rooms = open_rooms()
    instruments = rooms.registry.all()
    begin_us, end_us = int(micros(max(as_of, EARLIEST) - HISTORY)), int(micros(as_of)) + 1
    bars = _bars(rooms.store, instruments, begin_us, end_us)
    if not bars.num_rows:
        raise InputError(
            f"No daily bars are stored of the {HISTORY.days} days before {as_of:%Y-%m-%d}",
            hint="crawl some: raymill market crawl SOURCE SYMBOL --interval 1d; or name an earlier "
            "`as_of`, or a file: --universe FILE.csv",
        )
    known = set(arrow.unique(bars["instrument_id"]).to_pylist())
    chosen = [one for one in instruments if one.instrument_id in known]
    actions = _actions(rooms.store, chosen, begin_us, end_us)
    inputs = Inputs(
        chosen,
        bars,
        actions if actions.num_rows else None,
        _fundamentals(chosen),
        _benchmark(chosen),
        rates_of(bars, chosen, as_of),
    )
    return build(inputs, as_of, "stored")


def _bars(
    store: MarketStore, instruments: Sequence[Instrument], begin_us: int, end_us: int
) -> pa.Table:
    tables = [
        store.read("bar", ids, begin_us, end_us, venue=venue, interval="1d", columns=BAR.names)
        for venue, ids in _by_venue(instruments)
    ]
    rows = pa.concat_tables([BAR.empty_table(), *tables], promote_options="permissive")
    return furthest(rows.unify_dictionaries())


def _by_venue(instruments: Sequence[Instrument]) -> Iterator[tuple[str, list[int]]]:
    for venue in sorted({one.venue for one in instruments}):
        yield venue, [one.instrument_id for one in instruments if one.venue == venue]


def furthest(bars: pa.Table) -> pa.Table:
    """Of each instrument the bars of one source with one adjustment: those that reach furthest.

    Of two that reach as far, those adjusted for nothing, then the first source by name. Bars
    adjusted for dividends are left out.
    """
    words = {name: to_words(arrow.dictionary_decode(arrow.combine(bars[name]))) for name in SERIES}
    adj, source = (words[name] for name in SERIES)
    ids = arrow.to_numpy(bars["instrument_id"]).astype(np.int64)
    key = (ids * (len(adj.words) + 1) + adj.codes) * (len(source.words) + 1) + source.codes
    _, first, series = np.unique(key, return_index=True, return_inverse=True)
    last = np.zeros(len(first), np.int64)
    np.maximum.at(last, series, arrow.to_numpy(arrow.cast(bars["ts"], pa.int64())))
    is_raw, is_total = (adj.codes[first] == adj.code(name) for name in ("raw", "total"))
    order = np.lexsort((source.codes[first], ~is_raw, -last, is_total, ids[first]))
    is_best = np.diff(ids[first][order], prepend=-1) != 0
    chosen = np.zeros(len(first), bool)
    chosen[order[is_best]] = ~is_total[order[is_best]]
    return arrow.keep_rows(bars, chosen[series])


def _actions(
    store: MarketStore, instruments: Sequence[Instrument], begin_us: int, end_us: int
) -> pa.Table:
    tables = [
        store.read("corporate_action", ids, begin_us, end_us, venue=venue)
        for venue, ids in _by_venue(instruments)
    ]
    rows = pa.concat_tables([CORPORATE_ACTION.empty_table(), *tables], promote_options="permissive")
    return rows.unify_dictionaries()


def _fundamentals(instruments: Sequence[Instrument]) -> Fundamentals | None:
    """The dataset of filings, where an instrument says which company it is of."""
    if all(one.cik is None for one in instruments):
        return None
    from raymill.app.filings.rooms import open_dataset
    from raymill.app.fundamentals import FiledFundamentals

    return FiledFundamentals(open_dataset())


def _benchmark(instruments: Sequence[Instrument]) -> int | None:
    wanted = settings().market.benchmark
    return next((one.instrument_id for one in instruments if one.symbol == wanted), None)


def rates_of(
    bars: pa.Table, instruments: Sequence[Instrument], as_of: datetime
) -> dict[str, float]:
    """What one unit of each currency is in USD, by the last closes of pairs with the dollar."""
    pairs = [one for one in instruments if one.asset_class == "fx" and one.base is not None]
    daily = read_daily(bars, pairs, micros(as_of.astimezone(UTC)))
    found = dict(DOLLARS)
    for one, close in zip(pairs, daily.last(daily.bars.close, len(pairs)).tolist(), strict=True):
        base, quote = str(one.base), shown_currency(one.currency)
        if close > 0 and quote == "USD":
            found[base] = close
        elif close > 0 and base == "USD":
            found[quote] = 1 / close
    return found
