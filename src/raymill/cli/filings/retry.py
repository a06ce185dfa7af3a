"""`raymill filings retry`: companies that failed, once more."""

import sys

from raymill import json
from raymill.cli.asked import names
from raymill.cli.failures import DONE


def retry(
    *companies: str, engine: str = "local", workers: int | None = None, json_: bool = False
) -> int:
    """Take up companies that failed, and follow them to their end.

    A run goes on at the step that failed; of filings that failed, those alone are processed again.
    Without names, all that failed are taken up. Exit code 1 if any fails again.

    Parameters
    ----------
    companies
        Tickers, CIKs or names.
    engine
        Whose workers run the steps of new runs: local, ray, or another that is installed.
    workers
        Steps that run at a time, where an orchestrator is started.
    json_
        Write a JSON list of companies instead of a table.
    """
    from raymill.cli.filings.options import how, opened
    from raymill.cli.filings.process import to_the_end

    wanted = names(companies)
    with opened(workers) as filings:
        known = [filings.find(name) for name in wanted] if wanted else filings.failed()
        if not known:
            sys.stderr.write("no company has failed\n")
            if json_:
                sys.stdout.write(json.dumps([]).decode() + "\n")
            return DONE
        return to_the_end(filings, [filings.retry(one, how(engine)) for one in known], json_)
