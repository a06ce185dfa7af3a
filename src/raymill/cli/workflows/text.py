"""Runs as text for people."""

from typing import Any

from raymill import json
from raymill.app.runs import Run, StepOfRun, WholeRun
from raymill.app.timeline import bars
from raymill.app.workflows import named
from raymill.cli.report import plain_lines

STEP_HEADINGS = ("step", "status", "attempt", "seconds", "worker", "over the run", "error")
EVENT_HEADINGS = ("at", "what", "step", "attempt", "detail")
MOST_ITEMS = 50  # of a fan-out that are shown; the rest is counted


def cells(run: Run) -> tuple[str, ...]:
    """A run as a row of a list."""
    seconds = "" if run.seconds is None else f"{run.seconds:.3f}"
    error = reason(run.error) if run.error else ""
    return run.id, run.workflow, run.status, run.created, seconds, error[:80]


def reason(error: dict[str, Any] | None) -> str:
    """An error in a line."""
    return f"{error.get('type')}: {error.get('message')}" if error else "no reason was recorded"


def hint(run: Run) -> str:
    """What to type when a run has failed."""
    given = (run.error or {}).get("hint")
    return given or f"raymill workflows show {run.id}; raymill workflows retry {run.id}"


def text_of(found: WholeRun) -> str:
    """A run with its steps and events."""
    run = found.run
    lines = [f"{run.id}  {run.workflow}  {run.status}"]
    lines.append(f"created {run.created}" + (f", ended {run.ended}" if run.ended else ""))
    lines.append(f"engine: {run.engine}")
    lines.append(f"input: {json.dumps(run.input).decode()}")
    if run.status == "completed":
        lines.append(f"output: {json.dumps(run.output).decode()}")
    if run.error:
        lines += [f"error: {reason(run.error)}", f"hint: {hint(run)}"]
    lines += ["", *plain_lines(STEP_HEADINGS, _step_rows(found), len(STEP_HEADINGS))]
    lines += _left_out(found)
    for step in found.steps:
        if step.status == "asked":
            name = named(step.step, step.item)
            lines += ["", f"{name} asks: {step.question or 'for an answer'}"]
            lines.append(f"hint: raymill workflows answer {run.id} {name} VALUE")
    if found.events:
        rows = [
            (e.at, e.kind, named(e.step, e.item), str(e.attempt or ""), e.detail)
            for e in found.events
        ]
        lines += ["", *plain_lines(EVENT_HEADINGS, rows, 5)]
    return "\n".join(lines) + "\n"


def _step_rows(found: WholeRun) -> list[tuple[str, ...]]:
    drawn = zip(found.steps, bars(found), strict=True)
    return [_step_cells(step, bar) for step, bar in drawn if (step.item or 0) < MOST_ITEMS]


def _step_cells(step: StepOfRun, bar: str) -> tuple[str, ...]:
    seconds = "" if step.seconds is None else f"{step.seconds:.3f}"
    error = reason(step.error) if step.error else ""
    name = named(step.step, step.item)
    return name, step.status, str(step.attempt), seconds, step.worker, bar, error


def _left_out(found: WholeRun) -> list[str]:
    hidden: dict[str, list[str]] = {}
    for step in found.steps:
        if (step.item or 0) >= MOST_ITEMS:
            hidden.setdefault(step.step, []).append(step.status)
    return [f"{name}: {len(states)} more, {_counted(states)}" for name, states in hidden.items()]


def _counted(states: list[str]) -> str:
    return ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states)))
