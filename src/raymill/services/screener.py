"""The screener as a service: screens and overviews of what is stored, and stored filters."""

import asyncio
import threading
import time
from datetime import UTC, datetime
from typing import Any, ClassVar

from raymill.app.market.universe import stored_universe
from raymill.app.screens import find_custom, stored_filters
from raymill.config.service import ServiceSettings
from raymill.config.services import ScreenerSettings
from raymill.errors import Conflict, InputError
from raymill.market.screen.listing import listed_filters
from raymill.market.screen.overview import overview
from raymill.market.screen.refusals import refusal
from raymill.market.screen.request import parse_request
from raymill.market.screen.screener import Screener as Screens
from raymill.services.models.screener import (
    FilterAbout,
    FilterRequest,
    FilterStored,
    Screened,
    ScreenRequest,
)
from raymill.services.route import route
from raymill.services.service import Service


class Screener(Service):
    """Screens the instruments whose daily bars are stored."""

    name: ClassVar[str] = "screener"
    text: ClassVar[str] = "Screens and overviews of stored instruments"
    Settings: ClassVar[type[ServiceSettings]] = ScreenerSettings

    def __init__(self, settings: ScreenerSettings) -> None:
        super().__init__(settings)
        self._chosen = settings
        self._screens: Screens | None = None
        self._slot = -1
        self._lock = threading.Lock()

    async def about(self) -> dict[str, Any]:
        """What else stands in the status."""
        return await asyncio.to_thread(self._about)

    def _about(self) -> dict[str, Any]:
        stored = len(stored_filters().ls())
        held = self._screens
        total = len(held.current) if held else 0
        return {
            "available_filters": len(listed_filters()),
            "custom_filters": stored,
            "data_sources": list(held.current.words("venue").words) if held else [],
            "total_stocks": total,
        }

    @route("POST", "/screen", scope="read")
    async def screen(self, body: ScreenRequest) -> Screened:
        """Screen: the rows that match all filters, a page of them in a total order."""
        return await asyncio.to_thread(self._screen, body)

    def _screen(self, body: ScreenRequest) -> Screened:
        if body.limit > self._chosen.max_results:
            raise refusal("limit", f"is above {self._chosen.max_results}")
        asked = parse_request(body.model_dump(exclude_unset=True), find_custom)
        now = datetime.now(UTC)
        return Screened.model_validate(self._current().screen(asked, now).to_dict())

    @route("GET", "/filters", key="filters")
    async def filters(self) -> list[FilterAbout]:
        """List the filters, those that users stored among them."""
        found = await asyncio.to_thread(lambda: listed_filters(stored_filters().ls()))
        return [FilterAbout.model_validate(one) for one in found]

    @route("POST", "/custom-filter", status=201)
    async def create_filter(self, body: FilterRequest) -> FilterStored:
        """Store a filter under a name."""
        made = await asyncio.to_thread(stored_filters().create, body.model_dump())
        return FilterStored(
            filter_id=made.id, name=made.name, message=f"Filter `{made.name}` is stored"
        )

    @route("GET", "/market-overview", key="overview")
    async def market_overview(self) -> dict[str, Any]:
        """Sum up the market: breadth, sums, sectors, the largest moves, sessions."""
        return await asyncio.to_thread(lambda: overview(self._current().current, datetime.now(UTC)))

    def _current(self) -> Screens:
        """The snapshot of this slot of time, the same in every replica."""
        slot = int(time.time() // self._chosen.refresh_interval)
        with self._lock:
            if self._screens is None or slot != self._slot:
                as_of = datetime.fromtimestamp(slot * self._chosen.refresh_interval, UTC)
                try:
                    made = stored_universe(as_of)
                except InputError as error:
                    raise Conflict(error.message, hint=error.hint) from error
                if self._screens is None:
                    self._screens = Screens(made, make=stored_universe)
                else:
                    self._screens.swap(made)
                self._slot = slot
            return self._screens
