"""Executions for people: what is asked, a table, the figures of one."""

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from raymill.cli.asked import names
from raymill.cli.failures import DONE
from raymill.cli.market.options import CostOptions, DataOptions
from raymill.cli.report import show_json, show_table
from raymill.errors import ConfigError

if TYPE_CHECKING:
    from raymill.market.executions import Execution

HEADINGS = (
    *("execution", "strategy", "over", "state", "done", "begun", "took s", "return", "sharpe"),
    "reason",
)
REASON = 80  # characters of it in a table
FEES = tuple(CostOptions.__dataclass_fields__)


def body(
    strategy: str,
    bars: DataOptions,
    values: Mapping[str, Any],
    costs: CostOptions,
    path: str = "auto",
) -> dict[str, Any]:
    """What an execution in the background is asked for. Raises ConfigError."""
    if bars.data or bars.factors:
        raise ConfigError(
            "What runs in the background runs over stored bars",
            hint="raymill market import FILE.csv, then --symbol SYMBOL",
        )
    given = {
        "algorithm_id": strategy,
        "parameters": dict(values),
        "symbols": list(names(bars.symbol)),
        "sources": list(names(bars.source)),
        "interval": bars.interval,
        "start": bars.start,
        "end": bars.end,
        "adjust": bars.adjust,
        "as_of": bars.as_of,
        "costs": {name: value for name in FEES if (value := getattr(costs, name))},
        "cash": bars.cash,
        "periods_per_year": bars.periods_per_year,
        "path": path,
        "seed": bars.seed,
    }
    return {name: value for name, value in given.items() if value not in (None, [], {})}


def start(given: Mapping[str, Any], as_json: bool) -> int:
    """Start an execution in the background and say which it is. Raises NotStored, ConfigError."""
    from raymill.app.market.executions import Executions
    from raymill.app.market.made import shown

    with Executions() as executions:
        one = executions.start(given)
    if as_json:
        show_json(shown(one))
    else:
        sys.stdout.write(f"{one.execution_id}\n")
    return DONE


def show(executions: "Sequence[Execution]") -> None:
    """Write a table to standard output."""
    show_table(HEADINGS, [cells(one) for one in executions], stream=sys.stdout, numbers_from=99)


def cells(one: "Execution") -> tuple[str, ...]:
    """A row of the table."""
    from raymill.app.market.made import shown

    told = shown(one)
    figures: Mapping[str, Any] = one.figures or {}
    took = "" if one.started is None or one.ended is None else f"{one.ended - one.started:,.2f}"
    return (
        *(one.execution_id, one.algorithm_id, over(one), one.state, f"{one.progress:>4.0%}"),
        f"{str(told['started'] or told['created'])[:19]}Z",
        f"{took:>6}",
        f"{_cell(figures.get('total_return'), '.1%'):>8}",
        f"{_cell(figures.get('sharpe'), '.2f'):>6}",
        str((one.error or {}).get("message", ""))[:REASON],
    )


def over(one: "Execution") -> str:
    """What it runs over: its symbols, or the sources of its quotes."""
    symbols = one.asked.get("symbols") or [one.asked.get("parameters", {}).get("symbol")]
    found = [str(name) for name in (*symbols, *one.asked.get("sources", [])) if name]
    return ",".join(found[:4]) + (" ..." if len(found) > 4 else "")


def _cell(value: Any, form: str) -> str:
    return "" if value is None else format(value, form)


def lines(one: "Execution") -> list[str]:
    """All that is known of an execution, a line for each."""
    from raymill.app.market.made import shown

    told = shown(one)
    asked: dict[str, Any] = told.pop("asked")
    figures: dict[str, Any] = told.pop("figures") or {}
    error: dict[str, Any] = told.pop("error") or {}
    told |= {name: value for name, value in asked.items() if name != "algorithm_id"}
    told |= {name: text for name, text in error.items() if name in ("message", "hint")}
    told["progress"] = f"{one.progress:.0%}"
    rows = {**told, **figures}
    shown_ = {name: _text(value) for name, value in rows.items() if value not in (None, [], {})}
    width = max(map(len, shown_))
    return [f"{name:<{width}}  {value}" for name, value in shown_.items()]


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name}={_text(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return f"{value:,.6g}" if isinstance(value, float) else str(value)
