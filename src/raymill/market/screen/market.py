"""The columns that figures of a market are made of: all instruments but indices, by sector."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from raymill.market.screen.columns import Mask, Numbers, Places
from raymill.market.screen.groups import Starts
from raymill.market.screen.snapshot import Snapshot

UNKNOWN_SECTOR = "Unknown"


@dataclass(frozen=True)
class Market:
    """Instruments sector by sector, in each by symbol; those without a sector come last."""

    snapshot: Snapshot
    places: Places  # rows of the snapshot
    sectors: list[str]
    starts: Starts

    @classmethod
    def of(cls, snapshot: Snapshot) -> "Market":
        """Sort the instruments of a snapshot."""
        words, classes = snapshot.words("sector"), snapshot.words("asset_class")
        traded = np.flatnonzero(classes.codes != classes.code("index"))
        codes = np.where(words.codes < 0, len(words.words), words.codes)[traded]
        order = np.argsort(codes, kind="stable")
        starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
        named = [*words.words, UNKNOWN_SECTOR]
        return cls(snapshot, traded[order], [named[at] for at in codes[order][starts]], starts)

    def __len__(self) -> int:
        return len(self.places)

    def has(self, name: str) -> bool:
        """Whether the universe has a column."""
        return self.snapshot.has(name)

    def column(self, name: str) -> Numbers:
        """A column of numbers, sector by sector."""
        return self.snapshot.once(
            ("by sector", name), lambda: self.snapshot.numbers(name)[self.places]
        )

    @cached_property
    def price(self) -> Numbers:
        """Prices."""
        return self.column("price")

    @cached_property
    def change(self) -> Numbers:
        """Changes in percent."""
        return self.column("change_pct")

    @cached_property
    def cap(self) -> Numbers:
        """Market capitalisation, each company's once: at its largest class of shares."""
        return np.where(self._bears_the_cap, self.column("market_cap"), np.nan)

    @cached_property
    def _bears_the_cap(self) -> Mask:
        codes = self.snapshot.words("company").codes[self.places]
        found = np.ones(len(codes), bool)
        several = np.flatnonzero(codes >= 0)
        caps = np.nan_to_num(self.column("market_cap")[several], nan=-1.0)
        order = several[np.lexsort((self.places[several], -caps, codes[several]))]
        found[order[np.diff(codes[order], prepend=-1) == 0]] = False
        return found

    @cached_property
    def earnings(self) -> Numbers:
        """Earnings of the last four quarters."""
        return self.column("earnings_ttm")

    @cached_property
    def volume(self) -> Numbers:
        """Volumes."""
        return self.column("volume")

    @cached_property
    def dollar_volume(self) -> Numbers:
        """Values traded."""
        return self.column("dollar_volume")

    @cached_property
    def pe(self) -> Numbers:
        """P/E of each instrument."""
        return self.column("pe_ratio")

    @cached_property
    def dividend_yield(self) -> Numbers:
        """Dividend yields."""
        return self.column("dividend_yield")
