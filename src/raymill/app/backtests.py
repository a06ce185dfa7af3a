"""A backtest as it is asked for: files, a strategy's name, parameters as text; run and recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any

from raymill.app.objects import load_object
from raymill.errors import ConfigError
from raymill.market.backtest import CASH, Path, Result, Tell, backtest
from raymill.market.costs import Costs
from raymill.market.factors import adjusted, read_factors
from raymill.market.jumps import warnings
from raymill.market.metrics import FORMULAS
from raymill.market.named import Named, find, is_scanner
from raymill.market.price_files import PriceFile, read_prices
from raymill.market.prices import Adjust, Prices
from raymill.market.record import file_hash, record
from raymill.market.strategy import Strategy
from raymill.market.wanted import Wanted

FEW = 1000  # bars that are done one by one before the compiled path over columns is loaded


@dataclass(frozen=True)
class Asked:
    """What a backtest or a sweep runs over, files or stored bars, and what trading costs there."""

    strategy: str
    files: tuple[str, ...] = ()
    factors: tuple[str, ...] = ()
    adjust: Adjust = "raw"
    as_of: date | None = None
    costs: Costs = field(default_factory=Costs)
    cash: float = CASH
    per_year: float | None = None
    seed: int = 0
    stored: Wanted | None = None


@dataclass(frozen=True)
class Data:
    """Bars that were read, and where they came from."""

    bars: tuple[Prices, ...]
    files: tuple[dict[str, Any], ...]
    quarantined: tuple[tuple[str, PriceFile], ...]  # files with rows that are no bars
    lacking: tuple[str, ...] = ()  # what is not complete of stored bars

    @property
    def warnings(self) -> list[str]:
        """What of the bars may mislead: splits in prices that are not adjusted."""
        return warnings(self.bars)


@dataclass(frozen=True)
class Done:
    """A backtest, done: everything that a page, a table or JSON shows."""

    asked: Asked
    named: Named
    strategy: Strategy
    data: Data
    result: Result
    record: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The figures by name, and beside them what they are of."""
        return {
            **asdict(self.result.basics),
            "more": asdict(self.result.more),
            "periods_why": self.result.periods.why,
            "formulas": FORMULAS,
            "quarantined": {file: dict(read.reasons) for file, read in self.data.quarantined},
            "lacking": list(self.data.lacking),
            "warnings": self.data.warnings,
            "record": {name: value for name, value in self.record.items() if name != "result"},
        }


def named(strategy: str) -> Named:
    """The strategy of a name, `module:Class` or `FILE.py:Class`. Raises ConfigError."""
    if ":" in strategy:
        load_object(strategy)  # tells what a user's file raises
    found = find(strategy)
    if is_scanner(found.kind):
        raise ConfigError(
            f"`{strategy}` looks for opportunities in quotes and cannot be run over bars",
            hint=f"raymill scan {strategy}",
        )
    return found


def run(
    asked: Asked,
    values: Mapping[str, Any],
    path: Path,
    started: datetime,
    tell: Tell | None = None,
) -> Done:
    """Read the bars, run the strategy over them, and record it. Raises ConfigError, InputError."""
    found = named(asked.strategy)
    strategy = found.make(values)
    data = read(asked, found, values)
    is_short = sum(len(one) for one in data.bars) <= FEW
    result = backtest(
        strategy,
        data.bars,
        asked.costs,
        cash=asked.cash,
        path="on_bar" if path == "auto" and is_short else path,
        per_year=asked.per_year,
        seed=asked.seed,
        tell=tell,
    )
    made = record(
        asked.strategy,
        strategy,
        asked.costs,
        result,
        data.files,
        seed=asked.seed,
        started=started,
    )
    return Done(asked, found, strategy, data, result, made)


def read(asked: Asked, found: Named, values: Mapping[str, Any]) -> Data:
    """Read price files and adjust them, or read stored bars. Raises ConfigError, InputError."""
    if asked.stored is not None:
        return _stored(asked.stored)
    if not asked.files:
        raise ConfigError(
            "There are no prices",
            hint="name a file of bars: --data FILE.csv; or stored ones: --symbol SYMBOL",
        )
    if asked.factors and len(asked.factors) != len(asked.files):
        raise ConfigError(
            f"There are {len(asked.files)} price files and {len(asked.factors)} factor files",
            hint="give --factors once for each --data, in the same order",
        )
    symbol = found.values(values).get("symbol") if found.alias else None
    one_symbol = symbol if len(asked.files) == 1 else None
    read_ = [read_prices(file, symbol=one_symbol) for file in asked.files]
    bars = [_adjusted(asked, number, one.bars) for number, one in enumerate(read_)]
    if symbol is not None:
        bars = _chosen(bars, symbol)
    quarantined = [
        (file, one) for file, one in zip(asked.files, read_, strict=True) if one.quarantined
    ]
    return Data(tuple(bars), tuple(_origins(asked)), tuple(quarantined))


def _stored(wanted: Wanted) -> Data:
    from raymill.app.market.prices import find_bars, read_bars
    from raymill.app.market.rooms import open_rooms

    rooms = open_rooms()
    found = read_bars(rooms, find_bars(rooms, wanted), wanted)
    bars, origins = tuple(one.bars for one in found), tuple(one.origin for one in found)
    return Data(bars, origins, (), tuple(text for one in found for text in one.lacking))


def _chosen(bars: Sequence[Prices], symbol: str) -> list[Prices]:
    found = [one for one in bars if one.symbol == symbol]
    if not found:
        there = ", ".join(one.symbol for one in bars)
        raise ConfigError(f"No price file is of `{symbol}`", hint=f"there are: {there}")
    return found


def _adjusted(asked: Asked, number: int, bars: Prices) -> Prices:
    factors = read_factors(asked.factors[number]) if asked.factors else None
    return adjusted(bars, factors, asked.adjust, asked.as_of)


def _origins(asked: Asked) -> list[dict[str, Any]]:
    factors = asked.factors or (None,) * len(asked.files)
    return [
        {
            "data": file,
            "data_sha256": file_hash(file),
            "factors": factor,
            "factors_sha256": factor and file_hash(factor),
            "as_of": asked.as_of and asked.as_of.isoformat(),
        }
        for file, factor in zip(asked.files, factors, strict=True)
    ]
