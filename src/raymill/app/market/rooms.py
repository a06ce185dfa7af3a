"""What crawls use in this process: lake, registry and ways out, each opened once."""

import atexit
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path

from raymill.app.market.sources import open_source
from raymill.config import settings
from raymill.config.market import MarketSettings
from raymill.config.paths import home
from raymill.errors import SourceError
from raymill.flow.pool import StepContext
from raymill.market.instrument import Instrument
from raymill.market.registry import Registry
from raymill.market.sources.budget import Budget
from raymill.market.sources.contract import LimitRule, Source
from raymill.market.sources.outlet import Outlet
from raymill.market.store import MarketStore
from raymill.net import Http, Timeouts, Tries
from raymill.state.database import Database, open_database

_open = ExitStack()  # connections stay open as long as the process
atexit.register(_open.close)
HURRY = 0.4  # of the time that there is, for one connection
_opening = threading.Lock()  # the threads of a pool begin together


class MarketRooms:
    """The rooms that `RAYMILL_HOME` and the settings describe.

    within_s: how long a vendor may take to answer at most, however patient the settings are.
    """

    def __init__(self, ctx: StepContext | None = None, *, within_s: float | None = None) -> None:
        self._ctx, self._within_s = ctx, within_s

    @property
    def database(self) -> Database:
        """The tables beside the lake."""
        return _database(_home())

    @property
    def store(self) -> MarketStore:
        """Where records go."""
        with _opening:
            return _store(_home())

    @property
    def registry(self) -> Registry:
        """The instruments."""
        return Registry(self.database)

    def instrument(self, number: int) -> Instrument:
        """An instrument by its number."""
        return self.registry.numbered(number)

    def outlet(self, source: str) -> Outlet:
        """The way to a vendor; while it waits, it looks whether it is still wanted."""
        made = open_source(source)
        chosen = settings().market
        waits = Timeouts(chosen.connect_s, chosen.read_s)
        tries = Tries(most=chosen.tries, deadline_s=chosen.deadline_s)
        if (within_s := self._within_s) is not None:  # two tries without a connection fit in
            waits = Timeouts(min(chosen.connect_s, HURRY * within_s), min(chosen.read_s, within_s))
            tries = Tries(most=2, deadline_s=within_s, most_s=HURRY * within_s / 4)
        with _opening:
            http = _http(_home(), chosen, waits)
            stated = self.registry.limits(source)
            budget = _budget(_home(), getattr(made, "budget", source), rules(made, stated))
        return Outlet(made, http, budget, tries=tries, sleep=self._wait)

    def named(self, source: str, symbol: str) -> Instrument:
        """The instrument of a symbol, asked for at the vendor where it is not known here.

        Raises UnknownName with near matches, SourceError.
        """
        outlet = self.outlet(source)
        found = self.registry.find(source, symbol)
        able = outlet.source.capabilities
        age_s = time.time() - self.registry.listed(source)
        is_stale = able.lists and age_s > settings().market.list_hours * 3600
        if found is not None and not is_stale:
            return found
        if able.lists and not is_stale:
            return self.registry.named(source, symbol)
        try:
            return self._asked_for(outlet, symbol)
        except SourceError:
            if found is None:
                raise
            return found  # a list of yesterday will do where the vendor is away

    def _asked_for(self, outlet: Outlet, symbol: str) -> Instrument:
        """The instrument as its vendor names it."""
        source = outlet.source.id
        if outlet.source.capabilities.lists:
            self.registry.register(source, outlet.instruments(), is_whole=True)
            return self.registry.named(source, symbol)
        found = self.registry.register(source, outlet.instruments((symbol,)))
        return found[0] if found else self.registry.named(source, symbol)

    def _wait(self, seconds: float) -> None:
        if self._ctx is None:
            time.sleep(seconds)
        else:
            self._ctx.wait(seconds)


def open_rooms(ctx: StepContext | None = None, *, within_s: float | None = None) -> MarketRooms:
    """The rooms of this process, for a step that is under way."""
    return MarketRooms(ctx, within_s=within_s)


def rules(source: Source, stated: Sequence[LimitRule]) -> tuple[LimitRule, ...]:
    """The limits of a source: those that its vendor stated last, else what is known of it."""
    found = {rule.name: rule for rule in source.limits} | {rule.name: rule for rule in stated}
    return tuple(found.values())


def _home() -> str:
    return str(home().absolute())


@lru_cache(maxsize=8)
def _database(folder: str) -> Database:
    return open_database(folder, settings().database.address)


@lru_cache(maxsize=8)
def _store(folder: str) -> MarketStore:
    return MarketStore(Path(folder) / "lake", _database(folder))


@lru_cache(maxsize=8)
def _http(folder: str, chosen: MarketSettings, waits: Timeouts) -> Http:
    return _open.enter_context(Http(timeouts=waits))


@lru_cache(maxsize=64)
def _budget(folder: str, source: str, limits: tuple[LimitRule, ...]) -> Budget | None:
    return Budget(_database(folder), source, limits) if limits else None
