"""Exchange rates, as Alpha Vantage has them: daily bars, minutes with a premium key, the quote of
now. Rates have no volume; it is 0."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from raymill import json
from raymill.market.instrument import Instrument
from raymill.market.interval import DAY_US
from raymill.market.schemas import QUOTE
from raymill.market.sources.alpha_vantage import (
    COMPACT_US,
    GRAINS,
    URL,
    as_bars,
    ask,
    judged,
    limits,
    series,
)
from raymill.market.sources.columns import none, numbers, records, times
from raymill.market.sources.contract import (
    Capabilities,
    Fetch,
    LimitRule,
    Listing,
    Page,
    PageRequest,
)
from raymill.net import Head, Verdict


class ForexApi:
    """Translates the exchange rates of Alpha Vantage."""

    id = "forex_api"
    capabilities = Capabilities(
        kinds=("bar", "quote"),
        intervals=(*GRAINS, "1d"),
        back_us=dict.fromkeys(GRAINS, 29 * DAY_US),
        adjusted="raw",
        needs_key=True,
    )

    def __init__(
        self,
        url: str = URL,
        key: str = "",
        per_day: int = 25,
        rate: float = 1.0,
        budget: str = "forex_api",
    ) -> None:
        self._url, self._key = url.rstrip("/"), key
        self.budget = budget
        """Whose limits it shares: those of the source that has the same key."""
        self.limits: Sequence[LimitRule] = limits(per_day, rate)

    def judge(self, head: Head, now: float) -> Verdict:
        """What an answer means, by its first key."""
        return judged(head, now)

    def used(self, head: Head) -> Mapping[str, float]:
        """It does not say."""
        return {}

    def instruments(self, fetch: Fetch, symbols: Sequence[str] = ()) -> Listing:
        """Pairs of currencies, as in EUR/USD or EURUSD; nobody is asked."""
        pairs = (_pair(symbol) for symbol in symbols)
        return Listing([_instrument(*pair) for pair in pairs if pair is not None])

    def page(self, asked: PageRequest, fetch: Fetch) -> Page:
        """Bars, or the quote of now."""
        if asked.kind == "quote":
            return self._quote(asked, fetch)
        every = asked.interval or "1d"
        is_recent = every == "1d" and asked.now_us - asked.start_us < COMPACT_US
        about = self._asked(asked) | {"outputsize": "compact" if is_recent else "full"}
        if every == "1d":
            about["function"] = "FX_DAILY"
        else:
            about |= {"function": "FX_INTRADAY", "interval": GRAINS[every]}
        body = ask(self._url, self._key, fetch, about)
        bars = as_bars(series(body), asked, every, self.id)
        return Page(bars, None, asked.end_us, sha256=body.sha256)

    def _quote(self, asked: PageRequest, fetch: Fetch) -> Page:
        pair = asked.instrument
        about = {"from_currency": pair.base or "", "to_currency": pair.currency}
        about["function"] = "CURRENCY_EXCHANGE_RATE"
        body = ask(self._url, self._key, fetch, about)
        found = json.loads(body.body).get("Realtime Currency Exchange Rate", {})
        cells = {key.partition(". ")[2]: text for key, text in found.items()}
        rate = cells.get("Exchange Rate")
        if rate is None:
            return Page(none(QUOTE), None, asked.start_us, sha256=body.sha256)
        at = datetime.fromisoformat(cells["Last Refreshed"]).replace(tzinfo=UTC)
        given: dict[str, Any] = {
            "ts": times([int(at.timestamp()) * 1_000_000], 1),
            "bid": numbers([_price(cells.get("Bid Price"), rate)]),
            "ask": numbers([_price(cells.get("Ask Price"), rate)]),
        }
        number = pair.instrument_id
        batch = records(QUOTE, 1, given, instrument_id=number, source=self.id)
        return Page(batch, None, asked.start_us, sha256=body.sha256)

    @staticmethod
    def _asked(asked: PageRequest) -> dict[str, str]:
        pair = asked.instrument
        return {"from_symbol": pair.base or "", "to_symbol": pair.currency}


def _price(text: str | None, rate: str) -> str:
    """A side of the quote; the middle where the vendor tells no sides."""
    return rate if text in (None, "", "-") else text


def _pair(symbol: str) -> tuple[str, str] | None:
    """The currencies of a symbol.

    >>> _pair("eurusd"), _pair("GBP/JPY"), _pair("AAPL")
    (('EUR', 'USD'), ('GBP', 'JPY'), None)
    """
    text = symbol.upper().removesuffix("=X").replace("/", "")
    return (text[:3], text[3:]) if len(text) == 6 and text.isalpha() else None


def _instrument(base: str, other: str) -> Instrument:
    return Instrument(
        symbol=f"{base}/{other}",
        venue="forex_api",
        venue_symbol=f"{base}{other}",
        asset_class="fx",
        base=base,
        currency=other,
        calendar="24/5",
    )
