"""The screener as a service: screens and overviews of what is stored, and stored filters."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, ClassVar

from raymill import json
from raymill.app.market.held import Held
from raymill.app.screens import find_custom, stored_filters
from raymill.config import settings
from raymill.config.service import ServiceSettings
from raymill.config.services import ScreenerSettings
from raymill.errors import Conflict, InputError, NotFound, unknown
from raymill.log import get_logger
from raymill.market.screen.listing import listed_filters
from raymill.market.screen.overview import overview
from raymill.market.screen.refusals import refusal
from raymill.market.screen.request import Request, parse_request
from raymill.market.screen.screener import Screener as Screens
from raymill.market.screen.seed import FILTERS
from raymill.market.screen.snapshot import Snapshot
from raymill.market.screen.stored import Custom
from raymill.services.glance import Glance
from raymill.services.models.screener import (
    FilterAbout,
    FilterChange,
    FilterRequest,
    FilterStored,
    Overview,
    Screened,
    ScreenRequest,
)
from raymill.services.route import Made, route
from raymill.services.service import Service
from raymill.state.keys import Key

LIGHT_ROWS = 20_000  # a light screen takes less than a change of threads and back
LIGHT_CELLS = 2000
SHORT = 4096  # bytes of a request that is kept as it was read
LIGHT_FILTERS = 8
FIRST_S = 1.0  # how long a status waits for the first universe
log = get_logger()


class Screener(Service):
    """Screens the instruments whose daily bars are stored."""

    name: ClassVar[str] = "screener"
    text: ClassVar[str] = "Screens and overviews of stored instruments"
    Settings: ClassVar[type[ServiceSettings]] = ScreenerSettings

    def __init__(self, settings_: ScreenerSettings) -> None:
        super().__init__(settings_)
        self._most = settings_.max_results
        look_s = settings().serve.glance_s
        self._held = Held(settings_.refresh_interval, look_s)
        self._filters = Glance(lambda: len(stored_filters().ls()), look_s)
        self._making: asyncio.Task[Screens] | None = None
        self._nothing: tuple[Conflict, float] | None = None  # why there is none, and until when
        self._look_s = look_s

    async def about(self) -> dict[str, Any]:
        """What else stands in the status; `total_stocks` is null before it is known."""
        custom = await self._filters.now()
        held, total = await self._first(), None
        if held is not None:
            total = len(held.current) if isinstance(held, Screens) else 0
        return {
            "available_filters": len(FILTERS),
            "custom_filters": custom,
            "data_sources": _venues(held),
            "total_stocks": total,
            "snapshot": held.current.id if isinstance(held, Screens) else None,
        }

    async def _first(self) -> Screens | Conflict | None:
        """What is held; where that is nothing yet, what is there after a moment."""
        if (held := self._ready()) is not None:
            return held
        if self._nothing is not None and time.monotonic() < self._nothing[1]:
            return self._nothing[0]
        try:
            async with asyncio.timeout(FIRST_S):
                return await self._current()
        except TimeoutError:
            return None
        except Conflict as nothing:
            return nothing

    @route("POST", "/screen", scope="read")
    async def screen(self, body: ScreenRequest) -> Made[Screened]:
        """Screen: the rows that match all filters, a page of them in a total order."""
        given = body.model_dump(exclude_unset=True)
        if given.setdefault("limit", min(body.limit, self._most)) > self._most:
            raise refusal("limit", f"is above {self._most}")
        screens = await self._current()
        try:
            text = json.dumps(given)
            asked = (_read if len(text) <= SHORT else _read.__wrapped__)(text)
        except _Elsewhere:
            asked = await asyncio.to_thread(parse_request, given, find_custom)
        if is_light(asked, len(screens.current)):
            return _screened(screens, asked)
        return await asyncio.to_thread(_screened, screens, asked)

    @route("GET", "/filters", key="filters")
    async def filters(self) -> list[FilterAbout]:
        """List the filters, those that users stored among them."""
        found = await asyncio.to_thread(lambda: listed_filters(stored_filters().ls()))
        return [FilterAbout.model_validate(one) for one in found]

    @route("POST", "/custom-filter", status=201)
    async def create_filter(self, body: FilterRequest, asker: Key | None = None) -> FilterStored:
        """Store a filter under a name; it can be screened with at once, in every replica.

        It belongs to the key that is shown: others may use it, and not change it.
        """
        key = "" if asker is None else asker.id
        made = await asyncio.to_thread(stored_filters().create, body.model_dump(), key_id=key)
        return _stored(made, "is stored")

    @route("GET", "/custom-filter/{filter}", key="filter")
    async def show_filter(self, filter: str) -> FilterAbout:
        """Show a stored filter, by its id or name."""
        found = await asyncio.to_thread(find_custom, filter)
        if found is None:
            raise unknown("stored filter", filter, [], kind=NotFound)
        return FilterAbout.model_validate(listed_filters([found])[-1])

    @route("PUT", "/custom-filter/{filter}")
    async def change_filter(
        self, filter: str, body: FilterChange, asker: Key | None = None
    ) -> FilterStored:
        """Replace what a stored filter says, if it still has the version that is named."""
        given, key_id = body.model_dump(exclude={"version"}), _owner(asker)

        def change() -> Custom:
            return stored_filters().update(filter, given, version=body.version, key_id=key_id)

        made = await asyncio.to_thread(change)
        return _stored(made, f"has version {made.version}")

    @route("DELETE", "/custom-filter/{filter}")
    async def delete_filter(self, filter: str, asker: Key | None = None) -> FilterStored:
        """Delete a stored filter that no other one uses."""
        gone = await asyncio.to_thread(stored_filters().remove, filter, key_id=_owner(asker))
        return _stored(gone, "is deleted")

    @route("GET", "/market-overview", key="overview", keep_s=1.0)
    async def market_overview(self) -> Made[Overview]:
        """Sum up the market: breadth, sums, sectors, the largest moves, sessions."""
        screens = await self._current()
        return await asyncio.to_thread(_summed_up, screens)

    def _ready(self) -> Screens | None:
        """What is held; it is made again meanwhile where that is due."""
        held = self._held.screener
        if held is not None and self._held.is_due:
            self._make()
        return held

    async def _current(self) -> Screens:
        """The universe of now. Raises Conflict where nothing is stored."""
        if (held := self._ready()) is not None:
            return held
        try:
            return await asyncio.shield(self._make())
        except Conflict as nothing:
            self._nothing = (nothing, time.monotonic() + self._look_s)
            raise

    def _make(self) -> "asyncio.Task[Screens]":
        if self._making is None or self._making.done():
            self._making = asyncio.ensure_future(asyncio.to_thread(_made, self._held))
            self._making.add_done_callback(_told)
        return self._making

    async def close(self) -> None:
        """Let what is being made be finished."""
        if self._making is not None:
            await asyncio.wait((self._making,))


def is_light(asked: Request, rows: int) -> bool:
    """Whether a screen is so quick that it need not go to another thread."""
    cells = asked.limit * len(asked.fields)
    is_plain = asked.as_of is None and asked.cursor is None and asked.symbols is None
    is_small = rows <= LIGHT_ROWS and cells <= LIGHT_CELLS and len(asked.filters) <= LIGHT_FILTERS
    return is_plain and is_small and not asked.explain and not asked.custom


@lru_cache(maxsize=256)
def _read(given: bytes) -> Request:
    """A request that uses no stored filter; many ask the same again and again."""
    return parse_request(given, _not_here)


class _Elsewhere(Exception):
    """A filter has to be looked for in the store."""


def _not_here(name: str) -> Custom | None:
    raise _Elsewhere


def _made(held: Held) -> Screens:
    with _stored_first():
        return held.refresh()


@contextmanager
def _stored_first() -> Iterator[None]:
    """Have it be a conflict where nothing is stored that could be screened."""
    try:
        yield
    except InputError as error:
        raise Conflict(error.message, hint=error.hint) from error


def _told(task: "asyncio.Task[Screens]") -> None:
    """Say why a universe could not be made; those who wait for it are told apart from this."""
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, Conflict):
        log.warning("screener.not_made", reason=str(error))


def _screened(screens: Screens, asked: Request) -> Made[Screened]:
    with _stored_first():  # at another moment, if one is asked for
        answer = screens.screen(asked, datetime.now(UTC), Snapshot.json_rows)
    return Made(json.dumps(answer.to_dict()))


def _summed_up(screens: Screens) -> Made[Overview]:
    return Made(json.dumps(overview(screens.current, datetime.now(UTC))))


def _venues(held: Any) -> list[str]:
    return list(held.current.words("venue").words) if isinstance(held, Screens) else []


def _owner(asker: Key | None) -> str | None:
    """Whose filters may be changed: those of a key, or of all where it may do everything."""
    return None if asker is None or asker.allows("admin") else asker.id


def _stored(one: Custom, what: str) -> FilterStored:
    message = f"Filter `{one.name}` {what}"
    return FilterStored(filter_id=one.id, name=one.name, message=message, version=one.version)
