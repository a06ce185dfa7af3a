"""A source of market data: daily prices of fish, which it knows by heart."""

from collections.abc import Mapping, Sequence

import numpy as np

from raymill.market.instrument import Instrument
from raymill.market.schemas import BAR
from raymill.market.sources.columns import records, times
from raymill.market.sources.contract import (
    Capabilities,
    Fetch,
    LimitRule,
    Listing,
    Page,
    PageRequest,
)
from raymill.net import Head, Verdict

DAY_US = 86_400_000_000


class Harbour:
    """Daily prices of fish."""

    id = "harbour"
    capabilities = Capabilities(kinds=("bar",), intervals=("1d",), lists=True)
    limits: Sequence[LimitRule] = ()

    def judge(self, head: Head, now: float) -> Verdict:
        """It asks nobody."""
        return Verdict("ok")

    def used(self, head: Head) -> Mapping[str, float]:
        """It has no limits."""
        return {}

    def instruments(self, fetch: Fetch, symbols: Sequence[str] = ()) -> Listing:
        """Cod and hake."""
        return Listing(
            [Instrument(name, self.id, name.lower(), "future", "GBP") for name in ("COD", "HAKE")]
        )

    def page(self, asked: PageRequest, fetch: Fetch) -> Page:
        """A bar for each day."""
        first = -(-asked.start_us // DAY_US)
        starts = np.arange(first * DAY_US, asked.end_us, DAY_US, dtype=np.int64)
        price = 5.0 + starts // DAY_US % 7
        given = dict.fromkeys(("open", "high", "low", "close", "volume"), price)
        number = asked.instrument.instrument_id
        about = {"instrument_id": number, "interval": "1d", "adj": "raw", "source": self.id}
        closed = starts + DAY_US <= asked.now_us
        filled = {**given, "ts": times(starts, 1), "closed": closed}
        return Page(records(BAR, len(starts), filled, **about), None, asked.end_us)
