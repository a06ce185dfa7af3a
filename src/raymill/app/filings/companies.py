"""Asks for the filings of companies, and says where each of them stands."""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple, TypeAlias

import pyarrow as pa

from raymill import json
from raymill.app.filings.asking import Wanted, ask, row_of, run_id
from raymill.app.filings.rooms import open_dataset, open_ledger
from raymill.app.workflows import Workflows
from raymill.config import settings
from raymill.errors import InputError, NotFound
from raymill.filings import projection
from raymill.filings.dataset import Facts
from raymill.filings.filing_steps import place_of
from raymill.filings.flow import CHILD
from raymill.filings.ledger import Ledger, Standing
from raymill.filings.projection import Seen
from raymill.filings.status import ProcessingStatus as Status
from raymill.filings.tickers import called, cik_of
from raymill.state.store import OPEN, RunRow, StepRow

POLL_S = 0.1
RUNS_BACK = 20  # runs of a company that are looked through for what was fetched last
AT_A_TIME = 200  # companies that are looked at before others, and before a pause
Standings: TypeAlias = list[Standing]


class Report(NamedTuple):
    """Where a company stands, and each of its filings."""

    company: Standing
    filings: list[dict[str, Any]]


class Filings:
    """The companies whose filings are processed in `RAYMILL_HOME`.

    It runs nothing itself: it submits runs and reads the journal.
    """

    def __init__(self, workflows: Workflows | None = None, ledger: Ledger | None = None) -> None:
        self.workflows = workflows or Workflows()
        self.ledger = ledger or open_ledger()

    def __enter__(self) -> "Filings":
        return self

    def __exit__(self, *_: object) -> None:
        self.workflows.close()

    def ask(self, *names: str, how: Mapping[str, Any] | None = None, **wanted: Any) -> Standings:
        """Have the filings of companies processed that are not in the dataset.

        Where the same is under way already, that is what it gives; else a new run looks for new
        filings. `wanted` is as in `Wanted`, `how` as in `Workflows.submit_all`. Raises ConfigError.
        """
        return ask(self.workflows, self.ledger, names, Wanted(**wanted), **(how or {}))

    def standing(self, known: Standing) -> Standing:
        """Where a company stands now, by the journal; the ledger is brought up to date."""
        row, _ = row_of(self.workflows, known.run)
        if row is None:
            return known
        found = projection.standing(known, self._seen(row))
        if found.status.is_over and known.status is not found.status:
            self._note(found)
        return found

    def _note(self, found: Standing) -> None:
        counts = {"filings": found.filings, "facts": found.facts, "failed": found.failed}
        run, now = found.run, found.updated
        self.ledger.note(
            found.called, run, found.status, now, cik=found.cik, message=found.message, **counts
        )

    def _seen(self, row: RunRow) -> Seen:
        store, artifacts = self.workflows.store, self.workflows.artifacts
        steps = store.steps(row.id)
        going = projection.first_open(steps) if row.status in OPEN else None
        child = store.run(f"{row.id}.{going.step}.{going.item}") if going else None
        child_steps = store.steps(child.id) if child else ()
        output = None if row.output is None else artifacts.load(row.output)
        return Seen(row, steps, child, child_steps, output)

    def find(self, name: str) -> Standing:
        """Where a company stands. Raises NotFound if it was never asked for."""
        known = self.ledger.find(called(name))
        if known is None:
            raise NotFound(
                f"`{called(name)}` was never processed", hint=f"raymill filings process {name}"
            )
        return self.standing(known)

    def report(self, name: str) -> Report:
        """Where a company and each of its filings stand. Raises NotFound, ConfigError."""
        now = self.find(name)
        rows = {row.item: row for row in self.workflows.store.steps(now.run) if row.step == CHILD}
        output = self._output(now.run, "discover") if rows else None
        filings = [self._filing(rows[at], one) for at, one in enumerate(output or ())]
        return Report(now, filings)

    def _output(self, run: str, step: str) -> Any:
        rows = [row for row in self.workflows.store.steps(run) if row.step == step]
        value = rows[0].output if rows else None
        return None if value is None else self.workflows.artifacts.load(value)

    def _filing(self, row: StepRow, filing: dict[str, Any]) -> dict[str, Any]:
        store = self.workflows.store
        child = store.run(f"{row.run}.{row.step}.{row.item}")
        steps = store.steps(child.id) if child and child.status in OPEN else ()
        status = projection.of_filing(row, child, steps)
        done = self.workflows.artifacts.load(row.output) if row.output else {}
        error = json.loads(row.error) if row.error else {}
        about = {name: filing[name] for name in ("accession", "form", "filed")}
        reason = done.get("reason") or error.get("message")
        return about | {"status": status.value, "facts": done.get("facts", 0), "reason": reason}

    def retry(self, known: Standing, how: Mapping[str, Any] | None = None) -> Standing:
        """Take up a company that failed: its run where that failed, else its filings that did.

        What is not in error is given back as it stands.
        """
        now = self.standing(known)
        if now.status is not Status.ERROR:
            return now
        row, _ = row_of(self.workflows, now.run)
        if row is None or row.status not in ("failed", "cancelled"):
            wanted = Wanted.of(now.asked or {})
            return ask(self.workflows, self.ledger, [now.called], wanted, **(how or {}))[0]
        self.workflows.request(now.run, "retry")
        self.ledger.note(now.called, now.run, Status.DISCOVERED, time.time(), message="")
        return replace(now, status=Status.DISCOVERED, message="")

    def failed(self) -> list[Standing]:
        """All companies that are in error."""
        self.refresh()
        found: list[Standing] = []
        while page := self.ledger.page(
            after=found[-1].called if found else "", most=1000, status=Status.ERROR
        ):
            found += page
        return found

    def page(self, *, status: str | None = None, **which: Any) -> list[Standing]:
        """A page of companies by name, as they stand now: `after` (a name), `most`, `status`."""
        wanted = None if status is None else Status(status)
        return [self.standing(one) for one in self.ledger.page(status=wanted, **which)]

    def newest(self, now: Standing) -> Mapping[str, Any] | None:
        """What was fetched of the newest of a company's filings: `filing` and its `documents`.

        Where a run found nothing new, it is what a run before it fetched.
        """
        last = max(0, now.generation - RUNS_BACK)
        before = (run_id(now.called, number) for number in range(now.generation - 1, last, -1))
        outputs = (self._output(f"{run}.{CHILD}.0", "download") for run in (now.run, *before))
        return next((one for one in outputs if one is not None), None)

    def paths(self, now: Standing) -> dict[str, str | None]:
        """The newest document that was fetched for a company, and its export, where they are."""
        found: dict[str, str | None] = dict.fromkeys(("sec_filing_path", "parquet_output_path"))
        newest = self.newest(now)
        if newest and newest["documents"]:
            place = place_of(newest)
            found["sec_filing_path"] = str(settings().filings.folder().joinpath(*place.parts))
        row = self.workflows.store.run(now.run)
        if row is not None and row.output is not None:
            found["parquet_output_path"] = self.workflows.artifacts.load(row.output)["output"]
        return found

    def refresh(self, most: int = 1000) -> None:
        """Bring the ledger up to date with runs that ended without their last step."""
        for known in self.ledger.open(most):
            row = self.workflows.store.run(known.run)
            if row is not None and row.status not in OPEN:
                self.standing(known)

    def follow(self, known: Iterable[Standing], poll_s: float = POLL_S) -> Iterator[Standing]:
        """Give companies each time that they stand elsewhere, until all have ended.

        Of many, some are looked at in each turn.
        """
        open_ = deque({one.called: one for one in known}.values())
        told: dict[str, Standing] = {}
        while open_:
            begun = time.monotonic()
            for _ in range(min(len(open_), AT_A_TIME)):
                now = self.standing(open_.popleft())
                if told.get(now.called) != now:
                    told[now.called] = now
                    yield now
                if now.status.is_over:
                    del told[now.called]
                else:
                    open_.append(now)
            if open_:
                self.workflows.keep_going()
                time.sleep(max(poll_s, 2 * (time.monotonic() - begun)))


def facts_of(name: str) -> pa.Table:
    """Every report of every number of a company in the dataset. Raises InputError."""
    company, dataset = called(name), open_dataset()
    number = number_of(company, dataset)
    found = None if number is None else dataset.reports(number)
    if found is None or not found.num_rows:
        raise InputError(
            f"No facts of `{company}` are stored",
            hint=f"raymill filings process {company}; of a file, as in CIK##########.json, give "
            "its whole name",
        )
    return found


def number_of(company: str, dataset: Facts) -> int | None:
    """The CIK of a company, None where it is unknown here."""
    number, known = cik_of(company), open_ledger().find(company)
    if number is not None or known is None or known.cik is None:
        try:
            return number or dataset.cik(company)
        except InputError:
            return None
    return known.cik
