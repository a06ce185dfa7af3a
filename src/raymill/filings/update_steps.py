"""What was filed since the last look, of the companies that are in the dataset."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from raymill.filings.extract import VERSION
from raymill.filings.ledger import Claim
from raymill.filings.listing import FORMS
from raymill.filings.room import Room, Values
from raymill.flow.pool import StepFailed

CURSOR = "daily-index"
MOST_DAYS = 400
USUAL_DAYS = 7  # where nothing says since when


def days(room: Room, asked: Mapping[str, Any]) -> list[str]:
    """The days to look at: from the last one seen, which may have grown, up to today."""
    today = datetime.fromtimestamp(room.now(), UTC).date()
    first = max(_first(room, asked, today), today - timedelta(days=MOST_DAYS))
    return [(first + timedelta(days=n)).isoformat() for n in range((today - first).days + 1)]


def _first(room: Room, asked: Mapping[str, Any], today: date) -> date:
    since = asked.get("since") or room.ledger.cursor(CURSOR)
    if since:
        return date.fromisoformat(since)
    oldest = room.ledger.oldest()
    if oldest is None:
        return today - timedelta(days=USUAL_DAYS)
    return datetime.fromtimestamp(oldest, UTC).date() - timedelta(days=1)


def look(room: Room, day: str, asked: Mapping[str, Any]) -> Values:
    """The companies of the dataset that filed something on a day that is not in it."""
    entries = room.source.daily_index(date.fromisoformat(day))
    if entries is None:
        return {"day": day, "is_there": False, "ciks": []}
    forms, ours = set(asked.get("forms") or FORMS), set(room.dataset.companies())
    found = [one for one in entries if one.form in forms and one.cik in ours]
    known = {cik: room.dataset.processed(cik, extractor=VERSION) for cik in {e.cik for e in found}}
    ciks = sorted({one.cik for one in found if one.accession not in known[one.cik]})
    return {"day": day, "is_there": True, "ciks": ciks}


def choose(room: Room, looked: list[Values], asked: Mapping[str, Any], child: str) -> list[Values]:
    """What is asked of each company that filed; `child` begins the names of their runs."""
    ciks = sorted({cik for one in looked for cik in one["ciks"]})
    names, found = room.ledger.names(), []
    for number, cik in enumerate(ciks):
        called = names.get(cik, f"CIK{cik:010}")
        one = {"company": f"{cik}", "called": called, "forms": asked.get("forms") or []}
        one |= {"since": None, "output": asked.get("output"), "file": None, "moved": None}
        known = room.ledger.find(called)
        generation = known.generation + 1 if known else 1
        if known is None or known.run != f"{child}{number}":
            claim = Claim(called, generation, f"{child}{number}", one)
            room.ledger.claim([claim], room.now())
        found.append(one)
    return found


def finish(
    room: Room, results: list[Values | StepFailed], chosen: list[Values], looked: list[Values]
) -> Values:
    """What came of it. Where all went well, the next look begins at the last day that was there."""
    done = [one for one in results if not isinstance(one, StepFailed)]
    failures = [
        {"called": asked["called"], "message": _why(one)}
        for asked, one in zip(chosen, results, strict=True)
        if isinstance(one, StepFailed) or one["failed"]
    ]
    there = [one["day"] for one in looked if one["is_there"]]
    if there and not failures:
        room.ledger.move(CURSOR, max(there))
    return {
        "days": len(looked),
        "companies": len(chosen),
        "filings": sum(one["filings"] - one["failed"] for one in done),
        "facts": sum(one["facts"] for one in done),
        "failures": failures,
    }


def _why(one: Values | StepFailed) -> str:
    return f"{one.kind}: {one.message}" if isinstance(one, StepFailed) else str(one["message"])
