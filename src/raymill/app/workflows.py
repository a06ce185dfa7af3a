"""Start runs of workflows and follow them; an orchestrator in its own process runs them."""

import hashlib
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from raymill import json, log
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
from raymill.engines.perform import LOGS
from raymill.errors import (
    ConfigError,
    Conflict,
    NotFound,
    RaymillError,
    StoreError,
    WorkflowError,
    unknown,
)
from raymill.flow.places import workflow_at
from raymill.flow.registry import POOLS, names
from raymill.flow.workflow import Question, Workflow
from raymill.orchestrator.clock import Clock
from raymill.orchestrator.decide import child_id
from raymill.orchestrator.intake import PRIORITIES
from raymill.orchestrator.pools import LOCAL
from raymill.state.artifacts import Artifacts
from raymill.state.owner import alive, owner
from raymill.state.runlog import RunLog
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

    workers: how many steps run at a time in an orchestrator that it starts; a setting has the
    default.

    It runs no step itself. Where no orchestrator holds the lease of the folder it starts one as a
    process of its own, which leaves when it has had nothing to do for a while.
    """

    def __init__(
        self,
        folder: str | Path | None = None,
        *,
        url: str | None = None,
        workers: int | None = None,
    ) -> None:
        self.workers = workers
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
        engine: str = LOCAL,
    ) -> str:
        """Start a run; when this returns it is on the disk. Gives its id.

        workflow: a registered name, `module:object` or `FILE.py:object`; value: its input, a JSON
        value; key: the same key gives the same run, however often it is submitted; engine: whose
        workers run its steps.
        """
        keys = None if key is None else [key]
        return self.submit_all(workflow, [value], keys=keys, priority=priority, engine=engine)[0]

    def submit_all(
        self,
        workflow: str,
        values: Sequence[Any],
        *,
        keys: Sequence[str] | None = None,
        priority: int | None = None,
        engine: str = LOCAL,
    ) -> list[str]:
        """Start a run for each value, all acknowledged by one commit. Gives their ids in order."""
        place, flow = found(workflow)
        check_engine(engine)
        about: dict[str, Any] = {"workflow": flow.name, "place": place, "version": flow.version}
        about |= {"priority": checked_priority(priority), "engine": engine}
        new_id = Clock().new_id
        runs = [new_id() for _ in values] if keys is None else [id_of(flow, key) for key in keys]
        messages = [
            ("submit", run, json.dumps({**about, "input": value}, strict=True))
            for run, value in zip(runs, values, strict=True)
            if keys is None or not self._is_known(run)
        ]
        if messages:
            self.store.send(messages, time.time())
        try:
            self.ensure()
        except StoreError as error:  # they are on the disk; whoever looks at them tries again
            log.get_logger().warning("orchestrator.not_started", reason=error.message)
        return runs

    def _is_known(self, run: str) -> bool:
        return self.store.run(run) is not None or bool(self.store.messages(run))

    def is_run(self) -> bool:
        """Whether an orchestrator holds the lease, or one was just started."""
        starting = self.folder / STARTING
        return self.store.holder(time.time(), alive) is not None or _lives(starting)

    def ensure(self) -> bool:
        """Start an orchestrator if none holds the lease; whether one was started."""
        if self.is_run():
            return False
        try:
            self._start()
        except OSError as error:
            raise StoreError(
                f"No orchestrator can be started in `{self.folder}`: {error.strerror}"
            ) from error
        return True

    def _start(self) -> None:
        _leave_ended()
        starting = self.folder / STARTING
        self.folder.mkdir(parents=True, exist_ok=True)
        out = self.folder / "orchestrator.log"
        flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND
        nothing = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
        logged = [(os.POSIX_SPAWN_OPEN, number, str(out), flags, 0o644) for number in (1, 2)]
        arguments = [sys.executable, "-m", "raymill", "orchestrator"]
        if self.workers is not None:
            arguments += ["--workers", str(self.workers)]
        pid = os.posix_spawn(
            sys.executable,
            [*arguments, "--idle", str(settings().workflows.idle_s)],
            {**os.environ, HOME: str(self.folder), DATABASE: self._url},
            file_actions=[nothing, *logged],
            setsid=True,
        )
        _BEGUN.add(pid)
        starting.write_text(owner(pid))

    def run(self, id: str) -> Run:
        """One run. Raises NotFound if there is none of that id."""
        row = self.store.run(id)
        if row is not None:
            return run_of(row, self.artifacts)
        for message in self.store.messages(id):
            if message.kind == "submit":
                return submitted(message)
        row = self.store.run(id)  # it may have been taken up in between
        if row is None:
            raise NotFound(f"There is no run `{id}`", hint="raymill workflows ls lists them")
        return run_of(row, self.artifacts)

    def show(self, id: str) -> WholeRun:
        """A run with its steps and what happened. Raises NotFound if there is none."""
        run = self.run(id)
        try:
            steps = workflow_at(run.place).by_name
        except RaymillError:
            steps = {}  # its code is not here; the journal is
        asked = {name: one.run.text for name, one in steps.items() if isinstance(one.run, Question)}
        return WholeRun(
            run,
            steps_of(self.store.steps(id), steps, asked),
            events_of(self.store.events(id)),
        )

    def family(self, id: str) -> list[WholeRun]:
        """A run and the runs that were started for its steps, each before its own children."""
        made = [self.show(id)]
        for row in self.store.steps(id):
            child = child_id(id, row)
            if self.store.run(child) is not None:
                made += self.family(child)
        return made

    def logs(self, id: str, start: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
        """What the steps of a run logged, from a place in its log on, each with the place behind.

        Raises NotFound if there is no such run.
        """
        self.run(id)
        return RunLog(self.folder / LOGS, id).read(start)

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
        """Ask for `cancel`, `pause`, `resume` or `retry`. Raises NotFound, and Conflict where it
        has no sense."""
        status = self.run(run).status
        if status not in ALLOWED[kind]:
            raise Conflict(
                f"Run `{run}` is {status}; `{kind}` is for runs that are "
                f"{' or '.join(ALLOWED[kind])}"
            )
        self.store.send([(kind, run, b"{}")], time.time())
        self.ensure()

    def answer(self, run: str, step: str, value: Any, item: int | None = None) -> None:
        """Answer a question of a run. Raises NotFound, Conflict if it is not asked, ConfigError if
        it takes no such value."""
        place = self.run(run).place
        rows = {(row.step, row.item): row for row in self.store.steps(run)}
        row = rows.get((step, -1 if item is None else item))
        if row is None or row.status != "asked":
            waiting = [named(row.step, row.item) for row in rows.values() if row.status == "asked"]
            raise Conflict(
                f"Run `{run}` asks nothing at step `{named(step, item)}`",
                hint=f"it asks {', '.join(waiting)}" if waiting else "it asks nothing now",
            )
        asked = workflow_at(place).by_name[step].run
        if isinstance(asked, Question) and not asked.takes(value):
            raise ConfigError(
                f"Step `{step}` of run `{run}` does not take the answer {value!r}",
                hint=f"it takes {', '.join(asked.choices)}",
            )
        body = json.dumps({"step": step, "item": row.item, "value": value}, strict=True)
        self.store.send([("answer", run, body)], time.time())
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
            if now.run.status != "paused" and not now.only_asks:
                self.keep_going()
            time.sleep(max(poll_s, 5 * took))  # a run of many items takes a while to read

    _asked = 0.0

    def keep_going(self) -> None:
        """See that somebody runs what is open; to be called again and again."""
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


def check_engine(engine: str) -> None:
    """Raise UnknownName with what there is, if no pool of an engine is installed."""
    engines = [LOCAL, *names(POOLS)]
    if engine not in engines:
        raise unknown("engine", engine, engines)


def checked_priority(priority: int | None) -> int | None:
    """A priority that a store can keep. Raises ConfigError."""
    if priority is not None and priority not in PRIORITIES:
        raise ConfigError(f"Priority {priority} is out of range", hint="32 bits, with a sign")
    return priority


def named(step: str, item: int | None) -> str:
    """How a step or an item of it is written: `pay`, `pay[3]`."""
    return step if item is None or item < 0 else f"{step}[{item}]"


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


_BEGUN: set[int] = set()
"""Orchestrators that this process started, and whose end it has not heard of."""


def _leave_ended() -> None:
    """Hear of the ends of orchestrators; until then each has a place among the processes."""
    for pid in tuple(_BEGUN):
        with suppress(ChildProcessError):  # of the process that this one is a fork of
            if os.waitpid(pid, os.WNOHANG)[0] == 0:
                continue
        _BEGUN.discard(pid)


def _lives(starting: Path) -> bool:
    return starting.is_file() and alive(starting.read_text()) is True
