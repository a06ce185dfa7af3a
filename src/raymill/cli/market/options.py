"""Options that backtests and sweeps share: which bars, and what trading costs."""

import os
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cyclopts import Parameter

from raymill import json
from raymill.cli.asked import names
from raymill.errors import ConfigError, SinkError

if TYPE_CHECKING:
    import pyarrow as pa

    from raymill.app.backtests import Asked, Data
    from raymill.market.costs import Costs
    from raymill.market.wanted import Wanted


@Parameter(name="*")
@dataclass(frozen=True)
class DataOptions:
    """Which bars: those of files, or stored ones.

    Parameters
    ----------
    data
        A CSV or Parquet file of raw bars, named after its symbol; again for a further instrument.
    factors
        A file of factors for splits and dividends, for each `--data`.
    symbol
        A symbol whose stored bars are taken; again (or with commas) for further instruments.
    source
        Whose bars, where several sources have them; again for further sources.
    interval
        How long a stored bar lasts, as in 1m, 1h, 1d; it is built from smaller ones where need be.
    start
        Where the range of stored bars begins: a time with a zone, or a bare date.
    end
        Where it ends, itself left out.
    adjust
        raw, split (for splits) or total (for splits and dividends); raw for files, and stored bars
        as they are stored, if not given.
    as_of
        A day, as in 2020-03-31: no later bar, and factors as they were known at its end.
    cash
        Money at the beginning.
    periods_per_year
        Bars of a year; told by the bars if not given.
    seed
        What random numbers depend on.
    """

    data: tuple[str, ...] = ()
    factors: tuple[str, ...] = ()
    symbol: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    interval: str = "1d"
    start: str | None = None
    end: str | None = None
    adjust: str | None = None
    as_of: str | None = None
    cash: float = 100_000.0
    periods_per_year: float | None = None
    seed: int = 0


@Parameter(name="*")
@dataclass(frozen=True)
class CostOptions:
    """What trading costs; all 0 unless given.

    Parameters
    ----------
    fee_bps
        Fee on both sides, in hundredths of a percent of the notional.
    fee_fixed
        Fee of each order, in money.
    slippage_bps
        How much worse than the open a fill is.
    spread_bps
        Spread between bid and ask; a fill pays half of it.
    impact
        A fill is worse by this times the root of the order's share of the bar's volume.
    volume_share
        The largest part of a bar's volume that an order takes, as in 0.1; 0 for no limit.
    borrow
        Cost of a short position, as a part of its value a year.
    step_size
        Units are cut to multiples of this.
    min_notional
        Orders below this are left out and counted.
    """

    fee_bps: float = 0.0
    fee_fixed: float = 0.0
    slippage_bps: float = 0.0
    spread_bps: float = 0.0
    impact: float = 0.0
    volume_share: float = 0.0
    borrow: float = 0.0
    step_size: float = 0.0
    min_notional: float = 0.0


TABLES = ("parquet", "csv", "jsonl")
ADJUSTS = ("raw", "split", "total")
NO_DATA, NO_COSTS = DataOptions(), CostOptions()


def asked(strategy: str, bars: DataOptions, costs: CostOptions) -> "Asked":
    """What is to be run. Raises ConfigError."""
    from raymill.app.backtests import Asked

    return Asked(
        strategy,
        bars.data,
        bars.factors,
        bars.adjust or "raw",  # type: ignore[arg-type]
        None if bars.as_of is None else _day(bars.as_of),
        _costs(costs),
        bars.cash,
        bars.periods_per_year,
        bars.seed,
        _stored(bars),
    )


def _stored(bars: DataOptions) -> "Wanted | None":
    """Which stored bars, None where files are named. Raises ConfigError."""
    from raymill.market.moments import micros
    from raymill.market.wanted import Wanted

    symbols = names(bars.symbol)
    of_files = {"--data": bars.data, "--factors": bars.factors}
    given = [name for name, value in of_files.items() if value]
    of_lake = {"--source": bars.source, "--start": bars.start, "--end": bars.end}
    if not symbols:
        told = [name for name, value in of_lake.items() if value]
        if told:
            raise ConfigError(f"`{told[0]}` is for stored bars", hint="name them: --symbol SYMBOL")
        return None
    if given:
        raise ConfigError(f"`{given[0]}` and `--symbol` exclude each other", hint="give one")
    begin, end = (
        None if text is None else micros(text, name)
        for name, text in (("--start", bars.start), ("--end", bars.end))
    )
    adjust: Any = bars.adjust
    if adjust not in (None, *ADJUSTS):
        raise ConfigError(f"`--adjust` cannot be `{adjust}`", hint=f"give one of {ADJUSTS}")
    as_of = None if bars.as_of is None else _day(bars.as_of)
    return Wanted(symbols, names(bars.source), bars.interval, begin, end, adjust, as_of)


def _costs(given: CostOptions) -> "Costs":
    from raymill.market.costs import Costs

    return Costs(**{name: getattr(given, name) for name in CostOptions.__dataclass_fields__})


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError(
            f"`--as-of {text}` is no day", hint="write it as in --as-of 2020-03-31"
        ) from None


def tell_quarantined(data: "Data") -> None:
    """Say on standard error what of the bars is wrong, not complete, or may mislead."""
    for text in data.warnings:
        sys.stderr.write(f"warning: {text}\n")
    for text in data.lacking:
        sys.stderr.write(f"{text}\n" if text.startswith("hint: ") else f"warning: {text}\n")
    for file, read in data.quarantined:
        for reason, count in read.reasons.most_common():
            first = next(one.row for one in read.quarantined if one.reason == reason)
            sys.stderr.write(
                f"warning: {count:,} rows of {file} are left out: {reason} (row {first})\n"
            )


def write_json(path: Path, value: Any) -> None:
    """Write JSON to a file, which appears when it is whole. Raises SinkError."""
    write_text(path, json.dumps(value, indent=True).decode() + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a file, which appears when it is whole. Raises SinkError."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        with open(partial, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise SinkError(f"`{path}` cannot be written: {error.strerror}") from error


def write_table(path: str, rows: "pa.Table") -> None:
    """Write a table to a Parquet, CSV or JSON lines file. Raises ConfigError, SinkError."""
    from raymill.connectors import format_of, open_sink
    from raymill.flow.sink import Write

    form = format_of(path)
    if form not in TABLES:
        raise ConfigError(
            f"`{path}` does not say in which format rows are to be written",
            hint="end its name in .parquet, .csv or .jsonl",
        )
    sink = open_sink(Write(path, form))
    sink.open(rows.schema)
    try:
        for batch in rows.to_batches(max_chunksize=65_536):
            sink.write(sink.encode(batch))
    except BaseException:
        sink.abandon()
        raise
    sink.close()
