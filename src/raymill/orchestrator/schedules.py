"""When runs begin by themselves: by a cron expression or at intervals, and what of missed times."""

import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice, takewhile
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from raymill.errors import ConfigError
from raymill.state.store import ScheduleRow

CATCH_UP = ("none", "one", "all")
GRACE_S = 60.0  # a time is not missed before it is so long ago
MOST = 1000  # missed times that are caught up at once; the rest follows
SHORTEST_S = 1.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def checked(row: ScheduleRow) -> ScheduleRow:
    """The schedule, if it can be. Raises ConfigError with what is wrong."""
    if not _NAME.fullmatch(row.name):
        raise ConfigError(
            f"A schedule cannot be named `{row.name}`",
            hint="letters, digits, dots, dashes and underlines, at most 64",
        )
    if bool(row.cron) == bool(row.every_s):
        raise ConfigError(f"Schedule `{row.name}` needs either `cron` or `every`")
    if row.catch_up not in CATCH_UP:
        raise ConfigError(f"`{row.catch_up}` is no way to catch up", hint="none, one or all")
    if row.every_s and not SHORTEST_S <= row.every_s < math.inf:
        raise ConfigError(f"Schedule `{row.name}` cannot run every {row.every_s} s")
    try:
        ZoneInfo(row.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(
            f"Unknown time zone `{row.timezone}`", hint="for example Europe/Oslo, or UTC"
        ) from error
    if row.cron:
        _checked_cron(row)
    return row


def _checked_cron(row: ScheduleRow) -> None:
    try:
        next(CronSim(row.cron, _local(row, row.created)))
    except CronSimError as error:
        raise ConfigError(
            f"`{row.cron}` is no cron expression: {error}",
            hint="minute hour day month weekday, as in `30 6 * * MON-FRI`",
        ) from error
    except StopIteration:
        raise ConfigError(f"`{row.cron}` never comes") from None


def after(row: ScheduleRow, time: float) -> float:
    """The first time of a schedule that is later than one. Infinite where none comes."""
    return next(_times(row, time), math.inf)


def last(row: ScheduleRow, time: float) -> float | None:
    """The latest time of a schedule up to one, if it is not before the next one that is noted."""
    if row.every_s:
        found = row.created + math.floor((time - row.created) / row.every_s) * row.every_s
    else:
        # Backwards from the next second, as the time itself counts.
        start = _local(row, math.floor(time) + 1)
        found = next(CronSim(row.cron, start, reverse=True)).timestamp()
    return found if found >= row.next else None


def due(row: ScheduleRow, now: float) -> tuple[list[float], ScheduleRow]:
    """For which times runs begin now, and the schedule after that."""
    if row.status != "active" or row.next > now:
        return [], row
    if row.catch_up == "all":
        missed = takewhile(lambda time: time <= now, _times(row, row.next - 1e-3))
        times = list(islice(missed, MOST))
        return times, row._replace(next=after(row, times[-1]), last=times[-1])
    latest = last(row, now) or row.next
    row = row._replace(next=after(row, now))
    if row.catch_up == "none" and now - latest > GRACE_S:
        return [], row
    return [latest], row._replace(last=latest)


def run_id(row: ScheduleRow, time: float) -> str:
    """The id of the run for a time: whoever starts it, it is the same run.

    >>> row = ScheduleRow("nightly", "w", "w", b"", "", 60, "UTC", "one", 0, "local", "", 0, 0, 0)
    >>> run_id(row, 86400)
    'nightly@1970-01-02T00:00:00Z'
    """
    text = datetime.fromtimestamp(time, UTC).isoformat(timespec="auto")
    return f"{row.name}@{text.replace('+00:00', 'Z')}"


def _times(row: ScheduleRow, time: float) -> Iterator[float]:
    """All times of a schedule that are later than one."""
    if not row.every_s:
        yield from (found.timestamp() for found in CronSim(row.cron, _local(row, time)))
        return
    turn = math.floor((time - row.created) / row.every_s) + 1
    while True:
        yield row.created + turn * row.every_s
        turn += 1


def _local(row: ScheduleRow, time: float) -> datetime:
    return datetime.fromtimestamp(time, ZoneInfo(row.timezone))
