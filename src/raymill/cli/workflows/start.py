"""Start runs, and follow them to their end."""

import sys
from dataclasses import asdict
from typing import Any

from raymill import json
from raymill.app.runs import WholeRun
from raymill.app.workflows import Workflows, named
from raymill.cli.failures import DONE, FAILED
from raymill.cli.report import show_json
from raymill.cli.workflows.text import hint, reason
from raymill.errors import InputError


def start(
    workflow: str,
    /,
    *,
    input: str | None = None,
    key: str | None = None,
    priority: int | None = None,
    engine: str = "local",
    json_: bool = False,
) -> None:
    """Start a run of a workflow, and write its id.

    An orchestrator is started in the background if none runs the workflows of RAYMILL_HOME.

    Parameters
    ----------
    workflow
        A registered name, `module:object` or `FILE.py:object`.
    input
        What the run is started with, as JSON.
    key
        The same key gives the same run, however often it is started.
    priority
        Runs with a higher one go first.
    engine
        Whose workers run its steps: `local`, or `ray` where that is installed.
    json_
        Write the run as JSON.
    """
    value = parsed(input)
    with Workflows() as workflows:
        run = workflows.submit(workflow, value, key=key, priority=priority, engine=engine)
        if json_:
            show_json(asdict(workflows.run(run)))
        else:
            sys.stdout.write(f"{run}\n")


def watch(run: str, /, *, json_: bool = False) -> int:
    """Follow a run to its end, and write its result; exit code 1 if it has none.

    Parameters
    ----------
    run
        The id of the run.
    json_
        Write the whole run as JSON.
    """
    told: dict[tuple[str, int | None], str] = {}
    last: WholeRun | None = None
    with Workflows() as workflows:
        for last in workflows.watch(run):
            _tell(last, told)
    assert last is not None
    if json_:
        show_json(last.to_dict())
    elif last.run.status == "completed":
        show_json(last.run.output)
    if last.run.status == "completed":
        return DONE
    sys.stderr.write(f"error: run `{run}` {last.run.status}: {reason(last.run.error)}\n")
    sys.stderr.write(f"hint: {hint(last.run)}\n")
    return FAILED


def parsed(text: str | None) -> Any:
    """The JSON value of `--input`. Raises InputError."""
    if text is None:
        return None
    try:
        return json.loads(text)
    except json.JSONError as error:
        raise InputError(
            f"`--input {text}` is no JSON: {error}", hint="""write --input '{"name": "value"}'"""
        ) from None


def _tell(found: WholeRun, told: dict[tuple[str, int | None], str]) -> None:
    """Say on standard error which steps changed, and what is asked."""
    for step in found.steps:
        if told.get((step.step, step.item)) == step.status:
            continue
        told[step.step, step.item] = step.status
        name = named(step.step, step.item)
        sys.stderr.write(f"{name} {step.status}\n")
        if step.status == "asked":
            sys.stderr.write(f"{name} asks: {step.question or 'for an answer'}\n")
            sys.stderr.write(f"hint: raymill workflows answer {found.run.id} {name} VALUE\n")
    sys.stderr.flush()
