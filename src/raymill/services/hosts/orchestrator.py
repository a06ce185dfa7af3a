"""Looks that an orchestrator is there where runs are under way; whoever hosts the API does it."""

import asyncio

from raymill.app.schedules import Schedules
from raymill.app.workflows import Workflows
from raymill.errors import RaymillError
from raymill.log import get_logger
from raymill.state.store import OPEN

LOOK_S = 5.0
log = get_logger()


async def supervise() -> None:
    """Keep an orchestrator where runs are under way; a store that is away is asked again."""
    while True:
        try:
            await asyncio.to_thread(_ensure)
        except RaymillError as error:
            log.warning("orchestrator.not_looked_for", reason=error.message)
        await asyncio.sleep(LOOK_S)


def _ensure() -> None:
    with Workflows() as workflows:
        open_ = any(workflows.ls(status=status, most=1) for status in ("submitted", *OPEN))
        if open_ or Schedules(workflows).ls():
            workflows.ensure()
