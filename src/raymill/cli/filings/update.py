"""`raymill filings update`: what was filed since the last look."""

import sys

from raymill import json
from raymill.cli.failures import DONE, FAILED


def update(
    *,
    forms: list[str] | None = None,
    since: str | None = None,
    engine: str = "local",
    workers: int | None = None,
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
    engine
        Whose workers run the steps: local, ray, or another that is installed.
    workers
        Steps that run at a time, where an orchestrator is started.
    json_
        Write the result as JSON.
    """
    from raymill.app.filings.flows import UPDATE
    from raymill.app.filings.once import one_at_a_time
    from raymill.cli.filings.asked import day, listed_forms
    from raymill.cli.filings.options import how, opened
    from raymill.cli.filings.pieces import result
    from raymill.config import settings

    settings().filings.who()
    asked = {"forms": list(listed_forms(forms)), "since": day("--since", since), "output": None}
    with opened(workers) as filings:
        given = (filings.workflows, filings.ledger, UPDATE, "raymill.app.filings:UPDATE", "update")
        run, _ = one_at_a_time(*given, asked, **how(engine))
        done = result(filings.workflows, run, "filings")
    if json_:
        sys.stdout.write(json.dumps(done, indent=True).decode() + "\n")
    else:
        names = ("days", "companies", "filings", "facts")
        sys.stdout.write(", ".join(f"{done[name]:,} {name}" for name in names) + "\n")
    for failure in done["failures"]:
        sys.stderr.write(f"{failure['called']} failed: {failure['message']}\n")
    return FAILED if done["failures"] else DONE
