"""`raymill overview`: the state of the market and of each sector."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from raymill.cli.report import show_json, show_table
from raymill.cli.screen import cell
from raymill.errors import ConfigError

SECTOR = (
    *("sector", "count", "market_cap", "share_of_market_cap", "cap_weighted_change_pct"),
    *("advancers", "decliners", "aggregate_pe", "median_pe", "cap_weighted_dividend_yield"),
    *("leader", "laggard"),
)
APART = ("venues", "sessions", "sectors", "gainers", "losers", "most_active", "indices")


def overview(
    *,
    universe: Path | None = None,
    as_of: str | None = None,
    json_: bool = False,
    verbose: Annotated[bool, Parameter(name=["-v", "--verbose"])] = False,
) -> None:
    """Sum the market up: breadth, sums, weighted changes, the largest moves, sectors, sessions.

    A company with several classes of shares counts once. What the universe does not tell is empty.

    Parameters
    ----------
    universe
        What is summed up: a CSV or Parquet file with a row for each instrument; without one, what
        is stored.
    as_of
        A day or a time with a zone: nothing stored from after it is used; now, if not given.
    json_
        Write the overview as JSON instead of tables.
    verbose
        Show where an error was raised.
    """
    from raymill.app.screens import notes, open_universe
    from raymill.market.screen.overview import overview as summed_up

    opened = open_universe(universe, None if as_of is None else _moment(as_of, universe))
    found = summed_up(opened.snapshot, datetime.now(UTC))
    for text in notes(opened):
        sys.stderr.write(f"{text}\n")
    if json_:
        show_json(found)
    else:
        _show(found)


def _moment(text: str, universe: Path | None) -> datetime:
    from raymill.market.moments import micros

    if universe is not None:
        raise ConfigError("`--as-of` is for what is stored", hint="leave --universe out")
    return datetime.fromtimestamp(micros(text, "--as-of") / 1e6, UTC)


def _show(found: dict[str, Any]) -> None:
    plain = {name: value for name, value in found.items() if name not in APART}
    _table(("figure", "value"), [(name, _text(value)) for name, value in plain.items()])
    for name in ("gainers", "losers", "most_active", "indices"):
        rows = found[name] or []
        if rows:
            cells = [[cell(value) for value in row.values()] for row in rows]
            _table([name, *list(rows[0])[1:]], cells, numbers_from=2)
    rows = [[_text(row[name]) for name in SECTOR] for row in found["sectors"].values()]
    _table(SECTOR, rows)
    sessions = [
        (name, one["state"], one["next_change"] or "", one["next_state"] or "")
        for name, one in found["sessions"].items()
    ]
    show_table(("calendar", "state", "changes", "to"), sessions, stream=sys.stdout, numbers_from=9)


def _table(heads: Any, rows: Any, numbers_from: int = 1) -> None:
    show_table(heads, rows, stream=sys.stdout, numbers_from=numbers_from)
    sys.stdout.write("\n")


def _text(value: Any) -> str:
    if isinstance(value, dict) and "symbol" in value:
        return f"{value['symbol']} {value['change_pct']:+.2f} %"
    if isinstance(value, dict):
        return " to ".join(cell(one) for one in value.values() if one is not None)
    return cell(value)
