"""`raymill filings process`: from tickers to facts in the dataset."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from raymill.cli.asked import names
from raymill.cli.failures import DONE, FAILED
from raymill.cli.report import show_json
from raymill.cli.who_options import ANYBODY, WhoOptions
from raymill.errors import ConfigError, Interrupted

if TYPE_CHECKING:
    from raymill.app.filings.companies import Filings
    from raymill.filings.ledger import Standing


def process(
    *companies: str,
    forms: list[str] | None = None,
    since: str | None = None,
    companyfacts: bool = False,
    output: str | None = None,
    who: WhoOptions = ANYBODY,
    json_: bool = False,
) -> int:
    """Fetch the filings of companies, and put their facts into the dataset.

    Every company is a run of its own, and every filing a run below it, so that one that fails stops
    no other. What is in the dataset already is not fetched again: the same command later looks for
    new filings. An orchestrator is started in the background if none runs the workflows of
    RAYMILL_HOME. Exit code 1 if any company failed; each is named with the reason.

    Parameters
    ----------
    companies
        Tickers, CIKs or names, as in AAPL, BRK.B, 320193 or 'Apple Inc.'.
    forms
        Forms, as in 10-K; several (again, or with commas). The periodic reports and their
        amendments, if not given: 10-K, 10-Q, 20-F, 40-F, 6-K.
    since
        Only what was filed on this day or later, as in 2024-01-01.
    companyfacts
        Also store the company's companyfacts answer: the whole history without dimensions, in one
        request. Documents go before it.
    output
        A folder for `<TICKER>_facts.parquet`, all facts of each company.
    json_
        Write a JSON list of companies instead of a table.
    """
    from raymill.cli.filings.asked import day, listed_forms
    from raymill.cli.filings.options import opened

    wanted = names(companies)
    if not wanted:
        raise ConfigError("There is no company", hint="raymill filings process AAPL MSFT")
    options: dict[str, Any] = {"forms": listed_forms(forms), "since": day("--since", since)}
    options |= {"output": _absolute(output), "companyfacts": companyfacts}
    with opened(who) as filings:
        return to_the_end(filings, filings.ask(*wanted, how=who.how(), **options), json_)


def to_the_end(filings: "Filings", asked: "Sequence[Standing]", as_json: bool) -> int:
    """Follow companies to their end and show them; gives the exit code."""
    from raymill.cli.filings.following import follow
    from raymill.cli.filings.standings import show

    try:
        ended = follow(filings, asked)
    except KeyboardInterrupt:
        called = " ".join(dict.fromkeys(one.called for one in asked))
        raise Interrupted(
            "Interrupted; the runs go on",
            hint=f"raymill filings status {called}; raymill workflows cancel {asked[0].run}",
        ) from None
    if as_json:
        show_json([one.to_dict() for one in ended])
    else:
        show(ended)
    return FAILED if any(one.status.value == "error" for one in ended) else DONE


def _absolute(folder: str | None) -> str | None:
    from pathlib import Path

    return None if folder is None else str(Path(folder).expanduser().absolute())
