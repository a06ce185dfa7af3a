"""A backtest as one HTML page that needs no network, no script and no other file."""

import itertools
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

import numpy as np

from raymill import __version__
from raymill.app.backtests import Done
from raymill.app.demo.chart import DAY_MS, Chart, Curve, Numbers
from raymill.app.demo.page import STYLE, table
from raymill.market.metrics import FORMULAS, drawdowns
from raymill.market.months import MONTHS, monthly
from raymill.market.strategy import time_of

POINTS = 1000  # parts that a curve is cut into, each drawn from its lowest to its highest value
TRADES = 500
MONTHS_MS = 120 * DAY_MS  # above this the time axis counts months
MORE_STYLE = """
td.up { color: var(--yes); } td.down { color: var(--no); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; margin: 1rem 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
"""


def backtest_page(done: Done) -> str:
    """Equity, drawdown, months, figures with formulas, trades, and where it all comes from."""
    body = "\n".join(_body(done))
    title = escape(f"{done.asked.strategy}: {', '.join(one.symbol for one in done.data.bars)}")
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>{STYLE}{MORE_STYLE}</style>
</head>
<body>
<h1>{title}</h1>
<p>Made by <code>raymill backtest</code>, version {escape(__version__)}. Times are UTC. Decided on
the close of a bar, filled at the open of the next.</p>
{body}
</body>
</html>
"""


def _body(done: Done) -> Iterator[str]:
    yield from _list(_facts(done))
    yield from _figure(_equity(done), "Equity as a multiple of the initial cash.")
    yield from _figure(_drawdown(done), f"Drawdown. {_deepest(done)}")
    yield "<section>\n<h2>Months</h2>\n<p>Return of each month in percent.</p>"
    yield from _months(done)
    yield "</section>\n<section>\n<h2>Figures</h2>"
    yield from table(("figure", "value", "how"), _figures(done))
    yield f"</section>\n<section>\n<h2>Trades</h2>\n<p>{_trades_told(done)}</p>"
    yield from table(TRADE_HEADS, _trades(done))
    yield "</section>\n<section>\n<h2>Record</h2>"
    yield from _list(_origins(done))
    yield "</section>"


def _list(rows: Sequence[tuple[str, str]]) -> Iterator[str]:
    yield "<dl>"
    yield from (f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows)
    yield "</dl>"


def _figure(svg: str, caption: str) -> Iterator[str]:
    yield f"<figure>\n{svg}\n<figcaption>{escape(caption)}</figcaption>\n</figure>"


def _facts(done: Done) -> list[tuple[str, str]]:
    record = done.record
    set_ = ", ".join(f"{name} = {value}" for name, value in record["parameters"].items())
    costs = {name: value for name, value in record["costs"].items() if value}
    rows = [("strategy", f"{done.asked.strategy} ({set_})" if set_ else done.asked.strategy)]
    rows += [
        (
            one["symbol"],
            f"{one['bars']:,} bars of {one['interval']}, {one['first'][:10]} to "
            f"{one['last'][:10]}, {ADJUSTED[one['adjust']]}",
        )
        for one in record["data"]
    ]
    named = ", ".join(f"{name} {value:g}" for name, value in costs.items())
    rows.append(("costs", named or "none: trading is free"))
    periods = done.result.periods
    rows.append(("year", f"{periods.per_year:g} bars: {periods.why}"))
    rows += [("careful", text) for text in (*done.data.warnings, *done.data.lacking)]
    rows += [
        ("left out", f"{count:,} rows of {file}: {reason}")
        for file, read in done.data.quarantined
        for reason, count in read.reasons.items()
    ]
    return rows


ADJUSTED = {
    "raw": "prices as they were paid",
    "split": "prices adjusted for splits",
    "total": "prices adjusted for splits and dividends, so that equity is a total return",
}


def _equity(done: Done) -> str:
    result = done.result
    curves = [_curve(done.asked.strategy, result.ts, result.equity / result.cash)]
    if len(result.bars) == 1:
        bars = result.bars[0]
        held = bars.close / bars.open[0]
        curves.append(_curve(f"{bars.symbol} bought and held", bars.ts, held))
    curves.insert(0, Curve("initial cash", "line", curves[0].times[[0, -1]], np.ones(2)))
    return Chart("Equity", "x", curves, months=_counts_months(result.ts)).svg()


def _drawdown(done: Done) -> str:
    result = done.result
    times, lows = _thinned(result.ts, 100 * drawdowns(result.equity, result.cash), low=True)
    band = Curve("below the highest equity before", "band", times, lows, np.zeros(len(lows)))
    return Chart("Drawdown", "%", [band], months=_counts_months(result.ts)).svg()


def _deepest(done: Done) -> str:
    result, found = done.result, done.result.drawdown
    if found.depth == 0:
        return "There was none."
    peak = "the beginning" if found.peak < 0 else _day(int(result.ts[found.peak]))
    until = (
        "not made up for"
        if found.recovery is None
        else (f"made up for on {_day(int(result.ts[found.recovery]))}")
    )
    return (
        f"The deepest, {100 * found.depth:.1f} %, from {peak} to "
        f"{_day(int(result.ts[found.valley]))}, {until}."
    )


def _day(ts: int) -> str:
    return f"{time_of(ts):%Y-%m-%d}"


def _curve(name: str, ts: Any, values: Numbers) -> Curve:
    times, shown = _thinned(ts, values)
    return Curve(name, "line", times, shown)


def _thinned(ts: Any, values: Numbers, *, low: bool = False) -> tuple[Numbers, Numbers]:
    """A curve with at most two values for each part: its lowest and its highest, in their order."""
    times = ts / 1000.0
    if len(values) <= 2 * POINTS:
        return times, values
    edges = np.linspace(0, len(values), POINTS + 1).astype(int)
    places = []
    for begin, end in itertools.pairwise(edges.tolist()):
        part = values[begin:end]
        found = {int(np.argmin(part))} if low else {int(np.argmin(part)), int(np.argmax(part))}
        places += [begin + at for at in sorted(found)]
    chosen = np.unique([0, *places, len(values) - 1])
    return times[chosen], values[chosen]


def _counts_months(ts: Any) -> bool:
    return bool((ts[-1] - ts[0]) / 1000 > MONTHS_MS)


def _months(done: Done) -> Iterator[str]:
    rows = monthly(done.result.ts, done.result.equity, done.result.cash)
    heads = "".join(f'<th class="n">{name}</th>' for name in (*MONTHS, "year"))
    yield f'<div class="scroll"><table><tr><th class="n"></th>{heads}</tr>'
    for year, months, whole in rows:
        cells = "".join(_cell(value) for value in (*months, whole))
        yield f'<tr><td class="n">{year}</td>{cells}</tr>'
    yield "</table></div>"


def _cell(share: float | None) -> str:
    if share is None:
        return '<td class="n"></td>'
    kind = "n up" if share > 0 else "n down" if share < 0 else "n"
    return f'<td class="{kind}">{100 * share:+.1f}</td>'


def _figures(done: Done) -> Iterator[tuple[str, str, str]]:
    for name, value in done.result.figures().items():
        text = "-" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"
        yield name, text, FORMULAS.get(name, "")


TRADE_HEADS = (
    "opened",
    "closed",
    "symbol",
    "side",
    "quantity",
    "entry",
    "exit",
    "bars",
    "profit",
    "percent",
    "fees",
)


def _trades_told(done: Done) -> str:
    count = len(done.result.trips)
    most = f"; the last {TRADES:,} are shown" if count > TRADES else ""
    return escape(f"{count:,} closed trades, net of costs{most}. Prices are means of the fills.")


def _trades(done: Done) -> Iterator[tuple[str, ...]]:
    result = done.result
    for trip in result.trips[-TRADES:]:
        yield (
            _moment(int(result.ts[trip.opened])),
            _moment(int(result.ts[trip.closed])),
            trip.symbol,
            "long" if trip.side > 0 else "short",
            f"{trip.quantity:,.6g}",
            f"{trip.entry:,.6g}",
            f"{trip.exit:,.6g}",
            f"{trip.bars:,}",
            f"{trip.profit:,.2f}",
            f"{100 * trip.share:.2f}",
            f"{trip.fees:,.2f}",
        )


def _moment(ts: int) -> str:
    at = time_of(ts)
    return f"{at:%Y-%m-%d}" if ts % 86_400_000_000 == 0 else f"{at:%Y-%m-%d %H:%M}"


def _origins(done: Done) -> list[tuple[str, str]]:
    record = done.record
    rows = [("id", record["id"]), ("started", str(record["started"])), ("path", record["path"])]
    rows += [(f"bars of {one['symbol']}", f"sha256 {one['sha256']}") for one in record["data"]]
    for one in record["files"]:
        rows += _stored(one) if "lake_snapshot" in one else _files(one)
    code = record["code"]
    rows += [(f"code of the {name}", f"sha256 {value}") for name, value in code.items()]
    rows.append(("equity", f"sha256 {record['equity_sha256']}"))
    rows.append(("versions", ", ".join(f"{n} {v}" for n, v in record["versions"].items())))
    return rows


def _files(one: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield one["data"], f"sha256 {one['data_sha256']}"
    if one["factors"]:
        yield one["factors"], f"sha256 {one['factors_sha256']}"


def _stored(one: dict[str, Any]) -> Iterator[tuple[str, str]]:
    built = f", built from {one['built_from']}" if one["built_from"] else ""
    about = f"{one['begin']} to {one['end']}, snapshot {one['lake_snapshot']} of the lake{built}"
    yield f"{one['symbol']} of {one['source']}", about
