"""Momentum across instruments: the ones that have risen most."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

from annotated_types import Ge

from raymill.market.strategy import Bar, Context, Strategy


@dataclass
class XsMom(Strategy):
    """Hold the instruments that have risen most, in equal parts (Jegadeesh, Titman 1993).

    Every `rebalance` bars those with a full window are ranked by
    P(t - skip) / P(t - skip - lookback) - 1, equal ones by symbol; the first `top` get a weight of
    1 / top each, with `short` the last `top` get -1 / top, all others nothing. Twelve months less
    one, on daily bars, are 231 and 21.

    lookback: bars of the return.
    skip: bars before now that are left out.
    top: how many are held.
    rebalance: bars from one ranking to the next.
    short: sell the last ones short.
    """

    instruments: ClassVar[int | None] = None

    lookback: Annotated[int, Ge(1)] = 231
    skip: Annotated[int, Ge(0)] = 21
    top: Annotated[int, Ge(1)] = 1
    rebalance: Annotated[int, Ge(1)] = 21
    short: bool = False

    def __post_init__(self) -> None:
        self._closes: dict[str, deque[float]] = {}
        self._left = 0

    @property
    def history(self) -> int:
        """The span with what is left out."""
        return self.lookback + self.skip + 1

    def on_bar(self, ctx: Context, bars: Mapping[str, Bar]) -> dict[str, float] | None:
        """Rank, when it is time to."""
        for symbol, bar in bars.items():
            if symbol not in self._closes:
                self._closes[symbol] = deque(maxlen=self.history)
            self._closes[symbol].append(bar.close)
        if self._left:
            self._left -= 1
            return None
        ranked = self._ranked(bars)
        if not ranked:
            return None
        self._left = self.rebalance - 1
        ctx.rebalance()
        weights = dict.fromkeys(self._closes, 0.0)
        weights |= dict.fromkeys(ranked[: self.top], 1.0 / self.top)
        if self.short:
            last = ranked[self.top :][-self.top :]
            weights |= dict.fromkeys(last, -1.0 / self.top)
        return weights

    def _ranked(self, bars: Mapping[str, Bar]) -> list[str]:
        """The instruments with a bar now and a full window, the best first."""
        moves = {
            symbol: closes[-1 - self.skip] / closes[-1 - self.skip - self.lookback] - 1.0
            for symbol, closes in self._closes.items()
            if symbol in bars and len(closes) == self.history
        }
        return sorted(moves, key=lambda symbol: (-moves[symbol], symbol))
