"""What an execution is asked for, as JSON says it: a strategy, its parameters, data, costs."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from raymill.app.backtests import Asked
from raymill.app.market.quotes import WantedQuotes
from raymill.errors import ConfigError, unknown
from raymill.market.asked import LAST_US
from raymill.market.backtest import CASH
from raymill.market.costs import Costs
from raymill.market.moments import micros
from raymill.market.named import Named, find, is_scanner
from raymill.market.screen.refusals import modelled, refusal
from raymill.market.wanted import Wanted

MOST_SETS = 100_000  # of a sweep that is asked for
COSTS = tuple(one.name for one in fields(Costs))


class SweepAsked(BaseModel):
    """Which parameter sets a sweep tries, and how the best of them are judged.

    `grid` has choices by parameter: a list, or text as in `5:50:5`. `random` draws so many sets
    from it; `sets` lists them instead.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    grid: dict[str, str | list[bool | int | float | str]] = Field(default_factory=dict)
    random: int | None = Field(None, ge=1, le=MOST_SETS)
    sets: list[dict[str, Any]] = Field(default_factory=list, max_length=10_000)
    metric: str = "sharpe"
    best: int = Field(10, ge=1, le=100)
    holdout: float | None = Field(None, gt=0, lt=1)
    walk: int | None = Field(None, ge=1, le=50)
    anchored: bool = False


class Request(BaseModel):
    """The body of a call that starts an execution.

    `symbols` of bars to run over, else the parameter `symbol`; `sources` whose bars, or whose
    quotes, are taken, else any; `interval`, `start`, `end`, `adjust`, `as_of` say which bars.
    `costs` are those of `raymill backtest`, all 0 unless given.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    algorithm_id: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    symbols: list[str] = Field(default_factory=list, max_length=1000)
    sources: list[str] = Field(default_factory=list, max_length=50)
    interval: str = "1d"
    start: str | None = None
    end: str | None = None
    adjust: Literal["raw", "split", "total"] | None = None
    as_of: str | None = None
    costs: dict[str, float] = Field(default_factory=dict)
    cash: float = Field(CASH, gt=0, allow_inf_nan=False)
    periods_per_year: float | None = Field(None, gt=0, allow_inf_nan=False)
    path: Literal["auto", "on_bar", "vector"] = "auto"
    seed: int = 0
    sweep: SweepAsked | None = None

    @property
    def named(self) -> Named:
        """The strategy. Raises UnknownName with near matches."""
        return find(self.algorithm_id)

    @property
    def values(self) -> dict[str, Any]:
        """The parameters, checked, defaults with them. Raises ConfigError, UnknownName."""
        return self.named.values(self.parameters)

    @property
    def is_scan(self) -> bool:
        """Whether it looks for opportunities in quotes instead of trading on bars."""
        return is_scanner(self.named.kind)

    @property
    def range_us(self) -> tuple[int | None, int | None]:
        """Where data begins and ends. Raises ConfigError."""
        begin, end = (
            None if text is None else micros(text, name)
            for name, text in (("start", self.start), ("end", self.end))
        )
        return begin, end

    @property
    def wanted(self) -> Wanted:
        """Which stored bars. Raises ConfigError."""
        given = self.parameters if self.sweep is not None else self.values
        symbol = given.get("symbol")
        symbols = tuple(self.symbols) or ((symbol,) if symbol else ())
        if symbol and symbol not in symbols:
            raise refusal("symbols", f"are without `{symbol}`, which is the parameter `symbol`")
        return Wanted(
            (symbol,) if symbol else symbols,
            tuple(self.sources),
            self.interval,
            *self.range_us,
            self.adjust,
            None if self.as_of is None else _day(self.as_of),
        )

    @property
    def wanted_quotes(self) -> WantedQuotes:
        """Which stored quotes. Raises ConfigError."""
        begin, end = self.range_us
        return WantedQuotes(
            tuple(self.symbols), tuple(self.sources), begin or 0, LAST_US if end is None else end
        )

    @property
    def priced(self) -> Costs:
        """What trading costs. Raises ConfigError, UnknownName."""
        for name in self.costs:
            if name not in COSTS:
                raise unknown("cost", name, COSTS)
        return Costs(**self.costs)

    @property
    def asked(self) -> Asked:
        """What a backtest is asked for. Raises ConfigError."""
        return Asked(
            self.algorithm_id,
            costs=self.priced,
            cash=self.cash,
            per_year=self.periods_per_year,
            seed=self.seed,
            stored=self.wanted,
        )


def request_of(given: Mapping[str, Any]) -> Request:
    """Read what an execution is asked for. Raises ConfigError, UnknownName with the path of what
    is wrong."""
    made = modelled(Request, given)
    if ":" in made.algorithm_id:
        raise refusal(
            "algorithm_id",
            f"cannot be `{made.algorithm_id}`: only strategies that are installed run there",
            "raymill strategies ls",
        )
    if not made.is_scan:
        _check_count(made)
    if made.sweep is None:
        made.named.make(made.parameters)
    _ = made.priced
    return made


def _check_count(made: Request) -> None:
    count, symbols = made.named.kind.instruments, made.wanted.symbols
    if not symbols:
        raise refusal("symbols", "are missing", 'name one, as in "symbols": ["AAPL"]')
    if len(set(symbols)) < len(symbols):
        raise refusal("symbols", "name one twice")
    if count is not None and count != len(symbols):
        raise ConfigError(
            f"`{made.algorithm_id}` trades {count} instruments at once, not {len(symbols)}",
            hint=f"name {count} in `symbols`",
        )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise refusal("as_of", f"cannot be `{text}`", "write it as in 2020-03-31") from None
