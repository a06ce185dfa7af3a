"""Binance's combined stream: trades, best prices, changes of the book and bars out of its frames.

Times of Binance are milliseconds. A best price bears no time; it gets that of its arrival.
"""

from collections.abc import Callable, Iterable, Sequence
from math import inf
from typing import Any

from raymill import json
from raymill.market.instrument import Instrument
from raymill.market.streams.book import Diff, Level
from raymill.market.streams.heard import Bad, Heard, Reply, Wanted
from raymill.net.websocket import Frame, Manners

URL = "wss://stream.binance.com:9443"
MANNERS = Manners(between_s=0.5)  # five messages a second are too many at times, two never were
MOST_NAMES = 1024
BATCH_NAMES = 200
LARGEST = 1 << 50  # of numbers and milliseconds
_UNREADABLE = (KeyError, TypeError, ValueError, AttributeError, IndexError)


class BinanceFeed:
    """The words of the combined stream for some instruments.

    wanted: what is wanted of each; interval: of which bars.
    """

    def __init__(
        self,
        instruments: Iterable[Instrument],
        wanted: Sequence[Wanted],
        *,
        interval: str = "1m",
        url: str = URL,
        manners: Manners = MANNERS,
        most_names: int = MOST_NAMES,
        batch_names: int = BATCH_NAMES,
    ) -> None:
        self.manners, self.most_names, self.batch_names = manners, most_names, batch_names
        self._url, self._interval = url.rstrip("/"), interval
        known = list(instruments)
        self._numbers = {one.venue_symbol: one.instrument_id for one in known}
        self.names: Sequence[str] = [_name(one, kind, interval) for one in known for kind in wanted]
        self._readers: dict[str | None, Callable[[Heard, Any, int], None]] = {
            "aggTrade": self._trade,
            "depthUpdate": self._diff,
            "kline": self._bar,
            None: self._quote,
        }

    @property
    def url(self) -> str:
        """Where to connect."""
        return f"{self._url}/stream"

    def instruments_of(self, names: Iterable[str]) -> set[int]:
        """Whose names these are."""
        return {self._numbers[name.partition("@")[0].upper()] for name in names}

    def subscribe(self, names: Sequence[str], number: int) -> str:
        """The message that asks for streams.

        >>> BinanceFeed((), ()).subscribe(["btcusdt@aggTrade"], 1)
        '{"method":"SUBSCRIBE","params":["btcusdt@aggTrade"],"id":1}'
        """
        return _message("SUBSCRIBE", names, number)

    def unsubscribe(self, names: Sequence[str], number: int) -> str:
        """The message that gives streams up."""
        return _message("UNSUBSCRIBE", names, number)

    def read(self, frames: Sequence[Frame]) -> Heard:
        """What frames say."""
        heard = Heard()
        loads, readers = json.loads, self._readers
        for received, body in frames:
            heard.size_bytes += len(body)
            try:
                message = loads(body)
                data = message.get("data")
                if data is None:
                    _reply(heard, message)
                    continue
                heard.messages += 1
                readers[data.get("e")](heard, data, received)
            except _UNREADABLE as error:
                heard.bad.append(Bad(body, _reason(error), received))
        if frames:
            heard.first_received = frames[0].received
            heard.last_received = frames[-1].received
        return heard

    def _trade(self, heard: Heard, data: Any, received: int) -> None:
        price, size = float(data["p"]), float(data["q"])
        if not (0 < price < inf and 0 < size < inf):
            raise ValueError("a price or a size is no number above 0")
        number, at, told = data["a"], data["T"], data["E"]
        _check_whole(number, at, told)
        side = -1 if data["m"] else 1  # the buyer's order was there before: the seller took it
        row = (self._numbers[data["s"]], at * 1000, number, price, size, side, received)
        heard.trades.append(row)
        _note(heard, told * 1000, received)

    def _quote(self, heard: Heard, data: Any, received: int) -> None:
        bid, ask = float(data["b"]), float(data["a"])
        sizes = float(data["B"]), float(data["A"])
        if not (0 < bid < inf and 0 < ask < inf and min(sizes) >= 0 and max(sizes) < inf):
            raise ValueError("a price or a size is no number")
        number, update = self._numbers[data["s"]], data["u"]
        _check_whole(update, 0, 0)
        heard.quotes.append((number, received, bid, sizes[0], ask, sizes[1], update, received))

    def _diff(self, heard: Heard, data: Any, received: int) -> None:
        number, at = self._numbers[data["s"]], data["E"]
        first, last = data["U"], data["u"]
        _check_whole(at, first, last)
        bids, asks = _levels(data["b"]), _levels(data["a"])
        heard.diffs.append(Diff(number, at * 1000, first, last, bids, asks, received))
        _note(heard, at * 1000, received)

    def _bar(self, heard: Heard, data: Any, received: int) -> None:
        bar = data["k"]
        prices = tuple(float(bar[name]) for name in "ohlcv")
        if not (0 < prices[2] <= prices[0] <= prices[1] < inf and 0 <= prices[4] < inf):
            raise ValueError("open, high and low of a bar do not fit")
        _check_whole(bar["t"], bar["n"], data["E"])
        if bar["i"] != self._interval:
            raise ValueError(f"a bar of `{bar['i']}` was not asked for")
        row = (self._numbers[data["s"]], self._interval, bar["t"] * 1000, *prices)
        traded, volume = float(bar["q"]), prices[4]
        vwap = traded / volume if volume else None
        heard.bars.append((*row, traded, bar["n"], vwap, bool(bar["x"])))
        _note(heard, data["E"] * 1000, received)


def cursor(number: int) -> str:
    """The cursor of the page of trades that begins with this number."""
    return f"id:{number}"


def _name(one: Instrument, kind: Wanted, interval: str) -> str:
    name = {"trades": "aggTrade", "quotes": "bookTicker", "book": "depth@100ms"}.get(kind)
    return f"{one.venue_symbol.lower()}@{name or f'kline_{interval}'}"


def _message(method: str, names: Sequence[str], number: int) -> str:
    return json.dumps({"method": method, "params": list(names), "id": number}).decode()


def _check_whole(one: Any, two: Any, three: Any) -> None:
    if not type(one) is type(two) is type(three) is int:
        raise ValueError("a number or a time is no whole number")
    if not (0 <= one < LARGEST and 0 <= two < LARGEST and 0 <= three < LARGEST):
        raise ValueError("a number or a time is too large")


def _levels(side: Any) -> list[Level]:
    found = [(float(price), float(size)) for price, size in side]
    for price, size in found:
        if not (0 < price < inf and 0 <= size < inf):
            raise ValueError("a price or a size is no number")
    return found


def _note(heard: Heard, event: int, received: int) -> None:
    heard.lags.append(received - event)
    if event > heard.last_event:
        heard.last_event = event


def _reply(heard: Heard, message: Any) -> None:
    error = message.get("error") or (message if "code" in message else None)
    if error:
        text = f"{error.get('msg', 'no reason given')} (code {error.get('code')})"
        heard.replies.append(Reply(int(message.get("id") or 0), text))
    elif "id" in message:
        heard.replies.append(Reply(message["id"]))


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"`{error.args[0]}` is missing or unknown"
    if isinstance(error, json.JSONError):
        return "it is no JSON"
    return str(error) if isinstance(error, ValueError) else "it is no message"
