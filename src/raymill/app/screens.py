"""Universes to screen: where they come from, and what is said about them."""

from collections.abc import Iterator
from pathlib import Path

from raymill.errors import InputError
from raymill.market.screen.universe import Universe, read_universe


def open_universe(path: str | Path | None) -> Universe:
    """The universe of a file. Raises InputError where there is none."""
    if path is None:
        raise InputError("There is no universe to screen", hint="give one: --universe FILE.csv")
    return read_universe(path)


def notes(universe: Universe) -> Iterator[str]:
    """What of a file is not in its universe."""
    if universe.unread:
        yield f"not read: {', '.join(universe.unread)}"
    if universe.repeated:
        shown = ", ".join(universe.repeated[:5])
        yield f"{len(universe.repeated)} rows repeat a key and are left out: {shown}"
