"""Runs of which there is one at a time: a watch of a folder, an update, a bulk file."""

from itertools import count
from typing import Any

from raymill.app.workflows import Workflows, id_of
from raymill.errors import ConfigError
from raymill.filings.ledger import Ledger
from raymill.flow.workflow import Workflow
from raymill.state.store import OPEN


def one_at_a_time(
    workflows: Workflows,
    ledger: Ledger,
    flow: Workflow,
    place: str,
    name: str,
    asked: dict[str, Any],
    **how: Any,
) -> tuple[str, bool]:
    """Start a run, unless one of this name is under way. Gives it, and whether it is a new one.

    Raises ConfigError where the one that is under way was asked for something else.
    """
    cursor = f"run/{name}"
    for number in count(int(ledger.cursor(cursor) or 1)):
        key = f"{name}\0{number}"
        row = workflows.store.run(id_of(flow, key))
        if row is not None and row.status not in OPEN:
            continue
        ledger.move(cursor, f"{number:012}")
        run = workflows.submit(place, asked, key=key, **how)
        if workflows.run(run).input == asked:
            return run, row is None
        raise ConfigError(
            f"Run {run} of `{flow.name}` is under way with other options",
            hint=f"raymill workflows cancel {run}",
        )
    raise AssertionError("numbers do not end")
