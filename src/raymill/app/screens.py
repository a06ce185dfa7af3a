"""Universes to screen: where they come from, and what is said about them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from raymill.config import settings
from raymill.config.paths import home
from raymill.market.screen.stored import Custom
from raymill.market.screen.universe import Universe, read_universe

SIMULATED = "simulated"

if TYPE_CHECKING:  # most screens need no stored filter
    from raymill.market.screen.custom import CustomFilters
    from raymill.state.database import Database


def open_universe(path: str | Path | None, as_of: datetime | None = None) -> Universe:
    """The universe of a file, or of what is stored, as of a moment or now.

    Raises InputError, DataError, ConfigError.
    """
    if path is not None:
        return read_universe(path)
    from raymill.app.market.universe import stored_universe

    return Universe(stored_universe(as_of or datetime.now(UTC)), (), ())


def find_custom(name: str) -> Custom | None:
    """A stored filter by its id or name."""
    return stored_filters().find(name)


def stored_filters(owner: str = "") -> "CustomFilters":
    """The stored filters of an owner; those of the command line have none."""
    from raymill.market.screen.custom import CustomFilters

    return CustomFilters(_database(str(home().absolute()), settings().database.address), owner)


@lru_cache(maxsize=8)
def _database(folder: str, url: str) -> "Database":
    from raymill.state.database import open_database

    return open_database(folder, url)


def notes(universe: Universe) -> Iterator[str]:
    """What of a file is not in its universe, and what is no price of a market."""
    if SIMULATED in universe.snapshot.words("venue").words:
        yield f"prices of `{SIMULATED}` are simulated"
    if universe.unread:
        yield f"not read: {', '.join(universe.unread)}"
    if universe.repeated:
        shown = ", ".join(universe.repeated[:5])
        yield f"{len(universe.repeated)} rows repeat a key and are left out: {shown}"
