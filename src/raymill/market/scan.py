"""Quotes in the order of their time through a scanner: what could have been earned, and when."""

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from raymill.market.quotes import Opportunity, Quote

Key: TypeAlias = tuple[tuple[str, str, str], ...]
MOST_KEPT = 10_000


class Scanner(Protocol):
    """Looks at the newest quote of each pair at each venue."""

    def scan(self, quotes: Iterable[Quote], now_us: int) -> list[Opportunity]:
        """The opportunities of a moment, the best first."""


@dataclass(slots=True)
class Stretch:
    """An opportunity for as long as it was there: from its first look to its last, and at its
    best, with the arithmetic of that moment."""

    first_us: int
    last_us: int
    looks: int
    best: Opportunity

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        about = {"first_us": self.first_us, "last_us": self.last_us, "looks": self.looks}
        return about | {"best": self.best.to_dict()}


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan found: `stretches` in the order of their beginnings."""

    quotes: int
    unsound: int  # quotes without a size or with bid above ask, which nothing is traded on
    begin_us: int | None
    end_us: int | None
    venues: tuple[str, ...]
    pairs: tuple[str, ...]
    opportunities: int  # looks at which there was one
    stretches: tuple[Stretch, ...]
    left_out: int  # stretches beyond the most that are kept

    @property
    def profit(self) -> dict[str, float]:
        """By currency, what the stretches would have brought: each taken once, at its best."""
        found: dict[str, float] = {}
        for one in self.stretches:
            currency = one.best.currency
            found[currency] = found.get(currency, 0.0) + one.best.profit
        return found

    def figures(self) -> dict[str, Any]:
        """The counts by name."""
        best = max((one.best.edge_bps for one in self.stretches), default=None)
        return {
            "quotes": self.quotes,
            "unsound": self.unsound,
            "venues": list(self.venues),
            "pairs": list(self.pairs),
            "opportunities": self.opportunities,
            "stretches": len(self.stretches) + self.left_out,
            "best_edge_bps": best,
            "profit_if_each_is_taken_once": self.profit,
        }


@dataclass
class _Room:
    """The newest quotes that a scanner looks at together, and what is there now."""

    scanner: Scanner
    newest: dict[tuple[str, str], Quote] = field(default_factory=dict)
    open: dict[Key, Stretch] = field(default_factory=dict)


@dataclass
class Replay:
    """Looks at quotes one after the other.

    A scanner says by `scans_by` what it compares: `symbol`, one pair at all venues, or `venue`, all
    pairs at one. Each of them has a scanner of its own, so that what a scanner counts is counted
    there.
    """

    scanner: Any
    most: int = MOST_KEPT
    quotes: int = field(default=0, init=False)
    unsound: int = field(default=0, init=False)
    opportunities: int = field(default=0, init=False)
    left_out: int = field(default=0, init=False)
    _rooms: dict[str, _Room] = field(default_factory=dict, init=False)
    _done: list[Stretch] = field(default_factory=list, init=False)
    _seen: set[tuple[str, str]] = field(default_factory=set, init=False)
    _begin: int | None = field(default=None, init=False)
    _end: int | None = field(default=None, init=False)

    def look(self, quote: Quote) -> None:
        """Take a quote; it is not older than the one before."""
        self._note(quote)
        by = getattr(self.scanner, "scans_by", "")
        which = getattr(quote, by) if by else ""
        room = self._rooms.setdefault(which, _Room(deepcopy(self.scanner)))
        room.newest[quote.venue, quote.symbol] = quote
        found = room.scanner.scan(room.newest.values(), quote.ts)
        now: dict[Key, Stretch] = {}
        for one in found:
            key = tuple((leg.venue, leg.symbol, leg.side) for leg in one.legs)
            now[key] = self._longer(room.open.get(key), one, quote.ts)
        room.open = now
        self.opportunities += len(found)

    def _note(self, quote: Quote) -> None:
        self.quotes += 1
        self.unsound += not quote.holds
        self._seen.add((quote.venue, quote.symbol))
        self._begin = quote.ts if self._begin is None else self._begin
        self._end = quote.ts

    def _longer(self, known: Stretch | None, one: Opportunity, ts: int) -> Stretch:
        if known is None:
            known = Stretch(ts, ts, 0, one)
            if len(self._done) < self.most:
                self._done.append(known)
            else:
                self.left_out += 1
        known.last_us, known.looks = ts, known.looks + 1
        if one.edge_bps > known.best.edge_bps:
            known.best = one
        return known

    def result(self) -> Scan:
        """What was found up to now."""
        venues, pairs = (tuple(sorted({one[at] for one in self._seen})) for at in (0, 1))
        return Scan(
            *(self.quotes, self.unsound, self._begin, self._end, venues, pairs),
            opportunities=self.opportunities,
            stretches=tuple(self._done),
            left_out=self.left_out,
        )


def scan(scanner: Any, quotes: Iterable[Quote]) -> Scan:
    """Look at quotes in the order of their time."""
    replay = Replay(scanner)
    for quote in quotes:
        replay.look(quote)
    return replay.result()
