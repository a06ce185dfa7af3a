"""`raymill filings update`: what was filed since the last look."""

import sys

from raymill.cli.failures import DONE, FAILED
from raymill.cli.report import show_json
from raymill.cli.who_options import ANYBODY, WhoOptions


def update(
    *,
    forms: list[str] | None = None,
    since: str | None = None,
    who: WhoOptions = ANYBODY,
    json_: bool = False,
) -> int:
    """Fetch what the companies of the dataset have filed since the last look.

    One small file of the SEC tells what was filed on a day; only companies that are in the dataset
    and filed something new are asked for. Where a filing fails, the next look begins where this
    one did. Exit code 1 if a company failed; each is named.

    Parameters
    ----------
    forms
        Forms, as in 10-K; several (again, or with commas). The periodic reports, if not given.
    since
        Look from this day on, as in 2024-01-01, instead of where the last look ended.
    json_
        Write the result as JSON.
    """
    from raymill.app.filings.flows import UPDATE
    from raymill.app.filings.once import one_at_a_time
    from raymill.cli.filings.asked import day, listed_forms
    from raymill.cli.filings.options import opened
    from raymill.cli.filings.pieces import result
    from raymill.config import settings

    settings().filings.who()
    asked = {"forms": list(listed_forms(forms)), "since": day("--since", since), "output": None}
    with opened(who) as filings:
        given = (filings.workflows, filings.ledger, UPDATE, "raymill.app.filings:UPDATE", "update")
        run, _ = one_at_a_time(*given, asked, **who.how())
        done = result(filings.workflows, run, "filings")
    if json_:
        show_json(done)
    else:
        names = ("days", "companies", "filings", "facts")
        sys.stdout.write(", ".join(f"{done[name]:,} {name}" for name in names) + "\n")
    for failure in done["failures"]:
        sys.stderr.write(f"{failure['called']} failed: {failure['message']}\n")
    return FAILED if done["failures"] else DONE
