"""Bars and trades of any exchange that ccxt knows, one exchange at a time.

ccxt's own throttle is off: its requests go through the same limits as all others.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from raymill import arrow
from raymill.errors import EngineUnavailable, RaymillError, unknown
from raymill.market.instrument import Instrument
from raymill.market.interval import INTERVALS, interval
from raymill.market.schemas import BAR, TRADE
from raymill.market.sources.columns import none, numbers, records, times
from raymill.market.sources.contract import (
    Capabilities,
    Fault,
    Fetch,
    LimitRule,
    Listing,
    Page,
    PageRequest,
    refusal,
)
from raymill.net import Head, Verdict

MS = 1000
MOST = 500
_FAULTS: tuple[tuple[str, Fault], ...] = (  # of ccxt's errors, the special ones first
    ("BadSymbol", "unknown_symbol"),
    ("DDoSProtection", "rate_limited"),
    ("RateLimitExceeded", "rate_limited"),
    ("OnMaintenance", "transient"),
    ("ExchangeNotAvailable", "transient"),
    ("RequestTimeout", "transient"),
    ("InvalidNonce", "clock"),
    ("NetworkError", "transient"),
    ("BaseError", "permanent"),
)


class Ccxt:
    """Translates what a client of ccxt gives.

    client: made from `exchange` where it is not given. Raises EngineUnavailable without ccxt.
    """

    id = "ccxt"

    def __init__(self, exchange: str = "kraken", client: Any = None) -> None:
        self._client = client or _client(exchange)
        known = getattr(self._client, "timeframes", None) or {}
        self.capabilities = Capabilities(
            kinds=("bar", "trade"),
            intervals=tuple(name for name in INTERVALS if name in known),
            page_rows={"bar": MOST, "trade": MOST},
            lists=True,
        )
        spacing_ms = float(getattr(self._client, "rateLimit", 1000) or 1000)
        self.limits: Sequence[LimitRule] = (LimitRule("requests", max(1.0, 1000 / spacing_ms)),)

    def judge(self, head: Head, now: float) -> Verdict:
        """ccxt asks by itself."""
        return Verdict("ok")

    def used(self, head: Head) -> Mapping[str, float]:
        """It does not say."""
        return {}

    def instruments(self, fetch: Fetch, symbols: Sequence[str] = ()) -> Listing:
        """What the exchange trades on its spot market."""
        markets = self._ask(fetch, "markets", lambda: self._client.load_markets())
        found = [_instrument(one) for one in markets.values() if one.get("spot", True)]
        wanted = {symbol.upper() for symbol in symbols}
        return Listing([one for one in found if not wanted or one.symbol in wanted])

    def page(self, asked: PageRequest, fetch: Fetch) -> Page:
        """A page of bars or trades."""
        return self._bars(asked, fetch) if asked.kind == "bar" else self._trades(asked, fetch)

    def _bars(self, asked: PageRequest, fetch: Fetch) -> Page:
        every = interval(asked.interval or "1m")
        start_us = int(asked.cursor or asked.start_us)
        symbol, most = asked.instrument.venue_symbol, asked.limit or MOST
        rows = self._ask(
            fetch,
            f"{symbol}/{every.name}",
            lambda: self._client.fetch_ohlcv(symbol, every.name, -(-start_us // MS), most),
        )
        inside = [row for row in rows if start_us <= row[0] * MS < asked.end_us]
        if not rows:
            return Page(none(BAR), None, asked.end_us)
        last_us = int(rows[-1][0]) * MS
        next_us = int(every.ends(np.array([last_us]))[0])
        is_over = next_us >= asked.end_us or next_us > asked.now_us or len(rows) < most
        complete_us = asked.end_us if is_over else next_us
        cursor = None if is_over else str(next_us)
        return Page(_as_bars(inside, asked, every.name), cursor, complete_us)

    def _trades(self, asked: PageRequest, fetch: Fetch) -> Page:
        """By time; the last millisecond of a page is asked for again, and merged by number."""
        start_us = int(asked.cursor or asked.start_us)
        symbol, most = asked.instrument.venue_symbol, asked.limit or MOST
        rows = self._ask(
            fetch,
            f"{symbol}/trades",
            lambda: self._client.fetch_trades(symbol, -(-start_us // MS), most),
        )
        rows = sorted(rows, key=lambda row: row["timestamp"])
        if not rows:
            return Page(none(TRADE), None, min(asked.end_us, asked.now_us))
        last_us = int(rows[-1]["timestamp"]) * MS
        is_over = len(rows) < most or last_us >= asked.end_us or last_us == start_us
        inside = [row for row in rows if start_us <= row["timestamp"] * MS < asked.end_us]
        is_behind = last_us >= asked.end_us
        complete_us = asked.end_us if is_behind else last_us
        cursor = None if is_over else str(last_us)
        return Page(_as_trades(inside, asked), cursor, complete_us, is_sure=is_behind)

    def _ask(self, fetch: Fetch, name: str, work: Any) -> Any:
        def told() -> Any:
            try:
                return work()
            except Exception as error:
                raise fault(error) from error

        return fetch.through(name, told)


def fault(error: Exception) -> RaymillError:
    """What an error of ccxt means, by the names of its classes."""
    names = {kind.__name__ for kind in type(error).__mro__}
    found = next((one for name, one in _FAULTS if name in names), None)
    if found is None:
        raise error
    return refusal(found, f"{type(error).__name__}: {error}"[:300])


def _client(exchange: str) -> Any:
    try:
        import ccxt  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise EngineUnavailable(
            "Source `ccxt` is not installed", hint="pip install 'raymill[crypto]'"
        ) from error
    if exchange not in ccxt.exchanges:
        raise unknown("exchange of ccxt", exchange, ccxt.exchanges)
    return getattr(ccxt, exchange)({"enableRateLimit": False})


def _as_bars(rows: Sequence[Sequence[Any]], asked: PageRequest, every: str) -> pa.RecordBatch:
    start_us = np.array([row[0] for row in rows], np.int64) * MS
    given: dict[str, Any] = {
        name: numbers([None if row[place] is None else float(row[place]) for row in rows])
        for place, name in enumerate(("open", "high", "low", "close", "volume"), start=1)
    }
    given["ts"] = times(start_us, 1)
    given["closed"] = interval(every).ends(start_us) <= asked.now_us
    number = asked.instrument.instrument_id
    about = {"instrument_id": number, "interval": every, "adj": "raw", "source": "ccxt"}
    return records(BAR, len(rows), given, **about)


def _as_trades(rows: Sequence[Mapping[str, Any]], asked: PageRequest) -> pa.RecordBatch:
    ids = [str(row.get("id") or "") for row in rows]
    sides = {"buy": 1, "sell": -1}
    given: dict[str, Any] = {
        "ts": times([int(row["timestamp"]) for row in rows], MS),
        "trade_id": arrow.array([int(one) if one.isdecimal() else None for one in ids], pa.int64()),
        "price": numbers([float(row["price"]) for row in rows]),
        "size": numbers([float(row["amount"]) for row in rows]),
        "side": np.array([sides.get(row.get("side") or "", 0) for row in rows], np.int8),
    }
    number = asked.instrument.instrument_id
    return records(TRADE, len(rows), given, instrument_id=number, source="ccxt")


def _instrument(one: Mapping[str, Any]) -> Instrument:
    precision, limits = one.get("precision") or {}, one.get("limits") or {}
    cost = (limits.get("cost") or {}).get("min")
    return Instrument(
        symbol=str(one["symbol"]).upper(),
        venue="ccxt",
        venue_symbol=str(one["symbol"]),
        asset_class="crypto",
        base=one.get("base"),
        currency=str(one.get("quote") or ""),
        tick_size=_text(precision.get("price")),
        step_size=_text(precision.get("amount")),
        min_notional=_text(cost),
        status="active" if one.get("active", True) else "halted",
    )


def _text(number: Any) -> str | None:
    return None if number is None else f"{number:.12f}".rstrip("0").rstrip(".")
