"""Binance spot: instruments, bars, trades, quotes and books over its REST interface.

Trades are the aggregated ones, which have numbers without gaps: the first page goes by time, the
next by number. Times are milliseconds; the end of a range is inclusive there.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

import numpy as np
import pyarrow as pa

from raymill import arrow, json
from raymill.errors import SourceError
from raymill.market.instrument import Instrument
from raymill.market.interval import HOUR_US, INTERVALS, interval
from raymill.market.schemas import BAR, QUOTE, TRADE
from raymill.market.sources.binance_rows import (
    BUSY,
    HEAVIEST,
    LIMITED,
    MS,
    SHARE,
    ban_s,
    bars,
    instrument,
    limits,
    refusal_in,
    refused,
    sides,
    trades,
)
from raymill.market.sources.columns import none, numbers, records, times
from raymill.market.sources.contract import (
    Capabilities,
    Fetch,
    LimitRule,
    Listing,
    Page,
    PageRequest,
    refusal,
    verdict,
)
from raymill.net import Answer, Head, Request, Verdict
from raymill.net.retry import retry_after

URL = "https://api.binance.com"
MOST = 1000  # rows of a page
SETTLE_US = 5_000_000  # a trade of the last seconds may not be told yet
WEIGHTS = {
    "exchangeInfo": 20.0,
    "klines": 2.0,
    "aggTrades": 4.0,
    "trades": 25.0,
    "ticker/bookTicker": 2.0,
    "ticker/24hr": 2.0,
}


class Book(NamedTuple):
    """An order book: the number of its last change, prices and sizes, the best first."""

    last_update_id: int
    bids: list[tuple[float, float]]
    asks: list[tuple[float, float]]


class Binance:
    """Translates the REST interface of Binance spot."""

    id = "binance"
    capabilities = Capabilities(
        kinds=("bar", "trade", "quote"),
        intervals=tuple(INTERVALS),
        page_rows={"bar": MOST, "trade": MOST},
        has_ids=True,
        lists=True,
        streaming="yes",
    )
    limits: Sequence[LimitRule] = (
        LimitRule("weight", SHARE * 1200, 60.0, counts="weight", heaviest=HEAVIEST),
        LimitRule("requests", SHARE * 6100, 300.0),
    )

    def __init__(self, url: str = URL, key: str = "") -> None:
        self._url = url.rstrip("/")
        self._headers = {"X-MBX-APIKEY": key} if key else {}

    def judge(self, head: Head, now: float) -> Verdict:
        """What an answer means."""
        wait_s = retry_after(head.header("retry-after"), now)
        code, message = refusal_in(head.start)
        reason = message or f"status {head.status}"
        if head.status == 418:
            return verdict("banned", reason, ban_s(wait_s, head.start, now))
        if head.status == 429 or code == LIMITED:
            return verdict("rate_limited", reason, wait_s)
        if head.status == 403:
            return verdict("banned", reason, wait_s or 60.0)
        if head.status >= 500 or code in BUSY or head.start.lstrip()[:1] == b"<":
            return verdict("transient", reason, wait_s)
        if head.status < 300:
            return Verdict("ok")
        return refused(code, reason)

    def used(self, head: Head) -> Mapping[str, float]:
        """The weight that was used up in the present minute."""
        text = head.header("x-mbx-used-weight-1m")
        return {"weight": float(text)} if text.isdigit() else {}

    def instruments(self, fetch: Fetch, symbols: Sequence[str] = ()) -> Listing:
        """What is traded, and the limits in force."""
        body = self._ask(fetch, "exchangeInfo", {})
        info = json.loads(body.body)
        found = [instrument(row) for row in info["symbols"]]
        wanted = {symbol.upper() for symbol in symbols}
        named = [one for one in found if not wanted or {one.symbol, one.venue_symbol} & wanted]
        return Listing(named, tuple(limits(info.get("rateLimits", ()))))

    def page(self, asked: PageRequest, fetch: Fetch) -> Page:
        """One page of bars or trades, or the quote of now."""
        if asked.kind == "bar":
            return self._bars(asked, fetch)
        if asked.kind == "trade":
            return self._trades(asked, fetch)
        if asked.kind == "quote":
            return self._quote(asked, fetch)
        raise refusal("permanent", f"Binance has no `{asked.kind}`")

    def _bars(self, asked: PageRequest, fetch: Fetch) -> Page:
        every = interval(asked.interval or "1m")
        start_us = int(asked.cursor) if asked.cursor else asked.start_us
        limit = min(asked.limit or MOST, MOST)
        about = {
            "symbol": asked.instrument.venue_symbol,
            "interval": every.name,
            "startTime": -(-start_us // MS),
            "endTime": -(-asked.end_us // MS) - 1,  # inclusive
            "limit": limit,
        }
        body = self._ask(fetch, "klines", about)
        rows = _rows(body)
        if not rows:
            return Page(none(BAR), None, asked.end_us, WEIGHTS["klines"], body.sha256)
        batch = bars(rows, asked, every.name)
        last_us = int(rows[-1][0]) * MS
        next_us = int(every.ends(np.array([last_us]))[0])
        is_full = len(rows) >= limit and next_us < asked.end_us
        is_open = next_us > asked.now_us
        complete_us = last_us if is_open else next_us if is_full else asked.end_us
        cursor = str(next_us) if is_full and not is_open else None
        return Page(batch, cursor, complete_us, WEIGHTS["klines"], body.sha256)

    def _trades(self, asked: PageRequest, fetch: Fetch) -> Page:
        """By time until there is a first trade, by number from there on.

        A range before the first trade of all is found out by one request, not hour by hour.
        """
        how, _, value = (asked.cursor or f"time:{asked.start_us}").partition(":")
        about: dict[str, Any] = {"symbol": asked.instrument.venue_symbol}
        limit = min(asked.limit or MOST, MOST)
        until_us = asked.end_us
        if how == "id":
            about |= {"fromId": value, "limit": limit}
        elif how == "first":
            about |= {"fromId": 0, "limit": 1}
        else:
            until_us = min(int(value) + HOUR_US, asked.end_us)
            about |= {"startTime": -(-int(value) // MS), "endTime": -(-until_us // MS) - 1}
            about["limit"] = limit
        body = self._ask(fetch, "aggTrades", about)
        rows = _rows(body)
        if how == "first":
            return _listed(rows, value, asked, body)
        if not rows:
            return _nothing(how, value, until_us, asked, body)
        is_last = len(rows) < limit and how == "id"
        return _traded(rows, asked, body, is_last)

    def newest(self, asked: PageRequest, fetch: Fetch) -> Page:
        """The newest trades, or those before a cursor."""
        limit = min(asked.limit or MOST, MOST)
        about: dict[str, Any] = {"symbol": asked.instrument.venue_symbol}
        if asked.cursor is not None:
            end = int(asked.cursor)
            about["fromId"] = max(0, end - limit)
            limit = min(limit, end)
        about["limit"] = limit
        body = self._ask(fetch, "aggTrades", about)
        rows = _rows(body)
        batch = trades(rows, asked.instrument.instrument_id)
        first = int(rows[0]["a"]) if rows else 0
        cursor = str(first) if first > 0 else None
        return Page(batch, cursor, asked.start_us, WEIGHTS["aggTrades"], body.sha256)

    def _quote(self, asked: PageRequest, fetch: Fetch) -> Page:
        about = {"symbol": asked.instrument.venue_symbol}
        body = self._ask(fetch, "ticker/bookTicker", about)
        row = json.loads(body.body)
        names = {"bid": "bidPrice", "bid_size": "bidQty", "ask": "askPrice", "ask_size": "askQty"}
        given: dict[str, Any] = {name: numbers([row[key]]) for name, key in names.items()}
        given["ts"] = times([asked.now_us], 1)
        number = asked.instrument.instrument_id
        batch = records(QUOTE, 1, given, instrument_id=number, source=self.id)
        return Page(batch, None, asked.start_us, WEIGHTS["ticker/bookTicker"], body.sha256)

    def recent_trades(
        self, instrument: Instrument, fetch: Fetch, most: int = 500
    ) -> pa.RecordBatch:
        """The newest single trades. Their numbers are not those of aggregated trades."""
        about = {"symbol": instrument.venue_symbol, "limit": most}
        rows = _rows(self._ask(fetch, "trades", about))
        given = {
            "trade_id": np.fromiter((row["id"] for row in rows), np.int64, len(rows)),
            "ts": times([row["time"] for row in rows], MS),
            "price": numbers([row["price"] for row in rows]),
            "size": numbers([row["qty"] for row in rows]),
            "side": sides([row["isBuyerMaker"] for row in rows]),
        }
        number = instrument.instrument_id
        return records(TRADE, len(rows), given, instrument_id=number, source=self.id)

    def book(self, instrument: Instrument, fetch: Fetch, depth: int = 100) -> Book:
        """The order book of now."""
        weight = 5.0 if depth <= 100 else 25.0 if depth <= 500 else 50.0
        about = {"symbol": instrument.venue_symbol, "limit": min(depth, 1000)}
        found = json.loads(self._ask(fetch, "depth", about, weight).body)
        sides = ([(float(p), float(q)) for p, q in found[side]] for side in ("bids", "asks"))
        return Book(int(found["lastUpdateId"]), *sides)

    def day(self, instrument: Instrument, fetch: Fetch) -> Mapping[str, float]:
        """The last 24 hours: open, high, low, close, volume, quote_volume, change_pct, trades."""
        row = json.loads(self._ask(fetch, "ticker/24hr", {"symbol": instrument.venue_symbol}).body)
        names = {
            "open": "openPrice",
            "high": "highPrice",
            "low": "lowPrice",
            "close": "lastPrice",
            "volume": "volume",
            "quote_volume": "quoteVolume",
            "change_pct": "priceChangePercent",
            "trades": "count",
        }
        return {name: float(row[key]) for name, key in names.items()}

    def _ask(
        self, fetch: Fetch, what: str, about: Mapping[str, Any], weight: float | None = None
    ) -> Answer:
        url = f"{self._url}/api/v3/{what}" + (f"?{urlencode(about)}" if about else "")
        return fetch(
            Request(url, self._headers), weight=WEIGHTS[what] if weight is None else weight
        )


def _traded(
    rows: Sequence[Mapping[str, Any]], asked: PageRequest, body: Answer, is_last: bool
) -> Page:
    batch = trades(rows, asked.instrument.instrument_id)
    last = rows[-1]
    last_us = int(last["T"]) * MS
    if last_us >= asked.end_us:
        inside = np.fromiter((row["T"] for row in rows), np.int64, len(rows)) * MS < asked.end_us
        batch = arrow.keep_rows(batch, inside)
        return Page(batch, None, asked.end_us, WEIGHTS["aggTrades"], body.sha256, is_sure=True)
    # More may come in the millisecond of the last one.
    cursor = None if is_last else f"id:{int(last['a']) + 1}"
    complete_us = max(last_us, _settled(asked)) if is_last else last_us
    return Page(batch, cursor, complete_us, WEIGHTS["aggTrades"], body.sha256)


def _settled(asked: PageRequest) -> int:
    """Up to when it is known that nothing came, if nothing came behind the newest trade."""
    return min(asked.end_us, asked.now_us - SETTLE_US)


def _nothing(how: str, value: str, until_us: int, asked: PageRequest, body: Answer) -> Page:
    """No trade in an hour, or none behind a number."""
    cursor, complete_us = None, min(until_us, _settled(asked))
    if how == "time" and until_us < asked.end_us:
        is_first = asked.cursor is None
        cursor = f"first:{until_us}" if is_first else f"time:{until_us}"
    return Page(none(TRADE), cursor, complete_us, WEIGHTS["aggTrades"], body.sha256)


def _listed(
    rows: Sequence[Mapping[str, Any]], value: str, asked: PageRequest, body: Answer
) -> Page:
    """The first trade of all says where there is anything to ask for."""
    first_us = int(rows[0]["T"]) * MS if rows else asked.end_us
    next_us = max(int(value), first_us)
    cursor = f"time:{next_us}" if next_us < asked.end_us else None
    complete_us = min(next_us, _settled(asked))
    return Page(
        none(TRADE),
        cursor,
        complete_us,
        WEIGHTS["aggTrades"],
        body.sha256,
        listed_us=first_us if rows else None,
    )


def _rows(body: Answer) -> Any:
    try:
        found = json.loads(body.body)
    except json.JSONError as error:
        raise refusal("transient", f"`{body.url}` answered no JSON: {error}") from None
    if not isinstance(found, list):
        raise SourceError(f"`{body.url}` answered no list")
    return found
