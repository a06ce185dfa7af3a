"""How often each key may ask, over all replicas."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from raymill.errors import TooBusy
from raymill.state.bucket import Flow, SharedBucket
from raymill.state.keys import Key
from raymill.state.ledger import Ledger

BURST_S = 2.0  # of its rate, at once
MOST = 10_000  # keys whose permits a process holds at a time


class Rates:
    """Takes a permit for each request; looks into the store for whole blocks of them.

    usual: requests a second of a key that has no rate of its own; 0 is any number.
    """

    def __init__(self, open_ledger: Callable[[], Ledger], usual: float) -> None:
        self._open_ledger, self._usual = open_ledger, usual
        self._ledger: Ledger | None = None
        self._buckets: OrderedDict[tuple[str, float], SharedBucket] = OrderedDict()
        self._leasing: dict[tuple[str, float], asyncio.Task[None]] = {}

    async def check(self, key: Key) -> None:
        """Take a permit. Raises TooBusy, StoreError."""
        rate = self._usual if key.rate is None else key.rate
        if rate == 0:
            return
        bucket = self._bucket(key.id, rate)
        while (wait_s := bucket.at_hand()) is None:
            await self._lease((key.id, rate), bucket)
        if wait_s > 0:
            raise TooBusy(
                f"Key `{key.name}` asks more than {rate:g} times a second",
                hint="raymill keys create NAME --rate N",
                retry_after_s=round(wait_s, 3),
            )

    def _bucket(self, id: str, rate: float) -> SharedBucket:
        found = self._buckets.get((id, rate))
        if found is None:
            self._ledger = self._ledger or self._open_ledger()
            flow = Flow(rate, max(1.0, BURST_S * rate))
            found = self._buckets[id, rate] = SharedBucket(self._ledger, f"key:{id}", flow)
            if len(self._buckets) > MOST:
                self._buckets.popitem(last=False)
        return found

    async def _lease(self, which: tuple[str, float], bucket: SharedBucket) -> None:
        """Lease a block; whoever comes meanwhile waits for the same one."""
        if (task := self._leasing.get(which)) is None:
            task = asyncio.ensure_future(asyncio.to_thread(bucket.lease))
            self._leasing[which] = task
            task.add_done_callback(lambda _: self._leasing.pop(which, None))
        await asyncio.shield(task)
