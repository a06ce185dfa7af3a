"""What came of a run, as figures; each ratio says its formula and how many bars make a year.

Libraries disagree by a third on one curve of equity, so a figure without its formula says little.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from raymill.market.prices import Numbers
from raymill.market.simulate import Sum

FORMULAS = {
    "final_equity": "E_n / E_0, equity at the last close as a multiple of the initial cash",
    "total_return": "E_n / E_0 - 1",
    "cagr": "(E_n / E_0)^(ppy / n) - 1",
    "ann_vol": "std(r, ddof=1) * sqrt(ppy)",
    "sharpe": "mean(r) / std(r, ddof=1) * sqrt(ppy), risk-free rate 0",
    "sortino": "mean(r) / sqrt(mean(min(r, 0)^2)) * sqrt(ppy), the mean over all n",
    "max_drawdown": "min(E_i / max(E_0 .. E_i) - 1)",
    "calmar": "cagr / abs(max_drawdown)",
    "closed_trades": "round trips that were closed; one that is open at the end is not counted",
    "win_rate": "closed trades with a profit above 0 after costs / closed trades",
    "periods_per_year": "ppy: how many bars make a year",
    "omega": "sum(max(r, 0)) / -sum(min(r, 0))",
    "ulcer": "sqrt(mean(d^2)), d the drawdown of each bar",
    "var_95": "the 5 % quantile of r, linear between neighbours",
    "cvar_95": "mean of the lowest floor((n - 1) * 5 %) + 1 of the r",
    "skew": "mean((r - mean)^3) / std(r, ddof=0)^3",
    "kurtosis": "mean((r - mean)^4) / std(r, ddof=0)^4 - 3",
    "tail_ratio": "abs(95 % quantile of r) / abs(5 % quantile of r)",
    "turnover": "traded notional of both sides / mean(E) / years, years = n / ppy",
    "exposure": "bars with a position / n",
    "gross_exposure": "mean of (longs + abs(shorts)) / E over all n, valued at the close",
    "net_exposure": "mean of (longs - abs(shorts)) / E over all n, valued at the close",
    "profit_factor": "sum of profits / sum of losses of closed trades",
    "expectancy": "mean of profit / notional at entry over closed trades",
    "mean_win": "the same mean over trades with a profit above 0",
    "mean_loss": "the same mean over trades with a profit of 0 or below",
}
"""How each figure is made: E is equity (E_0 the initial cash), r_i = E_i / E_(i-1) - 1, n bars."""

FEWEST_FOR_STD = 2
EVEN = 1e-14
"""A variance below this part of the mean square is rounding: returns are all equal."""


@dataclass(frozen=True, slots=True)
class Basics:
    """The figures that every run has, also in a sweep. None where a figure has no meaning."""

    final_equity: float
    total_return: float
    cagr: float
    ann_vol: float | None
    sharpe: float | None
    sortino: float | None
    max_drawdown: float
    calmar: float | None
    closed_trades: int
    win_rate: float | None
    periods_per_year: float


@dataclass(frozen=True, slots=True)
class Drawdown:
    """The deepest drawdown: bars by place, -1 for the initial cash; not recovered is None."""

    depth: float
    peak: int
    valley: int
    recovery: int | None


@dataclass(frozen=True, slots=True)
class Held:
    """How much of a run was invested: bars with a position, and means of its value over equity."""

    bars: int
    gross: float
    net: float


@dataclass(frozen=True, slots=True)
class More:
    """Further figures of one run."""

    omega: float | None
    ulcer: float
    var_95: float | None
    cvar_95: float | None
    skew: float | None
    kurtosis: float | None
    tail_ratio: float | None
    turnover: float
    exposure: float
    gross_exposure: float
    net_exposure: float
    profit_factor: float | None
    expectancy: float | None
    mean_win: float | None
    mean_loss: float | None
    best_trade: float | None
    worst_trade: float | None
    mean_bars_held: float | None
    fees: float
    slippage: float
    borrow: float


def returns_of(equity: Numbers, cash: float) -> Numbers:
    """The return of each bar; 0 once nothing is left."""
    before = np.append(cash, equity[:-1])
    alive = before > 0
    return np.where(alive, equity / np.where(alive, before, 1.0) - 1.0, 0.0)


def basics(equity: Numbers, cash: float, per_year: float, profits: Sequence[float]) -> Basics:
    """The basic figures of a curve of equity and the profits of its closed trades."""
    n = len(equity)
    final = float(equity[-1]) / cash
    moves = returns_of(equity, cash)
    deepest = float(np.min(drawdowns(equity, cash)))
    grown = grown_a_year(final, per_year / n)
    deviation = _deviation(moves)
    return Basics(
        final_equity=final,
        total_return=final - 1.0,
        cagr=grown,
        ann_vol=None if n < FEWEST_FOR_STD else deviation * math.sqrt(per_year),
        sharpe=_ratio(float(np.mean(moves)), deviation, math.sqrt(per_year)),
        sortino=_ratio(float(np.mean(moves)), _downside(moves), math.sqrt(per_year)),
        max_drawdown=deepest,
        calmar=_ratio(grown, abs(deepest), 1.0),
        closed_trades=len(profits),
        win_rate=sum(p > 0 for p in profits) / len(profits) if profits else None,
        periods_per_year=per_year,
    )


def basics_of_sums(sums: NDArray[np.float64], n: int, cash: float, per_year: float) -> Basics:
    """The basic figures of a row of sums, as a sweep has it: equal to `basics` but for rounding."""
    final = float(sums[Sum.FINAL]) / cash
    mean = float(sums[Sum.RETURNS]) / n
    spread = float(sums[Sum.SQUARES]) - n * mean * mean
    if spread <= EVEN * float(sums[Sum.SQUARES]):
        spread = 0.0
    deviation = math.sqrt(spread / (n - 1)) if n >= FEWEST_FOR_STD else 0.0
    deepest = float(sums[Sum.DRAWDOWN])
    grown = grown_a_year(final, per_year / n)
    closed = int(sums[Sum.CLOSED])
    root = math.sqrt(per_year)
    return Basics(
        final_equity=final,
        total_return=final - 1.0,
        cagr=grown,
        ann_vol=None if n < FEWEST_FOR_STD else deviation * root,
        sharpe=_ratio(mean, deviation, root),
        sortino=_ratio(mean, math.sqrt(float(sums[Sum.DOWN]) / n), root),
        max_drawdown=deepest,
        calmar=_ratio(grown, abs(deepest), 1.0),
        closed_trades=closed,
        win_rate=float(sums[Sum.WINS]) / closed if closed else None,
        periods_per_year=per_year,
    )


def grown_a_year(final: float, years_inverse: float) -> float:
    """Growth a year; -1 where nothing is left, infinite where no number is large enough."""
    try:
        return final**years_inverse - 1.0 if final > 0 else -1.0
    except OverflowError:  # a gain of a few bars, as if it went on for a year
        return math.inf


def drawdowns(equity: Numbers, cash: float) -> Numbers:
    """How far each bar lies below the highest equity before it, the initial cash with it."""
    peaks = np.maximum.accumulate(np.append(cash, equity))[1:]
    return equity / peaks - 1.0


def deepest_drawdown(equity: Numbers, cash: float) -> Drawdown:
    """Where the deepest drawdown began, was deepest, and was over."""
    depths = drawdowns(equity, cash)
    valley = int(np.argmin(depths))
    before = np.append(cash, equity[: valley + 1])
    peak = int(np.argmax(before)) - 1
    level = before[peak + 1]
    later = np.flatnonzero(equity[valley:] >= level)
    recovery = valley + int(later[0]) if len(later) else None
    return Drawdown(float(depths[valley]), peak, valley, recovery)


def more(
    equity: Numbers,
    cash: float,
    per_year: float,
    trades: Sequence[tuple[float, float, int]],
    traded: float,
    held: Held,
    costs: tuple[float, float, float],
) -> More:
    """Further figures; `trades` are profit, profit as a share and bars of each closed trade."""
    n = len(equity)
    moves = returns_of(equity, cash)
    low, high = (float(np.quantile(moves, q)) if n else 0.0 for q in (0.05, 0.95))
    shares = [share for _, share, _ in trades]
    gains = sum(profit for profit, _, _ in trades if profit > 0)
    losses = -sum(profit for profit, _, _ in trades if profit < 0)
    mean = float(np.mean(equity))
    fees, slippage, borrow = costs
    return More(
        omega=_ratio(float(np.sum(moves[moves > 0])), -float(np.sum(moves[moves < 0])), 1.0),
        ulcer=float(np.sqrt(np.mean(drawdowns(equity, cash) ** 2))),
        var_95=low,
        cvar_95=_worst(moves, 0.05),
        skew=_moment(moves, 3),
        kurtosis=_moment(moves, 4, 3.0),
        tail_ratio=_ratio(abs(high), abs(low), 1.0),
        turnover=traded / mean / (n / per_year) if mean > 0 else 0.0,
        exposure=held.bars / n,
        gross_exposure=held.gross,
        net_exposure=held.net,
        profit_factor=_ratio(gains, losses, 1.0),
        expectancy=_mean(shares),
        mean_win=_mean([share for profit, share, _ in trades if profit > 0]),
        mean_loss=_mean([share for profit, share, _ in trades if profit <= 0]),
        best_trade=max(shares, default=None),
        worst_trade=min(shares, default=None),
        mean_bars_held=_mean([bars for _, _, bars in trades]),
        fees=fees,
        slippage=slippage,
        borrow=borrow,
    )


def with_formulas(figures: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Figures with how each is made."""
    return {
        name: {"value": value, "formula": FORMULAS[name]}
        for name, value in figures.items()
        if name in FORMULAS
    }


def held(
    equity: Numbers, bars: int, units: Mapping[str, Numbers], closes: Mapping[str, Numbers]
) -> Held:
    """How much was invested, out of the units and closes of each instrument by bar."""
    values = np.zeros((max(len(units), 1), len(equity)))
    for row, symbol in zip(values, units, strict=False):
        row[:] = units[symbol] * closes[symbol]
    is_alive = equity > 0
    shares = np.where(is_alive, values / np.where(is_alive, equity, 1.0), 0.0)
    gross, net = np.abs(shares).sum(axis=0), shares.sum(axis=0)
    return Held(bars, float(np.mean(gross)), float(np.mean(net)))


def _worst(moves: Numbers, share: float) -> float:
    """The mean of the lowest share, one return at least; equal returns do not enlarge it."""
    count = int((len(moves) - 1) * share) + 1
    return float(np.mean(np.partition(moves, count - 1)[:count]))


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _deviation(moves: Numbers) -> float:
    if len(moves) < FEWEST_FOR_STD:
        return 0.0
    spread = float(np.sum((moves - np.mean(moves)) ** 2))
    is_even = spread <= EVEN * float(np.sum(moves**2))
    return 0.0 if is_even else math.sqrt(spread / (len(moves) - 1))


def _downside(moves: Numbers) -> float:
    return float(np.sqrt(np.mean(np.minimum(moves, 0.0) ** 2)))


def _ratio(above: float, below: float, scale: float) -> float | None:
    return above / below * scale if below > 0 else None


def _moment(moves: Numbers, power: int, less: float = 0.0) -> float | None:
    away = moves - np.mean(moves)
    square = float(np.mean(away**2))
    if square <= EVEN * float(np.mean(moves**2)):
        return None
    return float(np.mean(away**power) / square ** (power / 2)) - less
