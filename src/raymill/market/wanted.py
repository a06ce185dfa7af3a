"""Which stored bars a strategy is to run over."""

from dataclasses import dataclass
from datetime import date

from raymill.market.prices import Adjust


@dataclass(frozen=True, slots=True)
class Wanted:
    """Bars that are stored: of which symbols, from which sources, between which moments.

    Without sources, the one whose bars reach furthest; without moments, all that there is.
    adjust: None for bars as they are stored; as_of: the day at whose end they are known.
    """

    symbols: tuple[str, ...]
    sources: tuple[str, ...] = ()
    interval: str = "1d"
    begin_us: int | None = None
    end_us: int | None = None
    adjust: Adjust | None = None
    as_of: date | None = None
