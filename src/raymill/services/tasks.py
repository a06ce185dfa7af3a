"""Tasks as a service: what is installed, and runs over posted records."""

import asyncio
from dataclasses import asdict
from functools import lru_cache
from typing import Any, ClassVar

from raymill.app.catalogue import Entry, about, listed
from raymill.app.posted import Apart, Posted, check, named, reaching
from raymill.config.service import ServiceSettings
from raymill.config.services import TasksServiceSettings
from raymill.errors import ConfigError, TooBusy
from raymill.flow import registry
from raymill.services.models.tasks import TaskAbout, TaskAnswer, TaskRequest, TaskWhole
from raymill.services.route import Made, route
from raymill.services.service import Service


class Tasks(Service):
    """Runs installed tasks over records that are posted, each request by itself."""

    name: ClassVar[str] = "tasks"
    text: ClassVar[str] = "Installed tasks, and runs of them over posted records"
    Settings: ClassVar[type[ServiceSettings]] = TasksServiceSettings

    def __init__(self, settings: TasksServiceSettings) -> None:
        super().__init__(settings)
        self._chosen = settings
        self._apart = Apart(settings.most_seconds, settings.most_memory)
        self._turn = asyncio.Lock()
        self._waiting = self._runs = 0

    async def about(self) -> dict[str, Any]:
        """What else stands in the status."""
        installed = len(registry.names(registry.TASKS))
        return {"available_tasks": installed, "waiting": self._waiting, "runs": self._runs}

    @route("GET", "/installed", key="tasks")
    async def installed(self) -> list[TaskAbout]:
        """List the installed tasks."""
        return [TaskAbout(**asdict(one)) for one in await asyncio.to_thread(_listed)]

    @route("GET", "/installed/{task}", key="task")
    async def show(self, task: str) -> TaskWhole:
        """Show a task: what it reads and adds, and the JSON schema of its parameters."""
        return await asyncio.to_thread(_shown, task)

    @route("POST", "/installed/{task}/run")
    async def run(self, task: str, body: TaskRequest) -> Made[TaskAnswer]:
        """Run a task over records: what came out, what was skipped, what failed, with reasons.

        The state of a task begins anew with each request. Parameters that name files or code are
        refused.
        """
        most = self._chosen.most_records
        if len(body.records) > most:
            text = f"`records` are {len(body.records)}, more than {most}"
            raise ConfigError(text, hint="post them in parts", path="records")
        posted = Posted(
            task, body.records, body.parameters, body.field, tuple(body.key), body.output
        )
        await asyncio.to_thread(check, posted)
        return Made(await self._answered(posted))

    async def _answered(self, posted: Posted) -> bytes:
        if self._waiting > self._chosen.most_waiting:
            raise TooBusy(f"{self._waiting} requests wait for a task already", retry_after_s=1)
        self._waiting += 1
        try:
            async with self._turn:
                self._runs += 1
                return await asyncio.to_thread(self._apart.run, posted)
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """End the process in which tasks run."""
        await asyncio.to_thread(self._apart.close)


@lru_cache(maxsize=1)
def _listed() -> list[Entry]:
    return listed()


def _shown(task: str) -> TaskWhole:
    refused = reaching(named(task))
    return TaskWhole(**about(task).to_dict(), refused=refused)
