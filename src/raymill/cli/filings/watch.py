"""`raymill filings watch`: a folder in which tickers are dropped."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from raymill.cli.failures import DONE
from raymill.cli.who_options import ANYBODY, WhoOptions
from raymill.errors import ConfigError, Interrupted

if TYPE_CHECKING:
    from raymill.app.filings.companies import Filings

POLL_S = 0.5


def watch(
    folder: str,
    *,
    forms: list[str] | None = None,
    since: str | None = None,
    output: str | None = "output",
    interval: float = 1.0,
    who: WhoOptions = ANYBODY,
    detach: bool = False,
) -> int:
    """Process every ticker that is dropped into a folder as a JSON file, until cancelled.

    A file `{"ticker": "AAPL"}` in FOLDER/entry is processed as by `raymill filings process` and
    moves on to FOLDER/processing, where `<TICKER>_state.json` tells how far it is. What cannot be
    used goes to FOLDER/rejected with the reason. The watch is a run without an end: it survives
    this command and a crash, and takes what was dropped meanwhile.

    Parameters
    ----------
    folder
        The folder that has, or gets, `entry`, `processing` and `rejected`.
    forms
        Forms, as in 10-K; several (again, or with commas). The periodic reports, if not given.
    since
        Only what was filed on this day or later, as in 2024-01-01.
    output
        A folder for `<TICKER>_facts.parquet`, all facts of each company.
    interval
        Seconds after which the folder is looked at, on file systems that tell of no changes.
    detach
        Start it and leave, instead of telling what happens.
    """
    from raymill.app.filings.watching import start
    from raymill.cli.filings.asked import day, listed_forms
    from raymill.cli.filings.options import opened
    from raymill.config import settings
    from raymill.filings.folders import Folders

    settings().filings.who()
    if not interval > 0:
        raise ConfigError(f"`--interval` cannot be {interval}", hint="give a number above 0")
    root = Path(folder).expanduser().absolute()
    Folders(root).make()
    asked: dict[str, Any] = {"folder": str(root), "interval_s": interval}
    asked |= {"forms": list(listed_forms(forms)), "since": day("--since", since)}
    asked["output"] = str(Path(output).expanduser().absolute()) if output else None
    with opened(who) as filings:
        run, is_new = start(filings.workflows, filings.ledger, asked, **who.how())
        sys.stderr.write(f"run {run} {'watches' if is_new else 'watches already:'} {root}/entry\n")
        if detach:
            sys.stdout.write(f"{run}\n")
            return DONE
        return _follow(filings, run)


def _follow(filings: "Filings", run: str) -> int:
    """Tell what happens until the watch ends."""
    from raymill.cli.filings.following import Lines

    lines, since = Lines(), time.time()
    try:
        while not filings.workflows.run(run).is_over:
            for known in filings.ledger.since(since):
                now = filings.standing(known)
                since = max(since, known.updated)
                lines.tell(now)
            filings.workflows.keep_going()
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        raise Interrupted(
            "Interrupted; the watch goes on", hint=f"raymill workflows cancel {run} ends it"
        ) from None
    sys.stderr.write(f"run {run} has ended\n")
    return DONE
