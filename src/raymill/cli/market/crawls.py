"""`raymill crawls`: list crawls, look at one, steer them."""

import sys
from typing import Literal

from raymill import json
from raymill.cli.requests import ask

Status = Literal["submitted", "running", "paused", "completed", "failed", "cancelled"]


def ls(
    *,
    status: Status | None = None,
    before: str | None = None,
    most: int = 50,
    json_: bool = False,
) -> None:
    """List crawls, the newest first.

    Parameters
    ----------
    status
        Only crawls that are submitted, running, paused, completed, failed or cancelled.
    before
        The last run of the page before.
    most
        How many are listed.
    json_
        Write a JSON list instead of a table.
    """
    from raymill.app.market.crawls import Crawls
    from raymill.cli.market.crawling import show

    with Crawls() as crawls:
        found = crawls.ls(status=status, before=before or "", most=most)
    if json_:
        _write([one.to_dict() for one in found])
    else:
        show(found)


def show(run: str, /, *, json_: bool = False) -> None:
    """Show a crawl: how far it is, what it stored, what it waits for.

    Parameters
    ----------
    run
        The id of the run.
    json_
        Write it as JSON.
    """
    from raymill.app.market.crawls import Crawls

    with Crawls() as crawls:
        found = crawls.standing(run).to_dict()
    if json_:
        _write(found)
        return
    shown = {name: value for name, value in found.items() if value is not None}
    width = max(map(len, shown))
    sys.stdout.write("".join(f"{name:<{width}}  {value}\n" for name, value in shown.items()))


def cancel(*runs: str, json_: bool = False) -> None:
    """Cancel crawls; what they have stored stays, and is not asked for again.

    Parameters
    ----------
    runs
        The ids of the runs.
    json_
        Write what was asked as JSON.
    """
    _ask("cancel", runs, json_)


def pause(*runs: str, json_: bool = False) -> None:
    """Let crawls that wait or have not begun wait until they are resumed.

    Parameters
    ----------
    runs
        The ids of the runs.
    json_
        Write what was asked as JSON.
    """
    _ask("pause", runs, json_)


def resume(*runs: str, json_: bool = False) -> None:
    """Go on with paused crawls.

    Parameters
    ----------
    runs
        The ids of the runs.
    json_
        Write what was asked as JSON.
    """
    _ask("resume", runs, json_)


def retry(*runs: str, json_: bool = False) -> None:
    """Take failed or cancelled crawls up where they were.

    Parameters
    ----------
    runs
        The ids of the runs.
    json_
        Write what was asked as JSON.
    """
    _ask("retry", runs, json_)


def _ask(kind: str, runs: tuple[str, ...], as_json: bool) -> None:
    from raymill.app.market.crawls import Crawls

    ask("crawls", kind, runs, Crawls, as_json=as_json)


def _write(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=True).decode() + "\n")
