"""The steps of a filing: fetched, read, standardised, stored.

What goes from step to step is small: names, hashes, counts. Documents lie in the archive, facts on
their way in the handover, and both are found again by accession number.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pyarrow as pa

from raymill.errors import DataError, InputError, StoreError
from raymill.filings.archive import SUBMISSION, Place, Stored, filed
from raymill.filings.checks import check
from raymill.filings.document import Document, kind_of
from raymill.filings.extract import VERSION, Extracted, extract
from raymill.filings.filing import Filing
from raymill.filings.metrics import standard
from raymill.filings.needed import is_whole, needed
from raymill.filings.room import Room, Values
from raymill.filings.schema import no_facts
from raymill.filings.standard import standardise

NAMED = 5  # numbers that cannot be read which are named
THERE = "another run has stored it"


def download(room: Room, filing: Mapping[str, Any]) -> Values:
    """Fetch what holds the facts of a filing, unless it is in the dataset by now.

    Another run of the company, under another of its names, may have stored it meanwhile.
    """
    if filing["accession"] in room.dataset.processed(filing["cik"], extractor=VERSION):
        return {"filing": dict(filing), "documents": [], "reason": THERE, "is_there": True}
    return fetch(room, filing)


def fetch(room: Room, filing: Mapping[str, Any]) -> Values:
    """Fetch what holds the facts of a filing: one document, or nothing with the reason."""
    here = room.archive.find(filed(filing["cik"], filing["accession"], SUBMISSION))
    if here is not None:
        return {"filing": dict(filing), "documents": [_about(here)], "reason": None}
    need = needed(
        filing["form"],
        _day(filing),
        filing["primary_document"],
        is_xbrl=filing["is_xbrl"],
        is_inline=filing["is_inline"],
    )
    found: list[Stored] = []
    if need.what == "page":
        found.append(_page(room, filing))
        if not is_whole(found[0].read()):
            found += _instance(room, filing)
    elif need.what == "instance":
        found += _instance(room, filing)
    if need.what == "submission" or (need.what == "instance" and not found):
        found.append(room.source.full_submission(filing["cik"], filing["accession"]))
    documents = [_about(one) for one in found]
    return {"filing": dict(filing), "documents": documents, "reason": need.reason}


def extract_facts(room: Room, downloaded: Mapping[str, Any]) -> Values:
    """Read the facts of what was fetched."""
    if downloaded.get("is_there"):
        return dict(downloaded) | {"facts": 0, "unread": 0, "problems": []}
    found = _extracted(room, downloaded)
    room.handover.put(_name(downloaded), found.facts)
    problems = [problem._asdict() for problem in found.problems[:NAMED]]
    return dict(downloaded) | {
        "facts": found.facts.num_rows,
        "reason": found.reason,
        "unread": len(found.problems),
        "problems": problems,
    }


def standardise_facts(room: Room, extracted: Mapping[str, Any]) -> Values:
    """Say which standard metrics a filing reports, and which checks its numbers fail."""
    if extracted.get("is_there"):
        return dict(extracted) | {"checks": {"made": 0, "failed": []}}
    facts = _facts(room, extracted)
    rows: list[Values] = standardise(facts).to_pylist()
    checks = check(facts).to_pylist() if facts.num_rows else []
    failed = [row["check"] + ": " + row["text"] for row in checks if not row["has_passed"]]
    return dict(extracted) | {
        "metrics": sorted({row["metric"] for row in rows}),
        "metrics_version": standard().version,
        "flags": sorted({flag for row in rows for flag in row["flags"]}),
        "checks": {"made": len(checks), "failed": failed},
    }


def store(room: Room, standardised: Mapping[str, Any]) -> Values:
    """Put the facts of a filing into the dataset, in the place of what was there of it."""
    if not standardised.get("is_there"):
        _put(room, standardised)
    filing = standardised["filing"]
    about = {name: filing[name] for name in ("accession", "form", "filed")}
    return about | {name: standardised[name] for name in ("facts", "reason", "unread", "checks")}


def _put(room: Room, standardised: Mapping[str, Any]) -> None:
    from raymill.filings.dataset import FilingRow

    filing = standardised["filing"]
    row = FilingRow(
        form=filing["form"],
        filed=_day(filing),
        reason=standardised["reason"],
        documents={one["name"]: one["sha256"] for one in standardised["documents"]},
        metrics=standardised["metrics_version"],
    )
    room.dataset.store(filing["cik"], filing["accession"], _facts(room, standardised), row)
    room.handover.drop(_name(standardised))


def place_of(downloaded: Mapping[str, Any]) -> Place:
    """Where that lies in the archive which holds all facts of a filing."""
    filing = downloaded["filing"]
    return filed(filing["cik"], filing["accession"], downloaded["documents"][-1]["name"])


def _page(room: Room, filing: Mapping[str, Any]) -> Stored:
    """The inline page. Raises DataError where something else came, which is then not kept."""
    cik, accession, name = filing["cik"], filing["accession"], filing["primary_document"]
    found = room.source.document(cik, accession, name)
    if kind_of(found.read()) != "inline":
        room.archive.forget(filed(cik, accession, name))
        raise DataError(
            f"`{name}` of filing {accession} is no inline XBRL, though the list of filings says so",
            hint="it may have been an error page: try again later",
        )
    return found


def _instance(room: Room, filing: Mapping[str, Any]) -> list[Stored]:
    """The instance, nothing where the filing has none: a page then says itself what it lacks."""
    page = filing["primary_document"]
    try:
        found = room.source.instance(filing["cik"], filing["accession"], page)
    except InputError:
        return []
    return [found] if found else []


def _extracted(room: Room, downloaded: Mapping[str, Any]) -> Extracted:
    if not downloaded["documents"]:
        return Extracted(no_facts(), downloaded["reason"])
    filing = downloaded["filing"]
    known = Filing(
        cik=filing["cik"],
        entity=filing["entity"] or None,
        ticker=filing["ticker"],
        form=filing["form"],
        accession=filing["accession"],
        filed=_day(filing),
        is_amendment=filing["form"].endswith("/A"),
    )
    document, place = _document(room, downloaded)
    try:
        return extract(document, known)
    except DataError:
        room.archive.forget(place)  # another attempt fetches it again
        raise


def _document(room: Room, downloaded: Mapping[str, Any]) -> tuple[Document, Place]:
    """What holds all facts: the last one fetched. It is fetched again where it was lost."""
    filing = downloaded["filing"]
    place = place_of(downloaded)
    found = room.archive.find(place)
    if found is None:
        place = place_of(fetch(room, filing))
        found = room.archive.find(place)
    if found is None:
        raise StoreError(f"`{place.name}` of filing {filing['accession']} is not in the archive")
    return found.document(), place


def _facts(room: Room, extracted: Mapping[str, Any]) -> pa.Table:
    """The facts that were extracted; extracted again where they were lost on the way."""
    found = room.handover.get(_name(extracted))
    if found is None or found.num_rows != extracted["facts"]:
        return _extracted(room, extracted).facts
    return found


def _name(downloaded: Mapping[str, Any]) -> str:
    filing = downloaded["filing"]
    return f"{filing['cik']:010}/{filing['accession']}.v{VERSION}"


def _day(filing: Mapping[str, Any]) -> date:
    return date.fromisoformat(filing["filed"])


def _about(one: Stored) -> Values:
    return {"name": one.name, "sha256": one.sha256, "size": one.size}
