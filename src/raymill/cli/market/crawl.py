"""`raymill market crawl`: records of a range from a source into the lake."""

import sys
from typing import TYPE_CHECKING, Literal

from raymill import json
from raymill.cli.asked import names
from raymill.cli.failures import DONE, FAILED
from raymill.cli.report import show_json
from raymill.cli.who_options import ANYBODY, WhoOptions
from raymill.errors import ConfigError, Interrupted

if TYPE_CHECKING:
    from raymill.app.market.crawls import Crawls, Standing

Kind = Literal["bar", "trade", "quote", "fundamental", "corporate_action"]


def crawl(
    source: str,
    *symbols: str,
    start: str,
    end: str | None = None,
    kind: Kind = "bar",
    interval: str = "1d",
    who: WhoOptions = ANYBODY,
    detach: bool = False,
    json_: bool = False,
) -> int:
    """Complete bars, trades or quotes of a range, from a source into the lake.

    Every symbol is a run of its own. What is known to be complete is not asked for again, so the
    same command again fetches what lacks. An orchestrator is started in the background if none runs
    the workflows of RAYMILL_HOME. Exit code 1 if a crawl failed; each is named with the reason.

    Parameters
    ----------
    source
        A source, as `raymill market sources` lists them.
    symbols
        What to crawl, as in BTC/USDT or AAPL; several (again, or with commas).
    start
        Where the range begins: a time with a zone, or a bare date.
    end
        Where it ends, itself left out; now, if not given.
    kind
        bar, trade, quote, fundamental or corporate_action.
    interval
        How long a bar lasts, as in 1m, 1h, 1d (1M is a month).
    detach
        Do not wait for the end; write the ids of the runs.
    json_
        Write a JSON list of crawls instead of a table.
    """
    from raymill.app.market.crawls import Crawls
    from raymill.cli.market.crawling import wanted

    chosen = names(symbols)
    if not chosen:
        raise ConfigError(
            "There is no symbol", hint=f"raymill market crawl {source} SYMBOL --start 2024-01-01"
        )
    begin_us, end_us = wanted(start, end)
    with Crawls(who.workflows()) as crawls:
        asked = crawls.ask(
            source,
            chosen,
            kind,
            begin_us,
            end_us,
            interval=interval if kind == "bar" else None,
            **who.how(),
        )
        if detach:
            return _detached(asked, json_)
        return _to_the_end(crawls, asked, json_)


def _detached(asked: "list[Standing]", as_json: bool) -> int:
    if as_json:
        text = json.dumps([one.to_dict() for one in asked], indent=True).decode() + "\n"
    else:
        text = "".join(f"{one.run}\n" for one in asked)
    sys.stdout.write(text)
    return DONE


def _to_the_end(crawls: "Crawls", asked: "list[Standing]", as_json: bool) -> int:
    from raymill.cli.market.crawling import follow, show

    try:
        ended = follow(crawls, asked)
    except KeyboardInterrupt:
        raise Interrupted(
            "Interrupted; the crawls go on",
            hint=f"raymill crawls show {asked[0].run}; raymill crawls cancel {asked[0].run}",
        ) from None
    if as_json:
        show_json([one.to_dict() for one in ended])
    else:
        show(ended)
    return FAILED if any(one.status != "completed" for one in ended) else DONE
