"""Yahoo Finance through the client yfinance, for when Yahoo wants to see a browser.

Its requests go through the same limits as all others; prices are adjusted for splits.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from raymill.errors import EngineUnavailable, RaymillError
from raymill.market.instrument import Instrument
from raymill.market.interval import DAY_US, interval
from raymill.market.schemas import BAR, CORPORATE_ACTION, Kind
from raymill.market.sources.columns import Action, actions, none, records, times
from raymill.market.sources.contract import (
    Capabilities,
    Fetch,
    LimitRule,
    Listing,
    Page,
    PageRequest,
    refusal,
)
from raymill.market.sources.yahoo_finance import (
    CLASSES,
    GRAINS,
    LONG_BARS,
    NEW_YORK,
    PENCE,
    REACH_US,
    check_hours,
    venue_symbol,
)
from raymill.net import Head, Verdict


class Yfinance:
    """Translates the tables of yfinance.

    client: the module, imported where it is not given. Raises EngineUnavailable without it.
    """

    id = "yfinance"
    capabilities = Capabilities(
        kinds=("bar", "corporate_action"),
        intervals=tuple(GRAINS),
        span_us={"1m": 7 * DAY_US},
        back_us=REACH_US,
        adjusted="split",
    )
    limits: Sequence[LimitRule] = (
        LimitRule("second", 1.0, 1.0),
        LimitRule("day", 2000.0, per="day"),
    )

    def __init__(self, client: Any = None) -> None:
        self._client = client or _client()

    def judge(self, head: Head, now: float) -> Verdict:
        """yfinance asks by itself."""
        return Verdict("ok")

    def used(self, head: Head) -> Mapping[str, float]:
        """It does not say."""
        return {}

    def instruments(self, fetch: Fetch, symbols: Sequence[str] = ()) -> Listing:
        """What Yahoo says of symbols."""
        found = []
        for symbol in symbols:
            name = venue_symbol(symbol)
            about = self._ask(fetch, name, lambda: self._client.Ticker(name).history_metadata)  # noqa: B023
            if about:
                found.append(_instrument(about, symbol))
        return Listing(found)

    def page(self, asked: PageRequest, fetch: Fetch) -> Page:
        """Bars with the splits and dividends among them."""
        every = asked.interval or "1d"
        wider_us = DAY_US if every in LONG_BARS else 0
        name = asked.instrument.venue_symbol
        start, end = (
            datetime.fromtimestamp(at / 1e6, UTC)
            for at in (asked.start_us - wider_us, asked.end_us + wider_us)
        )
        rows = self._ask(
            fetch,
            name,
            lambda: self._client.Ticker(name).history(
                start=start,
                end=end,
                interval=GRAINS[every],
                auto_adjust=False,
                actions=True,
                prepost=False,
                raise_errors=True,
            ),
        )
        bars, events = _records(rows, asked, every)
        if asked.kind == "corporate_action":
            return Page(events, None, asked.end_us)
        also: dict[Kind, pa.RecordBatch] = {"corporate_action": events} if len(events) else {}
        return Page(bars, None, asked.end_us, also=also)

    def _ask(self, fetch: Fetch, name: str, work: Any) -> Any:
        def told() -> Any:
            try:
                return work()
            except Exception as error:
                raise fault(error) from error

        return fetch.through(name, told)


def fault(error: Exception) -> RaymillError:
    """What an error of yfinance means, by its name."""
    name = type(error).__name__
    text = f"{name}: {error}"[:300]
    if "RateLimit" in name:
        return refusal("rate_limited", text, wait_s=60.0)
    if "PricesMissing" in name or "TickerMissing" in name:
        return refusal("unknown_symbol", text)
    if "InvalidPeriod" in name or "days worth" in str(error):
        return refusal("range_too_long", text)
    if "Timeout" in name or "Connection" in name or "HTTPError" in name:
        return refusal("transient", text)
    raise error


def _client() -> Any:
    try:
        import yfinance  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        raise EngineUnavailable(
            "Source `yfinance` is not installed", hint="pip install 'raymill[yahoo]'"
        ) from error
    return yfinance


def _records(rows: Any, asked: PageRequest, every: str) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Bars and actions of a table with an index of times; a day is named after its date."""
    stamps = list(rows.index)
    if not stamps:
        return none(BAR), none(CORPORATE_ACTION)
    if every in LONG_BARS:
        days = [datetime(at.year, at.month, at.day, tzinfo=UTC) for at in stamps]
        start_us = np.array([int(day.timestamp()) * 1_000_000 for day in days], np.int64)
    else:
        start_us = np.array([int(at.timestamp() * 1e6) for at in stamps], np.int64)
    check_hours(every, start_us, asked)
    inside = (start_us >= asked.start_us) & (start_us < asked.end_us)
    given: dict[str, Any] = {
        name.lower(): np.asarray(rows[name], np.float64)[inside]
        for name in ("Open", "High", "Low", "Close", "Volume")
    }
    kept_us = start_us[inside]
    given["ts"] = times(kept_us, 1)
    given["closed"] = interval(every).ends(kept_us) <= asked.now_us
    number = asked.instrument.instrument_id
    about = {"instrument_id": number, "interval": every, "adj": "split", "source": "yfinance"}
    bars = records(BAR, len(kept_us), given, **about)
    return bars, actions(_actions(rows, start_us, inside), asked.instrument, "yfinance")


def _actions(rows: Any, start_us: Any, inside: Any) -> Iterator[Action]:
    for name, made in (("Dividends", Action.dividend), ("Stock Splits", Action.split)):
        if name not in set(rows.columns):
            continue
        values = np.asarray(rows[name], np.float64)
        for place in np.flatnonzero(inside & (values != 0) & ~np.isnan(values)):
            day = datetime.fromtimestamp(start_us[place] / 1e6, UTC).date()
            yield made(day, float(values[place]))


def _instrument(about: Mapping[str, Any], symbol: str) -> Instrument:
    named, currency = str(about.get("symbol") or symbol), str(about.get("currency") or "USD")
    is_american = about.get("exchangeName") in NEW_YORK
    return Instrument(
        symbol=symbol.upper(),
        venue="yfinance",
        venue_symbol=named,
        asset_class=CLASSES.get(str(about.get("instrumentType")), "equity"),
        currency=currency,
        price_scale=PENCE.get(currency, 1.0),
        calendar="XNYS" if is_american else "24/7",
        timezone=str(about.get("exchangeTimezoneName") or "UTC"),
        name=about.get("longName"),
    )
