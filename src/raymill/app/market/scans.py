"""Scans as they are asked for: a scanner over stored quotes, or over those of files."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from raymill.app.market.made import Made
from raymill.app.market.quotes import Name, Quotes, find_quotes, name_of, stored_quotes
from raymill.app.market.request import Request
from raymill.app.market.rooms import MarketRooms
from raymill.errors import NotStored
from raymill.market.named import Named
from raymill.market.record import code_hash, engine_hash, versions
from raymill.market.scan import Replay, Scan

PIECE = 1000  # quotes between two looks whether it is still wanted
Tell = Callable[[int, int], None]


def scanned(rooms: MarketRooms, request: Request, tell: Tell | None = None) -> Made:
    """What a scanner finds in stored quotes. Raises NotStored, ConfigError."""
    started = datetime.now(UTC)
    quotes = stored_quotes(rooms, request.wanted_quotes)
    check_names(request.named, quotes.names)
    scanner = request.named.make(request.parameters)
    return made_of_scan(request, scanner, quotes, look(scanner, quotes, tell), started)


def check_scan(rooms: MarketRooms, request: Request) -> None:
    """Raise what a scan would, as far as it is known without reading quotes."""
    found = find_quotes(rooms, request.wanted_quotes)
    check_names(request.named, [name_of(one) for one in found])


def check_names(named: Named, names: Iterable[Name]) -> None:
    """Raise NotStored where nothing can be compared: each pair is at one venue alone."""
    if getattr(named.kind, "scans_by", "") != "symbol":
        return
    venues: dict[str, set[str]] = {}
    for venue, base, quote in names:
        venues.setdefault(f"{base}/{quote}", set()).add(venue)
    if all(len(found) < 2 for found in venues.values()):
        there = ", ".join(f"{pair} of {min(found)}" for pair, found in sorted(venues.items())[:5])
        raise NotStored(
            f"`{named.name}` compares a pair at two venues, and there are quotes of {there} alone",
            hint="raymill market stream SOURCE SYMBOL --kind quotes, of another source",
        )


def look(scanner: Any, quotes: Quotes, tell: Tell | None = None) -> Scan:
    """Look at quotes in the order of their time."""
    replay = Replay(scanner)
    for at, quote in enumerate(quotes):
        if tell is not None and at % PIECE == 0:
            tell(at, len(quotes))
        replay.look(quote)
    return replay.result()


def made_of_scan(
    request: Request, scanner: Any, quotes: Quotes, found: Scan, started: datetime
) -> Made:
    """What is kept of a scan."""
    record = {
        "strategy": request.algorithm_id,
        "parameters": request.named.own(request.values),
        "files": list(quotes.origins),
        "code": {"strategy": code_hash(type(scanner)), "engine": engine_hash()},
        "seed": request.seed,
        "versions": versions(),
        "started": started.isoformat(),
    }
    return Made(found.figures(), record, found=[one.to_dict() for one in found.stretches])
