"""The sample prices, and what plain Python makes of them, without anything of the market's code."""

import csv
import gzip
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from raymill.app.demo.chart import Chart, Curve

SHARE = "GOOG"  # it paid no dividend and had no split in these years
FAST, SLOW, FEE_BPS = 50, 200, 10.0


@dataclass(slots=True)
class Bars:
    """The days of one company, in their order."""

    days: list[str] = field(default_factory=list)
    open: list[float] = field(default_factory=list)
    close: list[float] = field(default_factory=list)


def bars_of(path: Path) -> Mapping[str, Bars]:
    """The bars of the sample file by company."""
    found: dict[str, Bars] = defaultdict(Bars)
    with gzip.open(path, "rt", newline="") as file:
        for row in csv.DictReader(file):
            one = found[row["Ticker"]]
            one.days.append(row["Date"])
            one.open.append(float(row["Open"]))
            one.close.append(float(row["Close"]))
    return found


def above_their_mean(bars: Mapping[str, Bars], window: int) -> list[str]:
    """Which companies closed above the mean of their last closes."""
    whole = {name: one.close[-window:] for name, one in bars.items() if len(one.close) >= window}
    return sorted(name for name, close in whole.items() if close[-1] > sum(close) / window)


def equity_of_a_plain_loop(bars: Bars) -> list[float]:
    """What becomes of 1: all of it in the share while the fast mean is above the slow one.

    Decided on a close, bought or sold at the next open, with the fee on both sides.
    """
    cash, units, wanted, fee = 1.0, 0.0, False, FEE_BPS / 1e4
    equity = []
    for day, (open_, close) in enumerate(zip(bars.open, bars.close, strict=True)):
        if wanted and not units:
            units = cash / (open_ * (1 + fee))
            cash = 0.0
        elif units and not wanted:
            cash = units * open_ * (1 - fee)
            units = 0.0
        equity.append(cash + units * close)
        past = bars.close[max(0, day + 1 - SLOW) : day + 1]
        if len(past) == SLOW:
            wanted = sum(past[-FAST:]) / FAST > sum(past) / SLOW
    return equity


def curves(bars: Bars, equity: list[float]) -> str:
    """The drawing of holding against the rule."""
    noon = [datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1e3 for day in bars.days]
    times, held = np.array(noon), np.array(bars.close) / bars.open[0]
    lines = [
        Curve("bought and held", "line", times, held),
        Curve(f"mean of {FAST} days above that of {SLOW}", "line", times, np.array(equity)),
    ]
    return Chart(f"{SHARE}: what becomes of 1", "times", lines).svg()
