"""A tradable thing at one venue, and the number under which its records are kept."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

AssetClass: TypeAlias = Literal["crypto", "equity", "etf", "fund", "index", "fx", "future"]
Status: TypeAlias = Literal["active", "halted", "delisted"]
UNKNOWN = 0
"""The number of an instrument that is not registered yet."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """One tradable thing at one venue.

    symbol: ours, in upper case: `BASE/QUOTE` for pairs, else the ticker; unique with the venue.
    venue_symbol: exactly what the venue wants to be asked for.
    currency: what prices are in; for pairs the quote. `price_scale` makes whole units of it:
    `GBp` is kept with 0.01 and shown as GBP.
    tick_size, step_size, min_notional: decimal text, as the venue says it.
    calendar: a name of exchange calendars (`XNYS`), or `24/7`, `24/5`.
    """

    symbol: str
    venue: str
    venue_symbol: str
    asset_class: AssetClass
    currency: str
    base: str | None = None
    price_scale: float = 1.0
    tick_size: str | None = None
    step_size: str | None = None
    min_notional: str | None = None
    status: Status = "active"
    calendar: str = "24/7"
    timezone: str = "UTC"
    name: str | None = None
    sector: str | None = None
    industry: str | None = None
    country: str | None = None
    cik: int | None = None
    isin: str | None = None
    figi: str | None = None
    instrument_id: int = UNKNOWN
