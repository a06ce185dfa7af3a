"""`raymill market sources|history|coverage`: what there is, near and far."""

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from raymill.cli.asked import names
from raymill.cli.report import show_json, show_table

Kind = Literal["bar", "trade", "quote"]
SOURCE_HEADINGS = ("source", "kinds", "intervals", "bars", "streaming", "limits", "note")
SYMBOL_HEADINGS = ("symbol", "venue symbol", "class", "currency", "status", "tick", "name")
COVERAGE_HEADINGS = ("source", "symbol", "kind", "begin", "end", "why")


def sources(*, symbols: str | None = None, json_: bool = False) -> None:
    """List the sources that are enabled, or the instruments of one.

    Parameters
    ----------
    symbols
        A source whose instruments are listed; they are asked for where they are not known here.
    json_
        Write a JSON list instead of a table.
    """
    from raymill.app.market.look import instruments, sources

    if symbols is not None:
        found = instruments(symbols)
        if json_:
            show_json(found)
        else:
            columns = ("symbol", "venue_symbol", "asset_class", "currency", "status", "tick_size")
            rows = [[str(one[name] or "") for name in (*columns, "name")] for one in found]
            show_table(SYMBOL_HEADINGS, rows, stream=sys.stdout, numbers_from=99)
        return
    every = sources()
    if json_:
        show_json(every)
    else:
        show_table(SOURCE_HEADINGS, map(_source, every), stream=sys.stdout, numbers_from=99)


def _source(one: dict[str, Any]) -> tuple[str, ...]:
    intervals = one["intervals"]
    shown = " ".join(intervals) if len(intervals) < 6 else f"{intervals[0]} ... {intervals[-1]}"
    kinds = " ".join(one["kinds"])
    return (
        one["source"],
        kinds,
        shown,
        one["adjusted"],
        one["streaming"],
        one["limits"],
        one["note"],
    )


def history(
    source: str,
    symbol: str,
    *,
    start: str,
    end: str | None = None,
    kind: Kind = "bar",
    interval: str = "1d",
    limit: int = 1000,
    after: str | None = None,
    fill: Literal["none", "previous"] = "none",
    json_: bool = False,
) -> None:
    """Show stored records of an instrument.

    What lacks is said on standard error, and how to fetch it; nothing is fetched.

    Parameters
    ----------
    source
        The source that they came from.
    symbol
        The instrument, as in BTC/USDT or AAPL.
    start
        Where the range begins: a time with a zone, or a bare date.
    end
        Where it ends, itself left out; now, if not given.
    kind
        bar, trade or quote.
    interval
        How long a bar lasts; bars of an interval that is not stored are made of smaller ones.
    limit
        The most rows.
    after
        The time of the last row of the page before.
    fill
        `previous` adds bars without a volume, at the close before, where nothing was traded.
    json_
        Write a JSON list of rows instead of a table.
    """
    from raymill.app.market.look import History, history
    from raymill.cli.market.crawling import wanted

    found: History = history(
        source,
        symbol,
        kind,
        *wanted(start, end),
        interval=interval,
        most=limit,
        after=after,
        fill=fill,
    )
    if json_:
        show_json(found.rows)
    else:
        _show_rows(found.rows)
    for line in found.lacking:
        sys.stderr.write(f"{line}\n")


def _show_rows(found: Sequence[Mapping[str, Any]]) -> None:
    heads = list(found[0]) if found else []
    rows = [[_text(value) for value in row.values()] for row in found]
    show_table(heads, rows, stream=sys.stdout, numbers_from=1)


def coverage(
    source: str | None = None,
    *,
    symbol: list[str] | None = None,
    unsound: bool = False,
    revised: bool = False,
    most: int = 100,
    json_: bool = False,
) -> None:
    """Show which ranges are known to be complete, and which holes lie between them.

    Parameters
    ----------
    source
        Only what came from this source.
    symbol
        Only these instruments; several (again, or with commas).
    unsound
        Show the records that were set aside instead, with the reasons.
    revised
        Show the closed bars instead that their source changed afterwards.
    most
        How many of those are shown.
    json_
        Write a JSON list instead of a table.
    """
    from raymill.app.market import look

    if unsound or revised:
        notes = look.unsound if unsound else look.revised
        _show_notes(notes(source, names(symbol), most), json_)
        return
    found = look.coverage(source, names(symbol))
    if json_:
        show_json(found)
    else:
        rows = [
            [one[name] for name in ("source", "symbol", "kind", "begin", "end", "reason")]
            for one in found
        ]
        show_table(COVERAGE_HEADINGS, rows, stream=sys.stdout, numbers_from=99)


def _show_notes(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        show_json(rows)
        return
    hidden = ("record",)
    heads = [name for name in (rows[0] if rows else ()) if name not in hidden]
    cells = [[_text(row[name]) for name in heads] for row in rows]
    show_table(heads, cells, stream=sys.stdout, numbers_from=99)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    return f"{value:.10g}" if isinstance(value, float) else str(value)
