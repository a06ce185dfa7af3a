"""What is asked of the screener, and what it answers."""

from typing import Any

from pydantic import ConfigDict, Field

from raymill.market.screen.request import ScreenBody
from raymill.services.service import Model


class ScreenRequest(ScreenBody):
    """A request to screen: filters that must all hold, and how the rows are shown."""


class Screened(Model):
    """What was found: `filtered_count` rows match, `stocks` is one page of them."""

    model_config = ConfigDict(extra="allow", frozen=True)

    total_stocks: int
    filtered_count: int
    returned: int
    stocks: list[dict[str, Any]]
    filters_applied: int
    as_of: str
    snapshot: str
    scan_time: str
    next_cursor: str | None = None


class FilterAbout(Model):
    """A filter: its parameters, or the criteria of one that a user stored."""

    model_config = ConfigDict(extra="allow", frozen=True)

    id: str
    name: str
    description: str
    parameters: list[str]
    custom: bool = False


class FilterRequest(Model):
    """A filter to store."""

    name: str = Field(min_length=1, max_length=100)
    criteria: list[dict[str, Any]] = Field(min_length=1, max_length=100)
    description: str = Field("", max_length=2000)


class FilterChange(FilterRequest):
    """What a stored filter is to say instead; `version` is the one that was read."""

    version: int = Field(ge=1)


class FilterStored(Model):
    """A filter that was stored, changed or deleted."""

    filter_id: str
    name: str
    message: str
    version: int = 1


class Range(Model):
    """The least and the largest of some values; null where none is known."""

    min: float | None
    max: float | None


class SectorSum(Model):
    """A sector, summed up."""

    model_config = ConfigDict(extra="allow", frozen=True)

    count: int
    total_market_cap: float | None


class Overview(Model):
    """The market, summed up. What the stored data does not tell is null."""

    model_config = ConfigDict(extra="allow", frozen=True)

    total_stocks: int
    average_price: float | None
    total_volume: float | None
    sectors: dict[str, SectorSum]
    market_cap_range: Range
    price_range: Range
    last_updated: str
    as_of: str
    snapshot: str
