"""The filters with a name and two bounds, both included; either may be missing."""

from collections.abc import Mapping
from dataclasses import dataclass

from raymill.market.screen.fields import catalogue


@dataclass(frozen=True, slots=True)
class RangeFilter:
    """A filter that bounds one field."""

    name: str
    field: str
    low: str
    high: str

    @property
    def text(self) -> str:
        """What it bounds."""
        field = catalogue()[self.field]
        unit = "" if field.unit == "ratio" else f", in {_UNITS.get(field.unit, field.unit)}"
        return f"{field.label} from one bound to another, both included{unit}"


_UNITS = {"currency": "the currency of its prices", "units": "units of the last bar"}
_FILTERS = (
    RangeFilter("price_filter", "price", "min_price", "max_price"),
    RangeFilter("volume_filter", "volume", "min_volume", "max_volume"),
    RangeFilter("market_cap_filter", "market_cap", "min_market_cap", "max_market_cap"),
    RangeFilter("pe_ratio_filter", "pe_ratio", "min_pe", "max_pe"),
    RangeFilter("dividend_yield_filter", "dividend_yield_pct", "min_yield", "max_yield"),
)
FILTERS: Mapping[str, RangeFilter] = {one.name: one for one in _FILTERS}
CUSTOM = "custom"
