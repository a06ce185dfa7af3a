"""`raymill filings retry`: companies that failed, once more."""

import sys

from raymill import json
from raymill.cli.asked import names
from raymill.cli.failures import DONE
from raymill.cli.who_options import ANYBODY, WhoOptions


def retry(*companies: str, who: WhoOptions = ANYBODY, json_: bool = False) -> int:
    """Take up companies that failed, and follow them to their end.

    A run goes on at the step that failed; of filings that failed, those alone are processed again.
    Without names, all that failed are taken up. Exit code 1 if any fails again.

    Parameters
    ----------
    companies
        Tickers, CIKs or names.
    json_
        Write a JSON list of companies instead of a table.
    """
    from raymill.cli.filings.options import opened
    from raymill.cli.filings.process import to_the_end

    wanted = names(companies)
    with opened(who) as filings:
        known = [filings.find(name) for name in wanted] if wanted else filings.failed()
        if not known:
            sys.stderr.write("no company has failed\n")
            if json_:
                sys.stdout.write(json.dumps([]).decode() + "\n")
            return DONE
        return to_the_end(filings, [filings.retry(one, who.how()) for one in known], json_)
