"""The workflows of filings as every process finds them, under `raymill.app.filings`."""

from raymill.app.filings.rooms import open_room
from raymill.filings.flow import declare

FILINGS = declare(open_room)
"""From a company to its facts in the dataset."""
