"""The schedules of a store in memory: which runs they begin, and what is asked about them."""

from collections.abc import Iterable, Iterator

from raymill import json, log
from raymill.errors import ConfigError
from raymill.orchestrator import schedules
from raymill.orchestrator.clock import Clock
from raymill.state.store import Changes, Message, ScheduleRow

# What comes of values that no schedule has
UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, OSError)


class Planned:
    """Schedules by name. What changes about them is committed with the runs that they begin."""

    def __init__(self, rows: Iterable[ScheduleRow], clock: Clock) -> None:
        self._rows = {row.name: row for row in rows}
        self._clock = clock
        self._log = log.get_logger(room="orchestrator")
        self._next = self._soonest()

    @property
    def is_active(self) -> bool:
        """Whether some schedule is not paused."""
        return any(row.status == "active" for row in self._rows.values())

    def due(self, now: float, changes: Changes) -> Iterator[Message]:
        """The submissions of the runs that begin now; schedules that changed go into `changes`."""
        if self._next > now:
            return
        for row in list(self._rows.values()):
            times, later = schedules.due(row, now)
            if later is not row:
                self._rows[row.name] = changes.schedules[row.name] = later
            for time in times:
                yield _submission(row, time)
        self._next = self._soonest()

    def asked(self, message: Message) -> dict[str, ScheduleRow | None]:
        """What a request about a schedule changes: add, pause, resume, rm."""
        name, now = message.run, self._clock.now()
        try:
            about = json.loads(message.body)
            made = self._changed(str(about["action"]), name, about.get("row"), now)
        except (*UNREADABLE, ConfigError) as error:
            self._log.error("schedule.refused", schedule=name, reason=str(error))
            return {}
        if made is None:
            self._rows.pop(name, None)
        else:
            self._rows[name] = made
        self._next = self._soonest()
        return {name: made}

    def _changed(
        self, action: str, name: str, given: list[object] | None, now: float
    ) -> ScheduleRow | None:
        if action == "rm":
            return None
        if action == "add":
            row = schedules.checked(row_of(given or []))
            if row.name != name:
                raise ValueError(f"the message is about `{name}`, its schedule is `{row.name}`")
            return row
        row = self._rows[name]
        if action == "pause":
            return row._replace(status="paused")
        if action != "resume":
            raise ValueError(f"unknown action {action}")
        return row._replace(status="active", next=schedules.after(row, now))

    def _soonest(self) -> float:
        active = (row.next for row in self._rows.values() if row.status == "active")
        return min(active, default=float("inf"))


def row_of(given: list[object]) -> ScheduleRow:
    """A schedule out of a message. Raises TypeError, AttributeError where it is none."""
    row = ScheduleRow(*given)  # type: ignore[arg-type]
    return row._replace(input=str(row.input).encode())


def to_message(row: ScheduleRow) -> list[object]:
    """A schedule as JSON values."""
    return list(row._replace(input=row.input.decode()))  # type: ignore[arg-type]


def _submission(row: ScheduleRow, time: float) -> Message:
    about = {
        "workflow": row.workflow,
        "place": row.place,
        "input": json.loads(row.input),
        "priority": row.priority,
        "engine": row.engine,
    }
    return Message(0, "submit", schedules.run_id(row, time), json.dumps(about), time)
