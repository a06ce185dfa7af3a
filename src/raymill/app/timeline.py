"""When each step of a run went on: as bars of text, and as a trace for a browser."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from raymill.app.runs import StepOfRun, WholeRun

WIDTH = 40


@dataclass(frozen=True)
class Span:
    """A step of a run, from when to when it went on, in seconds since 1970."""

    run: str
    step: StepOfRun
    begun: float
    ended: float


def spans(found: WholeRun) -> list[Span]:
    """The steps of a run that have a beginning and an end, in the order of the run."""
    return [
        Span(found.run.id, step, _seconds(step.started), _seconds(step.ended))
        for step in found.steps
        if step.started is not None and step.ended is not None
    ]


def bars(found: WholeRun, width: int = WIDTH) -> list[str]:
    """A bar for each step of a run, over the time from its creation to its end."""
    known = {(span.step.step, span.step.item): span for span in spans(found)}
    begun = _seconds(found.run.created)
    ends = [span.ended for span in known.values()]
    ended = max([begun, *ends, *([_seconds(found.run.ended)] if found.run.ended else [])])
    made = [known.get((step.step, step.item)) for step in found.steps]
    return [bar(begun, ended, span, width) if span else "" for span in made]


def bar(begun: float, ended: float, span: Span, width: int = WIDTH) -> str:
    """A span as a bar in a line that stands for the whole time.

    >>> from raymill.app.runs import StepOfRun
    >>> step = StepOfRun("a", None, "done", 1, 0, 0, 5.0, None)
    >>> bar(0.0, 10.0, Span("r", step, 5.0, 10.0), width=8)
    '····████'
    """
    whole = max(ended - begun, 1e-9)
    first = min(width - 1, max(0, round((span.begun - begun) / whole * width)))
    last = min(width, max(first + 1, round((span.ended - begun) / whole * width)))
    return "·" * first + "█" * (last - first) + "·" * (width - last)


def trace(runs: Sequence[WholeRun]) -> list[dict[str, Any]]:
    """Chrome's trace events: a process for each run, a line for each worker; times in us."""
    events: list[dict[str, Any]] = []
    for number, found in enumerate(runs, 1):
        name = f"{found.run.workflow} {found.run.id}"
        events.append(_about("process_name", number, 0, name))
        events += _of_run(found, number)
    return events


def _of_run(found: WholeRun, process: int) -> Iterable[dict[str, Any]]:
    lines: dict[str, int] = {}
    for span in spans(found):
        worker = span.step.worker or "child runs"
        if worker not in lines:
            lines[worker] = len(lines) + 1
            yield _about("thread_name", process, lines[worker], worker)
        step = span.step
        yield {
            "name": step.step if step.item is None else f"{step.step}[{step.item}]",
            "cat": step.status,
            "ph": "X",
            "ts": round(span.begun * 1e6),
            "dur": round((span.ended - span.begun) * 1e6),
            "pid": process,
            "tid": lines[worker],
            "args": {"run": span.run, "status": step.status, "attempt": step.attempt},
        }
    for event in found.events:
        yield {
            "name": f"{event.kind} {event.step}".strip(),
            "ph": "i",
            "s": "p",
            "ts": round(_seconds(event.at) * 1e6),
            "pid": process,
            "tid": 0,
            "args": {"attempt": event.attempt, "detail": event.detail},
        }


def _about(what: str, process: int, line: int, name: str) -> dict[str, Any]:
    return {"name": what, "ph": "M", "pid": process, "tid": line, "args": {"name": name}}


def _seconds(text: str | None) -> float:
    return datetime.fromisoformat(text or "1970-01-01T00:00:00Z").timestamp()
