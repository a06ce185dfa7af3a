"""Asks for the filings of companies, and says where each of them stands."""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from raymill.app.filings.rooms import open_ledger
from raymill.app.workflows import Workflows, id_of
from raymill.config import settings
from raymill.errors import ConfigError
from raymill.filings import projection
from raymill.filings.ledger import Ledger, Standing
from raymill.filings.projection import Seen
from raymill.filings.status import ProcessingStatus as Status
from raymill.filings.tickers import called
from raymill.state.store import OPEN, RunRow

PLACE = "raymill.app.filings:FILINGS"
POLL_S = 0.1
MOST_TRIES = 100


class Filings:
    """The companies whose filings are processed in `RAYMILL_HOME`.

    It runs nothing itself: it submits runs and reads the journal.
    """

    def __init__(self, workflows: Workflows | None = None, ledger: Ledger | None = None) -> None:
        self.workflows = workflows or Workflows()
        self.ledger = ledger or open_ledger()
        self._asked = 0.0

    def __enter__(self) -> "Filings":
        return self

    def __exit__(self, *_: object) -> None:
        self.workflows.close()

    def ask(
        self,
        name: str,
        *,
        forms: Sequence[str] = (),
        since: str | None = None,
        output: str | None = None,
        file: str | None = None,
        **how: Any,
    ) -> Standing:
        """Have the filings of a company processed that are not in the dataset.

        Where the same is under way already, that is what it gives; else a new run looks for new
        filings. `how` is as in `Workflows.submit`. Raises ConfigError.
        """
        settings().filings.who()
        company = called(name)
        asked = {"company": company, "called": company, "forms": list(forms), "since": since}
        asked |= {"output": output, "file": file}
        for _ in range(MOST_TRIES):
            found = self._asked_for(company, asked, how)
            if found is not None:
                return found
        raise ConfigError(f"`{company}` is asked for by too many at once", hint="try again")

    def _asked_for(self, company: str, asked: dict[str, Any], how: Any) -> Standing | None:
        from raymill.app.filings.flows import FILINGS

        known = self.ledger.find(company)
        if known is not None and _same(known.asked, asked):
            row, is_known = self._row(known.run)
            if is_known and (row is None or row.status in OPEN):
                return known
            if not is_known:  # whoever noted it was killed before it was submitted
                self.workflows.submit(PLACE, known.asked, key=_key(known), **how)
                return known
        generation = known.generation + 1 if known else 1
        key = _key(Standing(company, "", Status.DISCOVERED, generation))
        run, now = id_of(FILINGS, key), time.time()
        if not self.ledger.claim(company, generation, run, asked, now):
            return None
        self.workflows.submit(PLACE, asked, key=key, **how)
        return self.ledger.find(company)

    def _row(self, run: str) -> tuple[RunRow | None, bool]:
        """The row of a run, and whether it is known at all: it may still lie in the inbox."""
        row = self.workflows.store.run(run)
        if row is None and self.workflows.store.messages(run):
            return None, True
        row = row or self.workflows.store.run(run)  # it may have been taken up in between
        return row, row is not None

    def standing(self, known: Standing) -> Standing:
        """Where a company stands now, by the journal; the ledger is brought up to date."""
        row, _ = self._row(known.run)
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
        """Where a company stands. Raises ConfigError if it was never asked for."""
        known = self.ledger.find(called(name))
        if known is None:
            raise ConfigError(
                f"`{called(name)}` was never processed", hint=f"raymill filings process {name}"
            )
        return self.standing(known)

    def refresh(self, most: int = 1000) -> None:
        """Bring the ledger up to date with runs that ended without their last step."""
        for known in self.ledger.open(most):
            self.standing(known)

    def follow(self, known: Iterable[Standing], poll_s: float = POLL_S) -> Iterator[Standing]:
        """Give companies each time that they stand elsewhere, until all have ended."""
        open_ = {one.called: one for one in known}
        told: dict[str, Standing] = {}
        while open_:
            begun = time.monotonic()
            for name in list(open_):
                now = self.standing(open_[name])
                if told.get(name) != now:
                    told[name] = now
                    yield now
                if now.status.is_over:
                    del open_[name]
                else:
                    open_[name] = now
            if open_:
                self._keep_going()
                time.sleep(max(poll_s, 5 * (time.monotonic() - begun)))

    def _keep_going(self) -> None:
        if time.monotonic() - self._asked > 2.0:  # a started one needs a moment for its lease
            self._asked = time.monotonic()
            self.workflows.ensure()


def _key(known: Standing) -> str:
    return f"{known.called}\0{known.generation}"


def _same(one: Any, other: dict[str, Any]) -> bool:
    """Whether the same is asked for, whatever file it came in."""
    return bool(one) and {**one, "file": None} == {**other, "file": None}
