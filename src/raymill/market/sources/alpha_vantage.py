"""Alpha Vantage: daily and intraday bars of equities. Every refusal comes with status 200.

A key has so many requests a day, which end at midnight in New York. Times are wall times of the
zone that each answer names.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from raymill import arrow, json
from raymill.errors import ConfigError
from raymill.market.instrument import AssetClass, Instrument
from raymill.market.interval import DAY_US, interval
from raymill.market.schemas import BAR, Kind
from raymill.market.sources.columns import Action, actions, none, numbers, records, times
from raymill.market.sources.contract import (
    Capabilities,
    Fault,
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
from raymill.state.quotas import Quota

URL = "https://www.alphavantage.co"
ZONE = "America/New_York"
COMPACT_US = 120 * DAY_US  # a hundred sessions lie in it for sure
MINUTE_S, SECOND_S = 60.0, 1.5
GRAINS = {"1m": "1min", "5m": "5min", "15m": "15min", "30m": "30min"}
_REFUSAL = re.compile(
    rb'^\s*\{\s*"(Error Message|Information|Note)"\s*:\s*"((?:[^"\\]|\\.)*)', re.DOTALL
)
_CLASSES: dict[str, AssetClass] = {"Equity": "equity", "ETF": "etf", "Mutual Fund": "fund"}
_ZONES = {"US/Eastern": ZONE}


class AlphaVantage:
    """Translates the time series of equities of Alpha Vantage.

    per_day, rate: what the key allows. premium: it may ask for adjusted series, which tell of
    splits and dividends too.
    """

    id = "alpha_vantage"
    capabilities = Capabilities(
        kinds=("bar",), intervals=(*GRAINS, "1d"), adjusted="raw", needs_key=True
    )

    def __init__(
        self,
        url: str = URL,
        key: str = "",
        per_day: int = 25,
        rate: float = 1.0,
        premium: bool = False,
    ) -> None:
        self._url, self._key, self._premium = url.rstrip("/"), key, premium
        self.limits: Sequence[LimitRule] = limits(per_day, rate)

    def judge(self, head: Head, now: float) -> Verdict:
        """What an answer means, by its first key."""
        return judged(head, now)

    def used(self, head: Head) -> Mapping[str, float]:
        """It does not say."""
        return {}

    def instruments(self, fetch: Fetch, symbols: Sequence[str] = ()) -> Listing:
        """What Alpha Vantage says of symbols, a request for each."""
        found = []
        for symbol in symbols:
            about = {"function": "SYMBOL_SEARCH", "keywords": symbol.upper()}
            answer = json.loads(ask(self._url, self._key, fetch, about).body)
            rows = (row for row in answer.get("bestMatches", ()))
            exact = [row for row in rows if row["1. symbol"].upper() == symbol.upper()]
            found += [_instrument(row) for row in exact[:1]]
        return Listing(found)

    def page(self, asked: PageRequest, fetch: Fetch) -> Page:
        """Daily bars whole, or the minutes of a month."""
        return self._days(asked, fetch) if asked.interval == "1d" else self._minutes(asked, fetch)

    def _days(self, asked: PageRequest, fetch: Fetch) -> Page:
        is_recent = asked.now_us - asked.start_us < COMPACT_US
        adjusted = "_ADJUSTED" if self._premium else ""
        about = {
            "function": f"TIME_SERIES_DAILY{adjusted}",
            "symbol": asked.instrument.venue_symbol,
            "outputsize": "compact" if is_recent else "full",
        }
        body = ask(self._url, self._key, fetch, about)
        rows = series(body)
        bars = as_bars(rows, asked, "1d", self.id)
        events = actions(_actions(rows, asked), asked.instrument, self.id)
        also: dict[Kind, pa.RecordBatch] = {"corporate_action": events} if len(events) else {}
        return Page(bars, None, asked.end_us, sha256=body.sha256, also=also)

    def _minutes(self, asked: PageRequest, fetch: Fetch) -> Page:
        month = asked.cursor or _month(asked.start_us)
        about = {
            "function": "TIME_SERIES_INTRADAY",
            "symbol": asked.instrument.venue_symbol,
            "interval": GRAINS[asked.interval or "1m"],
            "month": month,
            "adjusted": "false",
            "extended_hours": "false",
            "outputsize": "full",
        }
        body = ask(self._url, self._key, fetch, about)
        bars = as_bars(series(body), asked, asked.interval or "1m", self.id)
        after, begin_us = _next_month(month)
        is_last = begin_us >= asked.end_us
        complete_us = min(begin_us, asked.end_us)
        return Page(bars, None if is_last else after, complete_us, sha256=body.sha256)


def limits(per_day: int, rate: float) -> tuple[LimitRule, ...]:
    """The limits of a key."""
    return (
        LimitRule("second", rate, 1.0),
        LimitRule("day", float(per_day), per="day", zone=ZONE),
    )


def judged(head: Head, now: float) -> Verdict:
    """What an answer means: status 200 says nothing here."""
    if head.status == 429:
        return verdict("rate_limited", "429", retry_after(head.header("retry-after"), now))
    if head.status >= 500 or head.start.lstrip()[:1] == b"<":
        return verdict("transient", f"status {head.status}")
    found = _REFUSAL.match(head.start)
    if found is None:
        return Verdict("ok") if head.status < 300 else verdict("permanent", f"{head.status}")
    text = found[2].decode("utf-8", "replace")
    fault, wait_s = _fault(found[1], text, now)
    return verdict(fault, _without_key(text)[:200], wait_s)


def _fault(key: bytes, text: str, now: float) -> tuple[Fault, float | None]:
    """Which fault a refusal tells of, by its words."""
    if key == b"Error Message":
        return "permanent", None
    if "calls per minute" in text:
        return "rate_limited", MINUTE_S
    if "spreading out" in text or ("per second" in text and "per day" not in text):
        return "rate_limited", SECOND_S
    if "premium endpoint" in text or "demo purposes" in text:
        return "permanent", None
    if "per day" in text or "daily" in text:
        quota = Quota(1, ZONE)
        return "daily_quota", quota.ends(quota.day(now)) - now
    return "permanent", None


def _without_key(text: str) -> str:
    return re.sub(r"API key as \S+", "API key", text)


def ask(url: str, key: str, fetch: Fetch, about: Mapping[str, str]) -> Answer:
    """Ask with the key, which is shown nowhere. Raises ConfigError without one."""
    if not key:
        raise ConfigError(
            "Alpha Vantage asks for a key, and there is none",
            hint="export ALPHA_VANTAGE_API_KEY=...; one is free on its pages",
        )
    return fetch(
        Request(f"{url}/query?{urlencode({**about, 'apikey': key})}", secrets=(quote(key),))
    )


class Rows:
    """A time series: where its bars begin, and its cells by name."""

    def __init__(self, start_us: Any, cells: Sequence[Mapping[str, str]]) -> None:
        self.start_us, self.cells = start_us, cells

    def column(self, name: str) -> list[str | None]:
        """The cells of a column; the keys of Alpha Vantage begin with a number."""
        return [_cell(row, name) for row in self.cells]


def _cell(row: Mapping[str, str], name: str) -> str | None:
    return next((text for key, text in row.items() if key.partition(". ")[2] == name), None)


def series(body: Answer) -> Rows:
    """The time series of an answer, the oldest first. Raises SourceError, InputError."""
    try:
        found = json.loads(body.body)
    except json.JSONError:
        raise refusal("transient", f"`{body.url}` answered no JSON") from None
    name = next((key for key in found if "Time Series" in key), None)
    if name is None:
        return Rows(np.zeros(0, np.int64), [])
    about = {key.partition(". ")[2]: text for key, text in found.get("Meta Data", {}).items()}
    zone = ZoneInfo(_ZONES.get(about.get("Time Zone", ""), about.get("Time Zone") or "UTC"))
    rows = sorted(found[name].items())
    start_us = np.array([_start(text, zone) for text, _ in rows], np.int64)
    return Rows(start_us, [cells for _, cells in rows])


def _start(text: str, zone: ZoneInfo) -> int:
    """A bare date is a session, named after its day; a wall time is that of the zone."""
    at = datetime.fromisoformat(text)
    at = at.replace(tzinfo=UTC if len(text) == 10 else zone)
    return int(at.timestamp()) * 1_000_000


def as_bars(rows: Rows, asked: PageRequest, every: str, source: str) -> pa.RecordBatch:
    """The bars of a time series in the range that was asked for."""
    if not len(rows.start_us):
        return none(BAR)
    inside = (rows.start_us >= asked.start_us) & (rows.start_us < asked.end_us)
    volume = numbers(rows.column("volume"))
    given: dict[str, Any] = {
        name: numbers(rows.column(name)) for name in ("open", "high", "low", "close")
    }
    given["volume"] = arrow.fill_null(volume, 0.0)
    given["ts"] = times(rows.start_us, 1)
    given["closed"] = interval(every).ends(rows.start_us) <= asked.now_us
    number = asked.instrument.instrument_id
    about = {"instrument_id": number, "interval": every, "adj": "raw", "source": source}
    batch = records(BAR, len(rows.start_us), given, **about)
    return arrow.keep_rows(batch, inside)


def _actions(rows: Rows, asked: PageRequest) -> Iterator[Action]:
    """Splits and dividends that adjusted series tell beside the bars."""
    ratios, amounts = rows.column("split coefficient"), rows.column("dividend amount")
    for at_us, ratio, amount in zip(rows.start_us, ratios, amounts, strict=True):
        if not asked.start_us <= at_us < asked.end_us:
            continue
        day = datetime.fromtimestamp(at_us / 1e6, UTC).date()
        if ratio is not None and float(ratio) != 1.0:
            yield Action.split(day, float(ratio))
        if amount is not None and float(amount) != 0.0:
            yield Action.dividend(day, float(amount))


def _instrument(row: Mapping[str, str]) -> Instrument:
    is_american = row.get("4. region") == "United States"
    return Instrument(
        symbol=row["1. symbol"].upper(),
        venue="alpha_vantage",
        venue_symbol=row["1. symbol"],
        asset_class=_CLASSES.get(row.get("3. type", ""), "equity"),
        currency=row.get("8. currency", "USD"),
        calendar="XNYS" if is_american else "24/7",
        timezone=ZONE if is_american else "UTC",
        name=row.get("2. name"),
        country=row.get("4. region"),
    )


def _month(at_us: int) -> str:
    at = datetime.fromtimestamp(at_us / 1e6, ZoneInfo(ZONE))
    return f"{at.year}-{at.month:02}"


def _next_month(month: str) -> tuple[str, int]:
    """The month after, and where it begins at the exchange."""
    year, number = int(month[:4]), int(month[5:])
    year, number = (year + 1, 1) if number == 12 else (year, number + 1)
    begin = datetime(year, number, 1, tzinfo=ZoneInfo(ZONE))
    return f"{year}-{number:02}", int(begin.timestamp()) * 1_000_000
