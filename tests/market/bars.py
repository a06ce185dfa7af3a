"""Bars for tests: written by hand, or drawn by hypothesis."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

from raymill.market.interval import DAY_US
from raymill.market.prices import Prices
from raymill.market.strategy import Strategy

MONDAY = 1_577_664_000_000_000  # 2019-12-30T00:00:00Z


def bars(
    closes: list[float],
    opens: list[float] | None = None,
    *,
    symbol: str = "X",
    every: int = DAY_US,
    volume: float = 1000.0,
    first: int = MONDAY,
) -> Prices:
    """Bars with these closes; a bar opens at the close before unless opens are given."""
    close = np.array(closes, float)
    open_ = np.array(opens, float) if opens else np.append(close[0], close[:-1])
    ts = first + np.arange(len(close)) * every
    high, low = np.maximum(open_, close), np.minimum(open_, close)
    return Prices(symbol, ts, open_, high, low, close, np.full(len(close), volume))


def walk(count: int, seed: int = 1, step: float = 0.01, symbol: str = "X") -> Prices:
    """A random walk."""
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, step, count)))
    open_ = np.append(100.0, close[:-1]) * np.exp(rng.normal(0, step / 4, count))
    return bars(close.tolist(), open_.tolist(), symbol=symbol)


@st.composite
def some_bars(draw: st.DrawFn, most: int = 120) -> Prices:
    """Bars whose closes rest, repeat, jump and creep."""
    count = draw(st.integers(2, most))
    level = st.sampled_from([1e-6, 0.1, 10.0, 10.01, 12.0, 99.99, 1e5])
    levels = draw(st.lists(level | st.floats(5, 20), min_size=1, max_size=8))
    closes = [draw(st.sampled_from(levels)) for _ in range(count)]
    if draw(st.booleans()):  # stretches in which nothing happens
        closes = [closes[at // 7 * 7] for at in range(count)]
    gaps = draw(st.lists(st.sampled_from([0.9, 1.0, 1.0, 1.05]), min_size=count, max_size=count))
    opens = [max(close * gap, 1e-9) for close, gap in zip([closes[0], *closes], gaps, strict=False)]
    return bars(closes, opens)


@dataclass
class Scripted(Strategy):
    """Decides what is written down for each bar: a weight, weights by symbol, or None."""

    script: tuple = ()
    _at: int = field(default=0, init=False)

    def on_bar(self, ctx, bars):
        """The next line of the script."""
        self._at += 1
        return self.script[self._at - 1] if self._at <= len(self.script) else None


@dataclass
class ScriptedColumns(Scripted):
    """The same, over columns too."""

    def vector(self, bars, out):
        """The script as a column."""
        lines = [np.nan if line is None else line for line in self.script]
        out[: len(lines)] = lines[: len(out)]


@dataclass
class ScriptedMany(Scripted):
    """The same for any number of instruments."""

    instruments = None


def write_csv(folder: Path, name: str, rows: Callable[[], list[str]] | list[str]) -> Path:
    """A file of lines."""
    path = folder / name
    path.write_text("\n".join(rows if isinstance(rows, list) else rows()) + "\n")
    return path
