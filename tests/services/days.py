"""Daily bars of the last days, stored for services that look at what is known now."""

from datetime import UTC, datetime, timedelta

from market.screen.barmaking import bars, closes
from raymill.app.market.rooms import open_rooms
from raymill.market.instrument import Instrument
from raymill.market.sources.contract import Listing


def store_days(**prices: list[float]) -> None:
    """Store closes of coins that trade each day, the last one yesterday's, with a volume of 100."""
    rooms = open_rooms()
    coins = [Instrument(f"{name}/USD", "simulated", name, "crypto", "USD") for name in prices]
    numbers = rooms.registry.register("simulated", Listing(coins))
    today = datetime.now(UTC).date()
    for one, known in zip(numbers, prices.values(), strict=True):
        days = [today - timedelta(days=ago) for ago in range(len(known), 0, -1)]
        rooms.store.put("bar", "simulated", bars(closes(one.instrument_id, days, known)))
