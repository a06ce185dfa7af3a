"""The workflows of filings as every process finds them, under `raymill.app.filings`."""

from collections.abc import Mapping
from typing import Any

from raymill.app.filings.rooms import open_room
from raymill.filings.flow import declare, declare_bulk, declare_update
from raymill.flow.pool import StepContext
from raymill.flow.workflow import Step, Workflow

FILINGS = declare(open_room)
"""From a company to its facts in the dataset."""


UPDATE = declare_update(open_room, FILINGS)
"""What was filed since the last look."""

BULK = declare_bulk(open_room)
"""The bulk file of companyfacts."""


def watch(asked: Mapping[str, Any], ctx: StepContext) -> None:
    """Take what is dropped into a folder."""
    from raymill.app.filings.watching import watch

    watch(asked, ctx)


WATCH = Workflow("filings-watch", Step(watch, endless=True), version="1")
"""Takes what is dropped into a folder."""
