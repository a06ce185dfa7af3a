"""What the steps of filings use in this process: each part opened once, when it is first needed."""

import threading
import time
from contextlib import ExitStack
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from raymill.config import settings
from raymill.config.paths import home
from raymill.filings.archive import Archive
from raymill.flow.pool import StepContext

if TYPE_CHECKING:  # a process that extracts facts loads neither the lake nor the network
    from raymill.config.filings import FilingSettings
    from raymill.filings.dataset import Facts
    from raymill.filings.edgar import Edgar
    from raymill.filings.handover import Handover
    from raymill.filings.ledger import Ledger
    from raymill.state.database import Database

_open = ExitStack()  # connections stay open as long as the process
_opening = threading.Lock()  # the threads of a pool begin together
_under_way: ContextVar[StepContext | None] = ContextVar("step", default=None)


class HomeRoom:
    """The room that `RAYMILL_HOME` and the settings describe."""

    @property
    def source(self) -> "Edgar":
        """The SEC. Raises ConfigError where the settings name no identity."""
        with _opening:
            return _edgar(_home(), settings().filings)

    @property
    def archive(self) -> Archive:
        """The bodies that were fetched."""
        return open_archive()

    @property
    def dataset(self) -> "Facts":
        """The facts."""
        return open_dataset()

    @property
    def handover(self) -> "Handover":
        """Tables on their way from step to step."""
        from raymill.filings.handover import Handover

        return Handover(Path(_home()) / "handover")

    @property
    def ledger(self) -> "Ledger":
        """The companies that were asked for."""
        return open_ledger()

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()


def open_room(ctx: StepContext | None = None) -> HomeRoom:
    """The room of this process.

    While a step waits for a permit or for another try, it looks at its context.
    """
    _under_way.set(ctx)
    return HomeRoom()


def open_archive() -> Archive:
    """The bodies that were fetched."""
    return Archive(settings().filings.folder())


def open_dataset() -> "Facts":
    """The dataset of facts."""
    with _opening:
        return _dataset(_home())


def open_ledger() -> "Ledger":
    """The companies that were asked for."""
    from raymill.filings.ledger import Ledger

    with _opening:
        return Ledger(_database(_home()))


def _home() -> str:
    return str(home().absolute())


@lru_cache(maxsize=8)
def _edgar(folder: str, chosen: "FilingSettings") -> "Edgar":
    from raymill.app.edgar import open_edgar

    return _open.enter_context(open_edgar(chosen, database=_database(folder), sleep=_wait))


@lru_cache(maxsize=8)
def _dataset(folder: str) -> "Facts":
    from raymill.filings.dataset import Facts

    return Facts(Path(folder) / "lake", _database(folder))


@lru_cache(maxsize=8)
def _database(folder: str) -> "Database":
    from raymill.state.database import open_database

    return open_database(folder, settings().database.address)


def _wait(seconds: float) -> None:
    ctx = _under_way.get()
    if ctx is None:
        time.sleep(seconds)
    else:
        ctx.wait(seconds)
