"""Yahoo Finance: bars, splits and dividends out of its charts, quotes of now.

Its prices are adjusted for splits. A daily bar is named after its day at the exchange, which
`exchangeTimezoneName` tells; the offset that it gives beside is that of the request.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from raymill import json
from raymill.errors import RaymillError
from raymill.market.instrument import AssetClass, Instrument
from raymill.market.interval import DAY_US, HOUR_US, MINUTE_US, SECOND_US, interval
from raymill.market.schemas import BAR, CORPORATE_ACTION, QUOTE, Kind
from raymill.market.sources.columns import Action, actions, none, records, times
from raymill.market.sources.contract import (
    Capabilities,
    Fetch,
    LimitRule,
    Listing,
    Page,
    PageRequest,
    fault_of,
    refusal,
    verdict,
)
from raymill.net import Answer, Head, Request, Verdict
from raymill.net.retry import retry_after

URL, SESSION_URL = "https://query2.finance.yahoo.com", "https://fc.yahoo.com"
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0"
GRAINS = {name: name for name in ("1m", "5m", "15m", "30m", "1h", "1d")}
GRAINS |= {"1w": "1wk", "1M": "1mo"}
QUARTER_US = 15 * MINUTE_US
REACH_US = {"1m": 29 * DAY_US, **dict.fromkeys(("5m", "15m", "30m"), 59 * DAY_US)}
REACH_US |= {"1h": 729 * DAY_US}
CLASSES: dict[str, AssetClass] = {
    "EQUITY": "equity",
    "ETF": "etf",
    "MUTUALFUND": "fund",
    "INDEX": "index",
    "CURRENCY": "fx",
    "CRYPTOCURRENCY": "crypto",
    "FUTURE": "future",
}
NEW_YORK = ("NMS", "NYQ", "ASE", "PCX", "NGM", "NCM", "BTS")  # exchanges that share its days
_TOO_LONG = re.compile(rb"days worth of|not available for startTime|exceed", re.IGNORECASE)
PENCE = {"GBp": 0.01, "GBX": 0.01, "ZAc": 0.01, "ILA": 0.01}
_FIAT = "USD EUR GBP JPY CHF AUD CAD NZD SEK NOK DKK PLN CZK HUF TRY ZAR MXN CNY HKD SGD INR KRW"
LONG_BARS = ("1d", "1w", "1M")


class YahooFinance:
    """Translates the charts and quotes of Yahoo Finance."""

    id = "yahoo_finance"
    capabilities = Capabilities(
        kinds=("bar", "corporate_action", "quote"),
        intervals=tuple(GRAINS),
        span_us={"1m": 7 * DAY_US},
        back_us=REACH_US,
        adjusted="split",
        streaming="polled",
    )

    def __init__(self, url: str = URL, session_url: str = SESSION_URL, rate: float = 1.0) -> None:
        self._url, self._session_url = url.rstrip("/"), session_url.rstrip("/")
        self.limits: Sequence[LimitRule] = (
            LimitRule("second", rate, 1.0),
            LimitRule("day", 2000.0, per="day"),
        )
        self._crumb = ""

    def judge(self, head: Head, now: float) -> Verdict:
        """What an answer means; a page instead of data says that too much was asked."""
        wait_s = retry_after(head.header("retry-after"), now)
        reason = _reason(head)
        is_page = head.start.lstrip()[:1] == b"<"
        if head.url.startswith(self._session_url):
            return Verdict("ok")
        if head.status == 429:
            return verdict("rate_limited", reason, wait_s)
        if head.status >= 500:
            return verdict("transient", reason, wait_s)
        if head.status in (401, 403) and not is_page:
            return verdict("auth_refresh", reason)
        if is_page:
            return verdict("rate_limited", "a page instead of data", wait_s or 60.0)
        if head.status == 404:
            return verdict("unknown_symbol", reason)
        if head.status in (400, 422) and _TOO_LONG.search(head.start):
            return verdict("range_too_long", reason)
        return Verdict("ok") if head.status < 300 else verdict("permanent", reason)

    def used(self, head: Head) -> Mapping[str, float]:
        """It does not say."""
        return {}

    def authorise(self, fetch: Fetch) -> None:
        """Begin a session: a cookie, which the transport keeps, and the word that goes with it."""
        fetch(Request(self._session_url, {"User-Agent": AGENT}))
        found = fetch(Request(f"{self._url}/v1/test/getcrumb", {"User-Agent": AGENT}))
        self._crumb = found.body.decode("ascii", "replace").strip()

    def instruments(self, fetch: Fetch, symbols: Sequence[str] = ()) -> Listing:
        """What Yahoo says of symbols, a request for each."""
        found = []
        for symbol in symbols:
            try:
                chart = self._chart(fetch, venue_symbol(symbol), {"range": "1d", "interval": "1d"})
            except RaymillError as error:
                if fault_of(error) != "unknown_symbol":
                    raise
                continue
            if chart is not None:
                found.append(_instrument(chart[0]["meta"]))
        return Listing(found)

    def page(self, asked: PageRequest, fetch: Fetch) -> Page:
        """A page of bars or of splits and dividends, or the quote of now."""
        if asked.kind == "quote":
            return self._quote(asked, fetch)
        every = asked.interval or "1d"
        wider_us = DAY_US if every in LONG_BARS else 0  # days begin elsewhere at other times
        about = {
            "period1": (asked.start_us - wider_us) // SECOND_US,
            "period2": -(-(asked.end_us + wider_us) // SECOND_US),
            "interval": GRAINS[every],
            "includePrePost": "false",
            "events": "div,splits",
        }
        found = self._chart(fetch, asked.instrument.venue_symbol, about)
        schema = BAR if asked.kind == "bar" else CORPORATE_ACTION
        if found is None:
            return Page(none(schema), None, asked.end_us)
        chart, body = found
        events = _actions(chart, asked)
        if asked.kind == "corporate_action":
            return Page(events, None, asked.end_us, sha256=body.sha256)
        also: dict[Kind, pa.RecordBatch] = {"corporate_action": events} if len(events) else {}
        bars = _bars(chart, asked, every)
        return Page(bars, None, asked.end_us, sha256=body.sha256, also=also)

    def _quote(self, asked: PageRequest, fetch: Fetch) -> Page:
        about = {"symbols": asked.instrument.venue_symbol, "crumb": self._crumb}
        url = f"{self._url}/v7/finance/quote?{urlencode(about)}"
        body = fetch(Request(url, {"User-Agent": AGENT}, secrets=(quote(self._crumb),)))
        rows = json.loads(body.body)["quoteResponse"]["result"]
        wanted = ("bid", "bidSize", "ask", "askSize")
        row = rows[0] if rows else {}
        if any(row.get(name) is None for name in wanted):
            return Page(none(QUOTE), None, asked.start_us, sha256=body.sha256)
        given: dict[str, Any] = {"ts": times([asked.now_us], 1)}
        names = ("bid", "bid_size", "ask", "ask_size")
        given |= {name: [float(row[key])] for name, key in zip(names, wanted, strict=True)}
        number = asked.instrument.instrument_id
        batch = records(QUOTE, 1, given, instrument_id=number, source=self.id)
        return Page(batch, None, asked.start_us, sha256=body.sha256)

    def _chart(
        self, fetch: Fetch, symbol: str, about: Mapping[str, Any]
    ) -> tuple[dict[str, Any], Answer] | None:
        url = f"{self._url}/v8/finance/chart/{quote(symbol, safe='')}?{urlencode(about)}"
        body = fetch(Request(url, {"User-Agent": AGENT}))
        try:
            found = json.loads(body.body)["chart"]["result"]
        except (json.JSONError, KeyError, TypeError):
            raise refusal("transient", f"`{body.url}` answered no chart") from None
        return (found[0], body) if found else None


def venue_symbol(symbol: str) -> str:
    """How Yahoo calls a symbol of ours; its own ones stay as they are.

    >>> [venue_symbol(one) for one in ("BTC/USD", "EUR/USD", "aapl", "BRK-B")]
    ['BTC-USD', 'EURUSD=X', 'AAPL', 'BRK-B']
    """
    base, slash, other = symbol.upper().partition("/")
    if not slash:
        return base
    is_fiat = base in _FIAT.split() and other in _FIAT.split()
    return f"{base}{other}=X" if is_fiat else f"{base}-{other}"


def _bars(chart: Mapping[str, Any], asked: PageRequest, every: str) -> pa.RecordBatch:
    """The bars of a chart. Rows without a price are no bars; a row that does not begin where a bar
    does is the quote of now."""
    zone, meta = _zone(chart), chart["meta"]
    cells = chart["indicators"]["quote"][0]
    stamps = np.asarray(chart.get("timestamp", ()), np.int64)
    columns = {
        name: _floats(cells.get(name), len(stamps))
        for name in ("open", "high", "low", "close", "volume")
    }
    start_us, is_dated = _starts(stamps, every, zone)
    check_hours(every, start_us, asked)
    there = ~np.all([np.isnan(columns[name]) for name in ("open", "high", "low", "close")], axis=0)
    there &= is_dated & (start_us >= asked.start_us) & (start_us < asked.end_us)
    columns["volume"] = np.where(np.isnan(columns["volume"]), 0.0, columns["volume"])
    ends_us = interval(every).ends(start_us)
    if every == "1d":
        ends_us = np.minimum(ends_us, _session_end(meta, stamps, ends_us))
    given: dict[str, Any] = {name: column[there] for name, column in columns.items()}
    given["ts"] = times(start_us[there], 1)
    given["closed"] = (ends_us <= asked.now_us)[there]
    about = {"instrument_id": asked.instrument.instrument_id, "interval": every, "adj": "split"}
    return records(BAR, int(there.sum()), given, source="yahoo_finance", **about)


def _starts(stamps: Any, every: str, zone: ZoneInfo) -> tuple[Any, Any]:
    """Where bars begin; for days their date at the exchange. And which of them begin there."""
    if every not in LONG_BARS:
        start_us = stamps * SECOND_US
        return start_us, interval(every).starts(start_us) == start_us
    days = [datetime.fromtimestamp(int(at), zone).date() for at in stamps]
    start_us = np.array([_midnight(day) for day in days], np.int64)
    if every == "1d":
        return start_us, np.ones(len(start_us), bool)
    return start_us, interval(every).starts(start_us) == start_us


def check_hours(every: str, start_us: Any, asked: PageRequest) -> None:
    """Refuse hours that begin at a half or a quarter, as where the session does: bars of an hour
    begin with the hour. Raises InputError."""
    if every != "1h" or not len(start_us):
        return
    past_us = start_us % HOUR_US
    if past_us.all() and past_us[0] % QUARTER_US == 0:  # else it is the quote of now alone
        raise refusal(
            "permanent",
            f"Hours of `{asked.instrument.symbol}` begin with the session, not with the hour",
            hint="crawl --interval 30m: longer bars are built from them",
        )


def _session_end(meta: Mapping[str, Any], stamps: Any, otherwise: Any) -> Any:
    """The day's bar is closed when the session of today is over."""
    regular = meta.get("currentTradingPeriod", {}).get("regular", {})
    begin, end = regular.get("start"), regular.get("end")
    if begin is None or end is None:
        return otherwise
    return np.where((stamps >= begin) & (stamps <= end), end * SECOND_US, otherwise)


def _actions(chart: Mapping[str, Any], asked: PageRequest) -> pa.RecordBatch:
    """Splits and dividends, by their day at the exchange."""
    zone, events = _zone(chart), chart.get("events", {})
    found = [
        Action.dividend(_day(one["date"], zone), float(one["amount"]))
        for one in events.get("dividends", {}).values()
    ]
    found += [
        Action.split(_day(one["date"], zone), one["numerator"] / one["denominator"])
        for one in events.get("splits", {}).values()
        if one.get("denominator")
    ]
    inside = [one for one in found if _is_inside(one.day, asked)]
    return actions(inside, asked.instrument, "yahoo_finance")


def _is_inside(day: date, asked: PageRequest) -> bool:
    return asked.start_us <= _midnight(day) < asked.end_us


def _day(at: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(at, zone).date()


def _midnight(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * SECOND_US


def _zone(chart: Mapping[str, Any]) -> ZoneInfo:
    return ZoneInfo(chart["meta"].get("exchangeTimezoneName") or "UTC")


def _floats(cells: Sequence[float | None] | None, count: int) -> Any:
    """A column as floats, NaN where there is none; one without times has no rows."""
    found = np.full(count, np.nan)
    for place, cell in enumerate((cells or ())[:count]):
        found[place] = np.nan if cell is None else cell
    return found


def _instrument(meta: Mapping[str, Any]) -> Instrument:
    named = meta["symbol"]
    kind = CLASSES.get(meta.get("instrumentType", ""), "equity")
    currency = meta.get("currency") or "USD"
    base, symbol = None, named.upper()
    if kind == "crypto" and "-" in named:
        base, _, other = named.upper().partition("-")
        symbol = f"{base}/{other}"
    if kind == "fx" and named.endswith("=X") and len(named) == 8:
        base, symbol = named[:3], f"{named[:3]}/{named[3:6]}"
    calendar = {"fx": "24/5", "equity": "", "etf": ""}.get(kind, "24/7")
    if not calendar:
        calendar = "XNYS" if meta.get("exchangeName") in NEW_YORK else "24/7"
    return Instrument(
        symbol=symbol,
        venue="yahoo_finance",
        venue_symbol=named,
        asset_class=kind,
        currency=currency,
        base=base,
        price_scale=PENCE.get(currency, 1.0),
        calendar=calendar,
        timezone=meta.get("exchangeTimezoneName") or "UTC",
        name=meta.get("longName") or meta.get("shortName"),
    )


def _reason(head: Head) -> str:
    found = re.search(rb'"description"\s*:\s*"([^"]*)"', head.start)
    return found[1].decode("utf-8", "replace") if found else f"status {head.status}"
