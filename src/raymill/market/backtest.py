"""Backtests: a strategy over closed bars, decided on a close and filled at the next open."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
from itertools import chain
from typing import Any, Literal, TypeAlias

import numpy as np

from raymill.compiled import plain
from raymill.errors import ConfigError, unknown
from raymill.market.costs import Costs, fill
from raymill.market.interval import Times
from raymill.market.metrics import (
    Basics,
    Drawdown,
    Held,
    More,
    basics,
    deepest_drawdown,
    held,
    more,
)
from raymill.market.paper import Paper, finite, only, weights
from raymill.market.prices import FIELDS, Numbers, Periods, Prices, periods_per_year
from raymill.market.simulate import FILL_COLUMNS, PLACES, SUMS, Sum, simulate
from raymill.market.strategy import Bar, Context, Strategy, has_vector, renewed
from raymill.market.trips import Filled, Trip, round_trips

Path: TypeAlias = Literal["auto", "on_bar", "vector"]
Tell: TypeAlias = Callable[[int, int], None]
PATHS: tuple[Path, ...] = ("auto", "on_bar", "vector")
CASH = 100_000.0
_PIECE = 1024  # bars that are plain Python objects at a time
_fill = plain(fill)
_bar: Any = partial(tuple.__new__, Bar)


@dataclass(frozen=True)
class Decision:
    """A target that differed from the last one."""

    bar: int
    symbol: str
    weight: float


@dataclass(frozen=True)
class Result:
    """A backtest, done. `equity` has a value for each bar, at its close."""

    bars: tuple[Prices, ...]
    ts: Times
    equity: Numbers
    cash: float
    path: str
    periods: Periods
    invested: int  # bars with a position
    left_out: int  # orders below the least notional
    borrow: float
    notes: tuple[tuple[int, str], ...]
    rows: "Rows"
    borrow_rate: float  # for each bar

    @cached_property
    def decisions(self) -> tuple[Decision, ...]:
        """The targets that differed from the last ones."""
        return tuple(Decision(*row) for row in self.rows.decisions())

    @cached_property
    def fills(self) -> tuple[Filled, ...]:
        """What was traded."""
        return tuple(Filled(*row) for row in self.rows.fills())

    @cached_property
    def trips(self) -> tuple[Trip, ...]:
        """The round trips that were closed."""
        rate = self.borrow_rate
        closes = {one.symbol: _on_timeline(one, self.ts) for one in self.bars} if rate else {}
        return tuple(round_trips(self.fills, closes, rate))

    @cached_property
    def basics(self) -> Basics:
        """The figures that every run has."""
        profits = [trip.profit for trip in self.trips]
        return basics(self.equity, self.cash, self.periods.per_year, profits)

    @cached_property
    def more(self) -> More:
        """Further figures."""
        return more(
            self.equity,
            self.cash,
            self.periods.per_year,
            [(trip.profit, trip.share, trip.bars) for trip in self.trips],
            sum(one.notional for one in self.fills),
            self._held(),
            (
                sum(one.fee for one in self.fills),
                sum(one.slippage for one in self.fills),
                self.borrow,
            ),
        )

    def _held(self) -> Held:
        units = {one.symbol: np.zeros(len(self.ts)) for one in self.bars}
        for one in self.fills:
            units[one.symbol][one.bar] += one.quantity
        held_units = {symbol: np.cumsum(column) for symbol, column in units.items()}
        closes = {one.symbol: _last_close(one, self.ts) for one in self.bars}
        return held(self.equity, self.invested, held_units, closes)

    @property
    def drawdown(self) -> Drawdown:
        """The deepest drawdown."""
        return deepest_drawdown(self.equity, self.cash)

    def figures(self) -> dict[str, Any]:
        """All figures by name."""
        return asdict(self.basics) | asdict(self.more)


@dataclass(frozen=True)
class Rows:
    """Decisions and fills as a path gives them; made into objects when they are asked for."""

    decisions: Callable[[], Iterable[tuple[int, str, float]]]
    fills: Callable[[], Iterable[tuple[int, str, float, float, float, float]]]


@dataclass
class _Raw:
    equity: Numbers
    invested: int
    left_out: int
    borrow: float
    rows: Rows
    notes: list[tuple[int, str]] = field(default_factory=list)


def backtest(
    strategy: Strategy,
    bars: Prices | Sequence[Prices],
    costs: Costs | None = None,
    *,
    cash: float = CASH,
    path: Path = "auto",
    per_year: float | None = None,
    seed: int = 0,
    tell: Tell | None = None,
) -> Result:
    """Run a strategy over the bars of one instrument or several. Raises ConfigError.

    `path` takes the bars one by one (`on_bar`) or as columns (`vector`); `auto` takes columns where
    a strategy can. Both give the same. `tell` is told how many bars are done, of how many, now and
    then; what it raises ends the run.
    """
    given = (bars,) if isinstance(bars, Prices) else tuple(bars)
    check_fits(strategy, given, path, cash)
    costs, cash = costs or Costs(), float(cash)
    ts = given[0].ts if len(given) == 1 else np.unique(np.concatenate([one.ts for one in given]))
    periods = _periods(given, ts, per_year)
    borrow = costs.borrow / periods.per_year
    taken = "vector" if path != "on_bar" and has_vector(strategy) else "on_bar"
    fresh = renewed(strategy)
    if len(given) > 1:
        raw = _many(fresh, given, ts, costs, cash, borrow, seed, tell)
    elif taken == "vector":
        raw = _vector(fresh, given[0], costs, cash, borrow)
    else:
        raw = _single(fresh, given[0], costs, cash, borrow, seed, tell)
    return Result(
        given,
        ts,
        raw.equity,
        cash,
        taken,
        periods,
        raw.invested,
        raw.left_out,
        raw.borrow,
        tuple(raw.notes),
        raw.rows,
        borrow,
    )


def check_fits(strategy: Strategy, bars: Sequence[Prices], path: str, cash: float) -> None:
    """Raise ConfigError where a strategy cannot run over these bars."""
    name = type(strategy).__name__
    strategy.check()
    if path not in PATHS:
        raise unknown("path", path, PATHS, kind=ConfigError)
    if not bars or not all(len(one) for one in bars):
        raise ConfigError("There are no bars to run over")
    if len({one.symbol for one in bars}) < len(bars):
        raise ConfigError("Two instruments bear the same symbol")
    if strategy.instruments is not None and strategy.instruments != len(bars):
        raise ConfigError(
            f"`{name}` trades {strategy.instruments} instruments at once, not {len(bars)}",
            hint="name as many price files",
        )
    if path == "vector" and not has_vector(strategy):
        raise ConfigError(f"`{name}` has no path over columns", hint="run it with path=on_bar")
    if not 0 < cash < float("inf"):
        raise ConfigError(f"The initial cash cannot be {cash}", hint="give more than 0")


def _periods(bars: Sequence[Prices], ts: Times, per_year: float | None) -> Periods:
    if per_year is None:
        return bars[0].periods if len(bars) == 1 else periods_per_year(bars[0].interval, ts)
    if not 0 < per_year < float("inf"):
        raise ConfigError(f"Periods per year cannot be {per_year}", hint="give more than 0")
    return Periods(per_year, "as given")


def _vector(strategy: Strategy, bars: Prices, costs: Costs, cash: float, borrow: float) -> _Raw:
    targets = targets_of(strategy, bars)
    equity, sums = np.empty(len(bars)), np.zeros(SUMS)
    room = np.empty((len(bars), len(FILL_COLUMNS)))  # costs no memory until it is written to
    columns = (targets, bars.open, bars.close, bars.volume)
    simulate(*columns, cash, costs.rules, borrow, equity, room, sums, np.empty(PLACES))
    fills = room[: int(sums[Sum.FILLS])].copy()
    symbol = bars.symbol
    over = int(np.argmin(equity)) if equity[-1] == 0 else len(equity)  # nothing is decided then
    rows = Rows(
        lambda: ((at, symbol, weight) for at, weight in changes(targets[:over])),
        lambda: ((int(row[0]), symbol, *row[1:]) for row in fills.tolist()),
    )
    left_out, borrowed = int(sums[Sum.LEFT_OUT]), float(sums[Sum.BORROW])
    return _Raw(equity, int(sums[Sum.INVESTED]), left_out, borrowed, rows)


def targets_of(strategy: Strategy, bars: Prices) -> Numbers:
    """What the path over columns decides, a target for each bar."""
    out = np.empty(len(bars))
    if not strategy.writes_all:
        out[:] = np.nan
    strategy.vector(bars, out)
    return out


def changes(targets: Numbers) -> Iterator[tuple[int, float]]:
    """The targets that differ from the last one; the first is 0."""
    places = np.flatnonzero(~np.isnan(targets))
    known = targets[places]
    differs = known != np.append(0.0, known[:-1])
    yield from zip(places[differs].tolist(), known[differs].tolist(), strict=True)


class _Columns:
    """The past of one instrument whose bars all lie in memory."""

    def __init__(self, bars: Prices) -> None:
        self.bars = bars
        self.at = 0

    def last(self, symbol: str | None, name: str, count: int) -> Numbers:
        """The newest values of a column. Raises UnknownName."""
        only(symbol, {self.bars.symbol: 0})
        if name not in FIELDS:
            raise unknown("column", name, FIELDS)
        column: Numbers = getattr(self.bars, name)
        return column[max(0, self.at + 1 - count) : self.at + 1]


def _single(
    strategy: Strategy,
    bars: Prices,
    costs: Costs,
    cash: float,
    borrow: float,
    seed: int,
    tell: Tell | None,
) -> _Raw:
    """One instrument, bar by bar: `Paper` without what one instrument does not need.

    Equity is not marked bar by bar: it follows from when cash and units changed. Only a short or
    a loan can use up everything, so only they are looked at.
    """
    symbol, rules, past = bars.symbol, costs.rules, _Columns(bars)
    ctx = Context(past, cash, strategy.history, seed)
    now, on_bar = ctx.bars, strategy.on_bar
    account = [(0, cash, 0.0)]
    decisions: list[tuple[int, str, float]] = []
    fills: list[tuple[int, str, float, float, float, float]] = []
    units = want = borrowed = 0.0
    left_out = 0
    pending = is_risky = False
    for at, bar in enumerate(_bars(bars, tell)):
        if pending:
            cash, units, quantity, price, fee, slip, waits, missed = _fill(
                cash + units * bar.open, cash, units, want, bar.open, bar.volume, rules
            )
            pending = waits > 0
            left_out += int(missed)
            if quantity:
                fills.append((at, symbol, quantity, price, fee, slip))
                account.append((at, cash, units))
                ctx.cash, ctx.units[symbol] = cash, units
                is_risky = cash < 0 or units < 0
        if is_risky:
            if units < 0 and borrow:
                charge = borrow * -units * bar.close
                cash -= charge
                borrowed += charge
                account.append((at, cash, units))
                ctx.cash = cash
            if cash + units * bar.close <= 0:
                account.append((at, 0.0, 0.0))  # nothing is left: closed here, the debt let go
                if units:
                    fills.append((at, symbol, -units, bar.close, 0.0, 0.0))
                break
        past.at = at
        now[symbol] = bar
        aim = on_bar(ctx, now)
        if aim is None:
            continue
        if aim.__class__ is not float:
            aim = weights(aim, now).get(symbol, want)
        if (aim != want and aim == aim) or ctx.again:
            want, pending, ctx.again = finite(aim), True, False
            decisions.append((at, symbol, want))
    equity, invested = _marked(account, bars.close)
    rows = Rows(lambda: decisions, lambda: fills)
    return _Raw(equity, invested, left_out, borrowed, rows, ctx.notes)


def _marked(account: Sequence[tuple[int, float, float]], close: Numbers) -> tuple[Numbers, int]:
    """The equity of each bar, and how many bars had a position, from when the account changed."""
    last = {at: (cash, units) for at, cash, units in account}  # the last state of a bar holds
    lengths = np.diff([*last, len(close)])
    cash, units = (np.repeat([state[k] for state in last.values()], lengths) for k in (0, 1))
    return cash + units * close, int(np.count_nonzero(units))


def _bars(bars: Prices, tell: Tell | None = None) -> Iterator[Bar]:
    return chain.from_iterable(_piece(bars, begin, tell) for begin in range(0, len(bars), _PIECE))


def _piece(whole: Prices, begin: int, tell: Tell | None) -> Iterator[Bar]:
    if tell is not None:
        tell(begin, len(whole))
    bars = whole.part(begin, begin + _PIECE)
    columns = (getattr(bars, name).tolist() for name in ("ts", *FIELDS))
    return map(_bar, zip(*columns, strict=True))


def _many(
    strategy: Strategy,
    bars: Sequence[Prices],
    ts: Times,
    costs: Costs,
    cash: float,
    borrow: float,
    seed: int,
    tell: Tell | None,
) -> _Raw:
    paper = Paper(strategy, costs, cash=cash, borrow=borrow, seed=seed)
    equity: list[float] = []
    decisions: list[tuple[int, str, float]] = []
    fills: list[Filled] = []
    invested = 0
    for at, step_bars in enumerate(together(bars, ts)):
        if tell is not None and at % _PIECE == 0:
            tell(at, len(ts))
        step = paper.step(step_bars)
        equity.append(step.equity)
        fills += step.fills
        decisions += [(at, symbol, weight) for symbol, weight in sorted(step.decided.items())]
        invested += bool(paper.ctx.units)
    rows, marks = Rows(lambda: decisions, lambda: fills), np.array(equity)
    return _Raw(marks, invested, paper.left_out, paper.borrowed, rows, paper.ctx.notes)


def together(bars: Sequence[Prices], ts: Times) -> Iterator[dict[str, Bar]]:
    """The bars of several instruments by their time; one without a bar then is not there."""
    streams = [(one.symbol, _bars(one)) for one in bars]
    heads: dict[str, Bar | None] = {symbol: next(stream, None) for symbol, stream in streams}
    rest: Mapping[str, Iterator[Bar]] = dict(streams)
    for now in ts.tolist():
        found = {symbol: bar for symbol, bar in heads.items() if bar is not None and bar.ts == now}
        for symbol in found:
            heads[symbol] = next(rest[symbol], None)
        yield found


def _on_timeline(bars: Prices, ts: Times) -> Numbers:
    """The closes by bar of the run, 0 where the instrument has none."""
    closes = np.zeros(len(ts))
    closes[np.searchsorted(ts, bars.ts)] = bars.close
    return closes


def _last_close(bars: Prices, ts: Times) -> Numbers:
    """The newest close by bar of the run, 0 before the first."""
    places = np.searchsorted(bars.ts, ts, side="right") - 1
    return np.where(places < 0, 0.0, bars.close[places])
