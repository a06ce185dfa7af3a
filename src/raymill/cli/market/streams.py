"""`raymill streams`: list streams, look at one, stop them."""

import sys
from typing import Any

from raymill.app.runs import Status
from raymill.cli.failures import DONE, FAILED
from raymill.cli.page_options import NEWEST, PageOptions
from raymill.cli.report import show_json, show_values
from raymill.errors import ConfigError


def ls(
    *,
    status: Status | None = None,
    page: PageOptions = NEWEST,
    json_: bool = False,
) -> None:
    """List streams, the newest first.

    Parameters
    ----------
    status
        Only streams whose run is submitted, running, paused, completed, failed or cancelled.
    json_
        Write a JSON list instead of a table.
    """
    from raymill.app.market.streams import Streams
    from raymill.cli.market.streaming import show as table

    with Streams() as streams:
        found = streams.ls(status=status, before=page.before or "", most=page.most)
    if json_:
        show_json([one.to_dict() for one in found])
    else:
        table(found)


def show(stream: str, /, *, gaps: bool = False, json_: bool = False) -> None:
    """Show where a stream stands: counts, lag, gaps, the newest prices.

    Parameters
    ----------
    stream
        The id of the stream.
    gaps
        List what it missed, and what became of that.
    json_
        Write it as JSON.
    """
    from raymill.app.market.streams import Streams

    with Streams() as streams:
        found: dict[str, Any] = streams.standing(stream).to_dict()
        missed = streams.missed(stream) if gaps else []
    if json_:
        show_json(found | ({"gaps": missed} if gaps else {}))
        return
    last = found.pop("last")
    shown = {name: _text(value) for name, value in found.items() if value not in (None, "")}
    show_values(shown | {symbol: f"{price} at {at}" for symbol, (at, price) in last.items()})
    for gap in missed:
        sys.stdout.write("  ".join(f"{value}" for value in gap.values() if value != "") + "\n")


def stop(*streams: str, json_: bool = False) -> int:
    """Stop streams: what they have is stored, and what came of them is said.

    One that has ended stays as it is.

    Parameters
    ----------
    streams
        The ids of the streams.
    json_
        Write a JSON list of what came of them.
    """
    from raymill.app.market.streams import Streams
    from raymill.cli.market.streaming import totals

    if not streams:
        raise ConfigError("There is no stream", hint="raymill streams ls lists them")
    with Streams() as known:
        for one in streams:
            known.standing(one)
        ended = [known.stop(one) for one in streams]
    if json_:
        show_json([one.to_dict() for one in ended])
    else:
        sys.stdout.write("".join(f"{e.stream_id} {e.status}: {totals(e)}\n" for e in ended))
    return DONE if all(one.is_over for one in ended) else FAILED


def _text(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
