"""What the steps of filings use in this process: opened once, as the settings say."""

import time
from contextlib import ExitStack
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path

from raymill.app.edgar import open_edgar
from raymill.config import settings
from raymill.config.filings import FilingSettings
from raymill.config.paths import home
from raymill.filings.archive import Archive
from raymill.filings.dataset import Facts
from raymill.filings.handover import Handover
from raymill.filings.ledger import Ledger
from raymill.filings.room import Room
from raymill.flow.pool import StepContext
from raymill.state.database import Database, open_database

_open = ExitStack()  # connections stay open as long as the process
_under_way: ContextVar[StepContext | None] = ContextVar("step", default=None)


def open_room(ctx: StepContext | None = None) -> Room:
    """The room of this process. Raises ConfigError where the settings name no identity.

    While a step waits for a permit or for another try, it looks at its context.
    """
    _under_way.set(ctx)
    return _room(str(home().absolute()), settings().filings)


def open_dataset() -> Facts:
    """The dataset of facts, which needs no network."""
    return _dataset(str(home().absolute()))


def open_ledger() -> Ledger:
    """The companies that were asked for."""
    return Ledger(_database(str(home().absolute())))


def open_archive() -> Archive:
    """The bodies that were fetched."""
    return Archive(settings().filings.folder())


@lru_cache(maxsize=8)
def _room(folder: str, chosen: FilingSettings) -> Room:
    database = _database(folder)
    edgar = _open.enter_context(open_edgar(chosen, database=database, sleep=_wait))
    handover = Handover(Path(folder) / "handover")
    return Room(edgar, edgar.archive, _dataset(folder), handover, Ledger(database))


@lru_cache(maxsize=8)
def _dataset(folder: str) -> Facts:
    return Facts(Path(folder) / "lake", _database(folder))


@lru_cache(maxsize=8)
def _database(folder: str) -> Database:
    return open_database(folder, settings().database.address)


def _wait(seconds: float) -> None:
    ctx = _under_way.get()
    if ctx is None:
        time.sleep(seconds)
    else:
        ctx.wait(seconds)
