"""Runs of workflows as a service: started, looked at, followed, steered."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from itertools import islice
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import Field

from raymill.app.openings import check_startable, startable
from raymill.app.runs import Run, Status, WholeRun, events_of
from raymill.app.workflows import Workflows, named
from raymill.config import settings
from raymill.config.service import ServiceSettings
from raymill.config.services import WorkflowsServiceSettings
from raymill.flow import registry
from raymill.flow.places import workflow_at
from raymill.services.glance import Glance
from raymill.services.models.workflows import (
    AnswerRequest,
    LogPage,
    RunAbout,
    RunList,
    RunRequest,
    RunStanding,
    RunWhole,
    WorkflowAbout,
)
from raymill.services.route import Event, Reply, route
from raymill.services.runs import Seen, accepted, changes, settled, wait_of
from raymill.services.service import Service
from raymill.state.per_process import PerProcess
from raymill.state.store import StepRow

T = TypeVar("T")
Most = Annotated[int, Field(ge=1, le=1000)]
Id = Annotated[str, Field(max_length=200)]
Place = Annotated[int, Field(ge=0, lt=1 << 63)]
RUNS = "/api/workflows/runs"
MOST_COUNTED = 1000
LOOK_S = 1.0  # between two counts of runs
DONE = ("done", "dead", "cancelled")
ABOUT = tuple(RunAbout.model_fields)


class WorkflowRuns(Service):
    """Starts runs of registered workflows, shows them and steers them."""

    name: ClassVar[str] = "workflows"
    text: ClassVar[str] = "Runs of workflows: started, followed, steered"
    Settings: ClassVar[type[ServiceSettings]] = WorkflowsServiceSettings

    def __init__(self, settings_: WorkflowsServiceSettings) -> None:
        super().__init__(settings_)
        self._opened = PerProcess(Workflows)
        self._glance = Glance(self._counted, max(LOOK_S, settings().serve.glance_s))

    @property
    def _workflows(self) -> Workflows:
        return self._opened.get()

    async def close(self) -> None:
        """Let go of the store; runs go on."""
        if (opened := self._opened.pop()) is not None:
            opened.close()

    async def about(self) -> dict[str, Any]:
        """What else stands in the status; of runs under way up to a thousand are counted."""
        return dict(await self._glance.now())

    def _counted(self) -> dict[str, Any]:
        running = self._workflows.store.runs(status="running", most=MOST_COUNTED)
        return {
            "available_workflows": len(registry.names(registry.WORKFLOWS)),
            "running_runs": len(running),
            "orchestrator": self._workflows.is_run(),
        }

    @route("GET", "/installed", key="workflows")
    async def installed(self) -> list[WorkflowAbout]:
        """List the registered workflows, with their steps."""
        return await asyncio.to_thread(_installed)

    @route("GET", "/runs")
    async def runs(
        self,
        status: Status | None = None,
        workflow: Id | None = None,
        before: Id | None = None,
        limit: Most = 50,
    ) -> RunList:
        """List runs, the newest first; `before` is the last one of the page before."""
        which = {"status": status, "workflow": workflow, "before": before or "", "most": limit}
        found = await asyncio.to_thread(lambda: self._workflows.ls(**which))
        last = found[-1].id if len(found) >= limit else None
        return RunList(runs=[_about(one) for one in found], next_before=last)

    @route("POST", "/runs", status=202, others=(200,))
    async def start(self, body: RunRequest, wait: float | None = None) -> Reply[RunWhole]:
        """Start a run of a registered workflow; what this answers is on the disk.

        `wait` says how many seconds to wait for its end; `Location` says where to look at it.
        """
        wait_s = wait_of(wait, 0.0)

        def start() -> str:
            check_startable(body.workflow, body.input)
            return self._workflows.submit(
                body.workflow,
                body.input,
                key=body.key,
                priority=body.priority,
                engine=body.engine,
            )

        return await self._settled(await asyncio.to_thread(start), wait_s, lambda run: run.is_over)

    async def _settled(
        self, run: str, wait_s: float, is_so: Callable[[Run], bool]
    ) -> Reply[RunWhole]:
        def look() -> Seen[None]:
            return Seen(0, None, is_so(self._workflows.run(run)))

        is_over = (await settled(look, wait_s)).is_over
        found = _whole(await asyncio.to_thread(self._workflows.show, run))
        return Reply(found, 200) if is_over and wait_s else accepted(found, f"{RUNS}/{run}")

    @route("GET", "/runs/{run}")
    async def show(self, run: str) -> RunWhole:
        """Show a run: its steps, its result or error, and what happened."""
        return _whole(await asyncio.to_thread(lambda: self._workflows.show(run)))

    @route("GET", "/runs/{run}/events", kind="events")
    async def events(self, run: str, last_event_id: str | None = None) -> AsyncIterator[Event]:
        """Follow a run until it has ended."""
        async for event in changes(lambda: self._seen(run), last_event_id):
            yield event

    def _seen(self, run: str) -> Seen[Any]:
        now, store = self._workflows.run(run), self._workflows.store
        steps, happened = store.steps(run), len(events_of(store.events(run)))
        asks = [named(one.step, one.item) for one in steps if one.status == "asked"]
        counts = dict(Counter(one.status for one in steps))
        value = RunStanding(**_about(now).model_dump(), steps=counts, asks=sorted(asks))
        return Seen(number_of(now, steps, happened), value.model_dump(), now.is_over)

    @route("GET", "/runs/{run}/logs", key="log")
    async def logs(self, run: str, start: Place = 0, limit: Most = 1000) -> LogPage:
        """Read what the steps of a run logged, from a place on; `next` is where to go on."""

        def read() -> list[tuple[int, dict[str, Any]]]:
            return list(islice(self._workflows.logs(run, start), limit))

        found = await asyncio.to_thread(read)
        return LogPage(lines=[line for _, line in found], next=found[-1][0] if found else start)

    @route("POST", "/runs/{run}/cancel", status=202, others=(200,))
    async def cancel(self, run: str, wait: float | None = None) -> Reply[RunWhole]:
        """Cancel a run: steps that are under way are stopped, no other begins."""
        return await self._asked(run, "cancel", wait, lambda now: now.is_over)

    @route("POST", "/runs/{run}/pause", status=202, others=(200,))
    async def pause(self, run: str, wait: float | None = None) -> Reply[RunWhole]:
        """Begin no further step of a run; those that are under way end."""
        return await self._asked(run, "pause", wait, lambda now: now.status == "paused")

    @route("POST", "/runs/{run}/resume", status=202, others=(200,))
    async def resume(self, run: str, wait: float | None = None) -> Reply[RunWhole]:
        """Go on with a paused run."""
        return await self._asked(run, "resume", wait, lambda now: now.status != "paused")

    @route("POST", "/runs/{run}/retry", status=202, others=(200,))
    async def retry(self, run: str, wait: float | None = None) -> Reply[RunWhole]:
        """Take a failed or cancelled run up where it ended, with the code as it is now."""
        return await self._asked(run, "retry", wait, lambda now: now.status == "completed")

    async def _asked(
        self, run: str, kind: str, wait: float | None, is_so: Callable[[Run], bool]
    ) -> Reply[RunWhole]:
        wait_s = wait_of(wait, 0.0)
        await asyncio.to_thread(lambda: self._workflows.request(run, kind))
        return await self._settled(run, wait_s, is_so)

    @route("POST", "/runs/{run}/answer", status=202)
    async def answer(self, run: str, body: AnswerRequest) -> Reply[RunWhole]:
        """Answer what a step of a run asks."""
        value = (run, body.step, body.value, body.item)
        await asyncio.to_thread(lambda: self._workflows.answer(*value))
        return await self._settled(run, 0.0, lambda now: False)


def number_of(now: Run, steps: list[StepRow], happened: int) -> int:
    """A number that grows with each change of a run, and is the same in every process."""
    attempts = sum(one.attempt for one in steps)
    moved = sum(2 if one.status in DONE else one.status == "asked" for one in steps)
    return 10 * happened + 3 * attempts + moved + (now.status != "submitted") + now.is_over


def _installed() -> list[WorkflowAbout]:
    open_ = startable()
    flows = {name: workflow_at(name) for name in registry.names(registry.WORKFLOWS)}
    return [
        WorkflowAbout(
            name=name, version=flow.version, steps=[*flow.by_name], startable=name in open_
        )
        for name, flow in flows.items()
    ]


def _about(run: Run) -> RunAbout:
    return RunAbout(**{name: getattr(run, name) for name in ABOUT})


def _whole(found: WholeRun) -> RunWhole:
    parts = {name: [asdict(one) for one in getattr(found, name)] for name in ("steps", "events")}
    about = _about(found.run).model_dump()
    return RunWhole.model_validate(
        {**about, **parts, "input": found.run.input, "output": found.run.output}
    )
