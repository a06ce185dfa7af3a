"""How far a crawl is: committed with its records, and what came of it in the end."""

from dataclasses import asdict, dataclass
from typing import Any

from raymill import json
from raymill.market.asked import Asked
from raymill.market.moments import moment
from raymill.state.database import Execute


@dataclass(frozen=True, slots=True)
class Place:
    """How far a crawl is: everything before `at_us` has been looked at.

    number: of segments that were committed; cursor: where the next page goes on, behind `at_us`.
    span_us: the longest range that the vendor still takes, 0 for any.
    """

    at_us: int
    number: int = 0
    cursor: str | None = None
    span_us: int = 0
    pages: int = 0
    rows: int = 0
    new: int = 0
    replaced: int = 0
    unsound: int = 0
    empty: int = 0
    bytes: int = 0


def place_of(execute: Execute, run: str) -> Place | None:
    """How far a crawl is, as it was committed; None before its first segment."""
    rows = execute("SELECT place FROM market_crawl WHERE run=?", [run])
    return Place(**json.loads(rows[0][0])) if rows else None


def keep_place(execute: Execute, run: str, place: Place, now: float) -> None:
    """Note how far a crawl is."""
    execute(
        "INSERT INTO market_crawl VALUES (?,?,?,?) ON CONFLICT (run) DO UPDATE "
        "SET number=excluded.number, place=excluded.place, updated=excluded.updated",
        [run, place.number, json.dumps(asdict(place)).decode(), now],
    )


def summary(place: Place, asked: Asked, begin_us: int, end_us: int) -> dict[str, Any]:
    """What came of a crawl."""
    names = ("rows", "new", "replaced", "unsound", "empty", "pages", "bytes")
    counts = {name: getattr(place, name) for name in names}
    cut = begin_us - asked.begin_us
    return {
        **counts,
        "begin": moment(begin_us),
        "end": moment(end_us),
        "out_of_reach": moment(begin_us) if cut > 0 else None,
    }
