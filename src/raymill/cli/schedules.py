"""`raymill schedules`: when runs of workflows begin by themselves."""

import sys
from dataclasses import asdict, dataclass
from typing import Literal

from cyclopts import Parameter

from raymill.app.schedules import Schedule, Schedules, seconds_of
from raymill.app.workflows import Workflows
from raymill.cli.report import show_json, show_table
from raymill.cli.workflows.start import parsed

HEADINGS = ("schedule", "workflow", "status", "when", "next", "last", "catch up")


def ls(*, json_: bool = False) -> None:
    """List the schedules.

    Parameters
    ----------
    json_
        Write a JSON list instead of a table.
    """
    with Workflows() as workflows:
        found = Schedules(workflows).ls()
    if json_:
        show_json([asdict(one) for one in found])
    else:
        show_table(HEADINGS, map(_cells, found), stream=sys.stdout, numbers_from=len(HEADINGS))


@Parameter(name="*")
@dataclass(frozen=True)
class WhenOptions:
    """When runs begin.

    Parameters
    ----------
    cron
        Minute, hour, day, month, weekday, as in `30 6 * * MON-FRI`.
    every
        Instead of that, the time between runs: 90s, 15m, 1h30m, 1d.
    timezone
        Where the clock of `--cron` hangs, as in Europe/Oslo.
    catch_up
        Which of the times are run that were missed while no orchestrator was there: none, one (the
        latest), all.
    """

    cron: str | None = None
    every: str | None = None
    timezone: str = "UTC"
    catch_up: Literal["none", "one", "all"] = "one"


NEVER = WhenOptions()


def add(
    name: str,
    workflow: str,
    /,
    *,
    when: WhenOptions = NEVER,
    input: str | None = None,
    priority: int | None = None,
    engine: str = "local",
    json_: bool = False,
) -> None:
    """Start runs of a workflow by the clock: `raymill schedules add nightly flows.py:load --cron
    "30 2 * * *"`.

    A run is named after its time, as in `nightly@2026-11-30T02:30:00Z`, and is never started twice.
    Schedules need an orchestrator: one is started in the background and stays while there are any;
    after a restart of the machine, `raymill orchestrator` goes on with them.

    Parameters
    ----------
    name
        The name of the schedule; one of the same name is replaced.
    workflow
        A registered name, `module:object` or `FILE.py:object`.
    input
        What each run is started with, as JSON.
    priority
        Runs with a higher one go first.
    engine
        Whose workers run the steps.
    json_
        Write the schedule as JSON.
    """
    with Workflows() as workflows:
        made = Schedules(workflows).add(
            name,
            workflow,
            cron=when.cron,
            every_s=None if when.every is None else seconds_of(when.every),
            value=parsed(input),
            timezone=when.timezone,
            catch_up=when.catch_up,
            priority=priority,
            engine=engine,
        )
    if json_:
        show_json(asdict(made))
    else:
        sys.stderr.write(f"added {made.name}, next at {made.next}\n")


def pause(name: str, /) -> None:
    """Start no run of a schedule until it is resumed.

    Parameters
    ----------
    name
        The name of the schedule.
    """
    with Workflows() as workflows:
        Schedules(workflows).pause(name)
    sys.stderr.write(f"asked to pause {name}\n")


def resume(name: str, /) -> None:
    """Start runs of a paused schedule again, from now on.

    Parameters
    ----------
    name
        The name of the schedule.
    """
    with Workflows() as workflows:
        Schedules(workflows).resume(name)
    sys.stderr.write(f"asked to resume {name}\n")


def rm(name: str, /) -> None:
    """Take a schedule away; its runs stay.

    Parameters
    ----------
    name
        The name of the schedule.
    """
    with Workflows() as workflows:
        Schedules(workflows).rm(name)
    sys.stderr.write(f"asked to take {name} away\n")


def _cells(one: Schedule) -> tuple[str, ...]:
    rule = one.cron if one.cron else f"every {one.every_s:g} s"
    zone = f" {one.timezone}" if one.cron and one.timezone != "UTC" else ""
    when = (one.next or "", one.last or "")
    return one.name, one.workflow, one.status, rule + zone, *when, one.catch_up
