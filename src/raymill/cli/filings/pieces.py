"""A run in pieces, followed to its end."""

import sys
from typing import TYPE_CHECKING, Any

from raymill.errors import Interrupted

if TYPE_CHECKING:
    from raymill.app.workflows import Workflows


def result(workflows: "Workflows", run: str, step: str) -> dict[str, Any]:
    """Follow a run, telling how many items of a step are done, and give its output.

    Raises WorkflowError where it has none, Interrupted when it is left.
    """
    told = ""
    try:
        for now in workflows.watch(run):
            items = [one.status for one in now.steps if one.step == step]
            over = sum(status in ("done", "dead") for status in items)
            text = f"{step} {over:,} of {len(items):,}" if items else ""
            if text and text != told:
                told = text
                sys.stderr.write(f"\r{text}" if sys.stderr.isatty() else f"{text}\n")
                sys.stderr.flush()
    except KeyboardInterrupt:
        raise Interrupted(
            "Interrupted; the run goes on",
            hint=f"raymill workflows watch {run}; raymill workflows cancel {run}",
        ) from None
    if sys.stderr.isatty():
        sys.stderr.write("\n")
    found: dict[str, Any] = workflows.result(run)
    return found
