"""Where a company stands, by what the journal has of its run: decisions without an effect."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from raymill import json
from raymill.filings.flow import CHILD
from raymill.filings.ledger import Standing
from raymill.filings.status import ProcessingStatus as Status
from raymill.state.store import OPEN, RunRow, StepRow

_UNDER_WAY = {
    "download": Status.DOWNLOADING_SEC_FILING,
    "extract": Status.EXTRACTING_FACTS,
    "standardise": Status.EXTRACTING_FACTS,
    "store": Status.SAVING_PARQUET,
}
_AWAITED = {
    "download": Status.MOVED_TO_PROCESSING,
    "extract": Status.SEC_FILING_DOWNLOADED,
    "standardise": Status.SEC_FILING_DOWNLOADED,
    "store": Status.FACTS_EXTRACTED,
}


class Seen(NamedTuple):
    """What the journal has of a run: its row, its steps, and those of its first open child."""

    run: RunRow
    steps: Sequence[StepRow]
    child: RunRow | None = None
    child_steps: Sequence[StepRow] = ()
    output: Any = None


def first_open(steps: Iterable[StepRow]) -> StepRow | None:
    """The first filing that is under way."""
    going = [row for row in steps if row.step == CHILD and row.status == "begun"]
    return min(going, key=lambda row: row.item, default=None)


def standing(known: Standing, seen: Seen) -> Standing:
    """Where a company stands by what was seen of its run."""
    filings = [row for row in seen.steps if row.step == CHILD]
    run, output = seen.run, seen.output or {}
    status, message = _status(seen), output.get("message", "")
    if run.error is not None:
        about = json.loads(run.error)
        message = f"{about.get('type')}: {about.get('message')}"
    return replace(
        known,
        status=status,
        message=message,
        cik=output.get("cik", known.cik),
        filings=len(filings),
        failed=sum(row.status == "dead" for row in filings),
        facts=output.get("facts", 0),
        created=run.created,
        updated=_updated(seen),
    )


def of_filing(row: StepRow, run: RunRow | None, steps: Sequence[StepRow]) -> Status:
    """Where a filing stands, by its row in the company's run and by its own run."""
    if row.status == "done":
        return Status.COMPLETED
    if row.status in ("dead", "cancelled"):
        return Status.ERROR
    return Status.DISCOVERED if run is None else _of_child(run, steps)


def _status(seen: Seen) -> Status:
    run = seen.run
    if run.status == "completed":
        return Status.ERROR if (seen.output or {}).get("failed") else Status.COMPLETED
    if run.status not in OPEN:
        return Status.ERROR
    if seen.child is not None:
        return _of_child(seen.child, seen.child_steps)
    begun = {row.step: row for row in seen.steps}
    if "conclude" in begun:
        return Status.SAVING_PARQUET
    is_held = run.status == "paused" and "discover" not in begun
    return Status.MOVED_TO_PROCESSING if is_held else Status.DOWNLOADING_SEC_FILING


def _of_child(run: RunRow, steps: Sequence[StepRow]) -> Status:
    """A filing stands where its first step stands that is not done."""
    done = {row.step for row in steps if row.status == "done"}
    name = next((name for name in _UNDER_WAY if name not in done), "store")
    row = next((row for row in steps if row.step == name), None)
    is_awaited = run.status == "paused" or (row is not None and row.status == "waiting")
    return (_AWAITED if is_awaited and name != "download" else _UNDER_WAY)[name]


def _updated(seen: Seen) -> float:
    times = [row.ended for row in (*seen.steps, *seen.child_steps) if row.ended is not None]
    return max([seen.run.created, seen.run.ended or 0.0, *times])
