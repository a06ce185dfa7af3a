"""`raymill backtest`: a strategy over bars of files."""

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from raymill.cli.asked import pairs
from raymill.cli.failures import DONE, FAILED
from raymill.cli.market.executing import body, start
from raymill.cli.market.options import (
    NO_COSTS,
    NO_DATA,
    CostOptions,
    DataOptions,
    asked,
    tell_quarantined,
    write_json,
    write_text,
)
from raymill.cli.market.progress import progress
from raymill.cli.report import show_json, show_table

if TYPE_CHECKING:
    from raymill.app.backtests import Done

HEADINGS = ("figure", "value", "how")


@Parameter(name="*")
@dataclass(frozen=True)
class OutOptions:
    """What becomes of the result.

    Parameters
    ----------
    report
        Write a page to a file: equity, drawdown, months, trades; it needs no network.
    record
        Write the record of the run to a file: data, parameters, code and result, with hashes.
    no_keep
        Do not keep figures, trades and equity for `raymill backtests`.
    json_
        Write the figures as one JSON object.
    """

    report: Path | None = None
    record: Path | None = None
    no_keep: bool = False
    json_: bool = False


SHOWN = OutOptions()


def backtest(
    strategy: str,
    /,
    *,
    bars: DataOptions = NO_DATA,
    set_: Annotated[list[str] | None, Parameter(name="--set")] = None,
    costs: CostOptions = NO_COSTS,
    path: str = "auto",
    check_lookahead: bool = False,
    detach: bool = False,
    out: OutOptions = SHOWN,
    verbose: Annotated[bool, Parameter(name=["-v", "--verbose"])] = False,
) -> int:
    """Run a strategy over bars, and show what came of it.

    It decides on the close of a bar and is filled at the open of the next. All costs are 0 unless
    given, which flatters a strategy. Each figure is shown with its formula and how many bars make
    a year, since libraries disagree on both.

    Parameters
    ----------
    strategy
        A name as in `raymill strategies ls`, `module:Class` or `FILE.py:Class`.
    set_
        A parameter of the strategy, as in `fast=10`; may be given again.
    path
        on_bar takes bars one by one, vector as columns; auto takes columns where it can and where
        there are more than 1000.
    check_lookahead
        Run it again on bars that are cut at 20 places: no decision may change. If one does, each
        is named with the bar and the column, and the exit code is 1.
    detach
        Have it run in the background over stored bars, and write its id.
    verbose
        Show where an error was raised.
    """
    if detach:
        return start(body(strategy, bars, pairs(set_), costs, path), out.json_)
    from raymill.app.backtests import run

    wanted = asked(strategy, bars, costs)
    done = run(wanted, pairs(set_), path, datetime.now(UTC))  # type: ignore[arg-type]
    tell_quarantined(done.data)
    _write(done, out)
    return _look_ahead(done) if check_lookahead else DONE


def _write(done: "Done", out: OutOptions) -> None:
    if out.record is not None:
        write_json(out.record, done.record)
    if out.report is not None:
        from raymill.app.backtest_page import backtest_page

        write_text(out.report, backtest_page(done))
    if out.json_:
        show_json(done.to_dict())
    else:
        _show(done)
    if not out.no_keep:
        sys.stdout.flush()
        sys.stderr.write(f"kept: raymill backtests show {_kept(done)}\n")


def _kept(done: "Done") -> str:
    from raymill.app.market.made import keep, made_of

    asked = {
        "algorithm_id": done.asked.strategy,
        "parameters": done.record["parameters"],
        "symbols": [one.symbol for one in done.data.bars],
    }
    started = datetime.fromisoformat(done.record["started"])
    return keep(asked, made_of(done), started, datetime.now(UTC)).execution_id


def _look_ahead(done: "Done") -> int:
    from raymill.market.lookahead import check_lookahead

    with progress("look-ahead") as tell:
        found = check_lookahead(
            done.strategy, done.data.bars, seed=done.asked.seed, tell=tell or _nothing
        )
    for one in found:
        sys.stderr.write(f"looks ahead: {one}\n")
    if not found:
        sys.stderr.write("look-ahead: none in runs over bars that were cut at random places\n")
    return FAILED if found else DONE


def _nothing(done: int, of: int) -> None:
    return


def _show(done: "Done") -> None:
    from raymill.market.metrics import FORMULAS

    sys.stderr.write("".join(f"{line}\n" for line in _heads(done)))
    figures = done.result.figures()
    rows = [(name, _text(value), FORMULAS.get(name, "")) for name, value in figures.items()]
    show_table(HEADINGS, rows, stream=sys.stdout, numbers_from=len(HEADINGS))


def _heads(done: "Done") -> list[str]:
    record = done.record
    set_ = ", ".join(f"{name}={value}" for name, value in record["parameters"].items())
    lines = [f"{done.asked.strategy} ({set_})"]
    lines += [
        f"{one['symbol']}: {one['bars']:,} bars of {one['interval']}, {one['first'][:10]} to "
        f"{one['last'][:10]}, {one['adjust']} prices"
        for one in record["data"]
    ]
    costs = {name: value for name, value in record["costs"].items() if value}
    named = ", ".join(f"{name} {value:g}" for name, value in costs.items())
    lines.append(f"costs: {named or 'none given, trading is free'}")
    periods = done.result.periods
    return [*lines, f"{periods.per_year:g} periods a year: {periods.why}"]


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"
