"""Records that somebody posts to a task: what may be asked, and what became of each record.

Who posts is not trusted: a task is named as it is registered, no parameter names a file or code,
and the task runs in a process that is bounded in memory and time.
"""

import resource
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as filled
from pathlib import Path
from typing import Any

from raymill import json
from raymill.engines.alone import tried
from raymill.engines.batch_pool import LocalBatchPool
from raymill.errors import ConfigError, InputError, NotFound, RaymillError, unknown
from raymill.flow import parameters, registry
from raymill.flow.batches import place_of
from raymill.flow.declare import Configured, as_declared
from raymill.flow.outcome import Fail, Skip
from raymill.flow.signature import outside

OURS = ("task", "field", "key", "as_", "label")
LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class Posted:
    """Records for a task. field: what its ports read, by their names or for the first one."""

    task: str
    records: Sequence[Mapping[str, Any]]
    parameters: Mapping[str, Any] = filled(default_factory=dict)
    field: str | None = None
    key: tuple[str, ...] = ()
    as_: str | None = None


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of records, each by its number; what came at the end answers none.

    `held` counts those that lie in windows which are still open, or had nothing to answer.
    """

    task: str
    records: int
    emitted: list[dict[str, Any]]
    skipped: list[dict[str, Any]]
    failed: list[dict[str, Any]]
    held: int


def named(task: str) -> Configured:
    """A registered task. Raises NotFound; neither a module nor a file is a name."""
    known = registry.names(registry.TASKS)
    if task not in known:
        raise unknown("task", task, known, kind=NotFound)
    return as_declared(task)


def reaching(task: Configured) -> dict[str, str]:
    """The parameters that name a file or code, and which of both."""
    found = {one.name: outside(one.annotation) for one in task.declared.parameters}
    return {name: what for name, what in found.items() if what is not None}


def check(posted: Posted) -> None:
    """Check everything but the records' fields. Raises NotFound, and ConfigError, InputError with
    the path of what is wrong."""
    task = named(posted.task)
    for name, what in reaching(task).items():
        value = posted.parameters.get(name)
        is_plain = what == "code" and isinstance(value, str) and value.isidentifier()
        if value is not None and not is_plain:
            raise _wrong(name, f"names {_SHOWN[what]} of the server, which nobody may over HTTP")
    for name in posted.parameters:
        if name in OURS:
            raise _wrong(name, "is no parameter")
    try:
        parameters.validate(posted.task, task.declared.parameters, posted.parameters)
    except ConfigError as error:
        error.details["path"] = f"parameters.{error.details.get('parameter', '')}"
        raise
    _check_records(posted.records)


_SHOWN = {"file": "a file", "code": "code"}


def _check_records(records: Sequence[Mapping[str, Any]]) -> None:
    try:
        json.dumps(records, strict=True)
    except TypeError as error:
        raise InputError(f"A record has a value that is none: {error}", path="records") from None
    if records and not any(records):
        raise InputError("The records have no field", path="records")


def _wrong(name: str, why: str) -> ConfigError:
    path = f"parameters.{name}"
    return ConfigError(f"`{path}` {why}", hint="raymill run takes it", path=path)


def outcomes(posted: Posted) -> Outcomes:
    """Run the task over the records, in this process. Raises ConfigError, PipelineError."""
    ways = {"field": posted.field, "key": posted.key or None, "as_": posted.as_}
    given = {**posted.parameters, **{name: way for name, way in ways.items() if way is not None}}
    emitted: list[dict[str, Any]] = []
    skipped: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for number, told in tried(posted.task, posted.records, given):
        if isinstance(told, Skip | Fail):
            into = skipped if isinstance(told, Skip) else failed
            into.append({"record": number, "reason": told.reason})
        else:
            emitted.append({"record": number, "value": told})
    answered = {one["record"] for one in (*emitted, *skipped, *failed)} - {None}
    held = len(posted.records) - len(answered)
    return Outcomes(posted.task, len(posted.records), emitted, skipped, failed, held)


def bounded(given: tuple[Posted, int]) -> bytes:
    """The outcomes as JSON, in a process that may take so many bytes more. For workers."""
    posted, memory = given
    _bound(memory)
    try:
        found = outcomes(posted)
    except RaymillError:
        raise
    except MemoryError:
        text = f"Task `{posted.task}` takes more memory than a request may"
        raise InputError(text, hint="raymill run has no such limit") from None
    except Exception as error:
        text = f"Task `{posted.task}` cannot take this: {type(error).__name__}: {error}"
        raise InputError(text) from error
    return json.dumps({name: getattr(found, name) for name in found.__slots__})


_bounds: list[int] = []  # of this process, which is one worker


def _bound(memory: int) -> None:
    if _bounds:
        return
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.is_file() else []
    held = next((int(one.split()[1]) << 10 for one in lines if one.startswith("VmData")), 0)
    _bounds.append(held + memory)
    resource.setrlimit(resource.RLIMIT_DATA, (held + memory, held + memory))


class Apart:
    """A process in which tasks run over posted records, one request at a time.

    It is started when it is first needed, and killed where a request takes longer than it may.
    """

    def __init__(self, most_s: float, memory: int) -> None:
        self._most_s, self._memory = most_s, memory
        self._pool = LocalBatchPool(1)
        self._lock = threading.Lock()
        self._is_up = False

    def run(self, posted: Posted) -> bytes:
        """The outcomes as JSON. Raises InputError, ConfigError, PipelineError, EngineError."""
        with self._lock:
            if not self._is_up:  # what it takes to come up is not the request's time
                self._ask(place_of(_begin), None, 60.0)
                self._is_up = True
            found = self._ask(place_of(bounded), (posted, self._memory), self._most_s)
        if found is None:
            self._is_up = False
            raise InputError(
                f"Task `{posted.task}` took longer than {self._most_s:g} s or ended its process",
                hint="post fewer records, or use raymill run",
            )
        return found

    def _ask(self, place: str, item: Any, most_s: float) -> bytes | None:
        batch, until = self._pool.submit(place, [item]), time.monotonic() + most_s
        while (left := until - time.monotonic()) > 0:
            for ended in self._pool.results(min(LOOK_S, left)):
                if ended.batch != batch:
                    continue
                if ended.fate != "done":
                    return None
                (answer,) = ended.answers
                if answer.error is not None:
                    raise answer.error
                return bytes(answer.value or b"")
        self._pool.cancel(batch)
        return None

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._pool.close()


def _begin(_: None) -> None:
    """Come up, with all loaded that a task needs."""
    outcomes(Posted("noop", [{"value": 1.0}]))
