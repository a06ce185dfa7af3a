"""`raymill workflows`: start runs of workflows, look at them, steer them."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from raymill import json
from raymill.app.runs import Run, StepOfRun, WholeRun
from raymill.app.workflows import Workflows
from raymill.cli.failures import DONE, FAILED
from raymill.cli.report import plain_lines, show_table
from raymill.errors import ConfigError, InputError

Status = Literal["submitted", "running", "paused", "completed", "failed", "cancelled"]
HEADINGS = ("run", "workflow", "status", "created", "seconds", "error")
STEP_HEADINGS = ("step", "status", "attempt", "seconds", "error")
EVENT_HEADINGS = ("at", "what", "step", "attempt", "detail")


def ls(
    *,
    status: Status | None = None,
    workflow: str | None = None,
    before: str | None = None,
    most: int = 50,
    json_: bool = False,
) -> None:
    """List runs, the newest first.

    Parameters
    ----------
    status
        Only runs that are submitted, running, paused, completed, failed or cancelled.
    workflow
        Only runs of this workflow.
    before
        The last run of the page before.
    most
        How many are listed.
    json_
        Write a JSON list instead of a table.
    """
    with Workflows() as workflows:
        rows = workflows.ls(status=status, workflow=workflow, before=before or "", most=most)
    if json_:
        _write([asdict(row) for row in rows])
    else:
        show_table(HEADINGS, map(_cells, rows), stream=sys.stdout, numbers_from=len(HEADINGS))


def show(run: str, /, *, json_: bool = False) -> None:
    """Show a run: its steps, its result or error, and what happened.

    Parameters
    ----------
    run
        The id of the run.
    json_
        Write it as JSON.
    """
    with Workflows() as workflows:
        found = workflows.show(run)
    if json_:
        _write(found.to_dict())
    else:
        sys.stdout.write(_text(found))


def start(
    workflow: str,
    /,
    *,
    input: str | None = None,
    key: str | None = None,
    priority: int | None = None,
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
    json_
        Write the run as JSON.
    """
    value = _parsed(input)
    with Workflows() as workflows:
        run = workflows.submit(workflow, value, key=key, priority=priority)
        if json_:
            _write(asdict(workflows.run(run)))
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
        _write(last.to_dict())
    elif last.run.status == "completed":
        _write(last.run.output)
    if last.run.status == "completed":
        return DONE
    sys.stderr.write(f"error: run `{run}` {last.run.status}: {_reason(last.run.error)}\n")
    sys.stderr.write(f"hint: {_hint(last.run)}\n")
    return FAILED


def cancel(*runs: str, json_: bool = False) -> None:
    """Cancel runs: steps that are under way are stopped, no other begins.

    Parameters
    ----------
    runs
        The ids of the runs.
    json_
        Write what was asked as JSON.
    """
    _ask("cancel", runs, json_)


def pause(*runs: str, json_: bool = False) -> None:
    """Begin no further step of runs; those that are under way end.

    Parameters
    ----------
    runs
        The ids of the runs.
    json_
        Write what was asked as JSON.
    """
    _ask("pause", runs, json_)


def resume(*runs: str, json_: bool = False) -> None:
    """Go on with paused runs.

    Parameters
    ----------
    runs
        The ids of the runs.
    json_
        Write what was asked as JSON.
    """
    _ask("resume", runs, json_)


def retry(*runs: str, json_: bool = False) -> None:
    """Take failed or cancelled runs up where they ended, with the code as it is now.

    Parameters
    ----------
    runs
        The ids of the runs.
    json_
        Write what was asked as JSON.
    """
    _ask("retry", runs, json_)


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
        _asked("retry", workflows.redrive(workflow), json_)


def _ask(kind: str, runs: Sequence[str], as_json: bool) -> None:
    if not runs:
        raise ConfigError(
            f"`raymill workflows {kind}` needs a run", hint="raymill workflows ls lists them"
        )
    with Workflows() as workflows:
        for run in runs:
            workflows.request(run, kind)
    _asked(kind, runs, as_json)


def _asked(kind: str, runs: Sequence[str], as_json: bool) -> None:
    if as_json:
        _write([{"run": run, "asked": kind} for run in runs])
        return
    for run in runs:
        sys.stderr.write(f"asked to {kind} {run}\n")
    if not runs:
        sys.stderr.write("no run has failed\n")


def _parsed(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return json.loads(text)
    except json.JSONError as error:
        raise InputError(
            f"`--input {text}` is no JSON: {error}", hint="""write --input '{"name": "value"}'"""
        ) from None


def _write(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=True).decode() + "\n")


def _cells(run: Run) -> tuple[str, ...]:
    seconds = "" if run.seconds is None else f"{run.seconds:.3f}"
    error = _reason(run.error) if run.error else ""
    return run.id, run.workflow, run.status, run.created, seconds, error[:80]


def _reason(error: dict[str, Any] | None) -> str:
    return f"{error.get('type')}: {error.get('message')}" if error else "no reason was recorded"


def _hint(run: Run) -> str:
    given = (run.error or {}).get("hint")
    return given or f"raymill workflows show {run.id}; raymill workflows retry {run.id}"


def _text(found: WholeRun) -> str:
    run = found.run
    lines = [f"{run.id}  {run.workflow}  {run.status}"]
    lines.append(f"created {run.created}" + (f", ended {run.ended}" if run.ended else ""))
    lines.append(f"input: {json.dumps(run.input).decode()}")
    if run.status == "completed":
        lines.append(f"output: {json.dumps(run.output).decode()}")
    if run.error:
        lines += [f"error: {_reason(run.error)}", f"hint: {_hint(run)}"]
    lines += ["", *plain_lines(STEP_HEADINGS, [_step_cells(step) for step in found.steps], 5)]
    if found.events:
        rows = [
            (e.at, e.kind, _named(e.step, e.item), str(e.attempt or ""), e.detail)
            for e in found.events
        ]
        lines += ["", *plain_lines(EVENT_HEADINGS, rows, 5)]
    return "\n".join(lines) + "\n"


def _step_cells(step: StepOfRun) -> tuple[str, ...]:
    seconds = "" if step.seconds is None else f"{step.seconds:.3f}"
    error = _reason(step.error) if step.error else ""
    return _named(step.step, step.item), step.status, str(step.attempt), seconds, error


def _named(step: str, item: int | None) -> str:
    return step if item is None else f"{step}[{item}]"


def _tell(found: WholeRun, told: dict[tuple[str, int | None], str]) -> None:
    """Say on standard error which steps changed."""
    for step in found.steps:
        if told.get((step.step, step.item)) != step.status:
            told[step.step, step.item] = step.status
            sys.stderr.write(f"{_named(step.step, step.item)} {step.status}\n")
    sys.stderr.flush()
