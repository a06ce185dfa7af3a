"""Steer runs: cancel, pause, resume, take up again, answer."""

import re
import sys
from typing import Annotated, Any

from cyclopts import Parameter

from raymill import json
from raymill.app.workflows import Workflows
from raymill.cli.report import show_json
from raymill.cli.requests import asks, told

_ITEM = re.compile(r"(.+)\[(\d+)\]")


cancel, pause, resume, retry = (
    asks("workflows", kind, text, Workflows)
    for kind, text in (
        ("cancel", "Cancel runs: steps that are under way are stopped, no other begins."),
        ("pause", "Begin no further step of runs; those that are under way end."),
        ("resume", "Go on with paused runs."),
        ("retry", "Take failed or cancelled runs up where they ended, with the code as it is now."),
    )
)


def redrive(workflow: Annotated[str | None, Parameter()] = None, /, *, json_: bool = False) -> None:
    """Take up all failed runs, or those of one workflow.

    Parameters
    ----------
    workflow
        The name of the workflow.
    json_
        Write what was asked as JSON.
    """
    with Workflows() as workflows:
        runs = workflows.redrive(workflow)
    told("retry", runs, as_json=json_)
    if not runs and not json_:
        sys.stderr.write("no run has failed\n")


def answer(run: str, step: str, value: str, /, *, json_: bool = False) -> None:
    """Answer a question that a run asks; `raymill workflows show RUN` says which.

    Parameters
    ----------
    run
        The id of the run.
    step
        The step that asks, with the number of the item where it asks several: `pay`, `pay[3]`.
    value
        The answer: JSON, or else a text.
    json_
        Write what was answered as JSON.
    """
    found = _ITEM.fullmatch(step)
    name, item = (found[1], int(found[2])) if found else (step, None)
    given = _value(value)
    with Workflows() as workflows:
        workflows.answer(run, name, given, item)
    if json_:
        show_json({"run": run, "step": step, "answered": given})
    else:
        sys.stderr.write(f"answered {step} of {run}\n")


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONError:
        return text
