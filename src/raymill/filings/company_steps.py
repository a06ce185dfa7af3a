"""The steps of a company: resolved, its filings listed, and what came of them concluded.

Each is a plain function over what is handed in.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from raymill.filings.extract import VERSION, extract
from raymill.filings.listing import FORMS, Listed
from raymill.filings.room import Room, Values
from raymill.filings.status import ProcessingStatus
from raymill.flow.pool import StepFailed

NAMED = 5  # failed filings that an error names


def resolve(room: Room, asked: Mapping[str, Any], run: str) -> Values:
    """The company that is meant. Raises UnknownName."""
    company = room.source.resolve(asked["company"])
    ticker = company.tickers[0] if company.tickers else None
    own = asked["company"] if asked["company"] in company.tickers else ticker
    under_way = ProcessingStatus.DOWNLOADING_SEC_FILING
    room.ledger.note(_called(asked), run, under_way, room.now(), cik=company.cik)
    return asdict(company) | {"ticker": own}


def discover(room: Room, company: Mapping[str, Any], asked: Mapping[str, Any]) -> list[Values]:
    """The filings that are wanted and not in the dataset, the newest first."""
    since = asked.get("since")
    forms = asked.get("forms") or FORMS
    cik = company["cik"]
    listed = room.source.filings(cik, forms, date.fromisoformat(since) if since else None)
    known = room.dataset.processed(cik, extractor=VERSION)
    about = {"ticker": company["ticker"], "entity": company["name"]}
    return [_listed(one) | about for one in listed if one.accession not in known]


def history(room: Room, company: Mapping[str, Any], asked: Mapping[str, Any]) -> int:
    """Store companyfacts where that is asked for; documents go before it. Gives how many rows."""
    found = room.source.companyfacts(company["cik"]) if asked.get("companyfacts") else None
    if found is None:
        return 0
    facts = extract(found.document()).facts
    if company["ticker"]:
        room.dataset.learn({company["ticker"]: company["cik"]})
    room.dataset.store_companyfacts(facts)
    return facts.num_rows


def conclude(
    room: Room,
    filings: list[Values | StepFailed],
    discovered: list[Values],
    company: Mapping[str, Any],
    asked: Mapping[str, Any],
    rows: int,
    run: str,
) -> Values:
    """What came of a company's filings; those that failed are named with the reason.

    A company without facts is a normal end, with the reason.
    """
    stored = [one for one in filings if not isinstance(one, StepFailed)]
    pairs = zip(discovered, filings, strict=True)
    failed = [_failure(about, one) for about, one in pairs if isinstance(one, StepFailed)]
    output = asked.get("output")
    made = export(room, company, output) if output else None
    facts = sum(one["facts"] for one in stored)
    message = _told(failed, len(filings)) if failed else ""
    status = ProcessingStatus.ERROR if failed else ProcessingStatus.COMPLETED
    counts = {"filings": len(filings), "facts": facts, "failed": len(failed)}
    room.ledger.note(_called(asked), run, status, room.now(), message=message, **counts)
    return {
        "cik": company["cik"],
        "ticker": company["ticker"],
        "entity": company["name"],
        **counts,
        "companyfacts": rows,
        "message": message,
        "failures": failed,
        "unread": sum(one["unread"] for one in stored),
        "failed_checks": sum(len(one["checks"]["failed"]) for one in stored),
        "reason": None if facts or failed else _why_none(stored),
        "output": made,
    }


def export(room: Room, company: Mapping[str, Any], folder: str) -> str:
    """Write all facts of a company as `<TICKER>_facts.parquet`. Gives its path."""
    from raymill.filings.export import write_facts

    called = company["ticker"] or f"CIK{company['cik']:010}"
    return write_facts(
        Path(folder) / f"{called}_facts.parquet", room.dataset.reports(company["cik"])
    )


def _called(asked: Mapping[str, Any]) -> str:
    return str(asked.get("called") or asked["company"])


def _failure(filing: Mapping[str, Any], failed: StepFailed) -> Values:
    about = {name: filing[name] for name in ("accession", "form", "filed")}
    return about | {"error": failed.kind, "message": failed.message}


def _listed(one: Listed) -> Values:
    reported = one.report_date.isoformat() if one.report_date else None
    return asdict(one) | {"filed": one.filed.isoformat(), "report_date": reported}


def _told(failed: list[Values], count: int) -> str:
    named = [f"{one['accession']} ({one['form']}): {one['message']}" for one in failed[:NAMED]]
    more = f"; and {len(failed) - NAMED} more" if len(failed) > NAMED else ""
    return f"{len(failed)} of {count} filings failed: {'; '.join(named)}{more}"


def _why_none(stored: list[Values]) -> str:
    if not stored:
        return "no filing that is not in the dataset"
    reasons = list(dict.fromkeys(one["reason"] for one in stored if one["reason"]))
    return "; ".join(reasons[:NAMED])
