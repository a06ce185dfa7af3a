"""Start runs of workflows and follow them; an orchestrator in its own process runs them."""

import hashlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from raymill import json
from raymill.app.runs import (
    Run,
    WholeRun,
    events_of,
    run_of,
    steps_of,
    submitted,
)
from raymill.config import settings
from raymill.config.database import DATABASE
from raymill.config.paths import HOME, home
from raymill.errors import ConfigError, RaymillError, WorkflowError
from raymill.flow.places import workflow_at
from raymill.flow.workflow import Workflow
from raymill.orchestrator.clock import Clock
from raymill.state.artifacts import Artifacts
from raymill.state.owner import alive, owner
from raymill.state.store import open_store

STARTING = "orchestrator.starting"  # names the process that was started last
POLL_S = 0.05
ALLOWED = {
    "cancel": ("submitted", "running", "paused"),
    "pause": ("submitted", "running"),
    "resume": ("submitted", "paused"),
    "retry": ("failed", "cancelled"),
}


class Workflows:
    """The runs in a folder: `RAYMILL_HOME` unless another is named.

    url: the PostgreSQL server that keeps them in place of files in the folder; by default that of
    `RAYMILL_DATABASE_URL`, and `""` for none.

    It runs no step itself. Where no orchestrator holds the lease of the folder it starts one as a
    process of its own, which leaves when it has had nothing to do for a while.
    """

    def __init__(self, folder: str | Path | None = None, *, url: str | None = None) -> None:
        self.folder = Path(folder or home()).absolute()
        self._url = settings().database.address if url is None else url
        self.store = open_store(self.folder, self._url)
        self.artifacts = Artifacts(self.folder / "artifacts")

    def __enter__(self) -> "Workflows":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the store; runs go on."""
        self.store.close()

    def submit(
        self,
        workflow: str,
        value: Any = None,
        *,
        key: str | None = None,
        priority: int | None = None,
    ) -> str:
        """Start a run; when this returns it is on the disk. Gives its id.

        workflow: a registered name, `module:object` or `FILE.py:object`; value: its input, a JSON
        value; key: the same key gives the same run, however often it is submitted.
        """
        place, flow = found(workflow)
        run = Clock().new_id() if key is None else id_of(flow, key)
        if key is None or not self._is_known(run):
            about: dict[str, Any] = {"workflow": flow.name, "place": place}
            about |= {"version": flow.version, "input": value, "priority": priority}
            self.store.send([("submit", run, json.dumps(about))], time.time())
        self.ensure()
        return run

    def _is_known(self, run: str) -> bool:
        return self.store.run(run) is not None or bool(self.store.messages(run))

    def ensure(self) -> bool:
        """Start an orchestrator if none holds the lease; whether one was started."""
        starting = self.folder / STARTING
        if self.store.holder(time.time(), alive) is not None or _lives(starting):
            return False
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / "orchestrator.log"
        flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND
        nothing = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
        logged = [(os.POSIX_SPAWN_OPEN, number, str(log), flags, 0o644) for number in (1, 2)]
        arguments = [sys.executable, "-m", "raymill", "orchestrator"]
        pid = os.posix_spawn(
            sys.executable,
            [*arguments, "--idle", str(settings().workflows.idle_s)],
            {**os.environ, HOME: str(self.folder), DATABASE: self._url},
            file_actions=[nothing, *logged],
            setsid=True,
        )
        starting.write_text(owner(pid))
        return True

    def run(self, id: str) -> Run:
        """One run. Raises ConfigError if there is none of that id."""
        row = self.store.run(id)
        if row is not None:
            return run_of(row, self.artifacts)
        for message in self.store.messages(id):
            if message.kind == "submit":
                return submitted(message)
        row = self.store.run(id)  # it may have been taken up in between
        if row is None:
            raise ConfigError(f"There is no run `{id}`", hint="raymill workflows ls lists them")
        return run_of(row, self.artifacts)

    def show(self, id: str) -> WholeRun:
        """A run with its steps and what happened. Raises ConfigError if there is none."""
        run = self.run(id)
        try:
            order = list(workflow_at(run.place).by_name)
        except RaymillError:
            order = []  # its code is not here; the journal is
        return WholeRun(
            run, steps_of(self.store.steps(id), order), events_of(self.store.events(id))
        )

    def ls(self, **which: Any) -> list[Run]:
        """A page of runs, newest first: `status`, `workflow`, `before` (an id), `most`."""
        rows = [run_of(row, None) for row in self.store.runs(**which)]
        if which.get("before") or which.get("status") not in (None, "submitted"):
            return rows
        known = {row.id for row in rows}
        waiting = [
            submitted(message)
            for message in self.store.inbox(self.store.taken())
            if message.kind == "submit" and message.run not in known
        ]
        named = which.get("workflow")
        return [run for run in reversed(waiting) if named in (None, run.workflow)] + rows

    def request(self, run: str, kind: str) -> None:
        """Ask for `cancel`, `pause`, `resume` or `retry`. Raises ConfigError where it has no
        sense."""
        status = self.run(run).status
        if status not in ALLOWED[kind]:
            raise ConfigError(
                f"Run `{run}` is {status}; `{kind}` is for runs that are "
                f"{' or '.join(ALLOWED[kind])}"
            )
        self.store.send([(kind, run, b"{}")], time.time())
        self.ensure()

    def redrive(self, workflow: str | None = None) -> list[str]:
        """Take up all failed runs, or those of one workflow; gives their ids."""
        rows = self.store.runs(status="failed", workflow=workflow, most=1_000_000)
        runs = [row.id for row in rows if row.parent is None]  # children follow their parents
        if runs:
            self.store.send([("retry", run, b"{}") for run in runs], time.time())
            self.ensure()
        return runs

    def watch(self, id: str, poll_s: float = POLL_S) -> Iterator[WholeRun]:
        """Give the run each time that it changes, until it has ended."""
        last: WholeRun | None = None
        while True:
            begun = time.monotonic()
            now = self.show(id)
            took = time.monotonic() - begun
            if now != last:
                yield now
                last = now
            if now.run.is_over:
                return
            if now.run.status != "paused":
                self._keep_going()
            time.sleep(max(poll_s, 5 * took))  # a run of many items takes a while to read

    _asked = 0.0

    def _keep_going(self) -> None:
        if time.monotonic() - self._asked > 2.0:  # a started one needs a moment for its lease
            self._asked = time.monotonic()
            self.ensure()

    def result(self, id: str) -> Any:
        """Wait for a run and give its output. Raises WorkflowError if it has none."""
        *_, last = self.watch(id)
        if last.run.status == "completed":
            return last.run.output
        error = last.run.error or {}
        raise WorkflowError(
            f"Run `{id}` {last.run.status}: {error.get('message', 'no reason was recorded')}",
            hint=error.get("hint") or f"raymill workflows show {id}",
        )


def found(workflow: str) -> tuple[str, Workflow]:
    """The workflow that a user names, and where any process finds it."""
    here = str(Path.cwd())
    if here not in sys.path and "" not in sys.path:  # as `python -m` finds modules
        sys.path.insert(0, here)
    place = workflow
    file, colon, name = workflow.rpartition(":")
    if colon and file.endswith(".py"):
        place = f"{Path(file).absolute()}:{name}"
    return place, workflow_at(place)


def id_of(flow: Workflow, key: str) -> str:
    """The id of the run that a key stands for."""
    return "k" + hashlib.sha256(f"{flow.name}\0{key}".encode()).hexdigest()[:21]


def _lives(starting: Path) -> bool:
    return starting.is_file() and alive(starting.read_text()) is True
