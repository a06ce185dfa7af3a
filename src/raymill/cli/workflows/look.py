"""Look at runs: list them, show one, read what its steps logged."""

import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from raymill import json
from raymill.app.runs import Status, when
from raymill.app.timeline import trace
from raymill.app.workflows import POLL_S, Workflows, named
from raymill.cli.page_options import NEWEST, PageOptions
from raymill.cli.report import show_json, show_table
from raymill.cli.workflows.text import cells, text_of
from raymill.errors import InputError

HEADINGS = ("run", "workflow", "status", "created", "seconds", "error")
_OWN = ("at", "level", "event", "step", "item", "attempt", "worker")


def ls(
    *,
    status: Status | None = None,
    workflow: str | None = None,
    page: PageOptions = NEWEST,
    json_: bool = False,
) -> None:
    """List runs, the newest first.

    Parameters
    ----------
    status
        Only runs that are submitted, running, paused, completed, failed or cancelled.
    workflow
        Only runs of this workflow.
    json_
        Write a JSON list instead of a table.
    """
    with Workflows() as workflows:
        rows = workflows.ls(
            status=status, workflow=workflow, before=page.before or "", most=page.most
        )
    if json_:
        show_json([asdict(row) for row in rows])
    else:
        show_table(HEADINGS, map(cells, rows), stream=sys.stdout, numbers_from=len(HEADINGS))


def show(
    run: str,
    /,
    *,
    trace_: Annotated[str | None, Parameter(name="--trace")] = None,
    json_: bool = False,
) -> None:
    """Show a run: its steps over time, its result or error, and what happened.

    Parameters
    ----------
    run
        The id of the run.
    trace_
        Write when each step went on, also those of child runs, to this file, as a Chrome trace:
        open it in ui.perfetto.dev or chrome://tracing.
    json_
        Write it as JSON.
    """
    with Workflows() as workflows:
        found = workflows.show(run)
        if trace_ is not None:
            _save_trace(workflows, run, trace_)
    if json_:
        show_json(found.to_dict())
    else:
        sys.stdout.write(text_of(found))


def logs(run: str, /, *, follow: bool = False, json_: bool = False) -> None:
    """Write what the steps of a run logged, oldest first.

    Lines of `raymill.log` and of the standard library's `logging` are kept, not what a step prints.

    Parameters
    ----------
    run
        The id of the run.
    follow
        Go on until the run has ended.
    json_
        Write each line as a JSON object.
    """
    start, is_over = 0, False
    with Workflows() as workflows:
        while True:
            is_over = not follow or workflows.run(run).is_over
            for end, line in workflows.logs(run, start):
                sys.stdout.write(_line(line, json_))
                start = end
            sys.stdout.flush()
            if is_over:
                return
            time.sleep(POLL_S)


def _line(line: dict[str, Any], as_json: bool) -> str:
    if as_json:
        return json.dumps(line).decode() + "\n"
    at = when(line["at"]) if isinstance(line.get("at"), float) else ""
    rest = " ".join(f"{name}={value}" for name, value in line.items() if name not in _OWN)
    where = named(str(line.get("step", "")), line.get("item"))
    parts = (at, str(line.get("level", "")), where, str(line.get("event", "")), rest)
    return " ".join(part for part in parts if part) + "\n"


def _save_trace(workflows: Workflows, run: str, path: str) -> None:
    events = trace(workflows.family(run))
    try:
        Path(path).write_bytes(json.dumps(events))
    except OSError as error:
        raise InputError(f"Trace `{path}` cannot be written: {error.strerror}") from error
