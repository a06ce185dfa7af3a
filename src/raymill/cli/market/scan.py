"""`raymill scan`: a scanner of arbitrage over recorded quotes."""

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from raymill.cli.asked import names, pairs
from raymill.cli.failures import DONE
from raymill.cli.market.executing import start as start_execution
from raymill.cli.report import show_json, show_table
from raymill.errors import ConfigError

if TYPE_CHECKING:
    from raymill.app.market.made import Made
    from raymill.app.market.quotes import Quotes
    from raymill.app.market.request import Request
    from raymill.market.scan import Scan, Stretch

HEADINGS = ("from", "lasted s", "looks", "edge bps", "profit", "trades")


@Parameter(name="*")
@dataclass(frozen=True)
class QuoteOptions:
    """Which quotes: those of files, or stored ones.

    Parameters
    ----------
    quotes
        A CSV or Parquet file of quotes: `ts`, `symbol` (BASE/QUOTE), `bid`, `bid_size`, `ask`,
        `ask_size`, and `venue`, else the file's name is the venue; again for a further file.
    symbol
        A pair whose stored quotes are taken; all pairs, if not given.
    source
        A source whose stored quotes are taken; all sources, if not given.
    start
        Where the range of stored quotes begins: a time with a zone, or a bare date.
    end
        Where it ends, itself left out.
    """

    quotes: tuple[str, ...] = ()
    symbol: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    start: str | None = None
    end: str | None = None


ALL_QUOTES = QuoteOptions()


def scan(
    scanner: str = "arbitrage_scanner",
    /,
    *,
    which: QuoteOptions = ALL_QUOTES,
    set_: Annotated[list[str] | None, Parameter(name="--set")] = None,
    most: int = 20,
    detach: bool = False,
    no_keep: bool = False,
    json_: bool = False,
    verbose: Annotated[bool, Parameter(name=["-v", "--verbose"])] = False,
) -> int:
    """Look for arbitrage in recorded quotes, and show how each opportunity is reckoned.

    Quotes are taken in the order of their time. An opportunity is one row for as long as it was
    there, at its best, with its arithmetic below it. Nothing is traded: the profit is what taking
    each of them once, at its best, would have brought behind fees.

    Parameters
    ----------
    scanner
        arbitrage_scanner, arbitrage_cross, arbitrage_triangle, or another scanner that
        `raymill strategies ls` lists.
    set_
        A parameter of the scanner, as in `threshold=0.5`; may be given again.
    most
        How many opportunities are shown, the best first.
    detach
        Have it run in the background over stored quotes, and write its id.
    no_keep
        Do not keep what is found for `raymill backtests`.
    json_
        Write what is found as one JSON object.
    verbose
        Show where an error was raised.
    """
    from raymill.app.market.request import request_of

    _check_scans(scanner)
    body = _body(scanner, which, pairs(set_))
    request = request_of(body)
    if detach:
        if which.quotes:
            raise ConfigError("What runs in the background looks at stored quotes")
        return start_execution(body, json_)
    return _here(request, which, body, most=most, is_kept=not no_keep, as_json=json_)


def _check_scans(scanner: str) -> None:
    from raymill.market.named import find, is_scanner

    if not is_scanner(find(scanner).kind):
        raise ConfigError(
            f"`{scanner}` trades on bars and looks at no quotes", hint=f"raymill backtest {scanner}"
        )


def _body(scanner: str, which: QuoteOptions, values: dict[str, str]) -> dict[str, Any]:
    if which.quotes and (which.symbol or which.source or which.start or which.end):
        raise ConfigError("`--quotes` takes whole files", hint="leave the other options out")
    given = {
        "algorithm_id": scanner,
        "parameters": values,
        "symbols": list(names(which.symbol)),
        "sources": list(names(which.source)),
        "start": which.start,
        "end": which.end,
    }
    return {name: value for name, value in given.items() if value not in (None, [], {})}


def _here(
    request: "Request",
    which: QuoteOptions,
    body: dict[str, Any],
    *,
    most: int,
    is_kept: bool,
    as_json: bool,
) -> int:
    from raymill.app.market.made import keep
    from raymill.app.market.scans import look, made_of_scan

    started = datetime.now(UTC)
    quotes = _quotes(request, which)
    scanner = request.named.make(request.parameters)
    found = look(scanner, quotes)
    made = made_of_scan(request, scanner, quotes, found, started)
    if as_json:
        show_json(_told(made, most))
    else:
        _show(request, made, found, most)
    if is_kept:
        sys.stdout.flush()
        one = keep(body, made, started, datetime.now(UTC))
        sys.stderr.write(f"kept: raymill backtests show {one.execution_id}\n")
    return DONE


def _quotes(request: "Request", which: QuoteOptions) -> "Quotes":
    from raymill.app.market.quotes import read_quotes, stored_quotes
    from raymill.app.market.rooms import open_rooms
    from raymill.app.market.scans import check_names

    if which.quotes:
        quotes = read_quotes(which.quotes)
    else:
        quotes = stored_quotes(open_rooms(), request.wanted_quotes)
    check_names(request.named, quotes.names)
    return quotes


def _told(made: "Made", most: int) -> dict[str, Any]:
    best = sorted(made.found or (), key=lambda one: -one["best"]["edge_bps"])
    return {**made.figures, "found": best[:most], "record": made.record}


def _show(request: "Request", made: "Made", found: "Scan", most: int) -> None:
    from raymill.market.moments import moment

    set_ = ", ".join(f"{name}={value}" for name, value in request.values.items())
    sys.stderr.write(f"{request.algorithm_id} ({set_})\n")
    when = (
        ""
        if found.begin_us is None
        else (f", {moment(found.begin_us)} to {moment(found.end_us or found.begin_us)}")
    )
    unsound = f", {found.unsound:,} of them not to be traded on" if found.unsound else ""
    sys.stderr.write(
        f"{found.quotes:,} quotes of {', '.join(found.pairs)} at {', '.join(found.venues)}"
        f"{when}{unsound}\n"
    )
    best = sorted(found.stretches, key=lambda one: -one.best.edge_bps)[:most]
    if not best:
        sys.stderr.write("no opportunity\n")
        return
    show_table(HEADINGS, map(_cells, best), stream=sys.stdout, numbers_from=99)
    sys.stdout.write("".join(f"\n{_reckoned(one)}\n" for one in best))
    profit = ", ".join(f"{value:,.6g} {name}" for name, value in sorted(found.profit.items()))
    count = made.figures["stretches"]
    sys.stderr.write(f"{count:,} found; each taken once at its best: {profit}\n")


def _cells(one: "Stretch") -> tuple[str, ...]:
    from raymill.market.moments import moment

    legs = ", ".join(f"{leg.side} {leg.symbol} at {leg.venue}" for leg in one.best.legs)
    return (
        moment(one.first_us),
        f"{(one.last_us - one.first_us) / 1e6:>8.3f}",
        f"{one.looks:>5,}",
        f"{one.best.edge_bps:>8.2f}",
        f"{one.best.profit:>12,.6g} {one.best.currency}",
        legs,
    )


def _reckoned(one: "Stretch") -> str:
    from raymill.market.moments import moment

    legs = "".join(
        f"\n  {leg.side} {leg.size:.10g} {leg.symbol} at {leg.venue} for {leg.price:.10g}, "
        f"quoted {leg.age_us / 1e3:g} ms before"
        for leg in one.best.legs
    )
    return f"{moment(one.best.ts)}: {one.best.arithmetic}{legs}"
