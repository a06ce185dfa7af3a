"""Asks for the filings of companies: one run for each that is not under way already."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from raymill.app.workflows import Workflows, id_of
from raymill.config import settings
from raymill.errors import ConfigError
from raymill.filings.ledger import Claim, Ledger, Standing
from raymill.filings.tickers import called
from raymill.state.store import OPEN, RunRow

PLACE = "raymill.app.filings:FILINGS"
MOST_TRIES = 100
TOGETHER = 500  # runs that are submitted by one commit


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted of each company.

    file: where it was asked for; moved: where that file goes.
    """

    forms: tuple[str, ...] = ()
    since: str | None = None
    output: str | None = None
    companyfacts: bool = False
    file: str | None = None
    moved: str | None = None

    @classmethod
    def of(cls, asked: Mapping[str, Any]) -> "Wanted":
        """What was wanted by a run."""
        given = {one.name: asked[one.name] for one in fields(cls) if one.name in asked}
        return cls(**given | {"forms": tuple(given.get("forms") or ())})

    def asked(self, company: str) -> dict[str, Any]:
        """The input of a run, as JSON values."""
        return {"company": company, "called": company, **asdict(self), "forms": [*self.forms]}


def ask(
    workflows: Workflows, ledger: Ledger, names: Iterable[str], wanted: Wanted, **how: Any
) -> list[Standing]:
    """Have companies processed, each once; `how` is as in `Workflows.submit_all`.

    Gives where they stand, in their order: those under way already as they are. Raises ConfigError.
    """
    settings().filings.who()
    companies = list(dict.fromkeys(map(called, names)))
    found: dict[str, Standing] = {}
    for _ in range(MOST_TRIES):
        left = [one for one in companies if one not in found]
        if not left:
            return [found[one] for one in companies]
        for begin in range(0, len(left), TOGETHER):
            some = left[begin : begin + TOGETHER]
            found |= _ask_some(workflows, ledger, some, wanted, how)
    raise ConfigError(f"`{left[0]}` is asked for by too many at once", hint="try again")


def row_of(workflows: Workflows, run: str) -> tuple[RunRow | None, bool]:
    """The row of a run, None while it waits to be begun or retried; whether it is known at all."""
    store = workflows.store
    row = store.run(run)
    if row is None or row.status in ("failed", "cancelled"):
        if store.messages(run):
            return None, True
        row = store.run(run)  # the message may have been taken up in between
    return row, row is not None


def _ask_some(
    workflows: Workflows, ledger: Ledger, companies: Sequence[str], wanted: Wanted, how: Any
) -> dict[str, Standing]:
    """Those of some companies that could be claimed, or are under way."""
    found: dict[str, Standing] = {}
    begin: dict[str, Any] = {}  # key -> input
    claims: list[Claim] = []
    for company in companies:
        known, asked = ledger.find(company), wanted.asked(company)
        if known is not None and _same(known.asked, asked):
            row, is_known = row_of(workflows, known.run)
            is_lost = not is_known and known.run == run_id(company, known.generation)
            if is_lost:  # whoever claimed it was killed before it was submitted
                begin[_key(company, known.generation)] = known.asked
            if is_lost or (is_known and (row is None or row.status in OPEN)):
                found[company] = known
                continue
        generation = known.generation + 1 if known else 1
        claims.append(Claim(company, generation, run_id(company, generation), asked))
    for claimed in ledger.claim(claims, time.time()):
        found[claimed.called] = claimed
        begin[_key(claimed.called, claimed.generation)] = claimed.asked
    if begin:
        workflows.submit_all(PLACE, list(begin.values()), keys=list(begin), **how)
    return found


def run_id(company: str, generation: int) -> str:
    """The run of a company that was asked for so often."""
    from raymill.app.filings.flows import FILINGS

    return id_of(FILINGS, _key(company, generation))


def _key(company: str, generation: int) -> str:
    return f"{company}\0{generation}"


def _same(one: Mapping[str, Any] | None, other: Mapping[str, Any]) -> bool:
    """Whether the same is asked for, whatever file it came in."""
    anywhere = {"file": None, "moved": None}
    return bool(one) and {**(one or {}), **anywhere} == {**other, **anywhere}
