"""The workflows of filings as every process finds them, under `raymill.app.filings`."""

from raymill.app.filings.rooms import open_room
from raymill.app.filings.watching import watch
from raymill.filings.flow import declare
from raymill.flow.workflow import Step, Workflow

FILINGS = declare(open_room)
"""From a company to its facts in the dataset."""

WATCH = Workflow("filings-watch", Step(watch, endless=True), version="1")
"""Takes what is dropped into a folder."""
