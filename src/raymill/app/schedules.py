"""Schedules: when runs of a workflow begin by themselves."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from raymill import json
from raymill.app.runs import when
from raymill.app.workflows import Workflows, check_engine, checked_priority, found
from raymill.errors import ConfigError, unknown
from raymill.orchestrator import schedules
from raymill.orchestrator.planned import row_of, to_message
from raymill.orchestrator.pools import LOCAL
from raymill.state.store import Message, ScheduleRow

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(s|m|h|d)")


@dataclass(frozen=True)
class Schedule:
    """A schedule: status is active, paused, or submitted while no orchestrator has taken it up."""

    name: str
    workflow: str
    status: str
    cron: str | None
    every_s: float | None
    timezone: str
    catch_up: str
    next: str | None
    last: str | None
    input: Any
    priority: int
    engine: str
    place: str


class Schedules:
    """The schedules of a store. An orchestrator starts their runs, and stays while there are any.

    It is started with the first one; after a restart of the machine, start it by hand or by any
    command that needs it.
    """

    def __init__(self, workflows: Workflows) -> None:
        self._workflows = workflows

    def ls(self) -> list[Schedule]:
        """All schedules, by name, with those that were just asked for."""
        store = self._workflows.store
        rows = {row.name: _shown(row, row.status) for row in store.schedules()}
        for message in store.inbox(store.taken()):
            if message.kind == "schedule":
                _foretold(message, rows)
        return [rows[name] for name in sorted(rows)]

    def add(
        self,
        name: str,
        workflow: str,
        *,
        cron: str | None = None,
        every_s: float | None = None,
        value: Any = None,
        timezone: str = "UTC",
        catch_up: str = "one",
        priority: int | None = None,
        engine: str = LOCAL,
    ) -> Schedule:
        """Add a schedule, or replace the one of that name. Raises ConfigError, UnknownName.

        cron: five fields, in `timezone`; every_s: seconds between runs, from now on; catch_up: of
        times that were missed, `none`, `one` (the latest) or `all` are run.
        """
        place, flow = found(workflow)
        check_engine(engine)
        now = float(int(time.time()))
        row = schedules.checked(
            ScheduleRow(
                *(name, flow.name, place, json.dumps(value, strict=True), cron or ""),
                *(every_s or 0.0, timezone, catch_up, checked_priority(priority) or 0, engine),
                *("active", now, now, None),
            )
        )
        row = row._replace(next=schedules.after(row, now))
        self._ask(name, {"action": "add", "row": to_message(row)})
        return _shown(row, "submitted")

    def pause(self, name: str) -> None:
        """Start no run until it is resumed. Raises UnknownName."""
        self._change(name, "pause")

    def resume(self, name: str) -> None:
        """Start runs again, from now on; times of the pause are not caught up."""
        self._change(name, "resume")

    def rm(self, name: str) -> None:
        """Take a schedule away; its runs stay. Raises UnknownName."""
        self._change(name, "rm")

    def _change(self, name: str, action: str) -> None:
        known = [row.name for row in self.ls()]
        if name not in known:
            raise unknown("schedule", name, known)
        self._ask(name, {"action": action})

    def _ask(self, name: str, about: dict[str, Any]) -> None:
        self._workflows.store.send([("schedule", name, json.dumps(about))], time.time())
        self._workflows.ensure()


def seconds_of(text: str) -> float:
    """A duration in seconds. Raises ConfigError.

    >>> seconds_of("90s"), seconds_of("1.5h"), seconds_of("1h30m")
    (90.0, 5400.0, 5400.0)
    """
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ConfigError(f"`{text}` is no duration", hint="for example 90s, 15m, 1h30m, 1d")
    return float(sum(float(number) * _UNITS[unit] for number, unit in parts))


def _foretold(message: Message, rows: dict[str, Schedule]) -> None:
    """What a request that waits will make of the schedules."""
    about = json.loads(message.body)
    changes: dict[str, Callable[[], Any]] = {
        "add": lambda: rows.update({message.run: _shown(row_of(about["row"]), "submitted")}),
        "rm": lambda: rows.pop(message.run, None),
    }
    changes.get(about["action"], lambda: None)()


def _shown(row: ScheduleRow, status: str) -> Schedule:
    is_active = row.status == "active"
    return Schedule(
        row.name,
        row.workflow,
        status,
        row.cron or None,
        row.every_s or None,
        row.timezone,
        row.catch_up,
        when(row.next) if is_active else None,
        None if row.last is None else when(row.last),
        json.loads(row.input),
        row.priority,
        row.engine,
        row.place,
    )
